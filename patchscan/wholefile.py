"""A file of the tree read as new: a series of one patch that adds it, and what the rules say of that."""

from collections.abc import Sequence

from patchscan.basics.record import replace
from patchscan.context import NO_SETTINGS, Settings
from patchscan.finding import CHANGELOG
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.scan import judge
from patchscan.series import FileChange, Hunk, Line, Patch, Series, Thread
from patchscan.tree import Tree
from patchscan.tree.fit import Fit
from patchscan.tree.overlay import FileState, PatchState, View

# Who adds the files; rules that speak of a changelog are not asked of a file.
_SUBJECT = "add a file"
_CHANGELOG = ("It is there.", "", "Signed-off-by: A Developer <developer@example.org>")
# What uses the file may be there, too, though the series does not hold it.
_THERE = Fit("there", "", "", sure=True)


def judge_file(
    path: str, data: bytes, tree: Tree | None, rules: Sequence[Rule], settings: Settings = NO_SETTINGS
) -> Report:
    """What the rules say of a file as if a patch added every line of it.

    path: from the top of the tree; tree: the one that holds it, None to judge it alone. No models are executed. What is
    said of a changelog is left out, for there is none.
    """
    lines = data.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    added = tuple(Line("+", text, None, number) for number, text in enumerate(lines, 1))
    change = FileChange(path, None, "create", (Hunk(0, 0, 1, len(lines), "", added),))
    patch = adding(_SUBJECT, _CHANGELOG, (change,))
    file = FileState(change, "tree", "", None, data, (0,))
    states = (PatchState(patch, (file,), View(tree, {path: data}), View(tree, {path: None})),)
    thread = Thread((Series(_SUBJECT, 1, patch.message_id, None, (patch,)),), (), ())
    report = judge(thread, states, _THERE, tree, rules, replace(settings, simulate=False))
    return replace(
        report,
        findings=tuple(each for each in report.findings if each.path != CHANGELOG),
        silences=tuple(each for each in report.silences if each.path != CHANGELOG),
    )


def adding(title: str, changelog: Sequence[str], files: tuple[FileChange, ...]) -> Patch:
    """A patch that nobody sent."""
    return Patch(
        index=1,
        total=1,
        revision=1,
        subject=title,
        title=title,
        author="A Developer <developer@example.org>",
        date="",
        message_id="file@example.org",
        changelog=tuple(changelog),
        trailers=(),
        notes=(),
        files=files,
    )
