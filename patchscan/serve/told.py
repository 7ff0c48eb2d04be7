"""What there is to tell of the change at hand, by file and line of the text that an editor shows."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from patchscan.basics.record import frozen
from patchscan.changedfile import ChangedFile
from patchscan.finding import CHANGELOG, Edit, Finding, Fix
from patchscan.report.tip import at_tip
from patchscan.results import Report, anchored
from patchscan.rule import Rule
from patchscan.series import Thread
from patchscan.serve.worktree import head_of, on_disk, outgoing, uncommitted
from patchscan.tree import GitRevision, Tree, TreeError, kernel_version


class Judge(Protocol):
    """What judges: rules and settings of the user, loaded once (patchscan.commands.loading.Tools)."""

    rules: tuple[Rule, ...]

    def judge(self, thread: Thread, tree: Tree | None) -> Report:
        """Judge a thread on a tree."""


@frozen
class Told:
    """A finding at a line of the text at hand.

    line: from 1; said: the message, with the commit that it speaks of; edits: its fix on the text at hand, empty where
    it has none or would not fit any more; places: (path, line, text) of what supports it.
    """

    path: str
    line: int
    finding: Finding
    said: str
    edits: tuple[Edit, ...]
    places: tuple[tuple[str, int, str], ...]


class Desk:
    """A work tree under an editor: the commits not sent yet, judged once, and the uncommitted change, judged anew."""

    def __init__(self, top: str, judge: Judge) -> None:
        self.top = top
        self.judge = judge
        self.trees: dict[str, GitRevision] = {}
        self.sent: tuple[str, Report | None] | None = None

    def told(self, buffers: Mapping[str, bytes]) -> list[Told]:
        """All there is to tell, by path and line; buffers: path -> text of the files that the editor has open."""
        head = head_of(self.top)
        if head is None:
            return []
        thread = uncommitted(self.top, self.tree(head), buffers)
        now = self.judge.judge(thread, self.known(head)) if thread is not None else None
        found = [*self.of_commits(self.committed(head), now), *self.of_change(now, buffers)]
        return sorted(found, key=lambda each: (each.path, each.line, each.finding.rule, each.said))

    def tree(self, commit: str) -> GitRevision:
        """The tree of a commit, which never changes: what is known of it is kept. Raises TreeError."""
        if commit not in self.trees:
            self.trees[commit] = GitRevision(self.top, commit)
            for old in list(self.trees)[:-3]:
                del self.trees[old]
        return self.trees[commit]

    def known(self, commit: str) -> Tree | None:
        """The same for rules that ask it, None where it is no kernel tree."""
        tree = self.tree(commit)
        return tree if kernel_version(tree) is not None else None

    def committed(self, head: str) -> Report | None:
        """What was found in the commits that the upstream lacks; judged again where there are others."""
        series = outgoing(self.top)
        key = f"{series.base}..{head}" if series is not None else head
        if self.sent is None or self.sent[0] != key:
            try:
                report = self.judge.judge(series.thread, self.known(series.base)) if series else None
            except TreeError:
                report = None
            self.sent = key, report
        return self.sent[1]

    def of_change(self, report: Report | None, buffers: Mapping[str, bytes]) -> Iterator[Told]:
        """The findings on the uncommitted change; it has no changelog yet."""
        for finding in report.shown if report is not None else ():
            if finding.path != CHANGELOG and finding.counts:
                places = tuple((each.path, each.line, each.text.strip()) for each in finding.evidence)
                edits = self.fitting(finding.fix or (), buffers)
                yield Told(finding.path, finding.line, finding, finding.message, edits, places)

    def fitting(self, edits: Fix, buffers: Mapping[str, bytes]) -> Fix:
        """The edits of a fix where the text at hand is what they are made for, none where it is another."""
        for edit in edits:
            text = buffers.get(edit.path, on_disk(self.top, edit.path)) or b""
            lines = text.decode("utf-8", "surrogateescape").split("\n")
            if tuple(lines[edit.start - 1 : edit.start - 1 + len(edit.before)]) != edit.before:
                return ()
        return edits

    def of_commits(self, report: Report | None, now: Report | None) -> Iterator[Told]:
        """The findings on commits, where their lines stand now; what was edited since is judged with the edit."""
        if report is None:
            return
        titles = {patch.index: patch.title for patch in report.series.patches} if report.series else {}
        for finding in report.shown:
            if not finding.counts:
                continue
            title = titles.get(finding.patch, "the series")
            if finding.path == CHANGELOG:
                path, line = anchored(report, finding)
                said = f"changelog of {title!r}, line {finding.line}: {finding.message}"
            else:
                path, line = at_tip(report, finding.patch, finding.path, finding.line)
                said = f"{finding.message} [{title}]"
            here = line_now(now, path, line)
            if here is not None:
                yield Told(path, here, finding, said, (), ())


def line_now(now: Report | None, path: str, line: int) -> int | None:
    """Where a line of the last commit stands in the text at hand, None where it was edited."""
    for state in now.states if now is not None else ():
        for file in map(ChangedFile, state.files):
            if (file.change.old_path or file.path) == path:
                return file.passage.kept(line)
    return line
