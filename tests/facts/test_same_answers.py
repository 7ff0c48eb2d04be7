"""A report is the same to the byte whatever is cached: no index, part of one, a stale, a damaged or a full one."""

import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from patchscan.commands.reading import read
from patchscan.lookup.uses import find_uses
from patchscan.report.render import render
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import Directory, Tree, open_tree
from patchscan.tree.index import needles, wordsearch
from patchscan.tree.index.build import build_index
from patchscan.tree.index.location import SEAL, index_directory
from patchscan.tree.index.lookup import look_up
from patchscan.tree.index.search import all_sources, holding
from patchscan.tree.overlay import View

from tests.mails import DIFF, mail, mbox

KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
SHARED = os.environ.get("PATCHSCAN_SHARED", "")
FIXTURES = Path(__file__).parents[2] / "fixtures"
LETTER = "Count them.\n\nSigned-off-by: A Person <a@example.org>\n---\n"
FILES = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION =\nobj-y += mm/ lib/\n",
    "Kconfig": 'source "lib/Kconfig"\n',
    "lib/Kconfig": "config COUNTERS\n\tbool\n\nconfig WIDE\n\tbool\n\tselect COUNTERS\n",
    "lib/Makefile": "obj-$(CONFIG_COUNTERS) += counters.o\n",
    "lib/counters.c": "#include <linux/counters.h>\nint count_once(void)\n{\n\treturn 1;\n}\n",
    "include/linux/counters.h": "int count_once(void);\n",
    "mm/Makefile": "obj-y += widget.o\n",
    "mm/widget.c": "static int widgets;\nint widget_count(void)\n{\n\tint count;\n\n\tcount = widgets;\n"
    "\treturn count;\n}\n",
}
CALLING = DIFF.replace("@@ -10,4 +10,5 @@", "@@ -4,4 +4,5 @@").replace(
    "\tcount++;", "\tcount += count_once();"
)
RULES = tuple(rule for rule in load_rules()[0] if rule.default)
MOST_CORPORA = 20


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for path, text in FILES.items():
        (tmp_path / "linux" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "linux" / path).write_text(text)
    (tmp_path / "series.mbox").write_bytes(mbox(mail("[PATCH] mm: count", LETTER + CALLING)))
    settle()
    return tmp_path / "linux"


def settle() -> None:
    """Let files grow old enough for their times to be trusted."""
    time.sleep(0.12)


def report(box: Path, tree: Tree) -> str:
    """The JSON of a series."""
    return render(scan(read([str(box)], None), tree, RULES), "json")


def nothing(kernel: Path) -> None:
    """There is no index."""


def whole(kernel: Path) -> None:
    build_index(str(kernel))


def unsealed(kernel: Path) -> None:
    build_index(str(kernel))
    os.unlink(os.path.join(index_directory(Directory(str(kernel))), SEAL))


