"""The drafted reply: what a reader, a mailer, b4 and our own reader make of it."""

import email
import email.policy
import mailbox
from collections.abc import Sequence
from pathlib import Path

import pytest
from patchscan.basics.record import replace
from patchscan.cli import main
from patchscan.finding import CHANGELOG, Confidence, Edit, Evidence, Finding, Severity
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.report.models import fold, timeline_lines
from patchscan.report.prose import sentences, without_line_numbers
from patchscan.report.render import documents, render
from patchscan.results import ModelResult, Report, Step
from patchscan.scan import scan
from patchscan.series import Thread

from tests.report.test_formats import MAIL, RULES

SERIES = Path(__file__).parents[2] / "fixtures" / "series"
NAMED = MAIL.replace(
    "Message-ID:",
    "To: linux-mm@kvack.example\nCc: =?utf-8?q?Zo=C3=AB_M=2E?= <zoe@example.org>,\n"
    ' "Doe, John" <john@example.org>, Eve <eve@example.org>\n'
    "Date: Mon, 2 Feb 2026 15:45:55 +0800\nReferences: <0@example.org>\nMessage-ID:",
)


def thread_of(text: str) -> Thread:
    messages, problems = read_messages(text.encode(), "test.mbox")
    return read_thread(messages, problems)


def report_on(text: str) -> Report:
    return scan(thread_of(text), None, RULES)


def with_findings(*findings: Finding) -> Report:
    """A report on MAIL with these findings in place of its own."""
    made = (replace(each, patch=1, rule=each.rule or "some-rule") for each in findings)
    return replace(report_on(NAMED), findings=tuple(made))


def body_of(report: Report) -> list[str]:
    """The lines of the one draft, without those that say what matters most and what found it."""
    ((_, text),) = documents(report, "mail")
    body = text.partition("\n\n")[2].rstrip("\n").split("\n")
    assert body[-1].startswith("[Found with patchscan ") and body[-2] == ""
    start = 2 if body[0].startswith("What matters most") else 0
    return body[start:-2]


def test_headers_thread_the_reply_and_keep_the_recipients() -> None:
    ((name, text),) = documents(report_on(NAMED), "mail")
    mail = email.message_from_string(text, policy=email.policy.default)
    assert mail.get_unixfrom() is not None and name.startswith("0001-") and name.endswith(".mbox")
    assert mail["Subject"].startswith("Re: [PATCH] mm: ") and "\x1b" not in mail["Subject"]
    assert mail["In-Reply-To"] == "<1@example.org>"
    assert mail["References"].split() == ["<0@example.org>", "<1@example.org>"]
    assert [each.addr_spec for each in mail["To"].addresses] == ["eve@example.org"]
    assert [(each.display_name, each.addr_spec) for each in mail["Cc"].addresses] == [
        ("", "linux-mm@kvack.example"),
        ("Zoë M.", "zoe@example.org"),
        ("Doe, John", "john@example.org"),
    ]
    assert mail["From"] is None and mail["Date"] is None


