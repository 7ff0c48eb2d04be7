"""Which of some files hold a word: only these are compared with what the index knows of them."""

import os
import sqlite3
from array import array
from collections.abc import Collection, Sequence
from stat import S_ISREG

from patchscan.basics.keep import kept
from patchscan.tree import Directory, Tree
from patchscan.tree.index.comparison import Mark, mark
from patchscan.tree.index.lookup import SOURCES, Index, open_index, read_seal
from patchscan.tree.index.search import holding_in

# So many directories are asked for at once.
_MOST_ASKED = 500


def look_up_among(
    tree: Tree, word: str, more: Sequence[str], paths: Collection[str]
) -> tuple[str, ...] | None:
    """Those of some shared files that hold a word, sorted; a few that do not may be among them.

    None where no index can be trusted; more: words that are asked for next.
    """
    index = open_index(tree)
    if index is None or not isinstance(tree, Directory):
        return None
    try:
        held = frozenset(index.seen(word, more, shared=True))
        stale = _stale_among(index, tree.root, paths)
    except sqlite3.Error:
        return None
    if read_seal(index.directory) != index.seal:
        return None
    known = (path for path in paths if path in held and path not in stale)
    # Of what is gone, or behind a link, nothing is read.
    here = sorted(path for path in stale if _mark_of(tree.root, path) is not None)
    return tuple(sorted({*known, *holding_in(tree, [word], here)[word]}))


@kept
def _compared(index: Index) -> dict[str, bool]:
    """Whether files are as the index knows them, as far as was asked."""
    return {}


def _stale_among(index: Index, root: str, paths: Collection[str]) -> frozenset[str]:
    """Those of some files that are not as the index knows them, those included that are gone."""
    known = _compared(index)
    asked: dict[bytes, list[str]] = {}
    for path in paths:
        if path not in known:
            asked.setdefault(os.fsencode(path.rpartition("/")[0]), []).append(path)
    directories = sorted(asked)
    for start in range(0, len(directories), _MOST_ASKED):
        part = directories[start : start + _MOST_ASKED]
        marks = ", ".join("?" * len(part))
        for directory, names, numbers in index.rows(SOURCES, f" WHERE path IN ({marks})", part):
            places = {name: place for place, name in enumerate(names.split(b"/"), 1)}
            then = array("q", numbers)
            for path in asked[directory]:
                place = 3 * places.get(os.fsencode(path.rpartition("/")[2]), 0)
                # The first is the directory's own.
                now = _mark_of(root, path)
                known[path] = place > 0 and now is not None and now == tuple(then[place : place + 3])
    return frozenset(path for path in paths if not known.setdefault(path, False))


def _mark_of(root: str, path: str) -> Mark | None:
    """The mark of a regular file, None for anything else."""
    try:
        stat = os.lstat(f"{root}/{path}")
    except OSError:
        return None
    return mark(stat) if S_ISREG(stat.st_mode) else None
