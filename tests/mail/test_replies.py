"""Replies: what is quoted, what is said, and whose trailers count (INPUT-TRAPS 16)."""

from patchscan.series import Remark, Reply, Trailer

from tests.mails import DIFF, mail, thread

QUOTED = "".join(f"> {line}\n" for line in DIFF.split("\n")[:-1])


def reply(body: str) -> Reply:
    found = thread(
        mail("[PATCH] one", message_id="1@x"), mail("Re: [PATCH] one", body, "2@x", ["1@x"], author="B <b@x>")
    )
    assert found.problems == ()
    assert len(found.series) == 1
    return found.replies[0]


def test_remark_is_tied_to_the_quoted_lines_above_it() -> None:
    found = reply(
        "On Thu, Jan 1, 2026, A Person wrote:\n> Why.\n"
        + QUOTED
        + "\nOff by one?\n\n> more\n>\n> text\nYes.\n\n-- \nB\n"
    )
    assert found.remarks == (
        Remark(("Why.", *DIFF.split("\n")[:-1]), ("Off by one?",)),
        Remark(("more", "", "text"), ("Yes.",)),
    )
    assert (found.parent, found.author, found.message_id) == ("1@x", "B <b@x>", "2@x")


def test_quoted_line_keeps_the_tab_of_the_code() -> None:
    found = reply(">  \tint count;\n>+\tcount++;\n> > deeper\nWhy?\n")
    assert found.remarks[0].quoted == (" \tint count;", "+\tcount++;", "> deeper")


def test_attribution_on_two_lines_is_no_remark() -> None:
    found = reply("On Thu, Jan 1, 2026 at 10:00 AM A Person\n<a@example.org> wrote:\n>\n> Why.\n\nBecause.\n")
    assert found.remarks == (Remark(("", "Why."), ("Because.",)),)


def test_remark_above_the_quotation_has_nothing_quoted() -> None:
    found = reply("Looks good.\n\nOn Thursday, A wrote:\n> Why.\n")
    assert found.remarks == (Remark((), ("Looks good.",)),)


def test_author_named_in_the_body() -> None:
    found = reply("From: C <c@example.org>\n\n> Why.\n\nBecause.\n")
    assert (found.author, found.remarks) == ("C <c@example.org>", (Remark(("Why.",), ("Because.",)),))
    found = reply("From: C <c@example.org>\nSent: Monday\n\nWhy.\n")
    assert found.author == "B <b@x>"


def test_footer_of_a_list_is_no_remark() -> None:
    assert reply("> Why.\n\nBecause.\n" + "_" * 47 + "\nlist mailing list\n").remarks[0].text == ("Because.",)


def test_quoted_diff_is_no_patch() -> None:
    assert reply(QUOTED + "Hm.\n").remarks[0].text == ("Hm.",)


def test_only_unquoted_trailers_at_column_0_count() -> None:
    found = reply(
        "> Signed-off-by: A <a@x>\n  Acked-by: Indented <i@x>\nyour Reviewed-by: is missing\n"
        'Reviewed-by: B <b@x>\nCc: C <c@x>\nFixes: 123 ("x")\n-- \nTested-by: Signature <s@x>\n'
    )
    assert found.trailers == (Trailer("Reviewed-by", "B <b@x>", 4), Trailer("Fixes", '123 ("x")', 6))


def test_marks_of_what_was_cut_are_no_remarks() -> None:
    found = reply(
        "On Thu, Jan 1, 2026, A Person wrote:\n\n[ ... ]\n\n> Why.\n\n[...]\n\n> more\n<snip>\n> text\nYes [...] no.\n"
    )
    assert found.remarks == (Remark(("Why.", "more", "text"), ("Yes [...] no.",)),)
