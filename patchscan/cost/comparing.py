"""Schemes of files side by side: what `patchscan cost` and the page of a report show."""

from collections.abc import Mapping, Sequence

from patchscan.basics.record import frozen, replace
from patchscan.cost.constants import Constant
from patchscan.cost.figures import SchemeCost, cost_of
from patchscan.cost.gather import Capacity
from patchscan.cost.growth import Growth, growth_of
from patchscan.cost.latency import Crossover, Latency, crossover, latencies, pair_of
from patchscan.cost.run import Workload, place
from patchscan.cost.schemes import SchemeFile


@frozen
class Comparison:
    """A group of rows for each number of CPUs, growth, the writer's latency, and what all of it rests on.

    capacity: what an mmu_gather of the tree holds, where a kernel tree was given.
    """

    rows: tuple[tuple[Workload, tuple[SchemeCost, ...]], ...]
    growth: tuple[Growth, ...]
    latencies: tuple[Latency, ...]
    crossover: Crossover | None
    constants: Mapping[str, Constant]
    runs: int
    seed: int
    problems: tuple[str, ...]
    capacity: Capacity | None = None


def compare(
    files: Sequence[SchemeFile],
    workload: Workload,
    sizes: Sequence[int],
    constants: Mapping[str, Constant],
    runs: int = 5,
    seed: int = 1,
    growth: bool = False,
) -> Comparison:
    """Every scheme of the files on each number of CPUs; growth: also from 2 to 4096 of them."""
    schemes = [scheme for file in files for scheme in file.schemes]
    rows = []
    for size in sizes:
        sized = fitting(replace(workload, cpus=size))
        rows.append((sized, tuple(cost_of(each, sized, constants, runs, seed) for each in schemes)))
    pair = pair_of(schemes, constants)
    return Comparison(
        tuple(rows),
        tuple(growth_of(each, constants, tables=workload.tables) for each in schemes) if growth else (),
        latencies(*pair, constants, sizes) if pair else (),
        crossover(*pair, constants) if pair else None,
        constants,
        runs,
        seed,
        tuple(problem for file in files for problem in file.problems),
    )


def fitting(workload: Workload) -> Workload:
    """The workload with as many updaters, isolated CPUs and walkers as its CPUs have room for."""
    placed = place(workload, "walkers")
    return replace(
        workload,
        spaces=len(placed.updaters),
        isolated=len(placed.isolated),
        walkers=max(len(placed.walkers), len(place(workload, "isolated").walkers)),
    )
