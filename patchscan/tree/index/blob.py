"""The name that git gives to a content: what a file of a tree is known by, whatever its path and its times."""

import hashlib
import os
import stat
from collections.abc import Sequence
from functools import partial

from patchscan.basics.files import MOST_OF_TREE
from patchscan.tree.index.comparison import Mark, mark
from patchscan.tree.index.parallel import in_parallel

_FEW_FILES = 1000


def blob_of(content: bytes) -> bytes:
    """The 20 bytes of git's object name of a content (SHA-1)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()


def marked_blob(path: str) -> tuple[Mark, bytes] | None:
    """The mark of a regular file and the blob of what it held then; None for a link and what else is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_size > MOST_OF_TREE:
            return None
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read()
        return (mark(before), blob_of(content)) if mark(before) == mark(os.fstat(descriptor)) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def marked_blobs(root: str, paths: Sequence[str]) -> list[tuple[Mark, bytes] | None]:
    """marked_blob() of some files below a directory, in order; many are read by two processes."""
    work = partial(_blobs_in, root)
    if len(paths) < _FEW_FILES or (os.cpu_count() or 1) < 2:
        return work(paths)
    half = len(paths) // 2
    first, second = in_parallel(work, [paths[:half], paths[half:]])
    return first + second


def _blobs_in(root: str, paths: Sequence[str]) -> list[tuple[Mark, bytes] | None]:
    return [marked_blob(os.path.join(root, path)) for path in paths]
