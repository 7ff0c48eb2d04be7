"""What is done with memory after it was freed, and what is given back twice."""

from collections.abc import Collection, Hashable, Iterable, Iterator

from patchscan.basics.keep import kept
from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.flow.actions import Assigned, Called, Dereferenced, Operation, Round, root_of, words_of
from patchscan.flow.behind import before
from patchscan.flow.frees import Frees, in_text
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.heeding import AfterCall, Token, Trail, Words
from patchscan.flow.knowing import Reading
from patchscan.flow.signs import ANY, ZERO
from patchscan.flow.ways import ways_of

_PLAIN = pattern(r"\w+((->|\.)\w+)*")
_COUNTS = pattern(r"skb_get|\w+_(get|hold|ref)")
_ADDS = pattern(r"refcount_(?:add|inc|set)\w*|atomic\w*_(?:add|inc|set)\w*|kref_get\w*")

# What these give back is gone. Other frees of an object that counts its users may only put a reference of their own,
# and who puts one behind them had another.
_MEMORY = Names("k{,v}free{,_sensitive,_const} vfree kmem_cache_free mempool_free devm_kfree kfree_rcu")
_PUTS = Names("kobject_put put_device")

# Tests of what finds such uses: by their names, and by a macro that waits for the report.
_TESTS = pattern(r"(?:^|_)(?:uaf|use_after_free|double_(?:free|destroy)|invalid_free)(?:_|\d|$)")
_EXPECTED = pattern(r"\w*EXPECT\w*_FAIL\w*\s*\(")
_LOOKS = pattern(
    r"\w*(print|err|warn|info|dbg|debug|trace)\w*|IS_ERR\w*|PTR_ERR|WARN\w*|BUG\w*|likely|unlikely|ERR_PTR|kfree_rcu"
)


@frozen
class AfterFree:
    """key is used on `line` after `freed` on line `origin`. by: the call that uses it; again: which frees it again."""

    key: str
    line: int
    origin: int
    freed: str
    trail: Trail | None
    by: str = ""
    again: bool = False


class _Freed(AfterCall):
    """Follows what one call freed."""

    uses = True
    outs = False
    heeds = (Dereferenced,)

    def __init__(self, graph: Graph, call: Called, key: str, frees: Frees) -> None:
        self.graph = graph
        self.frees = frees
        super().__init__(call)
        self.key = key
        self.root = root_of(key)
        self.words = frozenset(words_of(key))
        self.found: dict[int, AfterFree] = {}

    def named(self, token: Token) -> Words | None:
        return ((self.words if token else self.awaited,),) if self.words else None

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        if call.offset == self.call.offset:
            if token:
                self._use(call.line, facts, call.name, True)
            zero = facts.of(self.key) == ZERO
            return () if zero or not call.sure else (("freed", ANY),)
        if not token:
            return ((token, ANY),)
        # Who is given its address, or that of the struct that holds it, may set it.
        holder = f"&{self.root}" if self.key.startswith(f"{self.root}.") else ""
        if any(argument in (f"&{self.key}", holder) for argument in call.arguments):
            return ()
        into = (f"&{self.key}->", f"{self.key}->")
        if self.key in call.arguments or any(argument.startswith(into) for argument in call.arguments):
            if self._puts_another(call):
                return ()
            if any(call.arguments[at : at + 1] == (self.key,) for at in self.frees(call.name)):
                self._use(call.line, facts, call.name, True)
            elif call.sure and call.name and not (_LOOKS.fullmatch(call.name) or call.name.isupper()):
                self._use(call.line, facts, call.name)
            return ()
        if "->" in self.key and any(self.root in words_of(argument) for argument in call.arguments):
            return ()
        return ((token, ANY),)

    def _puts_another(self, call: Called) -> bool:
        """Whether a call puts a reference of its own to what counts the users of the object."""
        inside = any(argument.startswith(f"&{self.key}->") for argument in call.arguments)
        return inside and call.name in _PUTS and self.call.name not in _MEMORY

    def _use(self, line: int, facts: Reading, by: str = "", again: bool = False) -> None:
        if not facts.coarse and facts.of(self.key) != ZERO:
            use = AfterFree(self.key, line, self.call.line, self.call.name, facts.trail, by, again)
            self.found.setdefault(line, use)

    def other(self, operation: Operation, token: Token, facts: Reading) -> Token:
        if not token:
            return token
        if isinstance(operation, Dereferenced):
            if operation.key == self.key or operation.key.startswith(f"{self.key}->"):
                self._use(operation.line, facts)
                return None
        elif isinstance(operation, Round) and self.root in operation.arguments:
            goes_on = operation.macro.startswith(("list_for_each_entry", "hlist_for_each_entry"))
            unsafe = goes_on and not any(word in operation.macro for word in ("safe", "rcu", "lockless"))
            if unsafe and operation.arguments[0] == self.key and self._is_inside(operation.line):
                self._use(operation.line, facts, operation.macro)
            return None
        return token

    def _is_inside(self, line: int) -> bool:
        """Whether what frees stands in the loop that begins on a line, which then goes on by what is gone."""
        function = self.graph.function
        node = next(
            (each.node for each in function.calls() if each.node.start_byte == self.call.offset), None
        )
        while node is not None and node.type != "function_definition":
            node = node.parent
            if node is not None and function.source.line_of(node) == line:
                return True
        return False

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        if token and (operation.key == self.key or operation.key == self.root):
            return None
        return token

    def decided(self, edge: Edge, token: Token, facts: Reading) -> Token:
        return token


