"""The variables of a lowering, and which of them a piece of code touches."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, overload

from patchscan.basics.pattern import pattern
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
_BEGINS, _ENDS, _CALLED = "%begins ", "%ends ", "%called "
"""In front of a part of a name: stand for which variables of a frame have names that begin or end so, or for which ones
of all frames hold a number and have one of these last names."""
_FUNCTIONS, _OBJECTS = "%functions", "%objects"
"""Stand for which variables of the kernel's hold a function, or an object that was read."""
_LAST = pattern(r"(\w+)(?:\[[^\]]*\]|@\d+)*\Z")
_WHOSE = "%whose "
"""In front of a member's name: whose it was that was written last."""
_READ = "%read "
"""In front of a member's name: whose it was that was read, as one value, in that order."""
EXPOSED = "%exposed"
"""The addresses of local variables that lie where somebody may find them, as one value."""
KEY, ASKED = "%key ", "%asked "
"""In front of a static key that was turned on or off, and of one that was asked."""
LOCKED = "%lock "
"""In front of a lock that was taken or given."""
MEANWHILE = "%meanwhile "
"""In front of what others may have changed since this thread last saw it."""
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

    def beginning(self, number: int, *beginnings: str) -> list[Key]:
        """The variables of one frame whose names begin with one of these, sorted."""
        self.noted.keys.update((number, _BEGINS + each) for each in beginnings)
        return sorted(key for key in self if key[0] == number and key[1].startswith(beginnings))

    def ending(self, number: int, ending: str) -> list[Key]:
        """The variables of one frame whose names end so, sorted."""
        self.noted.keys.add((number, _ENDS + ending))
        return sorted(key for key in self if key[0] == number and key[1].endswith(ending))

    def numbers_called(self, names: frozenset[str]) -> list[Key]:
        """The members, elements and variables of the kernel's that hold a number and have one of these last names."""
        self.noted.keys.add((0, _CALLED + " ".join(sorted(names))))
        return _numbers_called(self, names)

    def functions(self) -> list[Key]:
        """The members, elements and variables of the kernel's that hold a function, sorted."""
        self.noted.keys.add((0, _FUNCTIONS))
        return [(0, name) for name in _holding(self, _FUNCTIONS)]

    def objects(self) -> list[Key]:
        """Those that hold an object that was read, sorted."""
        self.noted.keys.add((0, _OBJECTS))
        return [(0, name) for name in _holding(self, _OBJECTS)]

    def also(self, number: int, part: str) -> None:
        """Note what stands for the variables whose names begin or end so."""
        self.noted.keys.add((number, part))

    def written(self, where: Named) -> None:
        """Note whose member or element was written of those that have one name."""
        self[0, f"{_WHOSE}{where.name}"] = Address(where)

    def place_written(self, key: Key) -> Named | None:
        """The place of that name that was written last, None where none was."""
        found = self.get((0, f"{_WHOSE}{key[1]}")) if not key[0] else None
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
        for key in self.beginning(number, beginning):
            if "[cpu " not in key[1]:
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


def last_name(name: str) -> str:
    """The last name in how a variable, member or element is called."""
    found = _LAST.search(name)
    return found[1] if found is not None else ""


def _numbers_called(values: Mapping[Key, Value], names: frozenset[str]) -> list[Key]:
    """See Environment.numbers_called(); sorted."""
    return sorted(
        (frame, name)
        for (frame, name), value in values.items()
        if isinstance(value, Const)
        and not (name.startswith("%") or "[cpu " in name or (frame and name.isidentifier()))
        and last_name(name) in names
    )


def _holding(values: Mapping[Key, Value], part: str) -> list[str]:
    """The variables of the kernel's that hold a function, or an object that was read; sorted."""
    return sorted(
        name
        for (frame, name), value in values.items()
        if not frame
        and not name.startswith("%")
        and (
            isinstance(value, FunctionName)
            if part == _FUNCTIONS
            else isinstance(value, Register) and value.type != ""
        )
    )


def is_part(name: str) -> bool:
    """Whether a noted name stands for which variables there are whose names begin or end in some way."""
    return name[:1] == "%" and name.startswith((_BEGINS, _ENDS, _CALLED, _FUNCTIONS, _OBJECTS))


def names_with(values: Mapping[Key, Value], number: int, part: str) -> tuple[str, ...]:
    """The variables of a frame for which a part of a name stands."""
    if part in (_FUNCTIONS, _OBJECTS):
        return tuple(_holding(values, part))
    if part.startswith(_CALLED):
        called = _numbers_called(values, frozenset(part.removeprefix(_CALLED).split()))
        return tuple(sorted(f"{bool(frame)} {name}" for frame, name in called))
    fits = str.startswith if part.startswith(_BEGINS) else str.endswith
    text = part.removeprefix(_BEGINS).removeprefix(_ENDS)
    return tuple(sorted(name for frame, name in values if frame == number and fits(name, text)))


def _is_object(value: Value | None) -> bool:
    """Whether a value leads to something, and is followed as far as it may go."""
    return isinstance(value, (Register, Address, FunctionName)) or (
        isinstance(value, Unknown) and value.type.endswith("*")
    )


@frozen
class Unfollowed:
    """A call of `name` in file `near` that was not looked into, from a function of file `at`.

    found: whether what it calls is known; structures: of what is not, those to which it is given pointers; indirect:
    whether it may call anything.
    """

    name: str
    near: str
    at: str
    found: bool
    structures: frozenset[str]
    indirect: bool = False


@frozen(eq=False)
class Recorded:
    """What a part of a lowering notes beside its events (see Context)."""

    accesses: tuple[tuple[str, str, str], ...]
    assumptions: frozenset[str]
    visited: frozenset[tuple[str, str]]
    merged: frozenset[tuple[str, str]]
    tables: frozenset[str]
    unfollowed: frozenset[Unfollowed]
    owned: frozenset[str]
