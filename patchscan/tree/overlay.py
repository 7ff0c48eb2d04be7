"""A series laid over a tree in memory, patch by patch, each judged on the state the earlier ones leave."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Literal

from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen
from patchscan.diff.apply import Applied, HunkFailure, apply_hunks
from patchscan.series import FileChange, Patch, Series
from patchscan.tree import Directory, Tree, safe_path

_NOT_TEXT = ("binary", "symlink", "submodule")
_TAKES_AWAY = ("rename", "delete")


class View:
    """The tree as it stands after some patch: what the series changed first, the tree below.

    changed: path -> content, None where the series took the file away.
    """

    def __init__(self, tree: Tree | None, changed: Mapping[str, bytes | None]) -> None:
        self.tree = tree
        self.changed = changed

    def read(self, path: str) -> bytes | None:
        """The content of a file, None where there is none (or none is known)."""
        plain = safe_path(path)
        if plain is None:
            return None
        if plain in self.changed:
            return self.changed[plain]
        return self.tree.read(plain) if self.tree else None

    def exists(self, path: str) -> bool:
        """Whether read() would give something."""
        plain = safe_path(path)
        if plain is None:
            return False
        if plain in self.changed:
            return self.changed[plain] is not None
        return self.tree is not None and self.tree.exists(plain)

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """The files below a directory (deep=False: directly in it), sorted; without a tree, those the series makes."""
        prefix = (safe_path(under) or under) + "/" if under else ""
        added = {
            path
            for path, content in self.changed.items()
            if content is not None and path.startswith(prefix) and (deep or "/" not in path[len(prefix) :])
        }
        below = self.tree.files(under, deep) if self.tree is not None else ()
        yield from sorted(added.union(path for path in below if path not in self.changed))


Used = Literal["tree", "hunk", "text"]


@frozen
class FileState:
    """What is known of one file that a patch changes.

    used: "tree" (the change lies over the tree: before and after are the whole file, None where it
    does not exist then), "hunk" (only the hunks are known; before and after are None, but after is
    there for a file which the series itself makes), "text" (no text to read: binary, link, submodule).
    why: for "tree" what is worth a remark or "", else which hunk did not apply and why.
    offsets: for "tree" a number a hunk, where it begins in `after` minus where its header says.
    """

    change: FileChange
    used: Used
    why: str
    before: bytes | None
    after: bytes | None
    offsets: tuple[int, ...] = ()


@frozen
class PatchState:
    """A patch, its files in the order of the patch, and the tree as it stands after it; start: before the series.

    held: the tree holds the patch, or a later one of the series, in a form in which it cannot be taken off.
    """

    patch: Patch
    files: tuple[FileState, ...]
    view: View
    start: View | None = None
    held: bool = False


def lay(
    series: Series,
    tree: Tree | None,
    start: Mapping[str, bytes | None] | None = None,
    mixed: Set[str] = frozenset(),
) -> tuple[PatchState, ...]:
    """Lay a series over a tree (None: over nothing); one state for each patch, in order.

    start: what differs from the tree before the first patch, as in View; mixed: files that hold some of the series
    already and cannot be told from it: their hunks are not laid.
    """
    overlay = _Overlay(tree, start or {}, mixed)
    return tuple(overlay.add(patch) for patch in series.patches)


def unread(states: Iterable[PatchState], tree: Tree | None) -> Iterator[Problem]:
    """The changed files that the tree has, or may have, and which could not be read: their code is not known."""
    if not isinstance(tree, Directory):
        return
    changes = (file.change for state in states for file in state.files if file.used == "hunk")
    for path in dict.fromkeys(
        change.old_path or change.path for change in changes if change.kind != "create"
    ):
        if why := tree.refusal(path):
            yield Problem(path, f"the tree's file cannot be read: {why}; judged from its hunks", lost=True)


class _Overlay:
    """The state while a series is laid: contents so far, and the patches that failed on each path."""

    def __init__(self, tree: Tree | None, start: Mapping[str, bytes | None], mixed: Set[str]) -> None:
        self.tree = tree
        self.start = View(tree, dict(start))
        self.mixed = mixed
        self.contents: dict[str, bytes | None] = dict(start)
        self.failed: dict[str, int] = {}

    def add(self, patch: Patch) -> PatchState:
        moves = _Moves(
            View(self.tree, dict(self.contents)),
            frozenset(
                change.old_path for change in patch.files if change.kind in _TAKES_AWAY and change.old_path
            ),
        )
        files = tuple(self._change(change, patch, moves) for change in patch.files)
        return PatchState(patch, files, View(self.tree, dict(self.contents)), self.start)

    def _change(self, change: FileChange, patch: Patch, moves: "_Moves") -> FileState:
        new = safe_path(change.path)
        old = new if change.old_path is None else safe_path(change.old_path)
        if new is None or old is None:
            return FileState(change, "text", "path leaves the tree: not read", None, None)
        if change.kind in _NOT_TEXT:
            return FileState(change, "text", f"{change.kind}: no text to read", None, None)
        now = View(self.tree, self.contents)
        source = moves.start if change.kind in ("rename", "copy") else now
        if self.tree is None and not (change.kind == "create" or old in source.changed):
            return FileState(change, "hunk", "no tree", None, None)
        try:
            if old in self.mixed or new in self.mixed:
                raise HunkFailure("the file holds a part of the series already")
            before = None if change.kind == "create" else _content(source, old)
            applied = _apply(change, before, now, moves)
        except HunkFailure as failure:
            return FileState(change, "hunk", self._explain(str(failure), old, new, patch), None, None)
        # Not where another rename of this patch has filled the name again.
        if change.kind in _TAKES_AWAY and self.contents.get(old) is source.changed.get(old):
            self.contents[old] = None
        after = None if change.kind == "delete" else applied.content
        remarks = applied.remarks
        self.contents[new] = after
        if self.tree is None:
            return FileState(change, "hunk", "no tree", None, after, applied.offsets)
        if new in self.failed:
            remarks = (*remarks, f"patch {self.failed[new]} of the series did not apply to this file")
        return FileState(change, "tree", "; ".join(remarks), before, after, applied.offsets)

    def _explain(self, reason: str, old: str, new: str, patch: Patch) -> str:
        reasons = [reason]
        if old in self.failed:
            reasons.append(f"patch {self.failed[old]} of the series did not apply to this file either")
        self.failed.setdefault(new, patch.index)
        return "; ".join(reasons)


@frozen
class _Moves:
    """The tree before a patch, from which renames and copies read (two may swap names).

    emptied: the names that the patch takes files away from.
    """

    start: View
    emptied: frozenset[str]


def _content(view: View, path: str) -> bytes:
    content = view.read(path)
    if content is None:
        raise HunkFailure("file missing")
    return content


def _apply(change: FileChange, before: bytes | None, now: View, moves: _Moves) -> Applied:
    """The hunks of a change laid over its file. Raises HunkFailure."""
    if change.damaged:
        raise HunkFailure(change.damaged)
    applied = apply_hunks(before, change.hunks)
    if change.kind == "delete" and applied.content:
        raise HunkFailure("the patch deletes the file, but lines are left over")
    makes_file = change.kind in ("create", "rename", "copy")
    if makes_file and change.path not in moves.emptied and now.exists(change.path):
        same = now.read(change.path) == applied.content
        raise HunkFailure("already applied: the same file is there" if same else "the file to create exists")
    return applied
