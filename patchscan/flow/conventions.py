"""What a function returns when it fails: NULL, an ERR_PTR, zero or a negative number."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from patchscan.basics.record import frozen
from patchscan.c.source import Function, source_of
from patchscan.flow.actions import Called
from patchscan.flow.building import graph_of
from patchscan.flow.signs import ANY, NEGATIVE, NOT_NEGATIVE, NOT_ZERO, ZERO
from patchscan.flow.ways import Client, ways_of
from patchscan.flow.wellknown import listed as listed
from patchscan.flow.wellknown import signs_of

if TYPE_CHECKING:
    from patchscan.flow.callees import Callees

# Return values are followed through so many functions.
_DEEPEST = 3
Definitions = Callable[[str, Function], Sequence[Function]]


@frozen
class Convention:
    """signs: what may be returned; path, line: where the value that tells a failure is returned, "" in the table."""

    signs: int
    path: str = ""
    line: int = 0

    @property
    def fails(self) -> Literal["error", "null", ""]:
        """How a pointer tells the failure: an ERR_PTR and never NULL, or NULL and never an ERR_PTR; "" for neither."""
        return "error" if self.signs == NOT_ZERO else "null" if self.signs == NOT_NEGATIVE else ""


UNKNOWN = Convention(ANY)


def convention(name: str, asking: Function, definitions: Definitions, depth: int = 0) -> Convention:
    """What a call of this name may return, by the table or by its definitions in C files, else in headers."""
    if listed(name):
        return Convention(signs_of(name))
    if "_optional" in name or depth > _DEEPEST:
        return UNKNOWN
    found = definitions(name, asking)
    found = [each for each in found if each.source.path.endswith(".c")] or list(found)
    if not 0 < len(found) <= 2:
        return UNKNOWN
    all_of = [_returned(each, definitions, depth) for each in found]
    signs = 0
    for each in all_of:
        signs |= each.signs
    telling = next((each for each in all_of if each.line), all_of[0])
    return Convention(signs, telling.path, telling.line)


def fails_as(name: str, asking: Function, callees: "Callees | None") -> Literal["error", "null", ""]:
    """How a call of this name tells its failure, by the table, the text of the caller or the tree."""

    def definitions(called: str, at: Function) -> Sequence[Function]:
        source = source_of(at)
        own = [each for each in source.functions() if each.name == called]
        return own or (callees.definitions(called, source).functions if callees is not None else ())

    return convention(name, asking, definitions).fails


def _returned(function: Function, definitions: Definitions, depth: int) -> Convention:
    graph = graph_of(function)
    if graph is None:
        return UNKNOWN
    walk = ways_of(graph).walk(Client())
    if not walk.complete or not walk.exits:
        return UNKNOWN
    calls = {f"@{e.offset}": e for p in graph.points for e in p.operations if isinstance(e, Called)}
    signs, line, fails = 0, 0, False
    for way in walk.exits:
        point = graph.points[way.point]
        if way.signs is None:
            return UNKNOWN
        here = way.signs & ANY
        called = calls.get(point.value.copy) if point.value is not None else None
        if here == ANY and called is not None and called.name:
            known = convention(called.name, function, definitions, depth + 1)
            here, fails = known.signs, fails or known.signs == NOT_ZERO
        signs |= here
        if here in (NEGATIVE, ZERO) and not line:
            line = point.line
        fails = fails or here == NEGATIVE
        if signs == ANY:
            break
    if signs & ZERO == 0 and signs & NEGATIVE and not fails:
        # It is not NULL, but nothing says that it may be an ERR_PTR.
        return UNKNOWN
    return Convention(signs, function.source.path, line)
