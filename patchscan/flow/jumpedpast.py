"""Jumps that go past what gives a lock back, where all that does not jump comes by it: to a label too far down."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.source import Function
from patchscan.flow.held import Way
from patchscan.flow.trails import steps_of

if TYPE_CHECKING:
    from tree_sitter import Node

# What a label is named, or what is asked before the jump, that knows of a lock which was let go already.
_LET_GO = pattern(r"(?i)unlock|no_?lock|drop|releas|retry|fault")


def jumped_past(function: Function, way: Way, releases: Collection[str]) -> int:
    """The line where a way out jumps from below where it takes a lock to behind what gives it back, 0 for none.

    The lock is taken whenever the jump is come to, and given back whenever the label is come to from above; nothing
    behind the label gives it back.
    """
    jump = _last_jump(function, way)
    taking = [
        call.node for call in function.calls() if call.name == way.token.by and call.line == way.token.line
    ]
    if (
        jump is None
        or len(taking) != 1
        or not _covers(_block_of(taking[0]), jump)
        or _is_let_go(function, jump)
    ):
        return 0
    text_of = function.source.text_of
    labels = function.nodes("labeled_statement")
    aims = [each for each in labels if text_of(each.named_children[0]) == text_of(jump.named_children[0])]
    if len(aims) != 1 or aims[0].start_byte < jump.end_byte:
        return 0
    (label,) = aims
    # Who comes to a label between them need not hold it.
    entered = any(taking[0].end_byte <= each.start_byte < jump.start_byte for each in labels)
    later = any(call.node.start_byte > label.start_byte for call in function.calls() if call.name in releases)
    if entered or later or not _gives_back_between(function, jump, label, releases):
        return 0
    return function.source.line_of(jump)


def _last_jump(function: Function, way: Way) -> "Node | None":
    """The last goto of a way, where it stands behind the line on which the lock is taken."""
    edges = (edge for _, edge in reversed(steps_of(way.exit.trail)) if edge is not None)
    line = next((edge.line for edge in edges if edge.taken == "goto"), 0)
    jumps = (each for each in function.nodes("goto_statement") if function.source.line_of(each) == line)
    return next(jumps, None) if line > way.token.line else None


def _gives_back_between(function: Function, jump: "Node", label: "Node", releases: Collection[str]) -> bool:
    """Whether a statement of the label's own block, between a jump and the label, gives back."""
    block = label.parent
    for statement in block.named_children if block is not None else ():
        if jump.end_byte <= statement.start_byte < label.start_byte:
            while statement.type == "labeled_statement":
                statement = statement.named_children[-1]
            call = statement.named_children[0] if statement.type == "expression_statement" else None
            if call is not None and call.type == "call_expression" and function.call(call).name in releases:
                return True
    return False


def _is_let_go(function: Function, jump: "Node") -> bool:
    """Whether the label, or what is asked before the jump, speaks of a lock that is not held any more."""
    node = jump.parent
    while node is not None and node.type in ("compound_statement", "else_clause"):
        node = node.parent
    asked = node.child_by_field_name("condition") if node is not None else None
    return any(_LET_GO.search(function.source.text_of(each)) for each in (jump, asked) if each is not None)


def _block_of(node: "Node") -> "Node | None":
    """The block that a statement stands in."""
    parent = node.parent
    while parent is not None and parent.type != "compound_statement":
        parent = parent.parent
    return parent


def _covers(outer: "Node | None", inner: "Node") -> bool:
    return outer is not None and outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte
