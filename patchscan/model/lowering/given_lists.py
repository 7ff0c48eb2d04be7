"""`= { ... }`: the members and elements that a variable begins with; what is not named there is left unknown."""

from tree_sitter import Node

from patchscan.c.nodes import children
from patchscan.model.lowering.abstract_values import Const, Local
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.integers import fit
from patchscan.model.lowering.memory import Context, Frame, Out
from patchscan.model.lowering.type_names import pointee, structure_of

_MOST_AT_ONCE = 64
_DESIGNATORS = frozenset({"field_designator", "subscript_designator", "subscript_range_designator"})


def initialise(context: Context, node: Node, where: Local, env: Environment, frame: Frame, out: Out) -> None:
    """Give a variable, or a part of one, what a list says."""
    env[where.frame, where.name] = context.unknown(where.name, where.type)
    place = 0
    for each in children(node):
        parts = [where]
        value: Node | None = each
        if each.type == "initializer_pair":
            value = each.child_by_field_name("value")
            parts = _designated(context, each, where, env, frame, out)
        elif (part := _at(context, where, place, frame)) is not None:
            parts = [part]
        place = _place_of(context, parts[-1], where, frame) + 1 if parts != [where] else place + 1
        _set(context, value, parts if parts != [where] else [], env, frame, out)


def _set(
    context: Context, value: Node | None, parts: list[Local], env: Environment, frame: Frame, out: Out
) -> None:
    """Give parts a value, of a list each its own."""
    if value is not None and value.type == "initializer_list":
        for part in parts:
            initialise(context, value, part, env, frame, out)
        return
    found = context.evaluate(context, value, env, frame, out)
    env.expose(found)
    for part in parts:
        env[part.frame, part.name] = fit(found, part.type)


def _designated(
    context: Context, pair: Node, where: Local, env: Environment, frame: Frame, out: Out
) -> list[Local]:
    """The parts that `.member`, `[index]` or `[first ... last]` name; the whole where that is not known."""
    parts = [where]
    for each in pair.children:
        if each.type not in _DESIGNATORS:
            continue
        given = [context.evaluate(context, one, env, frame, out) for one in _numbers(each)]
        if each.type == "field_designator":
            parts = [_member(context, part, frame.text(each).lstrip(". "), frame) for part in parts]
        elif given and all(isinstance(one, Const) for one in given):
            first, last = (one.number for one in (given[0], given[-1]) if isinstance(one, Const))
            span = range(first, min(last, first + _MOST_AT_ONCE) + 1)
            parts = [_element(part, index) for part in parts for index in span]
        else:
            return [where]
    return parts


def _numbers(designator: Node) -> list[Node]:
    return children(designator) if designator.type != "field_designator" else []


def _member(context: Context, part: Local, name: str, frame: Frame) -> Local:
    kind = context.code.field_type(structure_of(part.type), name, frame.path)
    union = part.type.startswith("union ")
    return Local(part.frame, f"{part.name}.{'' if union else name}", kind)


def _element(part: Local, index: int) -> Local:
    return Local(part.frame, f"{part.name}[{index}]", pointee(part.type))


def _at(context: Context, where: Local, place: int, frame: Frame) -> Local | None:
    """The part that has its turn, None where that is not known."""
    if where.type.endswith("[]"):
        return _element(where, place)
    names = context.code.fields(structure_of(where.type), frame.path)
    return _member(context, where, names[place], frame) if place < len(names) else None


def _place_of(context: Context, part: Local, where: Local, frame: Frame) -> int:
    """Which part of a variable one is, in their order; far behind all where that is not known."""
    rest = part.name.removeprefix(where.name)
    if rest.startswith("["):
        return int(rest[1 : rest.index("]")])
    names = context.code.fields(structure_of(where.type), frame.path)
    name = rest[1:].partition(".")[0].partition("[")[0]
    return names.index(name) if name in names else len(names)
