"""The report in SARIF 2.1.0 (OASIS), which code hosts and editors read."""

import json
from collections import Counter
from hashlib import sha256
from itertools import groupby
from typing import Any
from urllib.parse import quote

from patchscan import __version__
from patchscan.finding import CHANGELOG, Finding
from patchscan.report.models import notes, verdict
from patchscan.report.pages import document_of
from patchscan.report.tip import at_tip
from patchscan.results import ModelResult, Report, Step, changelog_name, file_name
from patchscan.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
RANKS = ("info", "warning", "error")
PROBLEMS = {"error": "error", "warning": "warning", "info": "recommendation"}
BASE = "SERIES"
# What GitHub takes of a file: https://docs.github.com/en/code-security, "SARIF support".
MOST_RESULTS, MOST_RELATED, MOST_STEPS, MOST_RUNS, LONGEST = 5000, 100, 1000, 20, 1000


def render(report: Report) -> str:
    """One SARIF log with one run; every rule is listed, whether it found something or not."""
    names = [rule.name for rule in report.rules]
    lost = report.judged.lost
    gravest = sorted(report.findings, key=lambda each: -RANKS.index(each.severity))
    findings = report.findings if len(report.findings) <= MOST_RESULTS else gravest[:MOST_RESULTS]
    lines: Counter[str] = Counter()
    run = {
        "properties": {"judged": report.judged.word, "notJudged": [text(report.judged.line)][: len(lost)]},
        "automationDetails": automation(report),
        "tool": {
            "driver": {
                "name": "patchscan",
                "version": __version__,
                "rules": [rule_object(rule) for rule in report.rules],
            }
        },
        "originalUriBaseIds": {
            BASE: {"description": {"text": "The mails of the series; a changelog is named by its patch."}}
        },
        "results": [result_object(report, finding, names.index(finding.rule), lines) for finding in findings],
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


def automation(report: Report) -> dict[str, Any]:
    """The name under which code hosts keep runs apart: one a series, the same for each revision of it."""
    title = file_name(report.series.title) if report.series else "no-series"
    return {"id": f"patchscan/{title}/"}


def rule_object(rule: Rule) -> dict[str, Any]:
    """A reportingDescriptor; its id is the rule's name and stays."""
    made: dict[str, Any] = {
        "id": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": shortened(rule.why)},
        "help": {"text": f"{rule.why}\n\nSource: {rule.source}"},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"precision": rule.confidence, "problem.severity": PROBLEMS[rule.severity]},
    }
    if document := document_of(rule):
        made["helpUri"] = document
    return made


def result_object(report: Report, finding: Finding, index: int, lines: Counter[str]) -> dict[str, Any]:
    """A result at its line; evidence as related locations, an interleaving as code flow, a suppression with its reason.

    lines: how often a line of the same text was the place of a result, which grows.
    """
    hashed = sha256("".join(finding.text.split()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    lines[hashed] += 1
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": shortened(finding.message)},
        "locations": [place_of(report, finding.path, finding.line, finding.patch)],
        "partialFingerprints": {
            "patchscan/v1": finding.fingerprint,
            "primaryLocationLineHash": f"{hashed}:{lines[hashed]}",
        },
        "properties": {"patch": finding.patch, "confidence": finding.confidence},
    }
    if finding.evidence:
        result["relatedLocations"] = [
            {
                "id": number,
                **place_of(report, each.path, each.line, finding.patch),
                "message": {"text": shortened(each.text)},
            }
            for number, each in enumerate(finding.evidence[:MOST_RELATED], 1)
        ]
    model = report.model_of(finding)
    if model is not None and model.timeline:
        result["codeFlows"] = [code_flow(report, model)]
    if finding.fix:
        result["fixes"] = [fix_object(report, finding)]
    if finding.suppressed is not None:
        result["suppressions"] = [{"kind": "external", "justification": text(finding.suppressed)}]
    if finding.preexisting:
        result["baselineState"] = "unchanged"
    if finding.repaired_by is not None:
        result["properties"]["repairedBy"] = finding.repaired_by
    return result


def code_flow(report: Report, model: ModelResult) -> dict[str, Any]:
    """An interleaving: a flow for each CPU, its steps numbered across all of them."""
    threads = dict.fromkeys(step.thread for step in model.timeline)
    return {
        "message": {"text": text(verdict(model))},
        "threadFlows": [
            {
                "id": text(thread),
                "locations": [
                    {"executionOrder": number, "location": step_place(report, model, step)}
                    for number, step in enumerate(model.timeline[:MOST_STEPS], 1)
                    if step.thread == thread
                ],
            }
            for thread in threads
        ],
    }


def step_place(report: Report, model: ModelResult, step: Step) -> dict[str, Any]:
    """Where a step stands, where something in the code stands for it, and what it does."""
    said = "; ".join([step.text, *notes(step)])
    placed = location(*at_tip(report, model.patch, step.path, step.line)) if step.path else {}
    return {**placed, "message": {"text": shortened(said)}}


def fix_object(report: Report, finding: Finding) -> dict[str, Any]:
    """A fix: for each edit the lines to delete and those to put there."""
    changes = []
    for path, edits in groupby(finding.fix or (), key=lambda edit: edit.path):
        replacements = [
            {
                "deletedRegion": {
                    "startLine": (start := at_tip(report, finding.patch, path, edit.start)[1]),
                    "startColumn": 1,
                    "endLine": start + len(edit.before),
                    "endColumn": 1,
                },
                "insertedContent": {"text": text("".join(f"{line}\n" for line in edit.after))},
            }
            for edit in edits
        ]
        changes.append({"artifactLocation": {"uri": uri(path)}, "replacements": replacements})
    return {"description": {"text": f"Fix of {finding.rule}"}, "artifactChanges": changes}


def uri(path: str) -> str:
    """A path as a relative URI."""
    return quote(path.encode("utf-8", "surrogateescape"))


def place_of(report: Report, path: str, line: int, patch: int) -> dict[str, Any]:
    """Where something is said: a line of a file, or of the changelog of a patch, which is no file of the tree."""
    if path != CHANGELOG:
        return location(*at_tip(report, patch, path, line))
    name = changelog_name(patch)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": name, "uriBaseId": BASE},
            "region": {"startLine": max(line, 1)},
        },
        "logicalLocations": [{"name": name}],
    }


def location(path: str, line: int) -> dict[str, Any]:
    """A physical location, its path as a relative URI."""
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(path)}}
    if line > 0:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}


def shortened(words: str) -> str:
    """Text within the length that code hosts show."""
    words = text(words)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 4]} ..."


def text(words: str) -> str:
    """Text as JSON can carry it: bytes that are not UTF-8 become visible escapes."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
