"""What was found in files of a tree, by their paths: taken again where a file has the size and times that it had then.

Facts of a content (patchscan.facts.store) ask for the content to be read; of the hundreds of headers that a file
reaches, this takes most of the time. Here only their marks are looked at, as an index of the tree looks at them, and
what is kept of all files of a tree is read at once. A value is kept of a file that was read after its mark was taken,
and not of one that changed just before.
"""

import marshal
import os
import time
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any

from patchscan.tree import Directory, Tree
from patchscan.tree.index.comparison import RACY_NANOSECONDS, Mark
from patchscan.tree.index.location import may_be_indexed

if TYPE_CHECKING:
    from patchscan.facts.store import Store

# Of more files nothing further is kept.
_MOST = 20_000
_DIGEST_SIZE = 8


class ByMark:
    """What is kept of the files of a tree under a name; makers: the modules that found it, with all it hangs on."""

    def __init__(self, store: "Store", root: str, name: str, makers: Sequence[str]) -> None:
        self._root = root + "/"
        self._store = store
        self._name = name
        self._key = _digest_of(makers)
        self._kept: dict[str, tuple[Mark, Any]] = _unpacked(store.stored(name, self._key))
        self._is_new = False

    def get(self, path: str) -> Any:
        """What was kept of a file, None where it has changed since, or nothing was."""
        known = self._kept.get(path)
        return known[1] if known is not None and self.mark(path) == known[0] else None

    def mark(self, path: str) -> Mark | None:
        """The mark of a regular file or directory, None for anything else: it is taken before that is read."""
        try:
            stat = os.lstat(self._root + path)
        except OSError:
            return None
        is_one = S_ISREG(stat.st_mode) or S_ISDIR(stat.st_mode)
        return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) if is_one else None

    def keep(self, path: str, mark: Mark | None, value: Any) -> None:
        """Keep a value of plain data, which was found after the mark was taken."""
        if mark is None or not is_settled(mark) or len(self._kept) >= _MOST:
            return
        self._kept[path] = mark, value
        if not self._is_new:
            self._is_new = True
            self._store.keep_later(self._name, self._key, lambda: _packed(self._kept))


def is_settled(mark: Mark) -> bool:
    """Whether a change from now on gives another mark."""
    return max(mark[1:]) < time.time_ns() - RACY_NANOSECONDS


@lru_cache(maxsize=16)
def by_mark(tree: Tree, name: str, *makers: str) -> ByMark | None:
    """What is kept of the files of a tree; None where nothing is: without an index, or where questions are noted."""
    if type(tree) is not Directory or not may_be_indexed(tree):
        return None
    # Imported here: it takes a tenth of a small scan.
    from patchscan.facts.store import store_of

    return ByMark(store_of(tree), tree.root, name, makers)


@lru_cache(maxsize=16)
def _digest_of(makers: Sequence[str]) -> bytes:
    digest = blake2b(digest_size=12)
    for path in (__file__, *makers):
        with open(path, "rb") as stream:
            digest.update(stream.read())
    return digest.digest()


def _packed(kept: dict[str, tuple[Mark, Any]]) -> bytes:
    text = marshal.dumps(kept)
    return blake2b(text, digest_size=_DIGEST_SIZE).digest() + text


def _unpacked(stored: bytes | None) -> dict[str, tuple[Mark, Any]]:
    text = (stored or b"")[_DIGEST_SIZE:]
    if not text or blake2b(text, digest_size=_DIGEST_SIZE).digest() != (stored or b"")[:_DIGEST_SIZE]:
        return {}
    found: dict[str, tuple[Mark, Any]] = marshal.loads(text)
    return found
