"""What the reply to each patch says: its own remarks, those of one cause once."""

import pytest
from patchscan.basics.record import replace
from patchscan.finding import CHANGELOG, Finding
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.report.render import documents
from patchscan.report.replies import numbered, replies
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.settling.together import told_together

MAIL = """\
From: Eve <eve@example.org>
Subject: [PATCH {number}/3] mm: walk {number}
Message-ID: <{number}@example.org>

Walk.
---
diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -1,1 +1,9 @@
 int a;
+int b;
+int c;
+int d;
+int e;
+int f;
+int g;
+int h;
+int i;

"""


def series_with(*findings: Finding) -> Report:
    """A report on three patches with these findings, settled as the command line does."""
    text = "".join("From a@b Thu Jan  1 00:00:00 1970\n" + MAIL.format(number=number) for number in (1, 2, 3))
    messages, problems = read_messages(text.encode(), "test.mbox")
    return replace(scan(read_thread(messages, problems), None, ()), findings=told_together(findings))


def finding(patch: int, line: int, message: str, **more: object) -> Finding:
    filled = {"rule": "some-rule", "severity": "info", "confidence": "high", "patch": patch, **more}
    return replace(Finding(str(filled.pop("path", "mm/a.c")), line, message), **filled)


def said(report: Report) -> dict[int, list[str]]:
    """The messages of each reply."""
    return {patch.index: [each.message for each in found] for patch, found in replies(report, "warning")}


def test_a_nit_stands_in_the_reply_to_its_own_patch() -> None:
    report = series_with(
        finding(1, 2, "write BIT()", rule="file-habits"),
        finding(1, 3, "grave", severity="warning"),
        finding(2, 2, "s/teh/the/", rule="spelling"),
        finding(3, 4, "s/nad/and/", rule="spelling"),
        finding(3, 5, "worse", severity="warning"),
    )
    assert "also s/nad/and/" in report.findings[0].message
    assert said(report) == {1: ["write BIT()", "grave"], 3: ["s/nad/and/", "worse"]}
    texts = dict(documents(report, "mail"))
    assert len(texts) == 2 and not any("teh" in text or "also" in text for text in texts.values())


def test_what_is_said_of_changelogs_is_said_in_the_first_reply_with_the_other_patches() -> None:
    unsigned = [finding(at, 1, "nobody signed", path=CHANGELOG, severity="warning") for at in (1, 2, 3)]
    assert said(series_with(*unsigned)) == {1: ["nobody signed; the same in patches 2 and 3"]}
    small = [finding(at, 1, "say why", path=CHANGELOG) for at in (1, 2)]
    report = series_with(*small, finding(2, 3, "grave", severity="warning"))
    assert said(report) == {2: ["say why; the same in patch 1", "grave"]}


def test_cases_of_one_patch_are_told_at_the_first_where_they_are_many() -> None:
    few = [finding(1, 2 + at, f"only this file uses f_{'abcd'[at]}()", severity="warning") for at in range(3)]
    assert len(said(series_with(*few))[1]) == 3
    names = "abcdef"
    many = [
        finding(1, 2 + at, f"only this file uses f_{name}()", severity="warning")
        for at, name in enumerate(names)
    ]
    assert said(series_with(*many)) == {
        1: ["only this file uses f_a(); the same for f_b(), f_c(), f_d(), f_e(), f_f()"]
    }
    nameless = [finding(1, 2 + at, "one branch has braces", severity="warning") for at in range(5)]
    assert said(series_with(*nameless)) == {1: ["one branch has braces; the same in 4 more places"]}
    errors = [replace(each, severity="error") for each in many]
    assert len(said(series_with(*errors))[1]) == len(many)


def test_a_question_is_not_joined_with_what_follows() -> None:
    asked = [finding(1, 2 + at, "is this the base?", severity="info") for at in range(2)]
    report = series_with(*asked, finding(1, 7, "grave", severity="warning"))
    assert said(report)[1][0] == "is this the base? The same further down"


@pytest.mark.parametrize(
    ("patches", "text"),
    [
        ([2], "patch 2"),
        ([2, 3], "patches 2 and 3"),
        ([2, 3, 4, 7], "patches 2 to 4 and 7"),
        ([1, 4, 6, 7, 8], "patches 1, 4 and 6 to 8"),
    ],
)
def test_patches_are_numbered_as_people_do(patches: list[int], text: str) -> None:
    assert numbered(patches) == text
