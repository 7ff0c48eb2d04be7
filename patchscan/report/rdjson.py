"""The report as reviewdog reads it (rdjson, DiagnosticResult): places, severities, rules and suggestions."""

import json
from typing import Any

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
    """The fix of a finding: for each edit in its own file the lines and what to put there."""
    return [
        {
            "range": {
                "start": {
                    "line": (start := at_tip(report, finding.patch, edit.path, edit.start)[1]),
                    "column": 1,
                },
                "end": {"line": start + len(edit.before), "column": 1},
            },
            "text": text("".join(f"{line}\n" for line in edit.after)),
        }
        for edit in finding.fix or ()
        if edit.path == finding.path
    ]
