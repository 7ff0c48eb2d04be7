"""What all commands share with their users: wrong usage, severities, formats, exit status, TOML."""

from __future__ import annotations

# Not imported from typing, which `--version` needs not.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Documents = tuple[tuple[str, str], ...]
    # Columns, colour, and how much to say: as in patchscan.report.render.
    Style = tuple[int, bool, int]


CLEAN, FINDINGS, UNUSABLE, PARTLY = 0, 1, 2, 3
# A fault of ours (EX_SOFTWARE of sysexits.h), which must not look like a finding.
CRASHED = 70
# As a shell tells of a program that the signals INT and PIPE ended.
INTERRUPTED, READER_GONE = 130, 141
# Of several inputs the status of the one that went worst.
WORST_LAST = (CLEAN, PARTLY, FINDINGS, UNUSABLE, CRASHED)


LEVELS = ("info", "warning", "error")


FORMATS = (
    "text",
    "concise",
    "mail",
    "fixups",
    "html",
    "markdown",
    "json",
    "sarif",
    "github",
    "gitlab",
    "rdjson",
    "b4",
    "patchwork",
)


class UsageError(Exception):
    """The command cannot be carried out as given; the text is one line that says why and what to do."""


def seconds(text: str) -> float:
    """A number of seconds. Raises ValueError for what is none, endless or negative."""
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError
    return value


def working_directory() -> str:
    """Where we stand. Raises UsageError where that directory was removed meanwhile."""
    import os

    try:
        return os.getcwd()
    except OSError:
        raise UsageError("the working directory is not there any more") from None


def read_toml(path: str) -> dict[str, Any]:
    """A TOML file as plain data. Raises UsageError where it cannot be read."""
    from patchscan.basics.files import Unreadable, read_toml_file

    try:
        return read_toml_file(path)[1]
    except Unreadable as error:
        raise UsageError(f"{path}: {error}") from None
