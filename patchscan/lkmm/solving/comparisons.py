"""Terms that compare what a read found with a constant, or with what another read of the variable found, and nothing
else of it matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from patchscan.basics.record import frozen
from patchscan.lkmm.memory.events import Computed, ReadValue, Term
from patchscan.lkmm.solving.values import reads_in

_FLIPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_AND_OR = ("&&", "||")


@frozen
class Comparison:
    """What the read found is at least the bound; exactly: it is the bound."""

    read: int
    exactly: bool
    bound: int


@frozen
class Match:
    """Two reads found the same."""

    one: int
    other: int


# What `read operator constant` says: the comparison, and whether it holds.
_COMPARED: Mapping[str, Callable[[int, int], tuple[Comparison, bool]]] = {
    "==": lambda read, constant: (Comparison(read, True, constant), True),
    "!=": lambda read, constant: (Comparison(read, True, constant), False),
    ">=": lambda read, constant: (Comparison(read, False, constant), True),
    ">": lambda read, constant: (Comparison(read, False, constant + 1), True),
    "<": lambda read, constant: (Comparison(read, False, constant), False),
    "<=": lambda read, constant: (Comparison(read, False, constant + 1), False),
}


def added(term: Term) -> tuple[int, int] | None:
    """The read, and what is added to it, of a term that is a sum of the two."""
    if isinstance(term, ReadValue):
        return term.event, 0
    if not isinstance(term, Computed) or term.operator not in ("+", "-"):
        return None
    left, right = term.left, term.right
    if term.operator == "+" and isinstance(left, int):
        left, right = right, left
    inner = added(left)
    if inner is None or not isinstance(right, int):
        return None
    return inner[0], inner[1] + (right if term.operator == "+" else -right)


def comparison_of(term: Term) -> tuple[Comparison, bool] | None:
    """The comparison that a term is, and whether the term says that it holds."""
    if not isinstance(term, Computed) or term.operator not in _COMPARED:
        return None
    left, right, operator = term.left, term.right, term.operator
    if isinstance(left, int):
        left, right, operator = right, left, _FLIPPED[operator]
    inner = added(left)
    if inner is None or not isinstance(right, int):
        return None
    return _COMPARED[operator](inner[0], right - inner[1])


def match_of(term: Term) -> tuple[Match, bool] | None:
    """The match that a term is, and whether the term says that it holds."""
    if not isinstance(term, Computed) or term.operator not in ("==", "!="):
        return None
    left, right = added(term.left), added(term.right)
    if left is None or right is None or left[1] != right[1]:
        return None
    one, other = sorted((left[0], right[0]))
    return Match(one, other), term.operator == "=="


def as_truth(term: Term, reads: AbstractSet[int]) -> Term:
    """The term where only its truth is looked at: a sum with one of the reads is compared with 0."""
    inner = added(term)
    return term if inner is None or inner[0] not in reads else Computed("!=", term, 0)


def operands(term: Computed, reads: AbstractSet[int]) -> tuple[Term, Term]:
    """Both sides; of those of && and || only the truth is looked at."""
    if term.operator in _AND_OR:
        return as_truth(term.left, reads), as_truth(term.right, reads)
    return term.left, term.right


def only_compared(term: Term, reads: AbstractSet[int], matched: bool = False) -> bool:
    """Whether the term looks at these reads by comparing them with constants alone; matched: or with each other."""
    if reads.isdisjoint(reads_in(term)) or comparison_of(term) is not None:
        return True
    match = match_of(term) if matched else None
    if match is not None and reads >= {match[0].one, match[0].other}:
        return True
    return isinstance(term, Computed) and all(
        only_compared(side, reads, matched) for side in operands(term, reads)
    )
