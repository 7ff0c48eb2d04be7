"""The fixes as fixup! commits: git takes them, folds them in, and the findings go."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.commands.reading import read
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.report.render import documents
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import open_tree

ROOT = Path(__file__).parents[2]
PERSON = {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}


def git(directory: Path, *words: str) -> str:
    environment = {**os.environ, **PERSON, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
    environment |= {
        "GIT_SEQUENCE_EDITOR": "true",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    run = subprocess.run(["git", *words], cwd=directory, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.parametrize("name", ["housekeeping", "targeted-ipi", "driver-concurrency"])
def test_git_folds_them_into_their_patches(name: str, tmp_path: Path) -> None:
    series = ROOT / "fixtures" / "series" / name / "series.mbox"
    rules = load_rules()[0]
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "fixtures" / "tree", tree)
    git(tree, "init", "-q")
    git(tree, "add", "-A", "-f")
    git(tree, "commit", "-q", "-m", "base")
    report = scan(read([str(series)], None), open_tree(str(tree)), rules)
    assert report.series is not None
    made = documents(report, "fixups")
    fixable = {each.fingerprint for each in report.findings if each.fix and each.counts}
    assert bool(made) == bool(fixable)
    git(tree, "am", "-q", "--empty=drop", str(series))
    before = int(git(tree, "rev-list", "--count", "HEAD"))
    for file, text in made:
        (tmp_path / file).write_text(text)
        git(tree, "am", "-q", str(tmp_path / file))
    git(tree, "rebase", "-q", "-i", "--autosquash", "--root")
    assert int(git(tree, "rev-list", "--count", "HEAD")) == before
    assert "fixup!" not in git(tree, "log", "--format=%s")
    again = git(tree, "format-patch", "--stdout", f"HEAD~{before - 1}")
    base = open_tree(str(tree), f"HEAD~{before - 1}")
    left = scan(read_thread(*read_messages(again.encode(), "again")), base, rules)
    known = {each.fingerprint for each in left.findings if each.fix and each.counts}
    assert not fixable & known


def test_author_and_date_are_those_of_the_patch(capsys: pytest.CaptureFixture[str]) -> None:
    series = str(ROOT / "fixtures" / "series" / "housekeeping" / "series.mbox")
    main([series, "--no-tree", "--format", "fixups", "--exit-zero"])
    text = capsys.readouterr().out
    thread = read([series], None)
    fixed = [each for each in thread.series[0].patches if f"Subject: [PATCH] fixup! {each.title}\n" in text]
    assert fixed and all(f"Date: {each.date}\n" in text for each in fixed)
    assert all(f"From: {each.author}\n" in text for each in fixed)
