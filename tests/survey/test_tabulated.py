"""Archives taken apart, and what became of what was said: none of it needs an extra."""

import json
import subprocess
from pathlib import Path

import pytest
from patchscan.basics.usage import UsageError
from patchscan.cli import main
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.trackrecord import TrackRecord, read_records, sentences, with_least, written
from patchscan.survey.archives import works_in
from patchscan.survey.became import fates
from patchscan.survey.merged import standing, trees_with
from patchscan.survey.tabulated import best_release, rows_of
from patchscan.testing import MemoryTree
from patchscan.tree import Tree

from tests.commands.test_cli import git

MAIL = """\
From nobody Thu Jan  1 00:00:00 2026
From: Eve <eve@example.org>
To: list@vger.example.org
Subject: [PATCH{version}] mm: count
Date: Thu, {day} Jan 2026 10:00:00 +0000
Message-ID: <v{number}@example.org>

It counts.

Signed-off-by: Eve <eve@example.org>
---
 mm/a.c | 4 ++++

diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -1,3 +1,6 @@
 int f(int a)
 {{
+	{first}
+	a = a * 2;
+	f(a);
 }}
--
2.49.0

"""
REPLY = """\
From nobody Thu Jan  1 00:00:00 2026
From: Rob <rob@example.org>
To: Eve <eve@example.org>
Subject: Re: [PATCH] mm: count
Date: Thu, 1 Jan 2026 12:00:00 +0000
Message-ID: <reply@example.org>
In-Reply-To: <v1@example.org>

> +	smp_mb();

Please say in a comment what this barrier pairs with.

"""
ONE = MAIL.format(version="", day=1, number=1, first="smp_mb();")
TWO = MAIL.format(version=" v2", day=2, number=2, first="smp_mb(); /* pairs with g() */")
OTHER = ONE.replace("v1@", "other@").replace("Eve", "Ann").replace("eve@", "ann@").replace("count", "other")
ARCHIVE = ONE + REPLY + TWO + OTHER


@pytest.fixture
def archive(tmp_path: Path) -> str:
    (tmp_path / "list.mbox").write_text(ARCHIVE)
    return str(tmp_path / "list.mbox")


def judge(thread: Thread, tree: Tree | None) -> Report:
    return scan(thread, tree, (barrier_rule(),))


def barrier_rule() -> Rule:
    from patchscan.settling.registry import load_rules

    return next(rule for rule in load_rules()[0] if rule.name == "barrier-comment")


def test_an_archive_is_works_with_their_revisions(archive: str) -> None:
    works, problems, mails = works_in(archive)
    assert [[each.message_id for each in work.revisions] for work in works] == [
        ["v1@example.org", "v2@example.org"],
        ["other@example.org"],
    ]
    assert (mails, problems) == (4, ())
    assert [len(work.replies) for work in works] == [1, 0]


def test_a_maildir_and_a_public_inbox_are_the_same(archive: str, tmp_path: Path) -> None:
    mails = [f"From nobody{each}" for each in ARCHIVE.split("From nobody")[1:]]
    maildir = tmp_path / "maildir/cur"
    maildir.mkdir(parents=True)
    inbox = tmp_path / "inbox/git/0.git"
    inbox.mkdir(parents=True)
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q")
    for number, mail in enumerate(mails):
        plain = mail.partition("\n")[2]
        (maildir / f"{number}:2,S").write_text(plain)
        (work / "m").write_text(plain)
        git(work, "add", "m")
        git(work, "commit", "-q", "-m", str(number))
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(inbox)], check=True)
    wanted = [work.revisions for work in works_in(archive)[0]]
    assert [work.revisions for work in works_in(str(tmp_path / "maildir"))[0]] == wanted
    assert [work.revisions for work in works_in(str(tmp_path / "inbox"))[0]] == wanted


def test_what_became_of_each_added_line(archive: str) -> None:
    first, second = works_in(archive)[0][0].revisions
    assert fates(first, second) == {
        (1, "mm/a.c", 3): "changed",
        (1, "mm/a.c", 4): "unchanged",
        (1, "mm/a.c", 5): "unchanged",
    }


