"""Guards: what is entered by a statement, and left with the scope in which that stands."""

from typing import TYPE_CHECKING

from patchscan.flow.actions import Guarded
from patchscan.flow.lowering import Lowering

if TYPE_CHECKING:
    from tree_sitter import Node


def guard(lowering: Lowering, node: "Node") -> Guarded | None:
    """The guard that a statement enters: guard(class)(key);"""
    made = node.named_children[0] if node.type == "expression_statement" and node.named_children else None
    callee = made.child_by_field_name("function") if made is not None else None
    if made is None or callee is None or callee.type != "call_expression":
        return None
    call, entered = lowering.function.call(callee), lowering.function.call(made)
    if call.name != "guard" or not call.arguments:
        return None
    key = lowering.text(entered.arguments[0]) if entered.arguments else ""
    return Guarded(lowering.text(call.arguments[0]), key, lowering.line(made), str(made.start_byte))


def guards_around(lowering: Lowering, node: "Node") -> int:
    """How many guards have been entered where a statement stands."""
    count = 0
    parent = node.parent
    while parent is not None and parent.type != "function_definition":
        if parent.type == "compound_statement":
            earlier = (each for each in parent.named_children if each.end_byte <= node.start_byte)
            count += sum(guard(lowering, each) is not None for each in earlier)
        elif parent.type == "if_statement" and "guard" in lowering.function.macro_of(parent):
            count += 1
        node, parent = parent, parent.parent
    return count
