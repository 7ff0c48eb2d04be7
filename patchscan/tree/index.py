"""Looking words up in the index that `patchscan index` makes (see patchscan.tree.indexer), and when to trust it.

An index is a few SQLite files and a seal, in a directory of the user's cache. The seal names the files' sizes and
times, so what was damaged, half written or made by another version is not used at all. A file of the tree that
is not exactly as it was when it was indexed is read directly: an old index costs time, never an answer.

That a file holds a word shows when it is read. That no other file does is a claim on all of them, for which each
must be compared with its mark: this takes longer than everything else and is done only for such a claim.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import lru_cache, partial

from patchscan.frozen import frozen
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.git import GitError, run_git
from patchscan.tree.parallel import in_parallel
from patchscan.tree.search import holding_in, is_kconfig_name, is_outside, is_source_name, walk

# Raise it whenever what an index holds changes.
FORMAT = 2
SEAL = "seal.json"
_WAIT_FOR_WRITER = 0.2


@frozen
class Kind:
    """Files of one kind: whether a name is that of one, and the SQLite files that hold their words."""

    has_name: Callable[[str], bool]
    shards: tuple[str, ...]


SOURCES = Kind(is_source_name, ("words-0.sqlite", "words-1.sqlite"))
KCONFIG_FILES = Kind(is_kconfig_name, ("kconfig.sqlite",))
KINDS = (SOURCES, KCONFIG_FILES)
SHARDS = tuple(shard for kind in KINDS for shard in kind.shards)


class Index:
    """An index of a tree: where it lies, and its seal. Every method raises sqlite3.Error where it cannot be used."""

    def __init__(self, tree: Tree, directory: str, seal: Mapping[str, object]) -> None:
        self.tree = tree
        self.directory = directory
        self.seal = seal
        self._stale: dict[Kind, frozenset[str]] = {}

    def holding(
        self, words: Sequence[str], kind: Kind = SOURCES, checked: bool = True
    ) -> Mapping[str, tuple[str, ...]]:
        """For each identifier the files that hold it, sorted; a few that do not may be among them.

        checked=False: files that have changed since they were indexed may be missing.
        """
        found = self._indexed(words, kind)
        # Checked once, they cost little more.
        if not checked and kind not in self._stale:
            return {word: tuple(sorted(paths)) for word, paths in found.items()}
        stale = self.stale(kind)
        direct = holding_in(self.tree, words, sorted(stale)) if stale else {}
        return {
            word: tuple(sorted((paths - stale).union(direct.get(word, ())))) for word, paths in found.items()
        }

    def _indexed(self, words: Sequence[str], kind: Kind) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {word: set() for word in words}
        for shard in kind.shards:
            with closing(connect_to_read(os.path.join(self.directory, shard))) as database:
                for word in words:
                    rows = database.execute(_FILES_WITH, (f'"{word}"',))
                    found[word].update(os.fsdecode(path) for (path,) in rows)
        if read_seal(self.directory) != self.seal:
            raise sqlite3.OperationalError("the index has changed")
        return found

    def stale(self, kind: Kind = SOURCES) -> frozenset[str]:
        """The files of a kind that the index does not know as they are; looks at the time of each, once."""
        if kind not in self._stale:
            if isinstance(self.tree, GitRevision):
                self._stale[kind] = _stale_in_git(self.tree, str(self.seal.get("commit")), kind)
            elif isinstance(self.tree, Directory):
                self._stale[kind] = _stale_in_directory(self.tree.root, self.directory, kind)
            else:
                raise sqlite3.NotSupportedError("a tree of this kind cannot be compared with an index")
        return self._stale[kind]


_FILES_WITH = "SELECT path FROM words JOIN files ON files.id = words.rowid WHERE words MATCH ?"


def look_up(
    tree: Tree, words: Sequence[str], kind: Kind = SOURCES, checked: bool = True
) -> Mapping[str, tuple[str, ...]] | None:
    """Index.holding() of the index of a tree; None where there is no index to be trusted."""
    index = open_index(tree)
    if index is None:
        return None
    try:
        return index.holding(words, kind, checked)
    except sqlite3.Error:
        return None


def cache_directory() -> str:
    """Where patchscan keeps what it can make again: $XDG_CACHE_HOME/patchscan or ~/.cache/patchscan."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "patchscan")


