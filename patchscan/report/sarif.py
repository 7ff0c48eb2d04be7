"""The report in SARIF 2.1.0 (OASIS), which code hosts and editors read."""

import json
from typing import Any
from urllib.parse import quote

from patchscan import __version__
from patchscan.diff.read import read_diff
from patchscan.finding import Finding
from patchscan.report.tip import at_tip, evidence_at_tip, place_at_tip
from patchscan.results import Report
from patchscan.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report) -> str:
    """One SARIF log with one run; every rule is listed, whether it found something or not."""
    names = [rule.name for rule in report.rules]
    lost = report.judged.lost
    run = {
        "properties": {"judged": report.judged.word, "notJudged": [text(report.judged.line)][: len(lost)]},
        "tool": {
            "driver": {
                "name": "patchscan",
                "version": __version__,
                "rules": [rule_object(rule) for rule in report.rules],
            }
        },
        "results": [result_object(report, finding, names.index(finding.rule)) for finding in report.findings],
        "invocations": [
            {
                "executionSuccessful": report.series is not None,
                "toolExecutionNotifications": notifications(report),
            }
        ],
        "columnKind": "utf16CodeUnits",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def notifications(report: Report) -> list[dict[str, Any]]:
    """What was not judged as errors, other problems as warnings, what was judged with less knowledge as notes."""
    told = [
        ("error" if each.lost else "warning", f"{each.where}: {each.message}") for each in report.problems
    ]
    told += [("note", line) for line in report.judged.reduced]
    return [{"level": level, "message": {"text": text(line)}} for level, line in told]


def rule_object(rule: Rule) -> dict[str, Any]:
    """A reportingDescriptor; its id is the rule's name and stays."""
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\nSource: {rule.source}"},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def result_object(report: Report, finding: Finding, index: int) -> dict[str, Any]:
    """A result at its line; evidence as related locations, a suppression with its reason."""
    path, line = place_at_tip(report, finding)
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": text(finding.message)},
        "locations": [location(path, line)],
        "partialFingerprints": {"patchscan/v1": finding.fingerprint},
        "properties": {"patch": finding.patch, "confidence": finding.confidence},
    }
    if finding.evidence:
        result["relatedLocations"] = [
            {**location(*evidence_at_tip(report, finding, each)), "message": {"text": text(each.text)}}
            for each in finding.evidence
        ]
    if finding.fix:
        result["fixes"] = [fix_object(report, finding)]
    if finding.suppressed is not None:
        result["suppressions"] = [{"kind": "external", "justification": text(finding.suppressed)}]
    if finding.preexisting:
        result["baselineState"] = "unchanged"
    if finding.repaired_by is not None:
        result["properties"]["repairedBy"] = finding.repaired_by
    return result


def fix_object(report: Report, finding: Finding) -> dict[str, Any]:
    """A fix: for each hunk of its diff the lines to delete and those to put there."""
    files, _ = read_diff((finding.fix or "").removesuffix("\n").split("\n"), finding.rule)
    changes = []
    for file in files:
        replacements = [
            {
                "deletedRegion": {
                    "startLine": (start := at_tip(report, finding.patch, file.path, hunk.old_start)[1]),
                    "startColumn": 1,
                    "endLine": start + hunk.old_count,
                    "endColumn": 1,
                },
                "insertedContent": {
                    "text": text("".join(f"{line.text}\n" for line in hunk.lines if line.kind != "-"))
                },
            }
            for hunk in file.hunks
        ]
        changes.append({"artifactLocation": {"uri": uri(file.path)}, "replacements": replacements})
    return {"description": {"text": f"Fix of {finding.rule}"}, "artifactChanges": changes}


def uri(path: str) -> str:
    """A path as a relative URI."""
    return quote(path.encode("utf-8", "surrogateescape"))


def location(path: str, line: int) -> dict[str, Any]:
    """A physical location, its path as a relative URI."""
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(path)}}
    if line > 0:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}


def text(words: str) -> str:
    """Text as JSON can carry it: bytes that are not UTF-8 become visible escapes."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
