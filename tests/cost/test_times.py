"""Times: what is calibrated gives back the measurement it comes from; ranges, seeds, the writer's latency."""

from pathlib import Path

import pytest
from patchscan.cost.constants import CALIBRATED, COUNTED, ESTIMATED, draw, load_constants
from patchscan.cost.figures import cost_of
from patchscan.cost.latency import crossover, latencies, pair_of
from patchscan.cost.run import Workload, run_once

from tests.cost.schemes import constants, outcome, schemes


@pytest.mark.parametrize(("name", "seconds"), [("broadcast", 1.489), ("targeted", 1.533)])
def test_gup_fast_pair(name: str, seconds: float) -> None:
    """60 threads of 500k calls on 64 CPUs; a call takes the same in each of fewer calls."""
    workload = Workload(64, walkers=60, updates=0, calls=20, steady=True)
    found = run_once(schemes()[name], workload, draw(constants(), 0, 1), 1)
    assert found.count("calls", "reader") == 1200
    assert found.call is not None
    assert found.call * 500_000 / 1e9 == pytest.approx(seconds, abs=0.0005)
    assert {constants()[used].kind for used in found.used} == {CALIBRATED}


def test_each_figure_says_how_sure_it_is() -> None:
    found = cost_of(schemes()["targeted"], Workload(8, walkers=2, isolated=2), constants(), runs=3)
    kinds = {figure.name: figure.kind for figure in found.figures}
    assert kinds["IPIs sent"] == kinds["full barriers per call"] == COUNTED
    assert kinds["update takes"] == ESTIMATED
    alone = cost_of(schemes()["targeted"], Workload(8, walkers=2, updates=0, calls=9), constants(), runs=3)
    assert {figure.name: figure.kind for figure in alone.figures}["reader call takes"] == CALIBRATED


def test_times_are_ranges_and_the_same_seed_gives_the_same() -> None:
    workload = Workload(16, walkers=4, isolated=2)
    one, same, other = (
        cost_of(schemes()["targeted"], workload, constants(), runs=4, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other
    takes = one.figure("update takes")
    assert takes is not None and 0 < takes.low < takes.high


def test_walkers_that_left_are_spurious_targets() -> None:
    """In steady state some walks end, and some stays in the kernel, before the IPI arrives."""
    workload = Workload(32, walkers=8, isolated=8, tables=4)
    for name in ("targeted", "deferred kernel flush"):
        found = cost_of(schemes()[name], workload, constants())
        spurious, sent = found.figure("spurious IPIs, steady"), found.figure("IPIs sent, steady")
        assert spurious is not None and sent is not None
        assert 0 < spurious.high < sent.high
    deferred = cost_of(schemes()["deferred kernel flush"], workload, constants())
    disturbed, spurious = (
        deferred.figure("isolated task interrupted, steady"),
        deferred.figure("spurious IPIs, steady"),
    )
    assert disturbed is not None and spurious is not None and disturbed.high == spurious.high
    assert outcome("broadcast", cpus=8, walkers=4).count("spurious IPIs") == 0


def test_a_broadcast_takes_as_long_as_its_last_target() -> None:
    low = {name: constant.low for name, constant in constants().items()}
    flush = low["local_flush"] + low["remote_flush"]
    handled = low["ipi_delivery"] + low["ipi_handler"]
    for found in latencies(schemes()["broadcast"], schemes()["RCU wait"], constants(), (2, 64, 4096)):
        ipis = flush + (found.cpus - 1) * low["ipi_send"] + handled
        assert found.broadcast[0] == pytest.approx(ipis)
        assert found.grace_period[0] == pytest.approx(flush + 22_900_000)
        assert found.broadcast[1] < found.grace_period[0]


def test_from_which_size_a_grace_period_is_shorter() -> None:
    pair = pair_of(list(schemes().values()), constants())
    assert pair is not None and [scheme.name for scheme in pair] == ["broadcast", "RCU wait"]
    found = crossover(*pair, constants())
    assert 4096 < found.earliest < found.latest and found.kind == ESTIMATED
    slow, fast = draw(constants(), 1, 0), draw(constants(), 0, 0)
    grace = run_once(pair[1], Workload(2), fast, 0).latencies[0]
    before, after = (
        run_once(pair[0], Workload(cpus), slow, 0).latencies[0]
        for cpus in (found.earliest - 1, found.earliest)
    )
    assert before <= grace < after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[a]\nlow = 2\nhigh = 1\nkind = 'estimated'\nsource = ''\ndate = ''", "range of a"),
        ("[a]\nlow = 1\nhigh = 1\nkind = 'sure'\nsource = ''\ndate = ''", "neither"),
        ("[a]\nlow = 1", "missing"),
        ("a = ", "c.toml: "),
    ],
)
def test_constants_that_cannot_be_used(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ValueError, match=reason):
        load_constants(tmp_path / "c.toml")


def test_every_constant_has_its_source_and_date() -> None:
    for constant in constants().values():
        assert constant.source and len(constant.date) == 10
