"""How well a series fits a tree: one verdict from all hunks together, and the tree without the series."""

import pytest
from patchscan.basics.record import replace
from patchscan.diff.apply import apply_hunks, fits, turned
from patchscan.series import FileChange, Hunk, Series
from patchscan.testing import MemoryTree
from patchscan.tree.fit import Fit, place

from tests.diffs import change, patch, series

LINES = [f"int line_{number};" for number in range(1, 41)]
MAKEFILE = b"VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 7\n"


def text(*lines: str) -> str:
    """Lines as a file."""
    return "".join(f"{line}\n" for line in lines)


def with_new(lines: list[str], at: int, *new: str) -> list[str]:
    """Lines with others put in."""
    return [*lines[:at], *new, *lines[at:]]


BEFORE = text(*LINES)
AFTER = text(*with_new(LINES, 20, "int added;", "int more;"))
LATER = text(*with_new(LINES, 20, "int added;", "int most;"))
ONE = series(patch(1, change("mm/a.c", BEFORE, AFTER)))
TWO = series(patch(1, change("mm/a.c", BEFORE, AFTER)), patch(2, change("mm/a.c", AFTER, LATER)))


def fit(of: Series, **files: str) -> Fit:
    """How a series fits a tree of files; a double underscore stands for the slash, a name ends in _c."""
    return place(of, tree(**files))[1]


def tree(**files: str) -> MemoryTree:
    """A tree with a version."""
    contents = {name.replace("__", "/").replace("_c", ".c"): held.encode() for name, held in files.items()}
    return MemoryTree("tree", {"Makefile": MAKEFILE, **contents})


def test_a_base_fits_in_place() -> None:
    found = fit(ONE, mm__a_c=BEFORE)
    assert (found.verdict, found.release, found.taken, found.sure) == ("base", "6.12.7", (), True)


def test_moved_hunks_are_near() -> None:
    found = fit(ONE, mm__a_c="int first;\n" + BEFORE)
    assert found.verdict == "near" and not found.sure
    assert "6.12.7" in found.text and "1 of 1 hunks apply, 1 of them moved" in found.text


def test_most_hunks_failing_is_elsewhere() -> None:
    other = change("mm/b.c", BEFORE, AFTER)
    of = series(
        patch(1, change("mm/a.c", BEFORE, AFTER), other, replace(other, path="mm/d.c", old_path="mm/d.c"))
    )
    strange = text(*(f"char other_{number};" for number in range(40)))
    found = fit(of, mm__a_c=BEFORE, mm__b_c=strange, mm__d_c=strange)
    assert found.verdict == "elsewhere" and "1 of 3 hunks apply" in found.text


def test_new_files_only_tell_nothing() -> None:
    found = fit(series(patch(1, change("mm/new.c", None, AFTER))))
    assert found.verdict == "near" and "new files only" in found.text


@pytest.mark.parametrize(
    "files",
    [
        (FileChange("mm/b.c", "mm/a.c", "rename", ()),),
        (FileChange("mm/a.c", "mm/a.c", "mode", (), mode="100755"),),
        (FileChange("mm/a.c", "mm/a.c", "binary", ()),),
        (),
    ],
)
def test_a_series_without_a_line_is_not_said_to_make_files(files: tuple[FileChange, ...]) -> None:
    found = fit(series(patch(1, *files)), mm__a_c=BEFORE)
    assert found.verdict == "near" and "changes no line of a file that is there" in found.text


@pytest.mark.parametrize("held", [AFTER, "int first;\n" + AFTER], ids=["in place", "moved"])
def test_a_tree_that_holds_the_series(held: str) -> None:
    states, found = place(ONE, tree(mm__a_c=held))
    assert (found.verdict, found.taken, found.sure) == ("there", (1,), held == AFTER)
    assert [state.files[0].used for state in states] == ["tree"]
    assert states[0].files[0].before == held.replace("int added;\nint more;\n", "").encode()
    assert states[0].files[0].after == held.encode()


def test_a_series_is_taken_off_from_its_end() -> None:
    """The first patch's outcome does not stand in the tree: the second has changed it."""
    states, found = place(TWO, tree(mm__a_c=LATER))
    assert (found.verdict, found.taken) == ("there", (1, 2))
    assert [state.files[0].after for state in states] == [AFTER.encode(), LATER.encode()]


