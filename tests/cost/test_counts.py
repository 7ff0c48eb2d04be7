"""Counts worked out by hand for 1, 2 and 8 CPUs equal those of the run."""

import pytest

from tests.cost.schemes import outcome, schemes

SIZES = (1, 2, 8)
# Of one update of two tables, IPIs on 1, 2 and 8 CPUs: with no walker, one, all the other CPUs. A broadcast is an
# IPI to each of the N - 1 others; a targeted one to each walker; a flush by IPI to the others of mm_cpumask(),
# which are the walkers here.
IPIS = {
    "broadcast": ((0, 2, 14), (0, 2, 14), (0, 2, 14)),
    "targeted": ((0, 0, 0), (0, 2, 2), (0, 2, 14)),
    "RCU wait": ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
    "no batch, broadcast": ((0, 2, 14), (0, 2, 14), (0, 2, 14)),
    "no batch, RCU wait": ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
    "RCU-deferred": ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
    "flush by IPI, then broadcast": ((0, 2, 14), (0, 4, 16), (0, 4, 28)),
    "skipped after an IPI flush": ((0, 0, 0), (0, 2, 2), (0, 2, 14)),
    "one broadcast per table": ((0, 2, 14), (0, 2, 14), (0, 2, 14)),
    "one broadcast per batch": ((0, 1, 7), (0, 1, 7), (0, 1, 7)),
}


def test_every_scheme_has_its_counts() -> None:
    assert set(schemes()) == {*IPIS, "kernel flush", "deferred kernel flush"}


@pytest.mark.parametrize("name", IPIS)
def test_ipis(name: str) -> None:
    for walkers, expected in zip((0, 1, 7), IPIS[name], strict=True):
        found = tuple(
            outcome(name, cpus=cpus, walkers=walkers, tables=2).count("IPIs sent") for cpus in SIZES
        )
        assert found == expected, walkers


@pytest.mark.parametrize(
    ("name", "in_kernel", "isolated", "expected"),
    [
        ("kernel flush", 0, 7, 7),
        ("kernel flush", 3, 7, 7),
        ("deferred kernel flush", 0, 7, 0),
        ("deferred kernel flush", 3, 7, 3),
        ("deferred kernel flush", 7, 7, 7),
        ("deferred kernel flush", 0, 4, 3),
        ("deferred kernel flush", 2, 4, 5),
        ("deferred kernel flush", 0, 0, 7),
    ],
)
def test_ipis_of_kernel_flushes(name: str, in_kernel: int, isolated: int, expected: int) -> None:
    """Housekeeping CPUs are always interrupted, isolated ones while they are in the kernel."""
    found = outcome(name, cpus=8, walkers=in_kernel, isolated=isolated)
    assert found.count("IPIs sent") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("broadcast", 3), ("targeted", 0), ("RCU wait", 0), ("RCU-deferred", 0), ("one broadcast per batch", 3)],
)
def test_isolated_tasks_that_are_interrupted(name: str, expected: int) -> None:
    found = outcome(name, cpus=8, walkers=4, isolated=3)
    assert found.count("isolated task interrupted") == expected


def test_a_kernel_flush_interrupts_only_isolated_tasks_in_user_space() -> None:
    found = outcome("kernel flush", cpus=8, walkers=3, isolated=7)
    assert found.count("isolated task interrupted") == 4
    assert found.interrupted == 7


@pytest.mark.parametrize("cpus", SIZES)
def test_waits_of_two_tables(cpus: int) -> None:
    assert outcome("RCU wait", cpus=cpus, tables=2).count("grace periods waited for") == 2
    assert outcome("no batch, RCU wait", cpus=cpus, tables=2).count("grace periods waited for") == 2
    assert outcome("RCU-deferred", cpus=cpus, tables=2).count("grace periods waited for") == 0
    assert outcome("RCU-deferred", cpus=cpus, tables=2).count("deferred frees") == 2
    assert outcome("RCU-deferred", cpus=cpus, tables=2).count("tables freed") == 2


def test_a_targeted_wait_looks_at_every_other_cpu() -> None:
    assert outcome("targeted", cpus=8, walkers=1, tables=3).count("reads of other CPUs") == 21


@pytest.mark.parametrize(
    ("name", "barriers", "ordered"),
    [("broadcast", 0, 0), ("targeted", 1, 1), ("RCU wait", 0, 0), ("skipped after an IPI flush", 0, 0)],
)
def test_the_read_side_alone(name: str, barriers: int, ordered: int) -> None:
    """Readers only: nobody is interrupted, and a call costs a barrier and a release where walkers are tracked."""
    found = outcome(name, cpus=8, walkers=7, updates=0, calls=5)
    assert found.count("IPIs sent") == 0 and not found.latencies
    assert found.count("calls", "reader") == 35
    assert found.per_call("full barriers") == barriers
    assert found.per_call("acquire or release") == ordered
    assert found.per_call("atomics") == 0


@pytest.mark.parametrize("name", sorted(schemes()))
def test_counts_do_not_hang_on_times(name: str) -> None:
    """The same counts with every constant at its low and at its high end; only readers' calls depend on them."""
    low, high = (outcome(name, end, cpus=16, walkers=5, isolated=6, tables=3) for end in (0, 1))
    calibrated = name in ("RCU-deferred", "no batch, RCU wait")
    assert calibrated or low.latencies != high.latencies
    for what in ("IPIs sent", "IPIs handled", "isolated task interrupted", "spurious IPIs", "IPI calls"):
        assert low.count(what) == high.count(what), what
    assert low.interrupted == high.interrupted
    assert low.per_call("full barriers") == high.per_call("full barriers")


def test_only_walkers_of_the_same_address_space_are_interrupted() -> None:
    """Six walkers over three address spaces: each of three updaters interrupts two."""
    found = outcome("targeted", cpus=12, walkers=6, spaces=3)
    assert len(found.latencies) == 3
    assert found.count("IPIs sent") == 6
    assert outcome("broadcast", cpus=12, walkers=6, spaces=3).count("IPIs sent") == 33
