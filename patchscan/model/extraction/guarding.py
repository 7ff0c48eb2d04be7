"""Which locations and calls decide what a thread does, and where a register's value comes from."""

from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.model.lowering.abstract_values import Register, Through, Value, leaves
from patchscan.model.lowering.lowered import (
    Assign,
    Assume,
    Body,
    Branch,
    Choice,
    Deferred,
    Read,
    Update,
    Wait,
    Write,
    location_key,
    walk,
)

_CALL_RESULT = pattern(r"text='(\w+)\(\)'")


@lru_cache(maxsize=512)
def guards(body: Body, observed: frozenset[str]) -> frozenset[str]:
    """Locations whose values decide whether the thread waits, frees, or makes an observed access, "*" through a
    pointer that was read, and then "*structure.member" as well."""
    sources = _sources(body)
    found: set[str] = set()
    told: _Profiles = {}
    for event in walk(body):
        decides = isinstance(event, Assume) or (
            isinstance(event, Branch)
            and _profile(event.then, observed, told) != _profile(event.otherwise, observed, told)
        )
        if decides and isinstance(event, (Assume, Branch)):
            for leaf in leaves(event.condition):
                if isinstance(leaf, Register):
                    found |= _origins(leaf.name, sources, set())
    return frozenset(found)


@lru_cache(maxsize=512)
def deciding_calls(body: Body, observed: frozenset[str]) -> frozenset[str]:
    """Names of functions that were not looked into and whose result decides what guards() asks for."""
    found: set[str] = set()
    told: _Profiles = {}
    for event in walk(body):
        if isinstance(event, Choice) and _profile(event.then, observed, told) != _profile(
            event.otherwise, observed, told
        ):
            found |= set(_CALL_RESULT.findall(event.key))
    return frozenset(found)


_Profiles = dict[int, tuple[str, ...]]


def _profile(body: Body, observed: frozenset[str], told: _Profiles) -> tuple[str, ...]:
    """What a body does that matters, branches flattened; told: by identity what bodies in it do."""
    if id(body) not in told:
        parts: list[str] = []
        for event in body:
            if isinstance(event, (Branch, Choice)):
                parts += _profile(event.then, observed, told)
                parts += _profile(event.otherwise, observed, told)
            elif isinstance(event, (Wait, Deferred)):
                parts.append(f"wait {event.domain}")
                parts += _profile(event.body, observed, told) if isinstance(event, Deferred) else ()
            elif isinstance(event, (Read, Write, Update)) and location_key(event.location) in observed:
                parts.append(f"{type(event).__name__} {location_key(event.location)}")
        told[id(body)] = tuple(parts)
    return told[id(body)]


Sources = dict[str, list[tuple[str | None, Value | None]]]


def _sources(body: Body, condition: Value | None = None, found: Sources | None = None) -> Sources:
    """Register to where its value comes from: (location key, base) for a read, (None, value) for a copy.

    A copy made in one arm of a branch also comes from what that branch asked.
    """
    found = {} if found is None else found
    for event in body:
        if isinstance(event, (Read, Update)):
            where = event.location
            base = where.register if isinstance(where, Through) else None
            of = found.setdefault(event.register.name, [])
            of.append((location_key(where), base))
            if isinstance(where, Through) and where.member:
                of.append((f"*{where.member}", None))
        elif isinstance(event, Assign):
            found.setdefault(event.register.name, []).extend([(None, event.value), (None, condition)])
        elif isinstance(event, (Branch, Choice)):
            asked = event.condition if isinstance(event, Branch) else condition
            _sources(event.then, asked, found)
            _sources(event.otherwise, asked, found)
        elif isinstance(event, Deferred):
            _sources(event.body, condition, found)
    return found


def _origins(register: str, sources: Sources, seen: set[str]) -> set[str]:
    """The locations that a register's value comes from."""
    if register in seen:
        return set()
    seen.add(register)
    found: set[str] = set()
    for key, value in sources.get(register, ()):
        if key is not None:
            found.add(key)
        for leaf in leaves(value) if value is not None else ():
            if isinstance(leaf, Register):
                found |= _origins(leaf.name, sources, seen)
    return found


def origins(body: Body, register: str) -> frozenset[str]:
    """The locations that a register's value comes from."""
    return frozenset(_origins(register, _sources(body), set()))
