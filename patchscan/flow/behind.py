"""Which calls of a function a change can matter to: those behind which, or at which, a line of it stands.

What is found by following a call is told at a line between the call and what comes of it. Where no line there was
touched, the call need not be followed.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection

from patchscan.basics.keep import kept
from patchscan.flow.graph import Graph


@kept
def lines_behind(graph: Graph, number: int) -> tuple[int, int]:
    """The first and the last line of a point and of all that may come behind it."""
    seen, work, lines = {number}, [number], []
    while work:
        point = graph.points[work.pop()]
        lines.append(point.line)
        lines += (each.line for each in point.operations)
        for edge in point.edges:
            lines.append(edge.line or point.line)
            if edge.to not in seen:
                seen.add(edge.to)
                work.append(edge.to)
    return min(lines), max(lines)


def before(graph: Graph, lines: Collection[int] | None) -> Callable[[int], bool]:
    """Whether one of some lines stands behind a point, or just below all that does; None: whether anything does."""
    if lines is None:
        return lambda number: True
    if {point.line for point in graph.points}.issubset(lines):
        # All is new.
        return lambda number: True
    ordered = sorted(lines)

    def is_before(number: int) -> bool:
        first, last = lines_behind(graph, number)
        at = bisect_left(ordered, first)
        return at < len(ordered) and ordered[at] <= last + 1

    return is_before
