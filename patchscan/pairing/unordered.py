"""What a patch that takes or weakens a barrier leaves without order: two accesses of one function."""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from patchscan.basics.record import frozen
from patchscan.model.lowering.lowered import Access, Assign, Fence, Hole, Read, Update, Write, location_key
from patchscan.pairing.barriers import Barrier
from patchscan.pairing.steps import Order, Step, Walk, is_kept, key, kinds_of, order_between, two_accesses
from patchscan.pairing.surroundings import around, barrier_steps, pairs_around


@frozen(eq=False)
class Unordered:
    """Two accesses that a barrier kept in order; first, second: before the patch, then and now: what is between
    them before and after it."""

    barrier: Step
    first: Step
    second: Step
    then: Order
    first_now: Step
    second_now: Step
    now: Order

    @property
    def accesses(self) -> tuple[Access, Access]:
        """The two, as they are before the patch."""
        return two_accesses(self.first, self.second)

    @property
    def function(self) -> str:
        """The function in which the barrier is written."""
        event = self.barrier.event
        return event.place.function if not isinstance(event, Assign) else ""

    @property
    def kinds(self) -> str:
        """What they do, "WR" for a write and then a read; an atomic writes."""
        return kinds_of(self.accesses)


def unordered(before: Walk, barrier: Barrier, after: Walk) -> tuple[Unordered, ...]:
    """The pairs of accesses around a barrier that nothing keeps in order after a patch, nearest first.

    What a later atomic on the same location decides anew counts as that atomic.
    """
    now = _aligned(before, after)
    found: list[Unordered] = []
    seen: set[tuple[object, ...]] = set()
    for step in barrier_steps(before, barrier):
        for first, second in pairs_around(around(before, barrier, step)):
            one, two = first.event, second.event
            assert isinstance(one, (Read, Write, Update)) and isinstance(two, (Read, Write, Update))
            what = (key(one), type(one), key(two), type(two))
            if what in seen or first.number not in now or second.number not in now:
                continue
            then = order_between(before, first, second, step)
            if not is_kept(one, then, two, then.events):
                continue
            after_first, after_second = after.steps[now[first.number]], after.steps[now[second.number]]
            left = order_between(after, after_first, after_second)
            if not _kept(after_first, left, after_second):
                seen.add(what)
                found.append(Unordered(step, first, second, then, after_first, after_second, left))
    return tuple(found)


def stands_in(before: Walk, barrier: Barrier, after: Walk) -> bool:
    """Whether right where a barrier stood another one keeps the same in order after a patch.

    Between the two stands nothing that may be an access.
    """
    now = _aligned(before, after)
    places = [_neighbours(before, step, now) for step in barrier_steps(before, barrier)]
    return all(
        any(
            _is_as_strong(step.event, other.event) and _ways(after, other) <= _ways(before, step)
            for other in _adjoining(after, low)
        )
        for step, (low, _) in zip(barrier_steps(before, barrier), places, strict=True)
    )


def fence_beside(before: Walk, barrier: Barrier, after: Walk) -> str:
    """The kind of the fence that stands, after a patch, right before an access that is no release any more, or right
    behind one that is no acquire; "" where none does, or the barrier was no such access."""
    now, kinds = _aligned(before, after), set[str]()
    for step in barrier_steps(before, barrier) if not barrier.is_fence else ():
        order, place = getattr(step.event, "order", ""), now.get(step.number)
        if order not in ("release", "acquire"):
            continue
        if place is None:
            return ""
        way = after.steps[place - 1 :: -1] if order == "release" and place else after.steps[place + 1 :]
        marks = _marks(way, after.steps[place])
        kinds.add(next((event.kind for event in _fences_first(marks)), ""))
    return kinds.pop() if len(kinds) == 1 else ""


def _fences_first(steps: Iterable[Step]) -> Iterator[Fence]:
    """The fences with which some steps begin."""
    for step in steps:
        if not isinstance(step.event, Fence):
            return
        yield step.event


def is_repeated(before: Walk, barrier: Barrier) -> bool:
    """Whether right before or behind a barrier stands an atomic that is a full barrier, on every way through it."""
    return all(
        any(_is_full_on_the_way(next(_marks(steps, step), None), step) for steps in _both_ways(before, step))
        for step in barrier_steps(before, barrier)
    )


def _both_ways(walk: Walk, step: Step) -> Iterator[Iterable[Step]]:
    """The steps away from a barrier on the sides that it orders: before a release, after an acquire."""
    order = getattr(step.event, "order", "full")
    if order != "release":
        yield walk.steps[step.number + 1 :]
    if order != "acquire":
        yield reversed(walk.steps[: step.number])


def _marks(steps: Iterable[Step], barrier: Step) -> Iterator[Step]:
    """The steps that one execution comes along with a barrier, without plain reads."""
    for step in steps:
        plain = isinstance(step.event, Read) and step.event.order == "plain"
        if not plain and not isinstance(step.event, Assign) and step.meets(barrier):
            yield step


def _is_full_on_the_way(step: Step | None, barrier: Step) -> bool:
    if step is None or not isinstance(step.event, Update):
        return False
    always = all(barrier.path.get(branch) == taken for branch, taken in step.path.items())
    return always and step.event.order == "full" and step.event.operation != "cmpxchg"


def _neighbours(walk: Walk, step: Step, now: dict[int, int]) -> tuple[int, int]:
    """The steps after a patch between which one stood before it."""
    low = next((now[number] for number in range(step.number - 1, -1, -1) if number in now), -1)
    high = next(
        (now[number] for number in range(step.number + 1, len(walk.steps)) if number in now), len(now)
    )
    return low, high


def _adjoining(walk: Walk, low: int) -> Iterator[Step]:
    """The fences around a place, as far as no access comes between."""
    for way in (range(low + 1, len(walk.steps)), range(low, -1, -1)):
        for number in way:
            step = walk.steps[number]
            if isinstance(step.event, (Read, Write, Update, Hole)):
                break
            if isinstance(step.event, Fence):
                yield step


def _ways(walk: Walk, step: Step) -> frozenset[tuple[int, bool]]:
    """The branches that lead to a step, by their number in the function, with the way taken."""
    numbers = {branch: number for number, branch in enumerate(walk.branches)}
    return frozenset((numbers[branch], taken) for branch, taken in step.path.items())


def _is_as_strong(old: object, new: object) -> bool:
    if not isinstance(old, Fence) or not isinstance(new, Fence):
        return False
    return new.kind == old.kind or new.kind == "mb" or (new.kind, old.kind) == ("mb", "after_atomic")


def _kept(first: Step, order: Order, second: Step) -> bool:
    one, two = first.event, second.event
    assert isinstance(one, (Read, Write, Update)) and isinstance(two, (Read, Write, Update))
    return is_kept(one, order, two) or any(
        "fence" in hole.always or "wait" in hole.always for hole in order.holes
    )


def _aligned(before: Walk, after: Walk) -> dict[int, int]:
    """The steps before a patch that stand after it as well: number to number."""
    matcher = SequenceMatcher(None, _signatures(before), _signatures(after), autojunk=False)
    return {
        block.a + offset: block.b + offset
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }


def _signatures(walk: Walk) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for step in walk.steps:
        event = step.event
        if isinstance(event, (Read, Write, Update)):
            found.append((type(event), location_key(event.location), event.place.function, len(step.path)))
        elif isinstance(event, (Fence, Assign)):
            found.append((type(event), getattr(event, "kind", ""), len(step.path)))
        elif isinstance(event, Hole):
            found.append((Hole, event.name, event.place.function, len(step.path)))
        else:
            found.append((type(event), len(step.path)))
    return found
