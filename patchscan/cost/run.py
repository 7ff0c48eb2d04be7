"""One run: a scheme under a workload on N CPUs, and what it counted."""

from collections.abc import Mapping
from random import Random

from patchscan.basics.record import frozen
from patchscan.cost.constants import Prices
from patchscan.cost.machine import Machine
from patchscan.cost.schemes import READER, UPDATER, Scheme
from patchscan.cost.task import Run, Task
from patchscan.cost.views import FIRST_SPACE

HELD = 1_000_000.0
"""How long a held walk lasts, in ns: much longer than anything between two looks at who walks."""
_SETTLED = 10_000.0
_MOST_EVENTS = 20_000_000
CURRENT_MM = "task_struct.mm"
"""current->mm, where a tree does not say of which type it is."""


@frozen
class Workload:
    """What the CPUs do.

    cpus: how many; walkers: CPUs that execute the reader over and over, as many as there is room for; isolated:
    CPUs, the last ones, whose task stays in user space; spaces: address spaces, each with its updater on a CPU
    of its own, walkers spread over them; tables: tables of one update; updates: how many each updater makes;
    calls: reader calls of each walker, 0 for as long as there are updates; steady: walks last what was measured,
    with pauses of random length, in place of walks that are held so that each look finds every walker inside.
    """

    cpus: int
    walkers: int = 0
    isolated: int = 0
    spaces: int = 1
    tables: int = 1
    updates: int = 1
    calls: int = 0
    steady: bool = False


@frozen
class Placement:
    """Which CPU does what: updaters, walkers and isolated CPUs by number."""

    updaters: tuple[int, ...]
    walkers: tuple[int, ...]
    isolated: tuple[int, ...]


@frozen
class Outcome:
    """What one run counted.

    counts: (role, what) to a number; latencies: ns of each update; interrupted: CPUs that handled an IPI; call:
    ns of a reader call, None without one; in_flight: IPIs sent and not handled; stuck: who waits for ever, and
    for what; events: of the run; used: names of the constants behind the times.
    """

    counts: Mapping[tuple[str, str], int]
    latencies: tuple[float, ...]
    interrupted: int
    call: float | None
    in_flight: int
    stuck: tuple[str, ...]
    events: int
    used: frozenset[str]

    def count(self, what: str, role: str = "") -> int:
        """How often something happened, in one role or in all."""
        return sum(
            number for (who, name), number in self.counts.items() if name == what and role in ("", who)
        )

    def per_call(self, what: str) -> float:
        """How often a reader does something in one call, 0 when no reader ran."""
        calls = self.count("calls", READER)
        return self.count(what, READER) / calls if calls else 0.0


def place(workload: Workload, where: str) -> Placement:
    """Updaters first, walkers next, isolated CPUs last; a scheme whose reader enters the kernel walks there."""
    updaters = tuple(range(min(workload.spaces, workload.cpus)))
    free = workload.cpus - len(updaters)
    number = min(workload.isolated, free)
    isolated = tuple(range(workload.cpus - number, workload.cpus))
    room = isolated if where == "isolated" else range(len(updaters), workload.cpus - number)
    return Placement(updaters, tuple(room[: workload.walkers]), isolated)


def run_once(scheme: Scheme, workload: Workload, prices: Prices, seed: int) -> Outcome:
    """Execute the workload to its end, or until every task waits for another."""
    placement = place(workload, scheme.where)
    machine = Machine(workload.cpus, prices, placement.isolated)
    for cpu in range(workload.cpus):
        machine.set_value("housekeeping", cpu, int(cpu not in placement.isolated))
    run = _Run(machine, scheme, workload, placement, seed)
    machine.environment.run()
    times = run.call_times
    return Outcome(
        dict(machine.counts),
        tuple(run.latencies),
        sum(1 for cpu in machine.cpus if cpu.interrupted),
        sum(times) / len(times) if times else None,
        machine.in_flight(),
        tuple(f"CPU {cpu} waits for {what}" for cpu, (_, what) in sorted(machine.waiting.items())),
        machine.events,
        frozenset(prices.used),
    )


class _Run:
    """The tasks of one run while it goes on."""

    def __init__(
        self, machine: Machine, scheme: Scheme, workload: Workload, placement: Placement, seed: int
    ) -> None:
        self.machine, self.scheme, self.workload = machine, scheme, workload
        self.latencies: list[float] = []
        self.call_times: list[float] = []
        self._updating = len(placement.updaters) if workload.updates else 0
        spaces = len(placement.updaters)
        runs = {number: {cpu} for number, cpu in enumerate(placement.updaters)}
        for index, cpu in enumerate(placement.walkers):
            runs[index % spaces].add(cpu)
        shared = {number: frozenset(cpus) for number, cpus in runs.items()}
        for number, cpu in enumerate(placement.updaters if workload.updates else ()):
            task = Task(machine, cpu, UPDATER, FIRST_SPACE + number, shared[number])
            machine.environment.process(self._updater(task, Random(f"{seed} updater {cpu}")))
        for index, cpu in enumerate(placement.walkers if scheme.reader else ()):
            task = Task(machine, cpu, READER, FIRST_SPACE + index % spaces, shared[index % spaces])
            machine.environment.process(self._reader(task, Random(f"{seed} reader {cpu}")))

    def _updater(self, task: Task, random: Random) -> Run:
        """Updates in a row; each is as many tables as the workload says, then what is done once."""
        environment = self.machine.environment
        yield environment.timeout(_SETTLED)
        for _ in range(self.workload.updates):
            if self.workload.steady:
                yield from task.pause(random.expovariate(1 / _SETTLED))
            began = environment.now
            task.memory = {CURRENT_MM: task.space, **self.scheme.init}
            for _ in range(self.workload.tables):
                task.memory.update(self.scheme.table)
                for program in self.scheme.update:
                    yield from task.execute(program)
            for program in self.scheme.finish:
                yield from task.execute(program)
            self.latencies.append(environment.now - began)
        self._updating -= 1

    def _reader(self, task: Task, random: Random) -> Run:
        """Calls of the reader; an isolated CPU is in the kernel for as long as the call takes."""
        program = self.scheme.reader
        assert program is not None
        task.memory[CURRENT_MM] = task.space
        environment, steady = self.machine.environment, self.workload.steady
        stay = "kernel_stay" if self.scheme.where == "isolated" else "gup_fast_call"
        lasts = self.machine.prices.of(stay) if steady else HELD
        done = 0
        while (done < self.workload.calls or self._updating) and self.machine.events < _MOST_EVENTS:
            if steady and not self.workload.calls:
                yield from self._rest()
                yield from task.pause(random.expovariate(1 / (2 * lasts)))
            began, task.cpu.user = environment.now, False
            yield from task.execute(program, lasts)
            task.cpu.user = task.cpu.isolated
            self.call_times.append(environment.now - began)
            done += 1

    def _rest(self) -> Run:
        """Let a grace period pass when all updaters wait for it: walks that begin meanwhile change nothing."""
        end = self.machine.next_end(self._updating) if self._updating else None
        if end is not None:
            yield end
