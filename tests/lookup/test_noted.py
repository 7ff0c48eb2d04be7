"""Where headers lead is taken again from one run to the next only as long as it is so still."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patchscan.facts.bymark import by_mark
from patchscan.facts.store import store_of
from patchscan.lookup import edges
from patchscan.lookup.edges import Edges, Place
from patchscan.tree import Directory
from patchscan.tree.index.build import build_index
from patchscan.tree.overlay import View

WALK = "include/linux/walk.h"
TEXT = """\
#include <linux/step.h>
#ifdef CONFIG_FAR
#include <linux/far.h>
#endif
#include <generated/made.h>
"""


def written(tree: Path, path: str, text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    written(top, "Makefile", "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION =\nNAME = Made\n")
    written(top, WALK, TEXT)
    written(top, "include/linux/step.h", "int step;\n")
    written(top, "include/linux/far.h", "int far;\n")
    written(top, "arch/x86/include/asm/page.h", "int page;\n")
    # Let files grow old enough for their times to be trusted.
    time.sleep(0.12)
    assert build_index(str(top)) == 0
    return top


def next_run() -> None:
    """What a process does at its end, and another begins with."""
    for clear in (by_mark.cache_clear, store_of.cache_clear):
        clear()


def led(kernel: Path) -> Edges:
    """Where the header leads for a file of the tree; what is kept is written."""
    tree = Directory(str(kernel))
    found = Place(View(tree, {}), "mm/walk.c", "x86").edges(WALK)
    store_of(tree).end()
    next_run()
    return found


def test_a_header_that_is_as_it_was_is_not_read(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = led(kernel)
    assert [(each.path, each.when is None) for each in first.found] == [
        ("include/linux/step.h", True),
        ("include/linux/far.h", False),
    ]

    def read(*_: object) -> None:
        raise AssertionError("the header was read")

    monkeypatch.setattr(edges, "_includes_of", read)
    assert led(kernel) == first


def linked(kernel: Path) -> None:
    (kernel / "include/linux/step.h").unlink()
    (kernel / "include/linux/step.h").symlink_to("far.h")


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "another line": (
        lambda kernel: written(kernel, WALK, TEXT.replace("step", "farr")),
        ["include/linux/far.h"],
    ),
    "gone": (lambda kernel: (kernel / "include/linux/step.h").unlink(), ["include/linux/far.h"]),
    "before it on the way": (
        lambda kernel: written(kernel, "arch/x86/include/linux/step.h", "int other;\n"),
        ["arch/x86/include/linux/step.h", "include/linux/far.h"],
    ),
    "made by a build": (
        lambda kernel: written(kernel, "include/generated/made.h", "int made;\n"),
        ["include/linux/step.h", "include/linux/far.h", "include/generated/made.h"],
    ),
    "a link": (linked, ["include/linux/far.h", "include/linux/step.h"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_is_found_out(kernel: Path, change: str) -> None:
    led(kernel)
    CHANGES[change][0](kernel)
    found = led(kernel)
    assert sorted(each.path for each in found.found) == sorted(CHANGES[change][1])
    assert led(kernel) == found


def test_of_what_stands_behind_links_nothing_is_kept(kernel: Path, tmp_path: Path) -> None:
    written(kernel, "other/made.h", "int made;\n")
    (kernel / "include/generated").symlink_to(kernel / "other")
    led(kernel)
    (kernel / "other/made.h").rename(kernel / "other/none.h")
    assert all(each.path != "include/generated/made.h" for each in led(kernel).found)


def test_a_header_that_changed_just_before_is_not_kept(kernel: Path) -> None:
    written(kernel, WALK, "#include <linux/far.h>\n")
    assert led(kernel).found[0].path == "include/linux/far.h"
    kept = by_mark(Directory(str(kernel)), *_arguments(kernel))
    assert kept is not None and kept.get(WALK) is None
    time.sleep(0.12)
    next_run()
    led(kernel)
    kept = by_mark(Directory(str(kernel)), *_arguments(kernel))
    assert kept is not None and kept.get(WALK) is not None


def _arguments(kernel: Path) -> tuple[str, ...]:
    from patchscan.lookup.noted import Noted

    noted = Noted(Directory(str(kernel)), edges.__file__)
    return noted.asked_of("x86")
