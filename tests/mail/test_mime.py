"""Encodings and MIME structure of one mail (INPUT-TRAPS: encoding, MIME)."""

import base64
import quopri

import pytest
from patchscan.basics.problem import Problem
from patchscan.mail import Message, hidden_characters, read_messages
from patchscan.mail.mime import decode_bytes, decode_header, unflow
from patchscan.mail.thread import read_thread

from tests.mails import DIFF, mail, mbox

TEXT = "Grüße — from the changelog.\n---\n" + DIFF


def read(raw: str | bytes) -> tuple[Message, tuple[Problem, ...]]:
    data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
    messages, problems = read_messages(data, "test")
    return messages[0], problems


def plain(content: bytes, content_type: str = "text/plain; charset=utf-8", encoding: str = "8bit") -> bytes:
    headers = f"Content-Type: {content_type}\nContent-Transfer-Encoding: {encoding}\n"
    return mail("[PATCH] one", "", headers=headers).encode() + content


def multipart(kind: str, *parts: tuple[str, str]) -> str:
    body = "".join(f"--xx\n{headers}\n\n{content}\n" for headers, content in parts) + "--xx--\n"
    return mail("[PATCH] one", body, headers=f'Content-Type: multipart/{kind}; boundary="xx"\n')


def test_base64_body() -> None:
    assert read(plain(base64.encodebytes(TEXT.encode()), encoding="base64"))[0].body == TEXT


def test_base64_body_with_crlf_lines_inside() -> None:
    content = base64.encodebytes(TEXT.replace("\n", "\r\n").encode())
    assert read(plain(content, encoding="base64"))[0].body == TEXT


def test_base64_body_with_a_plain_list_footer_below() -> None:
    content = base64.encodebytes(TEXT.encode()) + b"\n_______\nmailing list\nhttp://example.org/\n"
    assert DIFF in read(plain(content, encoding="base64"))[0].body


def test_body_that_is_not_the_base64_it_says_is_read_as_it_stands() -> None:
    assert read(plain(TEXT.encode(), encoding="base64"))[0].body == TEXT


def test_quoted_printable_body() -> None:
    content = quopri.encodestring(TEXT.encode())
    assert b"=C3" in content
    assert read(plain(content, encoding="quoted-printable"))[0].body == TEXT


def test_unknown_transfer_encoding_is_read_as_it_stands() -> None:
    assert read(plain(TEXT.encode(), encoding="x-none"))[0].body == TEXT


def test_crlf_transport_is_undone() -> None:
    message, _ = read(mail("[PATCH] one", TEXT).replace("\n", "\r\n"))
    assert message.body == TEXT
    assert read_thread([message]).series[0].patches[0].files[0].path == "mm/widget.c"


def test_file_that_has_crlf_lines_keeps_them() -> None:
    body = "text\n---\n" + DIFF.replace("count++;\n", "count++;\r\n")
    message, _ = read(mail("[PATCH] one", body))
    assert message.body == body
    (change,) = read_thread([message]).series[0].patches[0].files
    assert [line.text for line in change.hunks[0].lines if line.kind == "+"] == ["\tcount++;\r"]


def test_crlf_transport_is_undone_though_one_line_was_appended_without() -> None:
    body = TEXT.replace("\n", "\r\n") + "-- \nappended by a list\n"
    message, _ = read(mail("[PATCH] one", body))
    assert message.body == TEXT + "-- \nappended by a list\n"


@pytest.mark.parametrize(
    "charset",
    [
        "",
        "; charset=y",
        "; charset=us-ascii",
        "; charset=unicode_escape",
        "; charset=utf-7",
        '; charset="a\0b"',
    ],
)
def test_missing_wrong_and_unknown_charsets_fall_back_to_utf8(charset: str) -> None:
    assert read(plain(TEXT.encode(), "text/plain" + charset))[0].body == TEXT


def test_charset_that_is_true() -> None:
    assert read(plain(TEXT.replace("—", "-").encode("latin-1"), "text/plain; charset=iso-8859-1"))[
        0
    ].body == (TEXT.replace("—", "-"))
    assert read(plain("漢字\n".encode("gb18030"), "text/plain; charset=gb2312"))[0].body == "漢字\n"
    assert decode_bytes("Ж".encode("utf-16"), "utf-16") == "Ж"


def test_bytes_of_no_charset_come_back_unharmed() -> None:
    raw = b"caf\xe9 \xff\xfe \xc3\xa9\n"
    body = read(plain(raw))[0].body
    assert "é" in body
    assert body.encode("utf-8", "surrogateescape") == raw


def test_8bit_and_encoded_headers() -> None:
    message, _ = read(mail("[PATCH] Grüße", "x\n", author="Jürgen <j@example.org>"))
    assert (message.subject, message.author) == ("[PATCH] Grüße", "Jürgen <j@example.org>")
    assert decode_header("=?utf-8?q?=5BPATCH_1/2=5D_Gr=C3=BC=C3=9Fe?= rest") == "[PATCH 1/2] Grüße rest"
    assert decode_header("=?ISO-8859-1?B?SvxyZ2Vu?= <j@example.org>") == "Jürgen <j@example.org>"
    assert decode_header("=?utf-8*de?q?x?=") == "x"


