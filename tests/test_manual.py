"""The manual: built without a warning, its commands run, its hooks called by git.

PATCHSCAN_UPDATE=1 writes the output of commands anew, to be judged by reading the diff.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patchscan.settling.registry import load_rules

from tests.commands.test_cli import TREE, git

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
UPDATE = bool(os.environ.get("PATCHSCAN_UPDATE"))
CONSOLE = re.compile(r"^\.\. code-block:: console\n\n((?:   .*\n|\n)+)", re.M)
needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


def environment(directory: Path) -> dict[str, str]:
    """Variables with which `patchscan` and `python` are ours, and the user's settings are out of the way."""
    programs = directory / "programs"
    programs.mkdir(exist_ok=True)
    for name, words in (("patchscan", f"{sys.executable} -m patchscan"), ("python", sys.executable)):
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (programs / name).chmod(0o755)
    return {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PATCHSCAN_", "PYTEST_"))
        },
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory),
        "LC_ALL": "C.UTF-8",
    }


def blocks(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(the block as it stands, its commands and what they print) of each console block of a page."""
    for block in CONSOLE.findall(text):
        lines = [line[3:] for line in block.rstrip("\n").split("\n")]
        session: list[tuple[str, str]] = []
        for line in lines:
            if line.startswith("$ "):
                session.append((line[2:], ""))
            elif session[-1][0].endswith("\\"):
                session[-1] = (f"{session[-1][0]}\n{line}", "")
            else:
                session[-1] = (session[-1][0], f"{session[-1][1]}{line}\n")
        yield block, session


def matches(expected: str, printed: str) -> bool:
    """Whether output is what the page shows.

    A line "..." stands for any lines, "..." within a line for any text; the number of rules may grow.
    """
    count = re.compile(r"\b\d+ rules\b")
    pattern = "".join(
        "(?s:.*)"
        if line == "...\n"
        else re.escape(count.sub("N rules", line)).replace(re.escape("..."), ".*")
        for line in expected.splitlines(keepends=True)
    )
    return re.fullmatch(pattern, count.sub("N rules", printed)) is not None


PAGES = sorted(page for page in DOCS.glob("*.rst") if CONSOLE.search(page.read_text()))


def test_the_tutorial_has_commands() -> None:
    assert DOCS / "tutorial.rst" in PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(DOCS / "tutorial", work)
    (work / "linux").symlink_to(TREE)
    text = page.read_text()
    for block, session in blocks(text):
        made = ""
        for command, expected in session:
            run = subprocess.run(
                ["bash", "-c", command],
                cwd=work,
                env=environment(tmp_path),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            shown = command.replace("\n", "\n   ")
            same = matches(expected, run.stdout)
            assert same or UPDATE, f"$ {command}\n{run.stdout}"
            printed = expected if same else run.stdout
            made += f"   $ {shown}\n" + "".join(f"   {line}\n" for line in printed.splitlines())
        if UPDATE:
            text = text.replace(block.rstrip("\n") + "\n", made, 1)
    if UPDATE:
        page.write_text(text)


def test_the_check_of_output_sees_differences() -> None:
    assert matches("a 3 rules\n...\nz\n", "a 40 rules\nb\nc\nz\n")
    assert matches("a\n...\nz\n", "a\nz\n") and matches("a ...\n", "a b\n")
    assert (
        not matches("a\n...\nz\n", "a\nb\n")
        and not matches("a\n", "ab\n")
        and not matches("a ...\n", "a b\nc\n")
    )


@pytest.mark.slow
def test_the_manual_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    shutil.copytree(
        ROOT, tmp_path / "source", ignore=shutil.ignore_patterns(".*", "_build", "generated", "fixtures")
    )
    source = tmp_path / "source" / "docs"
    for builder in ("html",):
        words = [
            "-m",
            "sphinx",
            "-q",
            "-W",
            "--keep-going",
            "-b",
            builder,
            str(source),
            str(tmp_path / builder),
        ]
        run = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        assert run.returncode == 0 and run.stderr == ""
    for rule in load_rules()[0]:
        assert (tmp_path / "html" / "generated" / f"rule-{rule.name}.html").exists()


def hook(directory: Path, name: str) -> Path:
    """A git tree with a hook of the manual, and a base to commit on."""
    top = directory / "linux"
    shutil.copytree(TREE, top)
    git(top, "init", "-q", "-b", "master")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    place = top / ".git" / "hooks" / name
    place.write_text((DOCS / "hooks" / name).read_text())
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return top


def commit(top: Path, directory: Path, code: str) -> str:
    """Commit a file with our `patchscan` in reach; what git and the hook say."""
    (top / "mm" / "new.c").write_text(code)
    words = ["git", "-C", str(top), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    git(top, "add", "-A")
    run = subprocess.run(
        [*words, "commit", "-q", "-s", "-m", "mm: count", "-m", "Why."],
        env=environment(directory),
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout + run.stderr


FAULTY = "static int f(int a)\n{\n\tsmp_mb();\n\treturn a;\n}\n"


@needs_git
def test_the_post_commit_hook_says_what_it_sees(tmp_path: Path) -> None:
    top = hook(tmp_path, "post-commit")
    assert "barrier-comment" in commit(top, tmp_path, FAULTY)
    assert commit(top, tmp_path, "static int a;\n").count("barrier-comment") == 0


@needs_git
def test_the_post_commit_hook_leaves_a_merge_alone(tmp_path: Path) -> None:
    """Its commits were judged when they were made, by whoever made them."""
    top = hook(tmp_path, "post-commit")
    git(top, "checkout", "-q", "-b", "side")
    git(top, "config", "core.hooksPath", str(tmp_path / "none"))
    commit(top, tmp_path, FAULTY)
    git(top, "config", "--unset", "core.hooksPath")
    git(top, "checkout", "-q", "master")
    git(top, "merge", "-q", "--no-ff", "--no-commit", "side")
    assert commit(top, tmp_path, FAULTY) == ""


@needs_git
def test_the_validate_hook_stops_a_faulty_patch_and_passes_a_cover_letter(tmp_path: Path) -> None:
    top = hook(tmp_path, "sendemail-validate")
    place = str(top / ".git" / "hooks" / "sendemail-validate")
    commit(top, tmp_path, FAULTY)
    git(top, "format-patch", "-q", "--cover-letter", "-1", "-o", str(tmp_path / "out"))
    cover, patch = sorted((tmp_path / "out").iterdir())

    def validate(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [place, str(path)],
            cwd=top,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )

    assert validate(cover).returncode == 0
    stopped = validate(patch)
    assert stopped.returncode == 1 and "barrier-comment" in stopped.stdout
