"""Records: classes of annotated names, equal to a dataclass (PEP 557, PEP 681) without its time at start-up: that
compiles six methods a class and imports inspect, for our hundreds of classes longer than the scan of a small patch.
Only a class of which many are made gets a method compiled for it."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

from patchscan.basics.fields import Field, refuse, represent
from patchscan.basics.fields import field as field

Kind = TypeVar("Kind")
Found = TypeVar("Found")
_MANY = 200
_HASH = "hash()"
"""Where a record keeps its own; no field ends so."""


@overload
def frozen(kind: type[Kind]) -> type[Kind]: ...
@overload
def frozen(*, eq: bool = True) -> Callable[[type[Kind]], type[Kind]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: Any = None, *, eq: bool = True) -> Any:
    """Make a class of annotated names a frozen record. eq=False: a record equals only itself."""
    return _frozen(kind, eq) if kind is not None else lambda decorated: _frozen(decorated, eq)


def _frozen(kind: Any, eq: bool) -> Any:
    kind.__setattr__ = kind.__delattr__ = refuse
    made = record(kind)
    if eq:
        names = [name for name in made.__match_args__ if made.__fields__[name].compare]
        of: Any = attrgetter(*names) if names else type
        made.__eq__ = lambda self, other: (
            self is other or of(self) == of(other) if type(self) is type(other) else NotImplemented
        )

        def hashed(self: Any) -> int:
            held = self.__dict__
            if _HASH not in held:
                held[_HASH] = hash(of(self))
            known: int = held[_HASH]
            return known

        made.__hash__ = hashed
        # Another process hashes strings otherwise.
        made.__getstate__ = lambda self: {n: held for n, held in self.__dict__.items() if n[-1] != ")"}
    return made


def once(function: Callable[[Any], Found]) -> Callable[[Any], Found]:
    """A function of one frozen record whose answer is kept with the record, as its hash is."""
    name = f"{function.__module__}.{function.__qualname__}()"

    def asked(record: Any) -> Found:
        held: dict[str, Any] = record.__dict__
        if name not in held:
            held[name] = function(record)
        found: Found = held[name]
        return found

    return asked


@dataclass_transform(field_specifiers=(field,))
def record(kind: Any) -> Any:
    """Make a class of annotated names a record whose fields may be changed; it equals only itself."""
    fields = dict(getattr(kind, "__fields__", {}))
    for name in kind.__dict__.get("__annotations__", {}):  # noqa: RUF063 (inspect takes long to import)
        said = kind.__dict__.get(name, Field)
        fields[name] = said if isinstance(said, Field) else field(default=said)
    names, known, after = tuple(fields), frozenset(fields), getattr(kind, "__post_init__", None)
    defaults = [(name, each.make) for name, each in fields.items() if each.make is not None]

    makes = [each.make for each in fields.values()]

    def complete(values: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        left = makes[len(values) :]
        if not named and len(values) <= len(names) and None not in left:
            return [*values, *[make() for make in left]]
        held = {**dict(zip(names, values, strict=False)), **named}
        twice = not named.keys().isdisjoint(names[: len(values)])
        held.update({name: make() for name, make in defaults if name not in held})
        if twice or held.keys() != known or len(values) > len(names):
            missing = sorted(known - held.keys())
            wrong = f"{', '.join(missing)} missing" if missing else f"takes {', '.join(names)} once each"
            raise TypeError(f"{kind.__name__}: {wrong}")
        return [held[name] for name in names]

    made = 0

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        nonlocal made
        made += 1
        if made == _MANY:
            kind.__init__ = _compiled(fields, after) or __init__
        whole = not named and len(values) == len(names)
        self.__dict__.update(zip(names, values if whole else complete(values, named)))  # noqa: B905 (strict is slow)
        if after is not None:
            after(self)

    kind.__init__, kind.__fields__ = __init__, fields
    setattr(kind, "__match_args__", names)  # noqa: B010 (mypy has an opinion on assigning it)
    kind.__repr__ = kind.__dict__.get("__repr__", represent)
    return kind


def _compiled(fields: dict[str, Field], after: Callable[[Any], None] | None) -> Any:
    """The __init__ of a class for itself alone, None where a field without a default follows one that has it."""
    made = [each.make is not None for each in fields.values()]
    if made != sorted(made):
        return None
    given = "".join(f", {name}" if each.make is None else f", {name}=_unset" for name, each in fields.items())
    lines = [f"def __init__(self{given}):", " _held = self.__dict__"]
    for name, each in fields.items():
        value = name if each.make is None else f"_make_{name}() if {name} is _unset else {name}"
        lines.append(f" _held[{name!r}] = {value}")
    lines += [" _after(self)"] if after is not None else []
    known: dict[str, Any] = {f"_make_{name}": each.make for name, each in fields.items()}
    known |= {"_unset": Field, "_after": after}
    exec("\n".join(lines), known)
    return known["__init__"]


def replace(record: Kind, **changes: Any) -> Kind:
    """A copy of a record with some fields changed. Raises TypeError for a name that is no field."""
    kind: Any = type(record)
    held = record.__dict__
    made: Kind = kind(*(changes.pop(name) if name in changes else held[name] for name in kind.__match_args__))
    if changes:
        raise TypeError(f"{kind.__name__} has no {', '.join(changes)}")
    return made