def damaged(kernel: Path) -> None:
    build_index(str(kernel))
    path = Path(index_directory(Directory(str(kernel))), "words-0.sqlite")
    before = path.stat()
    path.write_bytes(b"\xa5" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def stale(kernel: Path) -> None:
    """What the series calls came into the tree, and what brings it, after the index was made."""
    late = ("lib/Kconfig", "lib/counters.c", "include/linux/counters.h")
    for path in late:
        (kernel / path).write_text("\n")
    settle()
    build_index(str(kernel))
    for path in late:
        (kernel / path).write_text(FILES[path])
    settle()


def other_times(kernel: Path) -> None:
    build_index(str(kernel))
    for path in FILES:
        os.chmod(kernel / path, 0o600)
    settle()


STATES = (nothing, whole, unsealed, damaged, stale, other_times)


@pytest.mark.parametrize("state", STATES)
def test_a_report_does_not_depend_on_the_index(
    kernel: Path, state: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    box = kernel.parent / "series.mbox"
    by_reading = report(box, Directory(str(kernel)))
    assert "undeclared-name" in by_reading and "undefined-reference" in by_reading
    state(kernel)
    assert report(box, Directory(str(kernel))) == by_reading


@pytest.mark.parametrize("name", ["sync-under-lock", "export-with-user", "config-coverage", "housekeeping"])
def test_fixtures_are_judged_alike(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(FIXTURES / "tree", tmp_path / "linux")
    (box,) = (FIXTURES / "series" / name).glob("*.mbox")
    settle()
    by_reading = report(box, Directory(str(tmp_path / "linux")))
    build_index(str(tmp_path / "linux"))
    assert report(box, Directory(str(tmp_path / "linux"))) == by_reading


def test_an_index_is_made_where_reading_gets_dear(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    by_reading = report(kernel.parent / "series.mbox", Directory(str(kernel)))
    monkeypatch.setattr(wordsearch, "_MOST_SPENT", 0.0)
    capfd.readouterr()
    assert report(kernel.parent / "series.mbox", Directory(str(kernel))) == by_reading
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.partition(":")[0] for line in err.splitlines()] == ["patchscan"]
    assert "indexing" in err and index_directory(Directory(str(kernel))) in err
    assert look_up(Directory(str(kernel)), ["count_once"]) == {
        "count_once": ("include/linux/counters.h", "lib/counters.c")
    }


def test_where_no_index_can_be_made_the_answers_are_the_same(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    by_reading = report(kernel.parent / "series.mbox", Directory(str(kernel)))
    monkeypatch.setattr(wordsearch, "_MOST_SPENT", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    capfd.readouterr()
    assert report(kernel.parent / "series.mbox", Directory(str(kernel))) == by_reading
    assert capfd.readouterr().err.count("\n") == 1


def test_what_is_no_kernel_tree_is_not_indexed(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (kernel / "Makefile").unlink()
    monkeypatch.setattr(wordsearch, "_MOST_SPENT", 0.0)
    tree = Directory(str(kernel))
    assert {use.path for use in find_uses(View(tree, {}), "count_once").uses} == {
        "include/linux/counters.h",
        "lib/counters.c",
    }
    assert not Path(index_directory(tree)).exists()


def test_names_are_looked_for_together(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pass over the tree costs about the same, for however many words."""
    asked: list[Sequence[str]] = []

    def counted(tree: Tree, words: Sequence[str]) -> object:
        asked.append(words)
        return holding(tree, words)

    monkeypatch.setattr(wordsearch, "holding", counted)
    tree = Directory(str(kernel))
    wordsearch.expect(tree, lambda: ["count_once", "widget_count"])
    assert wordsearch.files_with(tree, ["widgets"]) == {"widgets": ("mm/widget.c",)}
    assert wordsearch.files_with(tree, ["count_once"])["count_once"]
    assert asked == [["count_once", "widget_count", "widgets"]]


def test_a_scan_reads_a_tree_once_for_the_names_of_its_functions(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []

    def counted(tree: Tree, words: Sequence[str]) -> object:
        asked.append(words)
        return holding(tree, words)

    monkeypatch.setattr(wordsearch, "holding", counted)
    report(kernel.parent / "series.mbox", Directory(str(kernel)))
    assert len(asked) == 1
    assert {"count_once", "widget_count"} <= set(asked[0])


WORD_TEXTS = (
    b"shared",
    b"SHARED",
    b"a->shared=1;",
    b"unshared shared_more _shared shared1",
    b"$shared",
    b"caf\xc3\xa9shared",
    b"shared\xff",
    b"\xff shared",
    b"x\0shared",
    b"unshared; shared",
    b"sharedshared shared",
    b"#define shared\\\r\n",
)


NO_WORDS = ("", "a->shared", "x shared", "share.", "$shared", "a\0b")


@pytest.mark.parametrize("has_library", [True, False])
def test_what_a_word_is_an_index_and_a_reader_say_alike(tmp_path: Path, has_library: bool) -> None:
    for number, text in enumerate(WORD_TEXTS):
        (tmp_path / f"{number:02}.c").write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        settle()
        build_index(str(tmp_path))
        patch.setattr(needles, "_HANDFUL", 0)
        if not has_library:
            patch.setitem(sys.modules, "hyperscan", None)
        words = [
            "shared",
            "Shared",
            "never",
            "shared_",
            "more",
            "x",
            *(f"word{number}" for number in range(40)),
        ]
        tree = Directory(str(tmp_path))
        found = holding(tree, words)
        assert look_up(tree, words) == found
        # What is none stands nowhere, and the others are found beside it.
        assert holding(tree, [*words, *NO_WORDS]) == {**found, **dict.fromkeys(NO_WORDS, ())}
    assert found["shared"] == tuple(f"{number:02}.c" for number in (0, 1, 2, 4, 7, 8, 9, 10, 11))


@pytest.mark.slow
@pytest.mark.skipif(not (KERNEL and SHARED), reason="needs a kernel tree, and real mail")
def test_twenty_corpora_are_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree must have an index; beside it the same tree is read as if there were none, nor could be."""
    boxes = sorted(Path(SHARED, "corpus", "ordinary").glob("*.mbox"))
    some = random.Random(16).sample(boxes, MOST_CORPORA)
    assert look_up(open_tree(KERNEL), ["kfree"]) is not None
    by_index = [report(box, open_tree(KERNEL)) for box in some]
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    for box, expected in zip(some, by_index, strict=True):
        assert report(box, open_tree(KERNEL)) == expected, box


@pytest.mark.slow
@pytest.mark.skipif(not KERNEL, reason="needs a kernel tree")
def test_thirty_words_of_a_real_tree() -> None:
    tree = open_tree(KERNEL)
    paths = random.Random(16).sample(all_sources(tree), 30)
    words = [word for path in paths for word in (tree.read(path) or b"").split()[-40:]]
    names = sorted({word.decode() for word in words if word.decode("latin-1").isidentifier()})[:30]
    assert look_up(tree, names) == holding(tree, names)
