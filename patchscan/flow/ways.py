"""The ways through a function: a walk of its graph that knows what was tested and assigned on each.

A client says what it follows: its token changes with the operations, and with it the ways are told apart. The facts
of a way are the signs of values that are tested later; where two ways meet with the same token and facts they go on
as one. Bounded by counts: MAX_STEPS a walk, MAX_STATES a point and MAX_FACTS a way (beyond
these facts are forgotten, see `coarse`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from patchscan.basics.budget import BUDGET
from patchscan.basics.keep import kept
from patchscan.flow.actions import Assigned, Called, Operation
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.heeding import Anywhere, Client, Exit, Token, Trail
from patchscan.flow.knowing import Asked, Facts, Reach, Reading
from patchscan.flow.strides import Named, Place, Strides, call_word
from patchscan.flow.touring import Met, Strand, Tour
from patchscan.flow.unfollowed import leave

MAX_STEPS = BUDGET.steps.most
MAX_STATES = BUDGET.states.most
MAX_FACTS = BUDGET.facts.most
# So many clients of one graph walk to what they await for themselves, before one walk does it for all.
MANY_CLIENTS = 3
# So many places that a token leaves as it is are taken as a whole.
MANY_PLACES = 4
# A straight way of more points is known as a whole.
LONG_WAY = 8
# Tokens, each with what is known beside it.
States = list[tuple[Token, Reading]]


@kept
def ways_of(graph: Graph) -> "Ways":
    """The ways of a graph, which keep what walks of it have in common."""
    return Ways(graph)


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

    def strides(self, client: Client) -> Strides:
        """The places that a client's walk comes to."""
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

    def tour(self, client: Client) -> Tour | None:
        """The order of all places, where they were walked to for many clients."""
        arriving = self._arriving.get(client.uses)
        return arriving.toured if arriving is not None else None


