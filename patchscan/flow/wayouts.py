"""What a function holds at its ways out, of the resources that are asked for."""

from collections.abc import Callable, Collection, Hashable, Mapping

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.flow.graph import Graph
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


def _holding(graph: Graph, resource: Resource) -> Holding:
    walk = followed(graph, resource)
    client = walk.client
    pointer = "*" in graph.function.header.partition(graph.function.name)[0]
    unsigned = _unsigned(graph)
    outs = []
    for each in walk.exits:
        token: Taken = each.token
        if each.coarse or not token.state:
            continue
        point = graph.points[each.point]
        returned = point.returned
        goes_out = client.goes_with_object or not isinstance(resource.row.at, int)
        if token.state == HELD and goes_out and hands_out(returned, token, pointer):
            token = Taken(GONE, frozenset(), point.line)
        failing = False if returned in unsigned and each.signs == NOT_ZERO else fails(each.signs, pointer)
        if pointer and failing is None and returned.startswith(("ERR_PTR(", "ERR_CAST(")):
            failing = True if each.signs is not None and not each.signs & ZERO else None
        outs.append(Way(each, token, failing, point.value is None, point.line, returned, pointer))
    return Holding(graph.function, resource, tuple(outs), walk.complete, tuple(client.again))
