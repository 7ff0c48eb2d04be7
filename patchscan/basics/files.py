"""Files read with care: what may block, has no end or is too large is refused, and why is said."""

import os
import stat
from collections.abc import Callable
from typing import Any

from patchscan.basics.budget import BUDGET

# The largest file of a kernel tree has 23 MiB (6.12, generated register names).
MOST_OF_TREE = BUDGET.tree_file_bytes.most
MOST_OF_SETTINGS = BUDGET.settings_bytes.most
MOST_OF_INPUT = BUDGET.input_bytes.most
_PIECE = 1 << 20


class Unreadable(Exception):
    """A file is not read; the text says why, without the file's name."""


def read_file(path: str, most: int, pipes: bool = False) -> bytes:
    """The content of a regular file of at most so many bytes; /dev/null is an empty one.

    pipes: of a pipe as well, up to its end; one that nobody writes to is empty. Raises Unreadable for everything else:
    a device, a larger file.
    """
    try:
        # O_NONBLOCK: the opening of a named pipe must not hold us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Unreadable(f"cannot be read: {error}") from None
    try:
        status = os.fstat(descriptor)
        mode = status.st_mode
        if path == os.devnull:
            return b""
        pipe = pipes and stat.S_ISFIFO(mode)
        if not (stat.S_ISREG(mode) or pipe):
            kind = "is a directory" if stat.S_ISDIR(mode) else "is no regular file"
            raise Unreadable(f"cannot be read: {kind}")
        if status.st_size > most:
            raise Unreadable(_too_large(most))
        os.set_blocking(descriptor, True)
        with open(descriptor, "rb", closefd=False) as stream:
            return read_stream(stream.read, most) if pipe else stream.read()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def read_toml_file(path: str) -> tuple[str, dict[str, Any]]:
    """A TOML file as text, for who must tell a place in it, and as plain data. Raises Unreadable."""
    return parsed_toml(read_file(path, MOST_OF_SETTINGS))


def parsed_toml(content: bytes) -> tuple[str, dict[str, Any]]:
    """The same of what a file holds. Raises Unreadable for all that tomllib raises, not its error only."""
    import tomllib

    try:
        text = content.decode()
        return text, tomllib.loads(text)
    except RecursionError:
        raise Unreadable("not read: it is nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"not TOML: {error}") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"not TOML: no UTF-8 at byte {error.start}") from None
    except ValueError:
        raise Unreadable("not read: a number in it has thousands of digits") from None


def read_stream(read: Callable[[int], bytes], most: int) -> bytes:
    """All that a stream gives, by its read(). Raises Unreadable where that is more than so many bytes."""
    pieces: list[bytes] = []
    size = 0
    while piece := read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise Unreadable(_too_large(most))
    return b"".join(pieces)


def _too_large(most: int) -> str:
    return f"not read: it holds more than {most >> 20} MiB"
