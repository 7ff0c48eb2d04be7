"""A switch: each case with what it falls through to; which one is a choice where the value is not known."""

from collections.abc import Iterator

from tree_sitter import Node

from patchscan.c.nodes import children
from patchscan.model.lowering.abstract_values import Const, Value, combine, truth
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.joins import join
from patchscan.model.lowering.lowered import Hole
from patchscan.model.lowering.memory import Context, Frame, Out, place_of

END = "end of loop"
NEXT = "next round"
Rest = list["Node | str"]
_NONE: frozenset[str] = frozenset()


def switch(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """Each case with what it falls through to; which one is a choice where the value is not known."""
    value = context.evaluate(context, node.child_by_field_name("condition"), env, frame, out)
    body = node.child_by_field_name("body")
    cases = [case for case in children(body) if case.type == "case_statement"] if body is not None else []
    if body is not None and len(cases) != sum(each.type == "case_statement" for each in _own(body)):
        hole = Hole("a case inside of a statement", "parse", _NONE, _NONE, True, place_of(frame, node))
        out.append(hole)
    order = sorted(range(len(cases)), key=lambda index: cases[index].child_by_field_name("value") is None)
    _cases(context, node, value, cases, order, env, frame, out, [END, *todo])
    return env


def _own(body: Node) -> Iterator[Node]:
    """The nodes of a switch's body, those of switches in it left out."""
    left = list(children(body))
    while left:
        node = left.pop()
        yield node
        if node.type != "switch_statement":
            left += children(node)


def _cases(
    context: Context,
    node: Node,
    value: Value,
    cases: list[Node],
    order: list[int],
    env: Environment,
    frame: Frame,
    out: Out,
    rest: Rest,
) -> None:
    """One case in the order given: `default`, wherever it stands, is asked last."""
    if not order:
        after = context.lower_block(context, rest, env, frame, out)
        env.replace(after)
        return
    index = order[0]
    label = cases[index].child_by_field_name("value")
    statements: Rest = [child for case in cases[index:] for child in of_case(case)]
    if label is None:
        condition: Value = Const(1)
    elif _is_range(cases[index], frame):
        condition = truth(context.unknown(frame.text(label)))
    else:
        condition = combine("==", value, context.evaluate(context, label, env, frame, out))
    yes_events, no_events = Out(), Out()
    yes, no = env.copy(), env.copy()
    if condition != Const(0):
        yes = context.lower_block(context, [*statements, *rest], yes, frame, yes_events)
    if condition != Const(1):
        _cases(context, node, value, cases, order[1:], no, frame, no_events, rest)
    if isinstance(condition, Const):
        chosen, events = (yes, yes_events) if condition.number else (no, no_events)
        env.replace(chosen)
        out.extend(events)
    else:
        join(context, condition, node, frame, (yes, yes_events), (no, no_events), env, out)


def _is_range(case: Node, frame: Frame) -> bool:
    """case 1 ... 5:"""
    return "..." in frame.text(case).partition(":")[0]


def of_case(case: Node) -> list[Node]:
    """The statements of a case, its value left out."""
    value = case.child_by_field_name("value")
    return [child for child in children(case) if value is None or child.start_byte != value.start_byte]
