"""Findings that a later patch of the same series repairs: shown once, as such, and failing nothing."""

from collections.abc import Iterable, Sequence

from patchscan.basics.record import replace
from patchscan.context import ChangedFile, Context
from patchscan.rule import Finding


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
            moved = line_after(file, line)
            if moved is None:
                return context.patch.index
            path, line = file.path, moved
            break
    return None


def line_after(file: ChangedFile, line: int) -> int | None:
    """Where a line of the file before the patch stands after it, None where the patch removes it."""
    shift = 0
    for hunk in file.change.hunks:
        if line < hunk.old_start:
            break
        if line < hunk.old_start + hunk.old_count:
            return next((each.new for each in hunk.lines if each.old == line), None)
        shift = (hunk.new_start + hunk.new_count) - (hunk.old_start + hunk.old_count)
    return line + shift
