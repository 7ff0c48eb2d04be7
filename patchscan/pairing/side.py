"""One side of a pair of barriers: the accesses that it stands between, as they are lowered from its function."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from patchscan.basics.record import frozen, replace
from patchscan.codebase.code import Codebase
from patchscan.model.lowering.abstract_values import Const, Named, Operation, Register, Value
from patchscan.model.lowering.lower_statements import lower_alone
from patchscan.model.lowering.lowered import (
    Assign,
    Body,
    Branch,
    Choice,
    Event,
    Fence,
    Lock,
    Place,
    Read,
    Update,
    Write,
)
from patchscan.model.lowering.memory import structure_of
from patchscan.model.lowering.stubs import Stubs
from patchscan.pairing.barriers import Barrier

Access = Read | Write | Update
Path = Mapping[int, bool]
_BUDGET, _DEPTH, _LINES = 20_000, 2, 3
_OPAQUE = ("<", "*")


@frozen
class Side:
    """One barrier with the accesses that it stands between.

    fence: the fence or atomic that is the barrier, None where an ordered access is; locks: of each access, the
    locks that are held there.
    """

    barrier: Barrier
    before: tuple[Access, ...]
    after: tuple[Access, ...]
    fence: Fence | Update | None
    place: Place
    locks: Mapping[int, frozenset[str]]

    def loads(self) -> set[str | None]:
        """The locations that are read after the barrier."""
        return {key(event) for event in self.after if isinstance(event, Read)} - {None}

    def stores(self) -> set[str | None]:
        """The locations that are written before the barrier."""
        return {key(event) for event in self.before if isinstance(event, Write)} - {None}

    def held(self, access: Access) -> frozenset[str]:
        """The locks held at an access."""
        return self.locks.get(id(access), frozenset())


@frozen
class _Step:
    """One event, with the branches that lead to it."""

    event: Event
    path: Path


def side(barrier: Barrier, code: Codebase, stubs: Stubs) -> Side | None:
    """The accesses around a barrier in its function; None when it is lost on the way."""
    definition = code.function(barrier.function, barrier.path)
    if definition is None:
        return None
    branches: dict[int, Branch | Choice] = {}
    body = lower_alone(definition, code, stubs, frozenset({"access", "order"}), _BUDGET, _DEPTH)
    steps = list(_flat(body, {}, branches))
    steps = [_Step(_by_type(step.event, code, barrier.path), step.path) for step in steps]
    for index, step in enumerate(steps):
        if _is_barrier(step.event, barrier):
            return _around(barrier, steps, index, branches)
    return None


def _is_barrier(event: Event, barrier: Barrier) -> bool:
    if not isinstance(event, (Fence, Read, Write, Update)):
        return False
    if event.place.function != barrier.function or not 0 <= event.place.line - barrier.line <= _LINES:
        return False
    return isinstance(event, Fence) or event.order in ("acquire", "release", "full")


def _flat(body: Body, path: Path, branches: dict[int, Branch | Choice]) -> Iterator[_Step]:
    """Events in program order; branches: filled with those that are met."""
    for event in body:
        if isinstance(event, (Branch, Choice)):
            branches[id(event)] = event
            yield from _flat(event.then, {**path, id(event): True}, branches)
            yield from _flat(event.otherwise, {**path, id(event): False}, branches)
        else:
            yield _Step(event, path)


def _by_type(event: Event, code: Codebase, path: str) -> Event:
    """The event with a field of a global object named by the object's type, as elsewhere."""
    if not isinstance(event, (Read, Write, Update)) or not isinstance(event.location, Named):
        return event
    root, dot, field = event.location.name.partition("@")[0].partition(".")
    structure = structure_of(code.global_type(root, path)) if dot and root else ""
    if not structure:
        return event
    return replace(event, location=replace(event.location, name=f"{structure}.{field}"))


def _around(
    barrier: Barrier, steps: Sequence[_Step], at: int, branches: Mapping[int, Branch | Choice]
) -> Side:
    """The first access to each location before and after, on paths that go through the barrier."""
    event, path = steps[at].event, steps[at].path
    failing = _failing(event, steps, branches) if isinstance(event, Update) else {}

    def joins(step: _Step) -> bool:
        return isinstance(step.event, (Read, Write, Update)) and _compatible(step.path, path)

    before = [steps[index] for index in range(at - 1, -1, -1) if joins(steps[index])]
    after = [
        steps[index]
        for index in range(at + 1, len(steps))
        if joins(steps[index])
        and not any(steps[index].path.get(one) == taken for one, taken in failing.items())
    ]
    assert isinstance(event, (Fence, Read, Write, Update))
    own = () if isinstance(event, Fence) else (event,)
    order = "full" if isinstance(event, Fence) else event.order
    first, second = _distinct(step.event for step in before), _distinct(step.event for step in after)
    first = own if order == "acquire" else first if order == "release" else own + first
    second = own if order == "release" else second if order == "acquire" else own + second
    locks = {id(step.event): _held(steps, step) for step in (*before, *after, steps[at])}
    fence = event if isinstance(event, Fence) or (order == "full" and isinstance(event, Update)) else None
    return Side(barrier, first, second, fence, event.place, locks)


def _compatible(one: Path, other: Path) -> bool:
    return all(other.get(branch, taken) == taken for branch, taken in one.items())


def _held(steps: Sequence[_Step], at: _Step) -> frozenset[str]:
    """The locks held at a step on its path."""
    held: set[str] = set()
    for step in steps:
        if step is at:
            break
        if isinstance(step.event, Lock) and _compatible(step.path, at.path):
            if step.event.kind == "unlock":
                held.discard(step.event.name)
            else:
                held.add(step.event.name)
    return frozenset(held)


def _failing(
    update: Update, steps: Sequence[_Step], branches: Mapping[int, Branch | Choice]
) -> dict[int, bool]:
    """The branches taken where a compare-and-exchange fails, which then orders nothing: branch to way taken."""
    flags: set[Value] = {
        step.event.register
        for step in steps
        if isinstance(step.event, Assign) and _tells_success(step.event.value, update.register)
    }
    found: dict[int, bool] = {}
    for number, branch in branches.items():
        condition = branch.condition if isinstance(branch, Branch) else None
        if not isinstance(condition, Operation) or condition.operator not in ("==", "!="):
            continue
        if condition.right == Const(0) and condition.left in flags:
            found[number] = condition.operator == "=="
        elif update.operation == "cmpxchg" and update.register in (condition.left, condition.right):
            found[number] = condition.operator == "!="
    return found


def _tells_success(value: Value, register: Register) -> bool:
    return isinstance(value, Operation) and value.operator == "==" and register in (value.left, value.right)


def _distinct(events: Iterable[Event]) -> tuple[Access, ...]:
    """The first access of each kind to each location."""
    found: dict[tuple[str, type], Access] = {}
    for event in events:
        assert isinstance(event, (Read, Write, Update))
        name = key(event)
        if name is not None:
            found.setdefault((name, type(event)), event)
    return tuple(found.values())


def key(event: Access) -> str | None:
    """The location by type and field; None for one that cannot be told from others."""
    where = event.location
    if not isinstance(where, Named) or where.name.startswith(_OPAQUE) or "?" in where.name:
        return None
    return where.name.partition("@")[0]