def test_character_split_between_two_encoded_words() -> None:
    first, second = base64.b64encode(b"\xe6\xbc").decode(), base64.b64encode(b"\xa2 sign").decode()
    assert decode_header(f"=?utf-8?B?{first}?=\n =?UTF-8?b?{second}?=") == "漢 sign"


def test_words_of_two_charsets_side_by_side() -> None:
    assert decode_header("=?utf-8?q?=C3=BC?= =?iso-8859-1?q?=FC?= and") == "üü and"


def test_broken_encoded_words_are_kept() -> None:
    for value in ("=?utf-8?B?A?=", "=?x?q?a?=", "=?utf-8?q?=ZZ?=", "=?utf-8?q?open", "=?nul\0?q?a?="):
        assert isinstance(decode_header(value), str)
    assert decode_header("=?nonsense?q?a=C3=BC?=") == "aü"


def test_subject_on_several_lines_is_one() -> None:
    message, _ = read(mail("[PATCH] a\n long\n\tsubject", "x\n"))
    assert message.subject == "[PATCH] a long subject"


def test_lines_end_at_newline_only() -> None:
    strange = "+a\u2028b\x0cc\x0bd\x85e\rf\x1cg"
    body = "text\n---\n" + DIFF.replace("+\tcount++;", strange)
    message, problems = read(mail("[PATCH] one", body))
    assert problems == ()
    patch = read_thread([message]).series[0].patches[0]
    assert [line.text for line in patch.files[0].hunks[0].lines if line.kind == "+"] == [strange[1:]]


def test_flowed_text_is_unstuffed_and_joined() -> None:
    assert unflow("one \ntwo\n From here\n-- \nname") == "one two\nFrom here\n-- \nname"
    assert unflow("exam \nple", delete_space=True) == "example"
    assert unflow("> quoted \n> more\n>> deeper \nown") == "> quoted \n> more\n>> deeper \nown"


def test_flowed_diff_keeps_its_context() -> None:
    stuffed = "".join(f" {line}\n" if line.startswith(" ") else f"{line}\n" for line in DIFF.split("\n")[:-1])
    content = ("text\n---\n" + stuffed).encode()
    message, _ = read(plain(content, "text/plain; charset=utf-8; format=flowed"))
    assert message.body == "text\n---\n" + DIFF
    ends_empty = "@@ -1,2 +1,1 @@\n-one\n \n-- \n2.49.0\n"
    assert unflow(ends_empty.replace("\n \n", "\n  \n")) == ends_empty


def test_flowed_diff_with_a_soft_broken_line_is_joined() -> None:
    broken = DIFF.replace("+\tcount++;", "+\tcount = very_long_name(first, \nsecond);").replace("\n ", "\n  ")
    message, _ = read(plain(("text\n---\n" + broken).encode(), "text/plain; format=flowed"))
    thread = read_thread([message])
    assert thread.problems == ()
    assert "+\tcount = very_long_name(first, second);\n" in message.body


def test_attached_patch_is_read() -> None:
    for part_headers in (
        "Content-Type: text/x-patch",
        'Content-Type: application/octet-stream\nContent-Disposition: attachment; filename="a.patch"',
        'Content-Type: text/plain\nContent-Disposition: attachment; filename="=?utf-8?q?a=2Ediff?="',
    ):
        message, problems = read(
            multipart("mixed", ("Content-Type: text/plain", "See below."), (part_headers, DIFF))
        )
        assert problems == ()
        patch = read_thread([message]).series[0].patches[0]
        assert [change.path for change in patch.files] == ["mm/widget.c"]
        assert patch.changelog == ("See below.",)


def test_attached_patches_with_headers_are_mails_of_their_own() -> None:
    parts = [
        (f'Content-Type: text/x-patch; name="000{number}.patch"', mail(f"[PATCH {number}/2] part {number}"))
        for number in (1, 2)
    ]
    messages, problems = read_messages(
        multipart("mixed", ("Content-Type: text/plain", "Two."), *parts).encode(), "t"
    )
    assert problems == ()
    assert [message.subject for message in messages] == [
        "[PATCH] one",
        "[PATCH 1/2] part 1",
        "[PATCH 2/2] part 2",
    ]
    assert messages[1].where == "t, attachment 1"


def test_attached_git_patch_completes_a_patch_mail() -> None:
    attached = ("Content-Type: text/x-patch", mail("[PATCH] inner", "Other words.\n---\n" + DIFF))
    message, problems = read(multipart("mixed", ("Content-Type: text/plain", "See below."), attached))
    assert problems == ()
    (patch,) = read_thread([message]).series[0].patches
    assert (patch.title, patch.changelog) == ("one", ("See below.",))
    assert [change.path for change in patch.files] == ["mm/widget.c"]


