"""Archives too large to hold: the same threads as of those that are held, in memory for one of them."""

import gzip
import io
import os
import random
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patchscan.cli import main
from patchscan.mail import archive, read_input, read_messages
from patchscan.mail.archive import large_archive, threads_of
from patchscan.mail.mbox import Mbox, split_mbox
from patchscan.mail.thread import read_threads
from patchscan.series import Thread

from tests.mails import DIFF, SEPARATOR, diff_for, mail, mbox

LETTER = "Count them.\n\nSigned-off-by: A Person <a@example.org>\n---\n"
TO = "To: list@example.org\n"
OTHER = "B <b@example.org>"


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGE", 1)


def mails() -> dict[str, str]:
    """What an archive may hold, by what is special about it."""
    link = LETTER + "Link to v1: https://lore.kernel.org/all/linked@x/\n\n"
    return {
        "single": mail("[PATCH] mm: single", LETTER + DIFF, "single@x"),
        "review": mail("Re: [PATCH] mm: single", "> Count.\n\nWhy?\n", "review@x", ["single@x"]),
        "cover": mail("[PATCH 0/2] net: both", "Both.\n", "cover@x", author=OTHER),
        "copy": mail("[PATCH] mm: single", LETTER + DIFF, "single@x"),
        "first": mail("[PATCH 1/2] net: one", LETTER + diff_for("net/a.c"), "first@x", ["cover@x"], OTHER),
        "hello": mail("hello", "Hello.\n", "hello@x"),
        "second": mail("[PATCH 2/2] net: two", LETTER + diff_for("net/b.c"), "second@x", ["cover@x"], OTHER),
        "again": mail("[PATCH v2] mm: single", LETTER + DIFF, "again@x", headers=TO, day=2),
        "linked": mail("[PATCH] fs: old name", LETTER + diff_for("fs/a.c"), "linked@x", headers=TO),
        "differs": mail("[PATCH] mm: single, not the same", LETTER + DIFF, "single@x"),
        "project": mail(
            "[PATCH] generic/750: more", LETTER + diff_for("tests/generic/750"), "project@x", headers=TO
        ),
        "loose 1": mail("[PATCH 1/2] lib: one", LETTER + diff_for("lib/a.c"), "loose1@x"),
        "loose 2": mail("[PATCH 2/2] lib: two", LETTER + diff_for("lib/b.c"), "loose2@x"),
        "next 1": mail("[PATCH 1/2] lib: three", LETTER + diff_for("lib/c.c"), "next1@x"),
        "next 2": mail("[PATCH 2/2] lib: four", LETTER + diff_for("lib/d.c"), "next2@x"),
        "file": mail("[PATCH] block: a file", LETTER + diff_for("block/a.c")),
        "file of ours": mail("[PATCH] block: one more", LETTER + diff_for("block/b.c")),
        "linking": mail("[PATCH v2] fs: new name", link + diff_for("fs/a.c"), "linking@x", headers=TO, day=3),
        "damaged": mail(
            "[PATCH] mm: damaged", LETTER + DIFF.replace("+5 @@", "+7 @@"), "damaged@x", headers=TO
        ),
        "of a person": mail("[PATCH v2] lib: three", LETTER + diff_for("lib/c.c"), "p@x", headers=TO, day=4),
    }


def told(threads: Iterable[Thread]) -> dict[str, tuple[object, ...]]:
    """What threads hold, but for replies and what is told of mails of no series."""
    return {
        each.series[0].title: (
            each.series[0],
            sorted((one.series.title, one.why) for one in each.left_out if "project" not in one.why),
        )
        for each in threads
    }


def streamed(place: str) -> Iterator[Thread]:
    found = large_archive(place)
    assert found is not None
    return threads_of(found, place)


