"""The second round of a loop, of which a model has one: what it frees that the first handed on to it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tree_sitter import Node

from patchscan.c.nodes import nodes
from patchscan.model.lowering.abstract_values import Location, Through
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.lowered import Body, Branch, Choice, Hole, Write
from patchscan.model.lowering.memory import FREED, Context, Frame, Out, place_of

_LOST = "free of an object the model lost"
_WRITES = frozenset({"assignment_expression", "call_expression"})


@contextmanager
def tried(context: Context) -> Iterator[None]:
    """What is lowered meanwhile leaves nothing behind in the context."""
    noted = context.accesses, context.assumptions, context.visited, context.merged, context.tables
    state = context.counter, context.budget, context.looks_on
    context.accesses, context.assumptions, context.visited = [], set(), set()
    context.merged, context.tables, context.looks_on = set(), set(), True
    yield
    context.accesses, context.assumptions, context.visited, context.merged, context.tables = noted
    context.counter, context.budget, context.looks_on = state


def look_on(
    context: Context,
    node: Node,
    a_round: Sequence["Node | str"],
    env: Environment,
    frame: Frame,
    out: Out,
    begun: bool = False,
) -> None:
    """Tell of an object that a second round frees: that is no event, so that nobody knows whether it is waited for.

    begun: whether the first round is done already.
    """
    if (
        context.keep is None
        or context.by_field
        or context.looks_on
        or context.reach.in_reader
        or not _may_free(context, a_round, frame)
    ):
        return
    first, second = Out(), Out()
    with tried(context):
        after = env if begun else context.lower_block(context, list(a_round), env.copy(), frame, first)
        last = context.counter
        if begun or first or after != env:
            context.lower_block(context, list(a_round), after.copy(), frame, second)
        short = context.budget < 0
    known = {where for where, _ in _freed(tuple(first))}
    for where, hole in _freed(tuple(second)):
        handed_on = hole or (isinstance(where, Through) and int(where.register.name[1:]) <= last)
        if short or (handed_on and where not in known):
            text = " ".join(frame.text(node).partition("{")[0].split())[:40]
            none = frozenset[str]()
            out.append(Hole(text, "freed in a later round", none, none, True, place_of(frame, node)))
            return


def _may_free(context: Context, a_round: Sequence["Node | str"], frame: Frame) -> bool:
    """Whether a loop sets something, and calls what may free."""
    found = [inner for each in a_round if not isinstance(each, str) for inner in nodes(each)]
    called = (each.child_by_field_name("function") for each in found if each.type == "call_expression")
    names = {frame.text(each) for each in called if each is not None}
    frees = any(
        "free" in context.stubs.effects.get(name, ()) or context.looks_into(name, frame.path)
        for name in sorted(names)
    )
    return frees and any(each.type in _WRITES for each in found)


def _freed(body: Body) -> Iterator[tuple[Location | str, bool]]:
    """What is freed, and whether it is an object that the model lost."""
    for event in body:
        if isinstance(event, (Branch, Choice)):
            yield from _freed(event.then)
            yield from _freed(event.otherwise)
        elif isinstance(event, Write) and event.value == FREED:
            yield event.location, False
        elif isinstance(event, Hole) and event.kind == _LOST:
            yield f"{event.name} {event.place.line}", True
