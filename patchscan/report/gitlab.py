"""The report as GitLab's code quality takes it: an array of one object a finding."""

import json
from typing import Any

from patchscan.finding import CHANGELOG, Finding
from patchscan.report.sarif import text
from patchscan.report.tip import place_at_tip
from patchscan.results import Report, changelog_name

SEVERITIES = {"error": "critical", "warning": "major", "info": "minor"}


def render(report: Report) -> str:
    """The findings that were not set aside; what was not judged comes first, as a finding on no line."""
    lost = [not_judged(report)] if report.judged.lost else []
    return json.dumps([*lost, *(entry(report, each) for each in report.shown)], indent=2) + "\n"


def entry(report: Report, finding: Finding) -> dict[str, Any]:
    """One finding, at the line that it has behind the series; a changelog has a name that is no file's."""
    path, line = changelog_name(finding.patch), finding.line
    if finding.path != CHANGELOG:
        path, line = place_at_tip(report, finding)
    return {
        "description": text(finding.message),
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": SEVERITIES[finding.severity],
        "location": {"path": text(path), "lines": {"begin": max(line, 1)}},
    }


def not_judged(report: Report) -> dict[str, Any]:
    """What was lost, which GitLab has no other place for."""
    return {
        "description": text(report.judged.line),
        "check_name": "not-fully-judged",
        "fingerprint": "not-fully-judged",
        "severity": "major",
        "location": {"path": changelog_name(0), "lines": {"begin": 1}},
    }