def test_a_file_that_is_left_alone_is_dropped(archive: str) -> None:
    first, second = works_in(archive)[0][0].revisions
    elsewhere = works_in_text(
        archive, TWO.replace("mm/a.c", "fs/b.c").replace("a = a * 2", "b--").replace("f(", "g(")
    )
    assert set(fates(first, elsewhere).values()) == {"dropped"}
    assert second != elsewhere


def merged_as(*lines: str) -> MemoryTree:
    """A tree that holds the file with such lines."""
    text = "".join(f"\t{line}\n" for line in lines)
    return MemoryTree("later", {"mm/a.c": f"int f(int a)\n{{\n{text}}}\n".encode()})


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        (("smp_mb();", "a = a * 2;", "f(a);"), {3, 4, 5}),
        (("smp_mb(); /* pairs with g() */", "a = a * 2;", "f(a);"), {5}),
        (("smp_mb();", "f(a);", "a = a * 2;"), set()),
        (("smp_mb();", "a = a * 2;", "f(a); "), {3}),
        ((), set()),
    ],
)
def test_a_line_was_merged_where_a_tree_has_it_between_its_neighbours(
    archive: str, lines: tuple[str, ...], held: set[int]
) -> None:
    first = works_in(archive)[0][0].revisions[0]
    assert standing(first, merged_as(*lines)) == {(1, "mm/a.c", line) for line in held}


def test_a_series_was_merged_where_a_tree_holds_half_of_its_last_revision(archive: str) -> None:
    last = works_in(archive)[0][0].revisions[-1]
    trees = {
        "6.9": merged_as(),
        "6.10": merged_as("smp_mb(); /* pairs with g() */", "a = a * 2;", "f(a + 1);"),
        "6.12": merged_as("smp_mb(); /* pairs with g() */", "a = a * 2;", "f(a);"),
    }
    assert trees_with(last, trees) == (trees["6.12"],)
    assert trees_with(last, {}) == ()


def test_the_rows_tell_what_was_merged_unchanged(archive: str) -> None:
    work = works_in(archive)[0][0]
    # What the first revision had and the second one mended went in as the second one has it.
    later = {"6.12": merged_as("smp_mb(); /* pairs with g() */", "a = a * 2;", "f(a);")}
    series, (row,) = rows_of(work, judge, later)
    assert [(each["merged"], each["unmerged"]) for each in series] == [(1, 2), (3, 0)]
    assert (row["line"], row["merged"]) == (3, False)
    # Of what no tree has taken nothing is known.
    series, (row,) = rows_of(work, judge, {"6.12": merged_as()})
    assert [(each["merged"], each["unmerged"]) for each in series] == [(0, 0), (0, 0)]
    assert row["merged"] is None


