"""A switch: each case with what it falls through to; which one is a choice where the value is not known."""

from tree_sitter import Node

from patchscan.c.nodes import children
from patchscan.model.lowering.abstract_values import Const, Value, combine, truth
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.joins import join
from patchscan.model.lowering.memory import Context, Frame, Out

END = "end of loop"
Rest = list["Node | str"]


def switch(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """Each case with what it falls through to; which one is a choice where the value is not known."""
    value = context.evaluate(context, node.child_by_field_name("condition"), env, frame, out)
    body = node.child_by_field_name("body")
    cases = [case for case in children(body) if case.type == "case_statement"] if body is not None else []
    _cases(context, node, value, cases, 0, env, frame, out, [END, *todo])
    return env


def _cases(
    context: Context,
    node: Node,
    value: Value,
    cases: list[Node],
    index: int,
    env: Environment,
    frame: Frame,
    out: Out,
    rest: Rest,
) -> None:
    """The case at `index` or one behind it; `default` counts where it stands last."""
    if index >= len(cases):
        after = context.lower_block(context, rest, env, frame, out)
        env.replace(after)
        return
    label = cases[index].child_by_field_name("value")
    statements: Rest = [child for case in cases[index:] for child in _of_case(case)]
    if label is None:
        condition: Value = Const(1) if index == len(cases) - 1 else truth(context.unknown("default"))
    else:
        condition = combine("==", value, context.evaluate(context, label, env, frame, out))
    yes_events, no_events = Out(), Out()
    yes, no = env.copy(), env.copy()
    if condition != Const(0):
        yes = context.lower_block(context, [*statements, *rest], yes, frame, yes_events)
    if condition != Const(1):
        _cases(context, node, value, cases, index + 1, no, frame, no_events, rest)
    if isinstance(condition, Const):
        chosen, events = (yes, yes_events) if condition.number else (no, no_events)
        env.replace(chosen)
        out.extend(events)
    else:
        join(context, condition, node, frame, (yes, yes_events), (no, no_events), env, out)


def _of_case(case: Node) -> list[Node]:
    """The statements of a case, its value left out."""
    value = case.child_by_field_name("value")
    return [child for child in children(case) if value is None or child.start_byte != value.start_byte]
