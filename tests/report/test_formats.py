"""What a scan prints: the JSON schema, the text for people, and that hostile mail stays harmless."""

import json
from pathlib import Path

import jsonschema
import pytest
from patchscan.basics.printable import printable
from patchscan.basics.record import replace
from patchscan.context import Settings
from patchscan.mail import read_input, read_messages
from patchscan.mail.thread import read_thread
from patchscan.report.render import render
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import open_tree

SCHEMA = json.loads((Path(__file__).parents[2] / "patchscan" / "report" / "schema.json").read_text())
RULES = tuple(rule for rule in load_rules()[0] if rule.default)

MAIL = """\
From: Eve <eve@example.org>
Subject: [PATCH] mm: \x1b[31mred\x1b[0m [bold]and bold[/bold]
Message-ID: <1@example.org>

As the previous patch did.

---
 mm/a.c | 3 +++

diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -1,3 +1,6 @@
 void f(int a)
 {
+	while (a) /* \x1b]0;title\x07 \u202e */
+		if (a)
+			f(a);
 }
-- 
2.49.0
"""


def report_on(text: str) -> Report:
    messages, problems = read_messages(text.encode(), "test.mbox")
    return scan(read_thread(messages, problems), None, RULES, Settings({}))


def test_json_follows_the_schema_and_is_the_same_every_time() -> None:
    text = render(report_on(MAIL), "json")
    data = json.loads(text)
    jsonschema.validate(data, SCHEMA)
    assert {"changelog-previous-patch", "missing-braces"} <= {each["rule"] for each in data["findings"]}
    assert text == render(report_on(MAIL), "json")


def test_the_schema_refuses_what_is_no_report() -> None:
    data = json.loads(render(report_on(MAIL), "json"))
    data["findings"][0]["severity"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


@pytest.mark.parametrize("colour", [False, True])
def test_nothing_in_a_mail_reaches_the_terminal_as_an_order(colour: bool) -> None:
    text = render(report_on(MAIL), "text", colour=colour)
    assert "\x1b]0;" not in text and "\u202e" not in text and "\x1b[31mred" not in text
    assert "[bold]and bold[/bold]" in text and "\\x1b[31mred" in text
    assert ("\x1b[" in text) is colour


def test_text_quotes_the_line_and_counts() -> None:
    text = render(report_on(MAIL), "text")
    assert "mm/a.c:3: info missing-braces" in text
    assert "changelog line 1: warning changelog-previous-patch" in text
    assert text.splitlines()[-1].startswith("1 patch, 1 functions,")


def test_what_was_there_before_is_listed_apart() -> None:
    report = report_on(MAIL)
    old = replace(report.findings[-1], preexisting=True, message="an old fault")
    changed = replace(report, findings=(*report.findings[:-1], old))
    short = render(changed, "text")
    assert "an old fault" not in short and "1 finding from before the series" in short
    above, _, below = render(changed, "text", detail=1).partition("There before the patch\n")
    assert "an old fault" not in above and "an old fault" in below


def test_lines_fit_where_words_allow() -> None:
    for width in (60, 80, 140):
        rows = render(report_on(MAIL), "text", width).splitlines()
        assert all(len(row) <= width or row.lstrip().startswith((">", "[")) for row in rows)


def test_no_patch_is_said_plainly() -> None:
    assert render(report_on("Subject: hello\n\nno diff here\n"), "text").splitlines()[-1] == "no patch found"


def test_printable_keeps_text_and_shows_the_rest() -> None:
    assert printable("naïve – 漢字") == "naïve – 漢字"
    assert printable("a\udcffb\x07\u200b") == "a\\xffb\\x07\\u200b"


def test_findings_stand_in_reading_order() -> None:
    places = [(each.patch, each.path != "(changelog)", each.line) for each in report_on(MAIL).findings]
    assert places == sorted(places) and len(places) > 1


def test_line_formats_agree_on_the_places() -> None:
    report = report_on(MAIL)
    concise = render(report, "concise").splitlines()
    assert len(concise) == len(report.judged.lines) + len(report.findings) + len(report.problems)
    assert any(line.startswith("mm/a.c:3: info: missing-braces: ") for line in concise)
    assert "::notice file=mm/a.c,line=3,title=missing-braces (patch 1)::" in render(report, "github")
    assert "mm/a.c:3: ERROR:hidden-characters: " in render(report, "b4")
    assert render(report, "patchwork").startswith("fail: ")


def test_a_clean_patch_says_nothing_to_b4() -> None:
    changed = [("As the previous patch did.", "Count down.\n\nSigned-off-by: Eve <eve@example.org>")]
    changed += [
        (" /* \x1b]0;title\x07 \u202e */", ""),
        ("while (a)", "a--;"),
        ("\t\tif (a)", "\ta--;"),
        ("\t\t\tf(a);", "\ta--;"),
    ]
    clean = MAIL
    for old, new in changed:
        assert old in clean
        clean = clean.replace(old, new)
    report = report_on(clean)
    assert render(report, "b4") == "" and render(report, "patchwork").startswith("success: ")


def test_workflow_commands_cannot_be_forged() -> None:
    forged = MAIL.replace("mm/a.c", "mm/a,line=9::x.c")
    assert all(
        line.count("::") <= 2 or "%3A%3A" in line for line in render(report_on(forged), "github").splitlines()
    )


def test_markdown_keeps_markup_of_mails_inert() -> None:
    text = render(report_on(MAIL.replace("red", "<script>x</script> [a](b)")), "markdown")
    assert "<script>" not in text and "[a](b)" not in text


def test_sarif_names_every_rule_and_anchors_changelogs() -> None:
    log = json.loads(render(report_on(MAIL), "sarif"))
    run = log["runs"][0]
    assert [each["id"] for each in run["tool"]["driver"]["rules"]] == [rule.name for rule in RULES]
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] in ("mm/a.c", "changelog-of-patch-1")
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_what_a_patch_changes_in_cost_is_in_every_full_report() -> None:
    top = Path(__file__).parents[2] / "fixtures"
    messages, problems = read_input([str(top / "series" / "targeted-ipi" / "series.mbox")], None)
    rules = tuple(rule for rule in RULES if rule.name == "table-free-without-sync")
    report = scan(read_thread(messages, problems), open_tree(str(top / "tree")), rules)
    said = "one collapse_huge_page() makes 1 IPI (63 before)"
    assert said in " ".join(render(report, "text", detail=1).split())
    data = json.loads(render(report, "json"))
    jsonschema.validate(data, SCHEMA)
    assert any(said in each["text"] and each["patch"] == 2 for each in data["costs"])
    assert said in render(report, "html") and "1 IPI" in render(report, "markdown")