def test_headers_of_a_hostile_mail_add_none_of_ours() -> None:
    hostile = NAMED.replace("mm: \x1b[31mred", "=?utf-8?q?mm=0ABcc:_victim@example.org?= red").replace(
        "From: Eve <eve@example.org>", "From: =?utf-8?q?Eve=0D=0AX-Injected:_1?= <eve@example.org>"
    )
    ((_, text),) = documents(report_on(hostile), "mail")
    assert set(email.message_from_string(text).keys()) == {
        *("Subject", "To", "Cc", "In-Reply-To", "References", "Message-ID"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }


def test_remarks_stand_under_their_lines() -> None:
    body = body_of(report_on(NAMED))
    at = body.index("> As the previous patch did.")
    assert body[at + 1] == "" and body[at + 2].startswith('"the previous patch" means nothing')
    at = next(number for number, line in enumerate(body) if line.startswith("> +\twhile (a)"))
    assert body[at + 1] == "" and not any(line.startswith(">") for line in body[at + 2 : at + 3])
    assert body[0] == "On Mon, 2 Feb 2026 15:45:55 +0800, Eve wrote:"


def test_nothing_in_a_reply_commands_a_terminal() -> None:
    text = render(report_on(NAMED), "mail")
    assert all(character.isprintable() or character in "\n\t" for character in text)


def test_a_changelog_remark_waits_for_the_end_of_its_sentence() -> None:
    changelog = "First the walk, as the previous patch\ndid it here, is made\nshorter. Then more."
    report = report_on(NAMED.replace("As the previous patch did.", changelog))
    body = body_of(report)
    assert body[body.index("> shorter. Then more.") + 2].startswith('"the previous patch"')


def test_a_changelog_is_quoted_by_paragraphs() -> None:
    changelog = "One long\nparagraph.\n\nTwo, as the previous patch\nhas it."
    body = body_of(report_on(NAMED.replace("As the previous patch did.", changelog + "\n\n" + "More.\n" * 9)))
    assert body[:6] == [
        body[0],
        "> One long",
        "> paragraph.",
        ">",
        "> Two, as the previous patch",
        "> has it.",
    ]
    body = body_of(report_on(NAMED.replace("As the previous patch did.", "Much.\n" * 9 + "\n" + changelog)))
    assert body[1:6] == ["", "[ ... ]", "", "> Two, as the previous patch", "> has it."]


def test_far_lines_are_cut_and_near_ones_kept() -> None:
    lines = [f"+\tcall_{number}();" for number in range(80)]
    text = NAMED.replace("@@ -1,3 +1,6 @@", "@@ -1,3 +1,86 @@").replace(
        " {\n+", " {\n" + "\n".join(lines) + "\n+"
    )
    body = body_of(report_on(text))
    assert "[ ... ]" in body and "> +\tcall_79();" in body and "> +\tcall_40();" not in body
    assert all(
        line == ""
        for at in range(len(body))
        if body[at] == "[ ... ]"
        for line in (body[at - 1], body[at + 1])
    )


def test_small_remarks_alone_are_no_reason_to_write() -> None:
    small, grave = finding("a", severity="info"), finding("b", severity="warning", line=4)
    assert documents(with_findings(small), "mail") == ()
    ((_, text),) = documents(with_findings(small), "mail", level="info")
    assert "Nit: a." in text
    ((_, text),) = documents(with_findings(small, grave), "mail")
    assert "Nit: a." in text and "B." in text
    assert documents(with_findings(small, grave), "mail", level="error") == ()


def test_the_gravest_is_announced_where_it_comes_late() -> None:
    small = tuple(finding(each, severity="info") for each in ("dashes here", "dots here"))
    ((_, text),) = documents(with_findings(*small, finding("grave", severity="error", line=4)), "mail")
    assert "\n\nWhat matters most comes below, in mm/a.c; the rest is smaller.\n\nOn Mon" in text
    ((_, text),) = documents(with_findings(finding("grave", severity="error"), *small), "mail")
    assert "What matters most" not in text


def test_of_one_line_the_gravest_comes_first() -> None:
    body = body_of(with_findings(finding("small", severity="info"), finding("grave", severity="error")))
    assert body.index("Grave.") < body.index("Nit: small.")


@pytest.mark.parametrize(
    ("name", "run"), [("1@example.org", "b4 am -o - 1@example.org | patchscan -"), ("a;b@c", "")]
)
def test_the_last_line_tells_how_to_run_it(name: str, run: str) -> None:
    ((_, text),) = documents(report_on(NAMED.replace("<1@example.org>", f"<{name}>")), "mail")
    assert text.rstrip("\n").endswith(f"to run it: {run or 'patchscan SERIES.mbox'}]")


def test_a_fix_that_empties_a_body_is_shown_with_what_it_takes_away() -> None:
    edit = Edit("mm/a.c", 3, ("\twhile (a) {", "\t\tf(a);"), ("\twhile (b) {",), (), ("\t}",))
    body = body_of(with_findings(finding("drop it", fix=(edit,))))
    assert body[-3:] == ["-\twhile (a) {", "-\t\tf(a);", "+\twhile (b) {"]


def test_a_fix_is_shown_with_what_stands_between_its_lines() -> None:
    edit = Edit("mm/a.c", 3, ("\telse", "\t\tf(a);"), ("\telse {", "\t\tf(a);", "\t}"), (), ("\tg();",))
    body = body_of(with_findings(finding("braces", fix=(edit,))))
    assert body[-4:] == ["", "\telse {", "\t\tf(a);", "\t}"]


def test_an_interleaving_is_told_once() -> None:
    model = ModelResult("m", "s", "x86", "unsafe", "safe", "Sometimes", (Step("CPU 0: f()", "READ_ONCE(x)"),))
    model = replace(model, litmus="C m\n{}\n", replay="patchscan simulate m.litmus")
    report = with_findings(finding("one", model="m"), finding("two", line=4, model="m"))
    body = body_of(replace(report, models=(model,)))
    assert body.count("This is how it can happen:") == 1
    assert "The interleaving above shows this, too." in body
    assert body[-3:] == ["", "\tC m", "\t{}"]


def finding(
    message: str, confidence: Confidence = "high", severity: Severity = "warning", **more: object
) -> Finding:
    plain = Finding("mm/a.c", 3, message, confidence=confidence, severity=severity, text="while (a)")
    return replace(plain, **more)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("the store (line 12) races", "the store races"),
        ("it is written at line 12 and read in mm/b.c:77", "it is written there and read in mm/b.c"),
        ("seen by others from line 5 on", "seen by others from there on"),
        ("lines 3 and 4 do the same", "those lines do the same"),
        ("one line is enough", "one line is enough"),
    ],
)
def test_line_numbers_become_words(message: str, expected: str) -> None:
    assert without_line_numbers(message) == expected


