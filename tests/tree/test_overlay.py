"""A series laid over a tree: GNU patch and git apply say what is right, the reasons are ours."""

import os
import random
import subprocess
from pathlib import Path

import pytest
from patchscan.series import FileChange, Hunk, Line
from patchscan.tree import Directory
from patchscan.tree.overlay import FileState, View, lay

from tests.diffs import change, diff_text, hunks_of, patch, series

WORDS = ["}", "", "\tif (x)", "\t\treturn;", "\tfoo();", "int a;", "\t}", "\tbar(x);", "/* c */"]


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(1, count + 1)]


def text(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def laid(tmp_path: Path, content: str | None, *changes: FileChange) -> FileState:
    """The last of some changes to "f", one a patch, over a tree where f has a content."""
    if content is not None:
        (tmp_path / "f").write_bytes(content.encode("utf-8", "surrogateescape"))
    patches = [patch(number, one) for number, one in enumerate(changes, 1)]
    return lay(series(*patches), Directory(str(tmp_path)))[-1].files[0]


def edited(chance: random.Random, lines: list[str], count: int) -> list[str]:
    result = list(lines)
    for _ in range(count):
        where = chance.randrange(len(result) + 1)
        if chance.random() < 0.5 and where < len(result):
            del result[where : where + chance.randrange(1, 3)]
        else:
            result[where:where] = [chance.choice(WORDS) for _ in range(chance.randrange(1, 4))]
    return result


def gnu_patch(directory: Path, content: str, diff: str) -> str | None:
    """What GNU patch makes of it with at most one line of fuzz, None where it refuses."""
    (directory / "f").write_text(content)
    done = subprocess.run(
        ["patch", "-p1", "-F1", "-s", "-N", "-r-", "-o", "out"],
        cwd=directory,
        input=diff.encode(),
        capture_output=True,
    )
    return (directory / "out").read_text() if done.returncode == 0 else None


@pytest.mark.parametrize("drifts", [0, 1, 3])
def test_as_gnu_patch_does(tmp_path: Path, drifts: int) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "gnu").mkdir()
    agreed = 0
    for seed in range(60):
        chance = random.Random(seed)
        before = [
            chance.choice(WORDS) + chance.choice(["", str(seed)]) for _ in range(chance.randrange(5, 60))
        ]
        after = edited(chance, before, chance.randrange(1, 4))
        tree = text(edited(chance, before, drifts))
        if before == after:
            continue
        expected = gnu_patch(tmp_path / "gnu", tree, diff_text("f", text(before), text(after)))
        state = laid(tmp_path / "tree", tree, change("f", text(before), text(after)))
        if "already applied" in state.why:
            continue
        assert (state.after.decode() if state.after is not None else None) == expected, (seed, state.why)
        agreed += 1
    assert agreed > 50


@pytest.mark.parametrize("seed", range(12))
def test_as_git_apply_does(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    before = [f"{chance.choice(WORDS)} {number}" for number in range(40)]
    after = edited(chance, before, 3)
    (tmp_path / "f").write_text(text(before))
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "f"], cwd=tmp_path, check=True)
    diff = diff_text("f", text(before), text(after)).encode()
    subprocess.run(["git", "apply", "--cached"], cwd=tmp_path, input=diff, check=True)
    expected = subprocess.run(["git", "show", ":f"], cwd=tmp_path, check=True, capture_output=True).stdout
    state = laid(tmp_path, text(before), change("f", text(before), text(after)))
    assert (state.used, state.why, state.after) == ("tree", "", expected)


def test_already_applied_names_the_hunk(tmp_path: Path) -> None:
    before = numbered(60)
    after = [*before[:9], "first", *before[9:49], "second", *before[50:]]
    half = [*before[:49], "second", *before[50:]]
    state = laid(tmp_path, text(half), change("f", text(before), text(after)))
    assert (state.used, state.why) == ("hunk", "hunk 2 of 2: already applied")
    assert state.before is None and state.after is None


def test_an_insertion_is_not_made_twice(tmp_path: Path) -> None:
    """The context of the insertion stands further down a second time, where GNU patch would put it."""
    block = ["a", "b", "c", "d", "e", "f"]
    before = text([*block, *numbered(30), *block])
    once = text([*block[:3], "new", *block[3:], *numbered(30), *block])
    assert laid(tmp_path, once, change("f", before, once)).why == "hunk 1 of 1: already applied"


