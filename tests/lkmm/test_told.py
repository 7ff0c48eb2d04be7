"""What the solver is told beforehand of the memory model: no execution contradicts it, clause by clause, where the
solver is told nothing.

PATCHSCAN_PROGRAMS=5000 makes the run that long.
"""

import os
from collections.abc import Callable, Iterable

import pytest
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.solving.communication import Communication
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.exclusion import order_sections
from patchscan.lkmm.solving.solving import Solver
from patchscan.lkmm.solving.turns import sections_by_lock
from patchscan.lkmm.solving.unfold import unfold
from patchscan.lkmm.solving.updates import order_updates

from tests.lkmm.programs import program

COUNT = int(os.environ.get("PATCHSCAN_PROGRAMS", "200")) // 2
FIRST = int(os.environ.get("PATCHSCAN_FIRST_PROGRAM", "0"))


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
