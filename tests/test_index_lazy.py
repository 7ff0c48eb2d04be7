"""The index is compared with the tree only for a claim on all files, and then nothing that changed is missed."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patchscan.tree import Directory, index, uses
from patchscan.tree.implied import implied
from patchscan.tree.index import KCONFIG_FILES, look_up, look_up_in, open_index
from patchscan.tree.indexer import build_index
from patchscan.tree.kconfig import config_symbol, config_symbols, whole_symbol
from patchscan.tree.overlay import View
from patchscan.tree.search import holding

FILES = {
    "include/linux/shared.h": "void shared(void);\n",
    "mm/shared.c": "void shared(void)\n{\n}\nstatic int quiet;\n",
    "mm/user.c": "int user(void)\n{\n\tshared();\n}\n",
    "mm/Kconfig": "config SHARED\n\tbool\nconfig USER\n\tbool\n\tselect SHARED\n",
    "net/other.c": "int nothing;\n",
    "net/sub/more.c": "int more;\n",
    "net/Kconfig": "config NET_SHARED\n\ttristate\n",
}


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    for path, text in FILES.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    # Let files grow old enough for their times to be trusted.
    time.sleep(0.12)
    assert build_index(str(top)) == 0
    return top


def refuse(*_: object) -> frozenset[str]:
    raise AssertionError("compared with the tree")


def users(kernel: Path, whole: bool = True) -> set[str]:
    found = uses.find_uses(View(Directory(str(kernel)), {}), "shared", whole)
    assert found.complete == whole
    return {use.path for use in found.of_kind("call")}


def test_an_example_needs_no_comparison(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_stale_in_directory", refuse)
    assert users(kernel, whole=False) == {"mm/user.c"}
    uses.look_ahead(View(Directory(str(kernel)), {}), ["shared", "user"])
    symbol = config_symbol(Directory(str(kernel)), "SHARED", "drivers/misc")
    assert symbol and symbol.kind == "bool"


def test_a_file_is_read_for_an_example(kernel: Path) -> None:
    """What the index says is not believed: the file shows whether it still uses the symbol."""
    (kernel / "mm/user.c").write_text("int user;\n")
    assert users(kernel, whole=False) == set()


def edited(kernel: Path) -> None:
    with open(kernel / "net/other.c", "a") as stream:
        stream.write("int other(void)\n{\n\tshared();\n}\n")


def edited_without_a_new_size_or_time(kernel: Path) -> None:
    path = kernel / "net/other.c"
    path.write_text("int other(void) { shared(); }\n")
    build_index(str(kernel))
    before = path.stat()
    path.write_text("int other(void) { nobody(); }\n")
    time.sleep(0.12)
    build_index(str(kernel))
    path.write_text("int other(void) { shared(); }\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(kernel: Path) -> None:
    edited(kernel)
    content = (kernel / "net/other.c").read_bytes()
    (kernel / "net/other.new").write_bytes(content)
    os.rename(kernel / "net/other.new", kernel / "net/other.c")


def created(kernel: Path) -> None:
    (kernel / "net/new.c").write_text("int other(void)\n{\n\tshared();\n}\n")


def created_below(kernel: Path) -> None:
    (kernel / "net/sub/a/b").mkdir(parents=True)
    (kernel / "net/sub/a/b/new.h").write_text("int other(void)\n{\n\tshared();\n}\n")


def directory_renamed(kernel: Path) -> None:
    os.rename(kernel / "mm", kernel / "memory")


def directory_swapped(kernel: Path) -> None:
    os.rename(kernel / "mm", kernel / "old")
    os.rename(kernel / "net", kernel / "mm")
    os.rename(kernel / "old", kernel / "net")


def removed(kernel: Path) -> None:
    (kernel / "mm/user.c").unlink()


AFTER = {
    edited: {"mm/user.c", "net/other.c"},
    edited_without_a_new_size_or_time: {"mm/user.c", "net/other.c"},
    replaced: {"mm/user.c", "net/other.c"},
    created: {"mm/user.c", "net/new.c"},
    created_below: {"mm/user.c", "net/sub/a/b/new.h"},
    directory_renamed: {"memory/user.c"},
    directory_swapped: {"net/user.c"},
    removed: set(),
}


@pytest.mark.parametrize("change", AFTER)
def test_a_claim_on_all_files_sees_every_change(kernel: Path, change: Callable[[Path], None]) -> None:
    change(kernel)
    assert users(kernel) == AFTER[change]


@pytest.mark.parametrize("change", AFTER)
def test_a_claim_after_an_example_sees_what_changed_between(
    kernel: Path, change: Callable[[Path], None]
) -> None:
    """Only the comparison is kept for the rest of the run, not the answer without one."""
    tree = Directory(str(kernel))
    uses.find_uses(View(tree, {}), "shared", whole=False)
    change(kernel)
    if change is edited_without_a_new_size_or_time:
        # It has made the index anew, and one that changes under a reader is not used.
        assert look_up(tree, ["shared"]) is None
        return
    found = uses.find_uses(View(tree, {}), "shared")
    assert found.complete
    assert {use.path for use in found.of_kind("call")} == AFTER[change]


def test_near_an_example_of_many(kernel: Path) -> None:
    """Where hundreds of files hold a symbol, an example is looked for near the change only."""
    for number in range(70):
        (kernel / f"net/sub/f{number}.c").write_text(f"int f{number}(void)\n{{\n\tshared();\n}}\n")
    build_index(str(kernel))
    view = View(Directory(str(kernel)), {"mm/new.c": b"int new;\n"})
    found = uses.find_uses(view, "shared", whole=False)
    assert {use.path for use in found.of_kind("call")} == {"mm/user.c"}
    assert "include/, mm/ searched, of 73 files" in found.why
    assert len(uses.find_uses(view, "shared").of_kind("call")) == 71


def kconfig_edited(kernel: Path) -> None:
    with open(kernel / "net/Kconfig", "a") as stream:
        stream.write("\nconfig ADDED\n\tbool\n\tselect SHARED\n")


def kconfig_created(kernel: Path) -> None:
    (kernel / "net/deep").mkdir()
    (kernel / "net/deep/Kconfig.new").write_text("config ADDED\n\tbool\n\tselect SHARED\n")


def kconfig_removed(kernel: Path) -> None:
    (kernel / "mm/Kconfig").unlink()


@pytest.mark.parametrize(
    "change", [kconfig_edited, kconfig_created, kconfig_removed, directory_renamed, directory_swapped]
)
def test_symbols_are_those_that_the_files_define_now(kernel: Path, change: Callable[[Path], None]) -> None:
    change(kernel)
    tree = Directory(str(kernel))
    everything = config_symbols(tree)
    for name in ("SHARED", "USER", "NET_SHARED", "ADDED", "NEVER"):
        one = config_symbol(tree, name)
        assert (one and one.kind) == (everything[name].kind if name in everything else None)
        assert whole_symbol(tree, name) == everything.get(name)
    assert look_up(tree, ["SHARED"], KCONFIG_FILES) is not None


def test_symbols_of_a_series_over_an_index(kernel: Path) -> None:
    tree = Directory(str(kernel))
    view = View(tree, {"mm/Kconfig": None, "lib/Kconfig": b"config SHARED\n\tint\n"})
    symbol = whole_symbol(view, "SHARED")
    assert symbol and (symbol.kind, symbol.selected_by) == ("int", ())
    assert whole_symbol(view, "USER") is None
    assert implied(View(tree, {}), ["USER"]) == {"USER", "SHARED"}


def test_sources_and_kconfig_files_are_compared_apart(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = index._stale_in_directory
    monkeypatch.setattr(
        index, "_stale_in_directory", lambda *which: compared.append(which[2]) or real(*which)
    )
    tree = Directory(str(kernel))
    assert config_symbol(tree, "NEVER") is None
    assert config_symbol(tree, "NEVER_EITHER") is None
    assert compared == [KCONFIG_FILES]
    found = open_index(tree)
    assert found and found.stale() == frozenset()
    assert compared == [KCONFIG_FILES, index.SOURCES]


@pytest.mark.parametrize("change", [*AFTER, None])
def test_the_files_of_one_directory(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None] | None
) -> None:
    """Only that directory is compared with the index, and nothing that changed in it is missed."""
    if change is not None:
        change(kernel)
        (kernel / "top.c").write_text("shared();\n")
    monkeypatch.setattr(index, "_stale_in_directory", refuse)
    tree = Directory(str(kernel))
    for directory in ("", "mm", "net", "net/sub", "memory", "include", "never"):
        found = look_up_in(tree, directory, ["shared", "nothing"])
        below = holding(tree, ["shared", "nothing"], [directory])
        assert found == {
            word: tuple(path for path in paths if path.rpartition("/")[0] == directory)
            for word, paths in below.items()
        }


def test_a_directory_outside_is_not_looked_into(kernel: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "e.c").write_text("shared();\n")
    os.symlink(tmp_path / "elsewhere", kernel / "net" / "link")
    tree = Directory(str(kernel))
    for directory in ("net/link", "../elsewhere", str(tmp_path / "elsewhere"), "net/../mm"):
        assert look_up_in(tree, directory, ["shared"]) == {"shared": ()}
