"""Regular expressions that are compiled when they are first used, not when their module is loaded.

Two hundred patterns take longer to compile than a small scan takes to run, and most scans need few of them.
"""

from __future__ import annotations

import re

from patchscan.basics.keptpatterns import compiled

# Not imported from typing, which `--version` needs not.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr


class _Pattern:
    """Stands for a pattern until one of its attributes is asked for; each is then kept, so that this costs once."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text: Any = text
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        value = getattr(compiled(self._text, self._flags), name)
        setattr(self, name, value)
        return value


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What re.compile() gives, later. A faulty pattern is an error at its first use."""
    stand_in: Any = _Pattern(text, flags)
    found: re.Pattern[AnyStr] = stand_in
    return found
