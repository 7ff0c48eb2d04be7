"""Records: classes of annotated names, as dataclasses makes them, for modules that a scan loads.

dataclasses compiles six methods a class and imports inspect, which for our hundreds of classes takes longer than the
scan of a small patch. Here a method is compiled when it is first used. Fields, defaults, equality, hash and
representation are those of a dataclass (PEP 557), and type checkers see them as such (PEP 681).
"""

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform, overload

Kind = TypeVar("Kind")
_MISSING: Any = object()
_FEW = 20


class _Field:
    """What is said of a field where its default would stand."""

    def __init__(self, default: Any, make: Callable[[], Any] | None, compare: bool) -> None:
        self.default = default
        self.make = make
        self.compare = compare

    def value(self) -> Any:
        """The default of a record that is made now; _MISSING where there is none."""
        return self.make() if self.make is not None else self.default


def field(
    *, default: Any = _MISSING, default_factory: Callable[[], Any] | None = None, compare: bool = True
) -> Any:
    """A field whose default is made anew for each record, or that equality, hash and representation leave out."""
    return _Field(default, default_factory, compare)


@overload
def frozen(kind: type[Kind]) -> type[Kind]: ...
@overload
def frozen(*, eq: bool = True) -> Callable[[type[Kind]], type[Kind]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: Any = None, *, eq: bool = True) -> Any:
    """Make a class of annotated names a frozen record. eq=False: a record equals only itself."""
    if kind is None:
        return lambda decorated: _frozen(decorated, eq)
    return _frozen(kind, eq)


@dataclass_transform(field_specifiers=(field,))
def record(kind: Any) -> Any:
    """Make a class of annotated names a record whose fields may be changed; it equals only itself."""
    return _made(kind, eq=False)


def _frozen(kind: Any, eq: bool) -> Any:
    kind.__setattr__ = kind.__delattr__ = _refuse
    return _made(kind, eq)


def _made(kind: Any, eq: bool) -> Any:
    # inspect.get_annotations() would be the polite way, but inspect is what must not be imported.
    own = kind.__dict__.get("__annotations__", {})  # noqa: RUF063
    inherited = getattr(kind, "__match_args__", ())
    names = (*inherited, *(name for name in own if name not in inherited))
    said = {**getattr(kind, "__said__", {}), **_said(kind, own)}
    kind.__said__ = said
    setattr(kind, "__match_args__", names)  # noqa: B010 (mypy has an opinion on assigning it)
    kind.__init__ = _first_initialiser(kind, names, said)
    if "__repr__" not in kind.__dict__:
        kind.__repr__ = _representation
    if eq:
        compared = tuple(name for name in names if name not in said or said[name].compare)
        kind.__eq__ = _later(kind, "__eq__", lambda: _equality(compared))
        kind.__hash__ = _later(kind, "__hash__", lambda: _hash(compared))
    return kind


def _said(kind: Any, own: dict[str, Any]) -> dict[str, _Field]:
    """What a class says of its own fields; a plain default stays an attribute of the class, as is usual."""
    said = {}
    for name in own:
        value = kind.__dict__.get(name, _MISSING)
        if isinstance(value, _Field):
            said[name] = value
            delattr(kind, name)
            if value.default is not _MISSING:
                setattr(kind, name, value.default)
        elif value is not _MISSING:
            said[name] = _Field(value, None, compare=True)
    return said


def _later(kind: Any, name: str, make: Callable[[], Any]) -> Any:
    """Stands for a method until it is called for the first time."""

    def method(*values: Any, **named: Any) -> Any:
        made = make()
        setattr(kind, name, made)
        return made(*values, **named)

    return method


def _first_initialiser(kind: Any, names: tuple[str, ...], said: dict[str, _Field]) -> Any:
    """The __init__ of a class that may make few records: to compile one takes as long as to make twenty with this."""
    made = 0

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        nonlocal made
        made += 1
        given = {**dict(zip(names, values, strict=False)), **named}
        fields = {
            name: given[name] if name in given else said[name].value() if name in said else _MISSING
            for name in names
        }
        complete = all(value is not _MISSING for value in fields.values())
        # What is wrong is left to the compiled one, which says it as Python does.
        if made > _FEW or not complete or len(given) != len(values) + len(named) or given.keys() - fields:
            kind.__init__ = _initialiser(kind, names, said)
            kind.__init__(self, *values, **named)
            return
        self.__dict__.update(fields)
        if hasattr(kind, "__post_init__"):
            self.__post_init__()

    return __init__


def _initialiser(kind: Any, names: tuple[str, ...], said: dict[str, _Field]) -> Any:
    """The __init__ that takes these names; compiled, since every line of every patch is a record."""
    space: dict[str, Any] = {"_MISSING": _MISSING}
    parameters, made = ["self"], []
    for name in names:
        one = said.get(name)
        if one is None or (one.make is None and one.default is _MISSING):
            parameters.append(name)
        elif one.make is not None:
            space[f"_make_{name}"] = one.make
            parameters.append(f"{name}=_MISSING")
            made.append(f"    if {name} is _MISSING: {name} = _make_{name}()\n")
        else:
            space[f"_default_{name}"] = one.default
            parameters.append(f"{name}=_default_{name}")
    values = "".join(f"    fields[{name!r}] = {name}\n" for name in names)
    after = "    self.__post_init__()\n" if hasattr(kind, "__post_init__") else ""
    text = (
        f"def __init__({', '.join(parameters)}):\n{''.join(made)}    fields = self.__dict__\n{values}{after}"
    )
    exec(text, space)
    return space["__init__"]


def _equality(names: tuple[str, ...]) -> Any:
    mine, others = (_tuple_of(whose, names) for whose in ("self", "other"))
    text = (
        "def __eq__(self, other):\n"
        f"    return {mine} == {others} if type(self) is type(other) else NotImplemented\n"
    )
    return _compiled(text, "__eq__")


def _hash(names: tuple[str, ...]) -> Any:
    return _compiled(f"def __hash__(self):\n    return hash({_tuple_of('self', names)})\n", "__hash__")


def _tuple_of(whose: str, names: tuple[str, ...]) -> str:
    return "(" + "".join(f"{whose}.{name}, " for name in names) + ")"


def _compiled(text: str, name: str) -> Any:
    space: dict[str, Any] = {}
    exec(text, space)
    return space[name]


def _refuse(record: Any, name: str, *_value: Any) -> None:
    raise AttributeError(f"{type(record).__name__}.{name}: a frozen record cannot be changed")


def _representation(record: Any) -> str:
    said = type(record).__said__
    shown = (
        f"{name}={value!r}"
        for name, value in as_dict(record).items()
        if name not in said or said[name].compare
    )
    return f"{type(record).__name__}({', '.join(shown)})"


def as_dict(record: object) -> dict[str, Any]:
    """The fields of a record by name, in the order of their declaration."""
    names: tuple[str, ...] = getattr(record, "__match_args__")  # noqa: B009 (mypy knows no such attribute)
    return {name: getattr(record, name) for name in names}


def is_frozen(value: object) -> bool:
    """Whether a value is such a record that cannot be changed."""
    return type(value).__setattr__ is _refuse


def plain(value: Any) -> Any:
    """Frozen records, and tuples of them, as dicts and lists; everything else as it is."""
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return {name: plain(each) for name, each in as_dict(value).items()} if is_frozen(value) else value


def replace(record: Kind, **changes: Any) -> Kind:
    """A copy of a record with some fields changed. Raises TypeError for a name that is no field."""
    return type(record)(**{**as_dict(record), **changes})
