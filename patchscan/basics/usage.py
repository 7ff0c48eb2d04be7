"""What all commands share with their users: wrong usage, severities, formats, exit status, TOML."""

from __future__ import annotations

from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    Documents = tuple[tuple[str, str], ...]
    # Columns, colour, and how much to say: as in patchscan.report.render.
    Style = tuple[int, bool, int]


CLEAN, FINDINGS, UNUSABLE, PARTLY = 0, 1, 2, 3
# Of several inputs the status of the one that went worst.
WORST_LAST = (CLEAN, PARTLY, FINDINGS, UNUSABLE)


LEVELS = ("info", "warning", "error")


FORMATS = ("text", "concise", "mail", "html", "markdown", "json", "sarif", "github", "b4", "patchwork")


class UsageError(Exception):
    """The command cannot be carried out as given; the text is one line that says why and what to do."""


def read_toml(path: str) -> dict[str, Any]:
    """A TOML file as plain data. Raises UsageError where it cannot be read."""
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