def test_a_proof_is_stated_and_the_rest_asked() -> None:
    assert sentences(finding("the loop never ends"), 0) == "The loop never ends."
    assert sentences(finding("the loop may never end", "medium"), 0).endswith("?")
    assert sentences(finding("does it end?", "low"), 0) == "Does it end?"
    assert sentences(finding("while is wrong here", severity="info"), 0) == "Nit: while is wrong here."
    asked = {sentences(finding("it may", "low"), turn) for turn in range(4)}
    assert len(asked) == 4
    assert sentences(finding("while never ends"), 0) == "while never ends."


def test_lines_of_remarks_are_wrapped_and_names_whole() -> None:
    words = finding(
        "a_rather_long_name_of_a_function_in_the_kernel() is called " + "again and " * 20 + "again"
    )
    said = [line for line in body_of(with_findings(words)) if line and not line.startswith(">")]
    assert all(len(line) <= 72 for line in said) and any("in_the_kernel()" in line for line in said)


def test_another_name_is_all_that_is_said_of_the_next_case() -> None:
    first, second = finding("one_call() need not be inline"), finding("two_call() need not be inline", line=4)
    body = body_of(with_findings(first, second))
    assert body.count("The same for two_call().") == 1
    grave = [finding(each.message, line=each.line, severity="error") for each in (first, second)]
    assert "The same for two_call()." not in body_of(with_findings(*grave))


def test_what_was_said_is_not_said_again_and_evidence_in_view_not_shown_again() -> None:
    evidence = (Evidence("mm/a.c", 1, "void f(int a)"), Evidence("mm/b.c", 9, "f(1);"))
    first, second = finding("this never ends", evidence=evidence), finding("this never ends", line=4)
    body = body_of(with_findings(first, second))
    assert body.count("This never ends.") == 1 and body[-1] == "Same here."
    assert "\tf(1);" in body and "\tvoid f(int a)" not in body and "In mm/b.c:" in body


def test_findings_that_do_not_count_and_patches_without_any_give_no_mail() -> None:
    silent = (
        finding("a", preexisting=True),
        finding("b", repaired_by=2),
        finding("c", suppressed="as agreed"),
    )
    assert documents(with_findings(*silent), "mail") == () and render(with_findings(), "mail") == ""


def test_a_fix_is_suggested() -> None:
    edit = Edit("mm/a.c", 3, ("\twhile (a)",), ("\tfor (; a;)",))
    body = body_of(with_findings(finding("use for", fix=(edit,))))
    assert body[-1] == "\tfor (; a;)"


def test_a_finding_outside_the_patch_is_named() -> None:
    body = body_of(with_findings(finding("this breaks", path="mm/elsewhere.c")))
    assert any(line.startswith("On mm/elsewhere.c") for line in body) and body[-1] == "This breaks."


def test_a_changelog_without_the_line_is_named_in_words() -> None:
    body = body_of(with_findings(finding("nobody signed this", path=CHANGELOG, line=0)))
    assert "On the changelog:" in body and not any("(changelog)" in line for line in body)


