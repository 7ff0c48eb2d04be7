"""A finding in the cover letter is patch 0, and every format shows it."""

import pytest
from patchscan.context import Settings
from patchscan.report.render import documents
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import read_example

TEXT = """
>>> cover mm: look at the cache first
Most entries are in the cache.

With this, the throughput of a lookup rises, a gain of 40%.
In this series nothing is exported.
>>> patch mm: look at the cache first
Ask the cache, then the list.
>>> file mm/example.c
+int x;
"""


def report(rule: str) -> Report:
    series, _, _ = read_example(TEXT)
    rules = tuple(each for each in load_rules()[0] if each.name == rule)
    return scan(Thread((series,), (), ()), None, rules, Settings({}))


def test_the_cover_letter_is_patch_0() -> None:
    findings = report("changelog-unqualified-numbers").findings
    assert [(each.patch, each.path, each.line) for each in findings] == [(0, "(changelog)", 3)]
    assert findings[0].text.startswith("With this")


def test_rules_ask_for_cover_letters() -> None:
    """A cover letter lives with its series: it may speak of "this series" and has no trailers."""
    assert [rule.name for rule in load_rules()[0] if rule.cover] == [
        "changelog-against-diff",
        "changelog-unqualified-numbers",
        "trailer-form",
        "version-without-changes",
    ]
    assert not report("trailers").findings[1:] and report("trailers").findings[0].patch == 1


@pytest.mark.parametrize("form", ["text", "concise", "mail", "html", "markdown", "json", "sarif", "github"])
def test_every_format_shows_it(form: str) -> None:
    shown = "".join(text for _, text in documents(report("changelog-unqualified-numbers"), form))
    assert "40%" in shown and "benchmark" in shown
    assert "(no file)" not in shown
