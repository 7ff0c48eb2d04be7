"""How counts grow with CPUs, tables and walkers, measured by doubling each; and the order that this shows."""

import math
from collections.abc import Mapping, Sequence

from patchscan.basics.record import frozen, replace
from patchscan.cost.constants import Constant, draw
from patchscan.cost.run import Workload, run_once
from patchscan.cost.schemes import Scheme

SIZES = tuple(2**power for power in range(1, 13))
_LARGE, _MIDDLE, _TIMES = 256, 64, 4


@frozen
class Growth:
    """One scheme's count over numbers of CPUs; order: in words, e.g. "tables x CPUs", "none" for no count."""

    scheme: str
    what: str
    points: tuple[tuple[int, float], ...]
    order: str


def growth_of(
    scheme: Scheme,
    constants: Mapping[str, Constant],
    what: str = "IPIs sent",
    sizes: Sequence[int] = SIZES,
    walkers: int = 1,
    tables: int = 1,
) -> Growth:
    """The count per update for each number of CPUs, held walks; a kernel flush with all other CPUs isolated."""
    base = Workload(2, walkers=walkers, tables=tables)
    points = tuple((size, count(scheme, constants, what, replace(base, cpus=size))) for size in sizes)
    return Growth(scheme.name, what, points, order(scheme, constants, what))


def count(scheme: Scheme, constants: Mapping[str, Constant], what: str, workload: Workload) -> float:
    """How often something happens in one update."""
    if scheme.where == "isolated":
        workload = replace(workload, isolated=workload.cpus - 1)
    return run_once(scheme, workload, draw(constants, 0, 0), 0).count(what)


def order(scheme: Scheme, constants: Mapping[str, Constant], what: str) -> str:
    """In what the count grows in proportion: each of tables, CPUs and walkers is multiplied by four."""
    large = Workload(_LARGE, walkers=1, tables=1)
    middle = Workload(_MIDDLE, walkers=4, tables=2)
    pairs = (
        ("tables", middle, replace(middle, tables=middle.tables * _TIMES)),
        ("CPUs", large, replace(large, cpus=large.cpus * _TIMES)),
        ("walkers", middle, replace(middle, walkers=middle.walkers * _TIMES)),
    )
    if not count(scheme, constants, what, middle):
        return "none"
    factors = [
        name
        for name, small, big in pairs
        if exponent(count(scheme, constants, what, small), count(scheme, constants, what, big)) > 0.5
    ]
    return " x ".join(factors) or "constant"


def exponent(small: float, big: float) -> float:
    """The power of a factor of four that a count grew by; 0 where there is nothing to compare."""
    return math.log(big / small, _TIMES) if small and big else 0.0
