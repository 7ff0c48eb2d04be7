"""The report as reviewdog reads it (rdjson, DiagnosticResult): places, severities, rules and suggestions."""

import json
from typing import Any

from patchscan.diff.read import read_diff
from patchscan.finding import CHANGELOG, Finding
from patchscan.report.sarif import text
from patchscan.report.tip import at_tip, place_at_tip
from patchscan.results import Report, changelog_name

SEVERITIES = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}


def render(report: Report) -> str:
    """One DiagnosticResult; what was not judged comes first, at no place."""
    lost = [{"message": text(report.judged.line), "severity": "ERROR"}] if report.judged.lost else []
    said = [diagnostic(report, each) for each in report.shown]
    return json.dumps({"source": {"name": "patchscan"}, "diagnostics": [*lost, *said]}, indent=2) + "\n"


def diagnostic(report: Report, finding: Finding) -> dict[str, Any]:
    """One finding, at the line that it has behind the series; a changelog has a name that is no file's."""
    path, line = changelog_name(finding.patch), finding.line
    if finding.path != CHANGELOG:
        path, line = place_at_tip(report, finding)
    made: dict[str, Any] = {
        "message": text(finding.message),
        "location": {"path": text(path), "range": {"start": {"line": max(line, 1)}}},
        "severity": SEVERITIES[finding.severity],
        "code": {"value": finding.rule},
    }
    suggested = suggestions(report, finding)
    return {**made, "suggestions": suggested} if suggested else made


def suggestions(report: Report, finding: Finding) -> list[dict[str, Any]]:
    """The fix of a finding: for each hunk in its own file the lines and what to put there."""
    files, _ = read_diff((finding.fix or "").removesuffix("\n").split("\n"), finding.rule)
    return [
        {
            "range": {
                "start": {
                    "line": (start := at_tip(report, finding.patch, file.path, hunk.old_start)[1]),
                    "column": 1,
                },
                "end": {"line": start + hunk.old_count, "column": 1},
            },
            "text": text("".join(f"{line.text}\n" for line in hunk.lines if line.kind != "-")),
        }
        for file in files
        if file.path == finding.path
        for hunk in file.hunks
    ]
