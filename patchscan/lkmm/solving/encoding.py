"""Guarded events -> clauses: every assignment is a coherent candidate execution, and every such execution
is one.

Said in clauses from the start: which branches are taken, what each access reads, writes and touches, from
where each read reads, and in which order the writes to a variable stand. What the memory model forbids
beyond that is added clause by clause while solving (solving.py).
"""

from __future__ import annotations

from collections.abc import Callable

from patchscan.lkmm.dialect.litmus_syntax import (
    And,
    Condition,
    Equals,
    Not,
    Observed,
    Or,
    Value,
    equalities,
)
from patchscan.lkmm.memory.arithmetic import UNKNOWN, truth
from patchscan.lkmm.memory.events import (
    Case,
    Cases,
    Computed,
    Guard,
    Program,
)
from patchscan.lkmm.memory.states import observed_order
from patchscan.lkmm.solving.cnf import FALSE, TRUE
from patchscan.lkmm.solving.communication import Communication
from patchscan.lkmm.solving.comparisons import Comparison, added
from patchscan.lkmm.solving.counters import Counter, counters_of
from patchscan.lkmm.solving.exclusion import order_sections
from patchscan.lkmm.solving.histories import History
from patchscan.lkmm.solving.literals import Literals
from patchscan.lkmm.solving.sums import (
    OTHER,
    Total,
    last_sums,
    tell_comparison,
    tell_ends,
    tell_match,
    tell_sums,
)
from patchscan.lkmm.solving.symmetry import order_identical_threads
from patchscan.lkmm.solving.turns import sections_by_lock
from patchscan.lkmm.solving.updates import order_updates


