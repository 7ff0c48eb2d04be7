"""Loops: zero times or once, those over CPUs once for each CPU of the model, and what leaves them."""

from functools import lru_cache

from tree_sitter import Node

from patchscan.basics.pattern import pattern
from patchscan.c.nodes import arguments, nodes
from patchscan.codebase.definition import Definition
from patchscan.model.lowering import masks
from patchscan.model.lowering.abstract_values import Const, Value, cpu_value, negate, truth
from patchscan.model.lowering.accesses import read
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.handed_on import look_on
from patchscan.model.lowering.joins import assume, branch, exits
from patchscan.model.lowering.later_rounds import Round, any_round, leave_behind
from patchscan.model.lowering.lowered import Hole
from patchscan.model.lowering.memory import Context, Frame, Out, place_of
from patchscan.model.lowering.switches import END, NEXT, Rest
from patchscan.model.lowering.targets import dereference
from patchscan.model.lowering.typing import find

_CPU_LOOP = pattern(r"(for_each_(?:online_|possible_|present_)?cpu\w*)\s*\(")
_EMPTY_BODY = pattern(r"(?:[\s{};]|cpu_relax\(\)|barrier\(\)|cond_resched\(\))*")
_FOR_EACH = pattern(r"\w*for_?each")
_NONE: frozenset[str] = frozenset()
LOOPS = ("while_statement", "for_statement", "do_statement")


def leave_loop(todo: Rest, end: str) -> Rest:
    """Drop what is left of the innermost loop or switch, or of the round of a loop, and give it."""
    left: Rest = []
    while todo and end not in left:
        left.append(todo.pop(0))
    return left


