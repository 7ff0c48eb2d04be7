"""Looking words up in the index that `patchscan index` makes (see patchscan.tree.indexer), and when to trust it.

An index is a few SQLite files and a seal, in a directory of the user's cache. The seal names the files' sizes and
times, so what was damaged, half written or made by another version is not used at all. A file of the tree that
is not exactly as it was when it was indexed is read directly: an old index costs time, never an answer.

That a file holds a word shows when it is read. That no other file does is a claim on all of them, for which each
must be compared with its mark: this takes longer than everything else and is done only for such a claim.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import lru_cache, partial

from patchscan.record import frozen
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.git import GitError, run_git
from patchscan.tree.parallel import in_parallel
from patchscan.tree.search import (
    holding_in,
    is_kconfig_name,
    is_kernel_source,
    is_outside,
    is_source_name,
    walk,
)

# Raise it whenever what an index holds changes.
FORMAT = 4
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


# Words with the paths that hold them.
Words = Mapping[str, list[str]]


class Index:
    """An index of a tree: where it lies, and its seal. Every method raises sqlite3.Error where it cannot be used."""

    def __init__(self, tree: Tree, directory: str, seal: Mapping[str, object]) -> None:
        self.tree = tree
        self.directory = directory
        self.seal = seal
        self._found: dict[Kind, dict[str, list[str]]] = {}
        self._stale: dict[Kind, frozenset[str]] = {}
        self._stale_in: dict[str, frozenset[str]] = {}

    def holding(
        self, words: Sequence[str], kind: Kind = SOURCES, checked: bool = True
    ) -> Mapping[str, tuple[str, ...]]:
        """For each identifier the files that hold it, sorted; a few that do not may be among them.

        checked=False: files that have changed since they were indexed may be missing.
        """
        found = self._indexed(words, kind)
        # Checked once, they cost little more.
        if checked or kind in self._stale:
            found = self._corrected(found, self.stale(kind))
        return self._sealed(found)

    def holding_in(self, directory: str, words: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The same of the sources directly in a directory; only these are compared with the index."""
        if directory not in self._stale_in:
            self._stale_in[directory] = self._compared(directory)
        found = {
            word: [path for path in paths if path.rpartition("/")[0] == directory]
            for word, paths in self._indexed(words, SOURCES).items()
        }
        return self._sealed(self._corrected(found, self._stale_in[directory]))

    def _sealed(self, found: Words) -> Mapping[str, tuple[str, ...]]:
        """What was found, sorted, if all of it came from the index that was opened."""
        if read_seal(self.directory) != self.seal:
            raise sqlite3.OperationalError("the index has changed")
        return {word: tuple(sorted(paths)) for word, paths in found.items()}

    def _indexed(self, words: Sequence[str], kind: Kind) -> Words:
        known = self._found.setdefault(kind, {})
        missing = [word for word in words if word not in known]
        found: dict[str, list[str]] = {word: [] for word in missing}
        for shard in kind.shards if missing else ():
            with closing(connect_to_read(os.path.join(self.directory, shard))) as database:
                for word in missing:
                    rows = database.execute(_FILES_WITH, (f'"{word}"',))
                    found[word] += [path.decode("utf-8", "surrogateescape") for (path,) in rows]
        known.update(found)
        return {word: known[word] for word in words}

    def _corrected(self, found: Words, stale: frozenset[str]) -> Words:
        """What was found, but of stale files what they hold now."""
        if not stale:
            return found
        direct = holding_in(self.tree, list(found), sorted(stale))
        return {
            word: [*(path for path in paths if path not in stale), *direct[word]]
            for word, paths in found.items()
        }

    def _compared(self, directory: str) -> frozenset[str]:
        """The sources directly in a directory that the index does not know as they are."""
        if not isinstance(self.tree, Directory) or SOURCES in self._stale:
            return frozenset(path for path in self.stale() if path.rpartition("/")[0] == directory)
        marks: dict[str, str] = {}
        # "0" is what comes after "/".
        below = os.fsencode(directory)
        query, limits = (_FILES_BELOW, (below + b"/", below + b"0")) if directory else (_FILES_AT_TOP, ())
        for shard in SOURCES.shards:
            with closing(connect_to_read(os.path.join(self.directory, shard))) as database:
                marks.update((os.fsdecode(path), mark) for path, mark in database.execute(query, limits))
        now = marks_in(self.tree.root, directory)
        known = {path: mark for path, mark in marks.items() if path.rpartition("/")[0] == directory}
        return frozenset(path for path in now.keys() | known.keys() if now.get(path) != known.get(path))

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
_FILES_AT_TOP = "SELECT path, mark FROM files WHERE instr(path, x'2f') = 0"
_FILES_BELOW = "SELECT path, mark FROM files WHERE path > ? AND path < ?"


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


def look_up_in(tree: Tree, directory: str, words: Sequence[str]) -> Mapping[str, tuple[str, ...]] | None:
    """Index.holding_in() of the index of a tree; None where there is no index to be trusted."""
    index = open_index(tree)
    if index is None:
        return None
    try:
        return index.holding_in(directory, words)
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


def marks_in(root: str, directory: str) -> Mapping[str, str]:
    """The marks of the sources directly in a directory of the kernel itself, by path; none behind links."""
    marks: dict[str, str] = {}
    place = os.path.join(root, directory) if directory else root
    if os.path.realpath(place) != place:
        return marks
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            path = f"{directory}/{entry.name}" if directory else entry.name
            if is_kernel_source(path) and entry.is_file(follow_symlinks=False):
                marks[path] = file_mark(entry.stat(follow_symlinks=False))
    return marks


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
