"""Where reports go: standard output, a file, or a directory with a file each."""

from __future__ import annotations

import contextlib
import os
import sys

from patchscan.basics.usage import UsageError

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Documents = Iterable[tuple[str, str]]


@contextlib.contextmanager
def output_to(place: str | None) -> Iterator[Callable[[Documents], None]]:
    """A function that writes documents, pairs of file name and text, to standard output, a file or a directory.

    place: None for standard output; a directory is one that is there, or that a "/" at the end asks for. Bytes
    that are not UTF-8 come out as they came in. Raises UsageError where it cannot write.
    """
    try:
        if place is None:
            yield lambda documents: sys.stdout.writelines(text for _, text in documents)
        elif place.endswith("/") or os.path.isdir(place):
            os.makedirs(place, exist_ok=True)
            names: set[str] = set()
            yield lambda documents: write_files(place, documents, names)
        else:
            with open(place, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                yield lambda documents: file.writelines(text for _, text in documents)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"{place}: cannot be written: {error.strerror}") from None


def write_files(directory: str, documents: Documents, names: set[str]) -> None:
    """Write each document to a file of its own; names: those that this run has taken, which grows."""
    for name, text in documents:
        free = free_name(name, names)
        names.add(free)
        path = os.path.join(directory, free)
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.write(text)


def free_name(name: str, taken: set[str]) -> str:
    """The name, with a number before its suffix where it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{suffix}"
    return free


def use_colour(output: str | None) -> bool:
    """Whether to colour: only for a terminal that can and a user who does not mind."""
    plain = output or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def output_width() -> int:
    """Columns of the terminal, 80 where there is none, never so wide that prose is hard to read."""
    if not sys.stdout.isatty():
        return 80
    from shutil import get_terminal_size

    return min(get_terminal_size((80, 24)).columns, 110)
