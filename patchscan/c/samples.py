"""Places of a C text where one of several ways of layout was chosen: what habits are counted from."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from patchscan.basics.keep import kept
from patchscan.basics.record import frozen
from patchscan.c.plaintext import Text

# Of each line its number, its text, and its code: the text with blanks for comments and what strings hold.
Lines = Sequence[tuple[int, str, str]]
_TAB = 8


@frozen
class Sample:
    """A place of a text; line: where a way was chosen; kept: whether the usual one; with_line: its other line."""

    line: int
    kept: bool
    with_line: int


def width(text: str) -> int:
    """The columns of a line."""
    return len(text.expandtabs(_TAB))


@lru_cache(maxsize=4)
def lines_of(text: Text) -> Lines:
    """What the samples are taken from; kept for the text that one habit after the other is asked of."""
    return tuple(text.numbered())


@kept
def lines_near(text: Text, wanted: frozenset[int]) -> Lines:
    """The lines from the end of the function above those that are wanted to that of one below: layout reaches no
    farther."""
    lines = lines_of(text)
    ends = [number for number, line, _ in lines if line.startswith("}")]
    shown = text.lines
    few, many = (shown, wanted) if len(shown) < len(wanted) else (wanted, shown)
    numbers = [number for number in few if number in many]
    if not numbers:
        return ()
    above, below = bisect_left(ends, min(numbers) - 1), bisect_left(ends, max(numbers) + 2)
    first = ends[above - 1] if above else lines[0][0]
    last = ends[below] if below < len(ends) else lines[-1][0]
    return lines[first - lines[0][0] : last - lines[0][0] + 1]
