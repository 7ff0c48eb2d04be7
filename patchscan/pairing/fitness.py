"""Which halves of a pair are worth executing: what only locations bring together needs firmer ground than a comment."""

from collections.abc import Sequence

from patchscan.model.lowering.lowered import Access, Assign, Fence, Read, Update, Write
from patchscan.model.lowering.type_names import pointee, structure_of
from patchscan.pairing.candidates import OWNED
from patchscan.pairing.pair_model import Half, shape_between
from patchscan.pairing.steps import WHOLE, Walk, key
from patchscan.pairing.unordered import Unordered

# What two sides that only their accesses bring together may be spoken of for; and what hands memory over.
SPEAKING = ("message passing", "store buffering")
_HANDING_OVER = ("S", "load buffering")
_MOST_LOOKS = 8


def is_fit(own: Half, partner: Half, said: bool, own_function: bool = True) -> bool:
    """Whether a pair may be spoken of: no lock that both hold, and what only locations say on firmer ground.

    said: a comment names the partner; own_function: the partner's accesses are those of the function that is named.
    """
    if own.locks() & partner.locks() or _is_set_up(own) or _is_set_up(partner):
        return False
    shape = shape_between(own, partner)
    if shape not in SPEAKING and (own.is_plain or partner.is_plain):
        return said and own_function and _hands_over(own, partner, shape)
    if shape == "message passing" and not (said and own_function) and _counts(own, partner):
        return False
    if said:
        return True
    if shape == "message passing" and not _are_near(own, partner):
        return False
    if shape == "store buffering" and not _is_next_look(own):
        return False
    if (
        shape not in SPEAKING
        or _is_owned(partner)
        or not _is_meant(own)
        or not (_is_wide(own) or _is_meant(partner))
    ):
        return False
    return not any(_is_private(event) for half in (own, partner) for event in half.accesses)


def _hands_over(own: Half, partner: Half, shape: str | None) -> bool:
    """Whether one side tells by marked accesses that the other may have what both access plainly."""
    one, two = own.accesses
    three, four = partner.accesses
    ways = [(two, three), (four, one)]
    if shape == "S":
        ways = ways[:1] if own.kinds == "WW" else ways[1:]
    return shape in _HANDING_OVER and any("plain" not in (a.order, b.order) for a, b in ways)


def _is_owned(half: Half) -> bool:
    """Whether a half writes plainly in a function that sets up or takes down what nobody else knows."""
    return bool(_plain_writes(half)) and OWNED.fullmatch(half.walk.function) is not None


def _is_set_up(half: Half) -> bool:
    """Whether a half writes plainly in such a function that it calls."""
    places = {event.place.function for event in _plain_writes(half)} - {half.walk.function}
    return any(OWNED.fullmatch(function) for function in places)


def _plain_writes(half: Half) -> list[Access]:
    return [event for event in half.accesses if isinstance(event, (Write, Update)) and event.order == "plain"]


def _counts(own: Half, partner: Half) -> bool:
    """Whether what would have to be seen is counted by atomics: that is nothing which a flag tells of."""
    data = own.accesses[own.kinds != "WW"], partner.accesses[partner.kinds != "WW"]
    return any(isinstance(event, Update) for event in data)


def _is_meant(half: Half) -> bool:
    """Whether a flag that is accessed plainly is what the fence next to it is for: nothing of its kind is nearer."""
    one, two = half.accesses
    flag, steps = (half.second, half.walk.steps) if half.kinds == "WW" else (half.first, half.walk.steps)
    if half.kinds == "WR" or (two if half.kinds == "WW" else one).order != "plain":
        return True
    if half.order.depends == "address" and _leads_to(one, two):
        return True
    span = steps[half.first.number + 1 : half.second.number]
    for step in reversed(span) if half.kinds == "WW" else span:
        if isinstance(step.event, (Fence, Update)) and step.event in half.order.events:
            return True
        if isinstance(step.event, type(flag.event)):
            return False
    return False


def _is_next_look(half: Half) -> bool:
    """Whether a function looks soon at what others may have written: far off it is not what the barrier is for.

    An atomic that is the barrier itself is there for its value in the first place: the look must stand beside it.
    """
    one, two = half.accesses
    if isinstance(one, Update) and one.order == "full" and one.place.function != two.place.function:
        return False
    between = half.walk.steps[half.first.number + 1 : half.second.number]
    looks = [step for step in between if isinstance(step.event, Read) and step.meets(half.second)]
    return len(looks) <= _MOST_LOOKS


def _is_wide(half: Half) -> bool:
    """Whether a half accesses all that a structure has: any member of it is met by that."""
    return any(str(key(event)).endswith(WHOLE) for event in half.accesses)


def _are_near(own: Half, partner: Half) -> bool:
    """Whether two locations are parts of one structure, or one leads to the other; a variable is near all."""
    one, two = own.accesses
    owners = {str(key(event)).partition(".")[0] if "." in str(key(event)) else "" for event in (one, two)}
    pairs = ((half.accesses, half.accesses[::-1]) for half in (own, partner))
    return len(owners - {""}) < 2 or any(_leads_to(*ways) for each in pairs for ways in each)


def _leads_to(pointer: Access, target: Access) -> bool:
    """Whether an access is to a pointer, and another to a field of the structure that it is for."""
    kind = getattr(pointer.location, "type", "")
    structure = structure_of(pointee(kind)) if kind.endswith("*") else ""
    return structure != "" and str(key(target)).startswith(f"{structure}.")


def _is_private(event: object) -> bool:
    """Whether an access is likely to a thread's own object."""
    where = str(key(event))  # type: ignore[arg-type]
    return where.startswith("task_struct.") and getattr(event, "order", "") == "plain"


def nearest(lost: Sequence[Unordered]) -> tuple[Unordered, ...]:
    """The lost orders of what is accessed right next to the barrier: that is what it is most likely for.

    A store after it that others wait for, a load before it that waits, a store before it where loads come behind. A
    full barrier with a store before and a load behind is there for these: for two loads a read barrier would do.
    """
    full = [
        each for each in lost if isinstance(each.barrier.event, Fence) and each.barrier.event.kind == "mb"
    ]
    if any(each.kinds == "WR" for each in full):
        lost = [each for each in lost if each.kinds != "RR"]
    found: list[Unordered] = []
    for kinds, flag in (("WW", "second"), ("RR", "first"), ("WR", "first")):
        alike = [each for each in lost if each.kinds == kinds]
        places = {key(getattr(each, flag).event): getattr(each, flag).number for each in alike}
        if places:
            best = (min if flag == "second" else max)(places.values())
            found += [each for each in alike if getattr(each, flag).number == best]
    return tuple(each for each in lost if each in found)


def holds(walk: Walk, other: Walk) -> bool:
    """Whether one function calls the other: they are one thread's."""
    return any(_comes_through(one, two.function) for one, two in ((walk, other), (other, walk)))


def _comes_through(walk: Walk, function: str) -> bool:
    events = (step.event for step in walk.steps if not isinstance(step.event, Assign))
    return any(event.place.function == function for event in events)
