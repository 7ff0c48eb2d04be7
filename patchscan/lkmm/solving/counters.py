"""Counters: variables that are changed by sums alone, one after the other.

Each write of a counter adds a constant to what a read before it found, and nothing comes between the two: they are one
read-modify-write, or stand in a section of the one lock that all of the counter's writes stand in. So the writes are a
chain from the initial value on, whatever its order: a counter ends with the sum of what was added, and each step finds
the sum of the steps before it. Told so, the solver need not try the orders; and a counter whose steps nobody looks at
needs no values at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from patchscan.basics.record import frozen, replace
from patchscan.lkmm.dialect.litmus_syntax import Observed, Value, equalities, observed_in
from patchscan.lkmm.memory.events import Cases, Computed, Event, Program, ReadValue, Term, constant
from patchscan.lkmm.solving.turns import Section, sections_by_lock
from patchscan.lkmm.solving.values import reads_in

MOST_SUMS = 2_000


@frozen
class Step:
    """One sum: the read it starts from, the write of the result, and what it adds."""

    read: int
    write: int
    amount: int


@frozen
class Counter:
    """hidden: no one looks at the values of its steps, only at the last."""

    name: str
    initial: int
    steps: tuple[Step, ...]
    hidden: bool

    def sums(self, without: int | None = None) -> set[Value] | None:
        """What it can come to, without one of its writes; None where that is too much."""
        found = _subset_sums(step.amount for step in self.steps if step.write != without)
        return {self.initial + value for value in found} if len(found) <= MOST_SUMS else None


@frozen
class Found:
    """What a register ends with: what a step of a hidden counter found, and something added to it."""

    counter: Counter
    step: Step
    more: int


def registers_of(program: Program, counters: Mapping[str, Counter]) -> dict[Observed, Found]:
    """The registers that are asked about and hold what a step of a hidden counter found."""
    steps = {step.read: (each, step) for each in counters.values() if each.hidden for step in each.steps}
    found = {}
    for register, cases in _observed_registers(program).items():
        added = _added(cases[0].term) if len(cases) == 1 else None
        if added is not None and added[0] in steps:
            found[register] = Found(*steps[added[0]], added[1])
    return found


def counters_of(program: Program, asked: bool = False) -> dict[str, Counter]:
    """The counters among the variables, where each access names its variable.

    asked: of registers only what the condition compares them with matters, not which values they may have.
    """
    accesses = [event for event in program.events if event.address is not None]
    names = {event.number: _names(event.address or ()) for event in accesses}
    if not all(names.values()):
        return {}
    locks = sections_by_lock(accesses, names)
    writes: dict[str, list[Event]] = {}
    for event in accesses:
        if event.kind == "W":
            writes.setdefault(names[event.number][0], []).append(event)
    found = {}
    for name, of_name in writes.items():
        steps = [_step(program, write) for write in of_name]
        initial = program.litmus.initial.get(name, 0)
        whole = tuple(step for step in steps if step is not None)
        if len(whole) < len(steps) or not isinstance(initial, int):
            continue
        if all(names[step.read] == [name] for step in whole) and _unbroken(program, whole, of_name, locks):
            counter = Counter(name, initial, whole, False)
            found[name] = replace(counter, hidden=_hidden(program, counter, names, asked))
    return found


def _names(address: Cases) -> list[str]:
    """The variable, where it is one and written so."""
    fixed = len(address) == 1 and not address[0].guard and isinstance(address[0].term, str)
    return [str(address[0].term)] if fixed else []


def _step(program: Program, write: Event) -> Step | None:
    value = write.value or ()
    added = _added(value[0].term) if len(value) == 1 and not value[0].guard else None
    if added is None:
        return None
    number, amount = added
    read = program.events[number]
    mine = read.thread == write.thread and read.guard <= write.guard
    return Step(number, write.number, amount) if mine and write.partner in (None, number) else None


def _added(term: Term) -> tuple[int, int] | None:
    """The read, and what is added to it."""
    if isinstance(term, ReadValue):
        return term.event, 0
    if not isinstance(term, Computed) or term.operator not in ("+", "-"):
        return None
    left, right = term.left, term.right
    if term.operator == "+" and isinstance(left, int):
        left, right = right, left
    inner = _added(left)
    if inner is None or not isinstance(right, int):
        return None
    return inner[0], inner[1] + (right if term.operator == "+" else -right)


def _unbroken(
    program: Program, steps: tuple[Step, ...], writes: list[Event], locks: Mapping[str, list[Section]]
) -> bool:
    """Whether no write of it ever comes between the two halves of a step."""
    if all(write.partner is not None for write in writes):
        return True
    for step in steps:
        thread = program.events[step.read].thread
        if any(step.read < one.number < step.write and one.thread == thread for one in writes):
            return False
    return any(
        all(any(_within(program, step, section) for section in sections) for step in steps)
        for sections in locks.values()
    )


def _within(program: Program, step: Step, section: Section) -> bool:
    read = program.events[step.read]
    return (
        section.take.thread == read.thread
        and section.take.number < step.read
        and section.take.guard <= read.guard
        and all(release.number > step.write for release in section.releases)
    )


def _hidden(program: Program, counter: Counter, names: Mapping[int, Collection[str]], asked: bool) -> bool:
    """Whether its reads are those of its steps, and go into nothing but these; what it ends with must be few values."""
    reads = {step.read for step in counter.steps}
    writes = {step.write for step in counter.steps}
    for event in program.events:
        if event.kind == "R" and counter.name in names[event.number] and event.number not in reads:
            return False
    looked_at = [event.address for event in program.events if event.address is not None]
    looked_at += [event.value for event in program.events if event.value and event.number not in writes]
    looked_at += [branch.cases for branch in program.branches if branch.cases is not None]
    looked_at += [requirement.cases for requirement in program.requirements]
    compared = _compared_with_others(program)
    for register, cases in _observed_registers(program).items():
        if not asked or register in compared or not _is_found(program, counter, cases):
            looked_at.append(cases)
    used = {read for cases in looked_at for case in cases for read in reads_in(case.term)}
    uncertain = [step.amount for step in counter.steps if program.events[step.write].guard]
    return used.isdisjoint(reads) and len(_subset_sums(uncertain)) <= MOST_SUMS


def _subset_sums(amounts: Iterable[int]) -> set[int]:
    found = {0}
    for amount in amounts:
        if len(found) <= MOST_SUMS:
            found |= {value + amount for value in found}
    return found


def _observed_registers(program: Program) -> dict[Observed, Cases]:
    litmus = program.litmus
    named: set[Observed] = observed_in(litmus.condition) | observed_in(litmus.filter) | set(litmus.locations)
    return {
        one: program.final[one.thread].get(one.name, ())
        for one in named
        if one.thread is not None and 0 <= one.thread < len(program.final)
    }


def _compared_with_others(program: Program) -> set[Observed]:
    """What is compared with what is no constant."""
    litmus = program.litmus
    pairs = [*equalities(litmus.condition), *equalities(litmus.filter)]
    return {one for pair in pairs if isinstance(pair.right, Observed) for one in (pair.left, pair.right)}


def _is_found(program: Program, counter: Counter, cases: Cases) -> bool:
    """Whether it is what one of the steps found, in any case, and perhaps something added to it."""
    added = _added(cases[0].term) if len(cases) == 1 and not cases[0].guard else None
    sure = {step.read for step in counter.steps if not program.events[step.write].guard}
    return added is not None and added[0] in sure


def without_hidden(program: Program, counters: Mapping[str, Counter]) -> Program:
    """The program in which the hidden counters keep their first values."""
    kept = {step.write: each.initial for each in counters.values() if each.hidden for step in each.steps}
    if not kept:
        return program
    events = [
        replace(event, value=constant(kept[event.number])) if event.number in kept else event
        for event in program.events
    ]
    return replace(program, events=events)
