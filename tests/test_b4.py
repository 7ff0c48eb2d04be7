"""The check protocols, called as b4 calls them, and by the real b4."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import TREE, git

ROOT = Path(__file__).parent.parent
FAULTY = "int f(int a)\n{\n\twhile (a)\n\t\tif (a)\n\t\t\ta--;\n}\n"
SOUND = "int f(int a)\n{\n\twhile (a)\n\t\ta--;\n}\n"
# The protocol is tested here, not how many rules know the code above.
ONE_RULE = ["--select", "missing-braces"]
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
    assert faulty.stdout.startswith(b"mm/bad.c:3: WARNING:missing-braces: ") and faulty.stderr == b""
    sound = ask(top, "b4-check", commit(top, "good.c", SOUND))
    assert sound.stdout == b"" and sound.stderr == b""


def test_json_protocol(top: Path) -> None:
    answer = json.loads(ask(top, "b4-review", commit(top, "bad.c", FAULTY)).stdout)
    assert [(each["tool"], each["status"]) for each in answer] == [("patchscan", "warn")]
    assert "missing-braces" in answer[0]["details"]
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
