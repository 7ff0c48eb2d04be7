"""Where reports go: standard output, a file, or a directory with a file each; never over what is read."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

from patchscan.basics.usage import UsageError

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO, TextIO

    from patchscan.results import Report

    Documents = Iterable[tuple[str, str]]

# The formats whose documents cannot simply follow each other in one file.
JOINED = ("json", "sarif", "gitlab", "rdjson", "html")
# So many characters of documents are held; what is above them waits in a file.
_MOST_HELD = 8 << 20


def inputs_of(options: Namespace) -> frozenset[tuple[int, int]]:
    """What the files that a command reads are to the system (device and number), however they are named."""
    named = [*getattr(options, "series", ()), *(getattr(options, name, None) for name in ("old", "new"))]
    named += [getattr(options, name, None) for name in ("previous", "config", "baseline")]
    return frozenset(identity for path in (0, *named) if path is not None for identity in identities(path))


def identities(path: str | int) -> Iterator[tuple[int, int]]:
    """The file, or the files in a directory and in the folders of a Maildir; 0 is standard input."""
    try:
        status = os.stat(path)
        if not stat.S_ISCHR(status.st_mode):
            yield status.st_dev, status.st_ino
        if isinstance(path, int):
            return
        for folder in (path, os.path.join(path, "cur"), os.path.join(path, "new")):
            if os.path.isdir(folder):
                with os.scandir(folder) as entries:
                    yield from ((found.st_dev, found.st_ino) for found in (entry.stat() for entry in entries))
    except (OSError, ValueError):
        return


def open_output(path: str, inputs: frozenset[tuple[int, int]]) -> TextIO:
    """Open a file to write, bytes that are not UTF-8 as they came in. Raises UsageError."""
    try:
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in inputs:
                raise UsageError(f"{path}: not written, for it is read: name another file")
        return open(path, "w", encoding="utf-8", errors="surrogateescape", newline="\n")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None


def write_output(path: str, texts: Iterable[str], inputs: frozenset[tuple[int, int]]) -> None:
    """Write a file in one go. Raises UsageError."""
    file = open_output(path, inputs)
    with of_output(path), file:
        file.writelines(texts)


@contextlib.contextmanager
def of_output(path: str) -> Iterator[None]:
    """What goes wrong within is the fault of the output."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def in_one(
    form: str, place: str | None, write: Callable[[Documents], None]
) -> Iterator[Callable[[Documents], None]]:
    """A function that writes documents, at the end and as one where a format needs that and they share a place."""
    if form not in JOINED or (place is not None and (place.endswith("/") or os.path.isdir(place))):
        yield write
        return
    held = PutBy()
    yield held.extend
    if len(held) < 2:
        write((held.name, text) for text in held)
        return
    from patchscan.report.joining import joined

    write((held.name, piece) for piece in joined(form, held))


class PutBy:
    """The texts of documents until the last is there, few of them in memory; name: of the first document."""

    def __init__(self) -> None:
        self.name = ""
        self._places: list[tuple[int, int]] = []
        self._held: list[str] = []
        self._file: BinaryIO | None = None

    def extend(self, documents: Documents) -> None:
        """Take some more in."""
        for name, text in documents:
            self.name = self.name or name
            self._held.append(text)
        if sum(map(len, self._held)) > _MOST_HELD:
            self._put_by()

    def _put_by(self) -> None:
        if self._file is None:
            # Imported here: few scans have so much to say.
            import tempfile

            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (read as long as this is)
        for text in self._held:
            start = self._file.seek(0, os.SEEK_END)
            self._places.append((start, self._file.write(text.encode("utf-8", "surrogatepass"))))
        self._held.clear()

    def __len__(self) -> int:
        return len(self._places) + len(self._held)

    def __getitem__(self, number: int) -> str:
        if number >= len(self._places):
            return self._held[number - len(self._places)]
        assert self._file is not None
        self._file.seek(self._places[number][0])
        return self._file.read(self._places[number][1]).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))


@contextlib.contextmanager
def output_to(place: str | None, inputs: frozenset[tuple[int, int]]) -> Iterator[Callable[[Documents], None]]:
    """A function that writes documents, pairs of file name and text, to standard output, a file or a directory.

    place: None for standard output; a directory is one that is there, or that a "/" at the end asks for. A file is
    opened when there is something to write, so that a scan that fails leaves it as it was. Raises UsageError where
    it cannot write, or would write over an input.
    """
    if place is None:
        yield lambda documents: sys.stdout.writelines(for_terminal(*document) for document in documents)
    elif place.endswith("/") or os.path.isdir(place):
        with of_output(place):
            os.makedirs(place, exist_ok=True)
        names: set[str] = set()
        yield lambda documents: _write_files(place, documents, names, inputs)
    else:
        opened: list[TextIO] = []

        def write(documents: Documents) -> None:
            if not opened:
                opened.append(open_output(place, inputs))
            with of_output(place):
                opened[0].writelines(text for _, text in documents)

        try:
            yield write
            write(())
        finally:
            with of_output(place):
                for file in opened:
                    file.close()


def for_terminal(name: str, text: str) -> str:
    """A document as standard output may take it: what a mail wrote into a patch is escaped on a terminal."""
    if not name.endswith((".patch", ".diff")) or not sys.stdout.isatty():
        return text
    from patchscan.basics.printable import printable

    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def _write_files(
    directory: str, documents: Documents, names: set[str], inputs: frozenset[tuple[int, int]]
) -> None:
    """Write each document to a file of its own; names: those that this run has taken, which grows."""
    for name, text in documents:
        free = free_name(name, names)
        names.add(free)
        write_output(os.path.join(directory, free), (text,), inputs)


def free_name(name: str, taken: set[str]) -> str:
    """The name, with a number before its suffix where it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{suffix}"
    return free


def use_colour(output: str | None, choice: str = "auto") -> bool:
    """Whether to colour: as asked for, else as NO_COLOR or FORCE_COLOR say, else for a terminal that can."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return not output
    return sys.stdout.isatty() and not output and os.environ.get("TERM") != "dumb"


def output_width() -> int:
    """Columns of the terminal, 80 where there is none; COLUMNS goes before what it says."""
    if not sys.stdout.isatty():
        return 80
    from shutil import get_terminal_size

    return min(get_terminal_size((80, 24)).columns, 200)


def write_tests(report: Report, options: Namespace) -> Report:
    """Write the litmus test of each model into --models DIR; the report then says where it is. Raises UsageError."""
    from patchscan.basics.record import replace

    try:
        os.makedirs(options.models, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{options.models}: cannot be made: {why}") from None
    models = []
    for model in report.models:
        if model.litmus:
            path = os.path.join(options.models, os.path.basename(model.replay.rpartition(" ")[2]))
            write_output(path, (model.litmus,), inputs_of(options))
            model = replace(model, replay=f"patchscan simulate --timeline {path}")
        models.append(model)
    return replace(report, models=tuple(models))
