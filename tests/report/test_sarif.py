"""SARIF held against the object model that the OASIS committee's schema was made into (package sarif-om)."""

import json
from typing import Any

import pytest
from patchscan.basics.record import replace
from patchscan.finding import Evidence
from patchscan.report.joining import joined
from patchscan.report.render import render
from patchscan.results import ModelResult, Report, Step

from tests.report.test_formats import MAIL, report_on

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
    "automationDetails": "RunAutomationDetails",
    "originalUriBaseIds": "ArtifactLocation",
    "logicalLocations": "LogicalLocation",
    "location": "Location",
    "codeFlows": "CodeFlow",
    "threadFlows": "ThreadFlow",
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
        parts = inner if isinstance(inner, list) else [inner]
        parts = list(inner.values()) if key == "originalUriBaseIds" else parts
        for number, each in enumerate(parts):
            if isinstance(each, dict):
                assert key in CLASSES, key
                kind = "ThreadFlowLocation" if (name, key) == ("ThreadFlow", "locations") else CLASSES[key]
                found += faults(each, kind, f"{where}/{key}/{number}")
    return found


def rich_report() -> Report:
    """A report with everything that has a place in SARIF."""
    report = report_on(MAIL)
    first, second, *rest = report.findings
    first = replace(
        first, evidence=(Evidence("mm/b c.c", 3, "x"), Evidence("(tree)", 0, "")), suppressed="agreed"
    )
    second = replace(second, repaired_by=2, model="m")
    steps = (
        Step("CPU 0: f()", "READ_ONCE(x)", "mm/a.c", 3, reads_from=2),
        Step("CPU 1: g()", "WRITE_ONCE(x, 1)", "mm/a.c", 5),
        Step("CPU 0: f()", "done"),
    )
    model = ModelResult("m", "s", "x86", "unsafe", "safe", "Sometimes", steps)
    return replace(report, findings=(first, second, *rest), models=(model,))


def test_the_log_has_what_the_object_model_wants_and_nothing_else() -> None:
    log = json.loads(render(rich_report(), "sarif"))
    assert log["version"] == "2.1.0" and faults(log, "SarifLog", "") == []
    keys = {key for result in log["runs"][0]["results"] for key in result}
    assert {"fixes", "suppressions", "relatedLocations", "partialFingerprints", "codeFlows"} <= keys


def test_an_interleaving_is_a_flow_a_cpu() -> None:
    (run,) = json.loads(render(rich_report(), "sarif"))["runs"]
    ((flow,),) = (each["codeFlows"] for each in run["results"] if "codeFlows" in each)
    first, second = flow["threadFlows"]
    assert [each["executionOrder"] for each in first["locations"]] == [1, 3]
    assert [each["executionOrder"] for each in second["locations"]] == [2]
    assert first["locations"][0]["location"]["message"]["text"] == "READ_ONCE(x); sees step 2"
    assert "physicalLocation" not in first["locations"][1]["location"]


def test_a_changelog_is_no_file_of_the_tree() -> None:
    (run,) = json.loads(render(report_on(MAIL), "sarif"))["runs"]
    (place,) = (
        each["locations"][0] for each in run["results"] if each["ruleId"] == "changelog-previous-patch"
    )
    artifact = place["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "changelog-of-patch-1", "uriBaseId": "SERIES"}
    assert "SERIES" in run["originalUriBaseIds"]


def test_what_hosts_limit_is_cut_gravest_last() -> None:
    report = report_on(MAIL)
    (error,) = (each for each in report.findings if each.severity == "error")
    (small, *_) = (each for each in report.findings if each.severity == "info")
    long = replace(small, message="x" * 5000, evidence=(Evidence("mm/a.c", 1, "x"),) * 300)
    (run,) = json.loads(render(replace(report, findings=(long,) * 6000 + (error,)), "sarif"))["runs"]
    assert len(run["results"]) == 5000 and run["results"][0]["level"] == "error"
    assert len(run["results"][1]["message"]["text"]) == 1000
    assert len(run["results"][1]["relatedLocations"]) == 100
    hashes = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert len(set(hashes)) == len(hashes)


def test_rules_name_the_document_they_rest_on() -> None:
    (run,) = json.loads(render(report_on(MAIL), "sarif"))["runs"]
    links = {each["id"]: each.get("helpUri") for each in run["tool"]["driver"]["rules"]}
    assert links["changelog-previous-patch"] == "https://docs.kernel.org/process/submitting-patches.html"


def test_several_series_are_one_document() -> None:
    texts = [render(report_on(MAIL), "sarif"), render(report_on(MAIL.replace("red", "blue")), "sarif")]
    log = json.loads("".join(joined("sarif", [*texts, texts[0]])))
    assert faults(log, "SarifLog", "") == []
    names = [run["automationDetails"]["id"] for run in log["runs"]]
    assert len(names) == 3 == len(set(names))
    many = json.loads("".join(joined("sarif", texts * 15)))
    assert len(many["runs"]) == 20
    assert sum(len(run["results"]) for run in many["runs"]) == 15 * sum(
        len(json.loads(text)["runs"][0]["results"]) for text in texts
    )


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
