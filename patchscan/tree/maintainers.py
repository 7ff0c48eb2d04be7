"""Which files a section of MAINTAINERS covers, and its patterns."""

import re
from collections.abc import Iterable
from functools import lru_cache

from patchscan.basics.pattern import pattern

_ENTRY = pattern(r"[A-Z]:\s")


def section_patterns(maintainers: bytes, title: str) -> tuple[str, ...] | None:
    """The F: patterns of the section of that title (case does not matter), None where there is no such section.

    A section is a title on a line of its own, followed by lines "X:<tab>value" (MAINTAINERS, "Descriptions of
    section entries").
    """
    wanted = title.strip().lower()
    lines = maintainers.decode("utf-8", "replace").split("\n")
    for at, line in enumerate(lines[:-1]):
        if line.strip().lower() == wanted and _ENTRY.match(lines[at + 1]):
            entries = []
            for entry in lines[at + 1 :]:
                if not _ENTRY.match(entry):
                    break
                entries.append(entry)
            return tuple(entry[2:].strip() for entry in entries if entry.startswith("F:"))
    return None


@lru_cache(maxsize=4)
def tip_patterns(maintainers: bytes) -> tuple[str, ...]:
    """The F: patterns of all sections whose tree (T:) is tip, which has coding rules of its own."""
    found: list[str] = []
    for section in maintainers.decode("utf-8", "replace").split("\n\n"):
        if "/tip/tip.git" in section:
            found += (line[2:].strip() for line in section.split("\n") if line.startswith("F:"))
    return tuple(found)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns covers a path."""
    return any(re.fullmatch(expression(pattern), path) for pattern in patterns)


def expression(pattern: str) -> str:
    """A pattern of MAINTAINERS as a regular expression: a directory covers all below it, * stays within a name."""
    parts = {"*": "[^/]*", "?": "[^/]"}
    text = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return text + ".*" if pattern.endswith("/") else text
