"""What a body does as plain data: equal for bodies that differ only in places and names of registers."""

from collections.abc import Mapping

from patchscan.basics.pattern import pattern
from patchscan.basics.record import once
from patchscan.model.lowering.abstract_values import Location, Operation, Register, Through, Value
from patchscan.model.lowering.lowered import (
    Assign,
    Assume,
    Body,
    Branch,
    Choice,
    Deferred,
    Event,
    Read,
    Update,
    Write,
    walk,
)

_REGISTER_NAME = pattern(r"(?<=name=')[^']*")
Signature = tuple[object, ...]


def signature(body: Body) -> Signature:
    """Equal for bodies that do the same, places and register names left out."""
    names: dict[str, str] = {}
    for event in walk(body):
        if isinstance(event, (Read, Update, Assign)):
            names.setdefault(event.register.name, f"%{len(names)}")
    return _signature(body, names)


def alike(one: Body, other: Body) -> bool:
    """Whether two bodies do the same; most differ at first sight."""
    if len(one) != len(other) or list(map(outline, one)) != list(map(outline, other)):
        return False
    return one == other or signature(one) == signature(other)


@once
def outline(event: Event) -> int:
    """Equal for events that do the same; little of them is looked at, and no register."""
    if isinstance(event, (Branch, Choice)):
        return hash((type(event), *map(outline, event.then), "else", *map(outline, event.otherwise)))
    if isinstance(event, Deferred):
        return hash((Deferred, event.domain, *map(outline, event.body)))
    if isinstance(event, (Read, Write, Update)):
        where = "through" if isinstance(event.location, Through) else event.location
        return hash((type(event), where, event.order))
    return hash(type(event)) if isinstance(event, (Assign, Assume)) else hash(_fixed(event))


def _signature(body: Body, names: Mapping[str, str]) -> Signature:
    return tuple([_fixed(event) or _event_signature(event, names) for event in body])


@once
def _fixed(event: Event) -> Signature:
    """What an event does where no register has to do with it, () where one has."""
    match event:
        case Write(location, value):
            fixed = not isinstance(location, Through) and not isinstance(value, (Register, Operation))
        case Branch() | Read() | Update() | Assign() | Assume():
            fixed = False
        case Choice(key, _, then, otherwise):
            fixed = (
                _REGISTER_NAME.search(key) is None and all(map(_fixed, then)) and all(map(_fixed, otherwise))
            )
        case Deferred(_, body):
            fixed = all(map(_fixed, body))
        case _:
            fixed = True
    return _event_signature(event, {}) if fixed else ()


def _event_signature(event: Event, names: Mapping[str, str]) -> Signature:
    """What an event does as plain data, registers called as `names` says."""
    match event:
        case Read():
            where = _plain(event.location, names)
            return "read", _plain(event.register, names), where, event.order
        case Write():
            return "write", _plain(event.location, names), _plain(event.value, names), event.order
        case Update():
            operands = tuple(_plain(value, names) for value in event.operands)
            where = _plain(event.location, names)
            return "update", _plain(event.register, names), where, event.operation, operands, event.order
        case Branch():
            arms = _signature(event.then, names), _signature(event.otherwise, names)
            return "branch", _plain(event.condition, names), *arms
        case Choice():
            key = _REGISTER_NAME.sub(lambda found: names.get(found[0], found[0]), event.key)
            return (
                "choice",
                key,
                event.text,
                _signature(event.then, names),
                _signature(event.otherwise, names),
            )
        case Assign():
            return "assign", _plain(event.register, names), _plain(event.value, names)
        case Assume():
            return "assume", _plain(event.condition, names)
        case Deferred():
            return "deferred", event.domain, _signature(event.body, names)
        case _:
            kind = type(event)
            return kind, *(getattr(event, name) for name in kind.__match_args__ if name != "place")


def _plain(value: Value | Location, names: Mapping[str, str]) -> Signature:
    """A value or location with its registers called as `names` says."""
    if isinstance(value, Register):
        return "register", names.get(value.name, value.name), value.type
    if isinstance(value, Operation):
        return value.operator, _plain(value.left, names), _plain(value.right, names)
    if isinstance(value, Through):
        return "through", _plain(value.register, names)
    return (value,)
