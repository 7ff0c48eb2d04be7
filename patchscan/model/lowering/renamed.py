"""Events and values with other numbers: those of registers, of values that are not followed, and of frames."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import once
from patchscan.model.lowering.abstract_values import (
    Address,
    Local,
    Location,
    Named,
    Operation,
    Register,
    Through,
    Unknown,
    Value,
)
from patchscan.model.lowering.lowered import (
    NESTED,
    Assign,
    Assume,
    Body,
    Branch,
    Choice,
    Close,
    Deferred,
    Event,
    Lock,
    Open,
    Read,
    Update,
    Wait,
    Write,
)

NUMBERED = pattern(r"(r|v|u|m|of|unset |mask |one cpu (?:of some )?|size of )(\d+)(|\D.*)", re.S)
"""A name with a number that the lowering gave: of a register, or the serial of an unknown value."""
_LOCK = pattern(r"(lock of |)(.*)( on \d+)", re.S)
# In how a value is shown: names, serials and frames.
_SHOWN = pattern(r"(?<=Register\(name=')[^']*|(?<=Unknown\(serial=['\"])[^'\"]*|(?<=Local\(frame=)\d+")
# What hides in how a value is shown.
_HIDING = pattern(r"\\|base=\('")


@lru_cache(maxsize=65536)
def _split(name: str) -> tuple[str, int, str] | None:
    """What stands before a number, the number, and what stands behind it; None for a name that has none."""
    found = NUMBERED.fullmatch(name)
    return (found[1], int(found[2]), found[3]) if found is not None else None


class Renaming:
    """Gives names other numbers.

    forward: of numbers up to `last` the new ones; larger ones are moved by `shift`. Raises KeyError for others.
    """

    def __init__(self, forward: Mapping[int, int], last: int, shift: int) -> None:
        self._forward = forward
        self._last = last
        self._shift = shift
        self._names: dict[str, str] = {}
        self.is_none = not shift and all(one == other for one, other in forward.items())

    def number(self, number: int) -> int:
        return number + self._shift if number > self._last else self._forward[number]

    def name(self, name: str) -> str:
        """The name of a register, or the serial of an unknown value."""
        if name not in self._names:
            found = _split(name)
            renamed = f"{found[0]}{self.number(found[1])}{found[2]}" if found else name
            self._names[name] = renamed
        return self._names[name]

    def register(self, register: Register) -> Register:
        return Register(self.name(register.name), register.type)

    def value(self, value: Value) -> Value:
        if isinstance(value, Register):
            return self.register(value)
        if isinstance(value, Unknown):
            return Unknown(self.name(value.serial), value.text, value.type)
        if isinstance(value, Operation):
            return Operation(value.operator, self.value(value.left), self.value(value.right))
        return Address(self.location(value.of)) if isinstance(value, Address) else value

    def location(self, where: Location) -> Location:
        if isinstance(where, Through):
            return Through(self.register(where.register), where.member)
        if isinstance(where, Local):
            return Local(self.number(where.frame), where.name, where.type)
        if isinstance(where, Named) and (where.base or where.whose is not None):
            whose = self.value(where.whose) if where.whose is not None else None
            return Named(where.name, where.type, tuple(map(self.name, where.base)), whose)
        return where

    def body(self, body: Body) -> Body:
        return tuple([self._event(event) for event in body])

    def _event(self, event: Event) -> Event:
        change = _CHANGES.get(type(event))
        return change(self, event) if change is not None else event

    def _read(self, event: Read) -> Event:
        return Read(self.register(event.register), self.location(event.location), event.order, event.place)

    def _write(self, event: Write) -> Event:
        return Write(self.location(event.location), self.value(event.value), event.order, event.place)

    def _update(self, event: Update) -> Event:
        operands = tuple(map(self.value, event.operands))
        register, where = self.register(event.register), self.location(event.location)
        return Update(register, where, event.operation, operands, event.order, event.place)

    def _lock(self, event: Lock) -> Event:
        found = _LOCK.fullmatch(event.name)
        name = f"{found[1]}{self.name(found[2])}{found[3]}" if found else event.name
        return Lock(event.kind, name, event.place)

    def _branch(self, event: Branch) -> Event:
        arms = self.body(event.then), self.body(event.otherwise)
        return Branch(self.value(event.condition), *arms, event.place)

    def _choice(self, event: Choice) -> Event:
        shown = NUMBERED.fullmatch(event.key) is None
        key = _SHOWN.sub(self._shown, event.key) if shown else self.name(event.key)
        return Choice(key, event.text, self.body(event.then), self.body(event.otherwise), event.place)

    def _shown(self, found: re.Match[str]) -> str:
        return str(self.number(int(found[0]))) if found[0].isdigit() else self.name(found[0])

    def _assign(self, event: Assign) -> Event:
        return Assign(self.register(event.register), self.value(event.value))

    def _assume(self, event: Assume) -> Event:
        return Assume(self.value(event.condition), event.place)

    def _deferred(self, event: Deferred) -> Event:
        return Deferred(event.domain, self.body(event.body), event.place)


_CHANGES: dict[type, Callable[..., Event]] = {
    Read: Renaming._read,
    Write: Renaming._write,
    Update: Renaming._update,
    Lock: Renaming._lock,
    Branch: Renaming._branch,
    Choice: Renaming._choice,
    Assign: Renaming._assign,
    Assume: Renaming._assume,
    Deferred: Renaming._deferred,
}


Hiding = tuple[bool, frozenset[str], frozenset[str]]


def hiding(body: Body) -> Hiding:
    """Where a number may be that Renaming does not look for: whether there is one in the key of a choice, the domains,
    which may be named after an object, in letters, and the names with a number that locks are called by."""
    in_keys, domains, locks = False, set[str](), set[str]()
    for event in body:
        if type(event) in NESTED:
            inside = _hiding_inside(event)
            in_keys = in_keys or inside[0]
            domains |= inside[1]
            locks |= inside[2]
        elif isinstance(event, Lock):
            locks.add(lock_number(event) or "")
        elif isinstance(event, (Open, Close, Wait)):
            domains.add(event.domain)
    return in_keys, frozenset(domains), frozenset(locks - {""})


@once
def _hiding_inside(event: Event) -> Hiding:
    if isinstance(event, Deferred):
        in_keys, domains, locks = hiding(event.body)
        return in_keys, domains | {event.domain}, locks
    assert isinstance(event, (Branch, Choice))
    in_keys, domains, locks = hiding(event.then + event.otherwise)
    if isinstance(event, Choice):
        in_keys = in_keys or _HIDING.search(event.key) is not None
    return in_keys, domains, locks


def lock_number(event: Event) -> str | None:
    """The name with a number that a lock is called by, which a variable of the code might have as well."""
    found = _LOCK.fullmatch(event.name) if isinstance(event, Lock) else None
    return found[2] if found and NUMBERED.fullmatch(found[2]) else None


class Pairing:
    """The numbers of one lowering and those that stand for them in another one."""

    def __init__(self, pairs: Mapping[int, int]) -> None:
        self.forward = dict(pairs)
        self._back = {other: one for one, other in pairs.items()}

    def numbers(self, one: int, other: int) -> bool:
        """Pair two numbers; whether neither has another partner."""
        return self.forward.setdefault(one, other) == other and self._back.setdefault(other, one) == one

    def is_ordered(self) -> bool:
        """Whether the numbers have the order of their partners."""
        partners = [self.forward[number] for number in sorted(self.forward)]
        return partners == sorted(partners)

    def names(self, one: str, other: str) -> bool:
        """Whether two names are the same but for their numbers, which are paired."""
        found, there = _split(one), _split(other)
        if found is None or there is None:
            return one == other
        return (found[0], found[2]) == (there[0], there[2]) and self.numbers(found[1], there[1])

    def values(self, one: Value | None, other: Value | None) -> bool:
        """Whether two values are the same but for numbers."""
        if isinstance(one, Register) and isinstance(other, Register):
            return one.type == other.type and self.names(one.name, other.name)
        if isinstance(one, Unknown) and isinstance(other, Unknown):
            same = (one.text, one.type) == (other.text, other.type)
            return same and self.names(one.serial, other.serial)
        if isinstance(one, Operation) and isinstance(other, Operation):
            same = one.operator == other.operator and self.values(one.left, other.left)
            return same and self.values(one.right, other.right)
        if isinstance(one, Address) and isinstance(other, Address):
            return self.locations(one.of, other.of)
        return one == other

    def locations(self, one: Location, other: Location) -> bool:
        """Whether two locations are the same but for numbers."""
        if isinstance(one, Through) and isinstance(other, Through):
            return one.member == other.member and self.values(one.register, other.register)
        if isinstance(one, Local) and isinstance(other, Local):
            same = (one.name, one.type) == (other.name, other.type)
            return same and self.numbers(one.frame, other.frame)
        if isinstance(one, Named) and isinstance(other, Named):
            same = (one.name, one.type, len(one.base)) == (other.name, other.type, len(other.base))
            same = same and self.values(one.whose, other.whose)
            return same and all(map(self.names, one.base, other.base))
        return one == other
