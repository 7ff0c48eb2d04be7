"""What came of a series, its models and costs, kept beside the facts of its tree: it is not extracted again.

The key is all that it rests on but the tree: the patches as they are laid, the scenarios, and the program. Of the tree
only a traced one is seen, so each question that was put to it, by whatever is remembered too, stands beside what came
of it: that is taken where the tree has the same reply to every one of them now, and nowhere else.
"""

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import patchscan
from patchscan.basics.fields import as_dict
from patchscan.basics.limits import guards_met
from patchscan.basics.ourtables import table_path
from patchscan.basics.record import replace
from patchscan.basics.unchanged import runs_as_it_stands
from patchscan.codebase.traced import Traced, answers_alike
from patchscan.flow.usertables import has_tables
from patchscan.model.scenarios.scenario import Scenario
from patchscan.model.verdicts.kept_verdicts import decoded, encoded
from patchscan.series import Patch
from patchscan.tree import Tree
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.overlay import PatchState, View

_KIND = "models"
_DIGEST_SIZE = 20
# How the names of files begin that are made of our tables.
_MADE = "compiled."
# What computes beside Python and our own code.
_ENGINES = ("tree_sitter", "tree_sitter_c", "pysat", "pysolvers", "pycard")


class KeptModels:
    """The place of what comes of one laid series; states: the series as its models are to see it.

    Nothing is kept without an index, nor where there are stubs or tables of a user's: these may change.
    """

    def __init__(
        self, states: tuple[PatchState, ...], scenarios: Sequence[Scenario], directories: Sequence[Path]
    ) -> None:
        tree = states[0].view.tree if states else None
        keeps = tree is not None and may_be_indexed(tree) and not directories and not has_tables()
        self._tree = Traced(tree) if tree is not None and keeps else None
        self._scenarios = scenarios
        self.states = tuple(_bare(state, self._tree) for state in states) if self._tree else states

    def recall(self, what: str) -> Any:
        """What was kept under a name of this series, None where nothing was or the tree has another reply by now."""
        if self._tree is None:
            return None
        # Imported here: sqlite3 takes its time.
        from patchscan.facts.store import store_of

        rows = store_of(self._tree.tree).recall(_KIND, self._key(what))
        try:
            return decoded(rows[1]) if rows is not None and answers_alike(self._tree.tree, rows[0]) else None
        except (TypeError, ValueError, KeyError, IndexError, AttributeError):
            return None

    def remember(self, what: str, said: object) -> None:
        """Keep what came of the series, unless it may be another thing on another machine, or the tree or the program
        changed meanwhile."""
        if self._tree is None or guards_met() or not self._tree.steady:
            return
        if _program() != _version() or not runs_as_it_stands((*patchscan.__path__, table_path(""))):
            return
        from patchscan.facts.store import store_of

        rows = [self._tree.trace(), encoded(said)]
        if decoded(rows[1]) == said:
            store = store_of(self._tree.tree)
            store.remember(_KIND, self._key(what), rows)
            # At once, for a process that stays has another store of the tree the next time.
            store.flush()

    def _key(self, what: str) -> bytes:
        return hashlib.blake2b(what.encode() + self._rests_on, digest_size=_DIGEST_SIZE).digest()

    @cached_property
    def _rests_on(self) -> bytes:
        """A digest of the program, the series and the scenarios."""
        parts = encoded((tuple(map(_laid, self.states)), tuple(self._scenarios)))
        # How deep calls may nest decides what is given up.
        text = json.dumps([_version(), sys.getrecursionlimit(), parts], separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=_DIGEST_SIZE).digest()


def _bare(state: PatchState, tree: Tree) -> PatchState:
    """The state of a patch over another tree, without what its mail says: no model speaks of that."""
    start = View(tree, state.start.changed) if state.start is not None else None
    patch = Patch(state.patch.index, 0, 0, "", "", "", "", "", (), (), (), state.patch.files)
    return replace(state, patch=patch, view=View(tree, state.view.changed), start=start)


def _laid(state: PatchState) -> tuple[object, ...]:
    """All that a state holds but the tree below it."""
    return tuple(each.changed if isinstance(each, View) else each for each in as_dict(state).values())


@cache
def _version() -> str:
    """The program as it was when something was asked for first."""
    return _program()


def _program() -> str:
    """A digest of the program and its tables, and of what runs them."""
    digest = hashlib.blake2b(sys.version.encode(), digest_size=_DIGEST_SIZE)
    for place in (*patchscan.__path__, table_path("")):
        for path in _files_below(place):
            digest.update(f"{path[len(place) :]}\n".encode())
            with open(path, "rb") as stream:
                digest.update(stream.read())
    for name in _ENGINES:
        spec = importlib.util.find_spec(name)
        for place in [] if spec is None else spec.submodule_search_locations or [str(spec.origin)]:
            for path in _files_below(place) if os.path.isdir(place) else [place]:
                stat = os.stat(path)
                digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files_below(place: str) -> Iterator[str]:
    """The files below a directory, but those that are made of others there as they are asked for."""
    for directory, inner, names in os.walk(place):
        inner[:] = sorted(each for each in inner if each != "__pycache__")
        own = (name for name in sorted(names) if not name.startswith(_MADE))
        yield from (os.path.join(directory, name) for name in own)
