"""The C type of an expression, as far as the code base tells."""

from tree_sitter import Node

from patchscan.c.nodes import arguments, children
from patchscan.model.lowering.hiding import given_name
from patchscan.model.lowering.memory import Context, Frame
from patchscan.model.lowering.type_names import plain_type, pointee, structure_of


def find(name: str, frame: Frame) -> str:
    """What a name is in a frame: "bound" parameter, "local" variable or "" for anything wider."""
    if name in frame.bound:
        return "bound"
    return "local" if name in frame.types else ""


def member(field: Node, frame: Frame) -> str:
    """The name of a member, which may have been given to a macro."""
    name = frame.text(field)
    while name in frame.bound:
        field, frame = frame.bound[name]
        name = frame.text(field)
    return given_name(name)


def type_of(context: Context, node: Node | None, frame: Frame) -> str:
    """The type, "pmd_t *"; "" where it is not known."""
    if node is None:
        return ""
    if node.type == "identifier":
        return _variable(context, frame.text(node), frame)
    if node.type in (
        "parenthesized_expression",
        "assignment_expression",
        "comma_expression",
        "binary_expression",
    ):
        inner = children(node)
        return type_of(context, inner[0], frame) if inner else ""
    if node.type == "field_expression":
        argument, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
        structure = structure_of(type_of(context, argument, frame))
        return (
            context.code.field_type(structure, member(field, frame), frame.path)
            if field and structure
            else ""
        )
    if node.type == "pointer_expression":
        inner_type = type_of(context, node.child_by_field_name("argument"), frame)
        if not inner_type:
            return ""
        return inner_type + " *" if frame.text(node).startswith("&") else pointee(inner_type)
    if node.type == "subscript_expression":
        return pointee(type_of(context, node.child_by_field_name("argument"), frame))
    if node.type == "cast_expression":
        kind = node.child_by_field_name("type")
        return (
            plain_type(frame.text(kind)).replace(" *", "*").replace("*", " *", 1) if kind is not None else ""
        )
    if node.type == "update_expression":
        return type_of(context, node.child_by_field_name("argument"), frame)
    return _call(context, node, frame) if node.type == "call_expression" else ""


def _variable(context: Context, name: str, frame: Frame) -> str:
    kind = find(name, frame)
    if kind == "local":
        return frame.types[name]
    if kind == "bound":
        bound, owner = frame.bound[name]
        return type_of(context, bound, owner)
    return "struct task_struct *" if name == "current" else context.code.global_type(name, frame.path)


def _call(context: Context, node: Node, frame: Frame) -> str:
    """The result type of a call; stubs may say that it is their argument's."""
    callee = node.child_by_field_name("function")
    given = arguments(node.child_by_field_name("arguments"))
    name = frame.text(callee) if callee is not None else ""
    if name in ("per_cpu", "__pcpu", "this_cpu_ptr", "raw_cpu_ptr", "per_cpu_ptr") and given:
        return type_of(context, given[0], frame)
    if name == "container_of" and len(given) > 1:
        return f"struct {frame.text(given[1]).strip().removeprefix('struct ')} *"
    stub = context.stub(name)
    if stub is not None and given:
        argument = type_of(context, given[0], frame)
        return {"same_t": argument, "pointee_t": pointee(argument)}.get(stub.result, plain_type(stub.result))
    return context.result(name, frame.path) if callee is not None else ""
