"""Two revisions held against each other: findings, and what became of the lines that reviewers spoke of."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from patchscan.cli import main
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.results import Answered
from patchscan.series import Thread
from patchscan.settling.remarks import answers

from tests.report.test_formats import SCHEMA

CODE = """\
+static int count(int a)
+{
+	int left = a;
+
+	while (left)
+		if (left > 3)
+			left--;
+	return left;
+}
"""


def posting(revision: int, code: str = CODE, changelog: str = "Count down.", path: str = "mm/a.c") -> str:
    version = f" v{revision}" if revision > 1 else ""
    lines = code.count("\n")
    return f"""\
From a@b Thu Jan  1 00:00:00 1970
From: Eve <eve@example.org>
Subject: [PATCH{version}] mm: count
Message-ID: <v{revision}@example.org>

{changelog}

Signed-off-by: Eve <eve@example.org>
---
diff --git a/{path} b/{path}
--- a/{path}
+++ b/{path}
@@ -0,0 +1,{lines} @@
{code}-- 
2.49.0

"""


def reply(number: int, text: str, author: str = "Rita <rita@example.org>", parent: str = "v1") -> str:
    return f"""\
From a@b Thu Jan  1 00:00:00 1970
From: {author}
Subject: Re: [PATCH] mm: count
Message-ID: <r{number}@example.org>
In-Reply-To: <{parent}@example.org>

On Monday, Eve wrote:
{text}

"""


def thread(*mails: str) -> Thread:
    messages, problems = read_messages("".join(mails).encode(), "test.mbox")
    return read_thread(messages, problems)


def became(text: str, newer: str) -> Answered:
    (found,) = answers(thread(posting(1), reply(1, text)), thread(newer).series[0])
    return found


ON_LEFT = "> +{\n> +\tint left = a;\n\nWhy a second variable here?"


def test_a_remark_is_tied_to_the_last_changed_line_above_it() -> None:
    found = became(ON_LEFT, posting(2))
    assert (found.path, found.line, found.quoted.strip()) == ("mm/a.c", 3, "int left = a;")
    assert found.text == "Why a second variable here?" and found.author == "Rita <rita@example.org>"
    found = became("> +\t\tif (left > 3)\n> +\t\t\tleft--;\n> +}\n\nThis never ends, does it?", posting(2))
    assert found.line == 7


def test_what_became_of_the_line() -> None:
    assert became(ON_LEFT, posting(2)).state == "unchanged"
    assert (
        became(ON_LEFT, posting(2, CODE.replace("int left = a;", "unsigned int left = a;"))).state
        == "changed"
    )
    assert became(ON_LEFT, posting(2, CODE.replace("while (left)", "while (left > 3)"))).state == "near"
    assert became(ON_LEFT, posting(2, path="mm/b.c")).state == "unchanged"
    assert became(ON_LEFT, posting(2, "+int other;\n", path="mm/b.c")).state == "gone"


def test_white_space_that_a_mailer_changed_does_not_matter() -> None:
    mangled = "> +{\n> +        int left =\ta;\n\nWhy a second variable here?"
    assert became(mangled, posting(2)).line == 3


@pytest.mark.parametrize("lost", ["older", "newer"])
def test_what_was_not_judged_of_a_revision_is_told(
    lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stood in the part that was lost is said to be gone, or new: not in silence."""
    for name in ("older", "newer"):
        count = "+1,9 @@" if name == lost else "+1,4 @@"
        diff = f"--- a/mm/a.c\n+++ b/mm/a.c\n@@ -1,3 {count}\n int a;\n+int b; \n int c;\n int d;\n"
        (tmp_path / name).write_text(
            f"From: A <a@example.org>\nSubject: [PATCH] mm: b\n\nCount.\n---\n{diff}"
        )
    words = ["compare", str(tmp_path / "older"), str(tmp_path / "newer"), "--no-tree"]
    words += ["--select", "whitespace-error"]
    status = main(words)
    told = capsys.readouterr()
    assert status == (3 if lost == "newer" else 1)
    assert f"Lost {lost}: not fully judged: " in " ".join(told.out.split())
    assert told.err.startswith(f"patchscan: {lost}: not fully judged: ") and told.err.count("\n") == 1
    assert "whitespace-error" in told.out and "[patch 1]" in " ".join(told.out.split())
    main([*words, "--json"])
    found = json.loads(capsys.readouterr().out)["not_judged"]
    assert {name: len(each) for name, each in found.items()} == {
        "old": lost == "older",
        "new": lost == "newer",
    }