def test_the_first_patches_may_be_there() -> None:
    states, found = place(TWO, tree(mm__a_c=AFTER))
    assert found.taken == (1,) and "patch 1 of this series" in found.text
    assert states[1].files[0].after == LATER.encode()


def test_files_that_a_series_makes_go_with_it() -> None:
    of = series(patch(1, change("mm/new.c", None, AFTER), change("mm/a.c", BEFORE, AFTER)))
    states, found = place(of, tree(mm__a_c=AFTER, mm__new_c=AFTER + "int since;\n"))
    assert found.verdict == "there"
    assert states[0].start is not None and not states[0].start.exists("mm/new.c")
    assert states[0].view.read("mm/new.c") == AFTER.encode()


def test_a_file_that_cannot_be_told_from_the_series_is_not_laid_upon() -> None:
    """One hunk stands in the tree, the other does in a new form; a sibling tells that the patch is there."""
    ends = text(*with_new(with_new(LINES, 30, "int low;"), 10, "int high;"))
    of = series(patch(1, change("mm/a.c", BEFORE, ends), change("mm/b.c", BEFORE, AFTER)))
    held = text(*with_new(with_new(LINES, 30, "long low;"), 10, "int high;"))
    states, found = place(of, tree(mm__a_c=held, mm__b_c=AFTER))
    assert found.verdict == "there"
    assert [(file.change.path, file.used) for file in states[0].files] == [
        ("mm/a.c", "hunk"),
        ("mm/b.c", "tree"),
    ]


def test_a_hunk_that_only_looks_new_is_not_laid_twice() -> None:
    """Its context differs by a line, so that with fuzz it would fit behind what it has added already."""
    added = with_new(LINES, 20, "int twin;", "int added;")
    of = series(patch(1, change("mm/a.c", BEFORE, text(*added))))
    held = text(*added).replace("int line_23;", "int renamed;")
    states, found = place(of, tree(mm__a_c=held))
    assert found.verdict == "there"
    assert states[0].files[0].after is not None and states[0].files[0].after.count(b"int added;") == 1


def test_no_tree_is_no_verdict() -> None:
    states, found = place(replace(ONE, base_commit="1" * 40), None)
    assert found.verdict == "none" and "1" * 12 in found.text
    assert states[0].files[0].used == "hunk"


def test_what_a_series_needs_is_told() -> None:
    of = replace(ONE, base_commit="1" * 40, prerequisites=("prerequisite-patch-id: 2",))
    found = fit(of, mm__a_c="int first;\n" + BEFORE)
    assert "names base-commit 111111111111, which is not at hand" in found.text
    assert "needs 1 other patch first" in found.text


def hunks(before: str, after: str) -> tuple[Hunk, ...]:
    """The hunks between two texts."""
    return change("f", before, after).hunks


def test_each_hunk_is_asked_on_its_own() -> None:
    both = hunks(BEFORE, text(*with_new(with_new(LINES, 30, "int low;"), 10, "int high;")))
    held = text(*with_new(LINES, 10, "int high;"))
    assert list(fits(held.encode(), both)) == ["there", "moved"]
    assert list(fits(BEFORE.encode(), both)) == ["exact", "exact"]
    assert list(fits(b"int strange;\n", both)) == ["not", "not"]


def test_context_alone_does_not_make_a_removal_done() -> None:
    """What is taken away stands between other lines here, and by its side the context by chance."""
    taken = ["int taken_1;", "int taken_2;"]
    removal = hunks(text(*with_new(LINES, 20, *taken)), BEFORE)
    other = text("int first;", *taken, "int last;", *LINES)
    assert list(fits(BEFORE.encode(), removal)) == ["there"]
    assert list(fits(other.encode(), removal)) == ["not"]


def test_a_turned_hunk_takes_back() -> None:
    there = apply_hunks(BEFORE.encode(), hunks(BEFORE, LATER)).content
    back = [turned(each) for each in hunks(BEFORE, LATER)]
    assert apply_hunks(there, back).content == BEFORE.encode()
    for hunk in back:
        assert hunk.old_count == sum(line.kind != "+" for line in hunk.lines)
