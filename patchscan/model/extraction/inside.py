"""What is inside an event: asked again and again of events that most steps of slicing leave as they are, so it is
kept with each."""

from patchscan.basics.record import once
from patchscan.model.lowering.abstract_values import Operation, Register, Through, Value
from patchscan.model.lowering.lowered import (
    NESTED,
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
)

_USING = NESTED | {Read, Write, Update, Assign, Assume}
_NOTHING = frozenset[str]()


def bodies(event: Event) -> tuple[Body, ...]:
    """The bodies inside an event."""
    if isinstance(event, (Branch, Choice)):
        return event.then, event.otherwise
    return (event.body,) if isinstance(event, Deferred) else ()


def registers_of(body: Body) -> frozenset[str]:
    """Names of the registers that some event, address or condition of a body depends on."""
    return _NOTHING.union(*(used_in(event) for event in body if type(event) in _USING))


@once
def used_in(event: Event) -> frozenset[str]:
    """Names of the registers that an event depends on, or one inside it."""
    found: set[str] = set()
    for body in bodies(event):
        found |= registers_of(body)
    for value in _operands(event):
        _add_registers(value, found)
    if isinstance(event, (Read, Write, Update)) and isinstance(event.location, Through):
        found.add(event.location.register.name)
    return frozenset(found) if found else _NOTHING


def _operands(event: Event) -> tuple[Value, ...]:
    """The values an event computes with."""
    if isinstance(event, (Write, Assign)):
        return (event.value,)
    if isinstance(event, Update):
        return event.operands
    return (event.condition,) if isinstance(event, (Branch, Assume)) else ()


def _add_registers(value: Value, found: set[str]) -> None:
    if isinstance(value, Register):
        found.add(value.name)
    elif isinstance(value, Operation):
        _add_registers(value.left, found)
        _add_registers(value.right, found)


@once
def dropped_unread(event: Event) -> frozenset[str]:
    """The registers set inside an event by what is left out where nobody looks at them."""
    found: set[str] = set()
    for body in bodies(event):
        for each in body:
            if type(each) in NESTED:
                found |= dropped_unread(each)
            elif isinstance(each, Assign) or (isinstance(each, Read) and each.order != "acquire"):
                found.add(each.register.name)
    return frozenset(found) if found else _NOTHING


@once
def keys_in(event: Event) -> frozenset[str]:
    """The keys of the choices that an event is or has inside."""
    found = {event.key} if isinstance(event, Choice) else set[str]()
    for body in bodies(event):
        for each in body:
            if type(each) in NESTED:
                found |= keys_in(each)
    return frozenset(found) if found else _NOTHING


@once
def values_written(event: Event) -> frozenset[Value]:
    """What an event writes, and those inside it."""
    if isinstance(event, Write):
        return frozenset({event.value})
    return frozenset().union(*(values_written(each) for body in bodies(event) for each in body))


def first_choice(body: Body) -> Choice | None:
    """The first choice of a body in program order."""
    for event in body:
        if type(event) in NESTED and keys_in(event):
            if isinstance(event, Choice):
                return event
            return next(found for inner in bodies(event) if (found := first_choice(inner)) is not None)
    return None
