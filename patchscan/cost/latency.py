"""How long a writer waits: IPIs to every CPU against a grace period, and from which size on the one wins."""

import math
from collections.abc import Mapping, Sequence

from patchscan.basics.record import frozen
from patchscan.cost.constants import Constant, Prices, draw, kind_of
from patchscan.cost.run import Workload, run_once
from patchscan.cost.schemes import Scheme


@frozen
class Latency:
    """One size: ns that one update takes at the low and at the high end of the constants, by scheme."""

    cpus: int
    broadcast: tuple[float, float]
    grace_period: tuple[float, float]


@frozen
class Crossover:
    """From how many CPUs on the grace period is the shorter wait.

    earliest: with IPIs at their slowest and the grace period at its fastest; latest: the other way round; kind:
    how sure both are.
    """

    earliest: int
    latest: int
    kind: str


def latencies(
    broadcast: Scheme, grace_period: Scheme, constants: Mapping[str, Constant], sizes: Sequence[int]
) -> tuple[Latency, ...]:
    """The writer's latency for each number of CPUs, nobody walking."""
    return tuple(
        Latency(size, _ends(broadcast, constants, size), _ends(grace_period, constants, size))
        for size in sizes
    )


def crossover(broadcast: Scheme, grace_period: Scheme, constants: Mapping[str, Constant]) -> Crossover:
    """Where the two latencies meet; that of IPIs grows by the same time with each CPU, as two runs show."""
    low, high = draw(constants, 0, 0), draw(constants, 1, 0)
    used: set[str] = set()
    sizes = []
    for ipi_prices, wait_prices in ((high, low), (low, high)):
        waits = _latency(grace_period, wait_prices, 2)
        first, second = (_latency(broadcast, ipi_prices, size) for size in (2, 3))
        sizes.append(2 + math.floor((waits - first) / (second - first)) + 1)
        used |= ipi_prices.used | wait_prices.used
    return Crossover(max(1, sizes[0]), max(1, sizes[1]), kind_of(used, constants))


def _ends(scheme: Scheme, constants: Mapping[str, Constant], cpus: int) -> tuple[float, float]:
    low, high = (_latency(scheme, draw(constants, end, 0), cpus) for end in (0, 1))
    return low, high


def _latency(scheme: Scheme, prices: Prices, cpus: int) -> float:
    return run_once(scheme, Workload(cpus), prices, 0).latencies[0]


def pair_of(schemes: Sequence[Scheme], constants: Mapping[str, Constant]) -> tuple[Scheme, Scheme] | None:
    """The first scheme that interrupts every other CPU and the first that waits for a grace period."""
    outcomes = [(each, run_once(each, Workload(4), draw(constants, 0, 0), 0)) for each in schemes]
    everyone = [each for each, outcome in outcomes if outcome.count("IPIs sent") == 3]
    waiting = [each for each, outcome in outcomes if outcome.count("grace periods waited for")]
    return (everyone[0], waiting[0]) if everyone and waiting else None
