"""How a way came about, and what its end tells: its decisions, and whether it fails."""

from collections.abc import Sequence

from patchscan.flow.actions import Assigned
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.heeding import Trail
from patchscan.flow.signs import ANY, NEGATIVE, NOT_POSITIVE, POSITIVE, ZERO

_FLAGS = ("true", "false", "1")


def steps_of(trail: Trail | None) -> list[tuple[int, Edge | None]]:
    """The points of a way and the decisions that led to them, from the entry on."""
    found = []
    while trail is not None:
        found.append((trail[1], trail[2]))
        trail = trail[0]
    return found[::-1]


def fails(signs: int | None, pointer: bool) -> bool | None:
    """Whether a way out returns a failure: a negative number; of a pointer also NULL. None where that is not known."""
    if signs is None:
        return None
    signs &= ANY
    if pointer:
        return True if signs & ~NOT_POSITIVE == 0 else False if signs == POSITIVE else None
    if signs & NEGATIVE:
        return None if signs & ZERO else True
    return False


def depends_on_flag(graph: Graph, trail: Trail | None) -> bool:
    """Whether the last decision of a way asks for what the function sets itself, to know later what it has done."""
    key = next((edge.key for _, edge in reversed(steps_of(trail)) if edge is not None and edge.key), "")
    return any(
        isinstance(each, Assigned) and each.key == key and each.source in _FLAGS
        for point in graph.points
        for each in point.operations
    )


def lines_of(graph: Graph, trail: Trail, last: int) -> Sequence[tuple[int, str]]:
    """(line, how it was decided) of the decisions of a way, and the line of its last point."""
    found = [(edge.line, edge.taken) for _, edge in steps_of(trail) if edge is not None]
    return (*found, (graph.points[last].line, ""))
