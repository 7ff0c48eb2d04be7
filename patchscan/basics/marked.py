"""What was made of files once, kept beside them until one of them changes: plain values, read back at once.

Whether one did is told by sizes and times first, as Python does for its own compiled files, and where these are others
by a check sum: of an installed package both stay, of a checkout the second. Of files that changed just before the check
sum alone counts: they may change again without another time.
"""

import marshal
import os
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

# The plain types that we keep are read by every later Python; what is not is made anew.
_VERSION = 4
_RACY_NANOSECONDS = 2_000_000_000


def made_of(paths: Sequence[str], kept: str, make: Callable[[], Any]) -> Any:
    """What make() gives for files, from the file of what is kept where that is of the same ones; None is not kept."""
    stamp = _stamp_of(paths)
    known = _read(kept)
    if known is not None and known[0] == stamp and stamp is not None:
        return known[2]
    mark = _mark_of(paths)
    value = known[2] if known is not None and known[1] == mark else make()
    if value is not None and (known is None or known[:2] != (stamp, mark)):
        _write(kept, (stamp, mark, value))
    return value


def _stamp_of(paths: Iterable[str]) -> int | None:
    """Of files: names, sizes and times; None where one has changed so shortly before that it tells nothing."""
    found = []
    latest = time.time_ns() - _RACY_NANOSECONDS
    for path in paths:
        status = os.stat(path)
        if max(status.st_mtime_ns, status.st_ctime_ns) > latest:
            return None
        found.append((os.path.basename(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return zlib.crc32(repr(found).encode())


def _mark_of(paths: Iterable[str]) -> int:
    """Of files: names, and a check sum of what they hold."""
    mark = 0
    for path in paths:
        with open(path, "rb") as file:
            mark = zlib.crc32(file.read(), zlib.crc32(os.path.basename(path).encode(), mark))
    return mark


def _read(path: str) -> tuple[int | None, int, Any] | None:
    try:
        with open(path, "rb") as file:
            stamp, mark, value = marshal.loads(file.read())
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return stamp, mark, value


def _write(path: str, value: tuple[int | None, int, Any]) -> None:
    """Keep a value, where we may write there."""
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "wb") as file:
            marshal.dump(value, file, _VERSION)
        os.replace(draft, path)
    except OSError:
        return
