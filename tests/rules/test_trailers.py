"""The trailers rule against the history of a git tree."""

import subprocess
from pathlib import Path

import pytest
from patchscan.context import Settings
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import read_example
from patchscan.tree import GitRevision, Tree, open_tree

RULE = next(rule for rule in load_rules()[0] if rule.name == "trailers")
EXAMPLE = """
>>> patch mm: repair the walk
The walk ends early.

Fixes: {commit} ("{subject}")
Signed-off-by: A Developer <developer@example.org>
>>> file mm/other.c
+int x;
"""


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(directory), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A repository of one commit."""
    (tmp_path / "Makefile").write_text("VERSION = 6\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "mm: walk all entries")
    return tmp_path


def remarks(tree: Tree | None, commit: str, subject: str) -> list[tuple[int, str]]:
    series = read_example(EXAMPLE.format(commit=commit, subject=subject))[0]
    report = scan(Thread((series,), (), ()), tree, (RULE,), Settings({}))
    assert report.problems == ()
    return [(finding.line, finding.message) for finding in report.findings]


def test_subject_of_another_commit(history: Path) -> None:
    commit = git(history, "rev-parse", "HEAD")[:12]
    for tree in (open_tree(str(history)), GitRevision(str(history), "HEAD")):
        assert remarks(tree, commit, "mm: walk all entries") == []
        ((line, message),) = remarks(tree, commit, "mm: walk some entries")
        assert line == 3 and f'the subject of {commit} is "mm: walk all entries"' in message


def test_commit_that_the_history_lacks(history: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert remarks(open_tree(str(history)), "0123456789ab", "mm: walk") == []
    plain = tmp_path_factory.mktemp("plain")
    assert remarks(open_tree(str(plain)), git(history, "rev-parse", "HEAD")[:12], "mm: walk") == []
    assert remarks(None, "0123456789ab", "mm: walk") == []


def test_only_a_commit_name_reaches_git(history: Path) -> None:
    tree = open_tree(str(history))
    for name in ("--output=x", "HEAD", "0123456789ab^{/x}", "; id", "", "123"):
        assert tree.subject(name) is None
    assert not (history / "x").exists()
