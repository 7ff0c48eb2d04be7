"""Whether anything changed below a directory, as the kernel tells by inotify: directories and sources are watched.

To look at every file of a tree takes a fifth of a second; where nothing was told of since then, it is not done again.
A file is watched itself, not by its directory alone, since another name of it may lie elsewhere. It is done on file
systems of this machine only, which tell of all changes; where the kernel drops events, a directory or file comes or
goes, or something is mounted, all is looked at again. What writes to a file that it has mapped into its memory is seen
when it lets go of it: the times of a file, which are looked at otherwise, tell of that late, too.
"""

import ctypes
import os
import sqlite3
import struct
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress

from patchscan.tree.index.comparison import Difference
from patchscan.tree.index.lookup import KINDS

_CONTENT = 0x2 | 0x4 | 0x8
_COMING = 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
_NOT_THROUGH_LINKS = 0x02000000
_OF_DIRECTORY = 0x40000000
_EVENT = struct.Struct("iIII")
_BUFFER = 1 << 20
# File systems that tell of each change, whoever makes it.
_LOCAL = frozenset((b"ext4", b"xfs", b"tmpfs", b"f2fs"))
# How often a tree is compared before it is watched again, at most: where files come and go, that does not pay.
_LONGEST_PAUSE = 63
_MOST_QUESTIONS = 4096


class Watch:
    """A watch on the directories and sources below a root. Raises OSError where there can be none."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.events = -1
        self.mounts = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.mounted = self.mounts_now()
            self.place = place_of(root)
            if not is_local(self.mounted, self.place[0]):
                raise OSError(f"{root}: no file system that tells of each change")
            libc = ctypes.CDLL(None, use_errno=True)
            self.add = libc.inotify_add_watch
            self.events = checked(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
            for path in self.paths():
                mask = _CONTENT | _COMING | _NOT_THROUGH_LINKS
                checked(self.add(self.events, os.fsencode(path), mask))
        except OSError:
            self.close()
            raise

    def paths(self) -> Iterator[str]:
        """The directories and sources below the root, a directory before what is in it is looked for."""
        pending = [self.root]
        while pending:
            directory = pending.pop()
            yield directory
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git":
                            if entry.stat(follow_symlinks=False).st_dev != self.place[0]:
                                raise OSError(f"{entry.path}: another file system")
                            pending.append(entry.path)
                    elif any(kind.has_name(entry.name) for kind in KINDS):
                        yield entry.path

    def mounts_now(self) -> bytes:
        """What is mounted, in the words of the kernel."""
        data = b""
        while piece := os.pread(self.mounts, _BUFFER, len(data)):
            data += piece
        return data

    def told(self) -> tuple[bool, bool]:
        """(whether anything was told of since this was asked last, whether the watch still sees all there is)."""
        whole = self.mounts_now() == self.mounted and place_of(self.root) == self.place
        any_event = False
        while data := self.read():
            any_event = True
            at = 0
            while at < len(data):
                _, mask, _, length = _EVENT.unpack_from(data, at)
                whole = whole and not mask & ~(_CONTENT | _OF_DIRECTORY)
                at += _EVENT.size + length
        return any_event, whole

    def read(self) -> bytes:
        """Some events, none where there are no more."""
        try:
            return os.read(self.events, _BUFFER)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Watch no more."""
        for number in (self.events, self.mounts):
            if number >= 0:
                os.close(number)
        self.events = self.mounts = -1


class Watched:
    """A tree that is compared again and again.

    asked: how each question is answered; known: its answer, while nothing has changed; pause: for how many rests the
    tree is not watched yet.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.watch: Watch | None = None
        self.asked: dict[Hashable, Callable[[], Difference]] = {}
        self.known: dict[Hashable, Difference] = {}
        self.refused = False
        self.used = self.pause = self.length = 0

    def settled(self, question: Hashable, compare: Callable[[], Difference]) -> Difference:
        """See patchscan.tree.index.quiet.Watcher."""
        self.look()
        if question in self.known:
            self.used += 1
            return self.known[question]
        found = compare()
        if len(self.asked) > _MOST_QUESTIONS:
            self.asked.clear()
            self.known.clear()
        self.asked[question] = compare
        if self.watch is not None:
            self.known[question] = found
        return found

    def look(self) -> None:
        """Forget what may not hold any more, and a watch that does not see all."""
        if self.watch is None:
            return
        told, whole = self.watch.told()
        if told or not whole:
            self.known.clear()
        if not whole:
            self.watch.close()
            self.watch = None
            self.length = 0 if self.used > len(self.asked) else min(2 * self.length + 1, _LONGEST_PAUSE)
            self.used, self.pause = 0, self.length

    def rest(self) -> None:
        """Begin to watch, while nobody waits; what was asked is compared once more, for it may have changed before."""
        if self.watch is not None or self.refused or not self.asked:
            return
        if self.pause:
            self.pause -= 1
            return
        try:
            self.watch = Watch(self.root)
        except OSError:
            self.refused = True
            return
        for question, compare in list(self.asked.items()):
            with suppress(sqlite3.Error, OSError):
                self.known[question] = compare()


class Watcher:
    """The trees that a process watches, the one asked for last; it has no use for more."""

    def __init__(self) -> None:
        self.tree: Watched | None = None

    def settled(self, root: str, question: Hashable, compare: Callable[[], Difference]) -> Difference:
        """See patchscan.tree.index.quiet.Watcher."""
        if self.tree is None or self.tree.root != root:
            if self.tree is not None and self.tree.watch is not None:
                self.tree.watch.close()
            self.tree = Watched(root)
        return self.tree.settled(question, compare)

    def rest(self) -> None:
        """What can be done while nobody waits."""
        if self.tree is not None:
            self.tree.rest()


def place_of(path: str) -> tuple[int, int]:
    """What tells a directory from another one of the same name."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def is_local(mounts: bytes, device: int) -> bool:
    """Whether a device is one of a file system of this machine; mounts: as /proc/self/mountinfo has them."""
    wanted = b"%d:%d" % (os.major(device), os.minor(device))
    kinds = {
        line.partition(b" - ")[2].split(b" ")[0]
        for line in mounts.splitlines()
        if line.split(b" ")[2] == wanted
    }
    return bool(kinds) and kinds <= _LOCAL


def checked(result: int) -> int:
    """What a call of the C library gave. Raises OSError."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
