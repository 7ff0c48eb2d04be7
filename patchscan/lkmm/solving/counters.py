"""Counters: variables that are changed by sums alone, one after the other.

Each write of a counter adds a constant to what a read before it found, and nothing comes between the two: they are one
read-modify-write, or stand in a section of the one lock that all of the counter's writes stand in. There a read may
start more than one sum, each of which goes on from the one before. So the writes are a
chain from the initial value on, whatever its order: a counter ends with the sum of what was added, and each step finds
the sum of the steps before it. Told so, the solver need not try the orders; and a counter that is only compared with
constants needs no values at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from patchscan.basics.record import frozen, replace
from patchscan.lkmm.dialect.litmus_syntax import Observed, Value, equalities, observed_in
from patchscan.lkmm.memory.events import (
    Cases,
    Computed,
    Event,
    Program,
    ReadValue,
    Requirement,
    Term,
    compatible,
    constant,
)
from patchscan.lkmm.solving.comparisons import added, as_truth, only_compared
from patchscan.lkmm.solving.turns import Section, sections_by_lock

MOST_SUMS = 2_000


@frozen
class Step:
    """One sum: the read it starts from, the write of the result, and what it adds; first: to what the read found, and
    not to what the step before it in the thread made of that."""

    read: int
    write: int
    amount: int
    first: bool = True


@frozen
class Counter:
    """readers: the reads that are none of its steps. hidden: what these and the steps find is compared with constants
    alone; open: so is what it ends with. loose: others may write between the halves of a step, and a base is a write of
    a constant."""

    name: str
    initial: int
    steps: tuple[Step, ...]
    readers: tuple[int, ...]
    hidden: bool = False
    open: bool = False
    loose: bool = False
    bases: tuple[tuple[int, int], ...] = ()

    @property
    def reads(self) -> frozenset[int]:
        return frozenset({*(step.read for step in self.steps), *self.readers})

    @property
    def writes(self) -> frozenset[int]:
        return frozenset({*(step.write for step in self.steps), *(write for write, _ in self.bases)})

    @property
    def strict(self) -> bool:
        """Whether it never comes back to a value that it had."""
        return all(step.amount > 0 for step in self.steps) or all(step.amount < 0 for step in self.steps)

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
    required = _required(program)
    writes: dict[str, list[Event]] = {}
    reads_of: dict[tuple[str, ...], list[int]] = {}
    for event in accesses:
        if event.kind == "W":
            writes.setdefault(names[event.number][0], []).append(event)
        elif event.kind == "R":
            reads_of.setdefault(tuple(names[event.number]), []).append(event.number)
    found = {}
    for name, of_name in writes.items():
        steps = [_step(program, write, required) for write in of_name]
        initial = program.litmus.initial.get(name, 0)
        if not isinstance(initial, int) or not all(
            step is None or names[step.read] == [name] for step in steps
        ):
            continue
        reads = reads_of.get((name,), [])
        whole = _in_differences(program, steps)
        if whole is not None and _unbroken(program, whole, of_name, locks):
            counter = Counter(name, initial, whole, _readers(reads, whole))
            found[name] = _looked_at(program, counter, asked)
        else:
            loose = _loose(program, name, initial, of_name, steps)
            if loose is not None:
                loose = _looked_at(program, replace(loose, readers=_readers(reads, loose.steps)), asked)
                if loose.hidden:
                    found[name] = loose
    return found


def _readers(reads: Iterable[int], steps: Iterable[Step]) -> tuple[int, ...]:
    """The reads that no step starts from."""
    of_steps = {step.read for step in steps}
    return tuple(read for read in reads if read not in of_steps)


def _loose(
    program: Program, name: str, initial: int, writes: Sequence[Event], steps: Sequence[Step | None]
) -> Counter | None:
    """The variable as one that is changed by sums that may get lost, and constants; None where it is changed otherwise,
    or by fewer than two sums: what takes and gives back a lock are constants, of which there are two values."""
    found, bases = [], []
    for write, step in zip(writes, steps, strict=True):
        base = _constant(write)
        if base is None and step is None:
            return None
        if step is not None:
            found.append(step)
        elif base is not None:
            bases.append((write.number, base))
    if sum(_constant(program.events[step.write]) is None for step in found) < 2:
        return None
    return Counter(name, initial, tuple(found), (), loose=True, bases=tuple(bases))


def _constant(write: Event) -> int | None:
    """The one value that it writes."""
    cases = write.value or ()
    term = cases[0].term if len(cases) == 1 and not cases[0].guard else None
    return term if isinstance(term, int) else None


def _names(address: Cases) -> list[str]:
    """The variable, where it is one and written so."""
    fixed = len(address) == 1 and not address[0].guard and isinstance(address[0].term, str)
    return [str(address[0].term)] if fixed else []


def _required(program: Program) -> dict[int, Requirement]:
    """Read -> the requirement that it is equal to something."""
    found: dict[int, Requirement] = {}
    for requirement in program.requirements:
        equal = [case.term for case in requirement.cases if isinstance(case.term, Computed)]
        if len(equal) == len(requirement.cases) and all(term.operator == "==" for term in equal):
            left = {term.left for term in equal}
            found |= {
                term.event: requirement for term in left if isinstance(term, ReadValue) and len(left) == 1
            }
    return found


def _step(program: Program, write: Event, required: Mapping[int, Requirement]) -> Step | None:
    value = write.value or ()
    inner = added(value[0].term) if len(value) == 1 and not value[0].guard else None
    requirement = None if write.partner is None else required.get(write.partner)
    if requirement is not None and requirement.guard <= write.guard:
        amount = _exchanged(value, requirement.cases)
        inner = inner if amount is None else (cast(int, write.partner), amount)
    if inner is None:
        return None
    number, amount = inner
    read = program.events[number]
    mine = read.thread == write.thread and read.guard <= write.guard
    return Step(number, write.number, amount) if mine and write.partner in (None, number) else None


def _exchanged(new: Cases, equal: Cases) -> int | None:
    """What a compare-and-exchange adds to what it finds: the difference of its two values, where it is always one."""
    differences = set()
    for value in new:
        for case in equal:
            assert isinstance(case.term, Computed)
            if compatible(value.guard | case.guard):
                differences.add(_difference(value.term, case.term.right))
    return differences.pop() if len(differences) == 1 else None


def _difference(one: Term, other: Term) -> int | None:
    """What the one is more than the other, where the text tells."""
    if isinstance(one, int) and isinstance(other, int):
        return one - other
    left, right = added(one), added(other)
    if left is None or right is None or left[0] != right[0]:
        return None
    return left[1] - right[1]


def _in_differences(program: Program, steps: Sequence[Step | None]) -> tuple[Step, ...] | None:
    """What each adds to what the write before it made, where a thread makes more than one sum of one read.

    None where one is no sum, or it is not sure that the one before it is made, or that started from another read.
    """
    found: list[Step] = []
    for place, step in enumerate(steps):
        if step is None:
            return None
        before = [one for one in steps[:place] if one is not None and _between(program, one, step)]
        if before:
            last, write = before[-1], program.events[step.write]
            if last.read != step.read or not program.events[last.write].guard <= write.guard:
                return None
            step = replace(step, amount=step.amount - last.amount, first=False)
        found.append(step)
    return tuple(found)


def _between(program: Program, one: Step, step: Step) -> bool:
    """Whether the write of the one may come between the read and the write of the other in their thread."""
    write, last = program.events[one.write], program.events[step.write]
    between = step.read < one.write < step.write and write.thread == last.thread
    return between and not any(-branch in last.guard for branch in write.guard)


def _unbroken(
    program: Program, steps: tuple[Step, ...], writes: list[Event], locks: Mapping[str, list[Section]]
) -> bool:
    """Whether no write of it ever comes between the two halves of a step."""
    if all(write.partner is not None for write in writes):
        return True
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
        if counter.loose:
            return counter
        uncertain = [step.amount for step in counter.steps if program.events[step.write].guard]
        if len(_subset_sums(uncertain)) > MOST_SUMS:
            return counter
    return replace(counter, hidden=_hidden(program, counter, asked, compared), open=is_open)


def _hidden(program: Program, counter: Counter, asked: bool, compared: Collection[Observed]) -> bool:
    """Whether what its reads find goes into comparisons with constants alone, and into its own sums."""
    reads, writes = counter.reads, counter.writes
    looked_at: list[Cases] = [event.address for event in program.events if event.address is not None]
    looked_at += [event.value for event in program.events if event.value and event.number not in writes]
    looked_at += [requirement.cases for requirement in program.requirements]
    terms = [case.term for cases in looked_at for case in cases]
    terms += [as_truth(case.term, reads) for branch in program.branches for case in branch.cases or ()]
    for register, cases in _observed_registers(program).items():
        free = asked and register not in compared
        terms += [case.term for case in cases if not (free and added(case.term))]
    return all(only_compared(term, reads, counter.strict and not counter.loose) for term in terms)


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
    kept = {write: each.initial for each in counters.values() if each.hidden for write in each.writes}
    if not kept:
        return program
    events = [
        replace(event, value=constant(kept[event.number])) if event.number in kept else event
        for event in program.events
    ]
    return replace(program, events=events)
