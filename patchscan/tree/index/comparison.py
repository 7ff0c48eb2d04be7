"""Comparing a directory with what its index knows: which files are not as they were, and which are new.

The index has a row for each directory: its path, the names of the indexed files directly in it (separated by "/") and
marks: size and times of the directory, then of each file. In one row, for what is read most is what has not changed.
"""

import contextlib
import errno
import os
from array import array
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from itertools import chain
from stat import S_ISDIR

from patchscan.basics.record import field, frozen
from patchscan.tree.index.search import NOT_KERNEL, is_kernel_source, walk

Row = tuple[bytes, bytes, bytes]
Mark = tuple[int, int, int]
# Of what changed so shortly before it was looked at that it may change again without a new time. No file has it.
RACY: Mark = (-1, -1, -1)
RACY_NANOSECONDS = 100_000_000
_MISSING: Mark = (-2, -2, -2)
_MARK_SIZE = 24
_NO_DIRECTORY = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_LARGEST = (1 << 63) - 1
# To hold a directory is enough for looking at what is in it; not every system knows the difference.
_HOLD = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Difference:
    """Files that the index does not know as they are, those included that are new, and those that are gone.

    behind: the gone ones that must not be looked for, as their directory is gone or now a link to another; touched:
    the marks of today of those whose size is as it was; directories: those of changed directories that hold the same
    names as before.
    """

    stale: frozenset[str]
    behind: frozenset[str] = frozenset()
    touched: Mapping[str, Mark] = field(default_factory=dict)
    directories: Mapping[bytes, Mark] = field(default_factory=dict)