def test_a_remark_on_the_changelog() -> None:
    text = "> Count down.\n\nPlease say what for, and how far."
    assert became(text, posting(2)).state == "unchanged"
    found = became(text, posting(2, changelog="Count down to three, as the hardware asks."))
    assert (found.path, found.line, found.state) == ("(changelog)", 1, "changed")


def test_the_same_line_twice_is_told_apart_by_its_company() -> None:
    code = CODE + CODE.replace("count", "count_more")
    text = "> +static int count_more(int a)\n> +{\n> +\tint left = a;\n\nWhy a second variable here?"
    older = thread(posting(1, code), reply(1, text))
    (found,) = answers(older, thread(posting(2, code)).series[0])
    assert found.line == 12


def test_what_cannot_be_tied_is_said_to_be_unclear() -> None:
    found = became("> Signed-off-by: Eve <eve@example.org>\n\nCould you send the tools, too?", posting(2))
    assert (found.path, found.state) == ("", "unclear")


@pytest.mark.parametrize(
    "text",
    [
        "> +\tint left = a;\n\nReviewed-by: Rita <rita@example.org>",
        "> +\tint left = a;\n\nLooks really good to me now:\nReviewed-by: Rita <rita@example.org>",
        "> +\tint left = a;\n\nNice, thanks!",
        "> +\tint left = a;\n\nGood catch! Feel free to add:\n\nAcked-by: Rita <rita@example.org>",
        "> +\tint left = a;\n\nAfter the discussion on v1 this LGTM, so:\n\nAcked-by: Rita <rita@example.org>",
        "> +\tint left = a;\n\nThis looks pretty good, a couple of small points:",
        "> +\tint left = a;\n\nPatch applied.  Thanks.\nRita",
        "Applied to the tree for next, thank you all.",
    ],
)
def test_praise_and_trailers_are_no_remarks(text: str) -> None:
    assert answers(thread(posting(1), reply(1, text)), thread(posting(2)).series[0]) == ()


def test_the_author_and_the_discussion_are_no_remarks() -> None:
    mails = (
        posting(1),
        reply(1, ON_LEFT, author="Eve <EVE@example.org>"),
        reply(2, ON_LEFT, author="Otto <otto@example.org>", parent="r1"),
    )
    assert answers(thread(*mails), thread(posting(2)).series[0]) == ()


def compare(tmp_path: Path, *words: str, newer: str) -> list[str]:
    (tmp_path / "old.mbox").write_text(posting(1) + reply(1, ON_LEFT))
    (tmp_path / "new.mbox").write_text(newer)
    return ["compare", str(tmp_path / "old.mbox"), str(tmp_path / "new.mbox"), "--no-tree", *words]


RULES = ["--select", "missing-braces,unneeded-braces"]
FIXED = CODE.replace("left)\n", "left) {\n", 1).replace("left--;\n", "left--;\n+\t}\n")


def test_findings_are_gone_kept_or_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def findings(newer: str, status: int) -> dict[str, list[str]]:
        assert main(compare(tmp_path, "--json", "--severity", "info", *RULES, newer=newer)) == status
        data: dict[str, Any] = json.loads(capsys.readouterr().out)
        return {name: [each["rule"] for each in some] for name, some in data["findings"].items()}

    assert findings(posting(2), 1) == {"gone": [], "kept": ["missing-braces"], "new": []}
    assert findings(posting(2, FIXED), 0) == {"gone": ["missing-braces"], "kept": [], "new": []}
    worse = CODE.replace(
        "+\t\tif (left > 3)\n+\t\t\tleft--;\n", "+\t\tleft--;\n+\tif (a) {\n+\t\ta--;\n+\t}\n"
    )
    assert findings(posting(2, worse), 1) == {
        "gone": ["missing-braces"],
        "kept": [],
        "new": ["unneeded-braces"],
    }