def test_our_own_reader_ties_the_remarks_to_the_lines(tmp_path: Path) -> None:
    report = report_on(NAMED)
    thread = thread_of(f"From a@b Thu Jan  1 00:00:00 1970\n{NAMED}\n{render(report, 'mail')}")
    (reply,) = thread.replies
    assert reply.parent == "1@example.org" and len(thread.series) == 1
    below = {remark.quoted[-1] for remark in reply.remarks if remark.quoted}
    places = {each.text if each.path == CHANGELOG else "+" + each.text for each in report.findings}
    plain = {place for place in places if "\u202e" not in place}
    assert (
        plain <= below and plain and len(below) == len({(each.path, each.line) for each in report.findings})
    )


def test_a_directory_gets_a_mail_a_patch(tmp_path: Path) -> None:
    series = str(SERIES / "targeted-ipi" / "series.mbox")
    main([series, "--no-tree", "--format", "mail", "-o", f"{tmp_path}/replies/"])
    files = sorted((tmp_path / "replies").iterdir())
    assert files and all(file.name[:4].isdigit() for file in files)
    for file in files:
        (mail,) = mailbox.mbox(file)
        assert mail["In-Reply-To"] and mail["Subject"].startswith("Re: [PATCH")


def test_b4_reads_a_draft_as_a_reply_to_its_patch() -> None:
    b4 = pytest.importorskip("b4")
    ((_, text),) = documents(report_on(NAMED), "mail")
    message = b4.LoreMessage(email.message_from_string(text.partition("\n")[2]))
    assert message.reply and message.in_reply_to == "1@example.org" and not message.has_diff


def columns(steps: Sequence[Step], width: int) -> list[str]:
    return list(timeline_lines(steps, width))


def test_a_timeline_has_a_column_a_thread() -> None:
    steps = (
        Step("CPU 0: walk()", "read the entry", "mm/gup.c", 12),
        Step("CPU 1: free()", "write the flag", "mm/free.c", 7),
        Step("CPU 1: free()", "read who walks: nobody", "mm/free.c", 9, reads_from=2, missed=1),
    )
    rows = columns(steps, 72)
    assert rows[0].split("  ")[0] == "" and "CPU 0: walk()" in rows[0] and "CPU 1: free()" in rows[0]
    second = rows[0].index("CPU 1")
    assert rows[1].startswith("1.  read the entry") and rows[2].index("write the flag") == second
    assert any("misses step 1" in row for row in rows) and all(len(row) <= 72 for row in rows)


def test_code_is_broken_where_a_reader_would() -> None:
    assert list(fold("READ_ONCE(*a_rather_long_name_of_a_mask): 0", 32)) == [
        "READ_ONCE(",
        "*a_rather_long_name_of_a_mask):",
        "0",
    ]
    assert list(fold("f(a, b)", 80)) == ["f(a, b)"] and list(fold("", 8)) == []
    assert list(fold("x" * 20, 8)) == ["x" * 8, "x" * 8, "x" * 4]


def test_a_line_that_a_finding_rests_on_is_quoted_in_place_of_its_number() -> None:
    proof = (Evidence("mm/a.c", 7, "\tif (!info)"), Evidence("mm/a.c", 9, "\treturn ret;"))
    told = Finding(
        "mm/a.c",
        9,
        "ret is 0 on line 9, as line 7 found",
        severity="warning",
        confidence="high",
        evidence=proof,
    )
    assert sentences(told, 0) == 'Ret is 0 here, as "if (!info)" found.'


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("p is used here, but f() on line 7 may fail", 'p is used here, but "p = f(a)" may fail.'),
        ("p is used here before it is tested on line 12", 'p is used here before it is tested ("if (!p)").'),
        ("the memory (line 7) is still held", 'The memory ("p = f(a)") is still held.'),
        ("f() may sleep, which line 12 forbids: if (!p)", 'f() may sleep, which "if (!p)" forbids.'),
        ("p is read on line 9", "p is read here."),
        (
            "p is given a value at mm/a.c:3 and read on line 15",
            "p is given a value further up and read further down.",
        ),
        ("the write of p at mm/a.c:3 is seen at mm/b.c:5", "The write of p is seen at mm/b.c."),
    ],
)
def test_a_line_is_told_as_who_reads_the_quoted_one_sees_it(message: str, expected: str) -> None:
    proof = (Evidence("mm/a.c", 7, "\tp = f(a);"), Evidence("mm/a.c", 12, "\tif (!p)"))
    assert sentences(finding(message, line=9, text="*p = 1;", evidence=proof), 0) == expected


