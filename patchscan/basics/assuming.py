"""Questions that stay open: what says nothing whichever of two answers each has needs none of them.

To find an answer may cost more than all that is done with it. So what is run is run on trial first, with an answer
assumed; where it says nothing, it is run once more for each other combination of answers that matters. Where it says
nothing at all, the answers do not matter; else it is run with those that are found out.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Said = TypeVar("Said")
# Of more combinations the answers are found out.
_MOST_TRIALS = 8


class _Trial:
    """The answers that are assumed, and the questions that were asked, in their order."""

    def __init__(self, assumed: Mapping[Hashable, bool]) -> None:
        self.assumed = assumed
        self.asked: dict[Hashable, bool] = {}


_trials: list[_Trial] = []


def assumed(question: Hashable) -> bool | None:
    """The answer to a question while something is on trial, None where it must be found out."""
    if not _trials:
        return None
    trial = _trials[-1]
    return trial.asked.setdefault(question, trial.assumed.get(question, True))


@contextmanager
def _on_trial(answers: Mapping[Hashable, bool]) -> Iterator[_Trial]:
    _trials.append(_Trial(answers))
    try:
        yield _trials[-1]
    finally:
        _trials.pop()


def said_by(run: Callable[[], Iterable[Said]], failures: tuple[type[BaseException], ...]) -> Iterator[Said]:
    """What is said, with whatever it takes to answer; failures: what may be raised after something was said."""
    said: list[Said] = []
    failed: BaseException | None = None
    with _on_trial({}) as trial:
        try:
            said += run()
        except failures as error:
            failed = error
    if trial.asked:
        if said or failed or not _says_nothing(run, failures, trial.asked):
            yield from run()
    else:
        yield from said
        if failed is not None:
            raise failed


def _says_nothing(
    run: Callable[[], Iterable[Said]],
    failures: tuple[type[BaseException], ...],
    first: Mapping[Hashable, bool],
) -> bool:
    """Whether nothing is said for each combination of answers; first: those for which nothing was."""
    waiting = list(_others(first, {}))
    for _ in range(_MOST_TRIALS):
        if not waiting:
            return True
        answers = waiting.pop()
        with _on_trial(answers) as trial:
            try:
                if any(True for _ in run()):
                    return False
            except failures:
                return False
        waiting += _others(trial.asked, answers)
    return False


def _others(
    asked: Mapping[Hashable, bool], fixed: Mapping[Hashable, bool]
) -> Iterator[Mapping[Hashable, bool]]:
    """The combinations that differ from those asked in a question that was not fixed, each once."""
    before = dict(fixed)
    for question in asked:
        if question not in fixed:
            yield {**before, question: False}
            before[question] = True
