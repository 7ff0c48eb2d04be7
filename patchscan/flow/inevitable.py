"""Variables that have no value whenever a condition goes one way, however all others go.

A way by itself may be impossible, as conditions hang together in ways that no reader knows. Here all ways on from one
branch read what none up to it has written: what clang's -Wsometimes-uninitialized asks, too.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.record import frozen
from patchscan.c.function import Function
from patchscan.flow.actions import Assigned, Called, Declared, Operation, Read, Round, words_of
from patchscan.flow.graph import Edge, Graph, Point
from patchscan.flow.ways import ways_of

if TYPE_CHECKING:
    from tree_sitter import Node

_BRANCHES = ("yes", "no", "default")


@frozen
class Inevitable:
    """key is read on `line` whenever the condition on line `branch` goes one way; always: or however it goes."""

    key: str
    branch: int
    line: int
    always: bool = False


def inevitable_reads(
    graph: Graph, names: Iterable[str], lines: Collection[int] | None = None
) -> Iterator[Inevitable]:
    """The first such branch of each variable that is declared without a value.

    lines: on one of which the branch or the read is to stand, None: on any.
    """
    function = graph.function
    if lines is not None and not _branches_on(graph, lines):
        names = set(names).intersection(_read_on(graph, lines))
    if not names:
        return
    assembly = " ".join(function.source.text_of(each) for each in function.nodes("gnu_asm_expression"))
    asked = sorted(set(names).difference(words_of(assembly), _hidden(function)))
    unset = _without_value(graph, asked)
    for at, name in enumerate(asked):
        found = _branch(graph, name, 1 << at, unset)
        if found is not None:
            yield found


def _branches_on(graph: Graph, lines: Collection[int]) -> bool:
    """Whether a branch stands on one of some lines."""
    branching = (point for point in graph.points if len(point.edges) > 1)
    return any(line in lines for point in branching for line in (point.line, *(e.line for e in point.edges)))


def _read_on(graph: Graph, lines: Collection[int]) -> Iterator[str]:
    """What is read on some lines."""
    operations = (each for point in graph.points for each in point.operations)
    return (each.key for each in operations if isinstance(each, Read) and each.line in lines)


def _hidden(function: Function) -> frozenset[str]:
    """The names that stand for two variables, one in a block inside of the other's."""
    own = {each.name for each in function.parameters}
    blocks: dict[str, list[Node]] = {}
    for each in function.locals:
        blocks.setdefault(each.name, []).append(_block(each.node))
    return frozenset(
        name
        for name, found in blocks.items()
        if name in own or any(_is_inside(one, other) for one in found for other in found)
    )


def _block(node: "Node") -> "Node":
    """What a declaration holds in: the block or the loop around it."""
    while node.parent is not None and node.type not in ("compound_statement", "for_statement"):
        node = node.parent
    return node


def _is_inside(inner: "Node", outer: "Node") -> bool:
    return inner != outer and outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _branch(graph: Graph, name: str, bit: int, unset: Sequence[int]) -> Inevitable | None:
    """The first branch behind which a variable is read; unset: what _without_value() tells, of which it is one bit."""
    named = ways_of(graph).named.where.get(name, ())
    reads = _reading(graph, name, named)
    for point in map(graph.points.__getitem__, sorted(named)):
        own = [each for each in point.operations if isinstance(each, Declared) and each.key == name]
        if own and point.operations[-1] == own[-1] and all(reads[edge.to] for edge in point.edges):
            line = min((reads[edge.to] for edge in point.edges), default=0)
            return Inevitable(name, line, line, True) if line else None
    read = [number for number, line in enumerate(reads) if line]
    for number in sorted({each for to in read for each in graph.into[to] if unset[each] & bit}):
        point = graph.points[number]
        if len(point.edges) < 2:
            continue
        edges = [edge for edge in point.edges if edge.taken in _BRANCHES]
        led = [edge for edge in edges if reads[edge.to] and not _same(edge, point.edges)]
        if led and any(not reads[edge.to] for edge in point.edges):
            return Inevitable(name, led[0].line or point.line, reads[led[0].to])
    return None


