"""Indices that may be one past the end: a comparison that lets the number of elements through."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.flow.actions import Addressed, Assigned, Called, Dereferenced, Operation, words_of
from patchscan.flow.graph import Graph
from patchscan.flow.heeding import AfterCall, Client, Token, Trail, Words
from patchscan.flow.knowing import Reading
from patchscan.flow.signs import ZERO
from patchscan.flow.ways import ways_of

_COMPARED = pattern(r"(.+?)(<=|>=|<|>)(.+)")
# What is compared with is a number of elements, not the last of them.
_COUNTS = pattern(
    r"ARRAY_SIZE\(.*\)|(\w+(->|\.))*(num|nr|count|cnt|size|total)_?\w*|\w+(->|\.|_)(num|nr|count|cnt|size)s?"
    r"|[A-Z0-9_]*(NUM|NR|COUNT|SIZE)[A-Z0-9_]*"
)
_LAST = pattern(r"last|max_?id|max_?index|-1\)?$|MAX_ID|LAST")


Sizes = Mapping[str, Collection[str]]


@frozen
class Comparison:
    """left OP right, as a condition of the function; line: where it stands."""

    left: str
    operator: str
    right: str
    line: int

    @property
    def lets_through(self) -> str:
        """The same comparison as one that must hold: "<" keeps the number itself out, "<=" lets it in."""
        return {">=": "<", ">": "<=", "<": "<", "<=": "<="}[self.operator]


@frozen
class PastEnd:
    """array[index] where a comparison on line `line` lets index be the number of elements."""

    array: str
    index: str
    line: int
    comparison: Comparison
    trail: Trail | None


def comparisons(graph: Graph) -> tuple[Comparison, ...]:
    """The comparisons of two values in the conditions of a function."""
    found = {}
    for point in graph.points:
        for edge in point.edges:
            match = _COMPARED.fullmatch(edge.key.replace("->", "\0")) if edge.key else None
            if match:
                left, operator, right = (part.replace("\0", "->") for part in match.groups())
                found[edge.key, edge.line] = Comparison(left, operator, right, edge.line)
    return tuple(found.values())


def indices(graph: Graph) -> dict[str, list[tuple[str, int]]]:
    """index -> (array, line) of the elements that are used."""
    found: dict[str, list[tuple[str, int]]] = {}
    for point in graph.points:
        for each in point.operations:
            if isinstance(each, Dereferenced) and each.index:
                found.setdefault(each.index, []).append((each.key, each.line))
    return found


def counts(text: str) -> bool:
    """Whether a text reads as a number of elements."""
    return _COUNTS.fullmatch(text) is not None and not _LAST.search(text)


class _Indexing(Client):
    """Collects the elements that are used where a comparison lets the index be the size of the array."""

    uses = True
    heeds = (Dereferenced, Addressed)

    def __init__(self, graph: Graph, sizes: Sizes) -> None:
        self.sizes = sizes
        self.found: dict[tuple[str, str, int], PastEnd] = {}
        self.comparisons = comparisons(graph)
        self.mentioned = Counter(word for each in self.comparisons for word in set(words_of(each.left)))
        steps: dict[str, set[str]] = {}
        for point in graph.points:
            for each in point.operations:
                if isinstance(each, Assigned) and each.source != "0":
                    steps.setdefault(each.key, set()).add(each.source)
        # Variables that nothing but ++ moves on.
        self.counted = {key for key, sources in steps.items() if sources <= {f"{key}++", f"++{key}"}}

    def other(self, operation: Operation, token: Token, facts: Reading) -> Token:
        if isinstance(operation, Dereferenced | Addressed) and operation.index and not facts.coarse:
            for each in self.comparisons:
                if not self._is_size(operation.key, each.right):
                    continue
                # The address of what stands behind the last may be an end; in a loop it is one too many.
                ends = isinstance(operation, Addressed) and not (
                    each.operator == "<=" and each.left in self.counted
                )
                if each.left == operation.index and not ends:
                    self._judge(operation, each, facts)
                elif isinstance(operation, Dereferenced) and self._reaches_over(operation.index, each, facts):
                    found = PastEnd(operation.key, operation.index, operation.line, each, facts.trail)
                    self.found.setdefault((operation.key, operation.index, each.line), found)
        return token

    def may_find(self, graph: Graph) -> bool:
        """Whether an index is compared with the size of its array at all."""
        return any(
            each.left in words and self._is_size(operation.key, each.right)
            for point in graph.points
            for operation in point.operations
            if isinstance(operation, Dereferenced | Addressed) and operation.index
            for words in ((operation.index, *words_of(operation.index)),)
            for each in self.comparisons
        )

    def _is_size(self, array: str, text: str) -> bool:
        return text == f"ARRAY_SIZE({array})" or text in self.sizes.get(array, ())

    def _reaches_over(self, index: str, each: Comparison, facts: Reading) -> bool:
        """Whether an index is above a variable that may be that of the last element: i + 1, 2 * i, 2 * i + 1."""
        name = each.left
        beyond = (f"{name}+1", f"1+{name}", f"2*{name}+1", f"{name}*2+1", f"2*{name}", f"{name}*2")
        return (
            index in beyond
            and each.operator == "<"
            and name in self.counted
            and self.mentioned[name] == 1
            and facts.sure(f"{name}<{each.right}") & ZERO == 0
        )

    def _judge(self, operation: Dereferenced | Addressed, each: Comparison, facts: Reading) -> None:
        signs = facts.sure(f"{each.left}{each.operator}{each.right}")
        lets = (each.operator == "<=" and signs & ZERO == 0) or (each.operator == ">" and signs == ZERO)
        stricter = [f"{each.left}<{each.right}", f"{each.left}>={each.right}", f"{each.left}=={each.right}"]
        if lets and not any(key in facts.known for key in stricter):
            found = PastEnd(operation.key, operation.index, operation.line, each, facts.trail)
            self.found.setdefault((operation.key, operation.index, each.line), found)


def past_ends(graph: Graph, sizes: Sizes) -> tuple[PastEnd, ...]:
    """The elements of arrays of a known size that may be past the end; sizes: what else than ARRAY_SIZE() tells it."""
    client = _Indexing(graph, sizes)
    if not client.may_find(graph) or not ways_of(graph).walk(client).complete:
        return ()
    return tuple(client.found.values())


def unterminated(graph: Graph) -> Iterator[tuple[Called, Called]]:
    """(memdup_user(), the function that reads its copy as a string) where nothing ends the string."""
    for point in graph.points:
        for call in point.operations:
            if isinstance(call, Called) and call.name in ("memdup_user", "vmemdup_user") and call.result:
                client = _Copied(call)
                if ways_of(graph).walk(client).complete:
                    yield from ((call, each) for each in client.found.values())


_STRINGS = pattern(
    r"sscanf|strcmp|strcasecmp|strncasecmp|strlen|kstrto\w+|simple_strto\w+|strsep|strchr|strstr|strim|strstrip|strcpy"
    r"|skip_spaces|kstrdup|sysfs_streq|match_string|parse_int\w*|argv_split|strscpy"
)


class _Copied(AfterCall):
    """Follows a copy of what a user wrote to a function that reads it as a string."""

    uses = True
    heeds = (Dereferenced,)
    outs = False

    def __init__(self, call: Called) -> None:
        super().__init__(call)
        self.words = frozenset(words_of(call.result))
        self.found: dict[int, Called] = {}

    def named(self, token: Token) -> Words | None:
        return ((self.words if token else self.awaited,),) if self.words else None

    def called(self, call: Called, token: Token, facts: Reading) -> list[tuple[Token, int]]:
        if call.offset == self.call.offset:
            return [("copied", 4)]
        if token == "copied" and _STRINGS.fullmatch(call.name) and self.call.result in call.arguments:
            self.found.setdefault(call.offset, call)
            return []
        return [(token, 7)]

    def other(self, operation: Operation, token: Token, facts: Reading) -> Token:
        ends = isinstance(operation, Dereferenced) and operation.key == self.call.result and operation.index
        return None if token == "copied" and ends else token
