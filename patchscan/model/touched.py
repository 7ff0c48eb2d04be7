"""Which scenarios a series may concern; light, for it is asked of every patch before a model is thought of."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from patchscan.model.scenario import Scenario, load_scenarios
from patchscan.overlay import PatchState

SCENARIOS = Path(__file__).parents[2] / "rules" / "scenarios"
_WORD = re.compile(r"[A-Za-z_]\w*")


@cache
def shipped_scenarios() -> tuple[Scenario, ...]:
    """The scenarios that come with patchscan."""
    return scenarios_in(())


def scenarios_in(directories: Sequence[Path]) -> tuple[Scenario, ...]:
    """The shipped scenarios and those of further directories, which replace shipped ones of the same name.

    Raises ValueError with "file: reason" for one that cannot be used.
    """
    installed = Path(__file__).parents[1] / "rules" / "scenarios"
    shipped = [path for path in (SCENARIOS, installed) if path.is_dir()][:1]
    return load_scenarios([*shipped, *directories])


def concerned(states: Iterable[PatchState]) -> bool:
    """Whether some shipped scenario may apply to a series."""
    words = frozenset().union(*(touched_words(state) for state in states))
    return any(applies(scenario, words) for scenario in shipped_scenarios())


def touched_words(state: PatchState) -> frozenset[str]:
    """The identifiers on the lines of code that a patch changes, and in what git says the hunks belong to."""
    words: set[str] = set()
    for file in state.files:
        if not file.change.path.endswith((".c", ".h", ".S")):
            continue
        for hunk in file.change.hunks:
            words.update(_WORD.findall(hunk.section))
            for line in hunk.lines:
                if line.kind != " ":
                    words.update(_WORD.findall(line.text))
    return frozenset(words)


def applies(scenario: Scenario, words: frozenset[str]) -> bool:
    """Whether a patch that touches these identifiers may concern a scenario."""
    return any(fnmatchcase(word, pattern) for pattern in scenario.when for word in words)
