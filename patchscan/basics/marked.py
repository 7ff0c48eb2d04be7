"""What was made of files once, kept beside them until one of them changes: plain values, read back at once."""

import marshal
import os
import zlib
from collections.abc import Iterable
from typing import Any

# The plain types that we keep are read by every later Python; what is not is made anew.
_VERSION = 4


def mark_of(texts: Iterable[bytes]) -> int:
    """A check sum of files."""
    mark = 0
    for text in texts:
        mark = zlib.crc32(text, mark)
    return mark


def read_compiled(path: str, mark: int) -> Any:
    """The value that is kept, None where it is of other files."""
    try:
        with open(path, "rb") as file:
            kept_mark, value = marshal.loads(file.read())
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return value if kept_mark == mark else None


def write_compiled(path: str, mark: int, value: Any) -> None:
    """Keep a value, where we may write there."""
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "wb") as file:
            marshal.dump((mark, value), file, _VERSION)
        os.replace(draft, path)
    except OSError:
        return
