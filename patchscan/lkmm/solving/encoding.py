"""Guarded events -> clauses: every assignment is a coherent candidate execution, and every such execution
is one.

Said in clauses from the start: which branches are taken, what each access reads, writes and touches, from
where each read reads, and in which order the writes to a variable stand. What the memory model forbids
beyond that is added clause by clause while solving (solving.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from patchscan.lkmm.answers.results import observed_order
from patchscan.lkmm.dialect.litmus_syntax import (
    And,
    Condition,
    Equals,
    Not,
    Observed,
    Or,
    Value,
    observed_in,
)
from patchscan.lkmm.memory.arithmetic import UNKNOWN, apply, truth
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
from patchscan.lkmm.solving.cnf import FALSE, TRUE, Formula
from patchscan.lkmm.solving.communication import Communication
from patchscan.lkmm.solving.symmetry import order_identical_threads
from patchscan.lkmm.solving.values import Ranges


class Encoding:
    """The clauses of one program, and which literal says what.

    coherent: False leaves coherence and atomicity out, to show what they forbid.

    events: the program's events, then one initial write (tag IW) a variable.
    executed[event]; read[event], written[event]: value -> literal; address[event]: variable -> literal.
    communication: literals of rf and co.
    final[observed]: value -> literal, for all that the condition, the filter and `locations` name.
    filter: the execution is one to report: the test's filter holds, and no loop was cut off.
    """

    def __init__(self, program: Program, coherent: bool = True, deadline: float | None = None) -> None:
        self.program = program
        self.formula = Formula(deadline)
        self.ranges = Ranges(program, deadline)
        self.branches = [self.formula.new_variable() for _ in program.branches]
        self.events = [*program.events, *self._initial_writes()]
        self.executed = [self.guard(event.guard) for event in self.events]
        self._terms: dict[Term, dict[Value, int]] = {}
        self._same: dict[tuple[int, int], int] = {}
        self.read = {event.number: self._read_values(event) for event in self.events if event.kind == "R"}
        self.address = {
            event.number: self._addresses(event) for event in self.events if event.address is not None
        }
        self.written = {event.number: self._written(event) for event in self.events if event.kind == "W"}
        self._decide_branches()
        self._require()
        self.communication = Communication(self, coherent)
        order_identical_threads(self)
        self.final = {one: self._final_value(one) for one in sorted(self.observed(), key=observed_order)}
        self.condition = self.holds(program.litmus.condition)
        whole = [-self.branch(cut) for cut in program.cuts]
        self.filter = self.formula.all_of([self.holds(program.litmus.filter), *whole])

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
        """The literal of "these branches went this way"."""
        return self.formula.all_of(self.guard_literals(guard))

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

    def term(self, term: Term) -> dict[Value, int]:
        if isinstance(term, ReadValue):
            return self.read[term.event]
        if not isinstance(term, Computed):
            return {term: TRUE}
        known = self._terms.get(term)
        if known is None:
            known = self._terms[term] = self._computed(term)
        return known

    def _computed(self, term: Computed) -> dict[Value, int]:
        left, right = self.term(term.left), self.term(term.right)
        reasons: dict[Value, list[int]] = {}
        for one, one_literal in left.items():
            for other, other_literal in right.items():
                value = apply(term.operator, one, other)
                if value is not None:
                    reasons.setdefault(value, []).append(self.formula.all_of((one_literal, other_literal)))
        return {value: self.formula.any_of(literals) for value, literals in reasons.items()}

    def _decide_branches(self) -> None:
        for number, branch in enumerate(self.program.branches, start=1):
            reached = self.guard(branch.guard)
            taken = self.branch(number)
            if number in self.program.cuts:
                self.formula.add(-taken, reached)
            if branch.cases is None:
                continue
            values = self.values(branch.cases)
            self.formula.implies([reached], *values.values())
            for value, literal in values.items():
                self.formula.implies([reached, literal], taken if truth(value) else -taken)

    def _require(self) -> None:
        for requirement in self.program.requirements:
            reached = self.guard(requirement.guard)
            values = self.values(requirement.cases)
            self.formula.implies([reached], *(literal for value, literal in values.items() if truth(value)))
            for value, literal in values.items():
                if not truth(value):
                    self.formula.implies([reached, literal])
            self._refuse_unknown(requirement.guard, requirement.cases)

    def _refuse_unknown(self, guard: Guard, cases: Cases) -> None:
        """herd7 finds no solution where a compare-and-exchange depends on a value from nowhere."""
        if not self.ranges.copied:
            return
        for case in cases:
            if isinstance(case.term, Computed):
                for part in (case.term.left, case.term.right):
                    unknown = self.term(part).get(UNKNOWN, FALSE)
                    self.formula.implies([*self.guard_literals(guard | case.guard), unknown])

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

    # The final state

    def _final_value(self, observed: Observed) -> dict[Value, int]:
        if observed.thread is None:
            return self._final_in_memory(observed.name)
        threads = self.program.final
        registers = threads[observed.thread] if 0 <= observed.thread < len(threads) else {}
        if observed.name not in registers:
            return {0: TRUE}
        values = self.values(registers[observed.name])
        self.formula.add(*values.values())
        return values

    def _final_in_memory(self, name: str) -> dict[Value, int]:
        """The value of the write that is last in co among those executed and to this variable."""
        formula = self.formula
        writes = [number for number in self.written if name in self.address[number]]
        reasons: dict[Value, list[int]] = {}
        last_ones = []
        for write in writes:
            later_ones = [
                formula.all_of(
                    (self.executed[other], self.address[other][name], -self.communication.co[other, write])
                )
                for other in writes
                if other != write
            ]
            last = formula.all_of(
                [self.executed[write], self.address[write][name], *(-later for later in later_ones)]
            )
            last_ones.append(last)
            for value, literal in self.written[write].items():
                reasons.setdefault(value, []).append(formula.all_of((last, literal)))
        formula.add(*last_ones)
        return {value: formula.any_of(literals) for value, literals in reasons.items()}

    def holds(self, condition: Condition) -> int:
        """The literal of the condition."""
        match condition:
            case Equals(left, right):
                values = self.final[left]
                if not isinstance(right, Observed):
                    return values.get(right, FALSE)
                others = self.final[right]
                return self.formula.any_of(
                    self.formula.all_of((values[value], others[value])) for value in values if value in others
                )
            case Not(operand):
                return -self.holds(operand)
            case And(operands):
                return self.formula.all_of([self.holds(operand) for operand in operands])
            case Or(operands):
                return self.formula.any_of([self.holds(operand) for operand in operands])


def _by_kind(value: Value) -> tuple[bool, Value]:
    """Integers in order, then addresses in order."""
    return (isinstance(value, str), value)
