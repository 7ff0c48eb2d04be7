"""Files, directories, Maildirs, compressed mailboxes and stdin."""

import gzip
import random
from pathlib import Path

import pytest
from patchscan.mail import read_input, read_messages
from patchscan.mail.thread import read_thread

from tests.mails import DIFF, diff_for, mail, mbox

ONE = mail("[PATCH 1/2] one")
TWO = mail("[PATCH 2/2] two", "---\n" + diff_for("mm/other.c"))


def subjects(*paths: Path | str, stdin: bytes | None = None) -> list[str]:
    messages, problems = read_input([str(path) for path in paths], stdin)
    assert problems == ()
    return [message.subject for message in messages]


def test_files_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "a.patch").write_text(TWO)
    (tmp_path / "b.patch").write_text(ONE)
    assert subjects(tmp_path / "b.patch", tmp_path / "a.patch") == ["[PATCH 1/2] one", "[PATCH 2/2] two"]


def test_stdin() -> None:
    assert subjects("-", stdin=ONE.encode()) == ["[PATCH 1/2] one"]


def test_compressed_mailbox_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "t.mbox.gz").write_bytes(gzip.compress(mbox(ONE)) + gzip.compress(mbox(TWO)))
    assert subjects(tmp_path / "t.mbox.gz") == ["[PATCH 1/2] one", "[PATCH 2/2] two"]
    assert subjects("-", stdin=gzip.compress(mbox(ONE))) == ["[PATCH 1/2] one"]


def test_damaged_compression_is_a_problem_and_the_start_is_read() -> None:
    whole = gzip.compress(mbox(ONE) + random.Random(1).randbytes(9000))
    messages, problems = read_messages(whole[: len(whole) // 2], "cut.mbox.gz")
    assert messages[0].subject == "[PATCH 1/2] one"
    assert "cut short" in problems[0].message
    _, problems = read_messages(whole[:20] + b"\0" * 40 + whole[60:], "bad.mbox.gz")
    assert "gzip" in problems[0].message


def test_directory_of_patches_by_name(tmp_path: Path) -> None:
    for name, content in (("0002-two.patch", TWO), ("0001-one.patch", ONE), ("notes.txt", "no mail")):
        (tmp_path / name).write_text(content)
    assert subjects(tmp_path) == ["[PATCH 1/2] one", "[PATCH 2/2] two"]


def test_quilt_directory_in_the_order_of_its_series_file(tmp_path: Path) -> None:
    for name in ("first", "second", "unused"):
        (tmp_path / f"{name}.patch").write_text(
            f"Subject: {name}\n\n--- a/mm/{name}.c\n+++ b/mm/{name}.c\n@@ -1 +1 @@\n-a\n+b\n"
        )
    (tmp_path / "series").write_text(
        "# queue\nsecond.patch -p1\n\nfirst.patch # why\n../../etc/passwd\n/etc/passwd\n"
    )
    messages, problems = read_input([str(tmp_path)])
    assert [message.subject for message in messages] == ["second", "first"]
    assert ["outside" in problem.message for problem in problems] == [True, True]
    (series,) = read_thread(messages).series
    assert [(patch.index, patch.total, patch.files[0].path) for patch in series.patches] == [
        (1, 2, "mm/second.c"),
        (2, 2, "mm/first.c"),
    ]


def test_maildir(tmp_path: Path) -> None:
    for folder, name, content in (("cur", "1.a:2,S", ONE), ("new", "2.b", TWO), ("tmp", "3.c", ONE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(content)
    assert subjects(tmp_path) == ["[PATCH 1/2] one", "[PATCH 2/2] two"]


def test_what_cannot_be_read_is_a_problem_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "one.patch").write_text(ONE)
    (tmp_path / "empty").mkdir()
    messages, problems = read_input([str(tmp_path / n) for n in ("missing", "empty", "nul\0", "one.patch")])
    assert [message.subject for message in messages] == ["[PATCH 1/2] one"]
    assert [problem.where for problem in problems] == [
        str(tmp_path / n) for n in ("missing", "empty", "nul\0")
    ]


@pytest.mark.parametrize("content", [DIFF, "Index: mm/widget.c\n=====\n" + DIFF.split("\n", 2)[2]])
def test_bare_diff(tmp_path: Path, content: str) -> None:
    (tmp_path / "bare.diff").write_text(content)
    found = read_thread(*read_input([str(tmp_path / "bare.diff")]))
    assert found.problems == ()
    (patch,) = found.series[0].patches
    assert [change.path for change in patch.files] == ["mm/widget.c"]
