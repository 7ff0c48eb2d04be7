"""One execution that the solver found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cmp_to_key
from typing import cast

from patchscan.lkmm.dialect.litmus_syntax import Observed, Value
from patchscan.lkmm.memory.arithmetic import apply
from patchscan.lkmm.memory.events import Computed, ReadValue, Term
from patchscan.lkmm.memory.executions import Execution, Path
from patchscan.lkmm.solving.cnf import TRUE
from patchscan.lkmm.solving.counters import Counter
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.sums import OTHER


class Candidate(Execution):
    """An execution that the solver chose; it knows the literals behind every edge."""

    def __init__(self, encoding: Encoding, model: Sequence[int], path: Path) -> None:
        self.encoding = encoding
        self.model = model
        communication = encoding.communication
        numbers, position = path.numbers, path.position
        source: dict[int, int] = {}
        for read, event in enumerate(path.events):
            if event.kind == "R":
                for write in communication.sources[event.number]:
                    if self.chosen(communication.rf[write, event.number]):
                        source[read] = position[write]
                        break
        co = [0] * path.size

        def compare(one: int, other: int) -> int:
            return -1 if self.chosen(communication.co[numbers[one], numbers[other]]) else 1

        for writes in path.writes_to.values():
            later = 0
            for write in sorted(writes, key=cmp_to_key(compare), reverse=True):
                co[write] = later
                later |= 1 << write
        super().__init__(path, source, co)

    def chosen(self, literal: int) -> bool:
        return literal == TRUE or self.model[abs(literal) - 1] == literal

    def value(self, literals: dict[Value, int]) -> Value:
        """Which of the values it is in this execution."""
        return next(value for value, literal in literals.items() if self.chosen(literal))

    def values(self) -> dict[int, Value]:
        """Position -> what the access reads or writes, those of hidden counters as well."""
        encoding, path = self.encoding, self.path
        found = {
            position: self.value((encoding.read if event.kind == "R" else encoding.written)[event.number])
            for position, event in enumerate(path.events)
            if event.kind in "RW"
        }
        for counter in encoding.counters.values():
            if counter.hidden:
                found |= self._counted(counter)
        return found

    def state(self) -> dict[Observed, Value]:
        """The final values that are asked about."""
        encoding = self.encoding
        found = {one: self.value(literals) for one, literals in encoding.final.items()}
        open_ones = [one for one, literals in encoding.final.items() if OTHER in literals]
        if open_ones:
            values = self.values()
            found |= {one: self._worked_out(one, values) for one in open_ones}
        return found

    def _worked_out(self, observed: Observed, values: dict[int, Value]) -> Value:
        """What something ends with whose values have no literals."""
        encoding, path = self.encoding, self.path
        if observed.thread is None:
            writes = path.writes_to.get(observed.name, ())
            initial = encoding.program.litmus.initial.get(observed.name, 0)
            return next((values[write] for write in writes if not self.co[write]), initial)
        for case in encoding.program.final[observed.thread][observed.name]:
            if all(map(self.chosen, encoding.guard_literals(case.guard))):
                return self._worth(case.term, values)
        return 0

    def _worth(self, term: Term, values: dict[int, Value]) -> Value:
        if isinstance(term, ReadValue):
            return values[self.path.position[term.event]]
        if not isinstance(term, Computed):
            return term
        worth = apply(term.operator, self._worth(term.left, values), self._worth(term.right, values))
        assert worth is not None, "executions without a value are left out"
        return worth

    def _counted(self, counter: Counter) -> dict[int, Value]:
        """The sums of a counter, read by read and write by write."""
        steps = {step.write: step for step in counter.steps}
        bases = dict(counter.bases)
        found: dict[int, Value] = {}
        total = counter.initial
        writes = self.path.writes_to.get(counter.name, ())
        for write in sorted(writes, key=lambda one: -self.co[one].bit_count()):
            number = self.path.numbers[write]
            step = steps.get(number)
            if counter.loose and step is not None:
                total = cast(int, found[self.source[self.path.position[step.read]]])
            total = bases.get(number, total + (step.amount if step else 0))
            found[write] = total
        return found | {read: found[write] for read, write in self.source.items() if write in found}

    def reasons(self, name: str, start: int, end: int, found: set[int]) -> None:
        """The literals that put the pair into a base relation."""
        encoding, numbers = self.encoding, self.path.numbers
        one, other = numbers[start], numbers[end]
        found.update((encoding.executed[one], encoding.executed[other]))
        match name:
            case "rf":
                found.add(encoding.communication.rf[one, other])
            case "co":
                found.add(encoding.communication.co[one, other])
                found.add(encoding.same_variable(one, other))
            case "fr":
                self.reasons("rf", self.source[start], start, found)
                self.reasons("co", self.source[start], end, found)
            case "loc":
                found.add(encoding.same_variable(one, other))
            case "addr" | "data" | "ctrl":
                found.update(encoding.guard_literals(self.path.dependencies[name, start, end]))
            case "rcu-rscs":
                found.update(self._sections_literals(self.path.events[start].thread))
        found.discard(TRUE)

    def _sections_literals(self, thread: int) -> Iterable[int]:
        """How locks and unlocks match depends on all of the thread's."""
        for event in self.encoding.events:
            if event.thread == thread and event.tag in ("rcu-lock", "rcu-unlock"):
                executed = self.encoding.executed[event.number]
                yield executed if self.chosen(executed) else -executed