def index_directory(tree: Tree) -> str:
    """The directory of the index of a tree, whether there is one or not."""
    name = hashlib.sha256(os.fsencode(identity(tree))).hexdigest()[:16]
    return os.path.join(cache_directory(), f"index-{name}")


def identity(tree: Tree) -> str:
    """What an index belongs to: a directory as it stands, or the history of a repository."""
    if isinstance(tree, GitRevision):
        return "git:" + os.path.realpath(tree.directory)
    return "directory:" + tree.root if isinstance(tree, Directory) else ""


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


def describe_shards(directory: str) -> list[list[int]]:
    """Size and time (ns) of each SQLite file. Raises OSError."""
    stats = [os.stat(os.path.join(directory, shard)) for shard in SHARDS]
    return [[stat.st_size, stat.st_mtime_ns] for stat in stats]


def connect_to_read(path: str) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error."""
    # "?" and "#" end the path in a URI.
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=_WAIT_FOR_WRITER)


def file_mark(stat: os.stat_result) -> str:
    """What must be the same for a file or directory to count as unchanged."""
    return f"{stat.st_size:x}.{stat.st_mtime_ns:x}.{stat.st_ctime_ns:x}"


def _stale_in_git(tree: GitRevision, commit: str, kind: Kind) -> frozenset[str]:
    if commit == tree.commit:
        return frozenset()
    options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--name-only")
    try:
        names = run_git(tree.directory, "diff-tree", *options, commit, tree.commit)
    except GitError as error:
        raise sqlite3.OperationalError(str(error)) from error
    paths = (os.fsdecode(name) for name in names.split(b"\0") if name)
    return frozenset(
        path for path in paths if kind.has_name(path.rpartition("/")[2]) and not is_outside(path)
    )


def _stale_in_directory(root: str, directory: str, kind: Kind) -> frozenset[str]:
    shards = [os.path.join(directory, shard) for shard in kind.shards]
    stale: set[str] = set()
    new_in: set[str] = set()
    for change in in_parallel(partial(_changes, root), shards):
        if change is None:
            raise sqlite3.OperationalError("the index cannot be read")
        stale.update(change[0])
        new_in.update(change[1])
    if new_in:
        stale.update(_unknown_files(root, shards, new_in, kind))
    return frozenset(stale)


def _changes(root: str, shard: str) -> tuple[list[str], list[str]] | None:
    """The files and the directories of one shard that are not as they were; None where it cannot be read."""
    try:
        with closing(connect_to_read(shard)) as database:
            files = _not_as_marked(root, database, "files")
            return files, _not_as_marked(root, database, "directories")
    except sqlite3.Error:
        return None


def _not_as_marked(root: str, database: sqlite3.Connection, table: str) -> list[str]:
    prefix = os.fsencode(root) + b"/"
    changed = []
    for path, mark in database.execute(f"SELECT path, mark FROM {table}"):
        try:
            if file_mark(os.lstat(prefix + path)) == mark:
                continue
        except OSError:
            pass
        changed.append(os.fsdecode(path))
    return changed


def _unknown_files(root: str, shards: Sequence[str], directories: set[str], kind: Kind) -> set[str]:
    """The files of a kind in changed directories, and below new ones in these, that no shard knows."""
    known_files: set[str] = set()
    known_directories: set[str] = set()
    for shard in shards:
        with closing(connect_to_read(shard)) as database:
            known_files.update(os.fsdecode(path) for (path,) in database.execute("SELECT path FROM files"))
            rows = database.execute("SELECT path FROM directories")
            known_directories.update(os.fsdecode(path) for (path,) in rows)
    found: set[str] = set()
    for directory in sorted(directories):
        found.update(walk(root, directory, kind.has_name, skip=known_directories))
    return found - known_files
