"""How bytes are cut into mails (INPUT-TRAPS: splitting)."""

from patchscan.mail import read_messages
from patchscan.mail.mbox import split_mbox

from tests.mails import SEPARATOR, mail, mbox

GIT = "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n"
ONE = mail("[PATCH 1/2] one", "text\n")
TWO = mail("[PATCH 2/2] two", "text\n")


def bodies(data: str) -> list[str]:
    return [message.body for message in read_messages(data.encode(), "test")[0]]


def subjects(data: bytes | str) -> list[str]:
    data = data.encode() if isinstance(data, str) else data
    return [message.subject for message in read_messages(data, "test")[0]]


def test_one_mail_without_a_from_line_is_read() -> None:
    assert subjects(ONE) == ["[PATCH 1/2] one"]


def test_empty_lines_and_a_byte_order_mark_may_come_first() -> None:
    assert subjects("\n\r\n" + ONE) == ["[PATCH 1/2] one"]
    assert subjects("\n" + mbox(ONE, TWO).decode()) == ["[PATCH 1/2] one", "[PATCH 2/2] two"]
    assert subjects("\ufeff" + ONE) == ["[PATCH 1/2] one"]


def test_mailbox_of_two_is_cut_in_two() -> None:
    assert subjects(mbox(ONE, TWO)) == ["[PATCH 1/2] one", "[PATCH 2/2] two"]


def test_the_empty_line_between_mails_belongs_to_neither() -> None:
    assert bodies(mbox(ONE, TWO).decode()) == ["text\n", "text\n"]


def test_from_in_prose_does_not_cut() -> None:
    text = "Start.\n\nFrom the start of this file on, all is well.\n\nFrom Monday to Friday 2024.\n"
    assert bodies(SEPARATOR + mail("[PATCH] one", text) + "\n" + SEPARATOR + TWO) == [text, "text\n"]


def test_from_line_with_a_date_but_no_header_below_does_not_cut() -> None:
    text = "He wrote\n\nFrom me Thu Jan  1 00:00:00 1970\nand no more.\n"
    assert bodies(SEPARATOR + mail("[PATCH] one", text)) == [text]


def test_from_line_with_a_date_cuts_only_after_an_empty_line() -> None:
    text = "He wrote\nFrom me@x Thu Jan  1 00:00:00 1970\nNote: no more.\n"
    assert bodies(SEPARATOR + mail("[PATCH] one", text)) == [text]


def test_other_forms_of_the_separator() -> None:
    for separator in (
        "From a@example.org Thu Jan  1 00:00:00 1970\n",
        "From a at example.org  Thu Jan 1 00:00:00 1970\n",
        "From - Thu Jan 01 00:00:00 1970\n",
        "From a@example.org Thu Jan  1 00:00:00 +0000 1970\n",
        "From a@example.org Thu, 01 Jan 1970 00:00:00 +0000\n",
        GIT,
    ):
        assert subjects(separator + ONE + "\n" + separator + TWO) == ["[PATCH 1/2] one", "[PATCH 2/2] two"]


def test_concatenated_git_patches_are_cut_even_without_an_empty_line() -> None:
    assert subjects(GIT + ONE + GIT + TWO) == ["[PATCH 1/2] one", "[PATCH 2/2] two"]


def test_exactly_one_escape_is_taken_off_in_bodies() -> None:
    text = ">From here\n>>From there\n> From quoted\n"
    assert bodies(SEPARATOR + mail("[PATCH] one", text)) == ["From here\n>From there\n> From quoted\n"]


def test_escapes_in_headers_and_hunks_are_left() -> None:
    raw = SEPARATOR + ">From nobody@nowhere\n" + mail("[PATCH] one", "+>From added\n >From context\n")
    assert split_mbox(raw.encode())[0].endswith(b"\n\n+>From added\n >From context\n")
    assert split_mbox(raw.encode())[0].startswith(b">From nobody")


def test_single_mail_without_a_separator_is_not_escaped() -> None:
    assert bodies(mail("[PATCH] one", ">From here\n")) == [">From here\n"]


def test_attached_git_patch_in_a_raw_mail_does_not_cut_it() -> None:
    attached = GIT + mail("[PATCH] attached", "inside\n")
    raw = mail(
        "look at this",
        f"--b\nContent-Type: text/plain\n\nSee below.\n\n--b\nContent-Type: text/x-patch\n\n{attached}\n--b--\n",
        headers='Content-Type: multipart/mixed; boundary="b"\n',
    )
    assert split_mbox(raw.encode()) == [raw.encode()]
    assert subjects(raw) == ["look at this", "[PATCH] attached"]


def test_crlf_mailbox_is_cut() -> None:
    data = mbox(ONE, TWO).replace(b"\n", b"\r\n")
    assert [message.body for message in read_messages(data, "test")[0]] == ["text\n", "text\n"]


def test_nothing_is_a_problem_and_no_mail() -> None:
    for data in (b"", b"\n\n", b" \r\n"):
        messages, problems = read_messages(data, "empty.mbox")
        assert messages == ()
        assert [problem.where for problem in problems] == ["empty.mbox"]


def test_long_hostile_from_lines_cost_little() -> None:
    data = (b"\n\nFrom " + b"Mon, 1:11 2001" * 20000 + b"\nA: b\n") * 20
    assert len(split_mbox(data)) == 1
