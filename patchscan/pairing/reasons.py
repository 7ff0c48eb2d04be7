"""What only comments say of a lost barrier: whether it is worth a warning, and the reason that goes with it."""

from collections.abc import Sequence

from patchscan.basics.pattern import pattern
from patchscan.model.lowering.lowered import Update, Write
from patchscan.model.lowering.type_names import pointee, structure_of
from patchscan.pairing.barriers import Barrier
from patchscan.pairing.pair_model import counterparts
from patchscan.pairing.steps import Walk, key
from patchscan.pairing.unordered import Unordered

# What carries nothing but itself: a time stamp is read for its value alone.
_STAMP = pattern(r"\b(?:jiffies\w*|ktime_\w+|local_clock|sched_clock)\b")
_READS = pattern(r".*(?:rmb|acquire\w*|ctrl_dep)$")
_WRITES = pattern(r".*(?:wmb|release)$|rcu_assign_pointer|clear_bit_unlock")


def needed(lost: Sequence[Unordered], partner: Barrier) -> tuple[Unordered, ...]:
    """The lost orders that a partner's barrier is of use for: stores against loads, loads against stores."""
    if _READS.match(partner.name):
        return tuple(each for each in lost if each.kinds[1] == "W")
    if _WRITES.match(partner.name):
        return tuple(each for each in lost if each.kinds[0] == "R")
    return tuple(lost)


def shared(lost: Sequence[Unordered], partner: Walk) -> Unordered | None:
    """The first lost order whose two locations the partner accesses the other way round."""
    for each in lost:
        one, two = each.accesses
        if next(counterparts(str(key(one)), str(key(two)), each.kinds, partner), None) is not None:
            return each
    return None


def published(lost: Sequence[Unordered]) -> Unordered | None:
    """The first lost order of a field of an object before the store of the pointer that leads to it."""
    for each in lost:
        one, two = each.accesses
        where = getattr(two.location, "type", "")
        if isinstance(one, (Write, Update)) and isinstance(two, (Write, Update)) and where.endswith("*"):
            structure = structure_of(pointee(where))
            if structure and str(key(one)).startswith(f"{structure}."):
                return each
    return None


def is_stamp(text: str) -> bool:
    """Whether a line stores a time."""
    return _STAMP.search(text) is not None
