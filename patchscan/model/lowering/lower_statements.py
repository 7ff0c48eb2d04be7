"""C functions to events: statements are lowered with what follows them, so that every way out is exact.

An `if` with an exit inside (return, goto, break) gets the rest of the function in both arms; the arms meet again
at the end of the inlined function. Loops run zero times or once, those over CPUs once for each CPU of the model.
"""

from collections.abc import Sequence, Set
from functools import lru_cache

from tree_sitter import Node

from patchscan.c.nodes import arguments, children, nodes
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition, declared
from patchscan.model.lowering.abstract_values import (
    Const,
    Local,
    Unknown,
    truth,
)
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.given_lists import initialise
from patchscan.model.lowering.handed_on import look_on
from patchscan.model.lowering.hiding import with_own_names
from patchscan.model.lowering.inlining import bind, inline, run
from patchscan.model.lowering.integers import fit
from patchscan.model.lowering.joins import branch, exits, lost_way
from patchscan.model.lowering.loops import LOOPS, leave_loop, loop
from patchscan.model.lowering.lower_expressions import evaluate, location
from patchscan.model.lowering.lowered import Body, Hole
from patchscan.model.lowering.memory import (
    DEAD,
    RETURN,
    UNSET,
    Context,
    Frame,
    Out,
    place_of,
)
from patchscan.model.lowering.reach import Reach
from patchscan.model.lowering.scopes import SCOPE, End, guarded, unguard
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.lowering.switches import END, NEXT, Rest, of_case, switch
from patchscan.model.lowering.typing import find

_LEAVES = {"break_statement": END, "continue_statement": NEXT}
_MAY_GUARD = ("expression_statement", "if_statement")
_QUIET = frozenset({"comment", "empty_statement", "preproc_call", "preproc_def", "type_definition", ";"})
_NONE: frozenset[str] = frozenset()


def lower_function(context: Context, definition: Definition) -> Body:
    """The events of a function called with unknown arguments."""
    out, env = Out(), Environment()
    frame = Frame(context.next(), with_own_names(definition))
    context.visited.add((definition.path, definition.name))
    bind(context, frame, [], env)
    run(context, frame, env, out)
    if context.watched is not None:
        context.forgotten(
            frozenset(context.unfollowed),
            frozenset(name for number, name in env.noted.keys if not number),
        )
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
            unguard(context, [statement], env, frame, out)
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
    if kind in _MAY_GUARD and guarded(context, node, env, frame, out, todo):
        return None
    if kind == "compound_statement":
        todo[:0] = [*children(node), SCOPE]
    elif kind == "expression_statement":
        for expression in children(node):
            if not _declared_by_macro(context, expression, env, frame):
                _do(context, expression, env, frame, out)
    elif kind == "declaration":
        declare(context, node, env, frame, out)
    elif kind == "labeled_statement":
        todo[:0] = children(node)[1:]
    elif kind == "case_statement":
        todo[:0] = of_case(node)
    elif kind == "return_statement":
        inner = children(node)
        env[frame.number, RETURN] = evaluate(context, inner[0], env, frame, out) if inner else Const(0)
        if frame.definition.by_name and not frame.definition.stub and not _is_value(node, frame):
            out.append(lost_way(frame, node))
        unguard(context, todo, env, frame, out)
        return env
    elif kind == "goto_statement":
        return _goto(context, node, env, frame, out, todo)
    elif kind in _LEAVES:
        left = leave_loop(todo, _LEAVES[kind])
        unguard(context, left, env, frame, out)
        if _LEAVES[kind] not in left:
            out.append(lost_way(frame, node))
    elif kind == "if_statement":
        return _if(context, node, env, frame, out, todo)
    elif kind in LOOPS:
        return loop(context, node, env, frame, out, todo)
    elif kind == "switch_statement":
        return switch(context, node, env, frame, out, todo)
    elif kind.endswith("_expression"):
        evaluate(context, node, env, frame, out)
    elif kind not in _QUIET:
        out.append(Hole(frame.text(node)[:40], "parse", _NONE, _NONE, True, place_of(frame, node)))
    return None


def _do(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> None:
    """What a statement evaluates; a macro without parameters may be all of one."""
    name = frame.text(node)
    macro = None
    if node.type == "identifier" and not find(name, frame) and context.chosen(name) is None:
        macro = context.code.written_out(name, frame.path)
    if macro is not None:
        inline(context, macro, node, [], env, frame, out)
    else:
        evaluate(context, node, env, frame, out)


def _is_value(node: Node, frame: Frame) -> bool:
    """Whether a return of a macro only gives the value of the expression that it is."""
    body = frame.definition.body
    return body is not None and frame.definition.result == "long" and children(body)[:1] == [node]


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
            initialise(context, value, Local(frame.number, name, typed), env, frame, out)
        else:
            first = evaluate(context, value, env, frame, out)
            instance = context.instance(typed) if isinstance(first, Unknown) else None
            env[frame.number, name] = instance if instance is not None else fit(first, typed)


def _goto(
    context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest
) -> Environment | None:
    """Forward: go on at the label. Backward: this path is cut, and noted."""
    label = frame.text(children(node)[0])
    target = _after_label(frame.definition, label)
    if target is None:
        out.append(lost_way(frame, node))
        env[DEAD] = Const(1)
        return env
    labelled = target[0]
    assert not isinstance(labelled, str)
    if any(isinstance(each, End) for each in todo):
        out.append(lost_way(frame, node))
    if node.start_byte > labelled.start_byte:
        out.append(Hole(f"goto {label}", "goto", _NONE, _NONE, True, place_of(frame, node)))
        context.assumptions.add("jumps back are not taken")
        a_round = [each for each in target if isinstance(each, str) or each.start_byte <= node.start_byte]
        if context.reach.in_reader and not context.by_field and _only_ends(context, a_round, frame):
            out.append(lost_way(frame, node))
        look_on(context, node, a_round, env, frame, out, begun=True)
        env[DEAD] = Const(1)
        return env
    todo[:] = target
    return None


def _only_ends(context: Context, a_round: Rest, frame: Frame) -> bool:
    """Whether code ends a section, so that it is in none where it comes once more, and begins none."""
    inner = (node for each in a_round if not isinstance(each, str) for node in nodes(each))
    called = (node.child_by_field_name("function") for node in inner if node.type == "call_expression")
    does = [context.stubs.effects.get(frame.text(each), _NONE) for each in called if each is not None]
    return any("end" in each for each in does) and not any("begin" in each for each in does)


@lru_cache(maxsize=1024)
def _after_label(definition: Definition, label: str) -> Rest | None:
    """What follows a label to the end of the function, that after enclosing blocks included."""
    body = definition.body
    stack: list[tuple[Node, Rest]] = [(body, [])] if body is not None else []
    while stack:
        block, after = stack.pop()
        inner = children(block)
        if block.type in LOOPS:
            condition = block.child_by_field_name("condition") if block.type == "do_statement" else None
            after = [NEXT, *([condition] if condition is not None else []), END, *after]
        elif block.type == "switch_statement":
            after = [END, *after]
        for index, node in enumerate(inner):
            if node.type == "labeled_statement" and definition.text_of(children(node)[0]) == label:
                return [node, *inner[index + 1 :], *after]
            sequence = block.type in ("compound_statement", "case_statement")
            stack.append((node, [*(inner[index + 1 :] if sequence else ()), *after]))
    return None


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
    rest = todo if exits(then) or exits(otherwise) else []
    branch(context, condition, node, (arms[0], arms[1]), env, frame, out, rest)
    return env if rest is todo else None
