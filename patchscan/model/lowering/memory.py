"""State of a lowering: frames, environment, and what a read or a write of a location becomes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from tree_sitter import Node

from patchscan.basics.budget import BUDGET
from patchscan.basics.record import field, record
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition
from patchscan.codebase.remembered import Answers, Asked
from patchscan.model.lowering.abstract_values import (
    Address,
    Const,
    FunctionName,
    Local,
    Location,
    Named,
    Nowhere,
    Register,
    Through,
    Unknown,
    Value,
)
from patchscan.model.lowering.lowered import Event, Fence, Hole, Place, Read, Update, Write, location_key
from patchscan.model.lowering.reach import Reach
from patchscan.model.lowering.stubs import Stubs

Environment = dict[tuple[int, str], Value]
Out = list[Event]
RETURN, DEAD = "%return", (0, "%dead")
MASK = "mask "
"""Begins the serial of a bit of a mask of CPUs that the model does not follow."""
UNSET = "unset "
"""Begins the serial of what a variable holds before it was given a value: nobody may look at it."""
SPUN_FOR = (0, "VAL")
FREED = Const(9)


@record
class Frame:
    """One inlined function: its own variables, and for a macro or stub the expressions bound to parameters."""

    number: int
    definition: Definition
    up: "Frame | None" = None
    call: Node | None = None
    bound: dict[str, tuple[Node, "Frame"]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    depth: int = 0

    @property
    def path(self) -> str:
        return self.definition.path

    def text(self, node: Node) -> str:
        return self.definition.text_of(node)

    def chain(self) -> Iterator["Frame"]:
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.up


@record
class Context(Asked):
    """One thread's lowering in progress; what of it depends on reach, keep and look_into is asked by question.

    keep: the location keys that become events, None for all; instances: C type to the number of the one
    object of that type this thread works on; merged: names that stand for several objects ("struct.", "array[]") and
    one of them, "" where it is not known which; spaces: CPU to the address space that its thread works on; depth: how
    deep calls are looked into; by_field: a field is named by type and field also where its object's address was read;
    given: members of tables of operations to the function, with its path, that is called through them; tables: those
    of them that were asked; marked: locations of which a plain access is one to a copy; acting: where only a handler
    of an interrupt matters that does more than flush, which those are; lower_block, evaluate, location: the lowering
    of statements and expressions, given here because they call each other.
    """

    code: Codebase
    stubs: Stubs
    reach: Reach
    cpu: int
    cpus: tuple[int, ...]
    keep: frozenset[str] | None
    instances: Mapping[str, int]
    look_into: frozenset[str]
    lower_block: Callable[["Context", "Sequence[Node | str]", Environment, Frame, Out], Environment]
    evaluate: Callable[["Context", "Node | None", Environment, Frame, Out], Value]
    location: Callable[["Context", Node, Environment, Frame, Out], Location]
    choices: Mapping[str, int] = field(default_factory=dict)
    spaces: Mapping[int, int] = field(default_factory=dict)
    accesses: list[tuple[str, str, str]] = field(default_factory=list)
    assumptions: set[str] = field(default_factory=set)
    visited: set[tuple[str, str]] = field(default_factory=set)
    merged: set[tuple[str, str]] = field(default_factory=set)
    budget: int = BUDGET.statements.most
    depth: int = 12
    by_field: bool = False
    given: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)
    marked: frozenset[str] = frozenset()
    acting: Reach | None = None
    counter: int = 0
    _asked: Answers = field(default_factory=dict)

    def next(self) -> int:
        self.counter += 1
        return self.counter

    def unknown(self, text: str = "", kind: str = "", prefix: str = "u") -> Value:
        """A fresh unknown value; the instance of its type where the scenario declares one.

        prefix: begins its serial, "m" for what a variable or field holds that the model does not follow.
        """
        instance = self.instance(kind)
        return instance if instance is not None else Unknown(f"{prefix}{self.next()}", text, kind)

    def settled(self, member: str) -> Value | None:
        """What a member of a table of operations holds, where the scenario says so."""
        if member in self.given:
            self.tables.add(member)
            return FunctionName(*self.given[member])
        return Const(self.choices[member]) if member in self.choices else None

    def instance(self, kind: str) -> Value | None:
        number = self.instances.get(plain_type(kind))
        return Const(number) if number is not None else None

    def register(self, kind: str = "") -> Register:
        return Register(f"r{self.next()}", kind)

    def is_copy(self, location: Location, order: str) -> bool:
        """Whether an access is to somebody's copy of what is kept."""
        return order == "plain" and isinstance(location, Named) and location.name in self.marked

    def keeps(self, location: Location) -> bool:
        key = location_key(location)
        return key is not None and (self.keep is None or self.keeps_named(key))

    def keeps_named(self, key: str) -> bool:
        """Whether the accesses to a location are events, where not all are."""
        kept = key == "*" or self.keep is None or key in self.keep
        self._asked["keeps_named", key] = kept
        return kept

    def names(self, name: str) -> bool:
        """Whether a function is one that is looked into in any case."""
        named = self._asked["names", name] = name in self.look_into
        return named

    def looks_into(self, name: str, near: str) -> bool:
        """Whether the function that `name` calls in file `near` is looked into for what it can touch."""
        found = name in self.look_into or self.reach.relevant(name, near)
        self._asked["looks_into", name, near] = found
        return found

    def acts(self, name: str, near: str) -> bool:
        """Whether a handler of an interrupt does more than flush."""
        found = self.acting is None or self.acting.relevant(name, near)
        self._asked["acts", name, near] = found
        return found


