"""Threads that are copies of each other may be told apart by us in any way: half the search is saved at
each pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from patchscan.lkmm.solving.cnf import TRUE

if TYPE_CHECKING:
    from patchscan.lkmm.memory.events import Event
    from patchscan.lkmm.solving.literals import Literals


def order_identical_threads(literals: Literals, co: Mapping[tuple[int, int], int]) -> None:
    """Let identical threads make their first write in the order of their numbers.

    Only for threads whose registers nobody looks at; the write must always happen, and to one known variable.
    """
    for threads in _identical_threads(literals):
        first = [_first_write(literals, thread) for thread in threads]
        writes = [write for write in first if write is not None]
        if len(writes) == len(threads):
            for one, other in pairwise(writes):
                literal = co.get((one.number, other.number))
                if literal is not None:
                    literals.formula.add(literal)


def _identical_threads(literals: Literals) -> list[list[int]]:
    litmus = literals.program.litmus
    named = {observed.thread for observed in literals.observed()}
    named |= {thread for thread, _ in litmus.registers}
    groups: dict[object, list[int]] = {}
    for thread in litmus.threads:
        if thread.number not in named:
            groups.setdefault((thread.parameters, thread.body), []).append(thread.number)
    return [group for group in groups.values() if len(group) > 1]


def _first_write(literals: Literals, thread: int) -> Event | None:
    for event in literals.events:
        if event.thread == thread and event.kind == "W":
            certain = literals.executed[event.number] == TRUE and len(literals.address[event.number]) == 1
            return event if certain else None
    return None
