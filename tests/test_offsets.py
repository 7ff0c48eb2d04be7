"""Hunks that apply with an offset say how far they moved."""

from patchscan.diff.apply import apply_hunks
from patchscan.testing import file_change


def test_each_hunk_says_where_it_stands_now() -> None:
    change = file_change("mm/a.c", [" one", "+new", " two", "@@", " three", "-four", "+4", "+IV"])
    moved = b"above\nabove\none\ntwo\nbetween\nthree\nfour\n"
    applied = apply_hunks(moved, change.hunks)
    lines = applied.content.decode().split("\n")
    for hunk, offset in zip(change.hunks, applied.offsets, strict=True):
        for line in hunk.lines:
            if line.new is not None:
                assert lines[line.new + offset - 1] == line.text
