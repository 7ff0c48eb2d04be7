"""A function as steps: its events in program order, each with the branches that lead to it, and what orders two."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from patchscan.basics.record import frozen, replace
from patchscan.codebase.code import Codebase
from patchscan.model.lowering.abstract_values import Location, Named, Register, Through, Value, leaves
from patchscan.model.lowering.lower_statements import lower_alone
from patchscan.model.lowering.lowered import (
    Access,
    Assign,
    Body,
    Branch,
    Choice,
    Event,
    Fence,
    Hole,
    Lock,
    Read,
    Update,
    Wait,
    Write,
)
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.lowering.type_names import structure_of

Path = Mapping[int, bool]
BUDGET, DEPTH = 1_500, 3
_OPAQUE = ("<", "*", "?")
_MOST_STEPS = 4_000
WHOLE = ".*"


@frozen(eq=False)
class Step:
    """One event; number: its place in the function's steps; path: the branches that lead to it, by the way taken."""

    number: int
    event: Event
    path: Path

    def meets(self, other: "Step") -> bool:
        """Whether one execution can come along both."""
        if self.path is other.path or not self.path or not other.path:
            return True
        return all(self.path.get(branch, taken) == taken for branch, taken in other.path.items())


@frozen(eq=False)
class Walk:
    """The steps of a function; branches: by the number that paths know them by; whole: nothing was cut off."""

    path: str
    function: str
    steps: tuple[Step, ...]
    branches: Mapping[int, Branch | Choice]
    whole: bool

    @cached_property
    def between(self) -> tuple[Step, ...]:
        """The steps that may keep others in order, or hide what does."""
        return tuple(step for step in self.steps if isinstance(step.event, (Fence, Update, Lock, Wait, Hole)))

    def accesses(self) -> Iterator[tuple[Step, Access]]:
        """The steps that access memory that can be told from other memory."""
        for step in self.steps:
            if isinstance(step.event, (Read, Write, Update)) and key(step.event) is not None:
                yield step, step.event


def walk_of(
    name: str, path: str, code: Codebase, stubs: Stubs, depth: int = DEPTH, budget: int = BUDGET
) -> Walk | None:
    """The steps of a function as the code has it, calls looked into so deep, so many statements of it; None where it
    is not there."""
    definition = code.function(name, path)
    if definition is None:
        return None
    branches: dict[int, Branch | Choice] = {}
    body = lower_alone(definition, code, stubs, frozenset({"access", "order"}), budget, depth)
    found: list[Step] = []
    for event, way in _flat(body, {}, branches):
        if len(found) >= _MOST_STEPS:
            break
        found.append(Step(len(found), _by_type(event, code, path), way))
    whole = len(found) < _MOST_STEPS and not any(
        isinstance(step.event, Hole) and step.event.kind == "budget" for step in found
    )
    return Walk(definition.path, name, tuple(found), branches, whole)


def _flat(body: Body, path: Path, branches: dict[int, Branch | Choice]) -> Iterator[tuple[Event, Path]]:
    """Events in program order; branches: filled with those that are met."""
    for event in body:
        if isinstance(event, (Branch, Choice)):
            branches[id(event)] = event
            yield from _flat(event.then, {**path, id(event): True}, branches)
            yield from _flat(event.otherwise, {**path, id(event): False}, branches)
        else:
            yield event, path


def _by_type(event: Event, code: Codebase, path: str) -> Event:
    """The event with a field of a global object named by the object's type, as elsewhere."""
    if not isinstance(event, (Read, Write, Update)) or not isinstance(event.location, Named):
        return event
    root, dot, field = event.location.name.partition("@")[0].partition(".")
    structure = structure_of(code.global_type(root, path)) if dot and root else ""
    if not structure:
        return event
    return replace(event, location=replace(event.location, name=f"{structure}.{field}"))


def two_accesses(first: Step, second: Step) -> tuple[Access, Access]:
    """What two steps do that are known to access memory."""
    one, two = first.event, second.event
    assert isinstance(one, (Read, Write, Update)) and isinstance(two, (Read, Write, Update))
    return one, two


def kinds_of(accesses: Sequence[Access]) -> str:
    """What accesses do, "WR" for a write and then a read; an atomic writes."""
    return "".join("R" if isinstance(event, Read) else "W" for event in accesses)


def key(event: Access) -> str | None:
    """The location by type and field; None for one that cannot be told from others."""
    where = event.location
    if not isinstance(where, Named) or where.name.startswith(_OPAQUE) or "?" in where.name:
        return None
    return where.name.partition("@")[0]


def common(one: str | None, other: str | None) -> str | None:
    """The location that two keys have in common: "struct.*" is every field of the structure, a word all its bits."""
    if one is None or other is None:
        return None
    if one == other:
        return one
    for wide, narrow in ((one, other), (other, one)):
        if "#" in narrow and wide == narrow.partition("#")[0]:
            return narrow
        if wide.endswith(WHOLE) and narrow.startswith(wide[:-1]) and not narrow.endswith(WHOLE):
            return narrow
    return None


