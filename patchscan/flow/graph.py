"""The control-flow graph of a function: points with what they do, and edges with what must hold to take them.

goto, switch with its falling through, loops and loop macros, early exits, && || ?: in conditions, guarded blocks,
#if inside of a function (both ways are ways). Conditions are split until an edge tells one thing of one value.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Literal

from patchscan.basics.record import frozen, record
from patchscan.c.function import Function
from patchscan.flow.actions import Called, Operation, Value
from patchscan.flow.signs import ANY

Taken = Literal["yes", "no", "case", "default", "no case", "none", "goto", "break", ""]


@frozen
class Edge:
    """to: the point that is next; key, signs: what must hold of a value; why: the text that is tested and how it ends.

    taken: "yes", "no", "case", "default", "no case" (of a switch that has no default), "none" (a loop without another
    round), "goto", "break", "" where nothing is decided.
    """

    to: int
    key: str = ""
    signs: int = ANY
    taken: Taken = ""
    line: int = 0


@record
class Point:
    """operations: what is done here, in order; leaves: whether the function is left; value: what it then returns."""

    line: int
    operations: tuple[Operation, ...] = ()
    edges: tuple[Edge, ...] = ()
    leaves: bool = False
    value: Value | None = None
    returned: str = ""


@frozen(eq=False)
class Graph:
    """points[entry] is where the function begins; freed: variables that are given back when they go out of scope.

    starts: the ids of statements, conditions and choices to the points with which they begin.
    """

    function: Function
    points: tuple[Point, ...]
    entry: int
    freed: frozenset[str]
    locals: frozenset[str]
    pointers: frozenset[str]
    starts: Mapping[int, int]

    @cached_property
    def calls(self) -> tuple[tuple[int, Called], ...]:
        """(point, call) of every call."""
        return tuple(
            (number, each)
            for number, point in enumerate(self.points)
            for each in point.operations
            if isinstance(each, Called)
        )

    @cached_property
    def calls_by_name(self) -> Mapping[str, Sequence[Called]]:
        """The calls of each name."""
        found: dict[str, list[Called]] = {}
        for _, each in self.calls:
            found.setdefault(each.name, []).append(each)
        return found

    @cached_property
    def first_calls(self) -> Mapping[int, tuple[int, Called]]:
        """The first call at each offset, with its number among the calls."""
        return {each.offset: (number, each) for number, (_, each) in reversed([*enumerate(self.calls)])}

    def calls_of(self, names: Iterable[str]) -> Sequence[Called]:
        """The calls of some names."""
        known = self.calls_by_name
        return [each for name in names if name in known for each in known[name]]

    @cached_property
    def _calls_by_argument(self) -> Mapping[str, Sequence[Called]]:
        found: dict[str, list[Called]] = {}
        for _, each in self.calls:
            for argument in set(each.arguments):
                found.setdefault(argument, []).append(each)
        return found

    def calls_with(self, argument: str) -> Sequence[Called]:
        """The calls that are handed something."""
        return self._calls_by_argument.get(argument, ())

    @cached_property
    def tests(self) -> Mapping[str, Sequence[tuple[int, frozenset[int], int]]]:
        """key -> (point, the signs that are told apart, line) of every test of it."""
        found: dict[str, list[tuple[int, frozenset[int], int]]] = {}
        for number, point in enumerate(self.points):
            tested: dict[str, list[Edge]] = {}
            for edge in point.edges:
                if edge.key:
                    tested.setdefault(edge.key, []).append(edge)
            for key, mine in tested.items():
                found.setdefault(key, []).append(
                    (number, frozenset(edge.signs for edge in mine), mine[0].line)
                )
        return found

    @cached_property
    def into(self) -> Sequence[Sequence[int]]:
        """Per point: the points that lead to it."""
        into: list[list[int]] = [[] for _ in self.points]
        for number, point in enumerate(self.points):
            for edge in point.edges:
                into[edge.to].append(number)
        return into