def loop(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """A loop: over CPUs, a spin, a do (once), or zero times or once."""
    body, condition = node.child_by_field_name("body"), node.child_by_field_name("condition")
    over_cpus = _CPU_LOOP.match(text := frame.text(node))
    if over_cpus and body is not None and not context.code.own(over_cpus.group(1), frame.path):
        return _each_cpu(context, node, over_cpus.group(1), env, frame, out, todo)
    if node.type == "do_statement":
        again: Rest = []
        if condition is None or frame.text(condition).strip("() ") not in ("0", "false"):
            context.assumptions.add("loops run at most once")
            _any_round(context, None, body, env, frame)
            again = [Round(env.copy(), text, [*([body] if body is not None else []), NEXT, END], frame)]
        conditions = [condition] if condition is not None else []
        a_round: Rest = [*([body] if body is not None else []), NEXT, *conditions, *again, END]
        look_on(context, node, a_round, env, frame, out)
        todo[:0] = a_round
        return None
    iterates = _FOR_EACH.match(text) is not None
    if node.type == "while_statement" and body is not None and _EMPTY_BODY.fullmatch(frame.text(body)):
        _spin(context, node, env, frame, out)
        return None
    initial = node.child_by_field_name("initializer")
    if initial is not None:
        todo_first = [initial]
        context.lower_block(context, todo_first, env, frame, out)
    context.assumptions.add("loops run at most once")
    value = _iteration(context, condition, iterates, env, frame, out)
    step = node.child_by_field_name("update")
    _any_round(context, step, body, env, frame)
    acts = step is not None and any(inner.type == "call_expression" for inner in nodes(step))
    steps = [step] if step is not None and acts else []
    a_round = [*([body] if body is not None else []), NEXT, *steps, END]
    if value != Const(0):
        look_on(context, node, a_round, env, frame, out)
    a_round.insert(-1, Round(env.copy(), text, list(a_round), frame))
    if isinstance(value, Const):
        todo[:0] = a_round if value.number else [END]
        return None
    rest = todo if exits(body) else []
    branch(context, value, node, (a_round, []), env, frame, out, rest)
    return env if rest is todo else None


def _any_round(
    context: Context, step: Node | None, body: Node | None, env: Environment, frame: Frame
) -> None:
    """What a loop counts, or hands on to its next round, is no longer the number it began with: the round that is
    followed may be any. A pointer stays what it was: what it leads to is another question."""
    counted = _counted(step, frame.definition) if step is not None else frozenset()
    for name in sorted(counted | (_handed_on(body, frame.definition) if body is not None else frozenset())):
        pointer = name not in counted and frame.types.get(name, "").endswith("*")
        if not pointer and isinstance(env.get((frame.number, name)), Const):
            env[frame.number, name] = context.unknown(name, frame.types.get(name, ""))
    if body is not None:
        any_round(context, body, env, frame)


@lru_cache(maxsize=4096)
def _counted(step: Node, definition: Definition) -> frozenset[str]:
    found = (
        node.child_by_field_name("argument") or node.child_by_field_name("left")
        for node in nodes(step)
        if node.type in ("update_expression", "assignment_expression")
    )
    return frozenset(definition.text_of(node) for node in found if node is not None)


@lru_cache(maxsize=4096)
def _handed_on(body: Node, definition: Definition) -> frozenset[str]:
    """The variables that a round looks at as the round before left them: set in it, and looked at before that."""
    first: dict[str, bool] = {}
    written: set[str] = set()
    for node in nodes(body):
        if node.type != "identifier":
            continue
        name, up = definition.text_of(node), node.parent
        assigned = (
            up is not None and up.type == "assignment_expression" and up.child_by_field_name("left") == node
        )
        operator = up.child_by_field_name("operator") if up is not None and assigned else None
        plain = operator is not None and definition.text_of(operator) == "="
        if plain:
            written.add(name)
            first.setdefault(name, _is_on_every_way(up, body))
        elif not assigned and (up is None or up.type != "update_expression"):
            first[name] = first.get(name, False)
    return frozenset(name for name in written if not first[name])


def _is_on_every_way(node: Node | None, body: Node) -> bool:
    """Whether an assignment is a statement of the body itself."""
    statement = node.parent if node is not None else None
    return statement is not None and statement.type == "expression_statement" and statement.parent == body


def _iteration(
    context: Context, condition: Node | None, iterates: bool, env: Environment, frame: Frame, out: Out
) -> Value:
    """The condition of a loop's first round; an iterator macro gives its variable an unknown value."""
    if not iterates:
        return (
            truth(context.evaluate(context, condition, env, frame, out))
            if condition is not None
            else Const(1)
        )
    for variable in arguments(condition)[:1]:
        name = frame.text(variable)
        if find(name, frame) == "local":
            env[frame.number, name] = context.unknown(name, frame.types[name])
    return truth(context.unknown("one more round"))


def _spin(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> None:
    """Wait in a loop until a condition: executions in which it never comes are not looked at."""
    value = truth(context.evaluate(context, node.child_by_field_name("condition"), env, frame, out))
    assume(negate(value), node, frame, out)


def _each_cpu(
    context: Context, node: Node, macro: str, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """Once for each CPU of the model that the mask may hold."""
    body, given = node.child_by_field_name("body"), arguments(node.child_by_field_name("condition"))
    assert body is not None
    if _leaves(body):
        out.append(Hole(macro, "a way out of a loop over CPUs", _NONE, _NONE, True, place_of(frame, node)))
    mask = given[1] if macro.startswith("for_each_cpu") and len(given) > 1 else None
    if mask is not None and context.by_field:
        value = context.evaluate(context, mask, env, frame, out)
        read(context, dereference(context, value, ""), "plain", env, out, place_of(frame, node))
    begun = Round(env.copy(), frame.text(node), [body, NEXT, END], frame)
    for cpu in context.every_cpu():
        inside = masks.looped_over(context, macro, given, cpu, env, frame)
        if inside == Const(0):
            continue
        _set_variable(context, given[0], cpu, env, frame)
        if inside == Const(1):
            after = context.lower_block(context, [body, NEXT, END], env, frame, out)
            env.replace(after)
        else:
            branch(context, truth(inside), node, ([body, NEXT, END], []), env, frame, out, [])
        leave_behind(context, begun, env)
    return None


def _leaves(body: Node) -> bool:
    """Whether a loop may end before it has come to every CPU."""
    return any(node.type in ("return_statement", "goto_statement", "break_statement") for node in nodes(body))


def _set_variable(context: Context, node: Node, cpu: int, env: Environment, frame: Frame) -> None:
    """Give the loop variable its CPU, in the frame that declares it."""
    name = frame.text(node)
    while name in frame.bound:
        node, frame = frame.bound[name]
        name = frame.text(node)
    env[frame.number, name] = cpu_value(cpu)
    frame.types.setdefault(name, "int")