def test_a_difference_names_the_line(tmp_path: Path) -> None:
    before = numbered(60)
    after = [*before[:29], "changed", *before[30:]]
    tree = ["extra", *before[:27], "other \x1b[1m[bold]\t" + "x" * 90, *before[28:]]
    state = laid(tmp_path, text(tree), change("f", text(before), text(after)))
    assert state.used == "hunk"
    assert state.why.startswith("hunk 1 of 1: context differs at line 29: have 'other ?[1m[bold] xxx")
    assert state.why.endswith("...', want 'line 28'")


def test_context_that_is_nowhere(tmp_path: Path) -> None:
    state = laid(tmp_path, "a\nb\n", change("f", text(numbered(9)), text(numbered(5))))
    assert state.why == "hunk 1 of 1: context not found, want 'line 3' near line 3"


def test_context_that_does_not_end_the_file(tmp_path: Path) -> None:
    before = numbered(20)
    end = change("f", text(before), text([*before, "added"]))
    assert laid(tmp_path, text([*before, "other"]), end).why == (
        "hunk 1 of 1: context differs at line 21: have 'other', want the end of the file"
    )
    start = change("f", text(before), text(["added", *before]))
    assert laid(tmp_path, text(["other", *before]), start).why == (
        "hunk 1 of 1: context stands at line 2, not at the start of the file"
    )


def test_a_lost_newline_at_the_end(tmp_path: Path) -> None:
    state = laid(tmp_path, "a\nb", change("f", "a\nb", "a\nb\nc"))
    assert state.after == b"a\nb\nc"
    state = laid(tmp_path, "a\nb", change("f", "a\nb\n", "a\nb\nc\n"))
    assert state.why == "hunk 1 of 1: context differs at line 2: have 'b (no newline)', want 'b'"


def test_fuzz_is_reported(tmp_path: Path) -> None:
    before = numbered(30)
    after = [*before[:14], "changed", *before[15:]]
    tree = [*before[:11], "other", *before[12:]]
    state = laid(tmp_path, text(tree), change("f", text(before), text(after)))
    assert state.used == "tree"
    assert state.why == "hunk 1 of 1: applied with fuzz 1 at line 12"
    assert state.after == text([*tree[:14], "changed", *tree[15:]]).encode()


def test_each_patch_is_judged_on_what_the_earlier_ones_leave(tmp_path: Path) -> None:
    first = text(numbered(20))
    second = first.replace("line 9\n", "nine\n")
    third = second.replace("nine\n", "nine\nand a half\n")
    state = laid(tmp_path, first, change("f", first, second), change("f", second, third))
    assert (state.used, state.before, state.after) == ("tree", second.encode(), third.encode())


def test_a_patch_that_failed_is_remembered(tmp_path: Path) -> None:
    tree = text(numbered(40))
    bad = change("f", "x\n", "y\n")
    good = change("f", tree, tree.replace("line 30\n", "thirty\n"))
    state = laid(tmp_path, tree, bad, good)
    assert (state.used, state.why) == ("tree", "patch 1 of the series did not apply to this file")
    state = laid(tmp_path, tree, bad, bad)
    assert state.why.endswith("patch 1 of the series did not apply to this file either")


def test_create_delete_and_create_again(tmp_path: Path) -> None:
    tree = Directory(str(tmp_path))
    create, delete = change("f", None, "a\n"), change("f", "a\n", None)
    states = lay(series(patch(1, create), patch(2, delete), patch(3, create)), tree)
    assert [state.files[0].after for state in states] == [b"a\n", None, b"a\n"]
    assert [state.files[0].used for state in states] == ["tree"] * 3
    assert [state.view.exists("f") for state in states] == [True, False, True]
    assert [list(state.view.files()) for state in states] == [["f"], [], ["f"]]


def test_a_new_file_over_an_existing_one_fails(tmp_path: Path) -> None:
    assert laid(tmp_path, "other\n", change("f", None, "a\n")).why == "the file to create exists"
    assert laid(tmp_path, "a\n", change("f", None, "a\n")).why == "already applied: the same file is there"


def test_a_missing_file_and_a_delete_that_leaves_lines(tmp_path: Path) -> None:
    assert laid(tmp_path, None, change("f", "a\n", "b\n")).why == "file missing"
    state = laid(tmp_path, "a\nb\n", change("f", "a\n", None))
    assert state.used == "hunk"
    assert laid(tmp_path, "a\n", change("f", "a\n", None)).used == "tree"


