"""The search for executions: a SAT solver proposes, the memory model disposes.

Each assignment the solver finds is a coherent candidate. If it breaks an axiom, the violation is explained
down to the choices that cause it, and the clause "not all of these together" is added; then the solver goes
on. When an answer is needed for many executions at once (final states, races), the clauses learnt stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from patchscan.lkmm.memory import lkmm
from patchscan.lkmm.memory.events import Event, Guard
from patchscan.lkmm.memory.executions import Execution, Path
from patchscan.lkmm.memory.rows import Rows, bits, on_cycles, shortest_path
from patchscan.lkmm.memory.specialised import axioms_for
from patchscan.lkmm.solving.candidate import Candidate
from patchscan.lkmm.solving.cnf import FALSE, TRUE, LimitReached, check_time
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.ordering import cycles_of_three

SOLVER = "glucose4"  # as fast as any here, and it can be told to stop and look at the clock
CONFLICTS_BETWEEN_LOOKS = 20_000
EFFORT_OF_CONFLICTS = 500  # candidates that take as long to look at
LEMMAS_AT_ONCE = 4
MOST_CIRCLES = 2_000


class Solver:
    """Answers "is there an execution of this program with ...?"

    deadline: time.process_time() at which LimitReached is raised, or None; effort: so many candidates are looked at, at
    most; a further round of conflicts counts as EFFORT_OF_CONFLICTS of them.
    candidates, lemmas: how many were needed so far.
    """

    def __init__(self, encoding: Encoding, deadline: float | None = None, effort: int | None = None) -> None:
        from pysat.solvers import Solver as SatSolver

        self.encoding = encoding
        self.deadline = deadline
        self.effort = effort
        self.effort_made = 0
        self.candidates = 0
        self.lemmas = 0
        self._axioms = axioms_for(encoding.events)
        self._paths: dict[tuple[object, ...], Path] = {}
        self._sat: Any = SatSolver(name=SOLVER, bootstrap_with=encoding.formula.clauses)
        self._added = len(encoding.formula.clauses)

    def find(self, assumptions: Iterable[int] = (), lemmas_at_once: int = LEMMAS_AT_ONCE) -> Candidate | None:
        """An execution in which all the literals hold, or None: there is none. Raises LimitReached."""
        assumed = [literal for literal in assumptions if literal != TRUE]
        if FALSE in assumed:
            return None
        while (candidate := self._ordered(assumed)) is not None:
            violations = self.violations(candidate, lemmas_at_once)
            if not violations:
                return candidate
            self._synchronise()
            for violation in violations:
                self.forbid(violation)
        return None

    def candidate(self, assumptions: Iterable[int]) -> Candidate | None:
        """The first candidate with these literals, whether or not the memory model allows it."""
        assumed = [literal for literal in assumptions if literal != TRUE]
        return None if FALSE in assumed else self._ordered(assumed)

    def _ordered(self, assumed: list[int]) -> Candidate | None:
        """The next candidate in which the writes to each variable stand in an order."""
        while (model := self._solve(assumed)) is not None:
            self.candidates += 1
            candidate = Candidate(self.encoding, model, self._path(model))
            circles = cycles_of_three(candidate, MOST_CIRCLES) if self.encoding.communication.untold else []
            if not circles:
                return candidate
            for circle in circles:
                self.forbid(circle)
        return None

    def forbid(self, literals: Iterable[int]) -> None:
        """Never again all of these together."""
        self.lemmas += 1
        self._sat.add_clause([-literal for literal in literals])

    def forget(self) -> None:
        """Free the solver's memory."""
        self._sat.delete()

    def _solve(self, assumed: list[int]) -> Sequence[int] | None:
        self._synchronise()
        satisfiable, first = None, True
        while satisfiable is None:
            check_time(self.deadline)
            self.effort_made += 1 if first else EFFORT_OF_CONFLICTS
            first = False
            if self.effort is not None and self.effort_made > self.effort:
                raise LimitReached(f"more than {self.effort} candidate executions")
            self._sat.conf_budget(CONFLICTS_BETWEEN_LOOKS)
            satisfiable = self._sat.solve_limited(assumptions=assumed)
        if not satisfiable:
            return None
        model: list[int] = self._sat.get_model()
        variables = self.encoding.formula.variables
        model.extend(range(len(model) + 1, variables + 1))
        return model

    def _synchronise(self) -> None:
        """Hand over the clauses the encoding has made since."""
        clauses = self.encoding.formula.clauses
        for clause in clauses[self._added :]:
            self._sat.add_clause(clause)
        self._added = len(clauses)

    # Paths

    def _path(self, model: Sequence[int]) -> Path:
        def chosen(literal: int) -> bool:
            return literal == TRUE or model[abs(literal) - 1] == literal

        encoding = self.encoding
        executed = [event for event in encoding.events if chosen(encoding.executed[event.number])]
        locations = {
            event.number: next(
                name for name, literal in encoding.address[event.number].items() if chosen(literal)
            )
            for event in executed
            if event.address is not None
        }
        branches = tuple(chosen(literal) for literal in encoding.branches)
        key = (branches, tuple(locations.values()))
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = self._new_path(executed, locations, branches)
        return path

    def _new_path(self, executed: list[Event], locations: dict[int, str], branches: tuple[bool, ...]) -> Path:
        used = {
            locations[event.number] for event in executed if event.address is not None and event.tag != "IW"
        }
        events = [event for event in executed if event.tag != "IW" or locations[event.number] in used]
        position = {event.number: index for index, event in enumerate(events)}
        dependencies: dict[tuple[str, int, int], Guard] = {}
        for event in events:
            for kind, read, guard in event.dependencies:
                if read in position and all(branches[abs(b) - 1] == (b > 0) for b in guard):
                    key = (kind, position[read], position[event.number])
                    if key not in dependencies or len(guard) < len(dependencies[key]):
                        dependencies[key] = guard
        by_position = {position[event.number]: locations[event.number] for event in events if event.address}
        return Path(events, by_position, dependencies)

    # Axioms

    def violations(self, candidate: Candidate, at_most: int) -> list[set[int]]:
        """Explanations of how the candidate breaks the first axiom it breaks; [] if it keeps them all."""
        for axiom in self._axioms:
            if axiom.only_with is None or candidate.members(axiom.only_with):
                found = explain_violations(candidate, axiom, at_most)
                if found:
                    return found
        return self._values_from_nowhere(candidate)

    def _values_from_nowhere(self, candidate: Candidate) -> list[set[int]]:
        from patchscan.lkmm.solving.nowhere import values_from_nowhere

        return values_from_nowhere(candidate) if self.encoding.ranges.cyclic else []


