"""Findings that a later patch of the same series repairs: shown once, as such, and failing nothing."""

from collections.abc import Iterable, Sequence

from patchscan.basics.keep import kept
from patchscan.basics.record import replace
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.diff.lines import Passage, passage
from patchscan.finding import Finding


def mark_repaired(findings: Iterable[Finding], judged: Sequence[Context]) -> tuple[Finding, ...]:
    """Set repaired_by where a later patch takes the line away and its rule says nothing of what comes instead."""
    found = tuple(findings)
    said = {(finding.rule, finding.patch, finding.path) for finding in found}
    marked = []
    for finding in found:
        patch = removed_by(finding, judged)
        if finding.repaired_by is None and patch and (finding.rule, patch, finding.path) not in said:
            finding = replace(finding, repaired_by=patch)
        marked.append(finding)
    return tuple(marked)


def removed_by(finding: Finding, judged: Sequence[Context]) -> int | None:
    """The number of the later patch that removes the finding's line, None where none does."""
    path, line = finding.path, finding.line
    for context in judged:
        if context.patch.index <= finding.patch:
            continue
        for file in context.files:
            if (file.change.old_path or file.path) != path:
                continue
            moved = _as_written(file).kept(line)
            if moved is None:
                return context.patch.index
            path, line = file.path, moved
            break
    return None


@kept
def _as_written(file: ChangedFile) -> Passage:
    """Where the lines of a file go by the numbers that its patch gives."""
    return passage(file.change.hunks)
