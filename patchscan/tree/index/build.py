"""`patchscan index TREE`: make or refresh the word index that patchscan.tree.index.lookup looks words up in.

A process for each keeps one SQLite file (FTS5, contentless): text goes in file by file, in transactions, so a
build that is killed goes on where it stood. A file with another content gets a new row; its old one is dead weight
until the shard is made anew; one with other times alone keeps its row. The seal is taken off before anything is written
and put on when all is done. Of Kconfig files it also holds what they say (see patchscan.kconfig.tables).
"""

import argparse
import contextlib
import fcntl
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from patchscan.basics.git import GitError
from patchscan.basics.streams import say_aside
from patchscan.basics.usage import UsageError
from patchscan.kconfig.tables import SCHEMA as KCONFIG_SCHEMA
from patchscan.kconfig.tables import forget_dropped, take_in
from patchscan.tree import Directory, Tree, TreeError, kernel_version, open_tree, read_regular
from patchscan.tree.index.blob import blob_of, marked_blob
from patchscan.tree.index.comparison import Mark, Row, pack
from patchscan.tree.index.forked import run_counting
from patchscan.tree.index.listing import Listing, list_tree, mark_of_text
from patchscan.tree.index.location import SEAL, identity, index_directory
from patchscan.tree.index.lookup import (
    FORMAT,
    KCONFIG_FILES,
    KINDS,
    SHARDS,
    Kind,
    describe_shards,
    marks_file,
    open_index,
    read_seal,
)
from patchscan.tree.index.shard import BLOBS, Held, Plan, is_needed, plan_for

_SCHEMA = f"""
CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL, mark TEXT NOT NULL);
{BLOBS}
CREATE TABLE directories (path BLOB PRIMARY KEY, names BLOB NOT NULL, marks BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5
    (text, content='', detail=none, columnsize=0, tokenize="ascii tokenchars '_'");
INSERT INTO words (words, rank) VALUES ('hashsize', {1 << 22});
INSERT INTO words (words, rank) VALUES ('automerge', 0);
INSERT INTO words (words, rank) VALUES ('crisismerge', 64);
{KCONFIG_SCHEMA}
PRAGMA user_version = {FORMAT};
"""
# While a shard is filled nothing is merged, which saves a fifth of the time; what fits into a core's cache is quickest.
_FILLED = """
INSERT INTO words (words) VALUES ('optimize');
INSERT INTO words (words, rank) VALUES ('automerge', 4);
INSERT INTO words (words, rank) VALUES ('crisismerge', 16);
"""
_FILES_IN_A_TRANSACTION = 500
# Measured on linux 6.12: a core takes in about 40 MB of text a second, and the index is a ninth of the text.
_BYTES_A_SECOND = 40e6
_INDEX_SHARE = 0.12
Say = Callable[[str], None]


class IndexFailure(Exception):
    """The index cannot be made; the text is one line that says why and what to do."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `patchscan index`."""
    command.add_argument("tree", metavar="TREE", help="a kernel tree")
    command.add_argument("--base", metavar="REV", help="a revision of it, where it is a git tree")


def run(options: argparse.Namespace) -> int:
    """`patchscan index`: make or refresh the index. Raises UsageError for a directory that is no kernel tree."""
    try:
        tree = open_tree(options.tree, options.base)
    except TreeError as error:
        raise UsageError(str(error)) from None
    if kernel_version(tree) is None:
        raise UsageError(f"{options.tree}: this is no kernel tree: its Makefile states no version")
    return build_index(options.tree, options.base)


def build_index(path: str, revision: str | None = None) -> int:
    """The body of `patchscan index`: announce, build or refresh, show the size; the exit status."""
    try:
        _build(open_tree(path, revision), _say, _say)
    except (TreeError, IndexFailure) as error:
        print(f"patchscan: {error}", file=sys.stderr)
        return 2
    return 0


def make_index(tree: Tree) -> None:
    """Make or refresh the index in the midst of something else, with one line said aside. Raises IndexFailure."""
    _build(tree, lambda text: say_aside(f"patchscan: {text}"), lambda text: None)
    open_index.cache_clear()


def _say(text: str) -> None:
    print(text, flush=True)


