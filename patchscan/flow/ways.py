"""The ways through a function: a walk of its graph that knows what was tested and assigned on each.

A client says what it follows: its token changes with the operations, and with it the ways are told apart. The facts
of a way are the signs of values that are tested later; where two ways meet with the same token and facts they go on
as one. Bounded by counts: MAX_STEPS a walk, MAX_STATES a point and MAX_FACTS a way (beyond
these facts are forgotten, see `coarse`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from patchscan.basics.budget import BUDGET
from patchscan.basics.keep import kept
from patchscan.basics.record import frozen
from patchscan.flow.actions import (
    Addressed,
    Assigned,
    Called,
    Declared,
    Dereferenced,
    Failed,
    Guarded,
    Operation,
    Read,
    Round,
    Unguarded,
)
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.knowing import Asked, Facts, Reach, Reading
from patchscan.flow.signs import ANY, NEGATIVE, NOT_POSITIVE, POSITIVE, ZERO
from patchscan.flow.unfollowed import leave

MAX_STEPS = BUDGET.steps.most
MAX_STATES = BUDGET.states.most
MAX_FACTS = BUDGET.facts.most
Token = Any
# A way as it came about: (what came before, the point, the edge that was taken).
Trail = tuple[Any, int, "Edge | None"]
# Where a way is to be walked on: (point, token, facts, trail, coarse).
Step = tuple[int, Token, Facts, Trail, bool]
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
    heeds: the operations that it wants to be told of by other(), beside those that change what is known.
    """

    uses = False
    heeds: tuple[type[Operation], ...] = (Dereferenced, Addressed, Read, Guarded, Unguarded, Failed)
    awaits: frozenset[int] = frozenset()

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

    def waits(self, token: Token) -> bool:
        return not token


@kept
def ways_of(graph: Graph) -> "Ways":
    """The ways of a graph, which keep what walks of it have in common."""
    return Ways(graph)


class Ways(Asked):
    """Walks of one graph."""

    def walk(self, client: Client, known: Facts = ()) -> "Walk":
        """Follow a client's token on all ways; known: what holds on entry."""
        return Walk(self, client, known)


class Walk:
    """One walk. exits: the ways out; complete: whether all were walked within the bound; steps: what that took."""

    def __init__(self, ways: Ways, client: Client, known: Facts) -> None:
        self.ways = ways
        self.client = client
        self.known = known
        self.live = ways.live_with_uses if client.uses else ways.live
        self.leading = ways.leading_to(client.awaits) if client.awaits else None
        self.doing = ways.doing(client.heeds)
        self.exits: list[Exit] = []
        self.complete = True
        self.steps = 0
        self._begin()
        self._run()

    def _begin(self) -> None:
        entry = self.ways.graph.entry
        self._seen: dict[int, set[tuple[Token, Facts]]] = {}
        self._work: list[Any] = []
        self._keep(entry, self.client.start(), self.known, (None, entry, None), False)

    def _reading(self, facts: Facts | Mapping[str, int]) -> Reading:
        """The facts of a way as they can be asked and changed."""
        return Reading(self.ways, facts)

    def _take(self) -> Step:
        """What is to be walked next."""
        found: Step = self._work.pop()
        return found

    def _keep(self, to: int, token: Token, facts: Facts, trail: Trail, coarse: bool) -> None:
        """Walk on from a point later, unless a way like this one has come there."""
        seen = self._seen.setdefault(to, set())
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
                leave(self.ways.graph.function)
                return
            number, token, facts, trail, coarse = self._take()
            point = self.ways.graph.points[number]
            states = self._through(number, token, self._reading(facts), trail, coarse)
            while len(states) == 1 and self.ways.straight[number]:
                # One way in and one way on: nothing is to be kept between.
                number = point.edges[0].to
                point = self.ways.graph.points[number]
                trail = (trail, number, None)
                states = self._through(number, *states[0], trail, coarse)
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
        if edge.key:
            if not reading.of(edge.key) & edge.signs:
                return
            branch = self._reading(reading.known)
            branch.trail, branch.coarse = trail, coarse
            if not branch.test(edge.key, edge.signs):
                return
            steady = self.ways.steady_calls.get(edge.key)
            if steady is not None and not branch.test(steady, edge.signs):
                return
        else:
            branch = reading
        if edge.taken:
            token = self.client.decided(edge, token, branch)
            if token is None:
                return
        facts = branch.facts(self.live[edge.to])
        self._keep(edge.to, token, facts, (trail, edge.to, edge if edge.taken else None), coarse)

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
        if isinstance(operation, Assigned):
            signs = reading.value(operation.value)
            reading.set(operation.key, signs)
            token = self.client.assigned(operation, token, signs, reading)
        else:
            if isinstance(operation, Round):
                points = "list_for_each" in operation.macro
                for number, argument in enumerate(operation.arguments):
                    if argument.isidentifier() and not operation.ended:
                        reading.set(argument, POSITIVE if points and not number else ANY)
            elif isinstance(operation, Declared):
                reading.set(operation.key, ANY)
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


def steps_of(trail: Trail | None) -> list[tuple[int, Edge | None]]:
    """The points of a way and the decisions that led to them, from the entry on."""
    found = []
    while trail is not None:
        found.append((trail[1], trail[2]))
        trail = trail[0]
    return found[::-1]


def fails(signs: int | None, pointer: bool) -> bool | None:
    """Whether a way out returns a failure: a negative number; of a pointer also NULL. None where that is not known."""
    if signs is None:
        return None
    signs &= ANY
    if pointer:
        return True if signs & ~NOT_POSITIVE == 0 else False if signs == POSITIVE else None
    if signs & NEGATIVE:
        return None if signs & ZERO else True
    return False


def lines_of(graph: Graph, trail: Trail, last: int) -> Sequence[tuple[int, str]]:
    """(line, how it was decided) of the decisions of a way, and the line of its last point."""
    found = [(edge.line, edge.taken) for _, edge in steps_of(trail) if edge is not None]
    return (*found, (graph.points[last].line, ""))
