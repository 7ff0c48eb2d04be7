"""White space at the end of lines, which the examples of a rule cannot hold."""

from collections.abc import Sequence

from patchscan.context import Settings
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.scan import scan
from patchscan.settling.fixes import fix_patch
from patchscan.settling.registry import load_rules

RULES = tuple(rule for rule in load_rules()[0] if rule.name == "whitespace-error")
MAIL = """From: A Developer <developer@example.org>
Subject: [PATCH] mm: walk all entries

Walk them.

Signed-off-by: A Developer <developer@example.org>
---
diff --git a/mm/walk.c b/mm/walk.c
--- a/mm/walk.c
+++ b/mm/walk.c
@@ -1,3 +1,4 @@
 int a;
{} int b;
 int c;
"""


def messages(*added: str) -> Sequence[tuple[int, str, str]]:
    mail = MAIL.replace("+1,4", f"+1,{3 + len(added)}").format("".join(f"+{line}\n" for line in added))
    report = scan(read_thread(*read_messages(mail.encode(), "mail")), None, RULES, Settings({}))
    assert report.problems == ()
    text, left_out = fix_patch(report)
    assert not left_out
    return [(finding.line, finding.severity, finding.message) for finding in report.findings] + [
        (0, "", line) for line in (text or "").split("\n") if line.startswith("+int")
    ]


def test_a_blank_at_the_end_is_told_and_taken_away() -> None:
    (line, severity, message), fixed = messages("int x; ")
    assert (line, severity) == (2, "warning") and message.startswith("white space at the end of the line:")
    assert fixed == (0, "", "+int x;")


def test_many_lines_are_one_finding() -> None:
    ((line, _, message),) = messages("int x;", "int y;\t", "int z;  ")
    assert line == 3 and "and the same or the like in 1 more" in message


def test_clean_lines() -> None:
    assert messages("int x;", "", "\tint y;") == []


def test_what_a_link_leads_to_ends_without_a_line_end() -> None:
    new = """diff --git a/mm/walk.c b/mm/walk.c
new file mode {}
--- /dev/null
+++ b/mm/walk.c
@@ -0,0 +1 @@
+../lib/walk.c
\\ No newline at end of file
"""
    for mode, number in (("120000", 0), ("100644", 1)):
        mail = MAIL[: MAIL.index("diff --git")] + new.format(mode)
        report = scan(read_thread(*read_messages(mail.encode(), "mail")), None, RULES, Settings({}))
        assert len(report.findings) == number
