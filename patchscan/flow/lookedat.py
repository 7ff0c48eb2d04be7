"""How what a call returns is tested: for NULL, for an ERR_PTR, for being negative."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import source_of
from patchscan.flow.actions import Assigned, Read, words_of
from patchscan.flow.actions import Called as Called
from patchscan.flow.graph import Graph, Point
from patchscan.flow.signs import NEGATIVE, NOT_NEGATIVE, NOT_POSITIVE, NOT_ZERO, POSITIVE, ZERO
from patchscan.flow.ways import ways_of
from patchscan.flow.wellknown import listed

_KINDS: Mapping[frozenset[int], "TestKind"] = {
    frozenset((ZERO, NOT_ZERO)): "null",
    frozenset((NEGATIVE, NOT_NEGATIVE)): "error",
    frozenset((NOT_POSITIVE, POSITIVE)): "both",
}


TestKind = Literal["null", "error", "negative", "both", "mixed", "other", ""]


@frozen
class Tests:
    """The tests that first look at what a call returned.

    kind: "null" (also: for 0), "error" (of a number: "negative"), "both", "mixed" where they differ or where another
    test of the same value follows, "other" for a test that tells none of these, "" where there is none. key: the
    value; lines: of the tests.
    """

    call: Called
    key: str
    kind: TestKind
    lines: tuple[int, ...]
    pointer: bool


def tests_of(graph: Graph, wanted: Callable[[Called], bool]) -> Iterator[Tests]:
    """The tests of what each wanted call returns, where there are some."""
    for number, call in graph.calls:
        key = call.result or f"@{call.offset}"
        if call.name and call.sure and key in graph.tests and wanted(call):
            yield _tests(graph, number, call, key)


def _tests(graph: Graph, number: int, call: Called, key: str) -> Tests:
    every = {_KINDS.get(signs, "other") for _, signs, _ in graph.tests[key]}
    if len(every) > 1:
        every = {kind for kind, _ in first_tests(graph, number, key, further=True)}
    first = list(first_tests(graph, number, key))
    kinds = {kind for kind, _ in first}
    kind: TestKind = kinds.pop() if len(kinds) == 1 else "mixed" if kinds else ""
    if kind in ("null", "error") and "both" in every:
        kind = "mixed"
    if (kind == "null" and "error" in every) or (kind == "error" and "null" in every):
        kind = "mixed"
    pointer = listed(call.name) in ("null", "error") and call.result != ""
    pointer = pointer or call.result in graph.pointers or "->" in call.result or "." in call.result
    if kind == "error" and not _is_error_test(graph, key):
        kind, pointer = "negative", False
    return Tests(call, call.result, kind, tuple(sorted({line for _, line in first})), pointer)


def _is_error_test(graph: Graph, key: str) -> bool:
    """Whether a value is tested by IS_ERR(), not by a comparison with 0."""
    text = graph.function.text
    return any(f"{name}({space}{key}" in text for name in ("IS_ERR", "IS_ERR_OR_NULL") for space in ("", " "))


def first_tests(graph: Graph, number: int, key: str, further: bool = False) -> Iterator[tuple[TestKind, int]]:
    """(kind, line) of the tests of a value that are met first behind a point; further: and of those behind them."""
    tests = {at: (signs, line) for at, signs, line in graph.tests[key]}
    named = ways_of(graph).named
    mask = named.mask(frozenset(words_of(key)))
    seen, work = {number}, [number]
    while work:
        at = work.pop()
        point = graph.points[at]
        if at != number and any(isinstance(each, Assigned) and each.key == key for each in point.operations):
            continue
        if at in tests:
            signs, line = tests[at]
            yield _KINDS.get(signs, "other"), line
            if not further:
                continue
        for edge in point.edges:
            # Where it is not named any more nothing tests it; the result of a call has no name.
            if edge.to not in seen and (not mask or mask & named.ahead[edge.to]):
                seen.add(edge.to)
                work.append(edge.to)


def interrupted(graph: Graph) -> Iterator[Tests]:
    """The tests of waits that a signal can end, of which the result is only tested for 0."""
    for tests in tests_of(graph, lambda call: listed(call.name) == "interrupted"):
        if (
            tests.kind == "null"
            and not _is_told_later(graph, tests.call)
            and not _is_only_logged(graph, tests)
        ):
            yield tests


def _is_told_later(graph: Graph, call: Called) -> bool:
    """Whether each part of the condition that is waited for is tested again behind the wait."""
    if not call.name.startswith("wait_event") or len(call.arguments) < 2:
        return False
    parts = {part.strip("!()") for part in _PARTS.split(call.arguments[1])}
    later = {edge.key for point in graph.points for edge in point.edges if edge.line > call.last_line}
    return parts <= later


def _is_only_logged(graph: Graph, tests: Tests) -> bool:
    """Whether a wait that ended too early is told to a log, and else taken as any other."""
    function = graph.function
    for node in function.nodes("if_statement"):
        inside, otherwise = (node.child_by_field_name(name) for name in ("consequence", "alternative"))
        if function.source.line_of(node) not in tests.lines or inside is None or otherwise is not None:
            continue
        statements = inside.named_children if inside.type == "compound_statement" else [inside]
        texts = [function.source.text_of(each) for each in statements if each.type != "comment"]
        return bool(texts) and all(_LOGS.match(text) for text in texts)
    return False


_PARTS = pattern(r"&&|\|\|")
_LOGS = pattern(r"(\w+_)?(err|warn|info|notice|dbg|crit|ERR|WARN|DBG|printk)(_\w+)?\s*\(")
# What returns this tells no failure.
_NO_CODE = pattern(r"\b(unsigned|u8|u16|u32|u64|bool|size_t)\b")


@frozen
class Overwritten:
    """key, which holds what a call returned, is assigned anew on `line` on every way before it is read."""

    call: Called
    key: str
    line: int


# A register is read for the effect that reading it has.
_FOR_EFFECT = pattern(
    r"\w*(read|inb|inw|inl|get|recv|fetch|dummy|poll)\w*|in_(8|[bl]e\d\d)|PTR_ERR\w*|max\w*|min\w*"
)


def overwritten(graph: Graph) -> Iterator[Overwritten]:
    """The results of calls that nobody reads: of variables that are tested elsewhere in the function."""
    tested = graph.tests
    for number, point in enumerate(graph.points):
        for at, call in enumerate(point.operations):
            if not isinstance(call, Called) or not call.name or not call.sure or call.result not in tested:
                continue
            if (
                call.result not in graph.locals
                or call.result in graph.pointers
                or _FOR_EFFECT.fullmatch(call.name)
                or not _may_tell_failure(graph, call.name)
            ):
                continue
            if not any(
                isinstance(each, Assigned)
                and each.key == call.result
                and each.value.copy == f"@{call.offset}"
                for each in point.operations[at:]
            ):
                continue
            line = _next_write(graph, number, call.result)
            if line and line != call.line:
                yield Overwritten(call, call.result, line)


def _may_tell_failure(graph: Graph, name: str) -> bool:
    """Whether what a call returns may be an error code: not that of a macro, nor of a function of no signed type."""
    own = source_of(graph.function).function_named(name)
    return not name.isupper() and (own is None or not _NO_CODE.search(own.header.partition(name)[0]))


def _next_write(graph: Graph, number: int, key: str) -> int:
    """The line on which a value is written next, 0 where it may be read before or the function ends."""
    if any(edge.key and key in words_of(edge.key) for edge in graph.points[number].edges):
        return 0
    ways = ways_of(graph)
    named, straight = ways.named.where.get(key, frozenset()), ways.straight
    lines: set[int] = set()
    seen, work = {number}, [edge.to for edge in graph.points[number].edges]
    while work:
        at = start = work.pop()
        while at not in named and straight[at]:
            at = graph.points[at].edges[0].to
            if at == start:
                break
        if at in seen:
            continue
        seen.add(at)
        written = _written(graph.points[at], key) if at in named else None
        if written == 0:
            return 0
        if written is not None:
            lines.add(written)
            continue
        if graph.points[at].leaves:
            return 0
        work += [edge.to for edge in graph.points[at].edges]
    return min(lines, default=0)


def _written(point: Point, key: str) -> int | None:
    """The line on which a point writes a value, 0 where it may read it before or asks for it, None where neither."""
    for each in point.operations:
        if isinstance(each, Read) and each.key == key:
            return 0
        if isinstance(each, Called) and any(key in words_of(argument) for argument in each.arguments):
            return 0
        if isinstance(each, Assigned) and each.key == key and each.line:
            return each.line
    return 0 if any(edge.key and key in words_of(edge.key) for edge in point.edges) else None


_MAPS = pattern(r"dma_map_(single|page)(_attrs)?|dma_map_resource")


def asked_mappings(graph: Graph) -> frozenset[str]:
    """What a function asks for whether its DMA mapping failed."""
    return frozenset(
        argument for _, call in graph.calls if "mapping_error" in call.name for argument in call.arguments
    )


def unasked_mappings(graph: Graph, before: Graph | None = None) -> Iterator[Called]:
    """The DMA mappings of which nothing in the function can tell whether they failed.

    Silent where anything asks of a mapping, but for those that were asked for before; where the result is returned, and
    where a call is tested that is given it.
    """
    asked = asked_mappings(graph)
    lost = (asked_mappings(before) - asked) if before is not None else frozenset[str]()
    if asked and not lost:
        return
    returned = {point.value.copy for point in graph.points if point.value is not None}
    for _, call in graph.calls:
        if asked and call.result not in lost:
            continue
        if _MAPS.fullmatch(call.name) and call.result and call.result not in returned:
            handed = (
                each
                for _, each in graph.calls
                if call.result in each.arguments or f"&{call.result}" in each.arguments
            )
            if call.result not in graph.tests and not any(
                f"@{each.offset}" in graph.tests or each.result in graph.tests for each in handed
            ):
                yield call
