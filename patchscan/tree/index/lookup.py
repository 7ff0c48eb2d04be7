"""Looking words up in the index that `patchscan index` makes (see patchscan.tree.index.build), and when to trust it.

An index is a few SQLite files and a seal, in a directory of the user's cache. The seal names the files' sizes and
times, so what was damaged, half written or made by another version is not used at all. A file of the tree that
is not exactly as it was when it was indexed is read directly: an old index costs time, never an answer.

That a file holds a word shows when it is read. That no other file does is a claim on all of them, for which each
must be compared with its mark: this takes longer than everything else, and is done once. Most questions are for the
headers that a tree shares, a fifth of it: for these only they are compared, and every directory, for what is new.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from typing import TypeVar

from patchscan.basics.buildfiles import is_kconfig
from patchscan.basics.git import GitError, run_git
from patchscan.basics.record import frozen
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.index.comparison import (
    Difference,
    Row,
    check,
    compare,
    compare_directory,
    without_files,
)
from patchscan.tree.index.confirmed import Confirmed, confirm
from patchscan.tree.index.location import SEAL, identity, index_directory
from patchscan.tree.index.quiet import settled
from patchscan.tree.index.search import holding_in, is_outside, is_shared, is_source_name

Answer = TypeVar("Answer")
# Raise it whenever what an index holds changes.
FORMAT = 6
_WAIT_FOR_WRITER = 0.2


@frozen
class Kind:
    """Files of one kind: whether a name is that of one, and the SQLite files that hold their words."""

    has_name: Callable[[str], bool]
    shards: tuple[str, ...]


SOURCES = Kind(is_source_name, ("words-0.sqlite", "words-1.sqlite"))
KCONFIG_FILES = Kind(is_kconfig, ("kconfig.sqlite",))
KINDS = (SOURCES, KCONFIG_FILES)
SHARDS = tuple(shard for kind in KINDS for shard in kind.shards)


# Words with the paths that hold them.
Words = Mapping[str, list[str]]


class Index:
    """An index of a tree: where it lies, and its seal. Every method raises sqlite3.Error where it cannot be used."""

    def __init__(self, tree: Tree, directory: str, seal: Mapping[str, object]) -> None:
        self.tree = tree
        self.directory = directory
        self.seal = seal
        self.name = directory, json.dumps(seal, sort_keys=True)
        stored = _stored(*self.name)
        self._found = stored.found
        self._rows = stored.rows
        self._decoded = stored.decoded
        self._by_directory: dict[str, dict[str, list[str]]] = {}
        self._difference: dict[Kind, Difference] = {}
        self._shared_difference: Difference | None = None
        self._stale_in: dict[str, frozenset[str]] = {}
        self._blobs: dict[Kind, Mapping[str, bytes]] = {}

    def holding(self, words: Sequence[str], kind: Kind = SOURCES) -> Mapping[str, tuple[str, ...]]:
        """For each identifier the files that hold it, sorted; a few that do not may be among them."""
        return self._sealed(self._corrected(self._indexed(words, kind), self.difference(kind)))

    def sharing(self, words: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The same of the sources that is_shared() alone; only these are compared with the index."""
        stored = self._stored(words, SOURCES, shared=True)
        found = {word: self._shared_paths(each) for word, each in stored.items()}
        whole = self.difference_of_shared()
        part = Difference(frozenset(filter(is_shared, whole.stale)), whole.behind)
        return self._sealed(self._corrected(found, part))

    def seen(self, word: str, more: Sequence[str], shared: bool) -> Sequence[str]:
        """The files that held a word, those alone that are shared, without a comparison; more: what is asked for next.

        For whom one example is enough: what is in them now must be looked up, and there may be others.
        """
        stored = self._stored([word, *more], SOURCES, shared)[word]
        return self._shared_paths(stored) if shared else [self._path(each) for each in stored]

    def holding_in(self, directory: str, words: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The same of the sources directly in a directory; only these are compared with the index.

        What was found and compared before was found in the index that was opened, whatever has become of it since.
        """
        known = directory in self._stale_in and all(word in self._by_directory for word in words)
        stale = self.stale_in(directory)
        for word, paths in self._indexed([each for each in words if each not in self._by_directory]).items():
            self._by_directory[word] = {}
            for path in paths:
                self._by_directory[word].setdefault(path.rpartition("/")[0], []).append(path)
        found = {word: self._by_directory[word].get(directory, []) for word in words}
        corrected = self._corrected(found, Difference(stale))
        return _sorted(corrected) if known else self._sealed(corrected)

    def _sealed(self, found: Words) -> Mapping[str, tuple[str, ...]]:
        """What was found, sorted, if all of it came from the index that was opened."""
        if read_seal(self.directory) != self.seal:
            raise sqlite3.OperationalError("the index has changed")
        return _sorted(found)

    def _indexed(self, words: Sequence[str], kind: Kind = SOURCES) -> Words:
        stored = self._stored(words, kind)
        return {
            word: [self._decoded.get(path) or self._path(path) for path in each]
            for word, each in stored.items()
        }

    def _stored(self, words: Sequence[str], kind: Kind, shared: bool = False) -> Mapping[str, list[object]]:
        """What the index holds of the paths (see path_of) of some words; shared: of those alone that may be shared."""
        known = self._found.setdefault((kind, shared), {})
        missing = [word for word in words if word not in known]
        found: dict[str, list[object]] = {word: [] for word in missing}
        for shard in kind.shards if missing else ():
            with closing(connect_to_read(os.path.join(self.directory, shard))) as database:
                for word in missing:
                    rows = database.execute(_FILES_WITH + _MAY_BE_SHARED * shared, (f'"{word}"',))
                    found[word] += [path for (path,) in rows]
        known.update(found)
        return {word: known[word] for word in words}

    def _shared_paths(self, stored: Sequence[object]) -> list[str]:
        """Those that is_shared() of some paths."""
        return list(filter(is_shared, (self._decoded.get(path) or self._path(path) for path in stored)))

    def _path(self, stored: object) -> str:
        """path_of(), kept: the same files hold many words."""
        path = path_of(stored)
        self._decoded[stored] = path
        return path

    def _corrected(self, found: Words, difference: Difference) -> Words:
        """What was found, but of stale files what they hold now."""
        stale = difference.stale
        if not stale:
            return found
        direct = holding_in(self.tree, list(found), sorted(stale - difference.behind))
        return {
            word: [*(path for path in paths if path not in stale), *direct[word]]
            for word, paths in found.items()
        }

    def stale_in(self, directory: str) -> frozenset[str]:
        """The sources directly in a directory that the index does not know as they are."""
        if directory not in self._stale_in:
            self._stale_in[directory] = self._compared(directory)
        return self._stale_in[directory]

    def comparisons(
        self,
    ) -> tuple[Mapping[Kind, Difference], Difference | None, Mapping[str, frozenset[str]]]:
        """What was compared so far, and came of it: kinds, the shared sources, the sources of directories."""
        return dict(self._difference), self._shared_difference, dict(self._stale_in)

    def _compared(self, directory: str) -> frozenset[str]:
        if not isinstance(self.tree, Directory) or SOURCES in self._difference:
            return frozenset(path for path in self.stale() if path.rpartition("/")[0] == directory)
        root = self.tree.root

        def compared() -> Difference:
            rows = self.rows(SOURCES, " WHERE path = ?", (os.fsencode(directory),))
            difference = compare_directory(root, directory, rows[0] if rows else None)
            return self.confirm(root, SOURCES, rows, difference)

        return settled(root, (self.name, directory), compared).stale

    def stale(self, kind: Kind = SOURCES) -> frozenset[str]:
        """The files of a kind that the index does not know as they are; looks at the time of each, once."""
        return self.difference(kind).stale

    def difference(self, kind: Kind) -> Difference:
        """How the files of a kind differ from what the index knows."""
        if kind not in self._difference:
            if isinstance(self.tree, GitRevision):
                self._difference[kind] = _stale_in_git(self.tree, str(self.seal.get("commit")), kind)
            elif isinstance(self.tree, Directory):
                self._difference[kind] = self._difference_of_all(self.tree.root, kind)
            else:
                raise sqlite3.NotSupportedError("a tree of this kind cannot be compared with an index")
        return self._difference[kind]

    def _difference_of_all(self, root: str, kind: Kind) -> Difference:
        shared = self._shared_difference if kind is SOURCES else None
        if shared is None:
            return _stale_in_directory(root, self, kind)
        rest = _stale_in_directory(root, self, kind, _others)
        return Difference(shared.stale | rest.stale, shared.behind | rest.behind)

    def difference_of_shared(self) -> Difference:
        """How the shared sources differ from what the index knows."""
        if SOURCES in self._difference or not isinstance(self.tree, Directory):
            return self.difference(SOURCES)
        if self._shared_difference is None:
            self._shared_difference = _stale_in_directory(self.tree.root, self, SOURCES, _shared)
        return self._shared_difference

    def rows(self, kind: Kind, where: str = "", values: Sequence[bytes] = ()) -> list[Row]:
        """The rows of directories (see patchscan.tree.index.comparison), with the marks that were confirmed."""
        asked = kind, where, tuple(values)
        if asked not in self._rows:
            rows = _rows(self.directory, kind, where, values)
            check(rows)
            self._rows[asked] = rows
        rows = self._rows[asked]
        found = self._confirmed(kind).over(rows)
        check([new for new, old in zip(found, rows, strict=True) if new is not old])
        return found

    def confirm(self, root: str, kind: Kind, rows: Sequence[Row], difference: Difference) -> Difference:
        """A difference without the files of which the times alone have changed (patchscan.tree.index.confirmed)."""
        return confirm(root, rows, difference, lambda: self.blobs(kind), self._confirmed(kind))

    def blobs(self, kind: Kind) -> Mapping[str, bytes]:
        """The blob of what was indexed of each file in a directory, by path; nothing in an index of before blobs."""
        if kind not in self._blobs:
            self._blobs[kind] = {
                path_of(path): blob
                for shard in kind.shards
                for path, blob in _blob_rows(os.path.join(self.directory, shard))
            }
        return self._blobs[kind]

    def _confirmed(self, kind: Kind) -> Confirmed:
        return Confirmed(os.path.join(self.directory, marks_file(kind)), self.seal)


def _sorted(found: Words) -> Mapping[str, tuple[str, ...]]:
    return {word: tuple(sorted(paths)) for word, paths in found.items()}


class _Stored:
    """What an index holds, as far as it was asked: the same for all who open it, however their trees have changed."""

    def __init__(self) -> None:
        self.found: dict[tuple[Kind, bool], dict[str, list[object]]] = {}
        self.rows: dict[tuple[Kind, str, tuple[bytes, ...]], list[Row]] = {}
        self.decoded: dict[object, str] = {}


@lru_cache(maxsize=2)
def _stored(directory: str, seal: str) -> _Stored:
    return _Stored()


_FILES_WITH = "SELECT path FROM words JOIN files ON files.id = words.rowid WHERE words MATCH ?"
# Of thousands of paths the engine looks at each many times faster than we.
_MAY_BE_SHARED = " AND (typeof(path) <> 'blob' OR instr(path, CAST('include/' AS BLOB)))"


def look_up(tree: Tree, words: Sequence[str], kind: Kind = SOURCES) -> Mapping[str, tuple[str, ...]] | None:
    """Index.holding() of the index of a tree; None where there is no index to be trusted."""
    return _asked(tree, lambda index: index.holding(words, kind))


def look_up_shared(tree: Tree, words: Sequence[str]) -> Mapping[str, tuple[str, ...]] | None:
    """Index.sharing() of the index of a tree; None where there is no index to be trusted."""
    return _asked(tree, lambda index: index.sharing(words))


def look_up_seen(tree: Tree, word: str, more: Sequence[str], shared: bool) -> Sequence[str] | None:
    """Index.seen() of the index of a tree; None where there is none to be asked."""
    return _asked(tree, lambda index: index.seen(word, more, shared))


def look_up_in(tree: Tree, directory: str, words: Sequence[str]) -> Mapping[str, tuple[str, ...]] | None:
    """Index.holding_in() of the index of a tree; None where there is no index to be trusted."""
    return _asked(tree, lambda index: index.holding_in(directory, words))


def _asked(tree: Tree, ask: Callable[[Index], Answer]) -> Answer | None:
    index = open_index(tree)
    if index is None:
        return None
    try:
        return ask(index)
    except sqlite3.Error:
        return None


@lru_cache(maxsize=4)
def open_index(tree: Tree) -> Index | None:
    """The index of a tree, None where there is none to be trusted."""
    directory = index_directory(tree)
    seal = read_seal(directory)
    return Index(tree, directory, seal) if seal and seal.get("identity") == identity(tree) else None


def read_seal(directory: str) -> dict[str, object] | None:
    """The seal of an index if it is of this format and its files are those that were sealed."""
    try:
        with open(os.path.join(directory, SEAL), encoding="utf-8") as stream:
            seal = json.load(stream)
        intact = seal["format"] == FORMAT and seal["shards"] == describe_shards(directory)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seal if intact else None


def marks_file(kind: Kind) -> str:
    """The name of the file with the marks that were confirmed since the index was made."""
    return kind.shards[0].replace(".sqlite", ".marks")


def describe_shards(directory: str) -> list[list[int]]:
    """Size and time (ns) of each SQLite file. Raises OSError."""
    stats = [os.stat(os.path.join(directory, shard)) for shard in SHARDS]
    return [[stat.st_size, stat.st_mtime_ns] for stat in stats]


def connect_to_read(path: str) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error."""
    # "?" and "#" end the path in a URI.
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=_WAIT_FOR_WRITER)


