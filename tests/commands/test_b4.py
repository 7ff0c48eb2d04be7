"""The check protocols, called as b4 calls them, and by the real b4."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patchscan.tree.around import tracked_range

from tests.commands.test_cli import TREE, git

ROOT = Path(__file__).parents[2]
FAULTY = "int f(int a)\n{\n\tsmp_mb();\n\treturn a;\n}\n"
SOUND = "int f(int a)\n{\n\twhile (a)\n\t\ta--;\n}\n"
# The protocol is tested here, not how many rules know the code above.
ONE_RULE = ["--select", "barrier-comment"]
B4 = Path(sys.executable).with_name("b4")


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "NO_COLOR": "1"}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A git tree with the miniature kernel as its first commit."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    shutil.copytree(TREE, tmp_path / "linux")
    place = tmp_path / "linux"
    git(place, "init", "-q", "-b", "master")
    for name, value in (("user.name", "A"), ("user.email", "a@example.org")):
        git(place, "config", name, value)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "base")
    return place


def commit(top: Path, name: str, code: str) -> bytes:
    """Commit a file and return the mail that carries it, as b4 passes it on."""
    (top / "mm" / name).write_text(code)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-s", "-m", f"mm: add {name}", "-m", "It counts down.")
    show = ["git", "-C", str(top), "format-patch", "--stdout", "-1", "HEAD"]
    return subprocess.run(show, check=True, capture_output=True).stdout.partition(b"\n")[2]


def ask(top: Path, command: str, message: bytes) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-m", "patchscan", command, *ONE_RULE]
    return subprocess.run(
        words, input=message, cwd=top, capture_output=True, env=environment(top), check=True
    )


def test_line_protocol(top: Path) -> None:
    faulty = ask(top, "b4-check", commit(top, "bad.c", FAULTY))
    assert faulty.stdout.startswith(b"mm/bad.c:3: WARNING:barrier-comment: ") and faulty.stderr == b""
    sound = ask(top, "b4-check", commit(top, "good.c", SOUND))
    assert sound.stdout == b"" and sound.stderr == b""


def test_json_protocol(top: Path) -> None:
    answer = json.loads(ask(top, "b4-review", commit(top, "bad.c", FAULTY)).stdout)
    assert [(each["tool"], each["status"]) for each in answer] == [("patchscan", "warn")]
    assert "barrier-comment" in answer[0]["details"]
    assert json.loads(ask(top, "b4-review", commit(top, "good.c", SOUND)).stdout) == []


@pytest.mark.skipif(not B4.exists(), reason="b4 is not installed")
def test_the_real_b4_passes_a_clean_series_and_warns_of_a_faulty_one(top: Path) -> None:
    check = f"{sys.executable} -m patchscan b4-check {' '.join(ONE_RULE)}"
    git(top, "config", "b4.prep-perpatch-check-cmd", check)

    def b4(*words: str) -> str:
        run = subprocess.run(
            [str(B4), *words],
            cwd=top,
            capture_output=True,
            text=True,
            env=environment(top.parent),
            check=False,
        )
        return run.stdout + run.stderr

    b4("prep", "-n", "test", "-f", "master")
    commit(top, "bad.c", FAULTY)
    assert "Success: 0, Warning: 1, Error: 0" in b4("prep", "--check")
    git(top, "rm", "-q", "-f", "mm/bad.c")
    (top / "mm" / "good.c").write_text(SOUND)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-s", "--amend", "-m", "mm: count down", "-m", "It counts down.")
    assert "Success: 1, Warning: 0, Error: 0" in b4("prep", "--check")


def answer(top: Path, message: bytes, *words: str, tracking: str = "") -> list[dict[str, str]]:
    command = [sys.executable, "-m", "patchscan", "b4-review", *ONE_RULE, *words]
    variables = {**environment(top), "B4_TRACKING_FILE": tracking}
    run = subprocess.run(command, input=message, cwd=top, capture_output=True, env=variables, check=True)
    found: list[dict[str, str]] = json.loads(run.stdout)
    return found


def test_a_cover_letter_is_answered_for_its_series(top: Path, tmp_path: Path) -> None:
    git(top, "checkout", "-q", "-b", "b4/review/20260101-count")
    first = commit(top, "one.c", FAULTY)
    commit(top, "two.c", FAULTY)
    git(top, "commit", "-q", "--allow-empty", "-m", "b4's own commit")
    name = ["git", "-C", str(top), "rev-parse", "HEAD~2"]
    head = subprocess.run(name, capture_output=True, text=True, check=True).stdout.strip()
    git(top, "checkout", "-q", "master")
    tracking = tmp_path / "tracking.json"
    tracking.write_text(json.dumps({"series": {"first-patch-commit": head, "change-id": "20260101-count"}}))
    cover = b"Subject: [PATCH 0/2] mm: count\nMessage-ID: <0@example.org>\n\nTwo counters.\n"
    assert answer(top, cover) == []
    (whole,) = answer(top, cover, tracking=str(tracking))
    assert "mm/one.c:3" in whole["details"] and "mm/two.c:3" in whole["details"]
    (one,) = answer(top, first, tracking=str(tracking))
    assert "mm/one.c:3" in one["details"] and "mm/two.c:3" not in one["details"]
    (both,) = answer(top, first, "--series", tracking=str(tracking))
    assert both["details"] == whole["details"]


@pytest.mark.parametrize("words", [(), ("--series",)])
def test_a_mail_without_a_patch_is_not_clean(top: Path, words: tuple[str, ...]) -> None:
    for message in (b"", b"Subject: [PATCH] mm: count\n\nSee the attachment.\n", b"Subject: hello\n\nHi.\n"):
        (one,) = answer(top, message, *words)
        assert one["status"] in ("warn", "fail") and "no patch" in one["summary"] + one["details"], one


def test_the_series_of_a_cover_letter_that_is_not_at_hand_is_not_clean(top: Path) -> None:
    (one,) = answer(top, b"Subject: [PATCH 0/2] mm: count\nMessage-ID: <0@example.org>\n\nTwo.\n", "--series")
    assert one["status"] == "fail" and one["summary"] == "no patch found"


def test_a_forged_tracking_file_names_no_range(tmp_path: Path) -> None:
    forged: list[object] = [
        {},
        [],
        {"first-patch-commit": "--output=x", "change-id": "a"},
        {"change-id": "a"},
    ]
    for series in forged:
        (tmp_path / "tracking.json").write_text(json.dumps({"series": series}))
        assert tracked_range(str(tmp_path / "tracking.json")) is None
    (tmp_path / "tracking.json").write_text("not JSON")
    assert tracked_range(str(tmp_path / "tracking.json")) is None


def nipa(top: Path, *, base: str = "") -> tuple[int, str, str]:
    """(exit status, description, standard output) of the NIPA test."""
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "patchscan", "nipa", *ONE_RULE]
    variables = {**environment(top), "DESC_FD": str(writer), **({"BRANCH_BASE": base} if base else {})}
    run = subprocess.run(
        command, cwd=top, env=variables, pass_fds=[writer], capture_output=True, text=True, check=False
    )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return run.returncode, pipe.read(), run.stdout + run.stderr


def test_nipa_says_why_there_is_nothing_to_judge(tmp_path: Path) -> None:
    assert nipa(tmp_path) == (1, "no patch found\n", "patchscan: no patch found\n")


def test_nipa_judges_the_patch_at_head(top: Path) -> None:
    commit(top, "bad.c", FAULTY)
    status, description, output = nipa(top)
    assert (status, description) == (250, "1 warning: barrier-comment\n") and output.startswith(
        "mm/bad.c:3: warning"
    )
    commit(top, "good.c", SOUND)
    assert nipa(top) == (0, "1 patch, nothing found\n", "")
    assert nipa(top, base="master~2") == (0, "2 patches, nothing found\n", "")


def test_nipa_fails_where_there_is_nothing_to_judge(tmp_path: Path) -> None:
    assert nipa(tmp_path)[:2] == (1, "no patch found\n")
