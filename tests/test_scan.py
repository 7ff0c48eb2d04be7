"""The whole road on the series of fixtures/series: what a reviewer would say is said, and nothing else."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from patchscan.context import Settings
from patchscan.finding import CHANGELOG, Finding
from patchscan.mail import read_input
from patchscan.mail.thread import read_thread
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import open_tree

FIXTURES = Path(__file__).parent.parent / "fixtures"
SERIES = sorted(path.parent for path in FIXTURES.glob("series/*/expected.toml"))
RULES = tuple(rule for rule in load_rules()[0] if rule.default)
NAMES = {rule.name for rule in RULES}


def scanned(directory: Path, revision: int | None = None) -> Report:
    messages, problems = read_input([str(directory / "series.mbox")], None)
    thread = read_thread(messages, problems, revision)
    return scan(thread, open_tree(str(FIXTURES / "tree")), RULES, Settings({}))


def is_at(finding: Finding, entry: dict[str, Any]) -> bool:
    """Whether a finding is of the rule and at the place that an entry of expected.toml names."""
    if finding.rule != entry["rule"] or finding.patch != entry.get("patch", finding.patch):
        return False
    if "names" in entry:
        said = finding.message + " ".join(each.path for each in finding.evidence)
        return all(name in said for name in entry["names"])
    return any(is_place(finding, place) for place in [entry, *entry.get("also", [])])


def is_place(finding: Finding, place: dict[str, Any]) -> bool:
    quote = place.get("quote", finding.text)
    return finding.path == place["path"] and (
        finding.path == CHANGELOG or quote.strip() == finding.text.strip()
    )


@pytest.mark.parametrize("directory", SERIES, ids=lambda path: path.name)
def test_findings_are_those_of_a_reviewer(directory: Path) -> None:
    expected = tomllib.loads((directory / "expected.toml").read_text())
    report = scanned(directory, expected.get("revision"))
    assert not [each for each in report.problems if "rule" in each.message]
    wanted = [entry for entry in expected.get("finding", []) if entry["rule"] in NAMES]
    for entry in wanted:
        found = [each for each in report.findings if is_at(each, entry)]
        assert found, f"missed: {entry}"
        assert found[0].severity == entry.get("severity", "warning")
        assert found[0].repaired_by == entry.get("repaired_by")
    known = wanted + expected.get("permitted", []) + expected.get("proof", [])
    for finding in report.findings:
        assert not any(is_at(finding, entry) for entry in expected.get("silent", [])), finding
        if finding.severity != "info" or expected.get("clean"):
            assert any(is_at(finding, entry) for entry in known), f"false alarm: {finding}"


def test_the_clean_series_was_really_judged() -> None:
    report = scanned(FIXTURES / "series" / "clean")
    assert report.coverage.functions > 0 and set(report.coverage.rules_run) == NAMES
    assert all(file.used == "tree" for state in report.states for file in state.files)