def path_of(stored: object) -> str:
    """A path by what an index holds of it. Raises sqlite3.DatabaseError where that is none."""
    if not isinstance(stored, bytes):
        raise sqlite3.DatabaseError("no path")
    return os.fsdecode(stored)


def _stale_in_git(tree: GitRevision, commit: str, kind: Kind) -> Difference:
    if commit == tree.commit:
        return Difference(frozenset())
    options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--name-only")
    try:
        names = run_git(tree.directory, "diff-tree", *options, commit, tree.commit)
    except GitError as error:
        raise sqlite3.OperationalError(str(error)) from error
    paths = (os.fsdecode(name) for name in names.split(b"\0") if name)
    return Difference(
        frozenset(path for path in paths if kind.has_name(path.rpartition("/")[2]) and not is_outside(path))
    )


def _stale_in_directory(
    root: str, index: Index, kind: Kind, part: Callable[[Sequence[Row]], Sequence[Row]] | None = None
) -> Difference:
    def compared() -> Difference:
        rows = index.rows(kind)
        if not rows:
            raise sqlite3.DatabaseError("an index without directories")
        some = part(rows) if part is not None else None
        return index.confirm(root, kind, rows, compare(root, rows, kind.has_name, some))

    return settled(root, (index.name, kind, part), compared)


def _shared(rows: Sequence[Row]) -> list[Row]:
    """What to look at for shared sources: them, and every directory, as a new one may be in each."""
    return [row if _is_of_shared(row) else without_files(row) for row in rows]


def _others(rows: Sequence[Row]) -> list[Row]:
    """What to look at when the shared sources are compared already."""
    return [row for row in rows if not _is_of_shared(row)]


def _is_of_shared(row: Row) -> bool:
    return _is_shared_directory(row[0])


@lru_cache(maxsize=1 << 14)
def _is_shared_directory(path: bytes) -> bool:
    return is_shared(os.fsdecode(path) + "/")


def _blob_rows(shard: str) -> list[tuple[bytes, bytes]]:
    with closing(connect_to_read(shard)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'blobs'").fetchone():
            return []
        return database.execute("SELECT path, blob FROM files JOIN blobs USING (id)").fetchall()


def _rows(directory: str, kind: Kind, where: str = "", values: Sequence[bytes] = ()) -> list[Row]:
    """The rows that the index was made with. Raises sqlite3.Error."""
    with closing(connect_to_read(os.path.join(directory, kind.shards[0]))) as database:
        return database.execute("SELECT path, names, marks FROM directories" + where, values).fetchall()
