"""Which scenarios a series may concern; light, for it is asked of every patch before a model is thought of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache

from patchscan.basics.pattern import pattern
from patchscan.codebase.changed_words import touched_words
from patchscan.tree.overlay import PatchState

# Not imported from typing, nor what reads scenarios before one may apply: both take longer than a small scan.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from patchscan.model.scenarios.scenario import Scenario

_WHEN = pattern(r"^when *= *\[([^\]]*)\]", re.M)
_WITHIN = pattern(r"^within *= *\[([^\]]*)\]", re.M)
_STRING = pattern(r"[\"']([^\"']*)[\"']")
_WILD = pattern(r"[*?\[\]]+")


@cache
def shipped_scenarios() -> tuple[Scenario, ...]:
    """The scenarios that come with patchscan."""
    return scenarios_in(())


def scenarios_in(directories: Sequence[Path]) -> tuple[Scenario, ...]:
    """The shipped scenarios and those of further directories, which replace shipped ones of the same name.

    Raises ValueError with "file: reason" for one that cannot be used.
    """
    from pathlib import Path

    from patchscan.model.scenarios.scenario import load_scenarios

    return load_scenarios([Path(_shipped_directory()), *directories])


def _shipped_directory() -> str:
    """rules/scenarios beside the package in a checkout, in it where it is installed."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    checkout = os.path.join(os.path.dirname(package), "rules", "scenarios")
    return checkout if os.path.isdir(checkout) else os.path.join(package, "rules", "scenarios")


@cache
def literals() -> tuple[str, ...]:
    """Of each pattern for which some shipped scenario applies the longest piece that a name must hold."""
    names = (one for when in _shipped(_WHEN) for one in _STRING.findall(when))
    return tuple(sorted({max(_WILD.split(each), key=len) for each in names}))


@cache
def role_files() -> frozenset[str]:
    """The files in which some shipped scenario looks for who plays a role."""
    return frozenset(one for within in _shipped(_WITHIN) for one in _STRING.findall(within))


def _shipped(wanted: re.Pattern[str]) -> Iterator[str]:
    """What a pattern finds in the shipped scenarios, without reading them as a whole."""
    directory = _shipped_directory()
    for name in sorted(os.listdir(directory)):
        if name.endswith(".toml"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                yield from wanted.findall(file.read())


def concerned(states: Sequence[PatchState]) -> bool:
    """Whether some shipped scenario may apply to a series."""
    words = frozenset().union(*(touched_words(state) for state in states))
    text = " ".join(words)
    if any(piece in text for piece in literals()) and any(
        applies(each, words) for each in shipped_scenarios()
    ):
        return True
    near = [state for state in states if any(file.change.path in role_files() for file in state.files)]
    if not near:
        return False
    from patchscan.model.scenarios.players import plays

    return any(plays(scenario, state) for scenario in shipped_scenarios() for state in near)


def applies(scenario: Scenario, words: frozenset[str]) -> bool:
    """Whether a patch that touches these identifiers may concern a scenario."""
    return any(fnmatchcase(word, pattern) for pattern in scenario.when for word in words)
