"""Guarded events -> literals: whether each is executed, and what it reads, writes and touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from patchscan.basics.record import replace
from patchscan.lkmm.dialect.litmus_syntax import (
    Observed,
    Value,
    observed_in,
)
from patchscan.lkmm.memory.arithmetic import UNKNOWN, apply
from patchscan.lkmm.memory.events import (
    ALWAYS,
    INITIAL_THREAD,
    Cases,
    Computed,
    Event,
    Guard,
    Program,
    ReadValue,
    Term,
    constant,
)
from patchscan.lkmm.solving.cnf import TRUE, Formula
from patchscan.lkmm.solving.comparisons import Comparison, Match, as_truth, comparison_of, match_of, operands
from patchscan.lkmm.solving.counters import Counter, without_hidden
from patchscan.lkmm.solving.values import Ranges

NONE: Mapping[str, Counter] = {}


class Literals:
    """Which literal says what of the events of one program; what they may amount to is closed, not yet related.

    events: the program's events, then one initial write (tag IW) a variable.
    executed[event]; read[event], written[event]: value -> literal; address[event]: variable -> literal.
    counters: the variables that are changed by sums alone; the hidden ones keep their first values here.
    counted: the reads of hidden ones. comparisons: of these with constants -> literal, not yet defined. matches: of
        these with each other, likewise.
    undefined: operations without a value that some execution may come to, "x + y" of two addresses: such
        executions are left out.
    """

    def __init__(
        self,
        program: Program,
        deadline: float | None = None,
        largest: int | None = None,
        counters: Mapping[str, Counter] = NONE,
    ) -> None:
        self.program = without_hidden(program, counters)
        self.counters = counters
        self.counted = {read: each for each in counters.values() if each.hidden for read in each.reads}
        self.comparisons: dict[Comparison, int] = {}
        self.matches: dict[Match, int] = {}
        self.formula = Formula(deadline, largest)
        self.undefined: set[str] = set()
        self.ranges = Ranges(self.program, deadline)
        self._narrow(counters)
        self._guards: dict[Guard, int] = {ALWAYS: TRUE}
        self.branches = [self.formula.new_variable() for _ in program.branches]
        self.events = [*self.program.events, *self._initial_writes()]
        self.executed = [self.guard(event.guard) for event in self.events]
        self._terms: dict[Term, dict[Value, int]] = {}
        self._same: dict[tuple[int, int], int] = {}
        self.read = {event.number: self._read_values(event) for event in self.events if event.kind == "R"}
        self.address = {
            event.number: self._addresses(event) for event in self.events if event.address is not None
        }
        self.written = {event.number: self._written(event) for event in self.events if event.kind == "W"}

    def _narrow(self, counters: Mapping[str, Counter]) -> None:
        """A read of a counter finds a sum of its steps, not of the one that it belongs to."""
        ranges = self.ranges
        ranges.read |= {read: {counter.initial} for read, counter in self.counted.items()}
        for counter in counters.values():
            own = {step.read: step.write for step in counter.steps}
            for read in () if counter.hidden else ranges.reads:
                sums = counter.sums(own.get(read.number))
                if sums is not None and ranges.address[read.number] == {counter.name}:
                    ranges.read[read.number] &= sums

    # Events

    def _initial_writes(self) -> Iterable[Event]:
        litmus = self.program.litmus
        names = set().union(*self.ranges.address.values())
        for observed in self.observed():
            if observed.thread is None:
                names.add(observed.name)
        for number, name in enumerate(sorted(names), start=len(self.program.events)):
            self.ranges.address[number] = {name}
            value = litmus.initial.get(name, 0)
            yield Event(
                number,
                INITIAL_THREAD,
                "W",
                "IW",
                ALWAYS,
                constant(name),
                constant(value),
                text=f"{name}={value}",
            )

    def observed(self) -> set[Observed]:
        """What the condition, the filter and `locations` look at."""
        litmus = self.program.litmus
        return observed_in(litmus.condition) | observed_in(litmus.filter) | set(litmus.locations)

    def guard(self, guard: Guard) -> int:
        """The literal of "these branches went this way": that of all but the innermost is known, mostly."""
        literal = self._guards.get(guard)
        if literal is None:
            innermost = max(guard, key=abs)
            around = self._guards.get(guard - {innermost})
            literals = self.guard_literals(guard) if around is None else [around, self.branch(innermost)]
            literal = self._guards[guard] = self.formula.all_of(literals)
        return literal

    def guard_literals(self, guard: Guard) -> list[int]:
        return [self.branch(branch) for branch in sorted(guard)]

    def branch(self, branch: int) -> int:
        return self.branches[branch - 1] if branch > 0 else -self.branches[-branch - 1]

    # Values

    def _read_values(self, event: Event) -> dict[Value, int]:
        values = sorted(self.ranges.read[event.number], key=_by_kind)
        if len(values) == 1:
            return {values[0]: TRUE}
        literals = {value: self.formula.new_variable() for value in values}
        self.formula.at_most_one(list(literals.values()))
        self.formula.add(-self.executed[event.number], *literals.values())
        return literals

    def _addresses(self, event: Event) -> dict[str, int]:
        names = self.ranges.address[event.number]
        values = self.values(event.address or ())
        for value, literal in values.items():
            if value not in names:
                self.formula.add(-self.executed[event.number], -literal)
        return {name: literal for name, literal in values.items() if name in names}

    def _written(self, event: Event) -> dict[Value, int]:
        values = self.values(event.value or ())
        self.formula.add(-self.executed[event.number], *values.values())
        return values

    def values(self, cases: Cases) -> dict[Value, int]:
        """What the cases may amount to, and when."""
        if len(cases) == 1 and not cases[0].guard:
            return self.term(cases[0].term)
        reasons: dict[Value, list[int]] = {}
        for case in cases:
            guard = self.guard_literals(case.guard)
            for value, literal in self.term(case.term).items():
                reasons.setdefault(value, []).append(self.formula.all_of([*guard, literal]))
        return {value: self.formula.any_of(literals) for value, literals in reasons.items()}

    def truths(self, cases: Cases) -> dict[Value, int]:
        """As `values`, where only the truth of them matters."""
        if self.counted:
            cases = tuple(replace(case, term=as_truth(case.term, self.counted.keys())) for case in cases)
        return self.values(cases)

    def term(self, term: Term) -> dict[Value, int]:
        if isinstance(term, ReadValue):
            return self.read[term.event]
        if not isinstance(term, Computed):
            return {term: TRUE}
        known = self._terms.get(term)
        if known is None:
            known = self._terms[term] = self._computed(term)
        return known

    def comparison(self, comparison: Comparison) -> int:
        """The literal of "it holds", as far as the read is executed."""
        if comparison not in self.comparisons:
            self.comparisons[comparison] = self.formula.new_variable()
        return self.comparisons[comparison]

    def _compared(self, term: Computed) -> tuple[int, bool] | None:
        """The literal of a comparison of hidden counters, and whether the term says that it holds."""
        compared = comparison_of(term)
        if compared is not None and compared[0].read in self.counted:
            return self.comparison(compared[0]), compared[1]
        matched = match_of(term)
        if matched is not None and matched[0].one in self.counted:
            if matched[0] not in self.matches:
                self.matches[matched[0]] = self.formula.new_variable()
            return self.matches[matched[0]], matched[1]
        return None

    def _computed(self, term: Computed) -> dict[Value, int]:
        compared = self._compared(term) if self.counted else None
        if compared is not None:
            holds, said = compared
            return {1: holds, 0: -holds} if said else {0: holds, 1: -holds}
        left, right = map(self.term, operands(term, self.counted.keys()))
        reasons: dict[Value, list[int]] = {}
        for one, one_literal in left.items():
            for other, other_literal in right.items():
                value = apply(term.operator, one, other)
                if value is not None:
                    reasons.setdefault(value, []).append(self.formula.all_of((one_literal, other_literal)))
                elif UNKNOWN not in (one, other):
                    self.undefined.add(f"{one} {term.operator} {other}")
        return {value: self.formula.any_of(literals) for value, literals in reasons.items()}

    # Variables

    def same_variable(self, one: int, other: int) -> int:
        """The literal of "both events touch the same variable"."""
        key = (one, other)
        literal = self._same.get(key)
        if literal is None:
            left, right = self.address[one], self.address[other]
            literal = self.formula.any_of(
                self.formula.all_of((left[name], right[name])) for name in left if name in right
            )
            self._same[key] = literal
        return literal


def _by_kind(value: Value) -> tuple[bool, Value]:
    """Integers in order, then addresses in order."""
    return (isinstance(value, str), value)
