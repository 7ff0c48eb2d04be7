"""The ready pieces in docs/hooks, each run once as its host would run it, where that is installed."""

import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.commands.test_cli import git
from tests.test_manual import DOCS, FAULTY, commit, environment, hook, needs_git

HOOKS = DOCS / "hooks"
pytestmark = needs_git


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A kernel tree on a branch with one faulty commit, and the origin it came from."""
    tree = hook(tmp_path, "pre-commit")
    (tree / ".git" / "hooks" / "pre-commit").unlink()
    git(tree, "remote", "add", "origin", str(tree))
    git(tree, "fetch", "-q", "origin")
    git(tree, "checkout", "-q", "-b", "topic")
    commit(tree, tmp_path, FAULTY)
    return tree


def run(words: list[str], top: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    given = {**environment(top.parent), **variables}
    return subprocess.run(words, cwd=top, env=given, capture_output=True, text=True, check=False)


def indented(text: str, key: str) -> str:
    """What stands deeper below a key of a YAML file."""
    found = re.search(rf"^( *)(?:- )?{re.escape(key)}(?: \|)?\n((?:\1 +.*\n)+)", text, re.M)
    assert found
    return textwrap.dedent(found[2])


def test_every_piece_is_in_the_manual_and_tested() -> None:
    manual = (DOCS / "hooks.rst").read_text()
    tests = Path(__file__).read_text() + (Path(__file__).parent / "test_manual.py").read_text()
    for path in HOOKS.rglob("*"):
        if path.is_file() and path.name != "info.json":
            assert f"hooks/{path.relative_to(HOOKS)}" in manual and path.name in tests


def test_pre_commit_stops_a_faulty_change_and_no_other(tmp_path: Path) -> None:
    top = hook(tmp_path, "pre-commit")
    git(top, "config", "color.ui", "always")
    git(top, "config", "diff.external", "false")
    (top / "mm" / "new.c").write_text(FAULTY)
    git(top, "add", "-A")
    words = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "mm: count"]
    stopped = run(words, top)
    assert stopped.returncode == 1 and "barrier-comment" in stopped.stdout + stopped.stderr
    (top / "mm" / "new.c").write_text("// SPDX-License-Identifier: GPL-2.0\n/* Counts. */\n")
    git(top, "add", "-A")
    passed = run(words, top)
    assert passed.returncode == 0, passed.stdout + passed.stderr


def test_the_github_action_annotates(top: Path) -> None:
    script = indented((HOOKS / "github.yml").read_text(), "run:")
    # GitHub runs a step with bash -e.
    done = run(["bash", "-e", "-c", script], top, GITHUB_BASE_REF="master")
    assert done.returncode == 1
    assert "::warning file=mm/new.c,line=3,title=barrier-comment" in done.stdout


def test_the_gitlab_job_leaves_its_report(top: Path) -> None:
    lines = indented((HOOKS / "gitlab.yml").read_text(), "script:").strip().split("\n")
    script = "\n".join(line.removeprefix("- ") for line in lines)
    done = run(["bash", "-e", "-c", script], top, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="master")
    assert done.returncode == 1
    report = json.loads((top / "patchscan.json").read_text())
    (found,) = (each for each in report if each["check_name"] == "barrier-comment")
    assert (found["location"]["path"], found["location"]["lines"]["begin"]) == ("mm/new.c", 3)


def test_b4_settings_name_commands_that_answer(top: Path) -> None:
    listed = run(["git", "config", "-f", str(HOOKS / "b4.gitconfig"), "--get-regexp", r"^b4\."], top).stdout
    commands = [line.split(" ", 1)[1] for line in listed.splitlines()]
    assert len(commands) == 4
    patch = run(["git", "format-patch", "--stdout", "-1"], top).stdout
    for command in commands:
        done = subprocess.run(
            command.split(),
            cwd=top,
            env=environment(top.parent),
            input=patch,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "barrier-comment" in done.stdout and done.stderr == ""


def test_the_nipa_test_warns_and_describes(top: Path) -> None:
    (script,) = json.loads((HOOKS / "nipa" / "info.json").read_text())["run"]
    reader, writer = os.pipe()
    done = subprocess.run(
        [str(HOOKS / "nipa" / script)],
        cwd=top,
        env={**environment(top.parent), "DESC_FD": str(writer), "BRANCH_BASE": "master"},
        pass_fds=[writer],
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert (script, done.returncode) == ("patchscan.sh", 250) and "barrier-comment" in pipe.read()


@pytest.mark.skipif(not shutil.which("vim"), reason="vim is not installed")
def test_vim_walks_the_remarks(top: Path) -> None:
    out = top.parent / "quickfix"
    show = "map(getqflist(), {_, e -> bufname(e.bufnr) . ':' . e.lnum . ' ' . e.type . ' ' . e.text})"
    words = ["vim", "-es", "-N", "-u", "NONE", "-i", "NONE"]
    words += ["-c", f"source {HOOKS / 'patchscan.vim'}".replace("CompilerSet", "setlocal")]
    done = run(
        [*words, "--cmd", "command! -nargs=* CompilerSet set <args>", "-c", "silent make! HEAD",
         "-c", f"call writefile({show}, '{out}')", "-c", "qa!"],
        top,
    )  # fmt: skip
    assert out.exists(), done.stdout + done.stderr
    lines = out.read_text().splitlines()
    assert [line for line in lines if line.startswith("mm/new.c:3 w barrier-comment: ")]


@pytest.mark.skipif(not shutil.which("emacs"), reason="emacs is not installed")
def test_emacs_walks_the_remarks(top: Path) -> None:
    program = """
(progn
  (patchscan "HEAD")
  (let ((buffer (get-buffer "*patchscan*")))
    (while (get-buffer-process buffer) (accept-process-output nil 0.1))
    (dotimes (_ 2)
      (with-current-buffer buffer (next-error))
      (with-current-buffer "new.c" (princ (format "AT %s:%d\\n" (buffer-name) (line-number-at-pos)))))))
"""
    done = run(["emacs", "-Q", "--batch", "-l", str(HOOKS / "patchscan.el"), "--eval", program], top)
    assert "AT new.c:3" in done.stdout, done.stdout + done.stderr


def test_vs_code_finds_the_remarks(top: Path) -> None:
    (task,) = json.loads((HOOKS / "tasks.json").read_text())["tasks"]
    words = [task["command"], *(word.replace("${input:series}", "HEAD") for word in task["args"])]
    pattern = task["problemMatcher"]["pattern"]
    said = run(words, top).stdout.splitlines()
    found = [match for line in said if (match := re.search(pattern["regexp"], line))]
    (match,) = (each for each in found if "barrier-comment" in each[0])
    assert [match[pattern[name]] for name in ("file", "line", "severity")] == ["mm/new.c", "3", "warning"]
    assert match[pattern["message"]].startswith("barrier-comment: ")
