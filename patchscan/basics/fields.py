"""What is said of a record's fields, and the fields as data and as text."""

from collections.abc import Callable
from functools import cache
from typing import Any


class Field:
    """What is said of a field where its default would stand."""

    def __init__(self, make: Callable[[], Any] | None, compare: bool) -> None:
        self.make, self.compare = make, compare


def field(
    *, default: Any = Field, default_factory: Callable[[], Any] | None = None, compare: bool = True
) -> Any:
    """A field whose default is made anew for each record, or that equality, hash and representation leave out."""
    return Field(default_factory or (None if default is Field else lambda: default), compare)


def as_dict(record: object) -> dict[str, Any]:
    """The fields of a record by name, in the order of their declaration."""
    names: tuple[str, ...] = getattr(record, "__match_args__")  # noqa: B009 (mypy knows no such attribute)
    return {name: getattr(record, name) for name in names}


def is_frozen(value: object) -> bool:
    """Whether a value is such a record that cannot be changed."""
    return type(value).__setattr__ is refuse


def plain(value: Any) -> Any:
    """Frozen records, and tuples of them, as dicts and lists; everything else as it is."""
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return {name: plain(each) for name, each in as_dict(value).items()} if is_frozen(value) else value


def represent(record: Any) -> str:
    """A record as a dataclass shows itself: its name and the fields that are compared."""
    held, kind = record.__dict__, type(record)
    names: Callable[[Any], tuple[str, ...]] = _compared
    shown = [f"{name}={held[name]!r}" for name in names(kind)]
    return f"{kind.__name__}({', '.join(shown)})"


@cache
def _compared(kind: Any) -> tuple[str, ...]:
    return tuple(name for name in kind.__match_args__ if kind.__fields__[name].compare)


def refuse(record: Any, name: str, *_value: Any) -> None:
    """Stands for __setattr__ and __delattr__ of a frozen record. Raises AttributeError."""
    raise AttributeError(f"{type(record).__name__}.{name}: a frozen record cannot be changed")
