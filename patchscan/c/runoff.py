"""Whether control surely can run off the end of a statement, by its shape alone."""

import re
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.function import Function
from patchscan.c.source import Source, source_of

if TYPE_CHECKING:
    from tree_sitter import Node

_STATEMENTS = (
    "return_statement",
    "goto_statement",
    "break_statement",
    "continue_statement",
    "expression_statement",
    "if_statement",
    "while_statement",
    "for_statement",
    "do_statement",
    "switch_statement",
    "compound_statement",
    "labeled_statement",
    "case_statement",
    "declaration",
)
# Macros that return, and functions that never do.
_MAY_LEAVE = pattern(
    r"return|abort|exit|panic|unreachable|fallthrough|restart|goto|break|die|\bbug|dead|halt|stop|throw|terminate|fatal|"
    r"trap|kunit_skip"
)
_DEEPEST = 50
_LOOPS = frozenset(("while_statement", "for_statement"))


def runs_off(function: Function, node: "Node", depth: int = 0) -> bool:
    """Whether the statement behind this one may be reached from it: True only where nothing speaks against it.

    depth: how many branches it stands in; of what stands deeper than _DEEPEST nothing is said.
    """
    if depth > _DEEPEST:
        return False
    found: Node | None = node
    while found is not None:
        if found.type in ("compound_statement", "labeled_statement", "case_statement"):
            inner = last_of(found)
            if inner is None:
                return found.type == "compound_statement" and found.named_child_count == 0
            found = inner
        elif found.type == "if_statement" and not function.macro_of(found):
            other = found.child_by_field_name("alternative")
            if other is None:
                return True
            then = found.child_by_field_name("consequence")
            if then is not None and runs_off(function, then, depth + 1):
                return True
            found = other.named_children[-1] if other.named_children else None
        else:
            return _plainly_runs_off(function, found, depth)
    return False


def last_of(node: "Node") -> "Node | None":
    """The last statement in a block or behind a label; None where there is none, or a directive."""
    first = node.child_by_field_name("value") or node.child_by_field_name("label")
    inner = [child for child in node.named_children if child.type != "comment" and child != first]
    if not inner or any(child.type.startswith("preproc") for child in inner):
        return None
    return inner[-1]


def _plainly_runs_off(function: Function, node: "Node", depth: int) -> bool:
    if node.type == "expression_statement":
        return _is_plain(function, node)
    if node.type == "declaration":
        return True
    if node.type in _LOOPS:
        return not function.macro_of(node) and _ends(function, node)
    if node.type == "switch_statement":
        return _switch_runs_off(function, node, depth)
    return False


def _is_plain(function: Function, node: "Node") -> bool:
    """Whether an expression is no call that may never return, nor one of a macro that may jump."""
    if node.named_child_count != 1:
        return False
    inner = node.named_children[0]
    if inner.type in ("assignment_expression", "update_expression"):
        return not any(call.name != call.name.lower() for call in function.calls_in(inner))
    if inner.type != "call_expression":
        return False
    name = function.call(inner).name
    return name.islower() and _MAY_LEAVE.search(name) is None and not _is_marked(source_of(function), name)


def _is_marked(source: Source, name: str) -> bool:
    """Whether a text says of a function that it never returns."""
    if b"noreturn" not in source.code:
        return False
    marked = re.compile(rb"\b_*noreturn_*\b[^;{}]*\b%s\s*\(" % re.escape(name.encode()))
    return marked.search(source.code) is not None


def _ends(function: Function, node: "Node") -> bool:
    """Whether a loop has a condition that is no constant."""
    condition = node.child_by_field_name("condition")
    if condition is None:
        return False
    text = function.source.text_of(condition).strip("() \t\n")
    return text not in ("1", "true", "") and not text.isupper()


def _switch_runs_off(function: Function, node: "Node", depth: int) -> bool:
    """Whether a switch has no default, or a break of its own."""
    body = node.child_by_field_name("body")
    if body is None or any(child.type.startswith("preproc") for child in body.named_children):
        return False
    cases = list(function.nodes_in(body, "case_statement"))
    if not cases or any(
        function.parent_of(case) != body for case in cases if _innermost(function, case) == node
    ):
        return False
    if all(
        case.child_by_field_name("value") is not None for case in cases if function.parent_of(case) == body
    ):
        return True
    return any(
        _innermost(function, found) == node and _is_reached(function, found, depth)
        for found in function.nodes_in(body, "break_statement")
    )


def _innermost(function: Function, node: "Node") -> "Node | None":
    """The switch or loop that a statement belongs to."""
    around = (each.node for each in function.enclosing(node) if each.kind in ("for", "while", "do", "switch"))
    return next(around, None)


def _is_reached(function: Function, node: "Node", depth: int) -> bool:
    """Whether what stands above a statement in its block does not leave."""
    above = node.prev_named_sibling
    while above is not None and above.type == "comment":
        above = above.prev_named_sibling
    label = above is not None and above.type not in _STATEMENTS
    return above is None or label or runs_off(function, above, depth + 1)
