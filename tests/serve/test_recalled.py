"""Reports that are given again: only to the same question, and only where every answer they rest on is the same now."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from patchscan.context import NO_SETTINGS, Context, Settings
from patchscan.finding import Finding
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.serve.recalled import Memory
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.index.build import build_index
from patchscan.tree.index.wordsearch import files_with, shared_with

from tests.commands.test_cli import git

FILES = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n",
    "Kconfig": 'source "mm/Kconfig"\n',
    "mm/Kconfig": "config WALK\n\tbool\n",
    "mm/walk.c": "void walk(void)\n{\n}\n",
    "mm/other.c": "int other;\n",
    "include/linux/walk.h": "void walk(void);\n",
    "include/linux/other.h": "void other(void);\n",
    "net/core.c": "int nothing;\n",
    "net/README": "of no matter\n",
}
PATCH = """\
From: Ann <ann@example.org>
Subject: [PATCH] mm: walk{more}
Message-ID: <1@example.org>

Walk.

Signed-off-by: Ann <ann@example.org>
---
diff --git a/mm/walk.c b/mm/walk.c
--- a/mm/walk.c
+++ b/mm/walk.c
@@ -1,3 +1,4 @@
 void walk(void)
 {{
+	other();
 }}
--
2.49.0

"""


def rule(name: str, ask: Callable[[Context], object]) -> Rule:
    """A rule that says what it is answered."""

    def check(context: Context) -> Iterator[Finding]:
        yield Finding("mm/walk.c", 3, str(ask(context)))

    return Rule(name, "s", "w", "s", "info", "low", check, ("+\tx;",), ("+\ty;",))


def tree_of(context: Context) -> Tree:
    assert context.view.tree is not None
    return context.view.tree


RULES = {
    "reads": rule("reads", lambda context: context.view.read("mm/other.c")),
    "exists": rule("exists", lambda context: context.view.exists("mm/new.c")),
    "lists": rule("lists", lambda context: list(context.view.files("net", deep=False))),
    "words": rule("words", lambda context: files_with(tree_of(context), ["other"])),
    "shared": rule("shared", lambda context: shared_with(tree_of(context), ["other"])),
    "commit": rule("commit", lambda context: tree_of(context).commit),
}


def write(path: str, text: str) -> Callable[[Path], object]:
    def change(top: Path) -> None:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)

    return change


def keeping_times(path: str, text: str) -> Callable[[Path], object]:
    """Another text of the same length under the same time of modification."""

    def change(top: Path) -> None:
        before = (top / path).stat()
        assert len(text) == before.st_size
        (top / path).write_text(text)
        os.utime(top / path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


# What makes another answer of which rule.
CHANGES: list[tuple[str, Callable[[Path], object]]] = [
    ("reads", write("mm/other.c", "int another;\n")),
    ("reads", keeping_times("mm/other.c", "int ether;\n")),
    ("reads", lambda top: (top / "mm/other.c").unlink()),
    ("exists", write("mm/new.c", "")),
    ("lists", write("net/more.c", "int x;\n")),
    ("words", write("net/core.c", "int other;\n")),
    ("words", keeping_times("net/core.c", "int   other;\n")),
    ("words", write("net/new/new.c", "int other;\n")),
    ("words", lambda top: (top / "mm/other.c").rename(top / "net/other.c")),
    ("shared", write("include/linux/walk.h", "void other(void);\n")),
    ("shared", write("arch/arm/include/asm/other.h", "int other;\n")),
    ("commit", lambda top: git(top, "commit", "-q", "--allow-empty", "-m", "another")),
]


class Counting:
    """Judges, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(
        self, thread: Thread, tree: Tree | None, rules: Sequence[Rule], settings: Settings
    ) -> Report:
        self.times += 1
        return scan(thread, tree, rules, settings)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def memory(counting: Counting) -> Memory:
    return Memory(counting)


@pytest.fixture(params=["with an index", "without one"])
def kernel(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    for path, text in FILES.items():
        write(path, text)(top)
    git(top, "init", "-q")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "start")
    # Let files grow old enough for their times to be trusted.
    time.sleep(0.12)
    if request.param == "with an index":
        assert build_index(str(top)) == 0
    return top


def thread(more: str = "") -> Thread:
    return read_thread(*read_messages(PATCH.format(more=more).encode(), "mail"))


def said(
    memory: Memory, kernel: Path | None, *names: str, more: str = "", settings: Settings = NO_SETTINGS
) -> list[str]:
    rules = tuple(RULES[name] for name in names)
    tree = Directory(str(kernel)) if kernel else None
    return [each.message for each in memory.scan(thread(more), tree, rules, settings, rules).findings]


@pytest.mark.parametrize("name", RULES)
def test_the_same_is_judged_once(name: str, memory: Memory, counting: Counting, kernel: Path) -> None:
    assert said(memory, kernel, name) == said(memory, kernel, name) == said(memory, kernel, name)
    assert counting.times == 1


