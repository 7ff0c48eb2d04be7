"""What a change no longer tests: pointers that calls return, and whether a call set a variable."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.flow.actions import Assigned, Called, Declared, Dereferenced, Operation, Read, words_of
from patchscan.flow.conventions import fails_as
from patchscan.flow.graph import Graph
from patchscan.flow.lookedat import first_tests, tests_of
from patchscan.flow.nulls import in_text, never_fails, returned_uses
from patchscan.flow.resources import releasing, returns_null

if TYPE_CHECKING:
    from patchscan.flow.callees import Callees

# Where a driver is bound by a table an entry of it is found.
_PICKS = pattern(r"match|drvdata")


@frozen
class Untested:
    """What a call returned is used on `line` without a test, of which there was one; may: what it may be."""

    call: Called
    may: Literal["error", "null", ""]
    line: int


def untested(graph: Graph, before: Graph, callees: "Callees | None") -> Iterator[Untested]:
    """The pointers that calls return and that a change no longer tests before they are used, although they may fail.

    callees: the functions of the tree. What `nulls` finds by itself is left to it.
    """
    was = {(each.call.name, each.key): each.kind for each in tests_of(before, _keeps_pointer)}
    copied = {
        each.value.copy for point in graph.points for each in point.operations if isinstance(each, Assigned)
    }
    for number, call in graph.calls:
        kind = was.get((call.name, call.result), "")
        if kind not in ("null", "error", "both") or not call.sure or call.result in copied:
            continue
        if call.result in graph.tests and any(first_tests(graph, number, call.result)):
            continue
        if never_fails(call):
            continue
        line = _first_use(graph, number, call, kind == "null" and returns_null(call.name))
        may = fails_as(call.name, graph.function, callees) if line and not _PICKS.search(call.name) else ""
        if may and not (may == "null" and any(returned_uses(graph, call.__eq__, in_text(graph.function)))):
            yield Untested(call, may, line)


@frozen
class Unset:
    """key is read on `line`, and only this call can have set it, of which nobody asks any more whether it did."""

    call: Called
    key: str
    line: int


def unset_by(graph: Graph, before: Graph) -> Iterator[Unset]:
    """The variables that only a call sets whose failure a change no longer looks at."""
    asked = {(each.call.name, each.call.arguments) for each in tests_of(before, lambda call: call.sure)}
    operations = [each for point in graph.points for each in point.operations]
    bare = {each.key for each in operations if isinstance(each, Declared)}
    others = {each.key for each in operations if isinstance(each, Assigned)}
    for _, call in graph.calls:
        if (call.name, call.arguments) not in asked or _is_looked_at(graph, call):
            continue
        for argument in call.arguments:
            key = argument.removeprefix("&")
            if key == argument or key not in bare - others:
                continue
            set_elsewhere = any(argument in each.arguments for _, each in graph.calls if each != call)
            reads = [each.line for each in operations if isinstance(each, Read) and each.key == key]
            if reads and not set_elsewhere:
                yield Unset(call, key, min(reads))


def _is_looked_at(graph: Graph, call: Called) -> bool:
    """Whether what a call returned is read anywhere."""
    if not call.result:
        nodes = (each.node.parent for each in graph.function.calls() if each.node.start_byte == call.offset)
        return all(node is None or node.type != "expression_statement" for node in nodes)
    key = call.result
    start = next(number for number, each in graph.calls if each is call)
    seen, work = {start}, [start]
    while work:
        point = graph.points[work.pop()]
        operations = point.operations
        if call in operations:
            behind = operations[operations.index(call) + 1 :]
            operations = tuple(each for each in behind if not _takes_over(each, call))
        if any(isinstance(each, Read) and each.key == key for each in operations):
            return True
        if point.value is not None and point.value.copy == key:
            return True
        if any(edge.key and (key == edge.key or key in words_of(edge.key)) for edge in point.edges):
            return True
        if not any(isinstance(each, Assigned) and each.key == key for each in operations):
            work.extend(edge.to for edge in point.edges if edge.to not in seen)
            seen.update(edge.to for edge in point.edges)
    return False


def _takes_over(operation: Operation, call: Called) -> bool:
    """Whether an operation assigns what a call returned."""
    return isinstance(operation, Assigned) and operation.value.copy == f"@{call.offset}"


def _keeps_pointer(call: Called) -> bool:
    return call.result != ""


def _first_use(graph: Graph, number: int, call: Called, handed: bool) -> int:
    """The line that needs what a call returned first, 0 where it may be set anew before or nothing needs it.

    handed: whether to hand it to a function is a need.
    """
    key, seen, work = call.result, {number}, [number]
    while work:
        at = work.pop()
        known = at != number
        for each in graph.points[at].operations:
            if each is call:
                known = True
            elif known and isinstance(each, Assigned) and each.key == key and each.line != call.line:
                return 0
            elif known and _is_need(each, key, handed):
                return each.line
        work.extend(edge.to for edge in graph.points[at].edges if edge.to not in seen)
        seen.update(edge.to for edge in graph.points[at].edges)
    return 0


def _is_need(operation: Operation, key: str, handed: bool) -> bool:
    if isinstance(operation, Called):
        return _needs(operation, key, handed)
    return isinstance(operation, Dereferenced) and operation.key == key


def _needs(call: Called, key: str, handed: bool) -> bool:
    """Whether a call is given a member of what a key points to; handed: or that itself, where it does not free it."""
    if any(one.startswith((f"&{key}->", f"{key}->")) for one in call.arguments):
        return True
    return handed and key in call.arguments and call.name not in releasing() and not is_test(call.name)


def is_test(name: str) -> bool:
    """Whether a function only tells whether a pointer is one, or is made for NULL."""
    return name.startswith(("IS_ERR", "WARN", "BUG", "ZERO_OR_NULL", "unlikely", "likely"))
