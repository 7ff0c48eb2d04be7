"""Which scenarios a series may concern; light, for it is asked of every patch before a model is thought of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
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
    directory = _shipped_directory()
    found: set[str] = set()
    for name in sorted(os.listdir(directory)):
        if name.endswith(".toml"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                names = [one for when in _WHEN.findall(file.read()) for one in _STRING.findall(when)]
            found.update(max(_WILD.split(each), key=len) for each in names)
    return tuple(sorted(found))


def concerned(states: Iterable[PatchState]) -> bool:
    """Whether some shipped scenario may apply to a series."""
    words = frozenset().union(*(touched_words(state) for state in states))
    text = " ".join(words)
    return any(piece in text for piece in literals()) and any(
        applies(scenario, words) for scenario in shipped_scenarios()
    )


def applies(scenario: Scenario, words: frozenset[str]) -> bool:
    """Whether a patch that touches these identifiers may concern a scenario."""
    return any(fnmatchcase(word, pattern) for pattern in scenario.when for word in words)
