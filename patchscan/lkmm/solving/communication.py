"""How accesses communicate: reads-from and coherence order, in clauses.

Every read that is executed reads from one write; the writes to a variable are totally ordered; po-loc | rf
| co | fr has no cycle ("coherence"); nothing comes between the read and the write of a read-modify-write
("atomic").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, pairwise, permutations, product
from typing import TYPE_CHECKING, overload

from patchscan.lkmm.memory.events import INITIAL_THREAD, Event, TooLarge
from patchscan.lkmm.solving.cnf import FALSE, TRUE
from patchscan.lkmm.solving.turns import Section

MOST_PAIRS = 200_000  # of writes to one variable whose order is open
MOST_TRIPLES = 400_000  # of such, two clauses each; beyond them the solver is told of those that it breaks
NO_SECTIONS: Mapping[str, Sequence[Section]] = {}

if TYPE_CHECKING:
    from patchscan.lkmm.solving.literals import Literals


class WriteOrder:
    """co[write, write]: the literal of "the first is before the second", for writes that may be to one variable.

    chains: write -> (variable, thread), for those that are to this variable in any case: their order is that of the
    program, and the initial write is before them. pairs: the literals of all others.
    """

    def __init__(self, literals: Literals, writes: Iterable[Event]) -> None:
        self.pairs: dict[tuple[int, int], int] = {}
        self.chains: dict[int, tuple[str, int]] = {}
        for write in writes:
            for name, literal in literals.address[write.number].items():
                if literal == TRUE:
                    self.chains[write.number] = (name, write.thread)

    def __getitem__(self, pair: tuple[int, int]) -> int:
        literal = self.get(pair)
        assert literal is not None, "these two are never to one variable"
        return literal

    @overload
    def get(self, pair: tuple[int, int]) -> int | None: ...
    @overload
    def get(self, pair: tuple[int, int], default: int) -> int: ...
    def get(self, pair: tuple[int, int], default: int | None = None) -> int | None:
        one, other = (self.chains.get(write) for write in pair)
        if one is not None and other is not None:
            if one == other:
                return TRUE if pair[0] < pair[1] else FALSE
            if one[0] == other[0] and INITIAL_THREAD in (one[1], other[1]):
                return TRUE if one[1] == INITIAL_THREAD else FALSE
        return self.pairs.get(pair, default)


class Communication:
    """rf[write, read] and co[write, write]: literals; sources[read]: the writes it may read from.

    untold: variables of which it is not said that the order of their writes has no cycle.
    takes: write -> the one that takes the lock, for the writes of locks whose sections follow each other as wholes: all
    writes of one section stand on the same side of one of another, and share the literal of that."""

    def __init__(
        self, literals: Literals, coherent: bool, sections: Mapping[str, Sequence[Section]] = NO_SECTIONS
    ) -> None:
        self.literals = literals
        self.formula = literals.formula
        self.writes = [event for event in literals.events if event.kind == "W"]
        self.reads = [event for event in literals.events if event.kind == "R"]
        self.writes_to: dict[str, list[Event]] = {}
        for write in self.writes:
            for name in literals.address[write.number]:
                self.writes_to.setdefault(name, []).append(write)
        self.co = WriteOrder(literals, self.writes)
        self.takes = self._takes(sections)
        self.untold: list[str] = []
        self.rf: dict[tuple[int, int], int] = {}
        self.sources: dict[int, list[int]] = {}
        self._order_writes()
        for read in self.reads:
            self._read_from(
                read, self._readable(read) if coherent else self._rivals(literals.address[read.number])
            )
        if coherent:
            self._coherence()
            self._atomic()

    def end(self) -> None:
        """No more is asked: the literals hold what is told here, and would wait for the garbage collector with it."""
        del self.literals

    def meeting(self, one: Event, other: Event) -> list[int]:
        """Literals of "both are executed, on the same variable"."""
        if self.literals.address[one.number].keys().isdisjoint(self.literals.address[other.number]):
            return [FALSE]
        return [*self._given(one, other), self.literals.same_variable(one.number, other.number)]

    def _given(self, *events: Event) -> list[int]:
        """Literals of "these events are executed"."""
        executed = self.literals.executed
        return [executed[event.number] for event in events if executed[event.number] != TRUE]

    def _rivals(self, addresses: dict[str, int]) -> list[Event]:
        """The writes to any of these variables, in order of their number."""
        if len(addresses) == 1:
            return self.writes_to.get(next(iter(addresses)), [])
        found = {write.number: write for name in addresses for write in self.writes_to.get(name, ())}
        return [found[number] for number in sorted(found)]

    # Coherence order

    def _order_writes(self) -> None:
        """One literal a pair, two clauses a triple: no cycle of three is a total order. Nothing need be said within a
        chain, and of two chains only that a write before another is before all that follow that."""
        seen: set[tuple[int, ...]] = set()
        for name, writes in self.writes_to.items():
            chains = self._chains(name, writes)
            triples = self._triples(writes, [len(chain) for chain in chains])
            whole: dict[tuple[int, int], int] = {}
            for one, other in _pairs_of(chains):
                if (one.number, other.number) not in self.co.pairs:
                    literal = self._order_of_sections(one, other, whole)
                    self.co.pairs[one.number, other.number] = literal
                    self.co.pairs[other.number, one.number] = -literal
            if triples > MOST_TRIPLES:
                self.untold.append(name)
                continue
            for triple in _triples_of([list(filter(self._stands_alone, chained)) for chained in chains]):
                if triple not in seen:
                    seen.add(triple)
                    self._no_cycle(*triple)

    def _chains(self, name: str, writes: list[Event]) -> list[list[Event]]:
        """Writes of which the order is known are one chain, each other is one of its own; the initial write is none
        where all are known to come behind it."""
        chains: dict[object, list[Event]] = {}
        for write in writes:
            chain = self.co.chains.get(write.number)
            chains.setdefault(write.number if chain is None else chain, []).append(write)
        if all(write.number in self.co.chains for write in writes):
            chains.pop((name, INITIAL_THREAD), None)
        return list(chains.values())

    @staticmethod
    def _triples(writes: list[Event], sizes: list[int]) -> int:
        """How many there are of writes of three chains."""
        pairs = triples = total = 0
        for size in sizes:
            triples += pairs * size
            pairs += total * size
            total += size
        if pairs > MOST_PAIRS:
            raise TooLarge(f"{len(writes)} writes to one variable may stand in too many orders")
        return triples

    def _takes(self, sections: Mapping[str, Sequence[Section]]) -> dict[int, int]:
        """Of locks whose writes of one thread have a known order."""
        found: dict[int, int] = {}
        for of_lock in sections.values():
            takes = {each.number: one.take.number for one in of_lock for each in (one.take, *one.releases)}
            if takes.keys() <= self.co.chains.keys():
                found |= takes
        return found

    def _stands_alone(self, write: Event) -> bool:
        """Whether no other write tells where it stands."""
        return self.takes.get(write.number, write.number) == write.number

    def _order_of_sections(self, one: Event, other: Event, whole: dict[tuple[int, int], int]) -> int:
        """The literal of their order; whole: those of the sections of which it is known."""
        first, second = self.takes.get(one.number), self.takes.get(other.number)
        if first is None or second is None or one.thread == other.thread:
            return self._order(one, other)
        if (first, second) not in whole:
            literal = self._order(one, other)
            whole[first, second], whole[second, first] = literal, -literal
        return whole[first, second]

    def _order(self, one: Event, other: Event) -> int:
        if one.tag == "IW":
            return TRUE
        if other.tag == "IW":
            return FALSE
        if one.thread != other.thread:
            return self.formula.new_variable()
        if one.number > other.number:
            return -self._order(other, one)
        literal = self.formula.new_variable()
        same = self.literals.same_variable(one.number, other.number)
        self.formula.implies([*self._given(one, other), same], literal)
        return literal

    def _no_cycle(self, first: int, second: int, third: int) -> None:
        forth, on, back = self.co[first, second], self.co[second, third], self.co[third, first]
        self.formula.add(-forth, -on, -back)
        self.formula.add(forth, on, back)

    def last_ones(self, name: str) -> list[Event]:
        """The writes to the variable that may be the last: those with none behind them that is sure to happen."""
        found: list[Event] = []
        over: set[object] = set()
        for write in reversed(self.writes_to.get(name, [])):
            chain = self.co.chains.get(write.number)
            if chain is None or chain not in over:
                found.append(write)
            if chain is not None and self.literals.executed[write.number] == TRUE:
                over |= {chain, (name, INITIAL_THREAD)}
        return found[::-1]

    # Reads-from

    def _readable(self, read: Event) -> list[Event]:
        """The writes that a read may see, but for those of its own thread that come later, and for all that are over
        where the thread was sure to write again before it reads."""
        address = self.literals.address[read.number]
        rivals = self._rivals(address)
        mine = [
            write.number for write in rivals if write.thread == read.thread and write.number < read.number
        ]
        over = next((each for each in reversed(mine) if self._is_sure(each, address)), None)
        return [
            write
            for write in rivals
            if (
                (over or 0) <= write.number < read.number
                if write.thread == read.thread
                else over is None or write.tag != "IW"
            )
        ]

    def _is_sure(self, write: int, address: dict[str, int]) -> bool:
        """Whether a write is executed in each execution, and always goes to the one variable that is read."""
        literals = self.literals
        return len(address) == 1 == len(literals.address[write]) and literals.executed[write] == TRUE

    def _read_from(self, read: Event, writes: list[Event]) -> None:
        literals, formula = self.literals, self.formula
        number = read.number
        sources: list[int] = []
        self.sources[number] = []
        for write in writes:
            if not literals.ranges.may_read(write, read) or self._excludes(write, read):
                continue
            if literals.written[write.number].keys().isdisjoint(literals.read[number]):
                continue
            literal = formula.new_variable()
            self.rf[write.number, number] = literal
            self.sources[number].append(write.number)
            sources.append(literal)
            for needed in (*self._given(write, read), literals.same_variable(write.number, number)):
                formula.add(-literal, needed)
            self._pass_value(write.number, number, literal)
        formula.implies(self._given(read), *sources)
        formula.at_most_one(sources)

    @staticmethod
    def _excludes(write: Event, read: Event) -> bool:
        return any(-branch in read.guard for branch in write.guard)

    def _pass_value(self, write: int, read: int, literal: int) -> None:
        returned = self.literals.read[read]
        for value, written in self.literals.written[write].items():
            self.formula.implies([literal, written], returned.get(value, FALSE))

    # Coherence of a thread with itself

    def _coherence(self) -> None:
        accesses: dict[int, list[Event]] = {}
        for event in self.literals.events:
            if event.kind in "RW" and event.thread != INITIAL_THREAD:
                accesses.setdefault(event.thread, []).append(event)
        for events in accesses.values():
            known: dict[str, list[tuple[int, Event]]] = {}
            for place, later in enumerate(events):
                mine = [known.setdefault(name, []) for name in self.literals.address[later.number]]
                before = mine[0] if len(mine) == 1 else sorted(dict(chain.from_iterable(mine)).items())
                self._after_earlier(later, (each for _, each in reversed(before)))
                for of_name in mine:
                    of_name.append((place, later))

    def _after_earlier(self, later: Event, backwards: Iterable[Event]) -> None:
        """Order `later` after the accesses before it of a variable that it may touch, the last ones first.

        They go back to one that is certain: that one is ordered itself.
        """
        literals = self.literals
        address = literals.address[later.number]
        for earlier in backwards:
            same = literals.same_variable(earlier.number, later.number)
            given = [literal for literal in (*self._given(earlier, later), same) if literal != TRUE]
            self._in_order(earlier, later, given)
            if literals.executed[earlier.number] == TRUE and len(address) == 1 and same == TRUE:
                return

    def _in_order(self, earlier: Event, later: Event, given: list[int]) -> None:
        """The writes these two see or make do not stand the other way round in co."""
        for one, one_literals in self._seen_or_made(earlier):
            for other, other_literals in self._seen_or_made(later):
                if one == other and earlier.kind == "W" == later.kind:
                    continue
                if one != other:
                    order = self.co.get((one, other), FALSE)
                    self.formula.implies([*given, *one_literals, *other_literals], order)
                elif later.kind == "W":
                    self.formula.implies([*given, *one_literals])

    def _seen_or_made(self, event: Event) -> list[tuple[int, list[int]]]:
        if event.kind == "W":
            return [(event.number, [])]
        return [(write, [self.rf[write, event.number]]) for write in self.sources[event.number]]

    # Read-modify-writes

    def _atomic(self) -> None:
        pairs = [(write.partner, write) for write in self.writes if write.partner is not None]
        for read, write in pairs:
            own = (write.thread, INITIAL_THREAD)
            rivals = self._rivals(self.literals.address[write.number])
            others = [each for each in rivals if each.thread not in own]
            for source in self.sources[read] if others else ():
                for between in others:
                    if source != self.takes.get(between.number, between.number) != between.number:
                        continue  # The take says the same of its release.
                    self._not_between(source, between, write, self.rf[source, read])
        events = self.literals.events
        for (read, _), (other, _) in combinations(pairs, 2):
            if events[read].thread != events[other].thread:
                for source in self.sources[read]:
                    if (source, other) in self.rf:
                        self.formula.add(-self.rf[source, read], -self.rf[source, other])

    def _not_between(self, source: int, between: Event, write: Event, reads: int) -> None:
        if between.number == source:
            return
        after = self.co.get((source, between.number))
        before = self.co.get((between.number, write.number))
        if after is not None and before is not None:
            same = self.literals.same_variable(between.number, write.number)
            self.formula.implies([reads, after, before, same, *self._given(between)])


def _pairs_of(chains: list[list[Event]]) -> Iterator[tuple[Event, Event]]:
    """The pairs of writes of two chains."""
    return chain.from_iterable(product(one, other) for one, other in combinations(chains, 2))


def _triples_of(chains: list[list[Event]]) -> Iterator[tuple[int, int, int]]:
    """A write each of three chains; and one of a chain with two of another that follow each other."""
    numbers = [[write.number for write in writes if write.tag != "IW"] for writes in chains]
    for three in combinations(numbers, 3):
        yield from product(*three)
    for one, other in permutations(numbers, 2):
        for write in one:
            for first, second in pairwise(other):
                yield write, first, second
