"""Variables that are read, and CPU masks that are looked at, before anything was written to them."""

from collections.abc import Iterable, Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.flow.actions import Assigned, Called, Declared, Operation, Read, Round, root_of, words_of
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.heeding import AfterCall, Client, Token, Trail, Words
from patchscan.flow.knowing import Reading
from patchscan.flow.signs import ANY, NOT_ZERO, ZERO
from patchscan.flow.trails import steps_of
from patchscan.flow.ways import ways_of

_ALLOCATES = ("alloc_cpumask_var", "alloc_cpumask_var_node")
# Of the calls on a mask these leave bits as they were, so that these must be known.
_NEEDS_BITS = pattern(
    r"_?_?cpumask_(set_cpu|clear_cpu|test_cpu|test_and_\w+|weight|first|next\w*|any\w*|empty|full|last|subset|intersects)"
)


@frozen
class Unset:
    """key is read on `line`; origin: where it came to be; by: the call that looks at a mask, "" for a variable."""

    key: str
    line: int
    origin: int
    trail: Trail | None
    by: str = ""


def way_to(found: Unset) -> tuple[int, ...]:
    """The lines of the branches on the way to a read, in order."""
    return tuple(edge.line for _, edge in steps_of(found.trail) if edge is not None)


class _Variable(Client):
    """Follows a variable without a value to where it is read."""

    heeds = (Read,)

    def __init__(self, graph: Graph, key: str) -> None:
        self.graph = graph
        self.key = key
        self.found: dict[int, Unset] = {}

    def start(self) -> Token:
        return 0

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        handed = any(self.key in words_of(argument) for argument in call.arguments)
        return () if token and handed else ((token, ANY),)

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        return None if token and self.key in words_of(operation.key) else token

    def other(self, operation: Operation, token: Token, facts: Reading) -> Token:
        if isinstance(operation, Declared) and operation.key == self.key:
            return operation.line
        if token and isinstance(operation, Read) and operation.key == self.key:
            if not facts.coarse:
                self.found.setdefault(operation.line, Unset(self.key, operation.line, token, facts.trail))
            return None
        if token and isinstance(operation, Round) and self.key in operation.arguments:
            return None
        return token

    def decided(self, edge: Edge, token: Token, facts: Reading) -> Token:
        # Which cases there are is known to who wrote the switch.
        return None if token and edge.taken in ("no case", "default") else token


class _Mask(AfterCall):
    """Follows a mask that was allocated without being cleared to where its bits matter."""

    heeds = ()

    outs = False

    def __init__(self, graph: Graph, call: Called) -> None:
        super().__init__(call)
        self.key = call.arguments[0].lstrip("&")
        start = root_of(self.key)
        words = ways_of(graph).named.where
        # What is handed its key as a part of an argument has a word with this one in it.
        self.words = frozenset([each for each in words if start in each]) if start else frozenset[str]()
        self.found: dict[int, Unset] = {}

    def start(self) -> Token:
        return ""

    def named(self, token: Token) -> Words | None:
        return ((self.words if token else self.awaited,),) if self.words else None

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        if call.offset == self.call.offset:
            return (("raw", NOT_ZERO), ("", ZERO)) if "__GFP_ZERO" not in call.key else ()
        if not token or not any(self.key in argument for argument in call.arguments):
            return ((token, ANY),)
        if _NEEDS_BITS.fullmatch(call.name) and call.sure and not facts.coarse:
            use = Unset(self.key, call.line, self.call.line, facts.trail, call.name)
            self.found.setdefault(call.line, use)
        return ()


def unset_masks(graph: Graph) -> Iterator[Unset]:
    """The CPU masks of which single bits are set or asked for before all were written."""
    for point in graph.points:
        for call in point.operations:
            if isinstance(call, Called) and call.name in _ALLOCATES and call.arguments:
                client = _Mask(graph, call)
                if ways_of(graph).walk(client).complete:
                    yield from client.found.values()


def unset_variables(graph: Graph, names: Iterable[str]) -> Iterator[Unset]:
    """The reads of some variables on ways on which nothing was assigned to them."""
    for name in sorted(names):
        client = _Variable(graph, name)
        if ways_of(graph).walk(client).complete:
            yield from client.found.values()


def declared(graph: Graph) -> frozenset[str]:
    """The variables that are declared without a value and that no call is handed."""
    found: set[str] = set()
    taken: set[str] = set()
    for point in graph.points:
        for each in point.operations:
            if isinstance(each, Declared):
                found.add(each.key)
            elif isinstance(each, Called):
                # What looks like a function may be a macro that writes to what it is handed.
                taken.update(argument.lstrip("&") for argument in each.arguments)
            elif isinstance(each, Assigned) and each.source.startswith("&"):
                taken.add(each.source[1:])
    return frozenset(found - taken)
