"""The ways through a function: a walk of its graph that knows what was tested and assigned on each.

A client says what it follows: its token changes with the operations, and with it the ways are told apart. The facts
of a way are the signs of values that are tested later; where two ways meet with the same token and facts they go on
as one. Bounded by counts: MAX_STEPS a walk, MAX_STATES a point and MAX_FACTS a way (beyond
these facts are forgotten, see `coarse`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from patchscan.basics.budget import BUDGET
from patchscan.basics.keep import kept
from patchscan.basics.record import frozen
from patchscan.flow.actions import (
    Addressed,
    Assigned,
    Called,
    Dereferenced,
    Failed,
    Guarded,
    Operation,
    Read,
    Unguarded,
)
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.knowing import Asked, Facts, Reach, Reading
from patchscan.flow.signs import ANY
from patchscan.flow.strides import Named, Strides, Words, call_word
from patchscan.flow.unfollowed import leave

MAX_STEPS = BUDGET.steps.most
MAX_STATES = BUDGET.states.most
MAX_FACTS = BUDGET.facts.most
Token = Any
# A way as it came about: (what came before, the point, the edge that was taken).
Trail = tuple[Any, int, "Edge | None"]
# Where a way is to be walked on: (point, token, facts, trail, coarse).
Step = tuple[int, Token, Facts, Trail, bool]
# How a way that follows nothing comes to a point.
Met = tuple[int, Facts, Trail, bool]
# So many clients of one graph walk to what they await for themselves, before one walk does it for all.
MANY_CLIENTS = 3
# A straight way of more points is known as a whole.
LONG_WAY = 8
# Tokens, each with what is known beside it.
States = list[tuple[Token, Reading]]


@frozen
class Exit:
    """A way out: where, with which token, what is known of the value returned (None: none), and how it came about."""

    point: int
    token: Token
    signs: int | None
    trail: Trail
    facts: Facts
    coarse: bool = False


class Client:
    """What a walk follows. A token of None ends a way: nothing more is to be learnt on it.

    uses: whether what is known of a pointer is kept until its last use, not only until it is last tested.
    awaits: the calls (by offset) without which a way is of no interest; empty where every way is.
    outs: whether the ways out are asked for, and not only what the client notes on the way there.
    heeds: the operations that it wants to be told of by other(), beside those that change what is known.
    """

    uses = False
    outs = True
    heeds: tuple[type[Operation], ...] = (Dereferenced, Addressed, Read, Guarded, Unguarded, Failed)
    awaits: frozenset[int] = frozenset()

    def named(self, token: Token) -> Words | None:
        """Words without any of which nothing changes a token, in one set or more; None: whatever is done may do so."""
        return None

    def waits(self, token: Token) -> bool:
        """Whether a token still waits for one of these calls."""
        return False

    def start(self) -> Token:
        """The token on entry."""
        return ()

    def called(self, call: Called, token: Token, facts: "Reading") -> Iterable[tuple[Token, int]]:
        """The tokens after a call, each with what the call then returns."""
        return ((token, ANY),)

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: "Reading") -> Token:
        """The token after an assignment of a value with these signs."""
        return token

    def other(self, operation: Operation, token: Token, facts: "Reading") -> Token:
        """The token after a dereference, a use, a declaration or a round of a loop."""
        return token

    def decided(self, edge: Edge, token: Token, facts: "Reading") -> Token:
        """The token after a decision."""
        return token


class AfterCall(Client):
    """Follows what one call brings; its token is empty until then."""

    def __init__(self, call: Called) -> None:
        self.call = call
        self.awaits = frozenset((call.offset,))
        self.awaited = frozenset((call_word(call.offset),))

    def waits(self, token: Token) -> bool:
        return not token


@kept
def ways_of(graph: Graph) -> "Ways":
    """The ways of a graph, which keep what walks of it have in common."""
    return Ways(graph)


class Anywhere(Client):
    """Follows nothing."""

    def __init__(self, uses: bool) -> None:
        self.uses = uses

    def named(self, token: Token) -> Words:
        return (frozenset(),)


class Ways(Asked):
    """Walks of one graph."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self._strides: dict[bool, Strides] = {}
        self._asking = Counter[bool]()
        self._arriving: dict[bool, Arriving] = {}

    def walk(self, client: Client, known: Facts = ()) -> "Walk":
        """Follow a client's token on all ways; known: what holds on entry."""
        return Walk(self, client, known)

    @cached_property
    def named(self) -> Named:
        """What its points name."""
        return Named(self.graph, self.straight)

    def strides(self, client: Client) -> Strides | None:
        """The strides that a client's walk may take, None where it heeds all that is done."""
        if client.named(client.start()) is None:
            return None
        if client.uses not in self._strides:
            live = self.live_with_uses if client.uses else self.live
            self._strides[client.uses] = Strides(self, self.named, live)
        return self._strides[client.uses]

    def met(self, client: Client) -> Sequence[Met] | None:
        """The ways to the one call that a client awaits, last ones first; None where it is to walk there itself.

        They are walked once for all clients, when the third one asks.
        """
        place = self.named.only_place(client.awaits)
        self._asking[client.uses] += place is not None
        if place is None or self._asking[client.uses] < MANY_CLIENTS:
            return None
        if client.uses not in self._arriving:
            self._arriving[client.uses] = Arriving(self, Anywhere(client.uses), ())
        arriving = self._arriving[client.uses]
        return arriving.met.get(place, [])[::-1] if arriving.complete else None


