"""The index is compared with the tree only for a claim on all files, and then nothing that changed is missed."""

import errno
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from patchscan.kconfig.implied import implied
from patchscan.kconfig.symbols import config_symbol, config_symbols, whole_symbol
from patchscan.lookup import uses
from patchscan.tree import Directory
from patchscan.tree.index import comparison, confirmed, location
from patchscan.tree.index import lookup as index
from patchscan.tree.index.blob import marked_blobs
from patchscan.tree.index.build import build_index
from patchscan.tree.index.lookup import KCONFIG_FILES, look_up, look_up_in, open_index
from patchscan.tree.index.search import holding, walk
from patchscan.tree.overlay import View

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
    assert found.complete
    return {use.path for use in found.of_kind("call")}


def test_a_file_is_read_for_an_example(kernel: Path) -> None:
    """What the index says is not believed: the file shows whether it still uses the symbol."""
    (kernel / "mm/user.c").write_text("int user;\n")
    assert users(kernel, whole=False) == set()


def edited(kernel: Path) -> None:
    with open(kernel / "net/other.c", "a") as stream:
        stream.write("int other(void)\n{\n\tshared();\n}\n")


def edited_without_a_new_size_or_time(kernel: Path) -> None:
    path = kernel / "net/other.c"
    path.write_text("int other(void) { nobody(); }\n")
    time.sleep(0.12)
    build_index(str(kernel))
    before = path.stat()
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


def directory_linked(kernel: Path) -> None:
    os.rename(kernel / "mm", kernel / "memory")
    os.symlink("memory", kernel / "mm")


def directory_above_linked(kernel: Path) -> None:
    shutil.move(kernel / "mm", kernel / "net/sub/mm")
    build_index(str(kernel))
    os.rename(kernel / "net", kernel / "moved")
    os.symlink("moved", kernel / "net")
    (kernel / "moved/sub/new.c").write_text(FILES["mm/user.c"])


def empty_directory_linked(kernel: Path) -> None:
    (kernel / "net/empty").mkdir()
    time.sleep(0.12)
    build_index(str(kernel))
    (kernel / "net/empty").rmdir()
    os.symlink("../mm", kernel / "net/empty")


def directory_made_anew(kernel: Path) -> None:
    shutil.rmtree(kernel / "mm")
    (kernel / "mm/deep").mkdir(parents=True)
    (kernel / "mm/deep/user.c").write_text(FILES["mm/user.c"])


def directory_for_a_file(kernel: Path) -> None:
    (kernel / "mm/user.c").unlink()
    (kernel / "mm/user.c").mkdir()
    (kernel / "mm/user.c/user.c").write_text(FILES["mm/user.c"])


def file_for_a_directory(kernel: Path) -> None:
    shutil.rmtree(kernel / "net")
    (kernel / "net").write_text("")


def not_utf8(kernel: Path) -> None:
    path = os.fsencode(kernel / "net") + b"/\xff\xfe"
    os.mkdir(path)
    with open(path + b"/\xe4.c", "w") as stream:
        stream.write("int other;\n")
    time.sleep(0.12)
    build_index(str(kernel))
    with open(path + b"/\xe4.c", "w") as stream:
        stream.write(FILES["mm/user.c"])


Change = Callable[[Path], None]
AFTER: dict[Change, set[str]] = {
    edited: {"mm/user.c", "net/other.c"},
    edited_without_a_new_size_or_time: {"mm/user.c", "net/other.c"},
    replaced: {"mm/user.c", "net/other.c"},
    created: {"mm/user.c", "net/new.c"},
    created_below: {"mm/user.c", "net/sub/a/b/new.h"},
    directory_renamed: {"memory/user.c"},
    directory_swapped: {"net/user.c"},
    removed: set(),
    directory_linked: {"memory/user.c"},
    directory_above_linked: {"moved/sub/mm/user.c", "moved/sub/new.c"},
    empty_directory_linked: {"mm/user.c"},
    directory_made_anew: {"mm/deep/user.c"},
    directory_for_a_file: {"mm/user.c/user.c"},
    file_for_a_directory: {"mm/user.c"},
    not_utf8: {"mm/user.c", os.fsdecode(b"net/\xff\xfe/\xe4.c")},
}
# They make the index anew, and one that changes under a reader is not used.
MAKING_ANEW = (
    edited_without_a_new_size_or_time,
    directory_above_linked,
    empty_directory_linked,
    not_utf8,
)


