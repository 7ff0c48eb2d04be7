"""The report as JSON, schema 1 (report/schema.json)."""

import json
from typing import Any

from patchscan.basics.fields import as_dict as fields
from patchscan.basics.fields import plain
from patchscan.diff.write import diff_of
from patchscan.finding import Finding
from patchscan.report.tip import at_tip
from patchscan.results import Report
from patchscan.settling.trackrecord import EVERY, SHIPPED, of_rule, read_records

SCHEMA = 1


def render(report: Report) -> str:
    """One JSON object, ending in a newline; text that is not UTF-8 is written as the escapes of its bytes."""
    return json.dumps(as_dict(report), indent=2, ensure_ascii=True) + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    seconds = {name: round(each, 6) for name, each in report.timings}
    records = read_records(report.records or SHIPPED)
    return {
        "schema": SCHEMA,
        "judged": report.judged.word,
        "not_judged": [{"where": each.where, "message": each.message} for each in report.judged.lost],
        "series": series_dict(report),
        "other_series": [
            {
                "title": left.series.title,
                "revision": left.series.revision,
                "patches": len(left.series.patches),
                "why": left.why,
            }
            for left in report.thread.left_out
        ],
        "findings": [
            {
                **finding_dict(finding),
                "tip": tip_dict(report, finding),
                "record": of_rule(finding.rule, finding.severity, records),
            }
            for finding in report.findings
        ],
        "record_of_all_lines": of_rule(EVERY, "", records),
        "models": [plain(model) for model in report.models],
        "costs": [
            {"patch": each.patch, "scenario": each.scenario, "text": each.text} for each in report.costs
        ],
        "problems": [{"where": each.where, "message": each.message} for each in report.problems],
        "coverage": {
            "functions": report.coverage.functions,
            "partial": list(report.coverage.partial),
            "skipped": [
                {
                    "where": f"{each.rule}: patch {each.patch}, {each.path}:{each.line}",
                    "why": each.reason,
                }
                for each in report.unchecked
            ],
            "rules_run": list(report.coverage.rules_run),
            "reduced": list(report.judged.reduced),
            "blind": list(report.coverage.blind),
            "turned_off": list(report.coverage.turned_off),
        },
        **({"remarks": [fields(remark) for remark in report.remarks]} if report.remarks else {}),
        **({"timings": seconds} if seconds else {}),
    }


def series_dict(report: Report) -> dict[str, Any] | None:
    """The series that was scanned, None where there was none."""
    if report.series is None:
        return None
    return {
        "title": report.series.title,
        "revision": report.series.revision,
        "message_id": report.series.message_id,
        "base": report.base,
        "fit": {
            "verdict": report.fit.verdict,
            "release": report.fit.release,
            "taken": list(report.fit.taken),
        },
        "patches": [
            {
                "index": state.patch.index,
                "subject": state.patch.subject,
                "message_id": state.patch.message_id,
                "author": state.patch.author,
                "files": [
                    {"path": file.change.path, "used": file.used, "why": file.why} for file in state.files
                ],
            }
            for state in report.states
        ],
    }


def tip_dict(report: Report, finding: Finding) -> dict[str, Any]:
    """Where a finding stands once the whole series is applied."""
    path, line = at_tip(report, finding.patch, finding.path, finding.line)
    return {"path": path, "line": line}


def finding_dict(finding: Finding) -> dict[str, Any]:
    """One finding as plain data."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "patch": finding.patch,
        "path": finding.path,
        "line": finding.line,
        "message": finding.message,
        "evidence": [{"path": each.path, "line": each.line, "text": each.text} for each in finding.evidence],
        "fix": {"diff": diff_of(finding.fix)} if finding.fix else None,
        "model": finding.model,
        "fingerprint": finding.fingerprint,
        "preexisting": finding.preexisting,
        "repaired_by": finding.repaired_by,
        "suppressed": finding.suppressed,
    }