class Walk:
    """One walk. exits: the ways out; complete: whether all were walked within the bound; steps: what that took."""

    tells = True

    def __init__(self, ways: Ways, client: Client, known: Facts) -> None:
        self.ways = ways
        self.client = client
        self.known = known
        self.live = ways.live_with_uses if client.uses else ways.live
        self.named = ways.named
        self.strides = ways.strides(client)
        self._heeded: dict[Token, Words | None] = {}
        self._met = ways.met(client) if not known and self.strides is not None else None
        self.leading = ways.leading_to(client.awaits) if client.awaits and self._met is None else None
        if self._met is not None:
            # No way comes twice to the one call that is awaited.
            self.leading = frozenset()
        self.doing = ways.doing(client.heeds)
        self.exits: list[Exit] = []
        self.complete = True
        self.steps = 0
        self._begin()
        self._run()

    def _begin(self) -> None:
        entry, token = self.ways.graph.entry, self.client.start()
        self._seen: list[set[tuple[Token, Facts]]] = [set() for _ in self.ways.graph.points]
        self._work: list[Any] = []
        if self._met is not None:
            self._work += [(number, token, *how) for number, *how in self._met]
            return
        self._keep(entry, token, self.known, (None, entry, None), False)

    def _reading(self, facts: Facts | Mapping[str, int]) -> Reading:
        """The facts of a way as they can be asked and changed."""
        return Reading(self.ways, facts)

    def _take(self) -> Step:
        """What is to be walked next."""
        found: Step = self._work.pop()
        return found

    def _keep(self, to: int, token: Token, facts: Facts, trail: Trail, coarse: bool) -> None:
        """Walk on from a point later, unless a way like this one has come there."""
        seen = self._seen[to]
        before = len(seen)
        if before >= MAX_STATES or len(facts) > MAX_FACTS:
            facts, coarse = (), True
        seen.add((token, facts))
        if len(seen) > before:
            self._work.append((to, token, facts, trail, coarse))

    def _run(self) -> None:
        while self._work:
            self.steps += 1
            if self.steps > MAX_STEPS:
                self.complete = False
                if self.tells:
                    leave(self.ways.graph.function)
                return
            step = self._take()
            if self.strides is not None:
                words = self._words(step[1])
                if words is not None and self.named.leaves(step[0], words):
                    self._stride(*step)
                    continue
            self._step(*step)

    def _stride(self, number: int, token: Token, facts: Facts, trail: Trail, coarse: bool) -> None:
        """Walk on from a point at which nothing changes the token."""
        assert self.strides is not None
        stride = self.strides.stride(number, facts)
        for each in stride.straight:
            trail = (trail, each, None)
        if stride.out is not None:
            out, signs, known = stride.out
            self.exits.append(Exit(out, token, signs, trail, known, coarse))
            return
        leading = self.leading if self.leading is not None and self.client.waits(token) else None
        for to, edge, after in stride.following:
            if (leading is None or to in leading) and (self.client.outs or not self._is_over(token, to)):
                self._keep(to, token, after, (trail, to, edge), coarse)

    def _step(self, number: int, token: Token, facts: Facts, trail: Trail, coarse: bool) -> None:
        """Walk on from a point by what the client says."""
        point = self.ways.graph.points[number]
        if self.strides is not None and len(self.named.straight_from(number)) > LONG_WAY:
            self._long_step(self.strides, number, token, facts, trail, coarse)
            return
        states = self._through(number, token, self._reading(facts), trail, coarse)
        while len(states) == 1 and self.ways.straight[number]:
            # One way in and one way on: nothing is to be kept between.
            number = point.edges[0].to
            point = self.ways.graph.points[number]
            trail = (trail, number, None)
            states = self._through(number, *states[0], trail, coarse)
        self._go_on(number, states, trail, coarse)

    def _long_step(
        self, strides: Strides, head: int, token: Token, facts: Facts, trail: Trail, coarse: bool
    ) -> None:
        """Walk on over a long straight way, of which only what the client heeds is asked of it."""
        points = (head, *self.named.straight_from(head))
        course = strides.course(head, facts)
        states, at = [(token, self._reading(facts))], 0
        while True:
            token, reading = states[0]
            words = self._words(token)
            if words is not None and reading.known == course[at]:
                place = self.named.next_on(head, at, words)
                to = len(points) - 1 if place is None else place
                known = course[to]
                if known is None:
                    return
                for each in points[at + 1 : to + 1]:
                    trail = (trail, each, None)
                if to > at:
                    at, reading = to, self._reading(known)
            states = self._through(points[at], token, reading, trail, coarse)
            if len(states) != 1 or at == len(points) - 1:
                break
            at += 1
            trail = (trail, points[at], None)
        self._go_on(points[at], states, trail, coarse)

    def _go_on(self, number: int, states: States, trail: Trail, coarse: bool) -> None:
        """Walk on from what holds at the end of a point."""
        point = self.ways.graph.points[number]
        for after, reading in states:
            if point.leaves:
                signs = reading.value(point.value) if point.value is not None else None
                known = tuple(sorted(reading.known.items()))
                self.exits.append(Exit(number, after, signs, trail, known, coarse))
                continue
            waiting = self.leading is not None and self.client.waits(after)
            for edge in point.edges:
                if waiting and self.leading is not None and edge.to not in self.leading:
                    continue
                self._follow(edge, after, reading, trail, coarse)

    def _follow(self, edge: Edge, token: Token, reading: Reading, trail: Trail, coarse: bool) -> None:
        branch = reading.along(edge)
        if branch is None:
            return
        if edge.taken:
            token = self.client.decided(edge, token, branch)
            if token is None:
                return
        if self._is_over(token, edge.to):
            return
        facts = branch.facts(self.live[edge.to])
        self._keep(edge.to, token, facts, (trail, edge.to, edge if edge.taken else None), coarse)

    def _is_over(self, token: Token, to: int) -> bool:
        """Whether nothing can follow behind a point that is of interest: ways out are none, and nothing is named."""
        if self.client.outs:
            return False
        words = self._words(token)
        return words is not None and any(not self.named.mask(each) & self.named.ahead[to] for each in words)

    def _words(self, token: Token) -> Words | None:
        """What a client heeds with a token, see Client.named()."""
        try:
            return self._heeded[token]
        except KeyError:
            return self._heeded.setdefault(token, self.client.named(token))

    def _through(self, number: int, token: Token, reading: Reading, trail: Trail, coarse: bool) -> States:
        """The tokens and facts after the operations of a point."""
        reading.trail, reading.coarse = trail, coarse
        states: States = [(token, reading)]
        for each, reach in self.doing[number]:
            before, states = states, []
            for current, known in before:
                if reach is not None and isinstance(each, Called):
                    states += self._call(each, reach, current, known)
                else:
                    states += self._operation(each, current, known)
        return states

    def _operation(self, operation: Operation, token: Token, reading: Reading) -> States:
        signs = reading.done(operation)
        if isinstance(operation, Assigned):
            token = self.client.assigned(operation, token, signs, reading)
        else:
            token = self.client.other(operation, token, reading)
        return [(token, reading)] if token is not None else []

    def _call(self, call: Called, reach: Reach, token: Token, reading: Reading) -> States:
        outcomes = [each for each in self.client.called(call, token, reading) if each[0] is not None]
        key, steady, known = reach.key, reach.steady, reach.signs
        if reading.known:
            reading.reached(reach)
        states: States = []
        for after, signs in outcomes:
            signs &= known
            if steady is not None:
                signs &= reading.of(steady)
            if not signs:
                continue
            branch = reading
            if len(outcomes) > 1:
                branch = self._reading(reading.known)
                branch.trail, branch.coarse = reading.trail, reading.coarse
            branch.set(key, signs)
            states.append((after, branch))
        return states


class Arriving(Walk):
    """A walk that follows nothing. met: how its ways came to each point, in their turn."""

    # Each client then walks for itself.
    tells = False

    def _begin(self) -> None:
        self.met: dict[int, list[Met]] = {}
        super()._begin()

    def _take(self) -> Step:
        step = super()._take()
        self.met.setdefault(step[0], []).append((step[0], *step[2:]))
        return step
