"""Which values each read may return and which variables each access may touch: finite sets, from the text
alone.

The sets are too large rather than too small; the solver decides. Copies and addresses are followed until nothing
changes. Sums make new values without end, so they are computed anew as often as there are accesses that compute:
no value can pass through more of them without a cycle.
"""

from __future__ import annotations

from collections.abc import Iterable

from patchscan.basics.budget import BUDGET
from patchscan.lkmm.dialect.litmus_syntax import Litmus, Value
from patchscan.lkmm.memory.arithmetic import UNKNOWN, apply
from patchscan.lkmm.memory.events import Case, Cases, Computed, Event, Program, ReadValue, Term, TooLarge
from patchscan.lkmm.solving.cnf import check_time

LARGEST = BUDGET.values.most


class Ranges:
    """read[event]: the values a read may return; address[event]: the variables an access may touch.

    copied: reads that may return UNKNOWN, because copies can lead from them back to themselves.
    cyclic: reads whose value may, in some choice of reads-from, depend on itself.
    """

    def __init__(self, program: Program, deadline: float | None = None) -> None:
        self.litmus: Litmus = program.litmus
        self.reads = [event for event in program.events if event.kind == "R"]
        self.writes = [event for event in program.events if event.kind == "W"]
        self.read: dict[int, set[Value]] = {event.number: set() for event in self.reads}
        self.accesses = [event for event in program.events if event.address is not None]
        self.pointed = [event for event in self.accesses if any(map(_is_read, event.address or ()))]
        self.address: dict[int, set[str]] = {
            event.number: self._variables(case.term for case in event.address or ())
            for event in self.accesses
        }
        self.copied: set[int] = set()
        self.cyclic: set[int] = set()
        self._grow(deadline)
        if any(event.tag == "plain" for event in program.events):
            self._find_cycles()
        self._obey_locks(program)

    def of_cases(self, cases: Cases) -> set[Value]:
        return set().union(*(self.of_term(case.term) for case in cases))

    def of_term(self, term: Term) -> set[Value]:
        if isinstance(term, ReadValue):
            return self.read[term.event]
        if isinstance(term, Computed):
            left, right = self.of_term(term.left), self.of_term(term.right)
            results = {apply(term.operator, one, other) for one in left for other in right}
            return {value for value in results if value is not None}
        return {term}

    def may_read(self, write: Event, read: Event) -> bool:
        """Whether `read` comes too early in its thread to see `write`, or looks elsewhere."""
        if self._is_later(write, read):
            return False
        return not self.address[write.number].isdisjoint(self.address[read.number])

    @staticmethod
    def _is_later(write: Event, read: Event) -> bool:
        return write.thread == read.thread and write.number > read.number

    def _grow(self, deadline: float | None) -> None:
        terms = [
            {case.term for case in (*(event.address or ()), *(event.value or ()))} for event in self.accesses
        ]
        computing = [{term for term in used if isinstance(term, Computed)} for used in terms]
        computed = {term: set[Value]() for term in set().union(*computing)}
        for _ in range(sum(map(bool, computing)) + 1):
            self._follow_copies(computed, deadline)
            grown = {term: self.of_term(term) for term in computed}
            if grown == computed:
                return
            computed = grown
        self._follow_copies(computed, deadline)

    def _follow_copies(self, computed: dict[Computed, set[Value]], deadline: float | None) -> None:
        """Pass values on through memory until nothing changes; computed: what sums come to, for the time being."""

        def values(cases: Cases) -> set[Value]:
            found: set[Value] = set()
            for case in cases:
                found |= computed[case.term] if isinstance(case.term, Computed) else self.of_term(case.term)
            return found

        changed = True
        while changed:
            changed = False
            for event in self.pointed:
                self.address[event.number] = self._variables(values(event.address or ()))
            written: dict[str, list[tuple[Event, set[Value]]]] = {}
            for write in self.writes:
                of_write = values(write.value or ())
                for name in self.address[write.number]:
                    written.setdefault(name, []).append((write, of_write))
            check_time(deadline)
            whole = {
                name: set[Value]().union(*(each for _, each in found)) for name, found in written.items()
            }
            for read in self.reads:
                known = self.read[read.number]
                size = len(known)
                for name in self.address[read.number]:
                    known.add(self.litmus.initial.get(name, 0))
                    for write, of_write in written.get(name, ()):
                        if known >= whole[name]:
                            break
                        if not self._is_later(write, read):
                            known |= of_write
                changed |= len(known) != size
            if sum(map(len, self.read.values())) > LARGEST:
                raise TooLarge(f"the reads may return more than {LARGEST} values")

    def _variables(self, values: Iterable[Term]) -> set[str]:
        return {str(value) for value in values if self._is_variable(value)}

    def _is_variable(self, value: Term) -> bool:
        """Whether it is an address one may access: not an integer, not outside its array."""
        if not isinstance(value, str) or value == UNKNOWN:
            return False
        name, bracket, index = value.partition("[")
        size = self.litmus.arrays.get(name, 1)
        return not bracket or 0 <= int(index[:-1]) < size

    def _find_cycles(self) -> None:
        """A plain access leaves room for a value that comes from nowhere but itself."""
        flows = {event.number: set[int]() for event in self.reads}
        copies = {event.number: set[int]() for event in self.reads}
        for read in self.reads:
            for write in self.writes:
                if self.may_read(write, read):
                    for case in write.value or ():
                        flows[read.number] |= reads_in(case.term)
                        if isinstance(case.term, ReadValue):
                            copies[read.number].add(case.term.event)
        self.cyclic = _on_cycles(flows)
        self.copied = _on_cycles(copies)
        for number in self.copied:
            self.read[number].add(UNKNOWN)
        for _ in self.reads if self.copied else ():
            for read in self.reads:
                for write in self.writes:
                    if self.may_read(write, read):
                        self.read[read.number] |= self.of_cases(write.value or ())

    def _obey_locks(self, program: Program) -> None:
        """The read of a lock that is taken finds 0, whatever else was written there."""
        for requirement in program.requirements:
            term = requirement.cases[0].term
            if len(requirement.cases) > 1 or not isinstance(term, Computed) or term.operator != "==":
                continue
            if isinstance(term.left, ReadValue) and isinstance(term.right, int):
                self.read[term.left.event] &= {term.right}


def _is_read(case: Case) -> bool:
    """Whether what a case amounts to is read first."""
    return isinstance(case.term, (ReadValue, Computed))


def reads_in(term: Term) -> set[int]:
    if isinstance(term, ReadValue):
        return {term.event}
    if isinstance(term, Computed):
        return reads_in(term.left) | reads_in(term.right)
    return set()


def _on_cycles(edges: dict[int, set[int]]) -> set[int]:
    """The nodes from which a path leads back."""
    reached = {node: set(following) for node, following in edges.items()}
    for middle in edges:
        for node in edges:
            if middle in reached[node]:
                reached[node] |= reached[middle]
    return {node for node in edges if node in reached[node]}
