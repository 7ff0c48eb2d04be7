"""Series made from texts, for tests: the unified diff (for GNU patch and git) and our own types."""

import difflib
import re
from collections.abc import Mapping

from patchscan.series import ChangeKind, FileChange, Hunk, Line, LineKind, Patch, Series

HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def diff_text(path: str, before: str, after: str, context: int = 3) -> str:
    """A unified diff with a/ and b/ prefixes."""
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))
    lines = difflib.unified_diff(old, new, "a/" + path, "b/" + path, n=context)
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )


KINDS: Mapping[str, LineKind] = {" ": " ", "+": "+", "-": "-"}


def hunks_of(diff: str) -> tuple[Hunk, ...]:
    """The hunks of a one-file diff."""
    hunks: list[Hunk] = []
    numbers: tuple[int, int, int, int] | None = None
    lines: list[Line] = []
    old = new = 0
    for text in [*diff.split("\n")[2:-1], "@@ -0,0 +0,0 @@"]:
        header = HEADER.match(text)
        if header:
            if numbers:
                hunks.append(Hunk(*numbers, "", tuple(lines)))
            old, old_count, new, new_count = (
                1 if number is None else int(number) for number in header.groups()
            )
            numbers, lines = (old, old_count, new, new_count), []
        elif text.startswith("\\"):
            last = lines.pop()
            lines.append(Line(last.kind, last.text, last.old, last.new, newline=False))
        else:
            kind = KINDS[text[0]]
            lines.append(Line(kind, text[1:], None if kind == "+" else old, None if kind == "-" else new))
            old, new = old + (kind != "+"), new + (kind != "-")
    return tuple(hunks)


def change(path: str, before: str | None, after: str | None, context: int = 3) -> FileChange:
    """What turns before into after; None means that the file is not there."""
    kind: ChangeKind = "create" if before is None else "delete" if after is None else "modify"
    hunks = hunks_of(diff_text(path, before or "", after or "", context))
    return FileChange(path, None if before is None else path, kind, hunks)


def patch(index: int, *changes: FileChange) -> Patch:
    """A patch without any text of its own."""
    return Patch(index, index, 1, f"patch {index}", f"patch {index}", "", "", "", (), (), (), changes)


def series(*patches: Patch, base_commit: str | None = None) -> Series:
    """A series of patches."""
    return Series("a series", 1, "", None, patches, base_commit=base_commit)
