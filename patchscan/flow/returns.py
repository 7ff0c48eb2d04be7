"""What the return statements of one function tell of its value: the signs, and the calls whose value it hands on."""

from patchscan.basics.keep import kept
from patchscan.basics.record import frozen
from patchscan.c.source import Function
from patchscan.flow.actions import Called
from patchscan.flow.building import graph_of
from patchscan.flow.heeding import Client
from patchscan.flow.signs import ANY, NEGATIVE, ZERO
from patchscan.flow.ways import ways_of


@frozen
class Returns:
    """signs: of the values that are told here; line: of the first that is surely a failure, 0 where none is.

    negative: whether one is surely negative; through: the calls whose value is returned as it is, in order; known:
    False where the ways could not be walked or return nothing.
    """

    known: bool = False
    signs: int = ANY
    line: int = 0
    negative: bool = False
    through: tuple[str, ...] = ()


UNKNOWN = Returns()


@kept
def returns_of(function: Function) -> Returns:
    """What a function returns, by its own text."""
    graph = graph_of(function)
    if graph is None:
        return UNKNOWN
    walk = ways_of(graph).walk(Client())
    if not walk.complete or not walk.exits:
        return UNKNOWN
    calls = {f"@{e.offset}": e for p in graph.points for e in p.operations if isinstance(e, Called)}
    signs, line, negative = 0, 0, False
    through: dict[str, None] = {}
    for way in walk.exits:
        point = graph.points[way.point]
        if way.signs is None:
            return UNKNOWN
        here = way.signs & ANY
        called = calls.get(point.value.copy) if point.value is not None else None
        if here == ANY and called is not None and called.name:
            through[called.name] = None
            continue
        signs |= here
        if here in (NEGATIVE, ZERO) and not line:
            line = point.line
        negative = negative or here == NEGATIVE
    return Returns(True, signs, line, negative, tuple(through))
