"""A task: executes programs on one CPU of the machine, event by event, and counts what it does."""

from collections.abc import Generator
from functools import cache
from zlib import crc32

import simpy

from patchscan.cost.machine import Machine
from patchscan.cost.operations import OWN_CPU, RUNS_SPACE, SPACE, Program, per_cpu
from patchscan.cost.views import View, look
from patchscan.model.lowering.abstract_values import (
    Const,
    Named,
    Operation,
    Register,
    Unknown,
    Value,
    combine,
    is_symbol,
)
from patchscan.model.lowering.lowered import (
    Assign,
    Body,
    Branch,
    Close,
    Deferred,
    Event,
    Fence,
    Lock,
    Open,
    Place,
    Read,
    Update,
    Wait,
    Write,
)
from patchscan.model.lowering.memory import FREED

Run = Generator[simpy.Event, object, None]
_SOMETHING = 1
_SYMBOLS = {"add": "+", "sub": "-", "or": "|", "and": "&", "xor": "^", "andnot": "&"}
_IN_ORDER = ("acquire", "release")


class Task:
    """One thread of the workload.

    role: under which its operations are counted; space: number of its address space; runs: the CPUs of
    mm_cpumask() of that address space; memory: what it finds in memory that is not per-CPU, by location.
    """

    def __init__(
        self, machine: Machine, cpu: int, role: str, space: int, runs: frozenset[int] = frozenset()
    ) -> None:
        self.machine, self.number, self.role, self.space = machine, cpu, role, space
        self.runs = runs
        self.cpu = machine.cpus[cpu]
        self.memory: dict[str, int | None] = {}
        self._owed = 0.0
        self._lasts = 0.0
        self._registers: dict[str, int | None] = {}
        self._program: Program | None = None
        self._view: View | None = None
        self._targets: list[int] = []
        self._sent_at: Place | None = None
        self._flushes_there = False
        self._flushed_at: Place | None = None

    def execute(self, program: Program, lasts: float = 0.0) -> Run:
        """One call of the program; lasts: ns of its own work, spent before its section ends, or before
        it clears a per-CPU variable that says that it goes on."""
        self._program, self._lasts = program, lasts
        self._registers, self._view, self._flushed_at = {}, None, None
        self._count("calls")
        yield from self._body(program.body)
        yield from self._interrupt_targets()
        self._spend()
        yield from self.pause()

    def _spend(self) -> None:
        """The time of the call's own work has come."""
        self._owed, self._lasts = self._owed + self._lasts, 0.0

    def pause(self, more: float = 0.0) -> Run:
        """Let the time pass that operations took, and what interrupts took meanwhile."""
        left = self._owed + more + self.cpu.stolen
        self._owed = self.cpu.stolen = 0.0
        while left > 0:
            self.machine.events += 1
            yield self.machine.environment.timeout(left)
            left, self.cpu.stolen = self.cpu.stolen, 0.0

    def _body(self, body: Body) -> Run:
        """Execute events in order; only those that let time pass are generators, for there are many events."""
        for event in body:
            if self._targets and _ends_a_call(event):
                yield from self._interrupt_targets()
            if isinstance(event, (Read, Write, Update)):
                where = per_cpu(event)
                if where is not None and where[1] != OWN_CPU and isinstance(event, Read):
                    yield from self._read_there(event, *where)
                    continue
                if where is not None and isinstance(event, Write) and event.value == Const(0):
                    self._spend()
                if where is not None and (self._owed or self.cpu.stolen):
                    yield from self.pause()
                self._access(event, where)
            elif isinstance(event, (Open, Close)):
                if isinstance(event, Close):
                    self._spend()
                if self._owed or (self.cpu.stolen and not self.cpu.irqs_off):
                    yield from self.pause()
                self._section(event)
            elif isinstance(event, Branch):
                yield from self._body(self._arm(event))
            elif isinstance(event, Assign):
                self._registers[event.register.name] = self._value(event.value)
            elif isinstance(event, Wait):
                yield from self._wait(event)
            elif isinstance(event, Lock):
                yield from self._lock(event)
            else:
                self._step(event)

    def _step(self, event: Event) -> None:
        """A fence, or a callback that is queued; other events do nothing here."""
        if isinstance(event, Fence):
            self._count("full barriers" if event.kind == "mb" else "other fences")
            self._owed += self.machine.prices.of("full_barrier") if event.kind == "mb" else 0.0
        elif isinstance(event, Deferred):
            self._count("deferred frees")
            self.machine.environment.process(self._deferred(event))

    def _access(self, event: Read | Write | Update, where: tuple[str, int] | None) -> None:
        """A memory access of this CPU, to its own copy where the variable is per-CPU."""
        location = event.location
        name = location.name if isinstance(location, Named) else None
        if where is not None:
            name, old = where[0], self._own_copy(where[0])
        else:
            old = self.memory.get(name) if name is not None else None
        if event.order in _IN_ORDER:
            self._count("acquire or release")
        if isinstance(event, Read):
            self._registers[event.register.name] = old
        elif isinstance(event, Write):
            self._count("tables freed", int(event.value == FREED))
            self._store(name, where is not None, self._value(event.value))
        else:
            self._count("atomics")
            self._owed += self.machine.prices.of("atomic")
            self._registers[event.register.name] = old
            self._store(name, where is not None, self._updated(event, old))

    def _own_copy(self, variable: str) -> int | None:
        return self.machine.value(variable, self.number)

    def _updated(self, event: Update, old: int | None) -> int | None:
        """What a read-modify-write leaves."""
        operands = [self._value(operand) for operand in event.operands]
        if event.operation != "xchg" and (old is None or None in operands):
            return None
        if event.operation in ("xchg", "cmpxchg"):
            return operands[-1] if event.operation == "xchg" or old == operands[0] else old
        symbol = _SYMBOLS.get(event.operation)
        if symbol is None:
            return None
        right = (
            Operation("^", event.operands[0], Const(-1)) if event.operation == "andnot" else event.operands[0]
        )
        return self._value(Operation(symbol, Const(old or 0), right))

    def _store(self, name: str | None, is_per_cpu: bool, value: int | None) -> None:
        if name is not None and is_per_cpu:
            self.machine.set_value(name, self.number, _SOMETHING if value is None else value)
        elif name is not None:
            self.memory[name] = value

    def _section(self, event: Open | Close) -> None:
        """A reader section begins or ends."""
        opens = isinstance(event, Open)
        if event.domain == "irq":
            self.machine.turn_irqs(self.number, opens)
        elif opens:
            self.machine.open_section(self.number)
        else:
            self.machine.close_section(self.number)

    def _lock(self, event: Lock) -> Run:
        name = f"{event.name} of {self.space}"
        yield from self.pause()
        if event.kind == "lock":
            self._count("locks taken")
            yield from self._until(self.machine.lock(name, self.number), f"lock {event.name}", event.place)
        else:
            self.machine.unlock(name)

    def _deferred(self, event: Deferred) -> Run:
        """A callback after a grace period; what it frees is counted, its time is nobody's who waits."""
        yield self.machine.grace_period()
        self._count("callbacks run")
        for inner in event.body:
            if isinstance(inner, Write) and inner.value == FREED:
                self._count("tables freed")

    def _wait(self, event: Wait) -> Run:
        """A wait on another CPU's section or translations, or on a grace period."""
        if event.domain == "irq" and event.cpu not in (None, OWN_CPU):
            if self._targets and self._sent_at != event.place:
                yield from self._interrupt_targets()
            self._sent_at = event.place
            members = self._look().groups[(event.cpu or 1) - 1].members
            self._targets.extend(list(members)[: 1 if event.single else None])
        elif event.domain == "rcu":
            yield from self._interrupt_targets()
            yield from self.pause()
            self._count("grace periods waited for")
            yield from self._until(self.machine.grace_period(), "a grace period", event.place)
        elif event.cpu == OWN_CPU:
            self._count("TLB flushes here")
            self._owed += self.machine.prices.of("local_flush")
        elif event.domain == "tlb" and self._sent_at is not None:
            self._flushes_there = True
        elif self._flushed_at != event.place:
            self._flushed_at = event.place
            self._count("flushes without an interrupt")
            self._owed += self.machine.prices.of("remote_flush")

    def _interrupt_targets(self) -> Run:
        """Send what was collected for one call, and wait until every target has handled it."""
        if self._sent_at is None:
            return
        place, targets, flushes = self._sent_at, sorted(self._targets), self._flushes_there
        self._sent_at, self._targets, self._flushes_there = None, [], False
        if not targets:
            return
        yield from self.pause()
        self._count("IPI calls")
        seen = self._view.seen if self._view is not None else {}
        call = self.machine.send(
            self.number,
            self.role,
            targets,
            self.machine.prices.of("local_flush") if flushes else 0.0,
            lambda target: seen.get(target, ()),
        )
        self.machine.counts["sent by", place.function] += len(targets)
        yield from self._until(call.done, f"{len(targets)} IPIs", place)

    def _until(self, event: simpy.Event, what: str, place: Place) -> Run:
        """Wait for an event; while it has not come, the machine can tell who waits and for what."""
        self.machine.waiting[self.number] = (event, f"{what} at {place.path}:{place.line}")
        self.machine.events += 1
        yield event
        del self.machine.waiting[self.number]
        self.cpu.stolen = 0.0

    def _read_there(self, event: Read, name: str, group: int) -> Run:
        """A read of a per-CPU variable of every CPU in a group."""
        view = self._view
        if view is None or view.is_stale(name, group, self.machine.environment.now):
            yield from self._interrupt_targets()
            yield from self.pause()
            self._view = view = None
        view = self._look()
        view.read.add((name, group))
        size = len(view.groups[group - 1].members)
        self._count("reads of other CPUs", size)
        self._count("acquire or release", size if event.order == "acquire" else 0)
        self._owed += size * self.machine.prices.of("remote_read")
        self._registers[event.register.name] = view.value(name, group)

    def _look(self) -> View:
        """The view of the other CPUs, taken now where there is none."""
        assert self._program is not None
        if self._view is None:
            self._view = look(
                self.machine,
                self.number,
                self.space,
                self.runs,
                self._program.looks_at,
                self._program.states,
            )
        return self._view

    def _arm(self, event: Branch) -> Body:
        """The way that a condition sends; one over memory that nobody gave a value goes the costlier way."""
        value = self._value(event.condition)
        if value is not None:
            return event.then if value else event.otherwise
        assert self._program is not None
        return self._program.weights.chosen(event)

    def _value(self, value: Value) -> int | None:
        """The number that a value is now; None where nobody gave it one."""
        if isinstance(value, Const):
            return self.space if value.number == SPACE else value.number
        if isinstance(value, Register):
            name, _, group = value.name.partition("@")
            if name == RUNS_SPACE:
                own = int(self.number in self.runs)
                return own if int(group) == OWN_CPU else self._look().value(RUNS_SPACE, int(group))
            return self._registers.get(value.name)
        if isinstance(value, Operation):
            left, right = self._value(value.left), self._value(value.right)
            if left is None or right is None:
                return None
            result = combine(value.operator, Const(left), Const(right))
            return result.number if isinstance(result, Const) else None
        return _symbol(value.serial) if isinstance(value, Unknown) and is_symbol(value) else None

    def _count(self, what: str, times: int = 1) -> None:
        if times:
            self.machine.counts[self.role, what] += times


def _ends_a_call(event: Event) -> bool:
    """Whether IPIs that were collected go out before an event: reads of other CPUs may still choose targets."""
    if isinstance(event, Read):
        where = per_cpu(event)
        return where is None or where[1] == OWN_CPU
    return isinstance(event, (Write, Update, Fence, Open, Close, Lock, Deferred))


@cache
def _symbol(serial: str) -> int:
    """A number that stands for an enumerator or macro whose own is not known, different for each."""
    return -2 - crc32(serial.encode())
