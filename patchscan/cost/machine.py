"""N CPUs in a discrete-event run: interrupts, reader sections, grace periods. Nothing here knows C code."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import simpy

from patchscan.basics.record import field, record
from patchscan.cost.constants import Prices


@record
class Interrupt:
    """One IPI on its way: the call it belongs to, and what the sender saw of its target."""

    call: "Call"
    seen: tuple[tuple[str, int], ...]


@record
class Call:
    """A function call on other CPUs that its sender waits for; done: fires when the last one has handled it."""

    sender: int
    left: int
    handler: float
    done: simpy.Event


@record
class Cpu:
    """user: in user space; isolated: its user must not be disturbed; stolen: ns that handlers took from its task."""

    number: int
    isolated: bool = False
    user: bool = False
    irqs_off: bool = False
    sections: int = 0
    stolen: float = 0.0
    interrupted: int = 0
    pending: list[Interrupt] = field(default_factory=list)


@record
class GracePeriod:
    """waits_for: CPUs whose section was open when it began; done: fires when its time is over and they closed."""

    waits_for: set[int]
    elapsed: bool
    done: simpy.Event


class Machine:
    """The CPUs, what they share, and what was counted. Times are in nanoseconds.

    counts: (role, what) to a number; per_cpu: variable to CPU to its value, zero values left out; waiting: CPU to
    what its task waits for, and that in words.
    """

    def __init__(self, cpus: int, prices: Prices, isolated: Iterable[int] = ()) -> None:
        self.environment = simpy.Environment()
        self.prices = prices
        self.cpus = [Cpu(number) for number in range(cpus)]
        for number in isolated:
            self.cpus[number].isolated = self.cpus[number].user = True
        self.per_cpu: dict[str, dict[int, int]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.events = 0
        self.waiting: dict[int, tuple[simpy.Event, str]] = {}
        self._grace_periods: list[GracePeriod] = []
        self._locks: dict[str, list[tuple[int, simpy.Event]]] = {}

    def after(self, delay: float, action: Callable[[simpy.Event], None]) -> None:
        """Do something after a delay."""
        self.events += 1
        callbacks = self.environment.timeout(delay).callbacks
        assert callbacks is not None
        callbacks.append(action)

    def send(
        self,
        sender: int,
        role: str,
        targets: Sequence[int],
        handler: float,
        seen: Callable[[int], tuple[tuple[str, int], ...]],
    ) -> Call:
        """IPIs to the targets, one after the other; handler: ns the handler takes besides entry and exit."""
        call = Call(sender, len(targets), handler, self.environment.event())
        if not targets:
            call.done.succeed()
        each, way = self.prices.of("ipi_send"), self.prices.of("ipi_delivery")
        self.counts[role, "IPIs sent"] += len(targets)
        for index, target in enumerate(targets, 1):
            interrupt = Interrupt(call, seen(target))
            self.after(index * each + way, lambda _, i=interrupt, t=target: self._arrive(i, t))  # type: ignore[misc]
        return call

    def _arrive(self, interrupt: Interrupt, target: int) -> None:
        """It is spurious when its target has meanwhile left the state for which it was sent."""
        cpu = self.cpus[target]
        if any(self.value(name, target) != value for name, value in interrupt.seen):
            self.counts["machine", "spurious IPIs"] += 1
        if cpu.irqs_off:
            cpu.pending.append(interrupt)
        else:
            self._handle(interrupt, cpu)

    def _handle(self, interrupt: Interrupt, cpu: Cpu) -> None:
        """The handler runs and takes its time from whatever the CPU does."""
        length = self.prices.of("ipi_handler") + interrupt.call.handler
        cpu.stolen += length
        cpu.interrupted += 1
        if cpu.isolated and cpu.user:
            self.counts["machine", "isolated task interrupted"] += 1
        self.after(length, lambda _: self._handled(interrupt.call))

    def _handled(self, call: Call) -> None:
        self.counts["machine", "IPIs handled"] += 1
        call.left -= 1
        if not call.left:
            call.done.succeed()

    def turn_irqs(self, number: int, off: bool) -> None:
        """Turn IRQs off or on; what is pending runs as soon as they are on."""
        cpu = self.cpus[number]
        cpu.irqs_off = off
        if not off and cpu.pending:
            pending, cpu.pending = cpu.pending, []
            for interrupt in pending:
                self._handle(interrupt, cpu)

    def value(self, name: str, cpu: int) -> int:
        """A per-CPU variable's value on one CPU."""
        return self.per_cpu.get(name, {}).get(cpu, 0)

    def set_value(self, name: str, cpu: int, value: int) -> None:
        values = self.per_cpu.setdefault(name, {})
        if value:
            values[cpu] = value
        else:
            values.pop(cpu, None)

    def open_section(self, number: int) -> None:
        self.cpus[number].sections += 1

    def close_section(self, number: int) -> None:
        """A section of RCU ends; outside of all of them the CPU has passed a quiescent state."""
        cpu = self.cpus[number]
        cpu.sections = max(0, cpu.sections - 1)
        if not cpu.sections:
            for period in list(self._grace_periods):
                period.waits_for.discard(number)
                self._end_if_over(period)

    def grace_period(self) -> simpy.Event:
        """An event that fires when the sections open now have closed, not before the time it takes at least."""
        open_now = {cpu.number for cpu in self.cpus if cpu.sections}
        period = GracePeriod(open_now, False, self.environment.event())
        self._grace_periods.append(period)

        def elapsed(_: simpy.Event) -> None:
            period.elapsed = True
            self._end_if_over(period)

        self.after(self.prices.of("grace_period"), elapsed)
        return period.done

    def next_end(self, tasks: int) -> simpy.Event | None:
        """The end of the grace period that began first, when as many tasks wait for grace periods."""
        ends = [period.done for period in self._grace_periods]
        waiting = sum(1 for event, _ in self.waiting.values() if event in ends)
        return ends[0] if ends and waiting == tasks else None

    def _end_if_over(self, period: GracePeriod) -> None:
        if period.elapsed and not period.waits_for:
            self._grace_periods.remove(period)
            period.done.succeed()

    def lock(self, name: str, cpu: int) -> simpy.Event:
        """An event that fires when the lock is the CPU's; waiters get it in the order they came.

        A CPU that has it already goes on: it dropped the lock by another name (a pointer that was read twice), and
        deadlocks are the simulator's matter.
        """
        queue = self._locks.setdefault(name, [])
        mine = self.environment.event()
        if not queue or queue[0][0] == cpu:
            queue[:1] = [(cpu, mine)]
            mine.succeed()
        else:
            queue.append((cpu, mine))
        return mine

    def unlock(self, name: str) -> None:
        """Hand a lock on to who waits for it."""
        queue = self._locks.get(name, [])
        if queue:
            queue.pop(0)
        if queue:
            queue[0][1].succeed()

    def in_flight(self) -> int:
        """IPIs that were sent and not handled."""
        sent = sum(number for (_, what), number in self.counts.items() if what == "IPIs sent")
        return sent - self.counts["machine", "IPIs handled"]
