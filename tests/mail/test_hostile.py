"""Mail that was mutilated at random, always in the same way: nothing raises, no hunk is believed without proof."""

import base64
import quopri
import random
import time
from collections.abc import Callable

import pytest
from patchscan.diff.read import read_diff
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.series import Thread
from unidiff import PatchSet  # type: ignore[attr-defined]

from tests.diffs import diff_text
from tests.mails import DIFF, SEPARATOR, diff_for, mail, mbox

TOKENS = [
    b"\n", b"\r\n", b"\r", b"\0", b"\xff\xfe", b"\n\n", b'"', b"---\n", b"-- \n", b"99999999999999999999",
    b"=?utf-8?b?", b"?=", b"From ", SEPARATOR.encode(), b"--- a/x\n+++ b/x\n", b"diff --git a/x b/x\n",
    b"@@ -1,3 +1,4 @@", b"\\ No newline", b'rename from "\\777"\n', b"GIT binary patch\n", b"[PATCH 0/3] ", b"Re: ",
    b"Subject: ", b"Date: \xff\n", b"In-Reply-To: <a>\n", b"References: <a> <b>\n", b"--x\n", b"\x1f\x8b\x08",
    b'Content-Type: multipart/mixed; boundary="x"\n', b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: x-uuencode\n",
    b'Content-Type: text/plain; charset="a\xffb"; format=flowed\n',
    b"Content-Disposition: attachment; filename*=x'y'%zz.patch\n",
]  # fmt: skip
SOUND = mbox(
    mail("[PATCH v2 0/2] all", "Hi.\n\nbase-commit: 0123456789ab\n", "c@x"),
    mail("=?utf-8?q?[PATCH v2 1/2] =C3=BC?=", "Why.\n---\n" + DIFF + "-- \n2.49.0\n", "1@x", ["c@x"]),
    mail("[PATCH v2 2/2] b", "Why.\n---\n" + diff_for("mm/b.c") + diff_for("mm/c.c"), "2@x", ["c@x"]),
    mail("Re: [PATCH v2 1/2] a", "> " + DIFF.replace("\n", "\n> ") + "\nWhy?\n", "r@x", ["c@x", "1@x"]),
)


def mutilated(chance: random.Random) -> bytes:
    data = bytearray(SOUND)
    for _ in range(chance.choice((1, 3, 10, 40))):
        at = chance.randrange(len(data) + 1)
        what = chance.random()
        if what < 0.6:
            data[at:at] = chance.choice(TOKENS)
        elif what < 0.8:
            del data[at : at + chance.randrange(1, 200)]
        else:
            other = chance.randrange(len(data) + 1)
            data[at:at] = data[other : other + chance.randrange(300)]
        data = data or bytearray(b"x")
    return bytes(data)


def read(data: bytes) -> Thread:
    return read_thread(*read_messages(data, "test"))


@pytest.mark.parametrize("seed", range(20))
def test_mutilated_mail_is_read(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        thread = read(mutilated(chance))
        assert thread.series or thread.replies or thread.problems
        for series in thread.series:
            for change in (change for patch in series.patches for change in patch.files):
                for hunk in change.hunks:
                    kinds = [line.kind for line in hunk.lines]
                    assert len(kinds) - kinds.count("+") == hunk.old_count
                    assert len(kinds) - kinds.count("-") == hunk.new_count


def chain(length: int) -> bytes:
    names = [f"{number}@x" for number in range(length)]
    return mbox(
        *(mail(f"[PATCH {n}/9999] x", "x\n", names[n], names[n - 1 : n]) for n in range(1, min(length, 9999)))
    )


@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: chain(size // 8),
        lambda size: mail("[a]" * size + "Re: " * size, "x\n").encode(),
        lambda size: mail(
            "x", "aaaa \n" * size, headers="Content-Type: text/plain; format=flowed\n"
        ).encode(),
        lambda size: mail("x", "x\n", headers="Content-Type: text/plain; " + "a=b; " * size + "\n").encode(),
        lambda size: mail("x", "x\n", headers='To: "a@x, ' + '"\\' * size + "\n").encode(),
        lambda size: mail("x", "--- a/x\n+++ b/x\n@@ -1,99999 +1,99999 @@\n" * (size // 4)).encode(),
    ],
)
def test_time_grows_with_the_size_of_the_input(hostile: Callable[[int], bytes]) -> None:
    """Sixteen times the input, far less than the 256 times of anything quadratic."""

    def seconds(size: int) -> float:
        data = hostile(size)
        start = time.process_time()
        read(data)
        return time.process_time() - start

    assert seconds(16000) < 100 * max(seconds(1000), 0.005)


def test_same_bytes_same_thread() -> None:
    data = mutilated(random.Random(7))
    assert read(data) == read(data)


@pytest.mark.parametrize("transport", ["base64", "quoted-printable", "crlf", "footer"])
def test_transport_does_not_change_what_is_read(transport: str) -> None:
    def carried(body: str) -> str:
        content = body.encode()
        if transport == "base64":
            return base64.encodebytes(content.replace(b"\n", b"\r\n")).decode()
        if transport == "quoted-printable":
            return quopri.encodestring(content).decode()
        return body + ("_" * 30 + "\nmailing list\n" if transport == "footer" else "")

    encoding = transport if transport in ("base64", "quoted-printable") else "8bit"
    headers = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n"
    bodies = ["Grüße.\n---\n" + DIFF + "-- \n2.49.0\n", "Why.\n---\n" + diff_for("mm/b.c")]
    titles = ["[PATCH 1/2] a", "[PATCH 2/2] b"]
    sound = mbox(*(mail(title, body) for title, body in zip(titles, bodies, strict=True)))
    sent = mbox(
        *(mail(title, carried(body), headers=headers) for title, body in zip(titles, bodies, strict=True))
    )
    if transport == "crlf":
        sent = sent.replace(b"\n", b"\r\n")
    assert read(sent) == read(sound)


@pytest.mark.parametrize("seed", range(30))
def test_unidiff_reads_the_same_hunks(seed: int) -> None:
    """unidiff is right on sound diffs without quoting; this is what it is kept for."""
    chance = random.Random(seed)
    words = [
        "{",
        "}",
        "",
        "\treturn;",
        "-- ",
        "--- a/x",
        "+++ b/x",
        "@@ -1 +1 @@",
        "diff --git a/x b/x",
        "\tx = y;",
        "++i;",
    ]
    before = [chance.choice(words) for _ in range(60)]
    after = [
        word if chance.random() < 0.9 else chance.choice(words) for word in before if chance.random() < 0.95
    ]
    text = diff_text("mm/x.c", "\n".join(before), "\n".join(after) + "\n", chance.randrange(4))
    (change,), problems = read_diff(text.split("\n"), "test")
    assert problems == ()
    (expected,) = PatchSet(text)
    ours = [[(line.kind, line.text, line.old, line.new) for line in hunk.lines] for hunk in change.hunks]
    assert ours == [
        [
            (line.line_type, line.value.rstrip("\n"), line.source_line_no, line.target_line_no)
            for line in hunk
            if line.line_type != "\\"
        ]
        for hunk in expected
    ]
