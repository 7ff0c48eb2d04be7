"""C functions to events: statements are lowered with what follows them, so that every way out is exact.

An `if` with an exit inside (return, goto, break) gets the rest of the function in both arms; the arms meet again
at the end of the inlined function. Loops run zero times or once, those over CPUs once for each CPU of the model.
"""

from collections.abc import Sequence, Set
from functools import lru_cache

from tree_sitter import Node

from patchscan.basics.pattern import pattern
from patchscan.c.nodes import arguments, children, nodes
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition, declared
from patchscan.model.lowering import masks
from patchscan.model.lowering.abstract_values import (
    Const,
    Unknown,
    Value,
    cpu_value,
    negate,
    truth,
)
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.inlining import bind, run
from patchscan.model.lowering.joins import assume, join
from patchscan.model.lowering.lower_expressions import evaluate, location
from patchscan.model.lowering.lowered import Body, Hole
from patchscan.model.lowering.memory import (
    DEAD,
    RETURN,
    UNSET,
    Context,
    Frame,
    Out,
    dereference,
    place_of,
    read,
)
from patchscan.model.lowering.reach import Reach
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.lowering.switches import END, Rest, switch
from patchscan.model.lowering.typing import find

_EXITS = frozenset({"return_statement", "goto_statement", "break_statement", "continue_statement"})
_CPU_LOOP = pattern(r"(for_each_(?:online_|possible_|present_)?cpu\w*)\s*\(")
_EMPTY_BODY = pattern(r"(?:[\s{};]|cpu_relax\(\)|barrier\(\)|cond_resched\(\))*")
_FOR_EACH = pattern(r"\w*for_?each")
_LOOPS = ("while_statement", "for_statement", "do_statement")
_QUIET = frozenset({"comment", "empty_statement", "preproc_call", "preproc_def", "type_definition", ";"})
_NONE: frozenset[str] = frozenset()


def lower_function(context: Context, definition: Definition) -> Body:
    """The events of a function called with unknown arguments."""
    out, env = Out(), Environment()
    frame = Frame(context.next(), definition)
    context.visited.add((definition.path, definition.name))
    bind(context, frame, [], env)
    run(context, frame, env, out)
    return tuple(out)


def lower_alone(
    definition: Definition, code: Codebase, stubs: Stubs, effects: Set[str], budget: int, depth: int
) -> Body:
    """A function lowered with all its accesses, fields named by type: what a model without a scenario begins with.

    effects: what a call must reach to be looked into (see Reach); budget and depth: how much of it is.
    """
    reach = Reach(code, stubs, frozenset(effects), frozenset())
    context = Context(
        code=code,
        stubs=stubs,
        reach=reach,
        cpu=0,
        cpus=(0, 1),
        keep=None,
        instances={},
        look_into=frozenset(),
        lower_block=lower_block,
        evaluate=evaluate,
        location=location,
        budget=budget,
        depth=depth,
        by_field=True,
    )
    return lower_function(context, definition)


def lower_block(
    context: Context, statements: Sequence["Node | str"], env: Environment, frame: Frame, out: Out
) -> Environment:
    """Lower statements in order; the environment after them (a new one where the code branched)."""
    todo: Rest = list(statements)
    while todo:
        statement = todo.pop(0)
        if isinstance(statement, str):
            continue
        context.budget -= 1
        if context.budget < 0:
            if context.budget == -1:
                out.append(Hole("the rest", "budget", _NONE, _NONE, True, place_of(frame, statement)))
            return env
        done = _statement(context, statement, env, frame, out, todo)
        if done is not None:
            return done
    return env