def test_json_tells_the_record_of_each_finding(
    archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "records.tsv"
    path.write_text(written(ROWS))
    words = [archive, "--no-tree", "--select", "barrier-comment", "--format", "json", "--revision", "1"]
    assert main([*words, "--min-record", "1", "--records", str(path)]) == 1
    told = json.loads(capsys.readouterr().out)
    names = ("flagged", "changed", "unchanged", "remarked", "merged", "unmerged")
    assert told[0]["findings"][0]["record"] == dict(zip(names, (8, 1, 7, 1, 3, 1), strict=True))
    assert told[0]["record_of_all_lines"] == dict(zip(names, (100, 12, 88, 5, 60, 20), strict=True))
    path.write_text(written(ROWS[:1]))
    assert main([*words, "--min-record", "1", "--records", str(path)]) == 1
    assert json.loads(capsys.readouterr().out)[0]["findings"][0]["record"] is None


def works_in_text(archive: str, text: str):  # type: ignore[no-untyped-def]
    Path(archive).write_text(text)
    return works_in(archive)[0][0].revisions[0]


def test_the_rows_of_a_work(archive: str) -> None:
    series, findings = rows_of(works_in(archive)[0][0], judge, {})
    assert [(row["revision"], row["last"], row["added"], row["changed"]) for row in series] == [
        (1, False, 3, 1),
        (2, True, 3, 0),
    ]
    (row,) = findings
    assert (row["rule"], row["line"], row["became"], row["remarked"]) == (
        "barrier-comment",
        3,
        "changed",
        True,
    )
    assert (row["list"], row["year"], row["work"]) == ("list.mbox", 2026, "v1@example.org")


def test_a_series_is_judged_on_the_release_it_fits(archive: str) -> None:
    series = works_in(archive)[0][0].revisions[0]
    trees = {
        "6.9": MemoryTree("old", {"mm/a.c": b"int f(int a)\n{\n}\n"}),
        "6.12": MemoryTree("new", {"mm/a.c": b"int g;\n"}),
    }
    assert best_release(series, trees) == "6.9"
    trees["6.12"] = MemoryTree("new", dict(trees["6.9"].contents))
    assert best_release(series, trees) == "6.12"
    assert best_release(series, {}) == ""


ROWS = (
    ("*", "", 100, 12, 88, 5, 60, 20),
    ("barrier-comment", "warning", 8, 1, 7, 1, 3, 1),
    ("other", "info", 3, 3, 0, 0, 0, 0),
)


def test_a_record_sets_findings_aside_where_enough_is_known(archive: str, tmp_path: Path) -> None:
    path = tmp_path / "records.tsv"
    path.write_text(written(ROWS))
    records = read_records(str(path))
    assert records["barrier-comment", "warning"] == TrackRecord(8, 1, 7, 1, 3, 1)
    assert records["other", "info"].share is None
    findings = judge(Thread(works_in(archive)[0][0].revisions[:1], (), ()), None).findings
    assert [each.suppressed for each in with_least(findings, 0.1, records)] == [None]
    (aside,) = with_least(findings, 0.2, records)
    assert aside.suppressed == "its rule's record is 12 %, less than 20 % (--min-record)"


def test_a_record_in_words_names_the_baseline(tmp_path: Path) -> None:
    path = tmp_path / "records.tsv"
    path.write_text(written(ROWS))
    records = read_records(str(path))
    assert sentences("barrier-comment", records) == [
        "warning: 1 of 8 flagged lines were changed in the next revision (of all added lines 12 %), "
        "1 had a remark close by, 3 of 4 were merged unchanged (of all added lines 75 %)"
    ]
    assert sentences("other", records)[0].endswith("a remark close by; too few to say more")
    assert sentences("unseen", records) == []


@pytest.mark.parametrize("text", ["", "a\tb\n", "\t".join(("rule", "severity")) + "\n"])
def test_what_is_no_file_of_records_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(UsageError, match="no file of records"):
        read_records(str(tmp_path / "x"))


def test_the_records_that_come_with_us_are_of_rules_that_there_are() -> None:
    from patchscan.settling.registry import load_rules

    names = {rule.name for rule in load_rules()[0]}
    assert {rule for rule, _ in read_records()} - {"*"} <= names


def test_the_command_line_asks_for_a_record(
    archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "records.tsv"
    path.write_text(written(ROWS))
    words = [archive, "--no-tree", "--select", "barrier-comment", "--format", "concise", "--revision", "1"]
    assert main(words) == 1
    assert main([*words, "--min-record", "20", "--records", str(path)]) == 0
    assert main([*words, "--min-record", "10%", "--records", str(path)]) == 1
    capsys.readouterr()
    for wrong in (
        ["--records", str(path)],
        ["--min-record", "101"],
        ["--min-record", "1", "--records", archive],
    ):
        assert main([*words, *wrong]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_explain_shows_the_record(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from patchscan.commands import explain

    record = {("*", ""): TrackRecord(100, 12, 88, 5), ("barrier-comment", "warning"): TrackRecord(8, 1, 7, 1)}
    monkeypatch.setattr(explain, "read_records", lambda: record)
    assert main(["explain", "barrier-comment"]) == 0
    assert "Record: warning: 1 of 8 flagged lines were changed" in capsys.readouterr().out
    assert main(["explain", "barrier-comment", "--json"]) == 0
    ((only),) = json.loads(capsys.readouterr().out)["record"]
    taken = {"merged": 0, "unmerged": 0}
    assert only == {"severity": "warning", "flagged": 8, "changed": 1, "unchanged": 7, "remarked": 1, **taken}