def _build(tree: Tree, before: Say, after: Say) -> None:
    """Make or refresh; before: told what it costs, after: what came of it."""
    directory = index_directory(tree)
    with locked(directory):
        seal = read_seal(directory)
        if seal is None or seal.get("identity") != identity(tree):
            _discard_unusable(directory)
        listing = _listed(tree)
        plans = [plan_for(directory, shard, listing) for shard in SHARDS]
        if (
            seal is not None
            and seal.get("commit") == tree.commit
            and not any(map(is_needed, plans))
            and all(_has_rows(directory, kind, _rows(directory, kind, listing)) for kind in KINDS)
        ):
            after(f"index is up to date: {_shown(directory, listing)}")
            return
        before(_announcement(tree, directory, plans, listing))
        for name in (SEAL, *map(marks_file, KINDS)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(directory, name))
        _run(tree, plans)
        for kind in KINDS:
            _write_rows(directory, kind, _rows(directory, kind, listing))
        _seal(tree, directory)
        after(f"index is ready: {_shown(directory, listing)}")


@contextlib.contextmanager
def locked(directory: str) -> Iterator[None]:
    """One builder at a time; the lock goes with the process (and its children), however that ends."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        descriptor = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise IndexFailure(f"{directory} cannot be written: {error.strerror} (set XDG_CACHE_HOME)") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say_aside("patchscan: another one builds this index; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise IndexFailure(f"{directory}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise IndexFailure(f"{directory}: {error}; run again to go on from here") from error
    finally:
        os.close(descriptor)


def _discard_unusable(directory: str) -> None:
    """Take away shards that are damaged or of another version; keep those of a build that was stopped.

    Under a seal that does not fit, nothing can be trusted.
    """
    sealed = os.path.exists(os.path.join(directory, SEAL))
    for shard in SHARDS:
        path = os.path.join(directory, shard)
        if os.path.exists(path) and (sealed or not _is_usable(path)):
            _remove(path)


def _is_usable(path: str) -> bool:
    try:
        with closing(sqlite3.connect(path)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            (checked,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error:
        return False
    return bool(version == FORMAT and checked == "ok")


def _remove(path: str) -> None:
    for name in (path, path + "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _listed(tree: Tree) -> Listing:
    try:
        return list_tree(tree)
    except GitError as error:
        raise IndexFailure(str(error)) from error


def _rows(directory: str, kind: Kind, listing: Listing) -> list[Row]:
    """The rows of directories that fit the files which the shards of a kind hold.

    Every kind has all directories, for a new file of any kind shows in them; those of a revision do not change.
    """
    if not listing.directories:
        return []
    files: list[tuple[str, Mark]] = []
    for shard in kind.shards:
        with closing(sqlite3.connect(os.path.join(directory, shard))) as database:
            held = database.execute("SELECT path, mark FROM files")
            files += ((os.fsdecode(name), mark_of_text(mark)) for name, mark in held)
    return pack(listing.directories, files)


def _has_rows(directory: str, kind: Kind, rows: Sequence[Row]) -> bool:
    with closing(sqlite3.connect(os.path.join(directory, kind.shards[0]))) as database:
        found = database.execute("SELECT path, names, marks FROM directories").fetchall()
    return sorted(found) == sorted(rows)


def _write_rows(directory: str, kind: Kind, rows: Sequence[Row]) -> None:
    path = os.path.join(directory, kind.shards[0])
    with closing(sqlite3.connect(path, isolation_level=None)) as database, _transaction(database):
        database.execute("DELETE FROM directories")
        database.executemany("INSERT INTO directories VALUES (?, ?, ?)", rows)


def _announcement(tree: Tree, directory: str, plans: Sequence[Plan], listing: Listing) -> str:
    """What it will cost, before it costs anything. Raises IndexFailure where the disk is too full."""
    wanted = [name for plan in plans for name, _ in plan.wanted]
    size = sum(listing.files[name][1] for name in wanted)
    needed = size * _INDEX_SHARE
    seconds = size / _BYTES_A_SECOND / min(len(KINDS[0].shards), os.cpu_count() or 1)
    refuse_without_room(directory, needed)
    return (
        f"indexing {len(wanted)} files ({size / 1e6:.0f} MB) of {tree.name}: "
        f"about {max(seconds, 1):.0f} s and {needed / 1e6:.0f} MB in {directory}"
    )


def refuse_without_room(directory: str, needed: float) -> None:
    """Raise IndexFailure where the disk of a directory has fewer free bytes than are needed."""
    disk = os.statvfs(directory)
    if disk.f_bavail * disk.f_frsize < needed:
        free = disk.f_bavail * disk.f_frsize / 1e6
        raise IndexFailure(f"only {free:.0f} MB are free in {directory}: make room or set XDG_CACHE_HOME")


def _run(tree: Tree, plans: Sequence[Plan]) -> None:
    """Fill every shard in a process of its own, showing progress. Raises IndexFailure."""
    work = partial(_fill, tree)
    failure = run_counting(
        work, [(plan.shard, plan) for plan in plans], sum(len(plan.wanted) for plan in plans)
    )
    if failure:
        raise IndexFailure(f"{failure}; run again to go on from here")


def _fill(tree: Tree, plan: Plan, report: Callable[[int], Any]) -> None:
    if plan.anew:
        _remove(plan.shard)
    with closing(sqlite3.connect(plan.shard, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = NORMAL")
        if plan.anew:
            database.executescript(_SCHEMA)
        database.execute(BLOBS)
        with _transaction(database):
            database.executemany("DELETE FROM files WHERE id = ?", [(row,) for row in plan.dropped])
            _forget_dropped(database)
            _name(database, tree, plan.unnamed)
        for begin in range(0, len(plan.wanted), _FILES_IN_A_TRANSACTION):
            some = plan.wanted[begin : begin + _FILES_IN_A_TRANSACTION]
            with _transaction(database):
                for name, mark in some:
                    _take_in(database, tree, name, mark, plan.held.get(name))
            report(len(some))
        if plan.held:
            with _transaction(database):
                _forget_dropped(database)
        if plan.anew:
            database.executescript(_FILLED)


def _forget_dropped(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM blobs WHERE id NOT IN (SELECT id FROM files)")
    forget_dropped(database)


def _name(database: sqlite3.Connection, tree: Tree, rows: Sequence[Held]) -> None:
    """Keep the blobs of files that are as they were when they were taken in."""
    assert not rows or isinstance(tree, Directory)
    for held in rows:
        found = marked_blob(os.path.join(tree.root, held.path)) if isinstance(tree, Directory) else None
        if found and found[0] == mark_of_text(held.mark):
            database.execute("INSERT INTO blobs (id, blob) VALUES (?, ?)", (held.row, found[1]))


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    yield
    database.execute("COMMIT")


def _take_in(database: sqlite3.Connection, tree: Tree, name: str, mark: str, held: Held | None) -> None:
    at = os.path.join(tree.root, name) if isinstance(tree, Directory) else None
    content = read_regular(at) if at else tree.read(name)
    blob = blob_of(content) if content is not None else None
    if held and held.blob == blob:
        database.execute("UPDATE files SET mark = ? WHERE id = ?", (mark, held.row))
        return
    if held:
        database.execute("DELETE FROM files WHERE id = ?", (held.row,))
    if content is not None:
        row = database.execute(
            "INSERT INTO files (path, mark) VALUES (?, ?)", (os.fsencode(name), mark)
        ).lastrowid
        database.execute("INSERT INTO blobs (id, blob) VALUES (?, ?)", (row, blob))
        database.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, content))
        if row is not None and KCONFIG_FILES.has_name(name.rpartition("/")[2]):
            take_in(database, row, content)


def _seal(tree: Tree, directory: str) -> None:
    seal = {
        "format": FORMAT,
        "identity": identity(tree),
        "commit": tree.commit,
        "shards": describe_shards(directory),
    }
    path = os.path.join(directory, SEAL)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        json.dump(seal, stream)
    os.replace(path + ".new", path)


def _shown(directory: str, listing: Listing) -> str:
    size = sum(size for size, _ in describe_shards(directory))
    return f"{len(listing.files)} files, {size / 1e6:.0f} MB in {directory}"
