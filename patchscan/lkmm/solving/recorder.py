"""One thread as it is unfolded: its registers, the branches taken so far, and the events it has made."""

from __future__ import annotations

from collections.abc import Callable

from patchscan.basics.record import field, record
from patchscan.lkmm.memory.events import (
    ALWAYS,
    Branch,
    Case,
    Cases,
    Event,
    EventKind,
    Guard,
    Program,
    ReadValue,
    Requirement,
    combine,
    constant,
)
from patchscan.lkmm.solving.cnf import check_time

Control = frozenset[tuple[int, Guard]]

ZERO = constant(0)
ONE = constant(1)


@record
class Recorder:
    """Records the events of one thread into the program.

    guard: the branches taken to get here; running: those that a cut-off loop leaves untaken.
    control: the reads that decided that we got here, each with when it did.
    line, text: the statement that is being unfolded.
    """

    program: Program
    thread: int
    guard: Guard = ALWAYS
    running: Guard = ALWAYS
    control: Control = frozenset()
    registers: dict[str, Cases] = field(default_factory=dict)
    line: int = 0
    text: str = ""

    # Branches

    def new_branch(self, cases: Cases | None) -> int:
        self.program.branches.append(Branch(self.guard | self.running, cases))
        return len(self.program.branches)

    def branch(self, cases: Cases | None, then: Callable[[], object], otherwise: Callable[[], object]) -> int:
        """Run both sides under their guards and merge the registers; returns the branch."""
        branch = self.new_branch(cases)
        guard, before = self.guard, self.registers
        self.guard, self.registers = guard | {branch}, dict(before)
        then()
        taken = self.registers
        self.guard, self.registers = guard | {-branch}, dict(before)
        otherwise()
        not_taken = self.registers
        self.guard = guard
        self.registers = {
            name: _merge(branch, taken.get(name, ZERO), not_taken.get(name, ZERO))
            for name in {**taken, **not_taken}
        }
        return branch

    def choose(self, cases: Cases | None, then: Callable[[], Cases], otherwise: Callable[[], Cases]) -> Cases:
        """The value of `then()` or `otherwise()`, each evaluated under its side of a branch."""
        results: list[Cases] = []
        branch = self.branch(cases, lambda: results.append(then()), lambda: results.append(otherwise()))
        return _merge(branch, *results)

    # Events

    def event(
        self, kind: EventKind, tag: str, address: Cases | None = None, value: Cases | None = None
    ) -> Event:
        check_time(self.program.deadline)
        dependencies = [("addr", read, case.guard) for case in address or () for read in sorted(case.data)]
        dependencies += [("data", read, case.guard) for case in value or () for read in sorted(case.data)]
        control = sorted(self.control, key=lambda pair: (pair[0], sorted(pair[1])))
        dependencies += [("ctrl", read, guard) for read, guard in control]
        event = Event(
            number=len(self.program.events),
            thread=self.thread,
            kind=kind,
            tag=tag,
            guard=self.guard | self.running,
            address=address,
            value=value,
            dependencies=tuple(dependencies),
            line=self.line,
            text=self.text,
        )
        self.program.events.append(event)
        return event

    def read(self, tag: str, address: Cases) -> Cases:
        return _result_of(self.event("R", tag, address))

    def require(self, operator: str, left: Cases, right: Cases) -> None:
        """Only executions in which `left operator right` holds here are executions."""
        cases = combine(operator, left, right)
        self.program.requirements.append(Requirement(self.guard | self.running, cases, True))

    # Read-modify-writes and locks

    def read_modify_write(
        self, address: Cases, order: str, new: Callable[[Cases], Cases], computed: bool = False
    ) -> tuple[Cases, Cases]:
        """The events of a successful read-modify-write; returns its old and its new value.

        A full-barrier one is fence, read, write, fence. The write depends on the read only through the
        value it writes, and in the computed (arithmetic) ones on nothing else.
        """
        if order == "mb":
            self.event("F", "mb")
        read = self.event("R", order if order in ("acquire", "noreturn") else "once", address)
        read.rmw = True
        old = _result_of(read)
        value = new(old)
        if computed:
            address = tuple(Case(case.guard, case.term) for case in address)
        write = self.event("W", "release" if order == "release" else "once", address, value)
        write.rmw = True
        write.partner = read.number
        if order == "mb":
            self.event("F", "mb")
        return old, value

    def _failed(self, address: Cases) -> Cases:
        """A compare-and-exchange that fails is one read without any ordering."""
        read = self.event("R", "once", address)
        read.rmw = True
        return _result_of(read)

    def compare_exchange(self, address: Cases, old: Cases, new: Cases, order: str) -> Cases:
        def succeed() -> Cases:
            found, _ = self.read_modify_write(address, order, lambda read: new)
            self.require("==", found, old)
            return found

        def fail() -> Cases:
            found = self._failed(address)
            self.require("!=", found, old)
            return found

        return self.choose(None, succeed, fail)

    def add_unless(self, address: Cases, amount: Cases, unless: Cases) -> Cases:
        def add() -> Cases:
            found, _ = self.read_modify_write(address, "mb", lambda read: combine("+", read, amount))
            self.require("!=", found, unless)
            return _replace(found, 1)

        def leave() -> Cases:
            found = self._failed(address)
            self.require("==", found, unless)
            return _replace(found, 0)

        return self.choose(None, add, leave)

    def lock(self, address: Cases) -> Cases:
        """Taking a lock reads 0 and writes 1 (LKR, LKW); it waits, so reading 1 is no execution."""
        read = self.event("R", "LKR", address)
        self.require("==", _result_of(read), ZERO)
        write = self.event("W", "LKW", address, ONE)
        write.partner = read.number
        return ONE

    def lock_seen(self, address: Cases, expected: Cases) -> Cases:
        """A read of a lock that finds it taken (LF) or free (RU); its result carries no dependency."""
        read = self.event("R", "LF" if expected is ONE else "RU", address)
        self.require("==", _result_of(read), expected)
        return ZERO


def _result_of(read: Event) -> Cases:
    return (Case(ALWAYS, ReadValue(read.number), frozenset((read.number,))),)


def _replace(cases: Cases, value: int) -> Cases:
    """The same dependencies on another value."""
    return tuple(Case(case.guard, value, case.data, case.control) for case in cases)


def _merge(branch: int, taken: Cases, not_taken: Cases) -> Cases:
    """What holds `taken` when the branch is taken and `not_taken` otherwise."""
    if taken is not_taken:
        return taken
    merged = [
        Case(case.guard | {side}, case.term, case.data, case.control)
        for side, cases in ((branch, taken), (-branch, not_taken))
        for case in cases
        if -side not in case.guard
    ]
    return tuple(merged)