def _same(edge: Edge, others: Iterable[Edge]) -> bool:
    """Whether both ways of a branch go to one place."""
    return sum(each.to == edge.to for each in others) > 1


def _effect(operation: Operation, name: str) -> bool | None:
    """True where an operation leaves a variable without a value, False where it may write it, None elsewhere."""
    if isinstance(operation, Declared):
        return True if operation.key == name else None
    if isinstance(operation, Assigned):
        return False if name in words_of(operation.key) or f"&{name}" in operation.source else None
    if isinstance(operation, Called | Round):
        return False if any(name in words_of(argument) for argument in operation.arguments) else None
    return None


def _leaves_unset(graph: Graph, number: int, name: str, before: bool) -> bool:
    """Whether a variable has no value at the end of a point."""
    point = graph.points[number]
    for operation in point.operations:
        effect = _effect(operation, name)
        before = before if effect is None else effect
    return before and not _may_walk(point, name)


def _may_walk(point: Point, name: str) -> bool:
    """Whether a point is a macro with a block, which may be a loop that writes to what it names."""
    macro = len(point.edges) > 1 and not any(edge.taken for edge in point.edges)
    return macro and any(isinstance(each, Read) and each.key == name for each in point.operations)


def _without_value(graph: Graph, names: Sequence[str]) -> list[int]:
    """For each point which variables have no value at its end, however it is come to: a bit for each of some names."""
    gives, takes = [0] * len(graph.points), [0] * len(graph.points)
    where = ways_of(graph).named.where
    for at, name in enumerate(names):
        for number in where.get(name, ()):
            if _leaves_unset(graph, number, name, False):
                gives[number] |= 1 << at
            elif not _leaves_unset(graph, number, name, True):
                takes[number] |= 1 << at
    unset: list[int | None] = [None] * len(graph.points)
    unset[graph.entry] = 0
    pending = [graph.entry]
    while pending:
        number = pending.pop()
        behind = ((unset[number] or 0) & ~takes[number]) | gives[number]
        for edge in graph.points[number].edges:
            known = unset[edge.to]
            now = behind if known is None else known & behind
            if now != known:
                unset[edge.to] = now
                pending.append(edge.to)
    return [((before or 0) & ~take) | give for before, take, give in zip(unset, takes, gives, strict=True)]


def _reading(graph: Graph, name: str, named: Collection[int]) -> list[int]:
    """For each point the line of the read to which all ways from it lead before any write, 0 where one does not."""
    befores = graph.into
    lines = [0] * len(graph.points)
    # Where it is not named nothing is read, but behind it.
    pending = sorted(named)
    while pending:
        number = pending.pop()
        if lines[number]:
            continue
        if number in named:
            lines[number] = _read_at(graph, number, name, lines)
        else:
            lines[number] = _led(graph.points[number], lines)
        if lines[number]:
            pending.extend(befores[number])
    return lines


def _read_at(graph: Graph, number: int, name: str, lines: list[int]) -> int:
    point = graph.points[number]
    if _may_walk(point, name):
        return 0
    read = 0
    for operation in point.operations:
        if isinstance(operation, Read) and operation.key == name:
            read = read or operation.line
        elif _effect(operation, name) is not None:
            # What looks like a function may be a macro that writes to what it is handed, and "+=" reads first.
            return read if isinstance(operation, Assigned) else 0
    if read:
        return read if _is_sure(graph, read, point.edges) else 0
    return _led(point, lines)


def _led(point: Point, lines: list[int]) -> int:
    """The first line of a read to which all edges of a point lead."""
    return min((lines[edge.to] for edge in point.edges), default=0)


def _is_sure(graph: Graph, line: int, edges: tuple[Edge, ...]) -> bool:
    """Whether what stands on a line is evaluated whenever it is reached: of a condition, a point has one part alone."""
    text = graph.function.source.line_text(line)
    return len(edges) > 1 or not any(each in text for each in ("&&", "||", "?"))
