"""A git range is read by the same road as mail, and runs nothing of the tree's."""

import shutil
import subprocess
from pathlib import Path

import pytest
from patchscan.mail.gitrange import read_range
from patchscan.mail.thread import read_thread

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(tree: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A Person", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false"]
    subprocess.run(["git", "-C", str(tree), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    for number in range(3):
        (tmp_path / "widget.c").write_text("".join(f"int a{n};\n" for n in range(number + 1)))
        git(tmp_path, "add", "widget.c")
        git(tmp_path, "commit", "--quiet", "--message", f"mm: count {number}\n\nFrom the start, we count.")
    return tmp_path


def test_range_is_a_series(tree: Path) -> None:
    thread = read_thread(*read_range("HEAD~2..", str(tree)))
    assert thread.problems == ()
    (series,) = thread.series
    assert [(patch.index, patch.total, patch.title) for patch in series.patches] == [
        (1, 2, "mm: count 1"),
        (2, 2, "mm: count 2"),
    ]
    assert series.patches[0].changelog == ("From the start, we count.",)
    assert [line.text for line in series.patches[1].files[0].hunks[0].lines if line.kind == "+"] == [
        "int a2;"
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_commit_is_that_commit_the_first_one_too(tree: Path, number: int) -> None:
    (message,) = read_range(f"HEAD{'^' * (2 - number)}^!", str(tree))[0]
    assert message.subject.endswith(f"mm: count {number}")


def test_a_commit_that_changes_nothing_is_told(tree: Path) -> None:
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "mm: nothing")
    messages, (problem,) = read_range("HEAD^!", str(tree))
    assert not messages and problem.message == "no commit of this range changes a file (merges are left out)"


def test_settings_of_the_tree_do_not_change_the_patches(tree: Path) -> None:
    plain = read_range("HEAD~1..", str(tree))
    for setting in (
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "format.attach=true",
        "color.ui=always",
        "format.numbered=false",
    ):
        git(tree, "config", *setting.split("="))
    changed = read_thread(*read_range("HEAD~1..", str(tree)))
    assert changed.series == read_thread(*plain).series
    assert changed.problems == ()


@pytest.mark.parametrize("wrong", ["--output=/tmp/x", "-1", "no-such-commit..", "HEAD..HEAD", "a\0b", ""])
def test_wrong_ranges_are_a_problem(tree: Path, wrong: str) -> None:
    messages, problems = read_range(wrong, str(tree))
    assert messages == ()
    assert len(problems) == 1
    assert "\n" not in problems[0].message


def test_no_hook_no_monitor_and_no_external_diff_is_run(tree: Path) -> None:
    trap = tree / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tree}/sprung\n")
    trap.chmod(0o755)
    for setting in (
        "core.fsmonitor",
        "diff.external",
        "core.pager",
        "core.sshCommand",
        "diff.x.textconv",
        "diff.x.command",
    ):
        git(tree, "config", setting, str(trap))
    (tree / ".git" / "info" / "attributes").write_text("*.c diff=x\n")
    messages, _ = read_range("HEAD~1..", str(tree))
    assert len(messages) == 1
    assert not (tree / "sprung").exists()


def test_no_tree_is_a_problem(tmp_path: Path) -> None:
    _, problems = read_range("HEAD~1..", str(tmp_path / "missing"))
    assert len(problems) == 1