def _statement(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """One statement; gives the final environment where it has also dealt with everything that follows."""
    kind = node.type
    if kind == "compound_statement":
        todo[:0] = children(node)
    elif kind == "expression_statement":
        for expression in children(node):
            if not _declared_by_macro(context, expression, env, frame):
                evaluate(context, expression, env, frame, out)
    elif kind == "declaration":
        declare(context, node, env, frame, out)
    elif kind == "labeled_statement":
        todo[:0] = children(node)[1:]
    elif kind == "return_statement":
        inner = children(node)
        env[frame.number, RETURN] = evaluate(context, inner[0], env, frame, out) if inner else Const(0)
        return env
    elif kind == "goto_statement":
        return _goto(context, node, env, frame, out, todo)
    elif kind in ("break_statement", "continue_statement"):
        _leave_loop(todo)
    elif kind == "if_statement":
        return _if(context, node, env, frame, out, todo)
    elif kind in _LOOPS:
        return _loop(context, node, env, frame, out, todo)
    elif kind == "switch_statement":
        return switch(context, node, env, frame, out, todo)
    elif kind.endswith("_expression"):
        evaluate(context, node, env, frame, out)
    elif kind not in _QUIET:
        out.append(Hole(frame.text(node)[:40], "parse", _NONE, _NONE, True, place_of(frame, node)))
    return None


def _declared_by_macro(context: Context, node: Node, env: Environment, frame: Frame) -> bool:
    """DEFINE_FOLIO_VMA_WALK(name, ...): a macro that declares a structure by the name it is given."""
    callee = node.child_by_field_name("function") if node.type == "call_expression" else None
    macro = context.callee(frame.text(callee), frame.path) if callee is not None else None
    if macro is None or macro.declares is None:
        return False
    kind, index = macro.declares
    given = arguments(node.child_by_field_name("arguments"))
    argument = given[index] if index < len(given) else None
    if argument is None or argument.type != "identifier":
        return False
    name = frame.text(argument)
    frame.types[name] = kind
    env[frame.number, name] = context.unknown(name, frame.types[name])
    return True


def _leave_loop(todo: Rest) -> None:
    """Drop what is left of the innermost loop or switch."""
    while todo and todo.pop(0) != END:
        pass


def declare(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> None:
    """A declaration of variables, with their initial values; a static one is no different from a global."""
    if any(
        child.type == "storage_class_specifier" and frame.text(child) == "static" for child in node.children
    ):
        return
    kind = node.child_by_field_name("type")
    base = frame.text(kind) if kind is not None else ""
    for declarator in node.children_by_field_name("declarator"):
        value = declarator.child_by_field_name("value") if declarator.type == "init_declarator" else None
        inner = (
            declarator.child_by_field_name("declarator")
            if declarator.type == "init_declarator"
            else declarator
        )
        typed, name = declared(base, inner, frame.text)
        if not name:
            continue
        frame.types[name] = typed
        if value is None:
            env[frame.number, name] = context.unknown(name, typed, UNSET)
        elif value.type == "initializer_list":
            _initialise(context, value, (frame.number, name), env, frame, out)
        else:
            first = evaluate(context, value, env, frame, out)
            instance = context.instance(typed) if isinstance(first, Unknown) else None
            env[frame.number, name] = instance if instance is not None else first


def _initialise(
    context: Context, node: Node, key: tuple[int, str], env: Environment, frame: Frame, out: Out
) -> None:
    """The fields that `{ .field = value }` gives."""
    env[key] = context.unknown(key[1])
    for pair in children(node):
        if pair.type == "initializer_pair":
            designator = pair.child_by_field_name("designator")
            name = frame.text(designator).lstrip(".") if designator is not None else ""
            value = evaluate(context, pair.child_by_field_name("value"), env, frame, out)
            env[key[0], f"{key[1]}.{name}"] = value


def _goto(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """Forward: go on at the label. Backward: this path is cut, and noted."""
    label = frame.text(children(node)[0])
    target = _after_label(frame.definition, label)
    if target is None or node.start_byte > target[0].start_byte:
        out.append(Hole(f"goto {label}", "goto", _NONE, _NONE, target is not None, place_of(frame, node)))
        context.assumptions.add("jumps back are not taken")
        env[DEAD] = Const(1)
        return env
    todo[:] = target
    return None


@lru_cache(maxsize=1024)
def _after_label(definition: Definition, label: str) -> list[Node] | None:
    """The statements from a label to the end of the function, those after enclosing blocks included."""
    body = definition.body
    stack: list[tuple[Node, list[Node]]] = [(body, [])] if body is not None else []
    while stack:
        block, after = stack.pop()
        inner = children(block)
        for index, node in enumerate(inner):
            if node.type == "labeled_statement" and definition.text_of(children(node)[0]) == label:
                return [node, *inner[index + 1 :], *after]
            sequence = block.type in ("compound_statement", "case_statement")
            stack.append((node, [*(inner[index + 1 :] if sequence else ()), *after]))
    return None


@lru_cache(maxsize=8192)
def _exits(node: Node | None) -> bool:
    """Whether control can leave a statement other than at its end."""
    return node is not None and any(inner.type in _EXITS for inner in nodes(node))


def _if(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    condition = truth(evaluate(context, node.child_by_field_name("condition"), env, frame, out))
    then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
    if otherwise is not None and otherwise.type == "else_clause":
        otherwise = children(otherwise)[-1]
    arms = [[arm] if arm is not None else [] for arm in (then, otherwise)]
    if isinstance(condition, Const):
        todo[:0] = arms[0] if condition.number else arms[1]
        return None
    rest = todo if _exits(then) or _exits(otherwise) else []
    _branch(context, condition, node, (arms[0], arms[1]), env, frame, out, rest)
    return env if rest is todo else None


def _branch(
    context: Context,
    condition: Value,
    node: Node,
    arms: tuple[Sequence["Node | str"], Sequence["Node | str"]],
    env: Environment,
    frame: Frame,
    out: Out,
    rest: Rest,
) -> None:
    """Lower both arms, each followed by `rest`, and join them."""
    yes_events, no_events = Out(), Out()
    yes = lower_block(context, [*arms[0], *rest], env.copy(), frame, yes_events)
    no = lower_block(context, [*arms[1], *rest], env.copy(), frame, no_events)
    join(context, condition, node, frame, (yes, yes_events), (no, no_events), env, out)


def _loop(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """A loop: over CPUs, a spin, a do (once), or zero times or once."""
    body, condition = node.child_by_field_name("body"), node.child_by_field_name("condition")
    over_cpus = _CPU_LOOP.match(text := frame.text(node))
    if over_cpus and body is not None and not context.code.own(over_cpus.group(1), frame.path):
        return _each_cpu(context, node, over_cpus.group(1), env, frame, out, todo)
    if node.type == "do_statement":
        if condition is None or frame.text(condition).strip("() ") not in ("0", "false"):
            context.assumptions.add("loops run at most once")
        todo[:0] = [
            *([body] if body is not None else []),
            *([condition] if condition is not None else []),
            END,
        ]
        return None
    iterates = _FOR_EACH.match(text) is not None
    if node.type == "while_statement" and body is not None and _EMPTY_BODY.fullmatch(frame.text(body)):
        _spin(context, node, env, frame, out)
        return None
    initial = node.child_by_field_name("initializer")
    if initial is not None:
        todo_first = [initial]
        lower_block(context, todo_first, env, frame, out)
    context.assumptions.add("loops run at most once")
    value = _iteration(context, condition, iterates, env, frame, out)
    _any_round(context, node.child_by_field_name("update"), env, frame)
    if isinstance(value, Const):
        todo[:0] = [*([body] if value.number and body is not None else []), END]
        return None
    rest = todo if _exits(body) else []
    _branch(context, value, node, ([*([body] if body is not None else []), END], []), env, frame, out, rest)
    return env if rest is todo else None


def _any_round(context: Context, step: Node | None, env: Environment, frame: Frame) -> None:
    """What a loop counts is no longer the number it began with: the round that is followed may be any."""
    for node in nodes(step) if step is not None else ():
        argument = node.child_by_field_name("argument") or node.child_by_field_name("left")
        if node.type not in ("update_expression", "assignment_expression") or argument is None:
            continue
        name = frame.text(argument)
        if isinstance(env.get((frame.number, name)), Const):
            env[frame.number, name] = context.unknown(name, frame.types.get(name, ""))


def _iteration(
    context: Context, condition: Node | None, iterates: bool, env: Environment, frame: Frame, out: Out
) -> Value:
    """The condition of a loop's first round; an iterator macro gives its variable an unknown value."""
    if not iterates:
        return truth(evaluate(context, condition, env, frame, out)) if condition is not None else Const(1)
    for variable in arguments(condition)[:1]:
        name = frame.text(variable)
        if find(name, frame) == "local":
            env[frame.number, name] = context.unknown(name, frame.types[name])
    return truth(context.unknown("one more round"))


def _spin(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> None:
    """Wait in a loop until a condition: executions in which it never comes are not looked at."""
    value = truth(evaluate(context, node.child_by_field_name("condition"), env, frame, out))
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
        value = evaluate(context, mask, env, frame, out)
        read(context, dereference(context, value, ""), "plain", env, out, place_of(frame, node))
    for cpu in context.cpus:
        inside = masks.looped_over(context, macro, given, cpu, env, frame)
        if inside == Const(0):
            continue
        _set_variable(context, given[0], cpu, env, frame)
        if inside == Const(1):
            after = lower_block(context, [body, END], env, frame, out)
            env.replace(after)
        else:
            _branch(context, truth(inside), node, ([body, END], []), env, frame, out, [])
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
