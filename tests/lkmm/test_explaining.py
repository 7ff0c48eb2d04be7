"""Timelines, cycles and repairs: what they say, and that it is true."""

from pathlib import Path

import pytest
from patchscan.lkmm import Limits, run
from patchscan.lkmm.answers.cycles import cycle_lines
from patchscan.lkmm.answers.explaining import explain
from patchscan.lkmm.answers.running import run_parsed
from patchscan.lkmm.answers.strengthening import Barrier, find_repair, with_barriers
from patchscan.lkmm.answers.timeline import timeline
from patchscan.lkmm.dialect.parser import parse

FIXTURES = Path(__file__).parents[2] / "fixtures/litmus"


def lines_of(name: str) -> list[str]:
    text = (FIXTURES / f"{name}.litmus").read_text()
    result = run(text, name, cycle=True)
    return list(explain(result, Limits()))


def test_timeline_says_who_reads_from_whom_and_what_was_not_visible() -> None:
    text = "\n".join(lines_of("mp-wmb-only"))
    assert "flag is 1, from step" in text
    assert "data is 0, the initial value; step 1 (data = 1) is not yet visible to P1" in text
    assert "P1: nothing keeps line 23 (read of flag) before line 24 (read of data)" in text
    assert "With smp_rmb() before P1:24 it never happens." in text


def test_timeline_shows_a_write_ahead_of_its_turn() -> None:
    text = "\n".join(lines_of("lb-after-if"))
    assert "although it stands before in the program" in text
    assert "P0: nothing keeps" in text


def test_the_cycle_of_a_never_is_a_cycle() -> None:
    for file in sorted(FIXTURES.glob("*.litmus")):
        result = run(file.read_text(), file.name, cycle=True)
        assert (result.cycle is not None) == (result.outcome == "Never" and "deadlock" not in result.flags)
        if result.cycle is not None and result.cycle.edges:
            edges = result.cycle.edges
            for edge, following in zip(edges, (*edges[1:], edges[0]), strict=True):
                assert edge.end == following.start, file.name


@pytest.mark.parametrize(
    ("name", "axiom", "relations"),
    [
        ("mp-release-acquire", "happens-before", {"acq-po", "fre", "po-rel", "rfe"}),
        ("sb-mb", "propagation", {"mb", "fre"}),
        ("coherence", "coherence", {"rfe", "po-loc", "fre", "coi", "co"}),
        ("rcu-removal", "rcu", {"rcu-rscs^-1", "po", "fre", "rfe"}),
        ("lb-carried-control", "happens-before", {"ctrl", "rfe", "mb"}),
    ],
)
def test_cycles_name_the_axiom_and_the_relations(name: str, axiom: str, relations: set[str]) -> None:
    result = run((FIXTURES / f"{name}.litmus").read_text(), cycle=True)
    assert result.cycle is not None
    assert result.cycle.axiom == axiom
    found = {edge.relation for edge in result.cycle.edges}
    assert found <= relations
    assert len(found) >= 2
    assert axiom in cycle_lines(result.cycle)[0]


def test_a_repair_is_enough_and_nothing_of_it_superfluous() -> None:
    litmus = parse((FIXTURES / "sb-one-mb.litmus").read_text())
    repair = find_repair(litmus, Limits())
    assert repair is not None
    assert repair == (Barrier(1, repair[0].line, "smp_mb"),)
    assert run_parsed(with_barriers(litmus, repair)).outcome == "Never"


def test_no_repair_is_made_up() -> None:
    litmus = parse((FIXTURES / "cmpxchg-failed.litmus").read_text())
    repair = find_repair(litmus, Limits())
    assert repair is not None
    assert run_parsed(with_barriers(litmus, repair)).outcome == "Never"
    # Without a read-side section only waiting could help, and a barrier is no wait.
    hopeless = parse(
        "C t\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nP1(int *x) { int r0; r0 = READ_ONCE(*x); }\nexists (1:r0=1)\n"
    )
    assert find_repair(hopeless, Limits()) is None


def test_an_interleaving_is_called_one() -> None:
    text = "C t\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nP1(int *x) { int r0; r0 = READ_ONCE(*x); }\nexists (1:r0=1)\n"
    result = run(text)
    assert result.witness is not None
    assert timeline(parse(text), result.witness)[-1].startswith("Nothing is reordered")
