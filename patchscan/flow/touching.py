"""What of a function may do something to a resource that is followed: calls by their names, and what it is made of."""

from collections.abc import Mapping

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.flow.actions import Assigned, root_of, words_of
from patchscan.flow.graph import Graph
from patchscan.flow.held import GIVEN, GONE, HELD
from patchscan.flow.resources import Row, words_of_names
from patchscan.flow.strides import name_word

DERIVES = pattern(r"container_of\w*|to_[a-z]\w*|of_fwnode_handle|of_node_to_fwnode|dev_to_\w+")
NOT_HELD = "lockdep_assert_not_held"


@kept
def _ending(graph: Graph) -> frozenset[str]:
    """The calls that may end something that they are handed, or derive something from it."""
    telling = words_of_names("gives_back") | words_of_names("ends")
    return frozenset(
        name_word(name)
        for name in {call.name for _, call in graph.calls}
        if not telling.isdisjoint(name.lower().split("_")) or DERIVES.fullmatch(name)
    )


def wholes_of(graph: Graph, part: str) -> frozenset[str]:
    """The variables inside of what which a pointer of this name points: port, where it is &port->queue."""
    return _wholes(graph).get(part, frozenset())


@kept
def _wholes(graph: Graph) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for point in graph.points:
        for each in point.operations:
            if isinstance(each, Assigned) and each.source.startswith("&"):
                found.setdefault(each.key, set()).add(root_of(each.source[1:]))
    return {key: frozenset(words) for key, words in found.items()}


@kept
def made_of(graph: Graph) -> Mapping[str, frozenset[str]]:
    """The variables and parameters that are named in what is assigned to each key."""
    mine = graph.locals | {each.name for each in graph.function.parameters}
    found: dict[str, set[str]] = {}
    for point in graph.points:
        for each in point.operations:
            if isinstance(each, Assigned):
                found.setdefault(each.key, set()).update(mine.intersection(words_of(each.source)))
    return {key: frozenset(words) for key, words in found.items()}


@kept
def returned_copies(graph: Graph) -> frozenset[str]:
    """The values of which a copy is returned."""
    return frozenset(point.value.copy for point in graph.points if point.value is not None)


def calls_that_do(graph: Graph, row: Row, state: str) -> tuple[frozenset[str], ...]:
    """The calls that may do something in a state, beside those that the text defines; HELD: what an argument tells.

    Behind what is gone, and may have been given back by many calls, only that counts which surely gives it back.
    """
    if state == GIVEN:
        return (frozenset(map(name_word, row.release)),)
    gives = frozenset(map(name_word, (*row.release, *row.wrong, NOT_HELD)))
    if state == HELD:
        gives |= frozenset(map(name_word, (*row.refuted_by, *row.confirmed_by, *row.consumes)))
    return (gives, _ending(graph)) if state in (HELD, GONE) else (gives,)