@frozen
class Order:
    """What stands between two accesses of one function, the first before the second.

    events: fences, atomics with a full barrier, locks and waits on every way between them; maybe: those on some way
    only; depends: "" or how the second depends on what the first reads, "address", "data" or "control";
    holes: calls not looked into.
    """

    events: tuple[Event, ...]
    maybe: tuple[Event, ...]
    depends: str
    holes: tuple[Hole, ...]


def order_between(walk: Walk, first: Step, second: Step, through: Step | None = None) -> Order:
    """What may order two steps that one execution can come along; through: a step on its way."""
    ways = {**first.path, **second.path, **(through.path if through is not None else {})}
    events, maybe, holes = list[Event](), list[Event](), list[Hole]()
    for step in walk.between:
        event = step.event
        if not first.number < step.number < second.number or not (
            step.meets(first) and step.meets(second) and (through is None or step.meets(through))
        ):
            continue
        if isinstance(event, Hole):
            holes.append(event)
        elif not isinstance(event, Update) or event.order == "full":
            always = all(ways.get(branch) == taken for branch, taken in step.path.items())
            (events if always else maybe).append(event)
        else:
            continue
    return Order(tuple(events), tuple(maybe), depends(walk, first, second), tuple(holes))


def depends(walk: Walk, first: Step, second: Step) -> str:
    """How a step depends on what an earlier one reads: "address", "data", "control", or "" where it does not."""
    if not isinstance(first.event, (Read, Update)):
        return ""
    tainted = {first.event.register.name}
    for step in walk.steps[first.number + 1 : second.number]:
        event = step.event
        if isinstance(event, Assign) and _uses(event.value, tainted):
            tainted.add(event.register.name)
        if isinstance(event, (Read, Update)) and _leads(event.location, tainted):
            tainted.add(event.register.name)
    event = second.event
    assert isinstance(event, (Read, Write, Update))
    if _leads(event.location, tainted):
        return "address"
    if isinstance(event, Read):
        return ""
    values = event.operands if isinstance(event, Update) else (event.value,)
    if any(_uses(value, tainted) for value in values):
        return "data"
    own = set(second.path) - set(first.path)
    return "control" if any(_decides(walk.branches[number], tainted) for number in own) else ""


def _uses(value: Value, registers: set[str]) -> bool:
    return any(isinstance(leaf, Register) and leaf.name in registers for leaf in leaves(value))


def _leads(where: Location, registers: set[str]) -> bool:
    """Whether an address is computed from one of these registers."""
    if isinstance(where, Through):
        return where.register.name in registers
    return isinstance(where, Named) and not registers.isdisjoint(where.base)


def _decides(branch: Branch | Choice, registers: set[str]) -> bool:
    if isinstance(branch, Branch):
        return _uses(branch.condition, registers)
    return any(f"'{name}'" in branch.key for name in registers)


def is_kept(first: Access, order: Order, second: Access, events: Sequence[Event] | None = None) -> bool:
    """Whether two accesses are kept in order by what they are and by the events between them (all that may stand
    there, unless others are given)."""
    if order.depends == "address" or (order.depends and not isinstance(second, Read)):
        return True
    if isinstance(first, Read) and first.order == "acquire":
        return True
    if isinstance(first, Update) and first.order in ("acquire", "full"):
        return True
    if isinstance(second, (Write, Update)) and second.order in ("release", "full"):
        return True
    if isinstance(second, Update) and second.order == "full":
        return True
    between = (*order.events, *order.maybe) if events is None else events
    return any(_keeps(event, first, second, between) for event in between)


def _keeps(event: Event, first: Access, second: Access, between: Sequence[Event]) -> bool:
    """Whether one event between two accesses keeps them in order."""
    if isinstance(event, (Wait, Update)):
        return True
    if isinstance(event, Lock):
        gives = [each for each in between if isinstance(each, Lock) and each.kind == "unlock"]
        takes = [each for each in between if isinstance(each, Lock) and each.kind == "lock"]
        return bool(gives and takes) and not (isinstance(first, Write) and isinstance(second, Read))
    if not isinstance(event, Fence):
        return False
    if event.kind == "rmb":
        return isinstance(first, (Read, Update)) and isinstance(second, (Read, Update))
    if event.kind == "wmb":
        return isinstance(first, (Write, Update)) and isinstance(second, (Write, Update))
    return True


def held(walk: Walk, at: Step) -> frozenset[str]:
    """The locks held at a step on its path."""
    found: set[str] = set()
    for step in walk.steps[: at.number]:
        if isinstance(step.event, Lock) and step.meets(at):
            if step.event.kind == "unlock":
                found.discard(step.event.name)
            else:
                found.add(step.event.name)
    return frozenset(found)
