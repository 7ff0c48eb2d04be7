"""Random programs: the solver against a plain search, and against the reference prototype where it is there.

PATCHSCAN_PROGRAMS=5000 makes the run that long; PATCHSCAN_FIRST_PROGRAM=10000 starts elsewhere; a larger
PATCHSCAN_SEARCH_STEPS lets the plain search finish on more of them.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from patchscan.lkmm import run
from patchscan.lkmm.checking.exhaustive import TooManyExecutions, search
from patchscan.lkmm.checking.replay import replay
from patchscan.lkmm.dialect.litmus_syntax import observed_in
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.memory.states import observed_order, state_text
from patchscan.lkmm.solving import communication

from tests.lkmm import families
from tests.lkmm.programs import program
from tests.lkmm.summing import THEMES, summing_program

COUNT = int(os.environ.get("PATCHSCAN_PROGRAMS", "200"))
FIRST = int(os.environ.get("PATCHSCAN_FIRST_PROGRAM", "0"))
SEEDS = range(FIRST, FIRST + COUNT)
REFERENCE = Path(os.environ.get("PATCHSCAN_SHARED", "")) / "reference/lkmm"
WRITES = re.compile(r"WRITE_ONCE|store|xchg|\batomic|assign|lock\(|^\s*\*", re.M)
# Of the plain search; about one program in ten needs more.
MOST_STEPS = int(os.environ.get("PATCHSCAN_SEARCH_STEPS", "4000"))


def plainly_searched(seed: int, text: str) -> tuple[object, ...] | None:
    """What differs from the plain search in verdict, race, states, or in the replay of the witness; () if nothing does,
    None where the plain search takes too long."""
    litmus = parse(text)
    result = run(text, states=True)
    if result.witness is not None and replay(litmus, result.witness):
        return (seed, "witness", replay(litmus, result.witness))
    observed = sorted(observed_in(litmus.condition) | set(litmus.locations), key=observed_order)
    try:
        found = search(litmus, observed, MOST_STEPS)
    except TooManyExecutions:
        return None
    states = {state_text(dict(zip(observed, state, strict=True))) for state in found.states}
    ours = (result.outcome, "data-race" in result.flags, set(result.states or ()))
    return () if ours == (found.outcome, found.race, states) else (seed, ours, found)


def test_solver_agrees_with_plain_search() -> None:
    """Verdict, race and states, and the replay of the witness."""
    found = [plainly_searched(seed, program(seed)) for seed in SEEDS]
    searched = [differences for differences in found if differences is not None]
    assert not any(searched), searched
    print(f"{len(searched)} of {COUNT} programs were searched to the end")
    assert len(searched) >= COUNT * 3 // 4


@pytest.mark.parametrize("theme", THEMES)
def test_so_it_does_of_sums(theme: str) -> None:
    found = [plainly_searched(seed, summing_program(seed, theme)) for seed in SEEDS[: COUNT // 2]]
    searched = [differences for differences in found if differences is not None]
    assert not any(searched), searched
    print(f"{len(searched)} of {COUNT // 2} programs were searched to the end")
    assert len(searched) >= COUNT // 20


@contextmanager
def reference_on_path() -> Iterator[None]:
    sys.path.insert(0, str(REFERENCE))
    try:
        yield
    finally:
        sys.path.remove(str(REFERENCE))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="PATCHSCAN_SHARED")
def test_solver_agrees_with_reference() -> None:
    with reference_on_path():
        import eng  # type: ignore[import-not-found]
        import front  # type: ignore[import-not-found]
    differences: list[tuple[object, ...]] = []
    for seed in SEEDS:
        text = program(seed)
        result = run(text, states=True, witness=False)
        parsed = front.parse(text)
        solver = eng.Solve(parsed)
        names = set(parsed.locs)
        eng.atoms(parsed.cond, names)
        values = eng.states(eng.Solve(parsed), None, 20_000)
        states = {
            "; ".join(f"{n}={v}" for n, v in zip(sorted(names), state, strict=True)) for state in values
        }
        ours = {re.sub(r"=S1(?=;|$)", "=S", re.sub(r"[\[\]]|;$", "", state)) for state in result.states or ()}
        theirs = (solver.verdict(), eng.race_query(solver))
        if not states and not WRITES.search(text):
            # The reference finds no execution where an address comes from a location that nothing writes. Of a
            # program that writes nothing there is exactly one: all reads see the initial values.
            assert result.outcome in ("Always", "Never") and len(ours) == 1
            continue
        if (result.outcome, "data-race" in result.flags) != theirs or ours != states:
            differences.append((seed, result.outcome, theirs, ours ^ states))
    assert not differences


def test_what_a_register_may_hold_is_what_states_show() -> None:
    """Asked about one value, the solver need not know the others; asked about the states, it does."""
    never = asked = 0
    for seed in SEEDS[: COUNT // 2]:
        text = program(seed, "counter")
        states = run(text, states=True, witness=False).states or ()
        shown = {pair for state in states for pair in state.replace(";", "").split()}
        for register in sorted({pair.split("=")[0] for pair in shown if ":" in pair}):
            for value in range(-1, 4):
                result = run(f"{text.partition('locations')[0]}exists ({register}={value})\n")
                assert (result.outcome != "Never") == (f"{register}={value}" in shown), (
                    seed,
                    register,
                    value,
                )
                assert result.witness is None or not replay(parse(text), result.witness), seed
                never += result.outcome == "Never"
                asked += 1
    assert asked > never > asked // 10


def test_an_order_told_late_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the writes to a variable, said beforehand or only where a candidate breaks it."""
    texts = [program(seed) for seed in SEEDS[: COUNT // 2]]
    texts += [families.writers_in_a_circle(3), families.locked_ring(3), families.locked_sums(3)]
    before = [run(text, states=True, witness=False) for text in texts]
    monkeypatch.setattr(communication, "MOST_TRIPLES", -1)
    for text, early in zip(texts, before, strict=True):
        late = run(text, states=True, witness=False)
        assert (late.outcome, late.flags, late.states) == (early.outcome, early.flags, early.states)


def test_programs_are_varied() -> None:
    """The generator reaches what the comparison is for."""
    texts = [program(seed) for seed in range(400)]
    for needed in (
        "spin_lock",
        "rcu_read_lock",
        "srcu_read_lock",
        "cmpxchg",
        "else",
        "*p",
        "smp_store_mb",
        "^",
        "spin_unlock(l);\nspin_unlock",
        "atomic_add_unless",
        "r0 + 1",
    ):
        assert sum(needed in text for text in texts) >= 5, needed
    assert program(7) == program(7)
