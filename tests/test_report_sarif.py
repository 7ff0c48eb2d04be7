"""SARIF held against the object model that the OASIS committee's schema was made into (package sarif-om)."""

import json
from typing import Any

import pytest
from patchscan.basics.record import replace
from patchscan.finding import Evidence
from patchscan.report.render import render
from patchscan.results import Report

from tests.test_report import MAIL, report_on

sarif_om = pytest.importorskip("sarif_om")
attr = pytest.importorskip("attr")

# The class of what stands under each key; keys that hold plain values or property bags are not named.
CLASSES = {
    "runs": "Run",
    "tool": "Tool",
    "driver": "ToolComponent",
    "rules": "ReportingDescriptor",
    "results": "Result",
    "invocations": "Invocation",
    "toolExecutionNotifications": "Notification",
    "message": "Message",
    "description": "Message",
    "locations": "Location",
    "relatedLocations": "Location",
    "physicalLocation": "PhysicalLocation",
    "artifactLocation": "ArtifactLocation",
    "region": "Region",
    "deletedRegion": "Region",
    "insertedContent": "ArtifactContent",
    "shortDescription": "MultiformatMessageString",
    "fullDescription": "MultiformatMessageString",
    "help": "MultiformatMessageString",
    "defaultConfiguration": "ReportingConfiguration",
    "suppressions": "Suppression",
    "fixes": "Fix",
    "artifactChanges": "ArtifactChange",
    "replacements": "Replacement",
}
FREE = {"properties", "partialFingerprints"}
WORDS = {
    "level": {"none", "note", "warning", "error"},
    "kind": {"inSource", "external"},
    "columnKind": {"utf16CodeUnits", "unicodeCodePoints"},
}


def faults(value: dict[str, Any], name: str, where: str) -> list[str]:
    """What the object model says against an object: unknown keys, missing ones, words that are none of the schema's."""
    fields = {each.metadata["schema_property_name"]: each for each in attr.fields(getattr(sarif_om, name))}
    found = [f"{where}: {name} has no {key}" for key in value if key not in fields]
    required = [key for key, each in fields.items() if each.default is attr.NOTHING]
    found += [f"{where}: {name} wants {key}" for key in required if key not in value]
    for key, inner in value.items():
        if key in WORDS and inner not in WORDS[key]:
            found.append(f"{where}: {key} is {inner}")
        if key in FREE:
            continue
        for number, each in enumerate(inner if isinstance(inner, list) else [inner]):
            if isinstance(each, dict):
                assert key in CLASSES, key
                found += faults(each, CLASSES[key], f"{where}/{key}/{number}")
    return found


def rich_report() -> Report:
    """A report with everything that has a place in SARIF."""
    report = report_on(MAIL)
    first, second, *rest = report.findings
    first = replace(
        first, evidence=(Evidence("mm/b c.c", 3, "x"), Evidence("(tree)", 0, "")), suppressed="agreed"
    )
    second = replace(second, repaired_by=2)
    return replace(report, findings=(first, second, *rest))


def test_the_log_has_what_the_object_model_wants_and_nothing_else() -> None:
    log = json.loads(render(rich_report(), "sarif"))
    assert log["version"] == "2.1.0" and faults(log, "SarifLog", "") == []
    keys = {key for result in log["runs"][0]["results"] for key in result}
    assert {"fixes", "suppressions", "relatedLocations", "partialFingerprints"} <= keys


def test_the_check_sees_what_is_wrong() -> None:
    log = json.loads(render(rich_report(), "sarif"))
    result = log["runs"][0]["results"][0]
    result["level"] = "fatal"
    result["rulename"] = "x"
    del result["message"]
    assert len(faults(log, "SarifLog", "")) == 3


def test_regions_and_uris_follow_the_text_of_the_standard() -> None:
    log = json.loads(render(rich_report(), "sarif"))
    text = json.dumps(log)
    assert '"startLine": 0' not in text and "mm/b%20c.c" in text and "file:" not in text and '"/' not in text
    for result in log["runs"][0]["results"]:
        for fix in result.get("fixes", ()):
            (change,) = fix["artifactChanges"]
            region = change["replacements"][0]["deletedRegion"]
            assert 1 <= region["startLine"] <= region["endLine"] and region["endColumn"] == 1
