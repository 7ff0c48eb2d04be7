"""Standard streams that are closed, full or narrow: each is told in one line, none ends in a traceback."""

from __future__ import annotations

import contextlib
import io
import os
import sys

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Closed(io.TextIOBase):
    """Stands for a standard stream that was closed before we began; to write to it fails as the system has it."""

    def write(self, text: str) -> int:
        """Raises OSError, unless there is nothing to write."""
        if text:
            raise OSError(9, os.strerror(9))
        return 0

    def writable(self) -> bool:
        """Whether one may try."""
        return True


def prepare_streams() -> None:
    """Make standard streams usable whatever they are.

    The numbers 0 to 2 are taken, so that no file which is opened later is taken for one of them; what a stream's
    encoding lacks is written as an escape.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while (taken := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(taken)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BytesIO())
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.BytesIO())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """A line on standard error, as far as that can be written."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        forget(sys.stderr)


def say_aside(text: str) -> None:
    """A line for the user from within what is kept from printing; where that is taken for a fault, this is none."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.__stderr__, flush=True)


def forget_output() -> None:
    """Send what standard output still holds nowhere."""
    forget(sys.stdout)


def forget(stream: TextIO) -> None:
    """Send what a stream still holds nowhere, or Python would fail on it at its exit, with a status of its own."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