@pytest.mark.parametrize("change", AFTER)
def test_a_claim_on_all_files_sees_every_change(kernel: Path, change: Change) -> None:
    """Nor does an example come from what was."""
    change(kernel)
    assert users(kernel) == AFTER[change] == users(kernel, whole=False)


def test_a_directory_that_cannot_be_looked_into(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files, say: the files of the tree are then read one by one."""

    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(comparison, "_numbers", fail)
    edited(kernel)
    assert users(kernel) == AFTER[edited]
    tree = Directory(str(kernel))
    found = open_index(tree)
    assert found and len(found.stale()) == 5
    assert look_up(tree, ["shared"]) == holding(tree, ["shared"])


def test_only_what_changed_is_walked(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kernel / "net/left.over").write_text("")
    walked = []

    def walked_too(*which: Any, **more: Any) -> Iterator[str]:
        walked.append(which[1])
        return walk(*which, **more)

    monkeypatch.setattr(comparison, "walk", walked_too)
    opened = open_index(Directory(str(kernel)))
    assert opened and opened.stale() == frozenset()
    assert walked == ["net"]


@pytest.mark.parametrize(
    "damage",
    [
        "marks = x'00'",
        "marks = substr(marks, 25)",
        "marks = 7",
        "names = 7",
        "names = names || x'2f'",
        "names = CAST(names AS TEXT)",
        "path = CAST(path AS TEXT)",
        "path = 7 WHERE path = x''",
    ],
)
def test_damaged_rows_are_not_compared(kernel: Path, damage: str) -> None:
    damage_rows(kernel, f"UPDATE OR REPLACE directories SET {damage}")
    assert refused(kernel)


@pytest.mark.parametrize("damage", ["DELETE FROM directories", "DROP TABLE directories"])
def test_rows_that_are_missing(kernel: Path, damage: str) -> None:
    damage_rows(kernel, damage)
    assert refused(kernel)


def damage_rows(kernel: Path, statement: str) -> None:
    """Change the rows of directories so that the seal still fits."""
    directory = Path(location.index_directory(Directory(str(kernel))))
    with closing(sqlite3.connect(directory / index.SOURCES.shards[0])) as database:
        database.execute(statement)
        database.commit()
    seal = json.loads((directory / location.SEAL).read_text())
    seal["shards"] = index.describe_shards(str(directory))
    (directory / location.SEAL).write_text(json.dumps(seal))


def refused(kernel: Path) -> bool:
    """Whether the index is there and yet not used for a claim; asserts that the claim holds."""
    tree = Directory(str(kernel))
    assert open_index(tree) is not None
    assert users(kernel) == {"mm/user.c"}
    return look_up(tree, ["shared"]) is None


def test_a_time_too_far_away_is_a_time() -> None:
    far, further = 1 << 63, 1 << 65
    rows = [comparison.pack({"": (1, time, time)}, [("a.c", (2, time, 3))]) for time in (far, further, 5)]
    assert rows[0] == rows[1] != rows[2]
    comparison.check(rows[0])


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
def test_symbols_are_those_that_the_files_define_now(kernel: Path, change: Change) -> None:
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

    def compared_too(*which: Any) -> Any:
        compared.append(which[2])
        return real(*which)

    monkeypatch.setattr(index, "_stale_in_directory", compared_too)
    tree = Directory(str(kernel))
    assert config_symbol(tree, "NEVER") is None
    assert config_symbol(tree, "NEVER_EITHER") is None
    assert compared == [KCONFIG_FILES]
    found = open_index(tree)
    assert found and found.stale() == frozenset()
    assert compared == [KCONFIG_FILES, index.SOURCES]


@pytest.mark.parametrize("change", [*AFTER, None])
def test_the_files_of_one_directory(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, change: Change | None
) -> None:
    """Only that directory is compared with the index, and nothing that changed in it is missed."""
    if change is not None:
        change(kernel)
        (kernel / "top.c").write_text("shared();\n")
    monkeypatch.setattr(index, "_stale_in_directory", refuse)
    tree = Directory(str(kernel))
    for directory in ("", "mm", "net", "net/sub", "memory", "include", "never"):
        if os.path.realpath(kernel / directory) != str(kernel / directory):
            continue  # What is behind a link has another name.
        found = look_up_in(tree, directory, ["shared", "nothing"])
        below = holding(tree, ["shared", "nothing"])
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


def touched_all(kernel: Path) -> None:
    """Every file and directory gets other times, none another content."""
    for path in [kernel, *kernel.rglob("*")]:
        path.chmod(path.stat().st_mode ^ 0o020)
    time.sleep(0.12)


def copied_back(kernel: Path) -> None:
    shutil.copytree(kernel, kernel.parent / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(kernel)
    os.rename(kernel.parent / "copy", kernel)
    time.sleep(0.12)


def hard_linked(kernel: Path) -> None:
    shutil.copytree(kernel, kernel.parent / "copy", copy_function=os.link)
    time.sleep(0.12)


TIMES_ALONE = (touched_all, copied_back, hard_linked)


@pytest.mark.parametrize("change", TIMES_ALONE)
def test_other_times_are_looked_into_once(
    kernel: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(kernel)
    read = counting(monkeypatch)
    tree = Directory(str(kernel))
    assert stale_now(tree) == frozenset()
    # The sources; Kconfig files are compared apart.
    assert len(read) == 5
    assert stale_now(tree) == frozenset()
    assert len(read) == 5
    assert users(kernel) == {"mm/user.c"}
    assert [symbol.kind for name in ("SHARED", "USER") if (symbol := config_symbol(tree, name))] == [
        "bool"
    ] * 2


@pytest.mark.parametrize("change", TIMES_ALONE)
def test_the_files_of_one_directory_with_other_times(
    kernel: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(kernel)
    read = counting(monkeypatch)
    for _ in range(2):
        index.open_index.cache_clear()
        assert look_up_in(Directory(str(kernel)), "mm", ["shared"]) == {
            "shared": ("mm/shared.c", "mm/user.c")
        }
        assert sorted(read) == ["mm/shared.c", "mm/user.c"]


@pytest.mark.parametrize("change", AFTER)
@pytest.mark.parametrize("before", TIMES_ALONE)
def test_a_change_after_other_times_is_seen(kernel: Path, before: Change, change: Change) -> None:
    before(kernel)
    stale_now(Directory(str(kernel)))
    change(kernel)
    assert users(kernel) == AFTER[change]


def test_what_has_just_got_other_times_is_not_kept(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment after a change another one may leave the same times: here a moment is as long as the test."""
    monkeypatch.setattr(confirmed, "RACY_NANOSECONDS", 10**12)
    (kernel / "mm/user.c").touch()
    read = counting(monkeypatch)
    for times in (1, 2):
        assert stale_now(Directory(str(kernel))) == frozenset()
        assert read == ["mm/user.c"] * times


def test_a_refresh_reads_other_times_once(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file is taken in again: the shard stays as long as it was."""
    directory = Path(location.index_directory(Directory(str(kernel))))
    sizes = [(directory / name).stat().st_size for name in index.SHARDS]
    for _ in range(5):
        touched_all(kernel)
        assert build_index(str(kernel)) == 0
    assert [(directory / name).stat().st_size for name in index.SHARDS] == sizes
    with closing(sqlite3.connect(directory / index.SHARDS[0])) as database:
        assert database.execute("SELECT max(seq) FROM sqlite_sequence").fetchone()[0] < 5
    assert stale_now(Directory(str(kernel))) == frozenset()
    capsys.readouterr()
    assert build_index(str(kernel)) == 0
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage",
    [b"", b"\0" * 20, lambda content: content[:-3], lambda content: content[:30] + b"!" + content[31:]],
)
def test_damaged_marks_are_found_out_again(
    kernel: Path, damage: "bytes | Callable[[bytes], bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    touched_all(kernel)
    tree = Directory(str(kernel))
    stale_now(tree)
    marks = Path(location.index_directory(tree)) / index.marks_file(index.SOURCES)
    marks.write_bytes(damage if isinstance(damage, bytes) else damage(marks.read_bytes()))
    read = counting(monkeypatch)
    assert stale_now(tree) == frozenset()
    assert len(read) == 5


def test_marks_of_another_seal_are_not_used(kernel: Path) -> None:
    touched_all(kernel)
    tree = Directory(str(kernel))
    stale_now(tree)
    marks = Path(location.index_directory(tree)) / index.marks_file(index.SOURCES)
    kept = marks.read_bytes()
    (kernel / "mm/user.c").write_text("int user;\n")
    time.sleep(0.12)
    build_index(str(kernel))
    assert not marks.exists()
    marks.write_bytes(kept)
    assert stale_now(tree) == frozenset()
    assert users(kernel) == set()


def test_a_cache_that_cannot_be_written_costs_time_alone(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched_all(kernel)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr("tempfile.mkstemp", fail)
    read = counting(monkeypatch)
    for times in (1, 2):
        assert stale_now(Directory(str(kernel))) == frozenset()
        assert len(read) == 5 * times


def test_an_index_of_before_blobs(kernel: Path) -> None:
    """It is used as it was, and its next refresh adds them."""
    directory = Path(location.index_directory(Directory(str(kernel))))
    for shard in index.SHARDS:
        with closing(sqlite3.connect(directory / shard)) as database:
            database.execute("DROP TABLE blobs")
    seal = json.loads((directory / location.SEAL).read_text())
    seal["shards"] = index.describe_shards(str(directory))
    (directory / location.SEAL).write_text(json.dumps(seal))
    tree = Directory(str(kernel))
    assert stale_now(tree) == frozenset()
    (kernel / "mm/user.c").chmod(0o600)
    time.sleep(0.12)
    assert stale_now(tree) == {"mm/user.c"}
    assert users(kernel) == {"mm/user.c"}
    build_index(str(kernel))
    touched_all(kernel)
    assert stale_now(tree) == frozenset()


def stale_now(tree: Directory) -> frozenset[str]:
    """The stale sources as another process would find them."""
    index.open_index.cache_clear()
    found = open_index(tree)
    assert found
    return found.stale()


def counting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The list to which the paths of files that are read for their blobs will be added."""
    read: list[str] = []

    def counted(root: str, paths: Sequence[str]) -> list[tuple[comparison.Mark, bytes] | None]:
        read.extend(paths)
        return marked_blobs(root, paths)

    monkeypatch.setattr(confirmed, "marked_blobs", counted)
    return read


def test_what_is_no_regular_file_any_more_has_no_blob(tmp_path: Path) -> None:
    """Between the listing and the reading a file may give way to a directory, a pipe or nothing."""
    (tmp_path / "a.c").write_text("int a;\n")
    (tmp_path / "directory.c").mkdir()
    os.mkfifo(tmp_path / "pipe.c")
    (tmp_path / "link.c").symlink_to("a.c")
    found = marked_blobs(str(tmp_path), ["directory.c", "a.c", "pipe.c", "link.c", "none.c"])
    assert [each is not None for each in found] == [False, True, False, False, False]
