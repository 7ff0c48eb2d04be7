"""Hunks that apply with an offset say how far they moved, and lines beside them are numbered as their author does."""

from patchscan.basics.record import replace
from patchscan.changedfile import ChangedFile
from patchscan.diff.apply import apply_hunks
from patchscan.testing import file_change
from patchscan.tree.overlay import FileState


def test_each_hunk_says_where_it_stands_now() -> None:
    change = file_change("mm/a.c", [" one", "+new", " two", "@@", " three", "-four", "+4", "+IV"])
    moved = b"above\nabove\none\ntwo\nbetween\nthree\nfour\n"
    applied = apply_hunks(moved, change.hunks)
    lines = applied.content.decode().split("\n")
    for hunk, offset in zip(change.hunks, applied.offsets, strict=True):
        for line in hunk.lines:
            if line.new is not None:
                assert lines[line.new + offset - 1] == line.text


def test_a_line_is_numbered_as_the_hunk_that_is_nearest() -> None:
    change = file_change("mm/a.c", [" one", "+new", " two"])
    first = replace(change.hunks[0], old_start=50, new_start=50)
    second = replace(change.hunks[0], old_start=99, new_start=100)
    change = replace(change, hunks=(first, second))
    file = ChangedFile(FileState(change, "tree", "", None, None, (40, 60)))
    assert [file.patch_line(line) for line in (1, 44, 46, 90, 92, 125, 127, 160, 999)] == [
        1, 44, 6, 50, 52, 85, 67, 100, 939
    ]  # fmt: skip
    for line in (1, 44, 90, 91, 92, 100, 160, 161, 999):
        assert file.source_line(file.patch_line(line)) == line


def test_no_line_has_a_number_below_one() -> None:
    """A function far above the hunk in a longer file: its lines are numbered as far down as that goes."""
    change = file_change("mm/a.c", [" one", "+new", " two"])
    change = replace(change, hunks=(replace(change.hunks[0], old_start=5, new_start=5),))
    file = ChangedFile(FileState(change, "tree", "", None, None, (40,)))
    numbers = [file.patch_line(line) for line in range(1, 60)]
    assert numbers[44:47] == [5, 6, 7] and min(numbers) == 1
