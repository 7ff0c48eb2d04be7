"""What a function holds at its ways out, of the resources that are asked for."""

from collections.abc import Callable, Collection, Hashable, Mapping

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.flow.actions import words_of
from patchscan.flow.graph import Graph
from patchscan.flow.heeding import Exit
from patchscan.flow.held import GONE, HELD, Holding, Holdings, Taken, Way, hands_out
from patchscan.flow.holding import followed
from patchscan.flow.signs import NOT_ZERO, ZERO
from patchscan.flow.taking import Resource, resources
from patchscan.flow.trails import fails

_UNSIGNED = pattern(r"^(?:const )?(?:unsigned\b|size_t|u\d+|uint\d*_t|bool)[\w ]*$")


@kept
def _known(graph: Graph) -> dict[Hashable, Holding]:
    """What was found of one graph so far."""
    return {}


def holdings(
    graph: Graph,
    wanted: Callable[[Resource], bool],
    known_calls: Collection[str] = (),
    given: Mapping[str, str] = {},
) -> Holdings:
    """What a function holds at its ways out of the resources that are wanted, by the identity of the resource.

    known_calls, given: see resources().
    """
    known = _known(graph)
    found: dict[tuple[str, str], list[Holding]] = {}
    for resource in resources(graph, known_calls, given):
        if wanted(resource):
            key = (*resource.identity, resource.sites, resource.loops)
            if key not in known:
                known[key] = _holding(graph, resource)
            found.setdefault(resource.identity, []).append(known[key])
    return found


@kept
def _unsigned(graph: Graph) -> frozenset[str]:
    """The variables that hold no negative number."""
    return frozenset(each.name for each in graph.function.locals if _UNSIGNED.search(each.type))


@kept
def _failing(graph: Graph) -> dict[tuple[int, int | None], bool | None]:
    """What was found of (point, signs of what is returned) so far: whether such a way out fails."""
    return {}


@kept
def _returned(graph: Graph) -> list[frozenset[str]]:
    """Per point: the words of what is returned there."""
    return [frozenset(words_of(point.returned)) for point in graph.points]


@kept
def _returns_pointer(graph: Graph) -> bool:
    return "*" in graph.function.header.partition(graph.function.name)[0]


def _fails(graph: Graph, out: Exit) -> bool | None:
    """Whether a way out returns a failure, by its signs and by what is written there."""
    returned, pointer = graph.points[out.point].returned, _returns_pointer(graph)
    failing = False if returned in _unsigned(graph) and out.signs == NOT_ZERO else fails(out.signs, pointer)
    if pointer and failing is None and returned.startswith(("ERR_PTR(", "ERR_CAST(")):
        failing = True if out.signs is not None and not out.signs & ZERO else None
    return failing


def _holding(graph: Graph, resource: Resource) -> Holding:
    walk = followed(graph, resource)
    client = walk.client
    pointer = _returns_pointer(graph)
    goes_out = client.goes_with_object or not isinstance(resource.row.at, int)
    returned, failing = _returned(graph), _failing(graph)
    outs = []
    for each in walk.exits:
        token: Taken = each.token
        if each.coarse or not token.state:
            continue
        point = graph.points[each.point]
        told = token.state == HELD and goes_out and not returned[each.point].isdisjoint(token.words)
        if told and hands_out(point.returned, token, pointer):
            token = Taken(GONE, frozenset(), point.line)
        tells, void = (each.point, each.signs), point.value is None
        if tells not in failing:
            failing[tells] = _fails(graph, each)
        outs.append(Way(each, token, failing[tells], void, point.line, point.returned, pointer))
    return Holding(graph.function, resource, tuple(outs), walk.complete, tuple(client.again))
