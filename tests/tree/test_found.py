"""The base of a series in a git tree: the verdict and the findings are the same however the series is named."""

import os
import subprocess
from pathlib import Path

import pytest
from patchscan.basics.record import replace
from patchscan.mail.gitrange import read_range
from patchscan.mail.thread import read_thread
from patchscan.series import Series
from patchscan.tree import Directory, GitRevision
from patchscan.tree.fit import place
from patchscan.tree.found import base_tree

LINES = [f"int line_{number};" for number in range(1, 31)]
ENVIRONMENT = {
    **os.environ,
    **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(directory: Path, *arguments: str) -> str:
    """What git prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=ENVIRONMENT, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


def commit(directory: Path, title: str, **files: str) -> str:
    """A commit of files; a double underscore stands for the slash."""
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_c", ".c")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", title)
    return git(directory, "rev-parse", "HEAD")


def text(*changes: tuple[int, str]) -> str:
    """The lines with some replaced."""
    lines = list(LINES)
    for at, new in changes:
        lines[at] = new
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, list[str]]:
    """A tree with a base, two patches and a later commit."""
    git(tmp_path, "init", "-q")
    makefile = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n"
    commits = [commit(tmp_path, "base", mm__a_c=text(), Makefile=makefile, Kconfig="")]
    commits.append(commit(tmp_path, "mm: one", mm__a_c=text((5, "int one;"))))
    commits.append(commit(tmp_path, "mm: two", mm__a_c=text((5, "int one;"), (20, "int two;"))))
    return tmp_path, commits


def series_of(directory: Path, revisions: str) -> Series:
    """The series of a range."""
    return read_thread(*read_range(revisions, str(directory))).series[0]


def test_head_holds_the_series(history: tuple[Path, list[str]]) -> None:
    directory, commits = history
    series = series_of(directory, "HEAD~2..")
    found = base_tree(series, Directory(str(directory)))
    assert found is not None and found.commit == commits[0]
    states, fit = place(series, found)
    assert fit.verdict == "base" and states[0].files[0].before == text().encode()


def test_the_named_base_is_taken(history: tuple[Path, list[str]]) -> None:
    """The tree has gone on; the series is not in it by its titles."""
    directory, commits = history
    series = series_of(directory, "HEAD~2..")
    renamed = tuple(replace(patch, title=f"other {patch.title}") for patch in series.patches)
    named = replace(series, base_commit=commits[0], patches=renamed)
    found = base_tree(named, Directory(str(directory)))
    assert found is not None and found.commit == commits[0]
    assert place(named, found)[1].verdict == "base"


def test_head_is_the_base(history: tuple[Path, list[str]]) -> None:
    directory, commits = history
    series = series_of(directory, "HEAD~2..")
    git(directory, "checkout", "-q", commits[0])
    tree = Directory(str(directory))
    assert base_tree(series, tree) is tree
    assert base_tree(replace(series, base_commit=commits[0]), tree) is tree


def test_patches_that_are_needed_first(history: tuple[Path, list[str]]) -> None:
    """format-patch --base of the second patch: the base-commit is below the first one, which is a prerequisite."""
    directory, commits = history
    series = replace(
        series_of(directory, "HEAD~1.."), base_commit=commits[0], prerequisites=("prerequisite-patch-id: 1",)
    )
    found = base_tree(series, Directory(str(directory)))
    assert found is not None and found.commit == commits[1]
    assert place(series, found)[1].verdict == "base"


def test_a_series_for_another_tree(history: tuple[Path, list[str]]) -> None:
    """Nothing in the history fits: the directory stays, and the verdict says so."""
    directory, _ = history
    series = series_of(directory, "HEAD~1..")
    git(directory, "checkout", "-q", "--orphan", "strange")
    commit(directory, "strange", mm__a_c=text(*((at, f"char {at};") for at in range(30))))
    tree = Directory(str(directory))
    assert base_tree(replace(series, base_commit="1" * 40), tree) is tree
    assert place(series, tree)[1].verdict == "elsewhere"


def test_a_revision_that_was_asked_for_stays(history: tuple[Path, list[str]]) -> None:
    directory, commits = history
    revision = GitRevision(str(directory), commits[2])
    assert base_tree(series_of(directory, "HEAD~2.."), revision) is revision
