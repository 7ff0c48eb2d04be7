"""How well a series fits the tree at hand, from all its hunks together, and its states on the tree it fits best."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from patchscan.basics.record import frozen, replace
from patchscan.diff.apply import HunkFailure, apply_hunks, fits, turned
from patchscan.series import FileChange, Patch, Series
from patchscan.tree import Tree, kernel_version, safe_path
from patchscan.tree.overlay import PatchState, View, lay

Verdict = Literal["base", "near", "there", "elsewhere", "none"]
# Below this share of hunks that apply, the tree tells nothing of what the series was made on.
_NEAR = 0.5


@frozen
class Fit:
    """The verdict on a series and a tree.

    verdict: "base" (made on it), "near" (made on a tree much like it), "there" (it holds the series, which was taken
    off), "elsewhere" (made on another tree), "none" (no tree); release: what to call the tree in a claim, "" where
    there is none; text: one line for the report; taken: the patches that were taken off; sure: what the tree lacks,
    the base lacks, too.
    """

    verdict: Verdict
    release: str
    text: str
    taken: tuple[int, ...] = ()
    sure: bool = False


ON_BASE = Fit("base", "", "", sure=True)


def place(series: Series, tree: Tree | None) -> tuple[tuple[PatchState, ...], Fit]:
    """The states of a series on a tree, taken off it first where the tree holds it, and how it fits."""
    states = lay(series, tree)
    if tree is None:
        return states, Fit("none", "", _says(series, None).removeprefix("; "))
    if not any(file.used == "hunk" or "fuzz" in file.why for state in states for file in state.files):
        return states, _verdict(series, tree, states, ())
    taken = _Taken(series, tree)
    if taken.patches:
        states = lay(series, tree, taken.contents, taken.mixed)
        lost = [state.patch.index for state in states if state.patch.index in taken.patches and _lost(state)]
        if lost:
            states = tuple(replace(state, held=state.patch.index <= lost[-1]) for state in states)
    return states, _verdict(series, tree, states, tuple(sorted(taken.patches)))


class _Taken:
    """The patches that a tree holds, taken off it from the last to the first.

    contents: what the tree then looks like, as in View; mixed: files that hold a patch in another form.
    """

    def __init__(self, series: Series, tree: Tree) -> None:
        self.contents: dict[str, bytes | None] = {}
        self.mixed: set[str] = set()
        self.patches: list[int] = []
        for patch in reversed(series.patches):
            view = View(tree, self.contents)
            if _is_there(patch, view):
                self.patches.append(patch.index)
                for change in patch.files:
                    self._take(change, view)

    def _take(self, change: FileChange, view: View) -> None:
        new, old = safe_path(change.path), safe_path(change.old_path or change.path)
        if new is None or old is None or change.kind in ("binary", "symlink", "submodule", "mode"):
            return
        if change.kind == "create":
            self.contents[new] = None
            return
        if change.kind == "delete":
            self.contents[old] = _old_text(change)
            return
        content = view.read(new)
        try:
            before = apply_hunks(content, [turned(hunk) for hunk in change.hunks]).content
        except HunkFailure:
            # Before or after the patch, in a form that is not that of the mail.
            if content is None or _stands(change, view) or _brought(content, change):
                self.mixed.update((new, old))
            return
        self.contents[old] = before
        if change.kind == "rename" and old != new:
            self.contents[new] = None


def _lost(state: PatchState) -> bool:
    """Whether code of a patch that the tree holds could not be taken off."""
    return any(file.used == "hunk" and file.change.path.endswith((".c", ".h")) for file in state.files)


def _is_there(patch: Patch, view: View) -> bool:
    """Whether a tree holds a patch: more of its hunks stand there than could be laid."""
    there = sum(_stands(change, view) for change in patch.files)
    return there > 0 and there >= sum(_open(change, view) for change in patch.files)


def _stands(change: FileChange, view: View) -> int:
    """How many hunks of a change stand in the tree; a new file that is there counts as its lines do."""
    new, old = safe_path(change.path), safe_path(change.old_path or change.path)
    if new is None or old is None:
        return 0
    if change.kind == "create":
        content = view.read(new)
        return _alike(content, change) if content is not None else 0
    if change.kind == "delete":
        return 0
    content = view.read(new)
    return 0 if content is None else Counter(fits(content, change.hunks))["there"]


def _alike(content: bytes, change: FileChange) -> int:
    """1 where most lines of a new file are those that the patch brings."""
    have = Counter(content.decode("utf-8", "surrogateescape").split("\n"))
    want = Counter(line.text for hunk in change.hunks for line in hunk.lines if line.text.strip())
    return int(2 * sum((have & want).values()) >= sum(want.values()))


def _brought(content: bytes, change: FileChange) -> bool:
    """Whether a file has most of the lines that a change adds to it, and does not wait for all of its hunks."""
    if all(each in ("exact", "moved") for each in fits(content, change.hunks)):
        return False
    have = Counter(content.decode("utf-8", "surrogateescape").split("\n"))
    added = (line for hunk in change.hunks for line in hunk.lines if line.kind == "+")
    want = Counter(line.text for line in added if line.text.strip("\t {}"))
    return 2 * (have & want).total() > want.total() > 0


def _open(change: FileChange, view: View) -> int:
    """How many hunks of a change the tree still waits for."""
    old = safe_path(change.old_path or change.path)
    if old is None:
        return 0
    content = view.read(old)
    if change.kind == "create":
        return int(content is None)
    return 0 if content is None else sum(each in ("exact", "moved") for each in fits(content, change.hunks))


def _old_text(change: FileChange) -> bytes:
    """The file that a patch deletes, as its hunks show it."""
    lines = (line.text + "\n" * line.newline for hunk in change.hunks for line in hunk.lines)
    return "".join(lines).encode("utf-8", "surrogateescape")


def _verdict(series: Series, tree: Tree, states: Sequence[PatchState], taken: tuple[int, ...]) -> Fit:
    count = Counter(_each_fit(states))
    hunks = sum(count.values())
    applied = hunks - count["not"]
    files = [file for state in states for file in state.files if file.used != "text"]
    lifted = len({file.change.path for file in files if file.used == "hunk"})
    release = kernel_version(tree) or (tree.commit or "")[:12] or tree.name
    where = f"{release} ({tree.name})" if release != tree.name else release
    says = _says(series, tree)
    hunks_only = (
        f"; {lifted} of {len({file.change.path for file in files})} files are judged from their hunks"
    )
    rest = hunks_only if lifted else ""
    if taken:
        whole = len(taken) == len(series.patches)
        what = "this series" if whole else f"{_patches(taken)} of this series"
        return Fit(
            "there",
            release,
            f"{where} already holds {what}: taken off before it is judged{rest}{says}",
            taken,
            sure=whole and count["exact"] == hunks and not lifted,
        )
    same = _is_base_commit(series, tree)
    moved = f", {count['moved'] + count['fuzzy']} of them moved" if count["moved"] + count["fuzzy"] else ""
    if applied == hunks and (same or (not moved and hunks and same is None)):
        text = (
            f"judged on its base-commit, {where}"
            if same
            else f"fits {where}: every hunk applies in its place"
        )
        return Fit("base", release, text + (says if not same else ""), sure=True)
    if not hunks:
        new = bool(files) and all(file.change.kind == "create" for file in files)
        what = "makes new files only" if new else "changes no line of a file that is there"
        return Fit("near", release, f"{what}: that {where} is its base is not sure{rest}{says}")
    apply = f"{applied} of {hunks} hunks apply"
    if applied >= _NEAR * hunks:
        return Fit("near", release, f"near {where}: {apply}{moved}{rest}{says}")
    return Fit("elsewhere", release, f"made for another tree than {where}: {apply}{moved}{rest}{says}")


def _each_fit(states: Sequence[PatchState]) -> Iterator[str]:
    """How each hunk of a file that was there fits; of a file that a hunk does not fit, each on its own."""
    view = states[0].start if states else None
    for state in states:
        for file in state.files:
            if file.change.kind == "create" or not file.change.hunks:
                continue
            if file.used == "tree":
                fuzzy = file.why.count("applied with fuzz")
                yield from ("fuzzy" for _ in range(fuzzy))
                exact = ["moved" if offset else "exact" for offset in file.offsets]
                yield from exact[fuzzy:]
            elif file.used == "hunk":
                content = view.read(file.change.old_path or file.change.path) if view else None
                each = fits(content, file.change.hunks) if content is not None else ()
                results = list(each) or ["not"] * len(file.change.hunks)
                yield from ("not" if result == "there" else result for result in results)
        view = state.view


def _says(series: Series, tree: Tree | None) -> str:
    """What the series says of its base, where the tree is not it."""
    said = []
    if series.base_commit:
        here = tree is not None and tree.subject(series.base_commit) is not None
        said.append(
            f"names base-commit {series.base_commit[:12]}" + ("" if here else ", which is not at hand")
        )
    if series.prerequisites:
        several = "patches" if len(series.prerequisites) > 1 else "patch"
        said.append(f"needs {len(series.prerequisites)} other {several} first")
    return f"; the series {' and '.join(said)}" if said else ""


def _is_base_commit(series: Series, tree: Tree) -> bool | None:
    """Whether the tree stands on the commit that the series names; None where either names none, or not that alone."""
    if not series.base_commit or not tree.commit or series.prerequisites:
        return None
    return tree.commit.startswith(series.base_commit.lower())


def _patches(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"patch {numbers[0]}"
    if list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"patches {numbers[0]} to {numbers[-1]}"
    return "patches " + ", ".join(str(number) for number in numbers)
