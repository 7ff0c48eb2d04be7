"""The order in which a walk that follows nothing comes to the places of a graph, the latest way first.

What such a walk finds behind a place stands together in it. A token that stays as it is takes the same ways, so that
it is asked only where it is changed, and what lies between is passed over as a whole.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from patchscan.flow.heeding import Token, Trail
from patchscan.flow.knowing import Facts
from patchscan.flow.stretches import Stretch
from patchscan.flow.strides import Named, Place, Strides

# So many steps of two ways may differ in what they are made of, not in what they are.
_FEW_STEPS = 64
# What is told of a way out: (position, point, signs of what is returned, all that is known, how it came about).
Out = tuple[int, int, int | None, Facts, Trail]
# How a way that follows nothing comes to a place.
Met = tuple[Place, Trail, bool]


class Strand:
    """A token on its ways. seen: the places that it came to; waits: whether for one of the calls that are awaited.

    first, last: the bits of two sets of words, both of which a point names that may change it; any: each point may.
    """

    __slots__ = ("any", "first", "last", "seen", "token", "waits")

    def __init__(self, token: Token, masks: tuple[int, int] | None, waits: bool) -> None:
        self.token = token
        self.any = masks is None
        self.first, self.last = masks or (-1, -1)
        self.waits = waits
        self.seen: set[Place] = set()


# Where a way is to be walked on: (place, strand, trail, coarse); without a place (None, position, end) of a tour.
Left = tuple[Place | None, Strand, Any, bool]


class Tour:
    """All places, in the order in which they are come to. trails: how that came about; numbers: their points.

    ends: per position, the one behind all that it leads to first.
    """

    def __init__(self, strides: Strides, named: Named, came: Sequence[tuple[Place, Trail]]) -> None:
        self.places = [place for place, _ in came]
        self.trails = [trail for _, trail in came]
        self.numbers = [place.number for place in self.places]
        self.position = {place: at for at, place in enumerate(self.places)}
        self._words = Stretch([named.along_place(place) for place in self.places])
        leads = [
            [self.position[after] for after, _ in strides.stride(place).following] for place in self.places
        ]
        parents = _parents(leads)
        self.ends = list(range(1, len(leads) + 1))
        # The first and the last position to which what stands together leads.
        self._least, self._most = (
            [choose((at, *to)) for at, to in enumerate(leads)] for choose in (min, max)
        )
        # What leads back, and to which position.
        self._back = [(at, to) for at, each in enumerate(leads) for to in each if to < at]
        self._from = [at for at, _ in self._back]
        for at in range(len(leads) - 1, 0, -1):
            before = parents[at]
            self.ends[before] = max(self.ends[before], self.ends[at])
            self._least[before] = min(self._least[before], self._least[at])
            self._most[before] = max(self._most[before], self._most[at])
        self._outs = list(self._ways_out(strides))
        self._out_at = [each[0] for each in self._outs]

    def _ways_out(self, strides: Strides) -> Iterator[Out]:
        for at, (place, trail) in enumerate(zip(self.places, self.trails, strict=True)):
            stride = strides.stride(place)
            if stride.out is not None:
                for each in stride.straight:
                    trail = (trail, each, None)
                yield at, *stride.out, trail

    def outs(self, at: int, end: int) -> Sequence[Out]:
        """The ways out from one position to another."""
        return self._outs[bisect_left(self._out_at, at) : bisect_left(self._out_at, end)]

    def begins(self, place: Place, trail: Trail) -> int | None:
        """The position of a place from which a way of its own goes on as the tour does; None where it may not."""
        at = self.position.get(place)
        if at is None or self._least[at] < at or self._most[at] >= self.ends[at]:
            return None
        return at if _is_same(trail, self.trails[at]) else None

    def passed(self, strand: Strand, at: int, end: int) -> tuple[int, Sequence[Left]]:
        """The first position from one to another that may change a token, and where it is to be walked on from there.

        It has seen all up to the end; what it does not see before the walk goes on is taken back.
        """
        stop = self._words.next_on(at, end, strand.first, strand.last)
        if stop is None:
            return end, ()
        behind = self.ends[stop]
        here = self.places[stop], strand, self.trails[stop], False
        if self._is_apart(stop, end):
            strand.seen.difference_update(self.places[stop + 1 : behind])
            return stop, ((None, strand, (None, behind, end), False), here) if behind < end else (here,)
        waiting = self._waiting(stop, end)
        strand.seen.difference_update(self.places[stop + 1 : end])
        strand.seen.update(self.places[each] for each in waiting)
        return stop, (*((self.places[each], strand, self.trails[each], False) for each in waiting), here)

    def _is_apart(self, at: int, end: int) -> bool:
        """Whether what stands behind a position, up to another, leads to nothing that the position leads to first."""
        behind = self.ends[at]
        back = self._back[bisect_left(self._from, behind) : bisect_left(self._from, end)]
        return not any(at < to < behind for _, to in back)

    def _waiting(self, at: int, end: int) -> Sequence[int]:
        """The positions up to another that are known when one is come to, the last one first."""
        found = []
        while (at := self.ends[at]) < end:
            found.append(at)
        return found[::-1]


def _parents(leads: Sequence[Collection[int]]) -> Sequence[int]:
    """Per position, the one that leads to it first."""
    parents = [-1] * len(leads)
    parents[:1] = [0]
    for at, each in enumerate(leads):
        for to in each:
            if parents[to] < 0:
                parents[to] = at
    return parents


def _is_same(one: Trail, other: Trail) -> bool:
    """Whether two ways are one, as can be told from their last steps."""
    for _ in range(_FEW_STEPS):
        if one is other:
            return True
        if one is None or other is None or one[1] != other[1] or one[2] is not other[2]:
            return False
        one, other = one[0], other[0]
    return False
