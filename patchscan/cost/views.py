"""What a CPU sees of the others when it looks: groups of CPUs in the same state, each under one number."""

from collections.abc import Iterable, Sequence

from patchscan.basics.record import frozen, record
from patchscan.cost.machine import Machine
from patchscan.cost.operations import RUNS_SPACE

FIRST_SPACE = 1000
"""Address spaces are numbered from here, so that a flag is never taken for one."""
_ANOTHER_SPACE = -1


@frozen
class Group:
    """CPUs in the same state; values: what each variable holds there; members: their numbers, ascending."""

    values: tuple[int, ...]
    members: Sequence[int]


@record
class View:
    """The other CPUs at one time; group k stands for the lowered code's CPU k.

    names: the variables that tell groups apart; read: (variable, group) that were looked at since.
    """

    names: tuple[str, ...]
    groups: list[Group]
    at: float
    seen: dict[int, tuple[tuple[str, int], ...]]
    read: set[tuple[str, int]]

    def value(self, name: str, group: int) -> int:
        return self.groups[group - 1].values[self.names.index(name)]

    def is_stale(self, name: str, group: int, now: float) -> bool:
        """Whether a read of a variable is one that this view did not see: a second look, or a later first one."""
        if (name, group) in self.read:
            return True
        return now != self.at and not any(each == name for each, _ in self.read)


def look(
    machine: Machine, own: int, space: int, runs: Iterable[int], names: tuple[str, ...], states: int
) -> View:
    """The view of one CPU now; runs: the CPUs of mm_cpumask(). Raises ValueError for more than `states` groups."""
    running = frozenset(runs)
    differing = set(running) if RUNS_SPACE in names else set()
    for name in names:
        differing |= machine.per_cpu.get(name, {}).keys()
    differing.discard(own)
    groups: dict[tuple[int, ...], list[int]] = {}
    seen: dict[int, tuple[tuple[str, int], ...]] = {}
    for cpu in sorted(differing):
        raw = [int(cpu in running) if name == RUNS_SPACE else machine.value(name, cpu) for name in names]
        groups.setdefault(tuple(_told_apart(value, space) for value in raw), []).append(cpu)
        seen[cpu] = tuple((name, value) for name, value in zip(names, raw, strict=True) if name != RUNS_SPACE)
    found = [Group(values, members) for values, members in sorted(groups.items(), reverse=True)]
    rest = Group((0,) * len(names), _all_but(len(machine.cpus), differing | {own}))
    if rest.members:
        found.append(rest)
    if len(found) > states:
        raise ValueError(f"CPUs are in {len(found)} states, the code was lowered for {states}")
    found += [Group(rest.values, ())] * (states - len(found))
    return View(names, found, machine.environment.now, seen, set())


def _told_apart(value: int, space: int) -> int:
    """A value as far as code can tell: another address space is one like any other."""
    return value if value < FIRST_SPACE or value == space else _ANOTHER_SPACE


def _all_but(cpus: int, but: set[int]) -> Sequence[int]:
    return [cpu for cpu in range(cpus) if cpu not in but]
