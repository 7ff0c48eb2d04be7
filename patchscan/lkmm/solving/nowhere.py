"""Values out of thin air.

Plain accesses may form a circle in which each reads what the one before wrote. herd7 solves the equations
of such an execution: where the circle only copies, the value stays unknown, distinct from all others; where
it computes, there is no solution and so no execution.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from patchscan.lkmm.memory.arithmetic import UNKNOWN
from patchscan.lkmm.memory.events import ReadValue
from patchscan.lkmm.memory.rows import shortest_path
from patchscan.lkmm.solving.values import reads_in

if TYPE_CHECKING:
    from patchscan.lkmm.solving.candidate import Candidate


def values_from_nowhere(candidate: Candidate) -> list[set[int]]:
    """What to forbid in this candidate: a computed circle, or a copied one whose value is not UNKNOWN."""
    flow, copies = _flow(candidate)
    for read in candidate.source:
        circle = shortest_path(flow, read, read)
        if not circle:
            continue
        reasons: set[int] = set()
        for start, end in pairwise(circle):
            candidate.reasons("id" if start in candidate.source else "rf", start, end, reasons)
            reasons.update(_guards_between(candidate, start, end))
        unknown = candidate.encoding.read[candidate.path.numbers[read]].get(UNKNOWN)
        if not shortest_path(copies, read, read) or unknown is None:
            return [reasons]
        if not candidate.chosen(unknown):
            return [reasons | {-unknown}]
    return []


def _flow(candidate: Candidate) -> tuple[list[int], list[int]]:
    """Rows of "the value of this event goes into that one's": all flows, and those that only copy."""
    flow = list(candidate.base_rows("rf"))
    copies = list(flow)
    for write, event in enumerate(candidate.path.events):
        for case in event.value or () if event.kind == "W" else ():
            if all(candidate.chosen(literal) for literal in candidate.encoding.guard_literals(case.guard)):
                for number in reads_in(case.term):
                    read = candidate.path.position[number]
                    flow[read] |= 1 << write
                    if isinstance(case.term, ReadValue):
                        copies[read] |= 1 << write
    return flow, copies


def _guards_between(candidate: Candidate, read: int, write: int) -> set[int]:
    """The branches that make this write take its value from this read."""
    if read not in candidate.source:
        return set()
    number = candidate.path.numbers[read]
    literals: set[int] = set()
    for case in candidate.path.events[write].value or ():
        guard = candidate.encoding.guard_literals(case.guard)
        if number in reads_in(case.term) and all(map(candidate.chosen, guard)):
            literals.update(guard)
    return literals - {1}