@lru_cache(maxsize=4096)
def plain_type(kind: str) -> str:
    """A C type without qualifiers, single spaces."""
    words = [word for word in kind.split() if word not in ("const", "volatile", "static", "inline", "__rcu")]
    return " ".join(words)


@lru_cache(maxsize=4096)
def structure_of(kind: str) -> str:
    """The name of the structure or typedef that a type is of, or points to; "" for others."""
    words = plain_type(kind).replace("*", " ").replace("[]", " ").split()
    if words[:1] in (["struct"], ["union"]) and len(words) > 1:
        return words[1]
    return words[0] if len(words) == 1 and words[0].endswith("_t") else ""


def pointee(kind: str) -> str:
    """The type that a pointer or array type leads to."""
    kind = plain_type(kind)
    if kind.endswith("[]"):
        return kind[:-2].rstrip()
    return kind[:-1].rstrip() if kind.endswith("*") else kind


def place_of(frame: Frame, node: Node) -> Place:
    """Where a developer would look: the call in the nearest function that is no stub."""
    while frame.definition.stub and frame.up is not None and frame.call is not None:
        node, frame = frame.call, frame.up
    return Place(frame.path, frame.definition.line_of(node), frame.definition.name)


def read(context: Context, location: Location, order: str, env: Environment, out: Out, place: Place) -> Value:
    """A read of a location: an event where the location is kept, otherwise what this thread last put there."""
    if isinstance(location, Local):
        return private(context, (location.frame, location.name), location.type, env)
    if isinstance(location, Nowhere) or context.is_copy(location, order):
        return context.unknown(
            location.text if isinstance(location, Nowhere) else str(location_key(location))
        )
    kind = location.type if isinstance(location, Named) else ""
    if not context.keeps(location):
        if order != "plain" or not isinstance(location, Named):
            return context.unknown(str(location_key(location)), kind)
        return private(context, (0, location.name), kind, env)
    instance = context.instance(kind) if order == "plain" and isinstance(location, Named) else None
    if instance is not None and isinstance(location, Named) and "@" not in location.name:
        return instance
    register = context.register(kind)
    out.append(Read(register, location, order, place))
    context.accesses.append((str(location_key(location)), "R", order))
    return register


def private(context: Context, key: tuple[int, str], kind: str, env: Environment) -> Value:
    """A variable of this thread alone; read before it was written it is unknown, but the same each time."""
    if key not in env:
        shared = key[0] == 0
        env[key] = context.unknown(key[1], kind, "m" if shared else "u")
    return env[key]


def write(
    context: Context, location: Location, value: Value, order: str, env: Environment, out: Out, place: Place
) -> None:
    """A write to a location: an event where the location is kept."""
    if isinstance(location, Local):
        env[location.frame, location.name] = value
    elif context.is_copy(location, order):
        return
    elif isinstance(location, Named) and not context.keeps(location):
        env[0, location.name] = value
        # A field may be one of an object that nobody else has, such as a batch; a variable of the kernel's is not.
        shared = "." not in location.name.partition("@")[0]
        if shared and isinstance(value, Register) and value.type and "open" not in context.reach.effects:
            out.append(Hole(location.name, "store", frozenset(), frozenset({"write"}), False, place))
    elif isinstance(location, (Named, Through)):
        out.append(Write(location, value, order, place))
        context.accesses.append((str(location_key(location)), "W", order))
    elif value == FREED:
        out.append(
            Hole(location.text, "free of an object the model lost", frozenset(), frozenset(), True, place)
        )


def update(
    context: Context,
    location: Location,
    operation: str,
    operands: tuple[Value, ...],
    order: str,
    env: Environment,
    out: Out,
    place: Place,
) -> Value:
    """A read-modify-write: the old value. On a location that is not kept only its full barrier remains."""
    if isinstance(location, Local):
        old = read(context, location, "plain", env, out, place)
        env[location.frame, location.name] = operands[-1] if operation == "xchg" else context.unknown()
        return old
    if not context.keeps(location):
        if order == "full" and operation != "cmpxchg":
            out.append(Fence("mb", place))
        return context.unknown()
    register = context.register(location.type if isinstance(location, Named) else "")
    out.append(Update(register, location, operation, operands, order, place))
    context.accesses.append((str(location_key(location)), "W", order))
    return register


def dereference(context: Context, value: Value, kind: str) -> Location:
    """The memory that a pointer value of C type `kind` leads to."""
    if isinstance(value, Address):
        return value.of
    if isinstance(value, Register):
        return Through(value)
    target = pointee(kind)
    if not structure_of(target) and isinstance(value, Unknown) and value.type:
        target = pointee(value.type)
    name = structure_of(target)
    if name and "*" not in target:
        return Named(f"<{name}>", target)
    return Nowhere(target or "pointer")


def whole(where: Named) -> Named:
    """All of some memory: every field of a structure, or the memory itself."""
    structure = structure_of(where.type)
    is_structure = where.type.startswith(("struct ", "union ")) and not where.type.endswith(("*", "]"))
    return Named(f"{structure}.*", where.type, where.base) if is_structure else where