def test_the_text_names_what_was_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(compare(tmp_path, newer=posting(2)))
    out = " ".join(capsys.readouterr().out.split())
    assert "mm: count (v1) -> mm: count (v2)" in out
    assert "patch 1, mm/a.c: int left = a;: the line is the same (Rita: Why a second variable here?)" in out


def test_an_input_without_a_series_is_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(compare(tmp_path, newer="Subject: hello\n\nno diff\n")) == 2
    assert "no patch found" in capsys.readouterr().out


def test_previous_adds_the_remarks_to_every_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, old, new, *_ = compare(tmp_path, newer=posting(2))
    for form in ("text", "markdown", "html"):
        main([new, "--no-tree", "--previous", old, "--format", form])
        assert "Why a second variable here?" in " ".join(capsys.readouterr().out.split())
    main([new, "--no-tree", "--previous", old, "--format", "json"])
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, SCHEMA)
    assert [each["state"] for each in data["remarks"]] == ["unchanged"]


def sent(text: str) -> str:
    """A posting as it lies in an archive."""
    return text.replace("Subject: ", "To: list@example.org\nSubject: ", 1)


def other(revision: int) -> str:
    """A posting of another work."""
    text = sent(posting(revision, CODE.replace("count", "sum"), path="lib/sum.c"))
    return text.replace("mm: count", "lib: sum").replace("<v", "<sum").replace("Eve <eve", "Otto <otto")


def test_of_two_archives_each_series_meets_its_own_older_revision(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.mbox", tmp_path / "new.mbox"
    old.write_text(other(1) + sent(posting(1)) + reply(1, ON_LEFT))
    third = other(3).replace("sum", "more").replace("Otto <otto", "Paula <paula")
    new.write_text(sent(posting(2)) + other(2) + third)
    main(["compare", str(old), str(new), "--no-tree"])
    shown = capsys.readouterr()
    heads = [line for line in shown.out.split("\n") if " -> " in line]
    assert heads == ["mm: count (v1) -> mm: count (v2)", "lib: sum (v1) -> lib: sum (v2)"]
    assert " ".join(shown.out.split()).count("Why a second variable here?") == 1
    assert "1 of 3 series" in shown.err and "no older revision" in shown.err
    main(["compare", str(old), str(new), "--no-tree", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert [len(each["remarks"]) for each in data["comparisons"]] == [1, 0]


def test_archives_without_a_revision_in_common_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.mbox", tmp_path / "new.mbox"
    old.write_text(other(1) + sent(posting(1)))
    new.write_text(other(2).replace("sum", "more").replace("Otto <otto", "Paula <paula"))
    assert main(["compare", str(old), str(new), "--no-tree"]) == 2
    assert "none of them a later revision of another" in capsys.readouterr().err


def test_an_rfc_comes_before_the_first_revision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rfc = posting(1).replace("[PATCH]", "[RFC PATCH]").replace("<v1", "<v0")
    whole = tmp_path / "all.mbox"
    whole.write_text(rfc + reply(1, ON_LEFT, parent="v0") + posting(1))
    main(["compare", str(whole), str(whole), "--no-tree"])
    assert "1 remark (1 unchanged)" in " ".join(capsys.readouterr().out.split())


def test_a_line_that_is_gone_shows_what_stands_in_its_place() -> None:
    newer = posting(2, CODE.replace("+\tint left = a;\n", "+\tguard(lock)();\n"))
    found = became(ON_LEFT, newer)
    assert (found.state, found.after.strip()) == ("gone", "guard(lock)();")
