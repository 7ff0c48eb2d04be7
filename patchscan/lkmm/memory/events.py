"""Guarded events: what a program may do, before any execution is chosen.

A branch of the program is numbered from 1; a guard is the set of signed branch numbers that must have been
decided so (3: branch 3 taken, -3: not taken) for something to happen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from patchscan.basics.budget import BUDGET
from patchscan.basics.record import field, frozen, record
from patchscan.lkmm.dialect.litmus_syntax import Litmus, LitmusError, Value
from patchscan.lkmm.memory.arithmetic import apply

Guard = frozenset[int]
ALWAYS: Guard = frozenset()
INITIAL_THREAD = -1
MOST_OPERATORS = BUDGET.operators.most


class TooLarge(LitmusError):
    """The test is beyond a size limit."""


@frozen
class ReadValue:
    """The value that read event `event` returns."""

    event: int


@frozen
class Computed:
    """`left operator right`; size: how many operators stand in it, each counted as often as it is written out."""

    operator: str
    left: Term
    right: Term
    size: int = field(default=1, compare=False)


Term = Value | ReadValue | Computed


@frozen
class Case:
    """One of the values something may have.

    guard: when it has it.  term: the value.
    data: the read events it was computed from.
    control: (read, guard) pairs: reads that decided whether it was assigned.
    """

    guard: Guard
    term: Term
    data: frozenset[int] = frozenset()
    control: frozenset[tuple[int, Guard]] = frozenset()


Cases = tuple[Case, ...]


def constant(value: Value) -> Cases:
    return (Case(ALWAYS, value),)


def compatible(guard: Guard) -> bool:
    return not any(-branch in guard for branch in guard)


def possible(cases: Iterable[Case], guard: Guard) -> Cases:
    """The cases that can hold together with `guard`."""
    return tuple(case for case in cases if not any(-branch in guard for branch in case.guard))


def combine(operator: str, left: Cases, right: Cases) -> Cases:
    """The cases of `left operator right`."""
    result = []
    for one in left:
        for other in right:
            guard = one.guard | other.guard
            if compatible(guard):
                term = compute(operator, one.term, other.term)
                result.append(Case(guard, term, one.data | other.data, one.control | other.control))
    return tuple(result)


def compute(operator: str, left: Term, right: Term) -> Term:
    """`left operator right`, worked out where it can be: `r1 ^ r1` is 0 whatever r1 is.

    Raises TooLarge: sixteen lines like `z = z + z;` are a value of 65536 operators.
    """
    if operator in ("^", "-") and left == right:
        return 0
    if isinstance(left, int | str) and isinstance(right, int | str):
        value = apply(operator, left, right)
        if value is not None:
            return value
    size = 1 + sum(each.size for each in (left, right) if isinstance(each, Computed))
    if size > MOST_OPERATORS:
        raise TooLarge(f"a value is computed by more than {MOST_OPERATORS} operators")
    return Computed(operator, left, right, size)


EventKind = Literal["R", "W", "F"]


@record
class Event:
    """A memory access or a fence that happens when its guard holds.

    kind: "R", "W" or "F" (fences, and grace periods, which may carry an address).
    tag: the annotation the memory model knows it by ("once", "acquire", "plain", "LKR", "mb", "IW"...).
    address, value: cases; value only of writes.
    rmw: part of a read-modify-write.  partner: for its write, the number of its read.
    dependencies: (kind, read, guard) with kind "addr", "data" or "ctrl".
    """

    number: int
    thread: int
    kind: EventKind
    tag: str
    guard: Guard = ALWAYS
    address: Cases | None = None
    value: Cases | None = None
    rmw: bool = False
    partner: int | None = None
    dependencies: tuple[tuple[str, int, Guard], ...] = ()
    line: int = 0
    text: str = ""

    @property
    def place(self) -> str:
        """Where the event stands, for people: "P0:12 WRITE_ONCE(*x, 1)"."""
        if not self.line:
            return f"initially {self.text}"
        part = {"R": " (read)", "W": " (write)", "F": ""}[self.kind]
        return f"P{self.thread}:{self.line} {self.text}{part if self.rmw else ''}"


@record
class Branch:
    """A two-way decision. cases: what is tested, or None for a free choice (a trylock may fail)."""

    guard: Guard
    cases: Cases | None


@record
class Requirement:
    """When `guard` holds, the value of `cases` must be true (or false)."""

    guard: Guard
    cases: Cases
    true: bool


@record
class Program:
    """All that the threads may do.

    final: per thread, register -> cases at the end.
    deadline: time.process_time() at which the unfolding gives up, or None.
    cuts: branches (taken) at which a loop was cut off at the bound.
    loops: (file line, times unrolled) of the loops that met the bound.
    """

    litmus: Litmus
    deadline: float | None = None
    events: list[Event] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    final: list[dict[str, Cases]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    loops: list[tuple[int, int]] = field(default_factory=list)
