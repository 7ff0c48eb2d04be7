"""The fixes as fixup! commits: git takes them, folds them in, and the findings go."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.commands.reading import read
from patchscan.context import NO_SETTINGS
from patchscan.finding import Edit
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.report.render import documents
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.fixes import Change, Island, place
from patchscan.settling.registry import load_rules
from patchscan.testing import MemoryTree, read_example
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


TWICE = """
>>> tree drivers/misc/Makefile
obj-y += clock.o
>>> tree include/linux/string_choices.h
static inline const char *str_true_false(bool v)
{
	return v ? "true" : "false";
}
static inline const char *str_enable_disable(bool v)
{
	return v ? "enable" : "disable";
}
>>> patch misc: clock: say what is done
Say what is done.
>>> file drivers/misc/clock.c
+#include <linux/device.h>
+#include <linux/module.h>
+
+static void begin(struct device *dev, bool on)
+{
+	dev_info(dev, "%s at first\\n", on ? "enable" : "disable");
+}
+
+static void end(struct device *dev, bool on)
+{
+	dev_info(dev, "%s at last\\n", on ? "enable" : "disable");
+}
"""


def test_a_line_that_several_fixes_need_is_added_once() -> None:
    series, files = read_example(TWICE)[:2]
    rules = tuple(rule for rule in load_rules()[0] if rule.name == "string-choice")
    report = scan(Thread((series,), (), ()), MemoryTree("6.12", files or {}), rules, NO_SETTINGS)
    assert len(report.findings) == 2 and all(each.fix for each in report.findings)
    ((_, text),) = documents(report, "fixups")
    assert text.count("+#include <linux/string_choices.h>") == 1 and "not here" not in text
    assert text.count("str_enable_disable(on)") == 2


def test_a_line_that_is_there_already_needs_no_change() -> None:
    edit = Edit("mm/a.c", 2, (), ("b",), above=("a",), below=("c",))
    assert place(edit, [Island(1, ("a", "b", "c"))], {}, 1) == (0, [])
    assert place(edit, [Island(1, ("a", "c"))], {}, 1) == (0, [Change(1, (), ("b",))])
    assert place(edit, [Island(1, ("a", "d"))], {}, 1) is None