def counted(graph: Graph, key: str) -> bool:
    """Whether a function takes a reference of its own, so that what frees may only drop one."""
    return key in _counted(graph)


@kept
def _counted(graph: Graph) -> frozenset[str]:
    taken = {
        argument for _, call in graph.calls if _COUNTS.fullmatch(call.name) for argument in call.arguments
    }
    inside = (
        argument.removeprefix("&").rpartition("->")[0]
        for _, call in graph.calls
        if _ADDS.fullmatch(call.name)
        for argument in call.arguments
    )
    return frozenset((*taken, *inside)) - {""}


@kept
def _followed(graph: Graph) -> dict[Hashable, tuple[AfterFree, ...]]:
    """What was found behind the calls of a graph so far: two rules ask for it."""
    return {}


def uses_after_free(
    graph: Graph, frees: Frees | None = None, lines: Collection[int] | None = None
) -> Iterator[AfterFree]:
    """The uses of what was freed; frees: what calls free, by default as the text tells.

    lines: where the use, the call, or something between is of interest; None: everywhere.
    """
    frees = frees or in_text(graph.function)
    freed = tuple((name, frees(name)) for name in dict.fromkeys(call.name for _, call in graph.calls))
    is_before = before(graph, lines)
    for number, call in graph.calls:
        for key in (call.arguments[at] for at in frees(call.name) if at < len(call.arguments)):
            if _PLAIN.fullmatch(key) and not counted(graph, key) and is_before(number):
                known = _followed(graph)
                asked = call.offset, key, freed
                if asked not in known:
                    client = _Freed(graph, call, key, frees)
                    complete = ways_of(graph).walk(client).complete
                    known[asked] = tuple(client.found.values()) if complete else ()
                yield from (each for each in known[asked] if not is_meant(graph, each.line))


def is_meant(graph: Graph, line: int) -> bool:
    """Whether a test of what finds such uses makes one: it says so, or waits for the report.

    A cache of SLAB_TYPESAFE_BY_RCU gives objects back that RCU readers may still look at.
    """
    function = graph.function
    return (
        _TESTS.search(function.name) is not None
        or _EXPECTED.search(function.source.code_text(line)) is not None
        or "SLAB_TYPESAFE_BY_RCU" in function.identifiers
    )
