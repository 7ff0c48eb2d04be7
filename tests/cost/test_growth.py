"""Counts from 2 to 4096 CPUs, and in what they grow."""

import pytest
from patchscan.cost.growth import SIZES, growth_of

from tests.cost.schemes import constants, schemes

OTHERS = tuple(size - 1 for size in SIZES)
ORDERS = {
    "broadcast": ("tables x CPUs", tuple(4 * others for others in OTHERS)),
    "targeted": ("tables x walkers", (4,) * 12),
    "RCU wait": ("none", (0,) * 12),
    "no batch, broadcast": ("tables x CPUs", tuple(4 * others for others in OTHERS)),
    "no batch, RCU wait": ("none", (0,) * 12),
    "RCU-deferred": ("none", (0,) * 12),
    "flush by IPI, then broadcast": ("tables x CPUs", tuple(4 * (others + 1) for others in OTHERS)),
    "skipped after an IPI flush": ("tables x walkers", (4,) * 12),
    "one broadcast per table": ("tables x CPUs", tuple(4 * others for others in OTHERS)),
    "one broadcast per batch": ("CPUs", OTHERS),
    "kernel flush": ("tables x CPUs", tuple(4 * others for others in OTHERS)),
    "deferred kernel flush": ("tables x walkers", (4,) * 12),
}


def test_every_scheme_has_its_order() -> None:
    assert set(ORDERS) == set(schemes())


@pytest.mark.parametrize("name", ORDERS)
def test_order(name: str) -> None:
    assert SIZES[0] == 2 and SIZES[-1] == 4096
    found = growth_of(schemes()[name], constants(), tables=4)
    assert (found.order, tuple(value for _, value in found.points)) == ORDERS[name]


def test_looking_for_walkers_grows_with_the_cpus() -> None:
    found = growth_of(schemes()["targeted"], constants(), "reads of other CPUs", sizes=(2, 64))
    assert found.order == "tables x CPUs"
    assert found.points == ((2, 1), (64, 63))


def test_grace_periods_grow_with_the_tables_only() -> None:
    assert growth_of(schemes()["RCU wait"], constants(), "grace periods waited for", (2,)).order == "tables"