class Encoding(Literals):
    """The clauses of one program, and which literal says what.

    coherent: False leaves coherence and atomicity out, to show what they forbid; consequences: False leaves out what
    the memory model implies and the solver is told beforehand. asked: of a register that holds what a counter came to,
    only whether it is what the condition compares it with.

    communication: literals of rf and co.
    final[observed]: value -> literal, for all that the condition, the filter and `locations` name.
    filter: the execution is one to report: the test's filter holds, and no loop was cut off.
    """

    def __init__(
        self,
        program: Program,
        coherent: bool = True,
        deadline: float | None = None,
        largest: int | None = None,
        consequences: bool = True,
        asked: bool = False,
    ) -> None:
        counters = counters_of(program, asked) if coherent and consequences else {}
        super().__init__(program, deadline, largest, counters)
        self._decide_branches()
        self._require()
        sections = sections_by_lock(self.events, self.address) if coherent and consequences else {}
        self.communication = Communication(self, coherent, sections)
        if coherent and consequences:
            order_sections(self.communication, sections)
            order_updates(self.communication)
            for counter in counters.values():
                if not counter.hidden:
                    tell_sums(self.communication, counter)
        order_identical_threads(self, self.communication.co)
        self._histories: dict[str, History] = {}
        self.final = {one: self._final_value(one) for one in sorted(self.observed(), key=observed_order)}
        self.condition = self.holds(program.litmus.condition)
        whole = [-self.branch(cut) for cut in program.cuts]
        self.filter = self.formula.all_of([self.holds(program.litmus.filter), *whole])
        self._tell_comparisons()
        self.communication.end()

    def _tell_comparisons(self) -> None:
        """What the comparisons with hidden counters come to, now that all are known."""
        compared = {self.counted[comparison.read].name for comparison in self.comparisons}
        for name in sorted(compared):
            if not self.counters[name].loose:
                tell_ends(self.communication, self.counters[name])
        for comparison, literal in self.comparisons.items():
            counter = self.counted[comparison.read]
            if counter.loose:
                holds = self._history(counter).compares(comparison.read, comparison.bound, comparison.exactly)
                self.formula.implies([self.executed[comparison.read], literal], holds)
                self.formula.implies([self.executed[comparison.read], -literal], -holds)
            else:
                tell_comparison(self.communication, counter, comparison, literal)
        for match, literal in self.matches.items():
            tell_match(self.communication, match, literal)

    def _history(self, counter: Counter) -> History:
        if counter.name not in self._histories:
            self._histories[counter.name] = History(self.communication, counter)
        return self._histories[counter.name]

    # What must hold

    def _decide_branches(self) -> None:
        for number, branch in enumerate(self.program.branches, start=1):
            reached = self.guard(branch.guard)
            taken = self.branch(number)
            if number in self.program.cuts:
                self.formula.add(-taken, reached)
            if branch.cases is None:
                continue
            values = self.truths(branch.cases)
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

    # The final state

    def _final_value(self, observed: Observed) -> dict[Value, int]:
        if observed.thread is None:
            return self._final_in_memory(observed.name)
        threads = self.program.final
        registers = threads[observed.thread] if 0 <= observed.thread < len(threads) else {}
        if observed.name not in registers:
            return {0: TRUE}
        cases = registers[observed.name]
        if any(map(self._counted_in, cases)):
            return self._asked_about(observed, lambda value: self._is(cases, value))
        values = self.values(cases)
        self.formula.add(*values.values())
        return values

    def _asked_about(self, observed: Observed, holds: Callable[[Value], int]) -> dict[Value, int]:
        """Value -> literal of those that it is compared with, and OTHER for all else."""
        litmus = self.program.litmus
        pairs = [*equalities(litmus.condition), *equalities(litmus.filter)]
        asked = {
            pair.right for pair in pairs if pair.left == observed and not isinstance(pair.right, Observed)
        }
        values = {value: holds(value) for value in sorted(asked, key=str)}
        return values | {OTHER: -self.formula.any_of(values.values())}

    def _counted_in(self, case: Case) -> bool:
        """Whether it is what a read of a hidden counter found, and perhaps something added to it."""
        inner = added(case.term)
        return inner is not None and inner[0] in self.counted

    def _is(self, cases: Cases, value: Value) -> int:
        """The literal of "it is this value"."""
        ways = []
        for case in cases:
            inner = added(case.term)
            if inner is None or inner[0] not in self.counted:
                holds = self.term(case.term).get(value, FALSE)
            elif isinstance(value, int):
                holds = self.comparison(Comparison(inner[0], True, value - inner[1]))
            else:
                holds = FALSE
            ways.append(self.formula.all_of([*self.guard_literals(case.guard), holds]))
        return self.formula.any_of(ways)

    def _final_in_memory(self, name: str) -> dict[Value, int]:
        """The value of the write that is last in co among those executed and to this variable."""
        formula = self.formula
        counter = self.counters.get(name)
        if counter is not None and counter.loose:
            return self._final_of_loose(counter)
        if counter is not None and counter.open:
            total = Total(counter, self.formula, self.executed)
            return self._asked_about(Observed(None, name), total.is_)
        if counter is not None:
            sums = last_sums(formula, counter, self.executed)
            if sums is not None:
                return sums
        reasons: dict[Value, list[int]] = {}
        for write, last in self._last_ones(name).items():
            for value, literal in self.written[write].items():
                reasons.setdefault(value, []).append(formula.all_of((last, literal)))
        return {value: formula.any_of(literals) for value, literals in reasons.items()}

    def _final_of_loose(self, counter: Counter) -> dict[Value, int]:
        history, lasts = self._history(counter), self._last_ones(counter.name)

        def is_(value: Value) -> int:
            ways = ((last, history.written(self.events[write], value)) for write, last in lasts.items())
            return self.formula.any_of(map(self.formula.all_of, ways))

        return self._asked_about(Observed(None, counter.name), is_)

    def _last_ones(self, name: str) -> dict[int, int]:
        """Write -> literal of "it is the last to the variable"; one is."""
        formula = self.formula
        writes = [write.number for write in self.communication.last_ones(name)]
        found = {}
        for write in writes:
            later_ones = [
                formula.all_of(
                    (self.executed[other], self.address[other][name], -self.communication.co[other, write])
                )
                for other in writes
                if other != write
            ]
            found[write] = formula.all_of(
                [self.executed[write], self.address[write][name], *(-later for later in later_ones)]
            )
        formula.add(*found.values())
        return found

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
