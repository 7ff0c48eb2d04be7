"""`patchscan index --all`: every kind of fact of every source of a tree, on all cores."""

import os
import sys
from collections.abc import Sequence
from functools import partial

from patchscan.facts.kind import all_kinds
from patchscan.facts.store import Store, forget_others
from patchscan.tree import Tree
from patchscan.tree.index.blob import blob_of
from patchscan.tree.index.build import IndexFailure, locked, refuse_without_room
from patchscan.tree.index.forked import Report, run_counting
from patchscan.tree.index.location import index_directory
from patchscan.tree.index.lookup import KCONFIG_FILES, SOURCES, open_index

_FILES_IN_A_TRANSACTION = 100
_WAIT = 120.0
# Measured on linux 6.12: a core reads a MB of C in a second, and keeps a fifth of it.
_BYTES_A_SECOND = 1e6
_SHARE = 0.2


def fill(tree: Tree) -> int:
    """Keep what is missing, say what it costs before it does, and forget the contents that the tree lacks.

    The index must be fresh. The exit status.
    """
    try:
        with locked(index_directory(tree)):
            _fill(tree)
    except IndexFailure as error:
        print(f"patchscan: {error}", file=sys.stderr)
        return 2
    return 0


def _fill(tree: Tree) -> None:
    index = open_index(tree)
    if index is None:
        raise IndexFailure("the index has changed; run again")
    blobs = {path: blob for path, blob in index.blobs(SOURCES).items() if path.endswith((".c", ".h"))}
    store = Store(index.directory, _WAIT)
    todo = sorted(path for path, blob in blobs.items() if not store.has_all(blob))
    store.close()
    if todo:
        _announce(tree, index.directory, todo)
        parts = max(1, min(os.cpu_count() or 1, len(todo)))
        named = [(store.path, todo[number::parts]) for number in range(parts)]
        failure = run_counting(partial(_fill_part, tree, index.directory), named, len(todo))
        if failure:
            raise IndexFailure(f"{failure}; run again to go on from here")
    forget_others(store.path, [*blobs.values(), *index.blobs(KCONFIG_FILES).values()], _WAIT)
    size = os.path.getsize(store.path)
    print(f"facts are ready: {len(set(blobs.values()))} contents, {size / 1e6:.0f} MB in {store.path}")


def _announce(tree: Tree, directory: str, todo: Sequence[str]) -> None:
    """Say what it will cost. Raises IndexFailure where the disk is too full."""
    size = sum(len(tree.read(path) or b"") for path in todo[:: max(1, len(todo) // 500)])
    size *= max(1, len(todo) // 500)
    seconds = size / _BYTES_A_SECOND / (os.cpu_count() or 1)
    needed = size * _SHARE
    print(
        f"reading facts of {len(todo)} files: about {max(seconds, 1):.0f} s and {needed / 1e6:.0f} MB in {directory}",
        flush=True,
    )
    refuse_without_room(directory, needed)


def _fill_part(tree: Tree, directory: str, paths: Sequence[str], report: Report) -> None:
    """Keep the facts of some files. Raises sqlite3.Error, OSError."""
    store = Store(directory, _WAIT, pending=1 << 30)
    for number, path in enumerate(paths, 1):
        content = tree.read(path)
        if content is not None and not store.has_all(blob_of(content)):
            for kind in all_kinds():
                store.facts(kind, content, path)
        if number % _FILES_IN_A_TRANSACTION == 0 or number == len(paths):
            store.write()
            report((number - 1) % _FILES_IN_A_TRANSACTION + 1)
