"""Where a pointer is used that is NULL on the way there: tested and found so, or the untested result of a call."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, source_of
from patchscan.flow.actions import Assigned, Called, Dereferenced, Operation, Round, words_of
from patchscan.flow.behind import before
from patchscan.flow.building import graph_of
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.heeding import AfterCall, Client, Token, Trail, Words
from patchscan.flow.knowing import Reading
from patchscan.flow.resources import returns_null
from patchscan.flow.signs import ANY, NOT_NEGATIVE, POSITIVE, ZERO
from patchscan.flow.trails import lines_of, steps_of
from patchscan.flow.ways import ways_of

# What a call of this name does with an argument, by its number: whether it always dereferences it.
Dereferences = Callable[[str, int], bool]
# Such calls have a reserve behind them (mm/mempool.c) and wait for it where they may.
_RESERVED = pattern(r"bio_alloc\w*|mempool_alloc\w*")
_WAITS_NOT = pattern(r"\b(?:GFP_(?:ATOMIC|NOWAIT)|__GFP_DIRECT_RECLAIM)\b")
# They write to what they are given the address of.
_WRITES = pattern(
    r"(raw_)?spin_lock(_init|_irq|_irqsave|_bh)?|mutex_(init|lock\w*)|INIT_\w+|\w*_init|init_\w+|kref_(init|get|put)"
    r"|h?list_(add|del|move)\w*|(refcount|atomic\w*)_(set|inc|dec|add|sub)\w*|mem(set|cpy|move)|strscpy|timer_setup"
)
# They compute an address, and return no NULL: who tests what they gave learns nothing of a use before.
_COMPUTES = pattern(
    r"(container_of(_const)?|list_(first_|last_|next_|prev_)?entry|hlist_entry|rb_entry|from_timer|netdev_priv|phys_to_virt)\("
)


How = Literal["tested", "set", "returned"]


@frozen
class NullUse:
    """key is NULL where it is used. origin: the line that tells so; how: "tested", "set" or "returned" (by a call).

    by: the call that returned it, or the function that it is handed to; late: whether the test comes after the use.
    """

    key: str
    line: int
    origin: int
    how: How
    trail: Trail | None
    by: str = ""
    late: bool = False


class _Tested(Client):
    """Collects the uses of what was found to be NULL, and the tests of what was used before."""

    uses = True
    heeds = (Dereferenced,)

    def __init__(self, graph: Graph, dereferences: Dereferences, tested: frozenset[str]) -> None:
        self.graph = graph
        self.dereferences = dereferences
        self.tested = tested
        self.computed = frozenset(
            each.key
            for point in graph.points
            for each in point.operations
            if isinstance(each, Assigned) and _COMPUTES.match(each.source)
        )
        self.found: dict[tuple[str, int], NullUse] = {}
        # Per test: the use before it on each way that leads to it, None where there was none.
        self.before: dict[tuple[str, int], list[NullUse | None]] = {}

    def start(self) -> Token:
        return frozenset()

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        # Who is given its address may set it.
        token = frozenset(each for each in token if f"&{each[0]}" not in call.arguments)
        for number, argument in enumerate(call.arguments):
            if argument in self.tested and call.sure and self.dereferences(call.name, number):
                token = self._used(argument, call.line, token, facts, call.name)
                if token is None:
                    return ()
            elif argument in self.tested and facts.sure(argument) == ZERO and is_looked_at(self.graph, call):
                # What it returns may tell that it was handed NULL.
                return ()
        return ((token, ANY),)

    def other(self, operation: Operation, token: Token, facts: Reading) -> Token:
        if isinstance(operation, Dereferenced) and operation.key in self.tested:
            return self._used(operation.key, operation.line, token, facts, "")
        if isinstance(operation, Round):
            return frozenset(each for each in token if each[0] not in operation.arguments)
        return token

    def _used(self, key: str, line: int, token: Token, facts: Reading, by: str) -> Token:
        if facts.coarse:
            return token
        if facts.sure(key) == ZERO:
            if any(each[0] == _copied(key) for each in token):
                return None
            origin, how = _origin(self.graph, key, facts.trail)
            self.found.setdefault((key, line), NullUse(key, line, origin, how, facts.trail, by))
            return None
        known = key in self.computed or any(each[0] == key for each in token)
        if facts.of(key) == ANY and not known:
            return token | {(key, line)}
        return token

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        gone = (operation.key, _copied(operation.key), *ways_of(self.graph).told_by(operation.key))
        left = frozenset(each for each in token if each[0] not in gone)
        # What another variable gave it was not found by the test of this one.
        copied = operation.key in self.tested and operation.value.copy[:1] not in ("", "@")
        return left | {(_copied(operation.key), 0)} if copied else left

    def decided(self, edge: Edge, token: Token, facts: Reading) -> Token:
        if edge.signs == ZERO and edge.key in self.tested:
            line = max((line for key, line in token if key == edge.key), default=0)
            use = NullUse(edge.key, line, edge.line, "tested", facts.trail, "", True) if line else None
            self.before.setdefault((edge.key, edge.line), []).append(None if facts.coarse else use)
        return token

    def late(self) -> Iterator[NullUse]:
        """The uses of what is tested afterwards: on every way that leads to the test."""
        for uses in self.before.values():
            first = uses[0]
            if first is not None and all(each is not None and each.line <= each.origin for each in uses):
                yield first


def _copied(key: str) -> str:
    """What stands in a token for a pointer that holds a copy of another."""
    return f"={key}"


def is_looked_at(graph: Graph, call: Called) -> bool:
    """Whether what a call returns is stored or tested."""
    key = f"@{call.offset}"
    return bool(call.result) or key in graph.tests


def _origin(graph: Graph, key: str, trail: Trail | None) -> tuple[int, How]:
    """The line that tells that a key is NULL, and how: what was assigned after a test is not what was tested."""
    for number, edge in reversed(steps_of(trail)):
        if edge is not None and edge.key == key and edge.signs & ANY != NOT_NEGATIVE:
            return edge.line, "tested"
        for each in reversed(graph.points[number].operations):
            if isinstance(each, Assigned) and each.key == key:
                return each.line, "set"
    return 0, "set"


def _is_handed_member(key: str, call: Called) -> bool:
    """Whether a call is given the address of a member, and surely writes to it."""
    return (
        call.sure
        and any(argument.startswith(f"&{key}->") for argument in call.arguments)
        and _WRITES.fullmatch(call.name) is not None
    )


class _Returned(AfterCall):
    """Follows a call that returns NULL to the first use of what it returned."""

    heeds = (Dereferenced,)
    outs = False

    def __init__(self, graph: Graph, call: Called, dereferences: Dereferences) -> None:
        self.graph = graph
        super().__init__(call)
        self.dereferences = dereferences
        self.found: dict[tuple[str, int], NullUse] = {}

    def start(self) -> Token:
        return frozenset()

    def named(self, token: Token) -> Words | None:
        words = frozenset(word for each in token for word in words_of(each)) if token else self.awaited
        return None if token and token.isdisjoint(self.graph.locals) else ((words,),)

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        if call.offset == self.call.offset:
            return ((frozenset((call.result,)), ZERO),)
        for number, argument in enumerate(call.arguments):
            if argument in token and call.sure and self.dereferences(call.name, number):
                self._use(argument, call.line, facts, call.name)
                return ()
        if any(argument.lstrip("&") in token and argument.startswith("&") for argument in call.arguments):
            return ()
        if "ASSERT" in call.name and any(argument in token for argument in call.arguments):
            return ()
        member = next((key for key in sorted(token) if _is_handed_member(key, call)), "")
        if member:
            self._use(member, call.line, facts, call.name)
            return ()
        if any(argument in token for argument in call.arguments) and is_looked_at(self.graph, call):
            return ()
        return ((token, ANY),)

    def decided(self, edge: Edge, token: Token, facts: Reading) -> Token:
        if edge.key in token and edge.signs & ZERO == 0:
            return None
        # What an object holds may be known in ways that are not seen here.
        return token if not token or any(each in self.graph.locals for each in token) else None

    def _use(self, key: str, line: int, facts: Reading, by: str = "") -> None:
        use = NullUse(key, line, self.call.line, "returned", facts.trail, by or self.call.name)
        self.found.setdefault((key, line), use)

    def other(self, operation: Operation, token: Token, facts: Reading) -> Token:
        if isinstance(operation, Dereferenced) and operation.key in token:
            self._use(operation.key, operation.line, facts)
            return None
        if isinstance(operation, Round) and any(each in operation.arguments for each in token):
            return None
        return token

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        if operation.value.copy in token:
            return token | {operation.key} if operation.key in self.graph.locals else token
        if operation.key in token and operation.value.copy != f"@{self.call.offset}":
            left = token - {operation.key}
            return left or None
        return token


def tested_uses(
    graph: Graph, dereferences: Dereferences, words: frozenset[str] | None = None
) -> tuple[NullUse, ...]:
    """The uses of pointers that a test found to be NULL, and of those that are only tested afterwards.

    words: of the pointers that are of interest, None where all are.
    """
    tested = frozenset(
        key
        for key, tests in graph.tests.items()
        if any(ZERO in signs for _, signs, _ in tests)
        and (words is None or not words.isdisjoint(words_of(key)))
    )
    used = {each.key for point in graph.points for each in point.operations if isinstance(each, Dereferenced)}
    used.update(argument for _, call in graph.calls for argument in call.arguments)
    if tested.isdisjoint(used):
        return ()
    client = _Tested(graph, dereferences, tested)
    if not ways_of(graph).walk(client).complete:
        return ()
    return (*client.found.values(), *client.late())


def returned_uses(
    graph: Graph,
    wanted: Callable[[Called], bool],
    dereferences: Dereferences,
    lines: Collection[int] | None = None,
) -> Iterator[NullUse]:
    """The uses of what wanted calls return, on ways on which nobody tests it.

    lines: where the use, the call, something between or a decision on the way is of interest; None: everywhere.
    """
    if lines is not None and any(
        edge.taken and edge.line in lines for each in graph.points for edge in each.edges
    ):
        lines = None
    is_before = before(graph, lines)
    for number, point in enumerate(graph.points):
        for call in point.operations:
            if not isinstance(call, Called) or _COMPUTES.match(f"{call.name}("):
                continue
            if never_fails(call):
                continue
            if call.result and call.sure and wanted(call) and is_before(number):
                client = _Returned(graph, call, dereferences)
                if ways_of(graph).walk(client).complete:
                    yield from client.found.values()


def dereferences_always(function: Function, number: int) -> bool:
    """Whether a function, called with NULL for a parameter, dereferences it on every way."""
    graph = graph_of(function)
    if graph is None or number >= len(function.parameters):
        return False
    name = function.parameters[number].name
    if not function.parameters[number].type.endswith("*"):
        return False
    client = _Handed(name)
    walk = ways_of(graph).walk(client, ((name, ZERO),))
    return walk.complete and client.found and not walk.exits


class _Handed(Client):
    """Ends each way at the first dereference of a parameter."""

    heeds = (Dereferenced,)

    def __init__(self, name: str) -> None:
        self.name = name
        self.found = False

    def other(self, operation: Operation, token: Token, facts: Reading) -> Token:
        if (
            isinstance(operation, Dereferenced)
            and operation.key == self.name
            and facts.of(self.name) & POSITIVE == 0
        ):
            self.found = True
            return None
        return token

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        if operation.key == self.name:
            self.name = ""
        return token


def in_text(function: Function) -> Dereferences:
    """What the functions of the same text do with their arguments."""
    known: dict[tuple[str, int], bool] = {}

    def dereferences(name: str, number: int) -> bool:
        if (name, number) not in known:
            own = source_of(function).function_named(name) if name != function.name else None
            known[name, number] = own is not None and dereferences_always(own, number)
        return known[name, number]

    return dereferences


def used_in(graph: Graph) -> frozenset[str]:
    """The pointers that are used, or handed to a function."""
    found: set[str] = set()
    for point in graph.points:
        for each in point.operations:
            if isinstance(each, Dereferenced):
                found.add(each.key)
            elif isinstance(each, Called):
                found.update(each.arguments)
                found.update(part[1:].split("->")[0] for part in each.arguments if part.startswith("&"))
    return frozenset(found)


def tested_in(graph: Graph) -> frozenset[str]:
    """What is tested for NULL."""
    return frozenset(key for key, tests in graph.tests.items() if any(ZERO in signs for _, signs, _ in tests))


def may_return_null(call: Called) -> bool:
    """Whether a call is known to return NULL when memory is short."""
    return returns_null(call.name) and not never_fails(call)


def never_fails(call: Called) -> bool:
    """Whether what allocates waits until there is memory: __GFP_NOFAIL, or a reserve that it may wait for.

    What gives a reserve its flags by a variable is not known to be one that may not wait.
    """
    reserved = _RESERVED.fullmatch(call.name) is not None
    return any("NOFAIL" in each for each in call.arguments) or (
        reserved and not any(_WAITS_NOT.search(each) for each in call.arguments)
    )


def is_allocated(graph: Graph, use: NullUse) -> bool:
    """Whether what is used came from a call that is known to return NULL."""
    return any(call.line == use.origin and may_return_null(call) for _, call in graph.calls)


def makers(graph: Graph, use: NullUse) -> tuple[str, ...]:
    """The calls on the line that tells so whose result the pointer holds, by name."""
    return tuple(call.name for _, call in graph.calls if call.line == use.origin and call.result == use.key)


def told(graph: Graph, use: NullUse) -> tuple[str, ...]:
    """What tells a use in another state of the function: the pointer, how it is NULL, and which call returned it."""
    return use.key, use.how, *sorted(makers(graph, use))


def told_before(before: Graph, graph: Graph, uses: Iterable[NullUse]) -> frozenset[tuple[str, ...]]:
    """Which pointers were used although NULL before a change, as told() has it; uses: those of the graph after it."""
    made = frozenset((each.key, name) for each in uses for name in makers(graph, each))
    text = in_text(before.function)
    returned = returned_uses(before, lambda call: (call.result, call.name) in made, text)
    found = (*tested_uses(before, text), *returned)
    return frozenset(told(before, use) for use in found)


def decisions(graph: Graph, use: NullUse) -> tuple[int, ...]:
    """The lines of the way to a use on which something is decided."""
    return () if use.trail is None else tuple(line for line, _ in lines_of(graph, use.trail, use.trail[1]))
