"""How accesses communicate: reads-from and coherence order, in clauses.

Every read that is executed reads from one write; the writes to a variable are totally ordered; po-loc | rf
| co | fr has no cycle ("coherence"); nothing comes between the read and the write of a read-modify-write
("atomic").
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from patchscan.lkmm.memory.events import INITIAL_THREAD, Event, TooLarge
from patchscan.lkmm.solving.cnf import FALSE, TRUE

MOST_WRITES = 200  # to one variable: the clauses of a total order grow with the third power

if TYPE_CHECKING:
    from patchscan.lkmm.solving.literals import Literals


class Communication:
    """rf[write, read] and co[write, write]: literals; sources[read]: the writes it may read from."""

    def __init__(self, literals: Literals, coherent: bool) -> None:
        self.literals = literals
        self.formula = literals.formula
        self.writes = [event for event in literals.events if event.kind == "W"]
        self.reads = [event for event in literals.events if event.kind == "R"]
        self.writes_to: dict[str, list[Event]] = {}
        for write in self.writes:
            for name in literals.address[write.number]:
                self.writes_to.setdefault(name, []).append(write)
        self.co: dict[tuple[int, int], int] = {}
        self.rf: dict[tuple[int, int], int] = {}
        self.sources: dict[int, list[int]] = {}
        self._order_writes()
        for read in self.reads:
            self._read_from(read)
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
        """One literal a pair, two clauses a triple: no cycle of three is a total order."""
        for writes in self.writes_to.values():
            for one, other in combinations(writes, 2):
                if (one.number, other.number) not in self.co:
                    literal = self._order(one, other)
                    self.co[one.number, other.number] = literal
                    self.co[other.number, one.number] = -literal
        self._check_size()
        seen: set[tuple[int, int, int]] = set()
        for writes in self.writes_to.values():
            later = [write.number for write in writes if write.tag != "IW"]
            for triple in combinations(later, 3):
                if triple not in seen:
                    seen.add(triple)
                    self._no_cycle(*triple)

    def _check_size(self) -> None:
        largest = max(map(len, self.writes_to.values()), default=0)
        if largest > MOST_WRITES:
            raise TooLarge(f"{largest} writes to one variable are more than the limit of {MOST_WRITES}")

    def _order(self, one: Event, other: Event) -> int:
        if one.tag == "IW":
            return TRUE
        if other.tag == "IW":
            return FALSE
        if one.thread != other.thread:
            return self.formula.new_variable()
        same = self.literals.same_variable(one.number, other.number)
        if same == TRUE:
            return TRUE
        literal = self.formula.new_variable()
        self.formula.implies([*self._given(one, other), same], literal)
        return literal

    def _no_cycle(self, first: int, second: int, third: int) -> None:
        forth, on, back = self.co[first, second], self.co[second, third], self.co[third, first]
        self.formula.add(-forth, -on, -back)
        self.formula.add(forth, on, back)

    # Reads-from

    def _read_from(self, read: Event) -> None:
        literals, formula = self.literals, self.formula
        number = read.number
        sources: list[int] = []
        self.sources[number] = []
        for write in self._rivals(literals.address[number]):
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
            for place, later in enumerate(events):
                self._after_earlier(later, events[:place])

    def _after_earlier(self, later: Event, events: list[Event]) -> None:
        """Order `later` after the accesses before it, back to one that is certain: that one is ordered
        itself.
        """
        literals = self.literals
        address = literals.address[later.number]
        for earlier in reversed(events):
            other = literals.address[earlier.number]
            if address.keys().isdisjoint(other):
                continue
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
            for source in self.sources[read]:
                for between in self._rivals(self.literals.address[write.number]):
                    self._not_between(source, between, write, self.rf[source, read])
        events = self.literals.events
        for (read, _), (other, _) in combinations(pairs, 2):
            if events[read].thread != events[other].thread:
                for source in self.sources[read]:
                    if (source, other) in self.rf:
                        self.formula.add(-self.rf[source, read], -self.rf[source, other])

    def _not_between(self, source: int, between: Event, write: Event, reads: int) -> None:
        if between.thread in (write.thread, INITIAL_THREAD) or between.number == source:
            return
        after = self.co.get((source, between.number))
        before = self.co.get((between.number, write.number))
        if after is not None and before is not None:
            same = self.literals.same_variable(between.number, write.number)
            self.formula.implies([reads, after, before, same, *self._given(between)])
