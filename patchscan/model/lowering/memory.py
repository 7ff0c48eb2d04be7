"""State of a lowering: frames, and what it asks and notes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from tree_sitter import Node

from patchscan.basics.budget import BUDGET
from patchscan.basics.record import field, record, replace
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition
from patchscan.codebase.remembered import Answers, Asked, Question
from patchscan.model.lowering.abstract_values import (
    Const,
    FunctionName,
    Location,
    Named,
    Register,
    Unknown,
    Value,
)
from patchscan.model.lowering.environment import Environment, Recorded, Unfollowed
from patchscan.model.lowering.lowered import Event, Place, location_key
from patchscan.model.lowering.reach import Callee, Reach, described
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.lowering.type_names import plain_type

Answer = TypeVar("Answer")
Out = list[Event]
RETURN, DEAD = "%return", (0, "%dead")
# Begins the serial of a bit of a mask of CPUs that the model does not follow.
MASK = "mask "
# Begins the serial of what a variable holds before it was given a value: nobody may look at it.
UNSET = "unset "
# Behind the name of a member whose value is asked of another object: it may be another one, or the same.
ANOTHER = " of another"
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
        return self.definition.text[node.start_byte : node.end_byte].decode("latin-1")

    def chain(self) -> Iterator["Frame"]:
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.up


Run = Callable[["Context", Frame, Environment, Out], Value]


@record
class Context(Asked):
    """One thread's lowering in progress; what of it depends on its fields up to given is asked by question.

    keep: the location keys that become events, None for all; instances: C type to the number of the one
    object of that type this thread works on; merged: names that stand for several objects ("struct.", "array[]") and
    one of them, "" where it is not known which; spaces: CPU to the address space that its thread works on; depth: how
    deep calls are looked into; by_field: a field is named by type and field also where its object's address was read;
    given: members of tables of operations to the function, with its path, that is called through them; tables: those
    of them that were asked; marked: locations of which a plain access is one to a copy; acting: where only a handler
    of an interrupt matters that does more than flush, which those are; watched: what decides and no other thread sees,
    None where nobody watches; unfollowed: the calls that may change it; owned: domains that are named after an object;
    looks_on: whether this is a second round; again: gives what a body comes to, by the way it is lowered, where not
    anew; lower_block, evaluate, location: the lowering of statements and expressions, here as they call each other.
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
    depth: int = 24
    by_field: bool = False
    given: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)
    marked: frozenset[str] = frozenset()
    acting: Reach | None = None
    watched: tuple[str, ...] | None = None
    unfollowed: set[Unfollowed] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)
    looks_on: bool = False
    again: Callable[["Context", Frame, Environment, Out, Run], Value] | None = None
    counter: int = 0
    _asked: Answers = field(default_factory=dict)
    _told: Answers = field(default_factory=dict)
    _known: dict[Question, Any] = field(default_factory=dict)

    @contextmanager
    def apart(self) -> Iterator[list[Recorded]]:
        """Gives, when it is left, what was noted meanwhile."""
        first, outer = len(self.accesses), (self.assumptions, self.visited, self.merged, self.tables)
        others = self.unfollowed, self.owned
        self.assumptions, self.visited, self.merged, self.tables = set(), set(), set(), set()
        self.unfollowed, self.owned = set(), set()
        made: list[Recorded] = []
        yield made
        inner = Recorded(
            tuple(self.accesses[first:]),
            frozenset(self.assumptions),
            frozenset(self.visited),
            frozenset(self.merged),
            frozenset(self.tables),
            frozenset(self.unfollowed),
            frozenset(self.owned),
        )
        self.assumptions, self.visited, self.merged, self.tables = outer
        self.unfollowed, self.owned = others
        self.add(replace(inner, accesses=()))
        made.append(inner)

    def add(self, recorded: Recorded) -> None:
        """Note what a part notes that was lowered before."""
        self.accesses += recorded.accesses
        self.assumptions |= recorded.assumptions
        self.visited |= recorded.visited
        self.merged |= recorded.merged
        self.tables |= recorded.tables
        self.unfollowed |= recorded.unfollowed
        self.owned |= recorded.owned

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
        if (function := self.function_in(member)) is not None:
            self.tables.add(member)
            return FunctionName(*function)
        return Const(chosen) if (chosen := self.chosen(member)) is not None else None

    def function_in(self, member: str) -> tuple[str, str] | None:
        """The function, with its path, that a member of a table of operations holds."""
        found = self._asked["function_in", member] = self.given.get(member)
        return found

    def chosen(self, name: str) -> int | None:
        """The number that the scenario chooses for a name."""
        found = self._asked["chosen", name] = self.choices.get(name)
        return found

    def every_cpu(self) -> tuple[int, ...]:
        """The CPUs of all threads."""
        self._asked["every_cpu",] = self.cpus
        return self.cpus

    def every_space(self) -> Mapping[int, int]:
        """The address space of each CPU whose thread works on one."""
        found = self._asked["every_space",] = self.spaces
        return found

    def instance(self, kind: str) -> Value | None:
        number = self.number_of(plain_type(kind))
        return Const(number) if number is not None else None

    def number_of(self, kind: str) -> int | None:
        """The number of the one object of a plain type that this thread works on."""
        found = self._asked["number_of", kind] = self.instances.get(kind)
        return found

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

    def stub(self, name: str) -> Definition | None:
        """The stub of that name."""
        found = self._asked["stub", name] = self.stubs.definitions.get(name)
        return found

    def looks_into(self, name: str, near: str) -> bool:
        """Whether the function that `name` calls in file `near` is looked into for what it can touch."""
        return self._settle(
            ("looks_into", name, near), lambda: name in self.look_into or self.reach.relevant(name, near)
        )

    def acts(self, name: str, near: str) -> bool:
        """Whether a handler of an interrupt does more than flush."""
        acting = self.acting
        return self._settle(("acts", name, near), lambda: acting is None or acting.relevant(name, near))

    def callee(self, name: str, near: str) -> Callee | None:
        """What the function or macro that `name` calls in file `near` is to its caller."""

        def find() -> Callee | None:
            definition = self.code.callee(name, near)
            return described(definition, self.stubs) if definition is not None else None

        return self._settle(("callee", name, near), find)

    def other_name(self, name: str, near: str) -> str:
        """The name that a macro gives instead of `name` in file `near`, "" where none does."""
        return self._settle(("other_name", name, near), lambda: self.code.alias(name, near))

    def called(self, name: str, near: str, at: str) -> Definition | None:
        """The function or macro that `name` calls in file `near`; of those outside the scope that of file `at`."""
        return self.code.callee(name, near) or self.code.elsewhere(name, at)

    def effects(self, name: str, near: str, at: str) -> tuple[frozenset[str], frozenset[str]] | None:
        """What a call that is not looked into may do, and does on each of its paths; None for what is not found."""

        def find() -> tuple[frozenset[str], frozenset[str]] | None:
            definition = self.called(name, near, at)
            reach = self.reach
            if definition is None:
                return None
            ended = self.reach.in_reader and not self.by_field and reach.sleeps(definition)
            return reach.may(definition) | ({"end"} if ended else set()), reach.always(definition)

        return self._settle(("effects", name, near, at), find)

    def writes(self, name: str, near: str, at: str, member: str) -> bool:
        """Whether a call that is not looked into may change a variable, or a member of a structure."""

        def find() -> bool:
            definition = self.called(name, near, at)
            return definition is not None and self.reach.writes(definition, member)

        return self._settle(("writes", name, near, at, member), find)

    def is_own(self, structure: str, near: str) -> bool:
        """Whether functions have a structure on their stack: no other thread sees one."""
        return self._settle(("is_own", structure, near), lambda: self.code.on_stack(structure, near))

    def sets(self, member: str, near: str) -> bool:
        """Whether code that file `near` sees sets a member of that name."""
        return self._settle(("sets", member, near), lambda: self.code.sets(member, near))

    def turns(self, name: str, near: str, at: str, key: str) -> bool:
        """Whether a call that is not looked into may turn a static key."""

        def find() -> bool:
            definition = self.called(name, near, at)
            return definition is not None and self.reach.turns(definition, key)

        return self._settle(("turns", name, near, at, key), find)

    def only_reads(self, name: str, near: str, at: str) -> frozenset[int]:
        """Which arguments lead a call that is not looked into to memory that it may not write."""

        def find() -> frozenset[int]:
            definition = self.called(name, near, at)
            given = definition.parameters if definition is not None and not definition.by_name else ()
            read = definition.only_read if definition is not None and given else ()
            return frozenset(index for index, (_, parameter) in enumerate(given) if parameter in read)

        return self._settle(("only_reads", name, near, at), find)

    def changes(self, call: Unfollowed, key: str) -> bool:
        """Whether a call may change a location, by its name."""
        structure, _, member = key.partition("@")[0].rpartition(".")
        if call.found:
            return self.writes(call.name, call.near, call.at, member.removesuffix("[]"))
        return call.indirect or not structure or structure in call.structures

    def forgotten(
        self, calls: frozenset[Unfollowed], keys: frozenset[str]
    ) -> frozenset[tuple[Unfollowed, str]]:
        """Which calls may change which of some locations that are watched."""
        watched = keys.intersection(self.watched or ())
        asked, self._asked = self._asked, {}
        found = frozenset((call, key) for key in watched for call in calls if self.changes(call, key))
        self._asked = asked
        self._asked["forgotten", calls, keys] = found
        return found

    def result(self, name: str, near: str) -> str:
        """The type of what the function gives that `name` calls in file `near`, "" where that is not known."""

        def find() -> str:
            definition = self.code.function(name, near)
            return plain_type(definition.result) if definition is not None else ""

        return self._settle(("result", name, near), find)

    def _settle(self, question: Question, find: Callable[[], Answer]) -> Answer:
        """The answer to a question, found once; what is asked of the code for it is asked aside."""
        if question not in self._known:
            self._known[question] = self.code.aside(find)
        found: Answer = self._known[question]
        self._asked[question] = found
        return found


def place_of(frame: Frame, node: Node) -> Place:
    """Where a developer would look: the call in the nearest function that is no stub."""
    while frame.definition.stub and frame.up is not None and frame.call is not None:
        node, frame = frame.call, frame.up
    return Place(frame.path, frame.definition.line_of(node), frame.definition.name)