def test_evidence_that_says_nothing_where_it_does_not_stand_is_left_out() -> None:
    lines = ("if (ret < 0)", "call(a,", " * walk - walk the entries", "pm_enable(dev);")
    proof = tuple(Evidence("mm/a.c", 40 + at, text) for at, text in enumerate(lines))
    body = body_of(
        with_findings(finding("the comment documents walk, pm_disable() is missing", evidence=proof))
    )
    assert body[-3:] == ["Elsewhere in this file:", "", "\tpm_enable(dev);"]
    assert (
        "\tpm_enable(dev);"
        not in body_of(with_findings(finding("x", evidence=proof), finding("small", severity="info")))[-2:]
    )
    later = (Evidence("mm/a.c", 9, "patch 6: int count_steps(struct list *list)"),)
    assert "In patch 6:" in body_of(with_findings(finding("count_steps() comes later", evidence=later)))


def test_a_nit_needs_no_evidence_and_a_question_is_no_nit() -> None:
    proof = (Evidence("mm/b.c", 9, "f(1);"),)
    small = finding("a label may go", severity="info", line=4, evidence=proof)
    assert "\tf(1);" not in body_of(with_findings(finding("grave"), small))
    assert sentences(finding("where is the report? It should follow", severity="info"), 0) == (
        "Where is the report? It should follow."
    )
    assert (
        sentences(finding("where is it? It should follow", "medium"), 0) == "Where is it? It should follow."
    )


def test_white_space_at_an_end_is_not_shown_as_it_cannot_be_seen() -> None:
    edit = Edit("mm/a.c", 3, ("\twhile (a) ",), ("\twhile (a)",))
    assert "Like this:" not in body_of(with_findings(finding("white space", fix=(edit,))))


def test_what_is_told_as_an_info_for_want_of_knowledge_is_asked_and_no_nit() -> None:
    told = finding("this is not declared", severity="info")
    assert sentences(told, 0) == "Nit: this is not declared."
    assert sentences(told, 0, doubted=True) == "This is not declared. Or am I missing something?"
    usual = next(rule.name for rule in RULES if rule.severity == "warning")
    lesser = replace(told, rule=usual, line=4)
    for confidence, said in (
        ("low", "This is not declared. Or am I missing something?"),
        ("high", "Nit: this is"),
    ):
        found = with_findings(finding("grave"), replace(lesser, confidence=confidence))
        assert any(line.startswith(said[:20]) for line in body_of(found))


def test_a_repair_that_does_not_help_is_not_told_in_a_mail() -> None:
    said = (
        "a sees b; tried: smp_mb() at the read at mm/a.c:7 -> still unsafe; with an IPI no execution does it"
    )
    assert sentences(finding(said), 0) == "a sees b; with an IPI no execution does it."


def test_three_threads_keep_their_names_whole() -> None:
    code = "WRITE_ONCE(per_cpu(a_rather_long_name_of_a_flag, 0), 1)"
    threads = ("CPU 0: walk()", "CPU 1: unshare_and_free()", "CPU 2: unshare_and_free()")
    steps = [Step(each, code, "include/linux/mm_types.h", 551) for each in threads]
    steps.append(Step(threads[2], "sends no IPI to CPU 0", "mm/free.c", 9, missed=1))
    narrow = columns(steps, 76)
    assert sum(code in row for row in narrow) == 3 and all(len(row) <= 76 for row in narrow)
    assert [row.split(".")[0] for row in narrow if row[0] != " "] == ["1", "2", "3", "4"]
    heads, *rows = columns(steps, 196)
    assert [heads.index(each) for each in threads] == sorted(heads.index(each) for each in threads)
    assert sum(code in row for row in rows) == 3 and all(len(row) <= 196 for row in rows)
    phone = columns(steps, 38)
    assert (
        all(len(row) <= 38 for row in phone)
        and sum("a_rather_long_name_of_a_flag" in row for row in phone) == 3
    )
