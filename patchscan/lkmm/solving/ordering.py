"""Cycles in what ought to be a total order of the writes to a variable.

Where many threads write to it, the clauses that no three writes form a cycle are too many to be said before: those that
a candidate breaks are. Where there is no such three, there is no cycle at all, for each pair has an order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patchscan.lkmm.memory.rows import bits
from patchscan.lkmm.solving.cnf import TRUE

if TYPE_CHECKING:
    from patchscan.lkmm.solving.candidate import Candidate


def cycles_of_three(candidate: Candidate, at_most: int) -> list[set[int]]:
    """The literals of writes that stand in a circle, each three together."""
    found: list[set[int]] = []
    co, numbers = candidate.encoding.communication.co, candidate.path.numbers
    for name in candidate.encoding.communication.untold:
        writes = [numbers[position] for position in candidate.path.writes_to.get(name, ())]
        later = {
            one: sum(1 << other for other in writes if one != other and candidate.chosen(co[one, other]))
            for one in writes
        }
        for one in writes:
            for other in bits(later[one]):
                back = later[other] & ~later[one] & ~(1 << one)
                if back:
                    third = back.bit_length() - 1
                    found.append({co[one, other], co[other, third], co[third, one]} - {TRUE})
                    if len(found) == at_most:
                        return found
    return found
