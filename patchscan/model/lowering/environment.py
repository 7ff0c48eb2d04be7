"""The variables of a lowering, and which of them a piece of code touches."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, overload

from patchscan.basics.record import frozen
from patchscan.model.lowering.abstract_values import (
    Address,
    Const,
    FunctionName,
    Local,
    Named,
    Operation,
    Register,
    Unknown,
    Value,
    leaves,
)

Key = tuple[int, str]
"""A frame's number, and the name of a variable in it; 0 for what belongs to no frame."""
EVERY = "*"
"""Stands for the names of all variables of a frame."""
_WHOSE = "%whose "
"""In front of a member's name: whose it was that was written last."""
_READ = "%read "
"""In front of a member's name: whose it was that was read, as one value, in that order."""
EXPOSED = "%exposed"
"""The addresses of local variables that lie where somebody may find them, as one value."""
Default = TypeVar("Default")


class Noted:
    """The variables that were touched since somebody began to note them."""

    def __init__(self) -> None:
        self.keys: set[Key] = set()


class Environment(dict[Key, Value]):
    """Variables to values. Which are asked for or set one by one is noted, in one place with all copies.

    What is copied or taken over as a whole touches nothing: whoever changed it has done so.
    """

    __slots__ = ("noted",)

    def __init__(
        self, values: Mapping[Key, Value] | Iterable[tuple[Key, Value]] = (), noted: Noted | None = None
    ):
        super().__init__(values)
        self.noted = noted or Noted()

    def __getitem__(self, key: Key) -> Value:
        self.noted.keys.add(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Key, value: Value) -> None:
        self.noted.keys.add(key)
        super().__setitem__(key, value)

    def __contains__(self, key: object) -> bool:
        self.noted.keys.add(key)  # type: ignore[arg-type]
        return super().__contains__(key)

    @overload
    def get(self, key: Key, default: None = None) -> Value | None: ...
    @overload
    def get(self, key: Key, default: Default) -> Value | Default: ...
    def get(self, key: Key, default: Any = None) -> Any:
        self.noted.keys.add(key)
        return super().get(key, default)

    def pop(self, key: Key, *default: Value | None) -> Value:  # type: ignore[override]
        self.noted.keys.add(key)
        return super().pop(key, *default)

    def copy(self) -> "Environment":
        return Environment(self, self.noted)

    def of_frame(self, number: int) -> list[Key]:
        """The variables of one frame, sorted."""
        self.noted.keys.add((number, EVERY))
        return sorted(key for key in self if key[0] == number)

    def written(self, where: Named) -> None:
        """Note whose member or element was written of those that have one name."""
        self[0, f"{_WHOSE}{where.name}"] = Address(where)

    def place_written(self, key: Key) -> Named | None:
        """The place of that name that was written last, None where none was."""
        found = super().get((0, f"{_WHOSE}{key[1]}")) if not key[0] else None
        return found.of if isinstance(found, Address) and isinstance(found.of, Named) else None

    def turn_to(self, where: Named) -> None:
        """Forget a value that was written last where that is not this object's for sure."""
        if where.whose is None:
            return
        written, value = self.get((0, f"{_WHOSE}{where.name}")), self.get((0, where.name))
        if written is not None and written != Address(where) and not _is_object(value):
            self.pop((0, where.name), None)
            self.written(where)

    def which_object(self, where: Named) -> int | None:
        """Which of the objects, in the order in which they were read, a member is one of that was not written since;
        None where that is not known."""
        key = 0, f"{_READ}{where.name}"
        found = self.get(key) if (0, where.name) in self else None
        if where.whose is None or (found is None and (0, where.name) in self):
            return 0
        objects = [each for each in leaves(found) if isinstance(each, Address)] if found is not None else []
        if found is not None and not objects:
            return None
        if Address(where) not in objects:
            self[key] = Operation(",", found or Const(0), Address(where))
            objects.append(Address(where))
        return objects.index(Address(where))

    def expose(self, value: Value) -> None:
        """Note that the address of a local variable, where the value is one, lies where it may be found."""
        if isinstance(value, Address) and isinstance(value.of, Local):
            found = self.get((0, EXPOSED))
            if found is None or value not in leaves(found):
                self[0, EXPOSED] = Operation(",", value, found or Const(0))

    def forget(self, number: int, beginning: str) -> None:
        """Take out the variables of a frame whose names begin so, bits of masks left in."""
        for key in self.of_frame(number):
            if key[1].startswith(beginning) and "[cpu " not in key[1]:
                self.pop(key)

    def replace(self, by: "Environment") -> None:
        """Become what another one is."""
        if by is not self:
            self.clear()
            self.update(by)

    def leave(self, number: int) -> None:
        """Forget the variables of a frame that is left: nobody else can see them."""
        for key in [key for key in self if key[0] == number]:
            del self[key]


def _is_object(value: Value | None) -> bool:
    """Whether a value leads to something, and is followed as far as it may go."""
    return isinstance(value, (Register, Address, FunctionName)) or (
        isinstance(value, Unknown) and value.type.endswith("*")
    )


@frozen(eq=False)
class Recorded:
    """What a part of a lowering notes beside its events (see Context)."""

    accesses: tuple[tuple[str, str, str], ...]
    assumptions: frozenset[str]
    visited: frozenset[tuple[str, str]]
    merged: frozenset[tuple[str, str]]
    tables: frozenset[str]
