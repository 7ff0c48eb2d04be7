"""Inputs as people name them: commits, branches, Message-IDs, archives, compressed mailboxes."""

import bz2
import gzip
import json
import lzma
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patchscan.cli import main
from patchscan.mail import Message, read_input, read_messages
from patchscan.mail.inboxes import find_thread, known_inboxes
from patchscan.mail.thread import read_threads

from tests.mails import DIFF, diff_for, mail, mbox

ROOT = Path(__file__).parents[2]
LETTER = "Count them.\n\nSigned-off-by: A Person <a@example.org>\n---\n"
needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


def git(directory: Path, *words: str, given: bytes = b"") -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=master"]
    run = subprocess.run(
        ["git", "-C", str(directory), *identity, *words], check=True, capture_output=True, input=given
    )
    return run.stdout.decode().strip()


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git tree with a base and a branch "topic" of two commits that follows master."""
    shutil.copytree(ROOT / "fixtures" / "tree", tmp_path / "linux")
    top = tmp_path / "linux"
    git(top, "init", "-q")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    git(top, "checkout", "-q", "-b", "topic", "--track", "master")
    for number in (1, 2):
        (top / "mm" / f"new{number}.c").write_text("int f(int a)\n{\n\tsmp_mb();\n\treturn a;\n}\n")
        git(top, "add", "-A")
        git(top, "commit", "-q", "-m", f"mm: add file {number}")
    monkeypatch.chdir(top)
    return top


def scanned(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main([*words, "--format", "json", "--select", "barrier-comment"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def titles(report: dict[str, Any]) -> list[str]:
    return [each["subject"].rpartition("] ")[2] for each in report["series"]["patches"]]


@needs_git
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("HEAD", [2]),
        ("@", [2]),
        ("HEAD~1", [1]),
        ("topic", [1, 2]),
        ("master..topic", [1, 2]),
        ("HEAD^!", [2]),
        ("HEAD@{0}", [2]),
        ("SHA", [1]),
    ],
)
def test_commits_as_git_names_them(
    word: str, expected: list[int], linux: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = git(linux, "rev-parse", "--short", "HEAD~1") if word == "SHA" else word
    report = scanned(capsys, named)
    assert titles(report) == [f"mm: add file {number}" for number in expected]
    assert all(file["used"] == "tree" for patch in report["series"]["patches"] for file in patch["files"])


@needs_git
def test_without_a_name_it_is_what_the_upstream_lacks(
    linux: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--no-tree", "--format", "json"])
    said = capsys.readouterr()
    assert titles(json.loads(said.out)) == ["mm: add file 1", "mm: add file 2"]
    assert said.err.startswith("patchscan: reading ") and "..HEAD, what this branch has" in said.err


@needs_git
@pytest.mark.parametrize(
    ("before", "words", "said"),
    [
        (["branch", "--unset-upstream"], [], "the branch at hand follows no upstream: name the series"),
        (["reset", "-q", "--hard", "master"], [], "has no commit that its upstream lacks"),
        (["checkout", "-q", "-b", "alone", "--no-track"], ["x.mbox"], "x.mbox: cannot be read"),
    ],
)
def test_a_branch_that_tells_nothing_is_an_error_of_one_line(
    before: list[str], words: list[str], said: str, linux: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(linux, *before)
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("patchscan: ") and said in err and err.count("\n") == 1


@needs_git
def test_a_range_of_another_tree(
    linux: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for word in ("master..topic", "topic"):
        report = scanned(capsys, word, "--tree", str(linux))
        assert titles(report) == ["mm: add file 1", "mm: add file 2"]
        assert [each["path"] for each in report["findings"]] == ["mm/new1.c", "mm/new2.c"]
    assert titles(scanned(capsys, "HEAD", "--tree", str(linux))) == ["mm: add file 2"]


@needs_git
def test_a_file_goes_before_a_branch(linux: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (linux / "topic").write_bytes(mbox(mail("[PATCH] mm: count", LETTER + DIFF, "1@x")))
    assert titles(scanned(capsys, "topic", "--no-tree")) == ["mm: count"]


def packed_with_zstd(data: bytes) -> bytes:
    return bytes(pytest.importorskip("zstandard").ZstdCompressor().compress(data))


@pytest.mark.parametrize(
    ("end", "pack"),
    [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress), ("zst", packed_with_zstd)],
)
def test_compressed_mailboxes(end: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    plain = mbox(
        mail("[PATCH] mm: count", LETTER + DIFF, "1@x"), mail("[PATCH] mm: more", LETTER + DIFF, "2@x")
    )
    expected = [each.message_id for each in read_messages(plain, "plain")[0]]
    packed = pack(plain)
    (tmp_path / f"a.mbox.{end}").write_bytes(packed + pack(b"\n" + plain))
    messages, problems = read_input([str(tmp_path)])
    assert ([each.message_id for each in messages], problems) == (expected * 2, ())
    _, problems = read_messages(packed[:-9], "cut")
    assert ["cut short" in each.message for each in problems if each.lost] == [True]
    bomb, problems = read_messages(pack(bytes(129 << 20)), "bomb")
    assert (bomb, ["more than 128 MiB" in each.message for each in problems][:1]) == ((), [True])


def archive() -> list[str]:
    """Two threads of two people, one with two revisions and a reply, one mail that is no patch, one of xfstests."""
    count = mail("[PATCH] mm: count", LETTER + DIFF, "1@x")
    return [
        count,
        mail("Re: [PATCH] mm: count", "> Count them.\n\nWhy?\n", "2@x", ["1@x"], author="R <r@example.org>"),
        mail("[PATCH 1/2] net: one", LETTER + diff_for("net/a.c"), "3@y", author="B <b@example.org>"),
        mail(
            "[PATCH 2/2] net: two", LETTER + diff_for("net/b.c"), "4@y", ["3@y"], author="B <b@example.org>"
        ),
        mail("[PATCH v2] mm: count", LETTER + DIFF, "5@x", day=2),
        mail("[PATCH] generic/750: more", LETTER + diff_for("tests/generic/750"), "6@z"),
        mail("hello", "Hello.\n", "7@z"),
    ]


def test_an_archive_of_threads_is_many_series() -> None:
    threads = read_threads(*read_messages(mbox(*archive()), "a.mbox"))
    got = [(one.series[0].title, one.series[0].revision, len(one.series[0].patches)) for one in threads]
    assert got == [("mm: count", 2, 1), ("net: one", 1, 2)]
    project = "another project: most of its files lie in no directory of the kernel tree"
    assert [[each.why for each in one.left_out] for one in threads] == [
        ["lower revision than v2", project],
        [],
    ]
    assert [len(one.replies) for one in threads] == [1, 0]
    told = [problem.message for problem in threads[0].problems]
    assert any("hello" in each for each in told)


def test_each_series_of_an_archive_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mbox").write_bytes(mbox(*archive()))
    main([str(tmp_path / "a.mbox"), "--no-tree", "--format", "json", "--exit-zero"])
    reports = json.loads(capsys.readouterr().out)
    assert [each["series"]["title"] for each in reports] == ["mm: count", "net: one"]
    main([str(tmp_path / "a.mbox"), "--no-tree", "--exit-zero"])
    out = capsys.readouterr().out
    assert out.index("mm: count (v2)") < out.index("net: one (v1)")


def inbox(directory: Path, mails: list[bytes], room: str = "git") -> Path:
    """A v2 inbox as a clone of it is, made with git alone: no index."""
    bare = directory / room / "0.git"
    bare.mkdir(parents=True)
    git(bare, "init", "-q", "--bare")
    parent: list[str] = []
    for number, raw in enumerate(mails, 1):
        blob = git(bare, "hash-object", "-w", "--stdin", given=raw.partition(b"\n")[2])
        tree = git(bare, "mktree", given=f"100644 blob {blob}\tm\n".encode())
        when = f"2024-01-{number:02}T10:00:00Z"
        os.environ.update(GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when)
        try:
            parent = ["-p", git(bare, "commit-tree", tree, *parent, "-m", "a mail")]
        finally:
            del os.environ["GIT_AUTHOR_DATE"], os.environ["GIT_COMMITTER_DATE"]
    git(bare, "update-ref", "refs/heads/master", parent[1])
    return directory


def names(mails: tuple[bytes, ...]) -> list[str]:
    found: list[Message] = [each for one in mails for each in read_messages(one, "mail")[0]]
    return [each.message_id for each in found]


@needs_git
@pytest.mark.parametrize("room", ["git", "local"])
def test_a_message_id_is_found_in_a_clone_of_an_inbox(room: str, tmp_path: Path) -> None:
    place = inbox(tmp_path / "inbox", [mbox(one) for one in archive()], room)
    found = find_thread("2@x", [str(place)])
    assert found is not None and names(found.mails) == ["1@x", "2@x"]
    assert find_thread("nobody@x", [str(place)]) is None
    assert known_inboxes({"PATCHSCAN_INBOX": f"/none{os.pathsep}{place}"}) == (str(place),)


@needs_git
@pytest.mark.parametrize(
    "word",
    ["4@y", "<4@y>", "id:4@y", "https://lore.kernel.org/all/4@y/T/#u", "https://patch.msgid.link/4%40y"],
)
def test_a_series_is_named_by_its_message_id(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = inbox(tmp_path / "inbox", [mbox(one) for one in archive()])
    report = scanned(capsys, word, "--no-tree", "--inbox", str(place))
    assert titles(report) == ["net: one", "net: two"]


@pytest.mark.skipif(not shutil.which("public-inbox-init"), reason="public-inbox is not installed")
def test_an_inbox_of_public_inbox_itself(tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path), "ORIGINAL_RECIPIENT": "list@example.org"}
    home.pop("PI_CONFIG", None)
    place = str(tmp_path / "inbox")
    init = ["public-inbox-init", "-V2", "list", place, "http://list.example.org", "list@example.org"]
    subprocess.run(init, env=home, check=True, capture_output=True)
    settings = str(tmp_path / ".public-inbox" / "config")
    subprocess.run(["git", "config", "-f", settings, "publicinboxmda.spamcheck", "none"], check=True)
    for raw in archive():
        given = mbox(raw).partition(b"\n")[2].replace(b"\nFrom: ", b"\nTo: list@example.org\nFrom: ", 1)
        deliver = ["public-inbox-mda", "--no-precheck"]
        subprocess.run(deliver, env=home, check=True, capture_output=True, input=given)
    assert known_inboxes({"HOME": str(tmp_path)}) == (place,)
    assert sorted(Path(place).glob("xap*/over.sqlite3"))
    for with_index in (True, False):
        found = find_thread("2@x", [place])
        assert found is not None and names(found.mails) == ["1@x", "2@x"]
        if with_index:
            for index in Path(place).glob("xap*"):
                shutil.rmtree(index)


@pytest.mark.skipif(not shutil.which("lei"), reason="lei is not installed")
def test_the_store_of_lei(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    (tmp_path / "run").mkdir(mode=0o700)
    box = tmp_path / "a.mbox"
    box.write_bytes(mbox(*archive()))
    try:
        done = subprocess.run(
            ["lei", "import", "--no-kw", f"mboxrd:{box}"],
            env=home,
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["lei", "daemon-kill"], env=home, check=False, capture_output=True, timeout=60)
    (place,) = known_inboxes(home)
    found = find_thread("2@x", [place])
    assert found is not None and names(found.mails) == ["1@x", "2@x"]


@needs_git
def test_the_older_revision_is_found_by_the_link_in_an_inbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_line = "> +\tcount++;\n\nWhy twice?\n"
    newer = LETTER + "v1: https://lore.kernel.org/r/1@x/\n\n" + DIFF.replace("count++", "count += 1")
    mails = [
        mail("[PATCH] mm: count", LETTER + DIFF, "1@x"),
        mail("Re: [PATCH] mm: count", on_line, "2@x", ["1@x"], author="R <r@example.org>"),
        mail("[PATCH v2] mm: count", newer, "3@x", day=2),
    ]
    place = inbox(tmp_path / "inbox", [mbox(one) for one in mails])
    main(["3@x", "--inbox", str(place), "--no-tree", "--exit-zero", "--previous", "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert [(each["text"], each["state"], each["after"]) for each in report["remarks"]] == [
        ("Why twice?", "changed", "\tcount += 1;")
    ]
