"""What a condition answers: it holds, it does not and why, or it cannot know and why."""

from patchscan.basics.record import frozen


@frozen
class Answer:
    """holds: True, False, or None where that cannot be known; reason: why not, as a clause."""

    holds: bool | None
    reason: str = ""


YES = Answer(True)


def no(reason: str) -> Answer:
    """It does not hold: the code is fine in this respect."""
    return Answer(False, reason)


def unknown(reason: str) -> Answer:
    """What is at hand does not tell."""
    return Answer(None, reason)


def when(holds: bool, reason: str) -> Answer:
    """Yes, or no for a reason."""
    return YES if holds else no(reason)