def mark(stat: os.stat_result) -> Mark:
    """What must be the same for a file or directory to count as unchanged."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def pack(directories: Mapping[str, Mark], files: Iterable[tuple[str, Mark]]) -> list[Row]:
    """The rows of some directories and of files directly in them."""
    inside: dict[str, list[tuple[bytes, Mark]]] = {directory: [] for directory in directories}
    for path, one in files:
        directory, _, name = path.rpartition("/")
        inside[directory].append((os.fsencode(name), one))
    return [
        (
            os.fsencode(directory),
            b"/".join(name for name, _ in sorted(entries)),
            _packed([*directories[directory], *chain.from_iterable(one for _, one in sorted(entries))]),
        )
        for directory, entries in inside.items()
    ]


def check(rows: Sequence[Row]) -> None:
    """Raise sqlite3.DatabaseError where a row cannot be one."""
    for row in rows:
        if not all(type(part) is bytes for part in row) or len(row[2]) != _MARK_SIZE * _count(row):
            # Imported here: it takes a tenth of a small scan, which has no index.
            import sqlite3

            raise sqlite3.DatabaseError("no directory with its files")


def compare(
    root: str, rows: Sequence[Row], has_name: Callable[[str], bool], some: Sequence[Row] | None = None
) -> Difference:
    """What has changed below the root since the rows were made, of the files with such names.

    some: the rows to look at, where not at all (see without_files).
    """
    changed, lost, files = _compare(os.fsencode(root), rows if some is None else some)
    unreachable = [row for row in rows if _is_below(row[0], lost)] if lost else []
    behind = {path for row in unreachable for path in _paths(row)}
    for row in unreachable:
        changed.pop(row[0], None)
    new, same = _unknown(root, rows, changed.keys(), has_name) if changed else (set(), set())
    stale = new.union(os.fsdecode(path) for path in behind | files.keys())
    touched = {
        os.fsdecode(path): now
        for path, (old, now) in files.items()
        if old[0] == now[0] and path not in behind
    }
    return Difference(
        frozenset(stale),
        frozenset(os.fsdecode(path) for path in behind),
        touched,
        {path: changed[path] for path in same},
    )


def without_files(row: Row) -> Row:
    """The row of a directory alone: enough to see what is new in it or gone."""
    return row[0], b"", row[2][:_MARK_SIZE]


def compare_directory(root: str, directory: str, row: Row | None) -> Difference:
    """How the sources directly in a directory differ from its row; without one, all of them do."""
    known = dict(zip(_paths(row), _unpacked(row[2])[1:], strict=True)) if row else {}
    known_by_name = {os.fsdecode(path): one for path, one in known.items()}
    now = _marks_in(root, directory)
    stale = {path for path in now.keys() | known_by_name.keys() if now.get(path) != known_by_name.get(path)}
    both = stale & now.keys() & known_by_name.keys()
    touched = {path: now[path] for path in both if now[path][0] == known_by_name[path][0]}
    return Difference(frozenset(stale), touched=touched)


def renewed(rows: Sequence[Row], directories: Mapping[bytes, Mark], files: Mapping[str, Mark]) -> list[Row]:
    """Rows with other marks of some directories and files: those of them that change."""
    found = []
    touched = {os.fsencode(path.rpartition("/")[0]) for path in files}.union(directories)
    for row in rows:
        if row[0] not in touched:
            continue
        first, *rest = _unpacked(row[2])
        marks = [files.get(os.fsdecode(path), one) for path, one in zip(_paths(row), rest, strict=True)]
        found.append((row[0], row[1], _packed([*chain(directories.get(row[0], first), *marks)])))
    return found


def _marks_in(root: str, directory: str) -> Mapping[str, Mark]:
    """The marks of the sources directly in a directory, by path; none behind links."""
    marks: dict[str, Mark] = {}
    place = os.path.join(root, directory) if directory else root
    if os.path.realpath(place) != place:
        return marks
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            path = f"{directory}/{entry.name}" if directory else entry.name
            if is_kernel_source(path) and entry.is_file(follow_symlinks=False):
                marks[path] = mark(entry.stat(follow_symlinks=False))
    return marks


def _compare(
    root: bytes, rows: Sequence[Row]
) -> tuple[dict[bytes, Mark], set[bytes], dict[bytes, tuple[Mark, Mark]]]:
    """Directories that have changed (mark now), those that are none any more, changed files (mark then, now)."""
    changed: dict[bytes, Mark] = {}
    lost: set[bytes] = set()
    files: dict[bytes, tuple[Mark, Mark]] = {}
    # In one process: two take a third more time in all, and are sooner done only where a core is idle.
    for row in rows:
        try:
            now = _packed(_numbers(root + b"/" + row[0], row[1]))
        except OSError as error:
            if error.errno in _NO_DIRECTORY:
                lost.add(row[0])
                continue
            # It cannot be looked into now, which says nothing of what is in it.
            now = _packed(_MISSING * _count(row))
        if now != row[2]:
            pairs = list(zip(_unpacked(row[2]), _unpacked(now), strict=True))
            if pairs[0][0] != pairs[0][1]:
                changed[row[0]] = pairs[0][1]
            files.update(
                pair for pair in zip(_paths(row), pairs[1:], strict=True) if pair[1][0] != pair[1][1]
            )
    return changed, lost, files


def _numbers(place: bytes, names: bytes) -> list[int]:
    """The marks of a directory and some files in it. Raises OSError, also for a link to one."""
    if not names:
        stat = os.lstat(place)
        if not S_ISDIR(stat.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "no directory", place)
        return [*mark(stat)]
    lstat = os.lstat
    descriptor = os.open(place, _HOLD)
    try:
        numbers = [*mark(os.fstat(descriptor))]
        for name in names.split(b"/"):
            try:
                stat = lstat(name, dir_fd=descriptor)
            except OSError:
                numbers += _MISSING
            else:
                # What mark() does; a call for each file of a tree takes a tenth of the whole time.
                numbers += (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    finally:
        os.close(descriptor)
    return numbers


def _unknown(
    root: str, rows: Sequence[Row], directories: Set[bytes], has_name: Callable[[str], bool]
) -> tuple[set[str], set[bytes]]:
    """The files with such names in changed directories, and below new ones in these, that no row knows.

    Also the directories in which nothing is new, a directory included.
    """
    known_directories = {os.fsdecode(row[0]) for row in rows}
    known = {os.fsdecode(path) for row in rows if row[0] in directories for path in _paths(row)}
    found: set[str] = set()
    same: set[bytes] = set()
    for directory in sorted(directories):
        place = os.fsdecode(directory)
        new = set(walk(root, place, has_name, skip=known_directories)) - known
        found |= new
        if not new and _has_no_other(root, place, known_directories):
            same.add(directory)
    return found, same


def _has_no_other(root: str, directory: str, known: Container[str]) -> bool:
    """Whether all directories in one that are walked are known."""
    prefix = directory + "/" if directory else ""
    try:
        with os.scandir(os.path.join(root, directory)) as entries:
            inside = [prefix + entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return False
    return all(path in known or path in NOT_KERNEL or path.rpartition("/")[2] == ".git" for path in inside)


def _is_below(path: bytes, directories: Set[bytes]) -> bool:
    """Whether a path is one of some directories or below one."""
    while path and path not in directories:
        path = path.rpartition(b"/")[0]
    return path in directories


def _count(row: Row) -> int:
    """How many marks a row has."""
    return 2 + row[1].count(b"/") if row[1] else 1


def _paths(row: Row) -> list[bytes]:
    """The paths of the files of a row."""
    prefix = row[0] + b"/" if row[0] else b""
    return [prefix + name for name in row[1].split(b"/")] if row[1] else []


def _packed(numbers: Sequence[int]) -> bytes:
    try:
        return array("q", numbers).tobytes()
    except OverflowError:
        # A time that far away stands for all such times.
        return array("q", [min(number, _LARGEST) for number in numbers]).tobytes()


def _unpacked(marks: bytes) -> list[Mark]:
    numbers = iter(array("q", marks))
    return list(zip(numbers, numbers, numbers, strict=True))
