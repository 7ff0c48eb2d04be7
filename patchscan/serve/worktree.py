"""The change at hand in a git tree: what its branch has and its upstream has not, and what is not committed yet."""

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence

from patchscan.basics.files import MOST_OF_TREE, Unreadable, read_file
from patchscan.basics.git import GitError, commit_of, run_git
from patchscan.basics.record import frozen
from patchscan.mail.gitrange import base_of, read_range
from patchscan.mail.thread import read_thread
from patchscan.series import ChangeKind, FileChange, Hunk, Line, LineKind, Series, Thread
from patchscan.tree import GitRevision
from patchscan.tree.around import ranges
from patchscan.wholefile import adding

_CONTEXT = 3
# First line and the line behind the last, before and after, from 0.
_Run = tuple[int, int, int, int]


@frozen
class Outgoing:
    """The commits that the upstream lacks, as the series they would be sent as, and the commit they stand on."""

    thread: Thread
    base: str


def top_of(directory: str) -> str | None:
    """The top of the work tree that a directory lies in, None where it lies in none."""
    try:
        return (
            run_git(directory, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n")
        )
    except GitError:
        return None


def head_of(top: str) -> str | None:
    """The commit that is checked out, None where there is none yet."""
    try:
        return commit_of(top, "HEAD")
    except GitError:
        return None


def outgoing(top: str) -> Outgoing | None:
    """The commits of the branch that its upstream lacks, None where it follows none or has no commit of its own."""
    revisions = next(ranges(top, {}), None)
    base = base_of(revisions, top) if revisions else None
    if revisions is None or base is None:
        return None
    thread = read_thread(*read_range(revisions, top))
    return Outgoing(thread, base) if thread.series else None


def uncommitted(top: str, head: GitRevision, buffers: Mapping[str, bytes]) -> Thread | None:
    """The work tree against a commit as a series of one patch, None where nothing differs.

    buffers: path -> text as an editor has it, which goes before what the file holds.
    """
    changes = tuple(
        change
        for path in sorted({*changed_paths(top), *buffers})
        if (change := change_of(path, head.read(path), buffers.get(path, on_disk(top, path)))) is not None
    )
    if not changes:
        return None
    patch = adding("uncommitted change", (), changes)
    return Thread((Series(patch.title, 1, patch.message_id, None, (patch,)),), (), ())


def changed_paths(top: str) -> Iterator[str]:
    """The files that differ from HEAD, in the index or the work tree. A repository without commits has none."""
    try:
        names = run_git(top, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "HEAD", "--")
    except GitError:
        return
    yield from (name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name)


def on_disk(top: str, path: str) -> bytes | None:
    """A file of the work tree, None where there is none, or a link or something else that is no text."""
    whole = os.path.join(top, path)
    if os.path.islink(whole):
        return None
    try:
        return read_file(whole, MOST_OF_TREE)
    except Unreadable:
        return None


def change_of(path: str, before: bytes | None, after: bytes | None) -> FileChange | None:
    """What turns one text of a file into another, None where both are the same or no text."""
    if before == after or b"\0" in (before or b"") + (after or b""):
        return None
    hunks = tuple(hunks_between(lines_of(before or b""), lines_of(after or b"")))
    kind: ChangeKind = "create" if before is None else "delete" if after is None else "modify"
    return FileChange(path, None if before is None else path, kind, hunks)


def lines_of(text: bytes) -> list[str]:
    """The lines of a text with their ends, as a mail has them."""
    lines = [f"{line}\n" for line in text.decode("utf-8", "surrogateescape").split("\n")]
    # Behind the last end of line stands nothing, or a line that has none.
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def hunks_between(old: Sequence[str], new: Sequence[str]) -> Iterator[Hunk]:
    """The hunks between two texts, with three lines around them."""
    group: list[_Run] = []
    for run in runs_between(old, new):
        if group and run[0] - group[-1][1] > 2 * _CONTEXT:
            yield hunk_of(group, old, new)
            group = []
        group.append(run)
    if group:
        yield hunk_of(group, old, new)


def runs_between(old: Sequence[str], new: Sequence[str]) -> list[_Run]:
    """The lines that change together, in order."""
    # What both begin and end with is left out: difflib would compare each of its lines with all of their likes.
    least = min(len(old), len(new))
    head = next((at for at in range(least) if old[at] != new[at]), least)
    tail = next((at for at in range(least - head) if old[-1 - at] != new[-1 - at]), least - head)
    matcher = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail])
    return [
        (first + head, last + head, start + head, stop + head)
        for tag, first, last, start, stop in matcher.get_opcodes()
        if tag != "equal"
    ]


def hunk_of(runs: Sequence[_Run], old: Sequence[str], new: Sequence[str]) -> Hunk:
    """The hunk of some runs with the lines around and between them."""
    begin, end = max(runs[0][0] - _CONTEXT, 0), min(runs[-1][1] + _CONTEXT, len(old))
    at, shift = begin, runs[0][2] - runs[0][0]
    new_begin = begin + shift
    lines: list[Line] = []
    for first, last, start, stop in (*runs, (end, end, end, end)):
        lines += [line(" ", old[here], here + 1, here + shift + 1) for here in range(at, first)]
        if first < last or start < stop:
            lines += [line("-", old[here], here + 1, None) for here in range(first, last)]
            lines += [line("+", new[here], None, here + 1) for here in range(start, stop)]
            at, shift = last, stop - last
    olds, news = (sum(each.kind != kind for each in lines) for kind in "+-")
    return Hunk(begin + bool(olds), olds, new_begin + bool(news), news, "", tuple(lines))


def line(kind: LineKind, text: str, old: int | None, new: int | None) -> Line:
    """A line of a hunk."""
    return Line(kind, text.removesuffix("\n"), old, new, text.endswith("\n"))
