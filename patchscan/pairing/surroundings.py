"""A barrier in the steps of its function, and the accesses that it stands between."""

from collections.abc import Iterator, Sequence

from patchscan.basics.record import frozen
from patchscan.model.lowering.abstract_values import Const, Operation, Register, Value
from patchscan.model.lowering.lowered import Assign, Branch, Fence, Read, Update, Write
from patchscan.pairing.barriers import Barrier
from patchscan.pairing.steps import Step, Walk, key

_LINES = 3
_MOST, _MOST_BARRIERS = 24, 3


@frozen(eq=False)
class Around:
    """One barrier with the nearest accesses of each kind to each location, on ways that go through it.

    before, after: an ordered access that is the barrier stands in the one that it orders against the other.
    """

    walk: Walk
    barrier: Barrier
    step: Step
    before: tuple[Step, ...]
    after: tuple[Step, ...]

    @property
    def fence(self) -> Fence | Update | None:
        """The fence or atomic with a full barrier that it is, None where it is an ordered access."""
        event = self.step.event
        full = isinstance(event, Update) and event.order == "full"
        return event if isinstance(event, Fence) or (full and isinstance(event, Update)) else None

    def loads(self) -> set[str | None]:
        """The locations that are read after the barrier."""
        return {location_of(step) for step in self.after if isinstance(step.event, Read)} - {None}

    def stores(self) -> set[str | None]:
        """The locations that are written before the barrier."""
        return {location_of(step) for step in self.before if isinstance(step.event, Write)} - {None}


def barrier_steps(walk: Walk, barrier: Barrier) -> tuple[Step, ...]:
    """The steps that a barrier of the text is, on the first few paths that lead to it."""
    found = [step for step in walk.steps if _is_barrier(step, barrier)]
    return tuple(found[:_MOST_BARRIERS])


def _is_barrier(step: Step, barrier: Barrier) -> bool:
    event = step.event
    if not isinstance(event, (Fence, Read, Write, Update)):
        return False
    if event.place.function != barrier.function or not 0 <= event.place.line - barrier.line <= _LINES:
        return False
    if barrier.is_fence:
        return isinstance(event, Fence)
    return isinstance(event, Fence) or event.order in ("acquire", "release", "full")


def around(walk: Walk, barrier: Barrier, step: Step, every: bool = False) -> Around:
    """What stands around one step of a barrier.

    every: also the plain looks at what an atomic with a full barrier decides anew further on.
    """
    failing = _failing(walk, step)
    before = [each for each in reversed(walk.steps[: step.number]) if each.meets(step)]
    after = [
        each
        for each in walk.steps[step.number + 1 :]
        if each.meets(step) and not any(each.path.get(branch) == taken for branch, taken in failing.items())
    ]
    first, second = _distinct(before), _distinct(after)
    second = second if every else _decided(second, after)
    event, own = step.event, [step]
    if not isinstance(event, Fence):
        order = event.order if isinstance(event, (Read, Write, Update)) else ""
        first = own if order == "acquire" else first if order == "release" else own + first
        second = own if order == "release" else second if order == "acquire" else own + second
    return Around(walk, barrier, step, tuple(first), tuple(second))


def pairs_around(each: Around) -> Iterator[tuple[Step, Step]]:
    """Two accesses on either side that one execution comes along, to different locations."""
    for one in each.before:
        for two in each.after:
            if one is not two and location_of(one) != location_of(two) and one.meets(two):
                yield one, two


def location_of(step: Step) -> str | None:
    """The location that a step accesses; None where it is no access, or one that cannot be told from others."""
    return key(step.event) if isinstance(step.event, (Read, Write, Update)) else None


def _distinct(steps: Sequence[Step]) -> list[Step]:
    """The first access of each kind to each location."""
    found: dict[tuple[str, type], Step] = {}
    for step in steps:
        name = location_of(step)
        if name is not None:
            found.setdefault((name, type(step.event)), step)
        if len(found) >= _MOST:
            break
    return list(found.values())


def _decided(distinct: Sequence[Step], steps: Sequence[Step]) -> list[Step]:
    """Without the plain looks at what an atomic with a full barrier decides anew further on."""
    atomics = {
        location_of(step): step.number
        for step in steps
        if isinstance(step.event, Update) and step.event.order == "full"
    }
    return [
        step
        for step in distinct
        if not (isinstance(step.event, Read) and atomics.get(location_of(step), -1) > step.number)
    ]


def _failing(walk: Walk, step: Step) -> dict[int, bool]:
    """The branches taken where a compare-and-exchange fails, which then orders nothing: branch to way taken."""
    event = step.event
    if not isinstance(event, Update):
        return {}
    flags: set[Value] = {
        each.event.register
        for each in walk.steps
        if isinstance(each.event, Assign) and _tells_success(each.event.value, event.register)
    }
    found: dict[int, bool] = {}
    for number, branch in walk.branches.items():
        condition = branch.condition if isinstance(branch, Branch) else None
        if not isinstance(condition, Operation) or condition.operator not in ("==", "!="):
            continue
        if condition.right == Const(0) and condition.left in flags:
            found[number] = condition.operator == "=="
        elif event.operation == "cmpxchg" and event.register in (condition.left, condition.right):
            found[number] = condition.operator == "!="
    return found


def _tells_success(value: Value, register: Register) -> bool:
    return isinstance(value, Operation) and value.operator == "==" and register in (value.left, value.right)