@pytest.mark.parametrize(
    "content_type",
    ["application/octet-stream", "multipart/mixed", "multipart/mixed; boundary=never", "nonsense"],
)
def test_body_of_a_strange_type_is_read_as_text(content_type: str) -> None:
    message, _ = read(mail("[PATCH] one", TEXT, headers=f"Content-Type: {content_type}\n"))
    assert DIFF in message.body


def test_log_attached_as_text_is_not_prose() -> None:
    log = 'Content-Type: text/plain\nContent-Disposition: attachment; filename="dmesg.txt"'
    message, problems = read(multipart("mixed", ("Content-Type: text/plain", TEXT), (log, "[ 0.1] boom")))
    assert message.body == TEXT
    assert "dmesg.txt was not read" in problems[0].message


def test_alternative_takes_the_plain_text() -> None:
    raw = multipart(
        "alternative", ("Content-Type: text/plain", TEXT), ("Content-Type: text/html", "<p>no</p>")
    )
    message, problems = read(raw)
    assert message.body == TEXT
    assert problems == ()


def test_only_html_is_a_problem() -> None:
    message, problems = read(mail("[PATCH] one", "<p>x</p>\n", headers="Content-Type: text/html\n"))
    assert message.body == ""
    assert "text/html" in problems[0].message


def test_signed_mail_and_list_footer() -> None:
    signed = ("Content-Type: application/pgp-signature", "-----BEGIN PGP SIGNATURE-----")
    message, problems = read(multipart("signed", ("Content-Type: text/plain", TEXT), signed))
    assert (message.body, problems) == (TEXT, ())
    footer = ("Content-Type: text/plain", "_______\na mailing list")
    message, problems = read(multipart("mixed", ("Content-Type: text/plain", TEXT), footer))
    thread = read_thread([message])
    assert (problems, thread.problems) == ((), ())
    assert len(thread.series[0].patches[0].files) == 1


def test_inline_and_attached_diff_are_taken_once() -> None:
    message, problems = read(
        multipart("mixed", ("Content-Type: text/plain", TEXT), ("Content-Type: text/x-diff", DIFF))
    )
    assert len(read_thread([message]).series[0].patches[0].files) == 1
    assert problems == ()
    other = ("Content-Type: text/x-diff", DIFF.replace("count++", "count--"))
    message, problems = read(multipart("mixed", ("Content-Type: text/plain", TEXT), other))
    assert len(read_thread([message]).series[0].patches[0].files) == 1
    assert "differs" in problems[0].message


def test_part_that_is_not_read_is_reported() -> None:
    image = 'Content-Type: image/png\nContent-Disposition: attachment; filename="plot.png"'
    _, problems = read(multipart("mixed", ("Content-Type: text/plain", TEXT), (image, "xx")))
    assert [problem.message for problem in problems] == [
        "part plot.png was not read: it is neither text nor a patch"
    ]


def test_forwarded_mail_is_a_mail() -> None:
    raw = multipart(
        "mixed", ("Content-Type: text/plain", "FYI"), ("Content-Type: message/rfc822", mail("[PATCH] inner"))
    )
    messages, _ = read_messages(raw.encode(), "t")
    assert [message.subject for message in messages] == ["[PATCH] one", "[PATCH] inner"]


def test_deep_nesting_does_not_raise() -> None:
    deep = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(3000))
    messages, _ = read_messages((mail("[PATCH] deep", "").rstrip("\n") + "\n" + deep).encode(), "t")
    assert messages


def test_references_end_with_the_parent() -> None:
    headers = "References: <a@x> <b@x>\n\t<c@x>\nIn-Reply-To: <b@x> (somebody's message)\n"
    message, _ = read(mail("Re: x", "y\n", message_id="d@x", headers=headers))
    assert message.references == ("a@x", "c@x", "b@x")
    assert message.parent == "b@x"
    assert message.message_id == "d@x"


def test_recipients_are_those_of_to_and_cc_once() -> None:
    headers = 'To: "Person, B" <b@x.org>, c@x.org\nCc: linux-mm@example.org,\n =?utf-8?q?J=C3=BC?= <j@x.org>, c@x.org\n'
    message, _ = read(mail("[PATCH] one", TEXT, headers=headers))
    expected = ('"Person, B" <b@x.org>', "c@x.org", "linux-mm@example.org", "Jü <j@x.org>")
    assert message.recipients == expected
    assert read_thread([message]).series[0].patches[0].recipients == expected
    assert read(mail("x", headers='To: "a@x.org, ' + '"\\' * 90000 + "\n"))


def test_hidden_characters_are_kept_and_found() -> None:
    line = "if (admin) /* \u202e} \u2066if */ \u200b{"
    message, _ = read(mbox(mail("[PATCH] one", line + "\n")))
    assert message.body == line + "\n"
    assert hidden_characters(line) == ((14, "\u202e"), (17, "\u2066"), (24, "\u200b"))
    assert hidden_characters("plain ü 漢\t") == ()


def test_terminal_escapes_are_kept_for_the_reports_to_quote() -> None:
    message, _ = read(mail("[PATCH] \x1b[31mred", "\x1b]0;title\x07\n"))
    assert message.subject == "[PATCH] \x1b[31mred"
    assert message.body == "\x1b]0;title\x07\n"
