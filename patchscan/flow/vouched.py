"""Whether something else tells of a pointer that was found to be NULL, or was not looked at."""

from collections.abc import Container

from patchscan.basics.pattern import pattern
from patchscan.flow.actions import Assigned, words_of
from patchscan.flow.graph import Graph
from patchscan.flow.nulls import NullUse, makers
from patchscan.flow.signs import ZERO
from patchscan.flow.trails import steps_of

_ROUNDS = pattern(r"\w+<\w+")


def is_told_by_another(graph: Graph, use: NullUse) -> bool:
    """Whether something decided between the test and the use that may tell of the pointer, too.

    That is another pointer or argument, which may be there only with this one, a number of rounds, which may be 0
    without it, the case of a switch, what was set where the pointer was found to be NULL, and a question about what the
    pointer was asked for by.
    """
    asked = {call.arguments for _, call in graph.calls if call.result == use.key and call.arguments}
    others_of = {f"@{call.offset}" for _, call in graph.calls if call.arguments in asked}
    others = {*graph.pointers, *(each.name for each in graph.function.parameters)}
    steps = steps_of(use.trail)
    last = max(
        (at for at, (_, edge) in enumerate(steps) if edge is not None and edge.key == use.key), default=-1
    )
    if last < 0:
        return False
    marks: set[str] = set()
    decided = False
    for number, edge in steps[last:]:
        if edge is not None and edge.key != use.key:
            decided = True
            if (
                edge.taken == "case"
                or (
                    edge.signs & ZERO == 0 and (edge.key in others | others_of or _ROUNDS.fullmatch(edge.key))
                )
                or not marks.isdisjoint(words_of(edge.key))
            ):
                return True
        if not decided:
            marks.update(
                each.key
                for each in graph.points[number].operations
                if isinstance(each, Assigned) and each.key.isidentifier() and each.value.copy[:1] != "@"
            )
    return False


def is_vouched_for(graph: Graph, use: NullUse, lines: Container[int]) -> bool:
    """Whether one of these lines asks for it in another way: of the pointer itself, or of what it was asked for by.

    if (!port_has_peer(port)) return; peer = port_peer(port); if (IS_ERR(peer)) return;
    """
    steps = [edge for _, edge in steps_of(use.trail) if edge is not None and edge.line in lines]
    if any(edge.key == use.key for edge in steps):
        return True
    calls = {f"@{call.offset}": call for _, call in graph.calls}
    made = {
        call.arguments
        for call in calls.values()
        if call.line == use.origin and call.name in makers(graph, use)
    }
    tests = (calls.get(edge.key) for edge in steps if not edge.signs & ZERO)
    return any(each is not None and each.arguments and each.arguments in made for each in tests)
