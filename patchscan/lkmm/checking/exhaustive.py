"""A plain search for all executions: every run of every thread, every reads-from, every coherence order.

No SAT, no learning, nothing clever: exponential, and for that reason a check on the solver. It shares with
it the parser and the definitions of the memory model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from patchscan.basics.record import frozen, replace
from patchscan.lkmm.checking.communications import choices_of, orders
from patchscan.lkmm.checking.interpreter import Held, Interpreter, Step, Stuck
from patchscan.lkmm.dialect.final_conditions import holds
from patchscan.lkmm.dialect.litmus_syntax import Litmus, Observed, Thread, Value, observed_in
from patchscan.lkmm.memory import lkmm
from patchscan.lkmm.memory.arithmetic import UNKNOWN, truth
from patchscan.lkmm.memory.events import ALWAYS, INITIAL_THREAD, Computed, Event, ReadValue, Term, constant
from patchscan.lkmm.memory.executions import Execution, Path
from patchscan.lkmm.memory.rows import closure

Pools = dict[str, set[Value]]  # variable -> values that a read of it may return


@frozen(eq=False)
class Run:
    """One way a thread may go: its steps and its registers at the end."""

    thread: int
    steps: tuple[Step, ...]
    registers: Mapping[str, Held]

    @cache  # noqa: B019 - runs live as long as the search
    def accesses(self, kind: str) -> frozenset[tuple[str | None, Value | None]]:
        """(variable, value) of its reads ("R") or writes ("W")."""
        return frozenset((step.variable, step.value) for step in self.steps if step.event.kind == kind)


@frozen
class Found:
    """outcome as in Result; states: tuples of the observed values; race: some execution has a data race."""

    outcome: str
    states: frozenset[tuple[Value, ...]]
    race: bool
    executions: int


class TooManyExecutions(Exception):
    """More to look at than the search was given steps for."""


class _Budget:
    """Counts what the search looks at; raises TooManyExecutions beyond `steps`."""

    def __init__(self, steps: int | None) -> None:
        self.steps = steps

    def spend(self) -> None:
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise TooManyExecutions


def search(litmus: Litmus, observed: list[Observed], at_most: int | None = None) -> Found:
    """Enumerate the executions of a small test.

    observed: what a state consists of, in this order.  at_most: how many runs of threads,
    combinations and candidates are looked at before TooManyExecutions is raised.
    """
    states: set[tuple[Value, ...]] = set()
    positive = negative = False
    race = False
    count = 0
    for state, execution in executions(litmus, set(observed), at_most):
        if not holds(litmus.filter, state):
            continue
        count += 1
        states.add(tuple(state[one] for one in observed))
        race = race or any(execution.rows(lkmm.data_race))
        if holds(litmus.condition, state):
            positive = True
        else:
            negative = True
    outcome = "Sometimes" if positive and negative else "Always" if positive else "Never"
    return Found(outcome, frozenset(states), race, count)


def executions(
    litmus: Litmus, observed: set[Observed], at_most: int | None = None
) -> Iterator[tuple[dict[Observed, Value], Execution]]:
    """Every execution that the memory model allows, with its final state."""
    observed = observed | observed_in(litmus.condition) | observed_in(litmus.filter)
    budget = _Budget(at_most)
    pools = _pools(litmus, budget)
    choices = [list(_runs(litmus, thread, pools, budget)) for thread in litmus.threads]
    written: set[tuple[str | None, Value | None]] = {(name, litmus.initial.get(name, 0)) for name in pools}
    for runs in _fitting(choices, written, budget):
        for state, execution in _executions_of(litmus, runs, observed, budget):
            budget.spend()
            if not broken_axioms(execution):
                yield state, execution


def _fitting(
    choices: list[list[Run]], written: set[tuple[str | None, Value | None]], budget: _Budget
) -> Iterator[tuple[Run, ...]]:
    """One run a thread, so that everything read is written by one of them; written: the initial values."""
    if not choices:
        yield ()
        return
    later = written.union(*(run.accesses("W") for runs in choices[1:] for run in runs))
    for run in choices[0]:
        budget.spend()
        if run.accesses("R") <= later | run.accesses("W"):
            for others in _fitting(choices[1:], written | run.accesses("W"), budget):
                runs = (run, *others)
                if run.accesses("R") <= written.union(*(one.accesses("W") for one in runs)):
                    yield runs


# Runs of one thread


def _pools(litmus: Litmus, budget: _Budget) -> Pools:
    """Grow the values of each variable by what the threads can write, as often as there are writes of what was read:
    no value passes through more of them.

    Branches go both ways here: a value may justify itself through a control dependency.
    """
    pools: Pools = {}
    copied: set[str] = set()  # variables to which what was read is written as it is
    plain = False
    handed_on = dict.fromkeys(litmus.threads, 0)
    rounds = 0
    while rounds <= sum(handed_on.values()) + 1:
        rounds += 1
        before = {name: set(values) for name, values in pools.items()}
        read = {name: set(values) for name, values in pools.items()}
        for thread in litmus.threads:
            for attempt, _ in _attempts(litmus, thread, read, budget, both_ways=True):
                handed_on[thread] = max(handed_on[thread], _handed_on(attempt))
                for step in attempt.steps:
                    plain = plain or step.event.tag == "plain"
                    _add_written(litmus, pools, step, copied)
        for name in copied if plain else ():
            pools[name].add(UNKNOWN)
        if pools == before:
            break
    return pools


def _handed_on(attempt: Interpreter) -> int:
    """How many of its writes depend on what it read."""
    return sum(step.event.kind == "W" and bool(_reads_of(step.written)) for step in attempt.steps)


def _add_written(litmus: Litmus, pools: Pools, step: Step, copied: set[str]) -> None:
    if step.event.kind == "W" and step.variable is not None and step.value is not None:
        _pool(litmus, pools, step.variable).add(step.value)
        if isinstance(step.written, ReadValue):
            copied.add(step.variable)


def _pool(litmus: Litmus, pools: Pools, variable: str) -> set[Value]:
    return pools.setdefault(variable, {litmus.initial.get(variable, 0)})


def _runs(litmus: Litmus, thread: Thread, pools: Pools, budget: _Budget) -> Iterator[Run]:
    """All runs of a thread whose reads return values from the pools."""
    for attempt, finished in _attempts(litmus, thread, pools, budget):
        if finished:
            yield Run(thread.number, tuple(attempt.steps), attempt.registers)


def _attempts(
    litmus: Litmus, thread: Thread, pools: Pools, budget: _Budget, both_ways: bool = False
) -> Iterator[tuple[Interpreter, bool]]:
    """Depth first over what the reads return; each attempt, and whether it came to its end."""
    pending: list[tuple[Value, ...]] = [()]
    while pending:
        budget.spend()
        choices = _Choices(pending.pop(), pending)

        def read_value(variable: str, choices: _Choices = choices) -> Value:
            return choices.choose(sorted(_pool(litmus, pools, variable), key=str))

        def decide(value: Value, choices: _Choices = choices) -> bool:
            return bool(choices.choose([0, 1])) if both_ways else truth(value)

        interpreter = Interpreter(litmus, thread, read_value, decide)
        try:
            interpreter.run()
            yield interpreter, True
        except Stuck:
            yield interpreter, False


class _Choices:
    """The choices of one attempt: those given, then the first of each, the others put off."""

    def __init__(self, given: tuple[Value, ...], pending: list[tuple[Value, ...]]) -> None:
        self.given, self.pending = given, pending
        self.taken: list[Value] = []

    def choose(self, values: Sequence[Value]) -> Value:
        if len(self.taken) < len(self.given):
            value = self.given[len(self.taken)]
        else:
            self.pending.extend((*self.taken, other) for other in values[1:])
            value = values[0]
        self.taken.append(value)
        return value


# Candidates of one run per thread


def _executions_of(
    litmus: Litmus, runs: tuple[Run, ...], observed: set[Observed], budget: _Budget
) -> Iterator[tuple[dict[Observed, Value], Execution]]:
    steps = _renumbered(litmus, runs, observed)
    sources = _possible_sources(steps)
    if sources is None:
        return
    path = path_of(steps)
    halves = {step.event.partner for step in steps}
    for source in choices_of(sources, sorted(sources), {}, halves):
        budget.spend()
        if not grounded(steps, source):
            continue
        for co in orders(path, steps, source):
            execution = Execution(path, source, co)
            yield _final_state(runs, steps, co, observed), execution


def _renumbered(litmus: Litmus, runs: tuple[Run, ...], observed: set[Observed]) -> list[Step]:
    """The steps of all threads in one list, event numbers being places in it, and the initial writes."""
    steps: list[Step] = []
    for run in runs:
        steps += shifted(run.steps, len(steps))
    names = {step.variable for step in steps if step.variable is not None}
    names |= {one.name for one in observed if one.thread is None}
    for name in sorted(names):
        steps.append(initial_step(litmus, name, len(steps)))
    return steps


def shifted(steps: tuple[Step, ...] | list[Step], distance: int) -> list[Step]:
    """The same steps with their event numbers moved up."""
    moved = []
    for step in steps:
        event = replace(
            step.event,
            number=step.event.number + distance,
            partner=None if step.event.partner is None else step.event.partner + distance,
            dependencies=tuple(
                (kind, read + distance, guard) for kind, read, guard in step.event.dependencies
            ),
        )
        moved.append(Step(event, step.variable, step.value, _moved(step.written, distance)))
    return moved


def _moved(term: Term, distance: int) -> Term:
    if isinstance(term, ReadValue):
        return ReadValue(term.event + distance)
    if isinstance(term, Computed):
        return Computed(term.operator, _moved(term.left, distance), _moved(term.right, distance))
    return term


def initial_step(litmus: Litmus, name: str, number: int) -> Step:
    value = litmus.initial.get(name, 0)
    event = Event(number, INITIAL_THREAD, "W", "IW", ALWAYS, constant(name), constant(value))
    return Step(event, name, value, value)


def path_of(steps: list[Step]) -> Path:
    locations = {index: step.variable for index, step in enumerate(steps) if step.variable is not None}
    dependencies = {
        (kind, read, step.event.number): guard
        for step in steps
        for kind, read, guard in step.event.dependencies
    }
    return Path([step.event for step in steps], locations, dependencies)


def _possible_sources(steps: list[Step]) -> dict[int, list[int]] | None:
    """Read -> the writes of its value to its variable; None if a read has none."""
    sources: dict[int, list[int]] = {}
    for number, step in enumerate(steps):
        if step.event.kind == "R":
            sources[number] = [
                write
                for write, other in enumerate(steps)
                if other.event.kind == "W" and (other.variable, other.value) == (step.variable, step.value)
            ]
            if not sources[number]:
                return None
    return sources


def grounded(steps: list[Step], source: Mapping[int, int]) -> bool:
    """Values start somewhere; one that only copies itself in a circle is UNKNOWN, and only such a one is."""
    grounded: set[int] = set()
    growing = True
    while growing:
        growing = False
        for read, write in source.items():
            if read not in grounded and _reads_of(steps[write].written) <= grounded:
                grounded.add(read)
                growing = True
    for read, write in source.items():
        if (steps[read].value == UNKNOWN) == (read in grounded):
            return False
        if read not in grounded and not isinstance(steps[write].written, ReadValue):
            return False
    return True


def _reads_of(term: Term) -> set[int]:
    if isinstance(term, ReadValue):
        return {term.event}
    if isinstance(term, Computed):
        return _reads_of(term.left) | _reads_of(term.right)
    return set()


def broken_axioms(execution: Execution) -> list[str]:
    """The names of the axioms that do not hold, coherence and atomicity included; the first one only."""
    for axiom in (*lkmm.COHERENCE, *lkmm.AXIOMS):
        rows = execution.rows(axiom.relation)
        if axiom.demand == "acyclic":
            rows = closure(rows)
        reflexive = any(row >> event & 1 for event, row in enumerate(rows))
        if any(rows) if axiom.demand == "empty" else reflexive:
            return [axiom.name]
    return []


def _final_state(
    runs: tuple[Run, ...], steps: list[Step], co: list[int], observed: set[Observed]
) -> dict[Observed, Value]:
    state: dict[Observed, Value] = {}
    for one in observed:
        if one.thread is not None:
            registers = runs[one.thread].registers if one.thread < len(runs) else {}
            state[one] = registers[one.name].value if one.name in registers else 0
        else:
            for number, step in enumerate(steps):
                if step.event.kind == "W" and step.variable == one.name and not co[number]:
                    state[one] = step.value if step.value is not None else 0
    return state
