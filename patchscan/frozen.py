"""Frozen records: dataclass(frozen=True) for classes that every scan loads.

dataclasses compiles six methods a class and imports inspect, which for our sixty classes is as long as the rest of a
scan of a small patch takes. Here one method is compiled and the others are shared. Fields, defaults, equality, hash and
representation are those of a frozen dataclass (PEP 557), and type checkers see them as such (PEP 681).
"""

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform, overload

Kind = TypeVar("Kind")
_MISSING: Any = object()


class _Factory:
    """The default of a field that is made anew for each record."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], Any]) -> Any:
    """A field whose default is what a function returns."""
    return _Factory(default_factory)


@overload
def frozen(kind: type[Kind]) -> type[Kind]: ...
@overload
def frozen(*, eq: bool = True) -> Callable[[type[Kind]], type[Kind]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: Any = None, *, eq: bool = True) -> Any:
    """Make a class of annotated names a frozen record. eq=False: a record equals only itself."""
    if kind is None:
        return lambda decorated: frozen(decorated) if eq else _made(decorated, eq=False)
    return _made(kind, eq=eq)


def _made(kind: Any, *, eq: bool) -> Any:
    # inspect.get_annotations() would be the polite way, but inspect is what must not be imported.
    own = kind.__dict__.get("__annotations__", {})  # noqa: RUF063
    inherited = getattr(kind, "__match_args__", ())
    names = (*inherited, *(name for name in own if name not in inherited))
    kind.__init__ = _initialiser(names, {name: getattr(kind, name, _MISSING) for name in names})
    setattr(kind, "__match_args__", names)  # noqa: B010 (mypy has an opinion on assigning it)
    kind.__setattr__ = kind.__delattr__ = _refuse
    if "__repr__" not in kind.__dict__:
        kind.__repr__ = _representation
    if eq:
        kind.__eq__, kind.__hash__ = _equal, _hash
    return kind


def _initialiser(names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """The __init__ that takes these names; compiled, since every line of every patch is a record."""
    space: dict[str, Any] = {"_MISSING": _MISSING}
    parameters, made = ["self"], []
    for name in names:
        default = defaults[name]
        if default is _MISSING:
            parameters.append(name)
        elif isinstance(default, _Factory):
            space[f"_make_{name}"] = default.make
            parameters.append(f"{name}=_MISSING")
            made.append(f"    if {name} is _MISSING: {name} = _make_{name}()\n")
        else:
            space[f"_default_{name}"] = default
            parameters.append(f"{name}=_default_{name}")
    values = "".join(f"    fields[{name!r}] = {name}\n" for name in names)
    text = f"def __init__({', '.join(parameters)}):\n{''.join(made)}    fields = self.__dict__\n{values}"
    exec(text, space)
    return space["__init__"]


def _refuse(record: Any, name: str, *_value: Any) -> None:
    raise AttributeError(f"{type(record).__name__}.{name}: a frozen record cannot be changed")


def _representation(record: Any) -> str:
    return f"{type(record).__name__}({', '.join(f'{name}={value!r}' for name, value in as_dict(record).items())})"


def _equal(record: Any, other: object) -> Any:
    if type(record) is not type(other):
        return NotImplemented
    return as_dict(record) == as_dict(other)


def _hash(record: Any) -> int:
    return hash(tuple(as_dict(record).values()))


def as_dict(record: object) -> dict[str, Any]:
    """The fields of a record by name, in the order of their declaration."""
    names: tuple[str, ...] = getattr(record, "__match_args__")  # noqa: B009 (mypy knows no such attribute)
    return {name: getattr(record, name) for name in names}


def is_frozen(value: object) -> bool:
    """Whether a value is such a record."""
    return type(value).__setattr__ is _refuse


def replace(record: Kind, **changes: Any) -> Kind:
    """A copy of a record with some fields changed. Raises TypeError for a name that is no field."""
    return type(record)(**{**as_dict(record), **changes})
