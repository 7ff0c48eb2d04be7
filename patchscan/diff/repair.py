"""Hunks of a diff as sound text: proved by the counts in their headers, the first spaces that mail took put back.

A library that parses diffs gives up the whole patch for one damaged hunk; here a hunk that cannot be proved is told
and left out, and the text of the others is what their author sent. A line is never judged by its looks alone.
"""

import re
from collections.abc import Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

HUNK = pattern(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@ ?(.*)")
NO_NEWLINE = "\\ No newline at end of file"


@frozen
class SoundHunk:
    """A hunk as its text: the header, then lines that begin with a space, "+", "-" or a backslash.

    lines: empty where the hunk could not be proved, and why says so; end: the index after it; restored: how many
    context lines had lost their first space.
    """

    lines: tuple[str, ...]
    end: int
    restored: int = 0
    why: str = ""


def starts_diff(lines: Sequence[str], at: int) -> bool:
    """Whether a file's diff begins at this line: "diff --git", or a ---/+++ pair with a hunk below it."""
    line = lines[at]
    if line.startswith(("diff --git ", "diff --cc ", "diff --combined ")):
        return True
    if line.startswith("--- ") and at + 2 < len(lines):
        return lines[at + 1].startswith("+++ ") and lines[at + 2].startswith("@@ -")
    return False


def hunk_end(lines: Sequence[str], at: int) -> int:
    """The index after the hunk whose header stands at this line; at + 1 where its counts do not fit."""
    read = sound_hunk(lines, at)
    return read.end if read.lines else at + 1


def sound_hunk(lines: Sequence[str], at: int) -> SoundHunk:
    """Read one hunk as far as its counts go.

    A line that begins with a tab is a context line that lost its space in the mail, if the counts come out
    right where the hunk may end; an empty one lost it too, which git and patch accept.
    """
    header = HUNK.match(lines[at])
    if not header:
        return SoundHunk((), _next_boundary(lines, at + 1), why="its header cannot be read")
    old_left, new_left = (int(count) if count else 1 for count in (header[2], header[4]))
    body: list[str] = []
    restored = 0
    end = at + 1
    while (old_left or new_left) and end < len(lines):
        line = lines[end]
        kind = line[:1]
        if kind == "+" and new_left:
            body.append(line)
            new_left -= 1
        elif kind == "-" and old_left:
            body.append(line)
            old_left -= 1
        elif kind == "\\" and body:
            body.append(NO_NEWLINE)
        elif kind in (" ", "", "\t", "\r") and old_left and new_left:
            body.append(line if kind == " " else " " + line)
            restored += kind == "\t"
            old_left, new_left = old_left - 1, new_left - 1
        else:
            break
        end += 1
    if end < len(lines) and lines[end].startswith("\\ ") and body:
        body.append(NO_NEWLINE)
        end += 1
    why = _unproved(header, lines, end, old_left, new_left, restored)
    if why:
        return SoundHunk((), _next_boundary(lines, at + 1), why=why)
    return SoundHunk((lines[at].rstrip("\r"), *body), end, restored)


def _unproved(
    header: re.Match[str], lines: Sequence[str], end: int, old_left: int, new_left: int, restored: int
) -> str:
    """Why the counts do not prove a hunk that was read up to end, or ""."""
    old_count, new_count = header[2] or "1", header[4] or "1"
    if old_left or new_left:
        found = f"{int(old_count) - old_left} and {int(new_count) - new_left}"
        return f"its header says {old_count} lines before and {new_count} after, found are {found}"
    while restored and end < len(lines) and not lines[end].strip():
        end += 1
    following = lines[end] if end < len(lines) else ""
    goes_on = following[:1] in ("+", " ", "\t") or (following[:1] == "-" and following[:2] != "--")
    if goes_on and following.strip():
        return f"it goes on after the {old_count} and {new_count} lines that its header says"
    return ""


def _is_boundary(lines: Sequence[str], at: int) -> bool:
    """Whether a hunk cannot go on here: another hunk or file begins."""
    line = lines[at]
    if not line or line[0] not in "d@-I":
        return False
    return line.startswith(("diff --", "@@ -", "Index: ")) or starts_diff(lines, at)


def _next_boundary(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and not _is_boundary(lines, at):
        at += 1
    return at