def test_renames_may_swap_names_and_copies_keep_the_source(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A\n")
    (tmp_path / "b").write_text("B\n")
    swap = patch(1, FileChange("b", "a", "rename", ()), FileChange("a", "b", "rename", ()))
    copy = patch(2, FileChange("c", "a", "copy", change("a", "B\n", "C\n").hunks))
    move = patch(3, FileChange("d", "b", "rename", ()))
    views = [state.view for state in lay(series(swap, copy, move), Directory(str(tmp_path)))]
    assert (views[0].read("a"), views[0].read("b")) == (b"B\n", b"A\n")
    assert (views[1].read("a"), views[1].read("c")) == (b"B\n", b"C\n")
    assert (views[2].read("b"), views[2].read("d")) == (None, b"A\n")
    onto = lay(series(patch(1, FileChange("b", "a", "rename", ()))), Directory(str(tmp_path)))[0].files[0]
    assert onto.why == "the file to create exists"


def test_mode_changes_empty_files_and_what_is_no_text(tmp_path: Path) -> None:
    assert laid(tmp_path, "a\n", FileChange("f", "f", "mode", ())).after == b"a\n"
    assert laid(tmp_path, None, FileChange("g", None, "create", ())).after == b""
    for kind in ("binary", "symlink", "submodule"):
        state = laid(tmp_path, "a\n", FileChange("f", "f", kind, ()))
        assert (state.used, state.after) == ("text", None)
        assert kind in state.why


@pytest.mark.parametrize("path", ["../f", "/etc/passwd", "a/../../f", ".git/config"])
def test_a_path_that_leaves_the_tree(tmp_path: Path, path: str) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "f").write_text("a\n")
    hunks = hunks_of(diff_text("f", "a\n", "b\n"))
    for one in (FileChange(path, path, "modify", hunks), FileChange("g", path, "rename", ())):
        state = lay(series(patch(1, one)), Directory(str(tmp_path / "tree")))[0]
        assert (state.files[0].used, state.files[0].before) == ("text", None)
        assert state.view.read(path) is None
    link = tmp_path / "tree" / "link"
    os.symlink("../f", link)
    state = lay(
        series(patch(1, FileChange("link", "link", "modify", hunks))), Directory(str(tmp_path / "tree"))
    )[0]
    assert state.files[0].why == "file missing"


def test_without_a_tree_only_what_the_series_makes_is_known() -> None:
    new, more = change("n", None, "a\n"), change("n", "a\n", "a\nb\n")
    states = lay(series(patch(1, new, change("f", "x\n", "y\n")), patch(2, more)), None)
    assert [file.used for state in states for file in state.files] == ["hunk"] * 3
    assert [file.after for state in states for file in state.files] == [b"a\n", None, b"a\nb\n"]
    assert states[1].view.read("n") == b"a\nb\n"
    assert states[1].view.read("f") is None
    assert list(states[1].view.files()) == ["n"]


def test_the_files_directly_in_a_directory(tmp_path: Path) -> None:
    (tmp_path / "mm" / "deep").mkdir(parents=True)
    for path in ("top.c", "mm/a.c", "mm/gone.c", "mm/deep/b.c"):
        (tmp_path / path).write_text("")
    view = View(Directory(str(tmp_path)), {"mm/new.c": b"", "mm/deep/new.c": b"", "mm/gone.c": None})
    assert list(view.files("mm", deep=False)) == ["mm/a.c", "mm/new.c"]
    assert list(view.files(deep=False)) == ["top.c"]
    assert list(view.files("mm")) == ["mm/a.c", "mm/deep/b.c", "mm/deep/new.c", "mm/new.c"]


def test_bytes_that_are_not_utf8_survive(tmp_path: Path) -> None:
    before = "a \udce9\nb\n"
    hunk = Hunk(
        1, 2, 1, 2, "", (Line(" ", "a \udce9", 1, 1), Line("-", "b", 2, None), Line("+", "c", None, 2))
    )
    state = laid(tmp_path, before, FileChange("f", "f", "modify", (hunk,)))
    assert state.after == b"a \xe9\nc\n"


def test_hunks_without_context(tmp_path: Path) -> None:
    before = numbered(9)
    after = [*before[:4], "new", *before[4:7], before[8]]
    state = laid(tmp_path, text(before), change("f", text(before), text(after), context=0))
    assert state.after == text(after).encode()
