"""Where the common headers of a tree lead, kept for the next run: they and some directories are looked at, not read.

A header leads where it did as long as it is as it was, and each directory in which a name that it includes was looked
for: one that was not there must not be there now. Of what stands behind links nothing is kept.
"""

import os
from collections.abc import Iterator, Sequence
from stat import S_ISDIR
from typing import Any

from patchscan import tree as tree_room
from patchscan.basics import formula
from patchscan.basics.formula import Formula
from patchscan.facts.bymark import ByMark, by_mark, is_settled
from patchscan.tree import Directory, Tree
from patchscan.tree.index.comparison import Mark

# The mark of what is neither a directory nor nothing.
_OTHER: Mark = (-1, 0, 0)
# A formula as plain data.
_Plain = tuple[str, str, tuple[Any, ...]]
_State = tuple[str, Mark | None]


class Noted:
    """What is kept of one tree; maker: the module that finds it.

    unlisted: the files that were asked for, since begin(), though no directory lists them.
    """

    def __init__(self, tree: Tree, maker: str) -> None:
        self.unlisted: list[str] = []
        self._tree = tree
        self._makers = (__file__, maker, os.fspath(formula.__file__), os.fspath(tree_room.__file__))
        self._asked: dict[str, None] = {}
        # The headers and directories as they were before they were read.
        self._marks: dict[str, Mark | None] = {}
        self._states: dict[str, _State] = {}
        # Whether the directories of before are the same now, and what is known again of a header.
        self._same: dict[_State, bool] = {}
        self._known: dict[tuple[str, str], Any] = {}
        self._formulas: dict[_Plain, Formula] = {}

    def asked_of(self, architecture: str) -> tuple[str, ...]:
        """What by_mark() is asked for."""
        return (f"edges_{architecture}", *self._makers)

    def _kept(self, architecture: str) -> ByMark | None:
        return by_mark(self._tree, *self.asked_of(architecture))

    def edges(self, path: str, architecture: str) -> Iterator[tuple[str, Formula | None]] | None:
        """What a header leads to, and when; None where that must be found out."""
        known = self._of(path, architecture)
        if known is None:
            return None
        return ((target, self._formula(when) if when else None) for target, when in known[1])

    def names(self, path: str, architecture: str) -> Sequence[str] | None:
        """The names of what a header includes, None where they must be read."""
        known = self._of(path, architecture)
        return known[0] if known is not None else None

    def _of(self, path: str, architecture: str) -> Any:
        asked = architecture, path
        if asked not in self._known:
            kept = self._kept(architecture)
            known = kept.get(path) if kept is not None else None
            self._known[asked] = known if known and all(map(self._is_same, known[2])) else None
        return self._known[asked]

    def _is_same(self, state: _State) -> bool:
        if state not in self._same:
            self._same[state] = self._state(state[0]) == state
        return self._same[state]

    def look(self, directory: str) -> None:
        """Note that a name is looked for in a directory."""
        self._asked[directory] = None
        if directory not in self._states:
            self._states[directory] = self._state(directory)

    def _state(self, directory: str) -> _State:
        assert isinstance(self._tree, Directory)
        place = f"{self._tree.root}/{directory}"
        try:
            stat = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return directory, None
        except OSError:
            return directory, _OTHER
        is_plain = S_ISDIR(stat.st_mode) and os.path.realpath(place) == place
        return directory, (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) if is_plain else _OTHER

    def look_at(self, path: str, architecture: str) -> None:
        """Note how a header is before it is read."""
        kept = self._kept(architecture)
        self._marks[path] = kept.mark(path) if kept is not None else None

    def begin(self) -> None:
        """Note what is looked for from now on."""
        self._asked, self.unlisted = {}, []

    def keep(
        self, path: str, architecture: str, names: Sequence[str], found: Sequence[tuple[str, Formula | None]]
    ) -> None:
        """Keep where a header leads, if nothing that was looked for since begin() is behind a link."""
        kept = self._kept(architecture)
        if kept is None or not isinstance(self._tree, Directory):
            return
        root = self._tree.root
        states = tuple(self._states[each] for each in self._asked)
        plain = all(state is None or (state != _OTHER and is_settled(state)) for _, state in states)
        if plain and not any(os.path.lexists(f"{root}/{each}") for each in self.unlisted):
            edges = tuple((target, _plain(when) if when is not None else None) for target, when in found)
            kept.keep(path, self._marks.get(path), (tuple(names), edges, states))

    def _formula(self, plain: _Plain) -> Formula:
        if plain not in self._formulas:
            kind, text, parts = plain
            made: Any = (kind, text, tuple(map(self._formula, parts)))
            self._formulas[plain] = Formula(*made)
        return self._formulas[plain]


def _plain(made: Formula) -> _Plain:
    return made.kind, made.text, tuple(map(_plain, made.parts))