@pytest.mark.parametrize("small", [1 << 20, 0])
@pytest.mark.parametrize("seed", range(6))
def test_the_threads_are_those_of_an_archive_that_is_held(
    seed: int, small: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """small=0: of each group no more is held than the series to scan."""
    monkeypatch.setattr(archive, "_SMALL_GROUP", small)
    several = list(mails().values())
    random.Random(seed).shuffle(several)
    place = tmp_path / "a.mbox"
    place.write_bytes(mbox(*several))
    expected = read_threads(*read_messages(place.read_bytes(), str(place)))
    assert len(expected) > 5
    found = list(streamed(str(place)))
    assert told(found) == told(expected)
    lost = [
        sorted(one.message for each in some for one in each.problems if one.lost)
        for some in (found, expected)
    ]
    assert lost[0] == lost[1]


def test_mails_of_no_series_are_told_with_the_last_thread(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(mbox(*mails().values()))
    problems = [each.message for each in list(streamed(str(tmp_path / "a.mbox")))[-1].problems]
    assert any("hello" in each for each in problems)
    assert any("is of another project" in each for each in problems)


def test_a_maildir_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "box" / "cur").mkdir(parents=True)
    for number, text in enumerate(mails().values()):
        (tmp_path / "box" / "cur" / f"{number:02}").write_text(text)
    expected = read_threads(*read_input([str(tmp_path / "box")]))
    assert told(streamed(str(tmp_path / "box"))) == told(expected)


def test_a_compressed_mailbox_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a.mbox.gz"
    data = mbox(*mails().values())
    place.write_bytes(gzip.compress(data))
    assert told(streamed(str(place))) == told(read_threads(*read_messages(place.read_bytes(), str(place))))
    place.write_bytes(gzip.compress(data)[:-20])
    found = list(streamed(str(place)))
    lost = [each.message for thread in found for each in thread.problems if each.lost]
    assert len(found) > 5 and any("cut short" in why for why in lost)
    monkeypatch.setattr("patchscan.mail.unpack._MOST_UNPACKED", 100)
    assert large_archive(str(place)) is None


def test_what_alone_was_wrong_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(mbox(mail("[PATCH] x", "x" * (2 << 20))))
    (thread,) = streamed(str(tmp_path / "a.mbox"))
    assert "a line of this mail has more than 1 MiB" in thread.problems[0].message


def test_a_mail_that_changes_while_it_is_read_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hunks are read again when the series is chosen: without them the patch would seem clean."""
    monkeypatch.setattr(archive, "_SMALL_GROUP", 0)
    files = [tmp_path / f"{number}" for number in (1, 2)]
    for number, file in enumerate(files, 1):
        above = ["1@x"] if number > 1 else []
        file.write_text(mail(f"[PATCH {number}/2] mm: {number}", LETTER + DIFF, f"{number}@x", above))
    box = archive.MailsOfFiles([str(file) for file in files], [])
    groups = archive._groups(box, archive.Told("box"))
    group = next(iter(groups))

    def read_and_change(*words: Any) -> Any:
        def again(places: Any) -> Any:
            files[1].write_text("\n")
            return words[3](places)

        return read_threads(words[0], words[1], words[2], again)

    monkeypatch.setattr(archive, "read_threads", read_and_change)
    (thread,) = archive._threads_in(box, group, None, archive.Told("box"))
    assert [(each.where, each.lost) for each in thread.problems] == [(str(files[1]), True)]
    assert [bool(each.files[0].hunks) for each in thread.series[0].patches] == [True, False]


BOXES = [
    mbox(mail("[PATCH] a", "text\n"), mail("[PATCH] b", "a\n\nFrom here\n\n>From there\nb\n")),
    b"\n\xef\xbb\xbf" + mbox(mail("[PATCH] a", "text\n")),
    b"\xef\xbb\xbf\n\n" + mbox(mail("[PATCH] a", "text\n"), mail("[PATCH] b", "\n\n\n")),
    mail("[PATCH] lead", "text\n\n").encode() + mbox(mail("[PATCH] b", "text\n")),
    mail(
        "[PATCH] parts", f"--x\n\n{SEPARATOR}To: a\n\n--x--\n", headers="Content-Type: multipart/mixed\n"
    ).encode(),
    mail("[PATCH] alone", "text\n").encode(),
    mbox(
        mail("[PATCH] parts", "x\n", headers="Content-Type: multipart/mixed\n"), mail("[PATCH] b", "text\n")
    ),
    b"From a Thu Jan  1 00:00:00 1970\r\nSubject: a\r\n\r\nx\r\n\r\nFrom b Thu Jan  1 00:00:00 1970\r\nTo: b\r\n\r\n",
    b" \n" + mbox(mail("[PATCH] a", "text\n")),
    b"",
]


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("data", BOXES)
def test_a_mailbox_is_cut_the_same_piece_by_piece(
    data: bytes, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchscan.mail.mbox._PIECE", piece)
    box = Mbox(lambda start, end: data[start:end], len(data))
    assert [box.mail(number) for number in range(len(box))] == split_mbox(data)


def test_memory_is_that_of_one_thread(tmp_path: Path) -> None:
    """Sixty series of 40 KB: held, they take some ten times as much as they are long."""
    hunk = "".join(f"+\tcount += {number};\n" for number in range(2000))
    body = LETTER + "--- a/mm/a.c\n+++ b/mm/a.c\n@@ -1,1 +1,2001 @@\n \tint count;\n" + hunk
    place = tmp_path / "a.mbox"
    place.write_bytes(mbox(*(mail(f"[PATCH] mm: {n}", body, f"{n}@x", headers=TO) for n in range(60))))
    tracemalloc.start()
    count = sum(1 for _ in streamed(str(place)))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60 and most < 2 * os.path.getsize(place)


@pytest.mark.parametrize("name", ["file", "stream"])
def test_a_large_archive_is_scanned_like_a_small_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "a.mbox"
    place.write_bytes(mbox(*(each for key, each in mails().items() if key in ("single", "review", "linked"))))
    said = []
    for large in (1, 1 << 20):
        monkeypatch.setattr(archive, "LARGE", large)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(place.read_bytes())))
        main([str(place) if name == "file" else "-", "--no-tree", "--exit-zero"])
        said.append(capsys.readouterr())
    assert said[0] == said[1] and said[0].out.count("1 patch, ") == 2


def test_what_is_no_mailbox_is_read_as_before(tmp_path: Path) -> None:
    log = b"commit 0123456789abcdef\nAuthor: A <a@example.org>\n\n    mm: count\n"
    (tmp_path / "log").write_bytes(log)
    (tmp_path / "log.gz").write_bytes(gzip.compress(log))
    for place in tmp_path.iterdir():
        assert large_archive(str(place)) is None
    assert large_archive(str(tmp_path / "not there")) is None
