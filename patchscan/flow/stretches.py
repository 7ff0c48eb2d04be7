"""What is named along a row of points: where next some of one set of words is named, and of another."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

# So many points are passed over at once.
_BLOCK = 32


class Stretch:
    """A row of points or places; bits: the words that each names, a bit each."""

    def __init__(self, bits: Sequence[int]) -> None:
        self._bits = bits
        self._blocks = [reduce(or_, bits[start : start + _BLOCK]) for start in range(0, len(bits), _BLOCK)]

    def next_on(self, at: int, end: int, first: int, last: int) -> int | None:
        """The first place from one to another, at which both some of one and some of another is named."""
        bits, blocks = self._bits, self._blocks
        while at < end:
            if not at % _BLOCK and not (blocks[at // _BLOCK] & first and blocks[at // _BLOCK] & last):
                at += _BLOCK
            elif bits[at] & first and bits[at] & last:
                return at
            else:
                at += 1
        return None
