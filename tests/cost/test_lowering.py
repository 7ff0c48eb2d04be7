"""One CPU for all in the same state gives what code lowered for every CPU gives."""

import random
from collections.abc import Iterable

import pytest
from patchscan.basics.record import replace
from patchscan.cost import task as task_module
from patchscan.cost.constants import draw
from patchscan.cost.machine import Machine
from patchscan.cost.operations import Program
from patchscan.cost.schemes import load_schemes
from patchscan.cost.task import Task
from patchscan.cost.views import FIRST_SPACE, View, look

from tests.cost.schemes import FILE, constants, schemes

OTHERS = 5
LOOKING = ("targeted", "flush by IPI, then broadcast", "skipped after an IPI flush", "deferred kernel flush")


def one_group_a_cpu(
    machine: Machine, own: int, space: int, runs: Iterable[int], names: tuple[str, ...], states: int
) -> View:
    """A view in which CPU k of the lowered code is CPU k of the machine."""
    view = look(machine, own, space, runs, names, OTHERS)
    state = {cpu: group.values for group in view.groups for cpu in group.members}
    groups = [type(view.groups[0])(state[cpu], (cpu,)) for cpu in range(1, OTHERS + 1)]
    return replace(view, groups=groups)


def targets(program: Program, seed: int, own_groups: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What one call counts when the other CPUs are in random states."""
    chance = random.Random(seed)
    machine = Machine(OTHERS + 1, draw(constants(), 0, 1))
    for cpu in range(OTHERS + 1):
        machine.set_value("walked_mm", cpu, chance.choice((0, FIRST_SPACE, FIRST_SPACE + 1)))
        for flag in ("kernel_cr3_loaded", "housekeeping"):
            machine.set_value(flag, cpu, chance.choice((0, 1)))
    runs = frozenset(cpu for cpu in range(1, OTHERS + 1) if chance.random() < 0.5)
    task = Task(machine, 0, "updater", FIRST_SPACE, runs)
    task.memory = {"<pmd_t>": 1, "kernel_pte": 1}
    with monkeypatch.context() as patch:
        if own_groups:
            patch.setattr(task_module, "look", one_group_a_cpu)
        machine.environment.process(task.execute(program))
        machine.environment.run()
    interrupted = {f"CPU {cpu.number}": cpu.interrupted for cpu in machine.cpus}
    return {**interrupted, **{what: number for (_, what), number in machine.counts.items()}}


@pytest.mark.parametrize("name", LOOKING)
def test_states_stand_for_cpus(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = schemes()[name].update
    assert program.states > 1
    monkeypatch.setattr("patchscan.cost.operations._combinations", lambda seen: OTHERS)
    (full,) = {s.name: s for s in load_schemes(FILE).schemes}[name].update
    assert full.states == OTHERS
    outcomes = set()
    for seed in range(40):
        grouped = targets(program, seed, False, monkeypatch)
        assert grouped == targets(full, seed, True, monkeypatch), seed
        outcomes.add(tuple(sorted(grouped.items())))
    assert len(outcomes) > 3
