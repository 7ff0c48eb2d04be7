"""A callee's events in place of its call."""

from collections.abc import Iterator
from functools import lru_cache

from tree_sitter import Node

from patchscan.c.nodes import nodes
from patchscan.codebase.definition import Definition
from patchscan.model.lowering.abstract_values import Address, Local, Location, Unknown, Value
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.hiding import MARK, given_name, with_own_names
from patchscan.model.lowering.integers import fit
from patchscan.model.lowering.lowered import Hole
from patchscan.model.lowering.memory import RETURN, Context, Frame, Out, place_of
from patchscan.model.lowering.type_names import plain_type, structure_of

OPERATORS = frozenset(
    {
        "binary_expression",
        "unary_expression",
        "cast_expression",
        "pointer_expression",
        "conditional_expression",
    }
)
_LOOSE = frozenset(
    {"binary_expression", "conditional_expression", "assignment_expression", "comma_expression"}
)


def inline(
    context: Context,
    definition: Definition,
    node: Node,
    given: list[Node],
    env: Environment,
    frame: Frame,
    out: Out,
) -> Value:
    """The callee's events in place of the call; macros and stubs get their arguments as written."""
    if not definition.stub:
        definition = with_own_names(definition)
        _captured(definition, given, node, frame, out)
    inner = Frame(context.next(), definition, frame, node, depth=frame.depth + (not definition.stub))
    if not definition.stub:
        context.visited.add((definition.path, definition.name))
    if definition.by_name:
        bound = zip((name for _, name in definition.parameters), given, strict=False)
        inner.bound = {
            name: (argument, frame) for name, argument in bound if argument.type != "type_descriptor"
        }
        if not definition.stub:
            inner.bound |= _around(definition, frame, inner)
    else:
        values = [context.evaluate(context, argument, env, frame, out) for argument in given]
        bind(context, inner, values, env)
    return run(context, inner, env, out)


def _around(macro: Definition, frame: Frame, inner: Frame) -> dict[str, tuple[Node, Frame]]:
    """The variables of the place where a macro is used that its text names."""
    names = macro.identifiers & (frame.types.keys() | frame.bound.keys())
    names -= {name for _, name in macro.parameters} | _declared_in(macro)
    if not names:
        return {}
    used = _naming(tuple(sorted(names)), frame.path)
    owner = Frame(frame.number, used, frame.up, frame.call, frame.bound, frame.types, frame.depth)
    return {used.text_of(node): (node, owner) for node in _nodes(used) if node.type == "identifier"}


def _captured(macro: Definition, given: list[Node], node: Node, frame: Frame, out: Out) -> None:
    """Tell of names in a macro's text that mean a variable of an inner block where it is used, of names it is given
    that mean a variable of its own there, and of what comes apart between its operators."""
    if not macro.by_name:
        return
    loose = {place for place, each in enumerate(given) if each.type in _LOOSE} & _bare(macro)
    for place in sorted(loose):
        text = frame.text(given[place])[:40]
        out.append(Hole(text, "parse", frozenset(), frozenset(), True, place_of(frame, node)))
    inner = {given_name(name) for name in frame.types if MARK in name}
    own = {given_name(name) for name in _declared_in(macro)} - {name for _, name in macro.parameters}
    names = inner & macro.identifiers - own
    if own:
        names |= own & {frame.text(each) for argument in given for each in nodes(argument)}
    for name in sorted(names):
        out.append(Hole(name, "parse", frozenset(), frozenset(), True, place_of(frame, node)))


@lru_cache(maxsize=4096)
def _bare(macro: Definition) -> frozenset[int]:
    """Which parameters a macro has beside an operator, without parentheses."""
    names = {name: place for place, (_, name) in enumerate(macro.parameters)}
    beside = (node for node in _nodes(macro) if node.type == "identifier" and node.parent is not None)
    found = (macro.text_of(node) for node in beside if node.parent and node.parent.type in OPERATORS)
    return frozenset(names[name] for name in found if name in names)


def _nodes(definition: Definition) -> Iterator[Node]:
    return nodes(definition.body) if definition.body is not None else iter(())


@lru_cache(maxsize=4096)
def _naming(names: tuple[str, ...], path: str) -> Definition:
    """A text that names variables, so that they are expressions."""
    return Definition("names", path, 1, b"void names(){ %s; }" % ", ".join(names).encode())


@lru_cache(maxsize=4096)
def _declared_in(macro: Definition) -> frozenset[str]:
    """The variables that a macro declares itself."""
    found = (node for node in _nodes(macro) if node.type == "declaration")
    declarators = (each for node in found for each in node.children_by_field_name("declarator"))
    return frozenset(
        macro.text_of(node)
        for declarator in declarators
        for node in nodes(declarator.child_by_field_name("declarator") or declarator)
        if node.type == "identifier"
    )


def bind(context: Context, frame: Frame, values: list[Value], env: Environment) -> None:
    """Give a function's parameters their values; missing ones are unknown."""
    for index, (kind, name) in enumerate(frame.definition.parameters):
        value = values[index] if index < len(values) else context.unknown(name, kind)
        if isinstance(value, Unknown):
            instance = context.instance(kind)
            known_type = plain_type(kind) if structure_of(kind) or not value.type else value.type
            value = (
                instance if instance is not None else Unknown(value.serial, value.text or name, known_type)
            )
        frame.types[name] = kind
        env[frame.number, name] = fit(value, kind)


def run(context: Context, frame: Frame, env: Environment, out: Out) -> Value:
    """Lower a frame's body; its variables leave the environment, its return value is the result.

    One that is bound to its callers' expressions, or shown at their places, is lowered each time.
    """
    by_value = frame.up is not None and not frame.definition.by_name and not frame.definition.stub
    if by_value and context.again is not None:
        return context.again(context, frame, env, out, _run)
    return _run(context, frame, env, out)


def _run(context: Context, frame: Frame, env: Environment, out: Out) -> Value:
    body = frame.definition.body
    after = context.lower_block(context, [body] if body is not None else [], env, frame, out)
    value = after.get((frame.number, RETURN))
    env.replace(after)
    env.leave(frame.number)
    if value is None or (isinstance(value, Address) and _is_own(value.of, frame)):
        return context.unknown(frame.definition.name + "()", plain_type(frame.definition.result))
    return value if frame.definition.by_name else fit(value, frame.definition.result)


def _is_own(where: Location, frame: Frame) -> bool:
    return isinstance(where, Local) and where.frame == frame.number
