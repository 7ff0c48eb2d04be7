"""What must hold for every test: more barriers never mean more states, and names mean nothing."""

import re

import pytest
from patchscan.basics.record import replace
from patchscan.lkmm.answers.outcome import Result
from patchscan.lkmm.answers.running import run, run_parsed
from patchscan.lkmm.answers.strengthening import Barrier, with_barriers
from patchscan.lkmm.dialect.litmus_syntax import Evaluate, Litmus, Store
from patchscan.lkmm.dialect.parser import parse

from tests.lkmm.programs import program

SEEDS = range(1000, 1060)


def states_of(litmus: Litmus) -> set[str]:
    return set(run_parsed(litmus, states=True, witness=False, flags=False).states or ())


@pytest.mark.parametrize("fence", ["smp_mb", "smp_rmb", "smp_wmb"])
def test_adding_a_barrier_adds_no_state(fence: str) -> None:
    checked = 0
    for seed in SEEDS:
        litmus = parse(program(seed))
        before = states_of(litmus)
        for thread in litmus.threads:
            lines = [statement.line for statement in thread.body if isinstance(statement, Evaluate | Store)]
            for line in lines[:2]:
                after = states_of(with_barriers(litmus, [Barrier(thread.number, line, fence)]))
                assert after <= before, (seed, thread.number, line)
                checked += 1
    assert checked > 50


def renamed(text: str) -> str:
    """x, y, z and the registers under other names."""
    names = {"x": "page", "y": "flag", "z": "count", "p": "gp", "l": "mmlock", "ss": "domain"}
    text = re.sub(r"\b(x|y|z|p|l|ss)\b", lambda found: names[found.group()], text)
    return re.sub(r"\br(\d+)\b", lambda found: f"reg{found.group(1)}", text)


def back(state: str) -> str:
    names = {"page": "x", "flag": "y", "count": "z", "gp": "p", "mmlock": "l", "domain": "ss"}
    state = re.sub(r"\b(page|flag|count|gp|mmlock|domain)\b", lambda found: names[found.group()], state)
    return " ".join(sorted(re.sub(r"\breg(\d+)\b", lambda found: f"r{found.group(1)}", state).split()))


def test_renaming_variables_and_registers_changes_nothing() -> None:
    for seed in SEEDS:
        text = program(seed)
        plain = run(text, states=True, witness=False)
        other = run(renamed(text), states=True, witness=False)
        assert summary(plain) == summary(other), seed


def summary(result: Result) -> tuple[str, tuple[str, ...], set[str]]:
    return result.outcome, result.flags, {back(state) for state in result.states or ()}


def reversed_threads(litmus: Litmus) -> Litmus:
    """The same threads, counted from the other end."""
    last = len(litmus.threads) - 1
    threads = tuple(replace(thread, number=last - thread.number) for thread in reversed(litmus.threads))
    return replace(litmus, threads=threads)


def recounted(text: str, last: int) -> str:
    """`0:r1` becomes `2:r1` when the last thread is P2, and so on."""
    return re.sub(r"\b(\d+):(?=r)", lambda found: f"{last - int(found.group(1))}:", text)


def test_renumbering_threads_changes_nothing() -> None:
    for seed in SEEDS:
        text = program(seed)
        litmus = parse(text)
        last = len(litmus.threads) - 1
        question = parse(recounted(text, last))
        other = replace(reversed_threads(litmus), condition=question.condition, locations=question.locations)
        states = {" ".join(sorted(recounted(state, last).split())) for state in states_of(other)}
        assert states == {" ".join(sorted(state.split())) for state in states_of(litmus)}, seed
