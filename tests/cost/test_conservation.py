"""Every IPI sent is handled once, every table is freed once, nobody waits for ever; and who does is named."""

import pytest
from patchscan.cost.constants import draw
from patchscan.cost.machine import Machine
from patchscan.cost.operations import Program
from patchscan.cost.run import Workload, run_once
from patchscan.cost.task import Task
from patchscan.model.lowering.lowered import Close, Event, Open, Place, Wait

from tests.cost.schemes import constants, outcome, schemes

HERE = Place("mm/example.c", 7, "free_table")
FREES = (
    "broadcast",
    "targeted",
    "RCU wait",
    "RCU-deferred",
    "one broadcast per table",
)


@pytest.mark.parametrize("name", sorted(schemes()))
@pytest.mark.parametrize("seed", range(3))
def test_every_ipi_is_handled_once(name: str, seed: int) -> None:
    workload = Workload(16, walkers=6, isolated=4, spaces=2, tables=3, updates=4, steady=True)
    found = run_once(schemes()[name], workload, draw(constants(), 2 + seed, 1), seed)
    assert found.in_flight == 0 and found.stuck == ()
    assert found.count("IPIs handled") == found.count("IPIs sent")
    assert len(found.latencies) == 8


@pytest.mark.parametrize("name", FREES)
def test_every_table_is_freed_once(name: str) -> None:
    assert outcome(name, cpus=8, walkers=3, tables=5, updates=2).count("tables freed") == 10


def test_a_wait_lasts_until_the_walk_is_over() -> None:
    """Walks of a millisecond began before the update, so both kinds of IPI take almost as long."""
    for name in ("broadcast", "targeted"):
        assert 900_000 < outcome(name, cpus=2, walkers=1).latencies[0] < 1_000_000
        assert outcome(name, cpus=2, walkers=0).latencies[0] < 10_000


def _program(*events: Event) -> Program:
    return Program("free_table", events, 1, (), (), ())


def test_interrupting_each_other_with_irqs_off_is_told_as_a_wait_for_ever() -> None:
    machine = Machine(2, draw(constants(), 0, 1))
    program = _program(Open("irq", 0, HERE), Wait("irq", 1, HERE), Close("irq", 0, HERE))
    for cpu in (0, 1):
        machine.environment.process(Task(machine, cpu, "updater", 1000).execute(program))
    machine.environment.run()
    assert sorted(machine.waiting) == [0, 1]
    assert machine.waiting[0][1] == "1 IPIs at mm/example.c:7"
    assert machine.in_flight() == 2


def test_a_grace_period_waits_for_a_section_that_is_open() -> None:
    machine = Machine(2, draw(constants(), 0, 1))
    machine.open_section(1)
    waiter = Task(machine, 0, "updater", 1000)
    machine.environment.process(waiter.execute(_program(Wait("rcu", None, HERE))))
    machine.environment.run()
    assert list(machine.waiting) == [0]
    machine.close_section(1)
    machine.environment.run()
    assert not machine.waiting


def test_waiting_for_a_grace_period_inside_a_section_never_ends() -> None:
    machine = Machine(2, draw(constants(), 0, 1))
    program = _program(Open("rcu", 0, HERE), Wait("rcu", None, HERE), Close("rcu", 0, HERE))
    machine.environment.process(Task(machine, 0, "updater", 1000).execute(program))
    machine.environment.run()
    assert machine.waiting[0][1] == "a grace period at mm/example.c:7"


def test_a_lock_goes_to_others_in_turn_and_never_stops_its_owner() -> None:
    machine = Machine(2, draw(constants(), 0, 1))
    first, again, other = (machine.lock("page table", cpu) for cpu in (0, 0, 1))
    assert first.triggered and again.triggered and not other.triggered
    machine.unlock("page table")
    assert other.triggered
