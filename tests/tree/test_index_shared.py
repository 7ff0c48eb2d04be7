"""For what only shared headers hold, only they are compared with the index, and nothing that changed is missed."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patchscan.tree import Directory
from patchscan.tree.index import comparison, wordsearch
from patchscan.tree.index import lookup as index
from patchscan.tree.index.build import build_index
from patchscan.tree.index.lookup import look_up, look_up_shared, open_index
from patchscan.tree.index.search import holding, is_shared

FILES = {
    "include/linux/walk.h": "void walk(void);\n",
    "include/linux/other.h": "void other(void);\n",
    "arch/arm/include/asm/walk.h": "#define walk() do { } while (0)\n",
    "mm/walk.c": "void walk(void)\n{\n}\n",
    "mm/internal.h": "void other(void);\n",
    "net/core/core.c": "int nothing;\n",
    "net/core/core.h": "int walk;\n",
}
WORDS = ["walk", "other", "nothing"]


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    for path, text in FILES.items():
        written(top, path, text)
    # Let files grow old enough for their times to be trusted.
    time.sleep(0.12)
    assert build_index(str(top)) == 0
    return top


def written(kernel: Path, path: str, text: str) -> None:
    (kernel / path).parent.mkdir(parents=True, exist_ok=True)
    (kernel / path).write_text(text)


def touched(kernel: Path) -> None:
    for path in kernel.rglob("*.[ch]"):
        path.chmod(0o600)
    written(kernel, "mm/more.c", "int other;\n")
    time.sleep(0.12)


def linked(kernel: Path) -> None:
    shutil.move(kernel / "include/linux", kernel / "include/moved")
    (kernel / "include/linux").symlink_to("moved")


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda kernel: None,
    "edited": lambda kernel: written(kernel, "include/linux/other.h", "int walk;\n"),
    "edited elsewhere": lambda kernel: written(kernel, "mm/walk.c", "int nothing;\n"),
    "private header": lambda kernel: written(kernel, "mm/internal.h", "int nothing;\n"),
    "new": lambda kernel: written(kernel, "include/linux/new.h", "int walk;\n"),
    "new directory": lambda kernel: written(kernel, "include/net/deep/new.h", "int walk;\n"),
    "new include": lambda kernel: written(kernel, "net/core/include/new.h", "int walk;\n"),
    "new at the top": lambda kernel: written(kernel, "sound/include/new.h", "int walk;\n"),
    "new elsewhere": lambda kernel: written(kernel, "net/core/new.c", "int walk;\n"),
    "gone": lambda kernel: (kernel / "include/linux/walk.h").unlink(),
    "directory gone": lambda kernel: shutil.rmtree(kernel / "arch/arm/include"),
    "directory gone above": lambda kernel: shutil.rmtree(kernel / "arch"),
    "link": linked,
    "times": touched,
}


def of_shared(tree: Directory) -> dict[str, tuple[str, ...]]:
    """What reading the tree gives."""
    return {word: tuple(filter(is_shared, paths)) for word, paths in holding(tree, WORDS).items()}


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_index_says_is_what_reading_says(kernel: Path, change: str) -> None:
    CHANGES[change](kernel)
    tree = Directory(str(kernel))
    for _ in range(2):
        index.open_index.cache_clear()
        assert look_up_shared(tree, WORDS) == of_shared(tree)
        assert look_up(tree, WORDS) == holding(tree, WORDS)
    index.open_index.cache_clear()
    assert look_up(tree, WORDS) == holding(tree, WORDS)
    assert look_up_shared(tree, WORDS) == of_shared(tree)


def test_shared_directories_are_those_of_the_name() -> None:
    shared = [
        path
        for path in (*FILES, "net/core/include/x.h", "mm/include.h", "net/myinclude/x.h")
        if is_shared(path)
    ]
    assert shared == [
        "include/linux/walk.h",
        "include/linux/other.h",
        "arch/arm/include/asm/walk.h",
        "net/core/include/x.h",
    ]


def test_other_files_are_not_looked_at(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: set[bytes] = set()
    real = comparison._numbers

    def counted(place: bytes, names: bytes) -> list[int]:
        looked_at.update(
            os.path.relpath(os.path.join(place, name), os.fsencode(kernel))
            for name in names.split(b"/")
            if name
        )
        return real(place, names)

    monkeypatch.setattr(comparison, "_numbers", counted)
    tree = Directory(str(kernel))
    shared = {os.fsencode(path) for path in FILES if is_shared(path)}
    assert wordsearch.shared_with(tree, ["walk"])["walk"] == (
        "arch/arm/include/asm/walk.h",
        "include/linux/walk.h",
    )
    assert looked_at == shared
    looked_at.clear()
    assert "mm/walk.c" in wordsearch.files_with(tree, ["walk"])["walk"]
    assert looked_at == {os.fsencode(path) for path in FILES} - shared
    looked_at.clear()
    index.open_index.cache_clear()
    opened = open_index(tree)
    assert opened and opened.holding(["walk"]) and opened.sharing(["walk"])
    assert looked_at == {os.fsencode(path) for path in FILES}


def test_what_is_coming_is_looked_for_with_the_first(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    real = index.look_up_shared

    def asked_too(tree: Directory, words: list[str]) -> object:
        asked.append(words)
        return real(tree, words)

    monkeypatch.setattr(index, "look_up_shared", asked_too)
    tree = Directory(str(kernel))
    wordsearch.look_ahead(tree, ["other", "walk"])
    assert asked == []
    assert wordsearch.shared_with(tree, ["walk"])["walk"]
    assert wordsearch.shared_with(tree, ["other"])["other"] == ("include/linux/other.h",)
    assert asked == [["walk", "other"]]


def test_without_an_index_the_tree_is_read(kernel: Path) -> None:
    shutil.rmtree(kernel.parent / "cache")
    index.open_index.cache_clear()
    tree = Directory(str(kernel))
    assert wordsearch.shared_with(tree, WORDS) == of_shared(tree)


def test_without_an_index_what_is_coming_is_read_with_the_first(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(kernel.parent / "cache")
    index.open_index.cache_clear()
    read: list[list[str]] = []

    def read_too(tree: Directory, words: list[str]) -> object:
        read.append(words)
        return holding(tree, words)

    monkeypatch.setattr(wordsearch, "holding", read_too)
    tree = Directory(str(kernel))
    wordsearch.look_ahead(tree, ["other", "walk"])
    assert wordsearch.files_with(tree, ["nothing"])["nothing"] == ("net/core/core.c",)
    assert wordsearch.shared_with(tree, ["walk"])["walk"] == of_shared(tree)["walk"]
    assert read == [["nothing", "other", "walk"]]
