"""Where the lines of a file go when hunks change it."""

from collections.abc import Sequence
from itertools import groupby

from patchscan.basics.record import frozen
from patchscan.series import Hunk


@frozen
class Run:
    """Lines that change together: first line and the line behind the last, before and after; either may be empty."""

    old: int
    old_end: int
    new: int
    new_end: int


@frozen
class Passage:
    """The runs of a change in order; all other lines are only shifted."""

    runs: tuple[Run, ...]

    def after(self, line: int) -> range:
        """The lines that stand after the change where a line stood before it: that line, or what replaces it."""
        shift = 0
        for run in self.runs:
            if line < run.old:
                break
            if line < run.old_end:
                return range(run.new, run.new_end)
            shift = run.new_end - run.old_end
        return range(line + shift, line + shift + 1)

    def kept(self, line: int) -> int | None:
        """Where a line from before the change stands after it, None where it is taken away."""
        if any(run.old <= line < run.old_end for run in self.runs):
            return None
        return self.after(line).start


def passage(hunks: Sequence[Hunk], offsets: Sequence[int] = ()) -> Passage:
    """The passage of a file's lines through hunks, numbered as in their headers, or as offsets move them.

    offsets: as in patchscan.tree.overlay.FileState, one a hunk, or none.
    """
    runs: list[Run] = []
    grown = 0
    for hunk, offset in zip(hunks, offsets or (0,) * len(hunks), strict=True):
        # Where a side is empty, its header names the line before.
        new = hunk.new_start + (not hunk.new_count) + offset
        old = new - grown if offsets else hunk.old_start + (not hunk.old_count)
        for is_context, group in groupby(hunk.lines, key=lambda line: line.kind == " "):
            lines = list(group)
            old_end = old + sum(line.kind != "+" for line in lines)
            new_end = new + sum(line.kind != "-" for line in lines)
            if not is_context:
                runs.append(Run(old, old_end, new, new_end))
            old, new = old_end, new_end
        grown = new - old
    return Passage(tuple(runs))
