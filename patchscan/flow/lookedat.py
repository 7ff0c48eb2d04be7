"""How what a call returns is tested: for NULL, for an ERR_PTR, for being negative."""

from collections.abc import Iterator

from patchscan.basics.record import frozen
from patchscan.flow.actions import Assigned, Called
from patchscan.flow.graph import Graph
from patchscan.flow.signs import NEGATIVE, NOT_NEGATIVE, NOT_POSITIVE, NOT_ZERO, POSITIVE, ZERO

_KINDS = {
    frozenset((ZERO, NOT_ZERO)): "null",
    frozenset((NEGATIVE, NOT_NEGATIVE)): "error",
    frozenset((NOT_POSITIVE, POSITIVE)): "both",
}


@frozen
class Tests:
    """The tests that first look at what a call returned.

    kind: "null" (also: for 0), "error" (of a number: "negative"), "both", "mixed" where they differ or where another
    test of the same value follows, "" where there is none. key: the value; lines: of the tests.
    """

    call: Called
    key: str
    kind: str
    lines: tuple[int, ...]
    pointer: bool


def tests_of(graph: Graph) -> Iterator[Tests]:
    """The tests of what each call returns."""
    for number, point in enumerate(graph.points):
        for each in point.operations:
            if isinstance(each, Called) and each.name and each.sure:
                yield _tests(graph, number, each)


def _tests(graph: Graph, number: int, call: Called) -> Tests:
    key = call.result or f"@{call.offset}"
    every = {
        _KINDS.get(frozenset(edge.signs for edge in point.edges if edge.key == key), "other")
        for point in graph.points
        if any(edge.key == key for edge in point.edges)
    }
    first = list(_first(graph, number, key))
    kinds = {kind for kind, _ in first}
    kind = kinds.pop() if len(kinds) == 1 else "mixed" if kinds else ""
    if kind in ("null", "error") and "both" in every:
        kind = "mixed"
    if (kind == "null" and "error" in every) or (kind == "error" and "null" in every):
        kind = "mixed"
    pointer = call.result in graph.pointers or "->" in call.result or "." in call.result
    if kind == "error" and not _is_error_test(graph, key):
        kind, pointer = "negative", False
    return Tests(call, call.result, kind, tuple(sorted({line for _, line in first})), pointer)


def _is_error_test(graph: Graph, key: str) -> bool:
    """Whether a value is tested by IS_ERR(), not by a comparison with 0."""
    text = graph.function.text
    return any(f"{name}({space}{key}" in text for name in ("IS_ERR", "IS_ERR_OR_NULL") for space in ("", " "))


def _first(graph: Graph, number: int, key: str) -> Iterator[tuple[str, int]]:
    """(kind, line) of the tests of a value that are met first behind a point."""
    seen, work = {number}, [number]
    while work:
        at = work.pop()
        point = graph.points[at]
        if at != number and any(isinstance(each, Assigned) and each.key == key for each in point.operations):
            continue
        mine = [edge for edge in point.edges if edge.key == key]
        if mine:
            yield _KINDS.get(frozenset(edge.signs for edge in mine), "other"), mine[0].line
            continue
        for edge in point.edges:
            if edge.to not in seen:
                seen.add(edge.to)
                work.append(edge.to)
