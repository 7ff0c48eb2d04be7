"""A walk whose ways go on as one where they meet: of a token that says what holds, not what was done.

What is known is kept apart only as long as the tokens differ; with MAX_TOKENS of them at a point they are merged.
"""

from collections.abc import Mapping
from functools import reduce
from heapq import heappop, heappush

from patchscan.flow.graph import Point
from patchscan.flow.heeding import Client, Token, Trail
from patchscan.flow.knowing import Facts, Reading, SureReading
from patchscan.flow.signs import ANY
from patchscan.flow.ways import MAX_FACTS, States, Walk, Ways

MAX_TOKENS = 8


class JoinedClient(Client):
    """What such a walk follows."""

    def entered(self, point: Point, token: Token) -> None:
        """A way comes to a point."""

    def merged(self, one: Token, other: Token) -> Token:
        """What holds with one token and with the other; over and over it comes to an end."""
        raise NotImplementedError


class JoinedWalk(Walk):
    """One such walk; its ways have no trails."""

    def __init__(self, ways: Ways, client: JoinedClient) -> None:
        self.joined = client
        super().__init__(ways, client, ())

    def _begin(self) -> None:
        entry = self.ways.graph.entry
        self._known: dict[int, list[tuple[Token, Facts]]] = {}
        self._full: set[int] = set()
        self._work: list[tuple[int, int]] = []
        self._waiting: set[tuple[int, int]] = set()
        self._trail: Trail = (None, entry, None)
        self._keep(entry, self.client.start(), (), self._trail, False)

    def _reading(self, facts: Facts | Mapping[str, int]) -> Reading:
        return SureReading(self.ways, facts)

    def _advance(self) -> None:
        # What comes first has the highest number, and is walked before what it leads to.
        least, at = heappop(self._work)
        self._waiting.discard((least, at))
        known = self._known[-least]
        token, facts = known[at] if at < len(known) else known[0]
        self._step(-least, token, self._reading(facts), self._trail, False)

    def _through(self, number: int, token: Token, reading: Reading, trail: Trail, coarse: bool) -> States:
        self.joined.entered(self.ways.graph.points[number], token)
        return super()._through(number, token, reading, trail, coarse)

    def _keep(self, to: int, token: Token, facts: Facts, trail: Trail, coarse: bool) -> None:
        facts = facts if len(facts) <= MAX_FACTS else ()
        known = self._known.setdefault(to, [])
        for at, (other, before) in enumerate(known):
            if other == token:
                after = common(before, facts)
                if after != before:
                    known[at] = token, after
                    self._later(to, at)
                return
        if to not in self._full and len(known) < MAX_TOKENS:
            known.append((token, facts))
            self._later(to, len(known) - 1)
            return
        before_all = reduce(self.joined.merged, (each for each, _ in known))
        one = self.joined.merged(before_all, token)
        if to not in self._full or one != before_all:
            self._full.add(to)
            self._known[to] = [(one, ())]
            self._later(to, 0)

    def _later(self, to: int, at: int) -> None:
        if (-to, at) not in self._waiting:
            self._waiting.add((-to, at))
            heappush(self._work, (-to, at))


def common(one: Facts, other: Facts) -> Facts:
    """What is known on both of two ways."""
    if one == other:
        return one
    known = dict(other)
    both = ((key, signs | known[key]) for key, signs in one if key in known)
    return tuple((key, signs) for key, signs in both if signs & ANY != ANY)