@pytest.mark.parametrize(("name", "change"), CHANGES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(CHANGES)])
def test_what_has_another_answer_is_judged_again(
    name: str, change: Callable[[Path], object], memory: Memory, counting: Counting, kernel: Path
) -> None:
    before = said(memory, kernel, name)
    change(kernel)
    after = said(memory, kernel, name)
    assert after == said(Memory(scan), kernel, name)
    assert (after != before, counting.times) == (True, 2)


def test_a_change_that_nobody_asked_of_is_none(memory: Memory, counting: Counting, kernel: Path) -> None:
    said(memory, kernel, "reads")
    write("net/README", "other\n")(kernel)
    assert said(memory, kernel, "reads")
    assert counting.times == 1


def test_a_file_edited_before_is_compared_by_what_it_is_now(
    memory: Memory, counting: Counting, kernel: Path
) -> None:
    write("net/core.c", "int other;\n")(kernel)
    time.sleep(0.12)
    before = said(memory, kernel, "words")
    assert said(memory, kernel, "words") == before
    assert counting.times == 1
    keeping_times("net/core.c", "int xther;\n")(kernel)
    assert said(memory, kernel, "words") != before


def test_what_changes_within_a_moment_is_not_remembered(
    memory: Memory, counting: Counting, kernel: Path
) -> None:
    write("net/core.c", "int other;\n")(kernel)
    said(memory, kernel, "words")
    said(memory, kernel, "words")
    assert counting.times == 2


def test_another_question_is_another(memory: Memory, counting: Counting, kernel: Path) -> None:
    said(memory, kernel, "reads")
    said(memory, kernel, "exists")
    said(memory, kernel, "exists", more="er")
    said(memory, None, "lists")
    said(memory, kernel, "exists", more="er", settings=Settings({}, time_limit=99.0))
    assert counting.times == 5


def test_the_environment_is_a_part_of_the_question(
    memory: Memory, counting: Counting, kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(memory, kernel, "reads")
    monkeypatch.setenv("PATCHSCAN_SOMETHING", "1")
    said(memory, kernel, "reads")
    assert counting.times == 2


def test_who_looks_elsewhere_is_not_remembered(
    memory: Memory, counting: Counting, kernel: Path, tmp_path: Path
) -> None:
    (tmp_path / "aside").write_text("1")
    aside = rule("aside", lambda context: (tmp_path / "aside").read_text())
    for text in ("1", "2"):
        (tmp_path / "aside").write_text(text)
        found = memory.scan(thread(), Directory(str(kernel)), (aside,), NO_SETTINGS, (aside,)).findings
        assert [each.message for each in found] == [text]


def test_what_failed_is_not_remembered(memory: Memory, counting: Counting, kernel: Path) -> None:
    broken = rule("broken", lambda context: 1 / 0)
    for _ in range(2):
        assert memory.scan(thread(), Directory(str(kernel)), (broken,), NO_SETTINGS, (broken,)).judged.lost
    assert counting.times == 2


def of_commit(memory: Memory, kernel: Path, name: str, commit: str = "HEAD") -> list[str]:
    rules = (RULES[name],)
    tree = GitRevision(str(kernel), commit)
    return [each.message for each in memory.scan(thread(), tree, rules, NO_SETTINGS, rules).findings]


@pytest.mark.parametrize("name", sorted(set(RULES) - {"commit"}))
def test_a_commit_is_judged_once(name: str, memory: Memory, counting: Counting, kernel: Path) -> None:
    before = of_commit(memory, kernel, name)
    for path in ("mm/other.c", "net/core.c", "include/linux/walk.h"):
        write(path, "int other_than_committed;\n")(kernel)
    assert of_commit(memory, kernel, name) == before == of_commit(Memory(scan), kernel, name)
    assert counting.times == 1
    git(kernel, "commit", "-q", "-a", "-m", "another")
    of_commit(memory, kernel, name)
    assert counting.times == 2


def test_what_a_history_may_get_is_asked_again(memory: Memory, counting: Counting, kernel: Path) -> None:
    def run(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(kernel), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    git(kernel, "commit", "-q", "--allow-empty", "-m", "gone for now")
    missing = run("rev-parse", "HEAD")
    place = kernel / ".git/objects" / missing[:2] / missing[2:]
    git(kernel, "reset", "-q", "--soft", "HEAD^")
    aside = place.rename(kernel.parent / "aside")
    subject = rule("subject", lambda context: tree_of(context).subject(missing))
    head = run("rev-parse", "HEAD")

    def told() -> list[str]:
        tree = GitRevision(str(kernel), head)
        found = memory.scan(thread(), tree, (subject,), NO_SETTINGS, (subject,)).findings
        return [each.message for each in found]

    before = told()
    assert told() == before
    assert counting.times == 1
    aside.rename(place)
    assert (told() != before, counting.times) == (True, 2)


def test_not_all_is_remembered_for_ever(
    memory: Memory, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    from patchscan.serve import recalled as module

    monkeypatch.setattr(module, "MOST", 2)
    for more in ("a", "b", "c"):
        memory.scan(thread(more), None, (), NO_SETTINGS, ())
    assert len(memory.kept) == 2
    memory.scan(thread("c"), None, (), NO_SETTINGS, ())
    assert counting.times == 3
    memory.scan(thread("a"), None, (), NO_SETTINGS, ())
    assert counting.times == 4
