"""What the solver is told beforehand of the memory model and of counters, against the solver that is told nothing.

PATCHSCAN_PROGRAMS=5000 makes the run that long.
"""

import os
from collections.abc import Callable, Iterable

import pytest
from patchscan.lkmm.answers.final_states import final_states
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.memory.states import state_text
from patchscan.lkmm.solving.communication import Communication
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.exclusion import order_sections
from patchscan.lkmm.solving.solving import Solver
from patchscan.lkmm.solving.turns import sections_by_lock
from patchscan.lkmm.solving.unfold import unfold
from patchscan.lkmm.solving.updates import order_updates

from tests.lkmm.programs import program
from tests.lkmm.summing import THEMES, summing_program

COUNT = int(os.environ.get("PATCHSCAN_PROGRAMS", "200")) // 2
FIRST = int(os.environ.get("PATCHSCAN_FIRST_PROGRAM", "0"))

MOST_STATES = 10_000


def tell_sections(communication: Communication) -> None:
    literals = communication.literals
    order_sections(communication, sections_by_lock(literals.events, literals.address))


TOLD: dict[str, Callable[[Communication], None]] = {
    "handed": order_updates,
    "sections": tell_sections,
    "lock": tell_sections,
}


def told(encoding: Encoding, tell: Callable[[Communication], None]) -> list[list[int]]:
    """The clauses, as what must not hold together."""
    found: list[list[int]] = []

    def implies(conditions: Iterable[int], *results: int) -> None:
        found.append([*conditions, *(-result for result in results)])

    encoding.communication.literals = encoding
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding.formula, "implies", implies)
        tell(encoding.communication)
    return found


@pytest.mark.parametrize("theme", TOLD)
def test_no_execution_contradicts_it(theme: str) -> None:
    """And many a candidate does: it is worth being told."""
    clauses = news = 0
    wrong = []
    for seed in range(FIRST, FIRST + COUNT):
        encoding = Encoding(unfold(parse(program(seed, theme))), consequences=False)
        together = told(encoding, TOLD[theme])
        solver = Solver(encoding)
        clauses += len(together)
        news += sum(solver.candidate(literals) is not None for literals in together)
        wrong += [seed for literals in together if solver.find(literals) is not None]
    assert not wrong
    print(f"{clauses} clauses, {news} of them news")
    assert news > COUNT // 2


@pytest.mark.parametrize("theme", ["counter", "handed", "equal", "sections", *THEMES])
def test_told_or_not_the_answers_are_the_same(theme: str) -> None:
    """The final states; whether the condition holds in one, and not in another; and the states of these two."""
    compared = 0
    make = summing_program if theme in THEMES else program
    for seed in range(FIRST, FIRST + COUNT):
        test = unfold(parse(make(seed, theme)))
        untold = Solver(Encoding(test, consequences=False))
        states = set(map(state_text, final_states(untold, MOST_STATES)[0]))
        assert set(map(state_text, final_states(Solver(Encoding(test)), MOST_STATES)[0])) == states, seed
        asked = Solver(Encoding(test, asked=True))
        compared += len(asked.encoding.comparisons) + len(asked.encoding.matches)
        for sign in (1, -1):
            found = asked.find([sign * asked.encoding.condition, asked.encoding.filter])
            other = untold.find([sign * untold.encoding.condition, untold.encoding.filter])
            assert (found is None) == (other is None), seed
            assert found is None or state_text(found.state()) in states, seed
    assert compared > COUNT // 4 or theme not in ("counter", *THEMES)
