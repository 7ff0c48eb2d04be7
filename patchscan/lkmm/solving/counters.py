"""Counters: variables that are changed by sums alone, one after the other.

Each write of a counter adds a constant to what a read before it found, and nothing comes between the two: they are one
read-modify-write, or stand in a section of the one lock that all of the counter's writes stand in. So the writes are a
chain from the initial value on, whatever its order: a counter ends with the sum of what was added, and each step finds
the sum of the steps before it. Told so, the solver need not try the orders; and a counter that is only compared with
constants needs no values at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from patchscan.basics.record import frozen, replace
from patchscan.lkmm.dialect.litmus_syntax import Observed, Value, equalities, observed_in
from patchscan.lkmm.memory.events import Cases, Event, Program, constant
from patchscan.lkmm.solving.comparisons import added, as_truth, only_compared
from patchscan.lkmm.solving.turns import Section, sections_by_lock

MOST_SUMS = 2_000


@frozen
class Step:
    """One sum: the read it starts from, the write of the result, and what it adds."""

    read: int
    write: int
    amount: int


@frozen
class Counter:
    """readers: the reads that are none of its steps. hidden: what these and the steps find is compared with constants
    alone; open: so is what it ends with."""

    name: str
    initial: int
    steps: tuple[Step, ...]
    readers: tuple[int, ...]
    hidden: bool = False
    open: bool = False

    @property
    def reads(self) -> frozenset[int]:
        return frozenset({*(step.read for step in self.steps), *self.readers})

    def sums(self, without: int | None = None) -> set[Value] | None:
        """What it can come to, without one of its writes; None where that is too much."""
        found = _subset_sums(step.amount for step in self.steps if step.write != without)
        return {self.initial + value for value in found} if len(found) <= MOST_SUMS else None


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
            steps_of = {step.read for step in whole}
            readers = [
                event.number for event in accesses if event.kind == "R" and names[event.number] == [name]
            ]
            counter = Counter(name, initial, whole, tuple(each for each in readers if each not in steps_of))
            found[name] = _looked_at(program, counter, asked)
    return found


def _names(address: Cases) -> list[str]:
    """The variable, where it is one and written so."""
    fixed = len(address) == 1 and not address[0].guard and isinstance(address[0].term, str)
    return [str(address[0].term)] if fixed else []


def _step(program: Program, write: Event) -> Step | None:
    value = write.value or ()
    inner = added(value[0].term) if len(value) == 1 and not value[0].guard else None
    if inner is None:
        return None
    number, amount = inner
    read = program.events[number]
    mine = read.thread == write.thread and read.guard <= write.guard
    return Step(number, write.number, amount) if mine and write.partner in (None, number) else None


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


def _looked_at(program: Program, counter: Counter, asked: bool) -> Counter:
    """The counter, and how others look at it."""
    compared = _compared_with_others(program)
    in_memory = Observed(None, counter.name)
    is_open = asked and in_memory not in compared
    if in_memory in _observed(program) and not is_open:
        uncertain = [step.amount for step in counter.steps if program.events[step.write].guard]
        if len(_subset_sums(uncertain)) > MOST_SUMS:
            return counter
    return replace(counter, hidden=_hidden(program, counter, asked, compared), open=is_open)


def _hidden(program: Program, counter: Counter, asked: bool, compared: Collection[Observed]) -> bool:
    """Whether what its reads find goes into comparisons with constants alone, and into its own sums."""
    reads = counter.reads
    writes = {step.write for step in counter.steps}
    looked_at: list[Cases] = [event.address for event in program.events if event.address is not None]
    looked_at += [event.value for event in program.events if event.value and event.number not in writes]
    looked_at += [requirement.cases for requirement in program.requirements]
    terms = [case.term for cases in looked_at for case in cases]
    terms += [as_truth(case.term, reads) for branch in program.branches for case in branch.cases or ()]
    for register, cases in _observed_registers(program).items():
        free = asked and register not in compared
        terms += [case.term for case in cases if not (free and added(case.term))]
    return all(only_compared(term, reads) for term in terms)


def _subset_sums(amounts: Iterable[int]) -> set[int]:
    found = {0}
    for amount in amounts:
        if len(found) <= MOST_SUMS:
            found |= {value + amount for value in found}
    return found


def _observed(program: Program) -> set[Observed]:
    litmus = program.litmus
    return observed_in(litmus.condition) | observed_in(litmus.filter) | set(litmus.locations)


def _observed_registers(program: Program) -> dict[Observed, Cases]:
    return {
        one: program.final[one.thread].get(one.name, ())
        for one in _observed(program)
        if one.thread is not None and 0 <= one.thread < len(program.final)
    }


def _compared_with_others(program: Program) -> set[Observed]:
    """What is compared with what is no constant."""
    litmus = program.litmus
    pairs = [*equalities(litmus.condition), *equalities(litmus.filter)]
    return {one for pair in pairs if isinstance(pair.right, Observed) for one in (pair.left, pair.right)}


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
