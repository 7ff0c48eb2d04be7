"""Diff text to file changes and hunks.

Our own reader, and unidiff only its oracle in the tests: unidiff gives up the whole patch for one damaged
hunk, refuses context lines that lost their space, reads a combined diff as nothing, and does not decode
quoted names. The counts in the hunk headers are what is believed; a line is never judged by its looks alone.
"""

import re
from collections.abc import Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen
from patchscan.diff.names import names_in_tree, refusal, unquote
from patchscan.series import FileChange, Hunk, Line

_HUNK = pattern(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@ ?(.*)")
_EPOCH = pattern(r"\t(?:1970-01-01 0|1969-12-31 )|\tThu Jan +1 0?0?:?00:00 1970")
_TIME = pattern(r" ?[ ][0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}.*$")
_SYMLINK, _SUBMODULE = "120000", "160000"


class _Section:
    """The part of a diff that speaks of one file, as far as it has been read."""

    def __init__(self, where: str, git: str = "", old: str = "", new: str = "") -> None:
        self.where = where
        self.git, self.old, self.new = git, old, new
        self.renamed: dict[str, str] = {}
        self.modes: set[str] = set()
        self.created = self.deleted = self.mode_changed = self.binary = False
        self.hunks: list[Hunk] = []
        self.repaired: list[str] = []
        self.damaged: list[str] = []


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
    read = _read_hunk(lines, at)
    return read.end if read.hunk else at + 1


def read_diff(lines: Sequence[str], where: str) -> tuple[tuple[FileChange, ...], tuple[Problem, ...]]:
    """Read the file changes in lines (no newlines); text between and after them is passed over.

    A hunk whose counts cannot be proved is left out of its file, which then says so in `damaged`; a file
    whose path leaves the tree and a combined diff are left out. Each is a Problem, and so is a repair.
    where: what to call the patch.
    """
    problems: list[Problem] = []
    files: list[FileChange] = []
    section: _Section | None = None
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("diff --git "):
            _close(section, files, problems)
            section, at = _read_git_header(lines, at, where)
        elif line.startswith(("diff --cc ", "diff --combined ", "@@@ ")):
            _close(section, files, problems)
            section = None
            if not line.startswith("@@@ "):
                name = line.split(" ", 2)[2]
                problems.append(
                    Problem(
                        where, f"{name}: a combined diff (of a merge) cannot be read; left out", lost=True
                    )
                )
            at += 1
        elif starts_diff(lines, at):
            if section is None or section.hunks or section.damaged or section.old:
                _close(section, files, problems)
                section = _Section(where)
            section.old, section.new = line[4:], lines[at + 1][4:]
            at += 2
        elif line.startswith("@@ -") and (section or _HUNK.match(line)):
            if section is None:
                problems.append(
                    Problem(where, f'hunk "{line[:60]}" has no file above it; left out', lost=True)
                )
            at = _add_hunk(lines, at, section)
        elif line.startswith("Binary files ") and line.endswith(" differ"):
            problems.append(Problem(where, f"{line[:200]}: the files have no names in this diff; left out"))
            at += 1
        else:
            at += 1
    _close(section, files, problems)
    return tuple(files), tuple(problems)


def _read_git_header(lines: Sequence[str], at: int, where: str) -> tuple[_Section, int]:
    section = _Section(where, git=lines[at][len("diff --git ") :])
    at += 1
    while at < len(lines) and _read_header_line(section, lines, at):
        at += 1
    return section, at


def _read_header_line(section: _Section, lines: Sequence[str], at: int) -> bool:
    """Take in one extended header line of git; False where the header ends."""
    line = lines[at]
    words = line.split(" ", 2)
    match words:
        case ["rename" | "copy", "from" | "to", name]:
            section.renamed[f"{words[0]} {words[1]}"] = name
        case ["new", "file", mode]:
            section.created = True
            section.modes.add(mode.removeprefix("mode "))
        case ["deleted", "file", mode]:
            section.deleted = True
            section.modes.add(mode.removeprefix("mode "))
        case ["old" | "new", "mode", mode]:
            section.mode_changed = True
            section.modes.add(mode.strip())
        case ["index", _, mode]:
            section.modes.add(mode.strip())
        case ["index", _] | ["similarity" | "dissimilarity", *_]:
            pass
        case ["Binary", "files", _] | ["GIT", "binary", _]:
            section.binary = True
        case ["---", name, *rest] if at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            section.old, section.new = " ".join([name, *rest]), lines[at + 1][4:]
        case ["+++", *_] if section.new:
            pass
        case _:
            return False
    return True


@frozen
class _HunkRead:
    hunk: Hunk | None
    end: int
    restored: int = 0
    why: str = ""


def _add_hunk(lines: Sequence[str], at: int, section: _Section | None) -> int:
    read = _read_hunk(lines, at)
    if section is None:
        return read.end
    number = len(section.hunks) + len(section.damaged) + 1
    if read.hunk is None:
        section.damaged.append(f"hunk {number} left out: {read.why}")
    else:
        section.hunks.append(read.hunk)
        if read.restored:
            section.repaired.append(
                f"hunk {number}: {read.restored} context lines had lost their first space"
            )
    return read.end


def _read_hunk(lines: Sequence[str], at: int) -> _HunkRead:
    """Read one hunk as far as its counts go.

    A line that begins with a tab is a context line that lost its space in the mail, if the counts come out
    right where the hunk may end; an empty one lost it too, which git and patch accept.
    """
    header = _HUNK.match(lines[at])
    if not header:
        return _HunkRead(None, _next_boundary(lines, at + 1), why="its header cannot be read")
    old, new = int(header[1]), int(header[3])
    old_count, new_count = (int(count) if count else 1 for count in (header[2], header[4]))
    old_end, new_end = old + old_count, new + new_count
    start_old, start_new = old, new
    body: list[Line] = []
    restored = 0
    end = at + 1
    while (old < old_end or new < new_end) and end < len(lines):
        line = lines[end]
        kind = line[:1]
        if kind == "+" and new < new_end:
            body.append(Line("+", line[1:], None, new))
            new += 1
        elif kind == "-" and old < old_end:
            body.append(Line("-", line[1:], old, None))
            old += 1
        elif kind == "\\" and body:
            body[-1] = _without_newline(body[-1])
        elif kind in (" ", "", "\t", "\r") and old < old_end and new < new_end:
            body.append(Line(" ", line[1:] if kind == " " else line, old, new))
            restored += kind == "\t"
            old, new = old + 1, new + 1
        else:
            break
        end += 1
    if end < len(lines) and lines[end].startswith("\\ ") and body:
        body[-1] = _without_newline(body[-1])
        end += 1
    why = _unproved(header, lines, end, old_end - old, new_end - new, restored)
    if why:
        return _HunkRead(None, _next_boundary(lines, at + 1), why=why)
    hunk = Hunk(start_old, old_count, start_new, new_count, header[5].rstrip("\r"), tuple(body))
    return _HunkRead(hunk, end, restored)


def _without_newline(line: Line) -> Line:
    return Line(line.kind, line.text, line.old, line.new, newline=False)


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


def _close(section: _Section | None, files: list[FileChange], problems: list[Problem]) -> None:
    """Turn what was read of one file into its FileChange, or say why there is none."""
    if section is None:
        return
    old, new = _names(section)
    path = new or old
    if path is None:
        named = section.old if section.new in ("", "/dev/null") else section.new
        named = named or section.git
        why = refusal(unquote(named))
        problems.append(Problem(section.where, f"{named[:200]}: {why}; left out", lost=True))
        return
    problems.extend(Problem(section.where, f"{path}: {why}", lost=True) for why in section.damaged)
    if section.repaired:
        how = "; ".join(section.repaired)
        problems.append(
            Problem(section.where, f"{path}: damaged in the mail, repaired by the hunk counts: {how}")
        )
    files.append(
        FileChange(
            path=path,
            old_path=old,
            kind=_kind(section, old, new),
            hunks=tuple(section.hunks),
            repaired="; ".join(section.repaired),
            damaged="; ".join(section.damaged),
        )
    )


def _names(section: _Section) -> tuple[str | None, str | None]:
    """The file before and after; None where it does not exist, both None where a path is refused."""
    for what in ("rename", "copy"):
        source, target = section.renamed.get(f"{what} from"), section.renamed.get(f"{what} to")
        if source is not None and target is not None:
            return names_in_tree(unquote(source), unquote(target), prefixed=False)
    created, deleted = section.created, section.deleted
    if section.old and section.new:
        old, new = (
            unquote(_TIME.sub("", name.partition("\t")[0]).rstrip("\r"))
            for name in (section.old, section.new)
        )
        created = created or old == "/dev/null" or bool(_EPOCH.search(section.old))
        deleted = deleted or new == "/dev/null" or bool(_EPOCH.search(section.new))
        if not section.git and section.hunks and not deleted:
            first = section.hunks[0]
            created = created or (first.old_start == first.old_count == 0)
    else:
        old, new = _git_names(section.git)
    old, new = (new if old == "/dev/null" else old), (old if new == "/dev/null" else new)
    before, after = names_in_tree(old, new, prefixed=True)
    if before is None or after is None:
        return None, None
    if not section.git or not section.renamed:
        before = after if not deleted else before
    return (None if created else before), (None if deleted else after)


def _git_names(header: str) -> tuple[str, str]:
    """The two names of a "diff --git" line; without renames their rests are equal, so the middle tells."""
    if header.startswith('"'):
        end = header.find('" ', 1)
        return unquote(header[: end + 1]), unquote(header[end + 2 :])
    middle = len(header) // 2
    if header[middle : middle + 1] == " ":
        return header[:middle], header[middle + 1 :]
    old, _, new = header.partition(" ")
    return old, unquote(new or old)


def _kind(section: _Section, old: str | None, new: str | None) -> str:
    if section.binary:
        return "binary"
    if _SUBMODULE in section.modes:
        return "submodule"
    if _SYMLINK in section.modes:
        return "symlink"
    if old is None:
        return "create"
    if new is None:
        return "delete"
    for what in ("rename", "copy"):
        if f"{what} to" in section.renamed:
            return what
    if section.mode_changed and not section.hunks and not section.damaged:
        return "mode"
    return "modify"