def broken_at(candidate: Execution, axiom: lkmm.Axiom, at_most: int) -> list[list[int]]:
    """The cycles (or, for "empty", the pairs) by which the axiom is broken, as lists of positions, shortest
    first.
    """
    rows = candidate.rows(axiom.relation)
    if axiom.demand == "acyclic":
        return _cycles(rows)[:at_most]
    if axiom.demand == "irreflexive":
        return [[event, event] for event, row in enumerate(rows) if row >> event & 1][:at_most]
    return [[start, end] for start, row in enumerate(rows) if row for end in bits(row)][:at_most]


def explain_violations(candidate: Candidate, axiom: lkmm.Axiom, at_most: int) -> list[set[int]]:
    """For each way the axiom is broken, the literals that cause it."""
    explanations = []
    for steps in broken_at(candidate, axiom, at_most):
        reasons: set[int] = set()
        for start, end in pairwise(steps):
            axiom.relation.explain(candidate, start, end, reasons)
        explanations.append(reasons)
    return explanations


def _cycles(rows: Rows) -> list[list[int]]:
    """Short cycles that have no event in common, [a, b, ..., a] each."""
    cycles = []
    done = 0
    for event in bits(on_cycles(rows)):
        cycle = [] if done >> event & 1 else shortest_path(rows, event, event)
        for member in cycle:
            done |= 1 << member
        if cycle:
            cycles.append(cycle)
    return sorted(cycles, key=len)