class Walk:
    """One walk. exits: the ways out; complete: whether all were walked within the bound; steps: what that took."""

    tells = True
    hurries = True

    def __init__(self, ways: Ways, client: Client, known: Facts) -> None:
        self.ways = ways
        self.client = client
        self.known = known
        self.live = ways.live_with_uses if client.uses else ways.live
        self.named = ways.named
        self.places = ways.strides(client)
        self._strands: dict[Token, Strand] = {}
        self._met = ways.met(client) if not known and client.named(client.start()) else None
        # The bits of the calls to which a token is led that waits; no way comes twice to the one that was met.
        self.leading: int | None = None
        if self._met is not None:
            self.leading = 0
        elif client.awaits:
            self.leading = self.named.mask(frozenset(map(call_word, client.awaits)))
        self.tour = ways.tour(client)
        self.doing = ways.doing(client.heeds)
        self.exits: list[Exit] = []
        self.complete = True
        self.steps = 0
        self._begin()
        self._run()

    def _begin(self) -> None:
        entry, token = self.ways.graph.entry, self.client.start()
        self._counts = Counter(dict.fromkeys(range(len(self.ways.graph.points)), 0))
        self._work: list[Any] = []
        if self._met is not None:
            strand = self._strand(token)
            self._work += [(place, strand, trail, coarse) for place, trail, coarse in self._met]
            return
        self._keep(entry, token, self.known, (None, entry, None), False)

    def _reading(self, facts: Facts | Mapping[str, int]) -> Reading:
        """The facts of a way as they can be asked and changed."""
        return Reading(self.ways, facts)

    def _strand(self, token: Token) -> Strand:
        """What a walk knows of a token."""
        found = self._strands.get(token)
        if found is None:
            words = self.client.named(token)
            masks = None if words is None else self.named.masks(words)
            found = self._strands[token] = Strand(token, masks, self.client.waits(token))
        return found

    def _keep(self, to: int, token: Token, facts: Facts, trail: Trail, coarse: bool) -> None:
        """Walk on from a point later, unless a way like this one has come there."""
        self._keep_place(self.places.place(to, facts), self._strand(token), trail, coarse)

    def _keep_place(self, place: Place, strand: Strand, trail: Trail, coarse: bool) -> None:
        to = place.number
        if self._counts[to] >= MAX_STATES or place.crowded:
            place, coarse = self.places.place(to, ()), True
        if place not in strand.seen:
            strand.seen.add(place)
            self._counts[to] += 1
            self._work.append((place, strand, trail, coarse))

    def _run(self) -> None:
        while self._work:
            self.steps += 1
            if self.steps > MAX_STEPS:
                self.complete = False
                if self.tells:
                    leave(self.ways.graph.function)
                return
            self._advance()

    def _advance(self) -> None:
        """Walk on from where a way came to last."""
        place, strand, trail, coarse = self._work.pop()
        if place is None:
            self._tour_on(strand, *trail[1:])
            return
        if not strand.any:
            along = place.along
            if along is None:
                along = self.named.along_place(place)
            if not (along & strand.first and along & strand.last):
                if self.tour is None or coarse or not self._tours(self.tour, place, strand, trail):
                    self._stride(place, strand, trail, coarse)
                return
            if len(self.named.straight_from(place.number)) > LONG_WAY:
                self._long_step(place, strand, trail, coarse)
                return
        self._step(place.number, strand.token, self._reading(place.facts), trail, coarse)

    def _stride(self, place: Place, strand: Strand, trail: Trail, coarse: bool) -> None:
        """Walk on from a place at which nothing changes the token, to the next one at which something may."""
        leading, ahead = self.leading if strand.waits else None, self.named.ahead
        outs, named, steps = self.client.outs, self.named, self.steps
        seen, counts, work = strand.seen, self._counts, self._work
        while True:
            stride = place.stride or self.places.stride(place)
            for each in stride.straight:
                trail = (trail, each, None)
            if stride.out is not None:
                out, signs, known = stride.out
                self.exits.append(Exit(out, strand.token, signs, trail, known, coarse))
                break
            last: Place | None = None
            on: Trail = trail
            for after, edge in stride.following:
                to = after.number
                if leading is not None and not ahead[to] & leading:
                    continue
                if not outs and self._is_over(strand, to):
                    continue
                if counts[to] < MAX_STATES and not after.crowded:
                    if after in seen:
                        continue
                    seen.add(after)
                    counts[to] += 1
                    if last is not None:
                        work.append((last, strand, on, coarse))
                    last, on = after, (trail, to, edge)
                    continue
                if last is not None:
                    work.append((last, strand, on, coarse))
                    last = None
                self._keep_place(after, strand, (trail, to, edge), coarse)
            if last is None:
                break
            along = named.along_place(last) if last.along is None else last.along
            if (along & strand.first and along & strand.last) or steps >= MAX_STEPS or not self.hurries:
                work.append((last, strand, on, coarse))
                break
            steps += 1
            place, trail = last, on
        self.steps = steps

    def _tours(self, tour: Tour, place: Place, strand: Strand, trail: Trail) -> bool:
        """Take all that is behind a place as the tour has it, where a token comes there first."""
        if strand.waits and self.leading is not None:
            return False
        at = tour.begins(place, trail)
        if at is None:
            return False
        end = tour.ends[at]
        if end - at < MANY_PLACES or self.steps + end - at > MAX_STEPS:
            return False
        behind = tour.places[at + 1 : end]
        if not strand.seen.isdisjoint(behind):
            return False
        strand.seen.update(behind)
        self._tour_on(strand, at, end)
        return True

    def _tour_on(self, strand: Strand, at: int, end: int) -> None:
        """Take the tour from one position to another, up to the first place that may change the token."""
        assert self.tour is not None
        tour = self.tour
        to, left = tour.passed(strand, at, end)
        self.steps += to - at
        self._counts.update(tour.numbers[at:to])
        self.exits += [
            Exit(out, strand.token, signs, trail, known) for _, out, signs, known, trail in tour.outs(at, to)
        ]
        self._work += left

    def _is_over(self, strand: Strand, to: int) -> bool:
        """Whether nothing is named at a point and behind it that may change a token."""
        ahead = self.named.ahead[to]
        return not (strand.any or (ahead & strand.first and ahead & strand.last))

    def _step(self, number: int, token: Token, reading: Reading, trail: Trail, coarse: bool) -> None:
        """Walk on from a point by what the client says."""
        states = self._through(number, token, reading, trail, coarse)
        while len(states) == 1 and self.ways.straight[number]:
            # One way in and one way on: nothing is to be kept between.
            number = self.ways.graph.points[number].edges[0].to
            trail = (trail, number, None)
            states = self._through(number, *states[0], trail, coarse)
        self._go_on(number, states, trail, coarse)

    def _long_step(self, place: Place, strand: Strand, trail: Trail, coarse: bool) -> None:
        """Walk on over a long straight way, of which only what the client heeds is asked of it."""
        head = place.number
        points = (head, *self.named.straight_from(head))
        course = self.places.course(place)
        states, at = [(strand.token, self._reading(place.facts))], 0
        while True:
            token, reading = states[0]
            strand = strand if token is strand.token else self._strand(token)
            if not strand.any and reading.known == course[at]:
                found = self.named.next_on(head, at, strand.first, strand.last)
                to = len(points) - 1 if found is None else found
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
            leading = self.leading if self.leading is not None and self.client.waits(after) else None
            for edge in point.edges:
                if leading is None or self.named.ahead[edge.to] & leading:
                    self._follow(edge, after, reading, trail, coarse)

    def _follow(self, edge: Edge, token: Token, reading: Reading, trail: Trail, coarse: bool) -> None:
        branch = reading.along(edge, self.live[edge.to])
        if branch is None:
            return
        if edge.taken:
            token = self.client.decided(edge, token, branch)
            if token is None:
                return
        # Where the ways out are not asked for, a way ends behind all that may change its token.
        if not self.client.outs and self._is_over(self._strand(token), edge.to):
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
    """A walk that follows nothing. met: how its ways came to each point, in their turn; came: to all of them."""

    # Each client then walks for itself.
    tells = False
    # Each place is noted.
    hurries = False

    def _begin(self) -> None:
        self.met: dict[int, list[Met]] = {}
        self.came: list[Met] = []
        super()._begin()

    def _advance(self) -> None:
        place, _, trail, coarse = self._work[-1]
        self.came.append((place, trail, coarse))
        self.met.setdefault(place.number, []).append((place, trail, coarse))
        super()._advance()

    @cached_property
    def toured(self) -> Tour | None:
        """The order in which it came to all places, where it came to them knowing all that may be known."""
        if not self.complete or any(coarse for *_, coarse in self.came):
            return None
        return Tour(self.places, self.named, [(place, trail) for place, trail, _ in self.came])
