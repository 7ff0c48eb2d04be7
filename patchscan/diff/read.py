"""Diff text to file changes and hunks.

unidiff parses the hunks, from text that patchscan.diff.repair has proved sound. The headers above them are read
here: unidiff knows no modes of links and submodules and decodes no quoted names.
"""

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.problem import Problem
from patchscan.basics.record import replace
from patchscan.diff.names import names_in_tree, refusal, unquote
from patchscan.diff.repair import HUNK, SoundHunk, sound_hunk, starts_diff
from patchscan.series import ChangeKind, FileChange, Hunk, Line, LineKind

if TYPE_CHECKING:
    from unidiff.patch import Hunk as UnifiedHunk

_EPOCH = pattern(r"\t(?:1970-01-01 0|1969-12-31 )|\tThu Jan +1 0?0?:?00:00 1970")
_TIME = pattern(r" ?[ ][0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}.*$")
_SYMLINK, _SUBMODULE = "120000", "160000"


class _Section:
    """The part of a diff that speaks of one file, as far as it has been read."""

    def __init__(self, where: str, whole: bool) -> None:
        self.where, self.whole = where, whole
        self.git = self.old = self.new = ""
        self.renamed: dict[str, str] = {}
        self.modes: set[str] = set()
        self.mode = ""
        self.created = self.deleted = self.mode_changed = self.binary = False
        self.hunks: list[SoundHunk] = []
        self.repaired: list[str] = []
        self.damaged: list[str] = []


def read_diff(
    lines: Sequence[str], where: str, whole: bool = True
) -> tuple[tuple[FileChange, ...], tuple[Problem, ...]]:
    """Read the file changes in lines (no newlines); text between and after them is passed over.

    A hunk whose counts cannot be proved is left out of its file, which then says so in `damaged`; a file
    whose path leaves the tree and a combined diff are left out. Each is a Problem, and so is a repair.
    where: what to call the patch; whole: with the hunks, without which it takes a third of the time.
    """
    problems: list[Problem] = []
    files: list[FileChange] = []
    section: _Section | None = None
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("diff --git "):
            _close(section, files, problems)
            section, at = _read_git_header(lines, at, _Section(where, whole))
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
                section = _Section(where, whole)
            section.old, section.new = line[4:], lines[at + 1][4:]
            at += 2
        elif line.startswith("@@ -") and (section or HUNK.match(line)):
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


def _read_git_header(lines: Sequence[str], at: int, section: _Section) -> tuple[_Section, int]:
    section.git = lines[at][len("diff --git ") :]
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
            section.mode = mode.removeprefix("mode ").strip()
            section.modes.add(section.mode)
        case ["deleted", "file", mode]:
            section.deleted = True
            section.modes.add(mode.removeprefix("mode "))
        case ["old" | "new", "mode", mode]:
            section.mode_changed = True
            section.modes.add(mode.strip())
            section.mode = mode.strip() if words[0] == "new" else section.mode
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


def _add_hunk(lines: Sequence[str], at: int, section: _Section | None) -> int:
    read = sound_hunk(lines, at)
    if section is None:
        return read.end
    number = len(section.hunks) + len(section.damaged) + 1
    if not read.lines:
        section.damaged.append(f"hunk {number} left out: {read.why}")
    else:
        section.hunks.append(read)
        if read.restored:
            section.repaired.append(
                f"hunk {number}: {read.restored} context lines had lost their first space"
            )
    return read.end


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
            hunks=parsed(section.hunks) if section.whole else (),
            repaired="; ".join(section.repaired),
            damaged="; ".join(section.damaged),
            mode=section.mode,
        )
    )


def parsed(sound: Sequence[SoundHunk]) -> tuple[Hunk, ...]:
    """The hunks of one file, by unidiff. Raises nothing: the text is sound."""
    if not sound:
        return ()
    text = "\n".join(line for hunk in sound for line in hunk.lines)
    # Loaded here: a mail without a diff needs no parser of diffs.
    from unidiff.patch import PatchSet

    (file,) = PatchSet(StringIO(f"--- a/file\n+++ b/file\n{text}\n", newline="\n"))
    return tuple(_hunk(each) for each in file)


def _hunk(read: "UnifiedHunk") -> Hunk:
    """A hunk of unidiff as ours; the marker of a missing newline belongs to the line above it."""
    lines: list[Line] = []
    for each in read:
        if each.line_type == "\\":
            lines[-1] = replace(lines[-1], newline=False)
        else:
            text = each.value.removesuffix("\n")
            kind: LineKind = "+" if each.is_added else "-" if each.is_removed else " "
            lines.append(Line(kind, text, each.source_line_no, each.target_line_no))
    starts = read.source_start, read.source_length, read.target_start, read.target_length
    return Hunk(*starts, read.section_header, tuple(lines))


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
            created = created or section.hunks[0].lines[0].startswith("@@ -0,0 ")
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


def _kind(section: _Section, old: str | None, new: str | None) -> ChangeKind:
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
