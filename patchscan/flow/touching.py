"""Which calls of a function may do something to a resource that is followed, by their names."""

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.flow.actions import Assigned, root_of
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


@kept
def wholes_of(graph: Graph, part: str) -> frozenset[str]:
    """The variables inside of what which a pointer of this name points: port, where it is &port->queue."""
    return frozenset(
        root_of(each.source[1:])
        for point in graph.points
        for each in point.operations
        if isinstance(each, Assigned) and each.key == part and each.source.startswith("&")
    )


def calls_that_do(graph: Graph, row: Row, state: str) -> frozenset[str]:
    """The calls that may do something in a state, beside those that the text defines; HELD: what an argument tells.

    Behind what is gone, and may have been given back by many calls, only that counts which surely gives it back.
    """
    if state == GIVEN:
        return frozenset(map(name_word, row.release))
    gives = frozenset(map(name_word, (*row.release, *row.wrong, NOT_HELD)))
    if state == HELD:
        gives |= frozenset(map(name_word, (*row.refuted_by, *row.confirmed_by, *row.consumes)))
    return gives | _ending(graph) if state in (HELD, GONE) else gives
