"""The second coordinate of a place: the line where it stands once the whole series is applied.

A patch numbers its lines as its author's tree had them after it: what mail and b4 quote. Editors, code hosts and SARIF
open the files as the series leaves them.
"""

from patchscan.changedfile import ChangedFile
from patchscan.finding import CHANGELOG, Finding
from patchscan.results import Report, anchored


def at_tip(report: Report, patch: int, path: str, line: int) -> tuple[str, int]:
    """(path, line) behind the last patch of a line of one patch; of one that a later patch removes, what follows."""
    for state in report.states:
        if state.patch.index < patch or not line:
            continue
        for file in map(ChangedFile, state.files):
            if state.patch.index == patch and file.path == path:
                line = file.source_line(line)
            elif state.patch.index > patch and (file.change.old_path or file.path) == path:
                path, line = file.path, max(file.passage.after(line).start, 1)
            else:
                continue
            break
    return path, line


def place_at_tip(report: Report, finding: Finding) -> tuple[str, int]:
    """(path, line) of a finding for what knows files only; see patchscan.results.anchored."""
    if finding.path == CHANGELOG:
        return anchored(report, finding)
    return at_tip(report, finding.patch, finding.path, finding.line)
