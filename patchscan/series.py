"""What a mail says: threads, series, patches, file changes and hunks."""

from typing import Literal

from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen

LineKind = Literal[" ", "+", "-"]
ChangeKind = Literal["modify", "create", "delete", "rename", "copy", "mode", "binary", "symlink", "submodule"]


@frozen
class Line:
    """One line of a hunk.

    kind: " " context, "+" added or "-" removed; text: without kind and newline (surrogateescape
    for bytes that are not UTF-8); old, new: line number in the pre- and post-image, None where
    the line is not part of it; newline: False where "\\ No newline at end of file" follows.
    """

    kind: LineKind
    text: str
    old: int | None
    new: int | None
    newline: bool = True


@frozen
class Hunk:
    """One hunk; start and count as in its header, section is git's guess after the second @@."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[Line, ...]


@frozen
class FileChange:
    """What one patch does to one file.

    path: the file after the patch (before it, where the patch deletes it); old_path: the file
    before the patch, None where it is created; kind: "modify", "create", "delete", "rename",
    "copy", "mode", "binary", "symlink" or "submodule"; repaired: how a damaged diff was read, or "";
    damaged: which hunks could not be read and are missing from hunks, or "" where all are there; mode: the one that
    the patch gives the file ("100755"), "" where it keeps its own.
    """

    path: str
    old_path: str | None
    kind: ChangeKind
    hunks: tuple[Hunk, ...]
    repaired: str = ""
    damaged: str = ""
    mode: str = ""


@frozen
class Trailer:
    """A trailer of the changelog, e.g. key "Fixes", value '1013af4f585f ("mm: ...")'; line as in Patch."""

    key: str
    value: str
    line: int


@frozen
class Patch:
    """One patch of a series, or its cover letter (index 0, no files).

    subject: as sent, on one line; title: without the bracketed prefix; changelog: the body lines up
    to the first line that is exactly "---", without in-body headers; line numbers of a changelog count
    from 1 at the first of them; notes: what stands between "---" and the diff; revision: 1 for a first one;
    references: Message-IDs of the mails before it, its parent last; recipients: those of To and Cc.
    """

    index: int
    total: int
    revision: int
    subject: str
    title: str
    author: str
    date: str
    message_id: str
    changelog: tuple[str, ...]
    trailers: tuple[Trailer, ...]
    notes: tuple[str, ...]
    files: tuple[FileChange, ...]
    references: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


@frozen
class Series:
    """Patches that were sent as one, in order; missing: the numbers that did not arrive.

    base_commit, base_tree: hashes as sent, they may be short; prerequisites: the whole lines, e.g.
    "prerequisite-message-id: <20260101.1@example.org>".
    """

    title: str
    revision: int
    message_id: str
    cover: Patch | None
    patches: tuple[Patch, ...]
    missing: tuple[int, ...] = ()
    base_commit: str | None = None
    prerequisites: tuple[str, ...] = ()
    change_id: str | None = None
    base_tree: str | None = None

    @property
    def mails(self) -> tuple[Patch, ...]:
        """The patches in order, behind the cover letter where there is one."""
        return ((self.cover,) if self.cover else ()) + self.patches


@frozen
class Remark:
    """What a reply says below a quotation: quoted lines (their ">" taken off), then the reviewer's own."""

    quoted: tuple[str, ...]
    text: tuple[str, ...]


@frozen
class Reply:
    """A mail that answers; parent: the Message-ID it replies to."""

    message_id: str
    parent: str | None
    subject: str
    author: str
    date: str
    remarks: tuple[Remark, ...]
    trailers: tuple[Trailer, ...]


@frozen
class LeftOut:
    """A series that was read and is not the one to scan; why: e.g. "lower revision than v4"."""

    series: Series
    why: str


@frozen
class Thread:
    """Everything read from one input.

    series: the one to scan first, then those of left_out; empty where no patch was found; replies in the
    order in which they came; problems: all there were on the way.
    """

    series: tuple[Series, ...]
    replies: tuple[Reply, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...] = ()
