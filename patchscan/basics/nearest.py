"""What a mistyped word may have meant."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a wrong one most resembles, None where it resembles none."""
    from difflib import get_close_matches

    found = get_close_matches(word[:100], sorted(set(known)), 1, 0.72)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" for the end of a message, "" where nothing is near."""
    found = nearest(word, known)
    return f"; did you mean {found}?" if found else ""
