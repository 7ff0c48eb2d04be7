"""What C computes with: the types of operands, and results that wrap."""

from itertools import islice

from tree_sitter import Node

from patchscan.c.nodes import children
from patchscan.codebase.definition import number
from patchscan.model.lowering.abstract_values import Const, Operation, Unknown, Value, combine, leaves
from patchscan.model.lowering.integers import Kind, common, kind_of, wrapped
from patchscan.model.lowering.memory import Context, Frame
from patchscan.model.lowering.typing import type_of

_MOST_OPERANDS = 256
_INT: Kind = (32, True)
_COMPARED = ("<", "<=", ">", ">=")
_TRUTHS = frozenset({*_COMPARED, "==", "!=", "&&", "||"})
_PLAIN = frozenset({"<<", ">>"})


def computed(context: Context, node: Node, operation: str, left: Value, right: Value, frame: Frame) -> Value:
    """The value of a binary expression whose operands have these values."""
    folds = isinstance(left, Const) and isinstance(right, Const)
    differs = operation in _COMPARED and (_subtracts(left) or _subtracts(right))
    if operation in _PLAIN and folds:
        kind = common(*[kind_in(context, node.child_by_field_name("left"), frame)] * 2)
        return (
            _shifted(context, operation, left, right, kind)
            if kind is not None
            else combine(operation, left, right)
        )
    if operation not in _PLAIN and (folds or differs):
        kind = common(
            *(kind_in(context, node.child_by_field_name(side), frame) for side in ("left", "right"))
        )
        if kind is not None and not kind[1]:
            if differs and not folds:
                return context.unknown(frame.text(node))
            result = combine(operation, wrapped(left, kind), wrapped(right, kind))
            return result if operation in _TRUTHS else wrapped(result, kind)
    return bounded(context, combine(operation, left, right))


def _shifted(context: Context, operation: str, left: Value, right: Value, kind: Kind) -> Value:
    """A number that is shifted, which has no meaning by as many bits as its type has."""
    if isinstance(right, Const) and not 0 <= right.number < kind[0]:
        return context.unknown(f"a number that is shifted by {right.number}")
    return wrapped(combine(operation, wrapped(left, kind), right), kind)


def _subtracts(value: Value) -> bool:
    """Whether a value may be below 0 only as a difference."""
    return isinstance(value, Operation) and value.operator == "-"


def bounded(context: Context, value: Value) -> Value:
    """The value, or one not followed where too many operations make it: each `z = z + z;` doubles their number."""
    if sum(1 for _ in islice(leaves(value), _MOST_OPERANDS + 1)) <= _MOST_OPERANDS:
        return value
    return Unknown(f"u{context.next()}", f"a value of more than {_MOST_OPERANDS} operands")


def _of_number(text: str) -> Kind:
    """The type of a number: the first that holds it, unsigned ones for hexadecimal and octal numbers only."""
    digits = text.rstrip("ul")
    long, unsigned = "l" in text[len(digits) :], "u" in text[len(digits) :]
    try:
        value = abs(number(digits))
    except ValueError:
        return 64 if long else 32, not unsigned
    bits = 64 if long or value >> (32 if unsigned or digits.startswith("0") else 31) else 32
    return bits, not unsigned and not value >> (bits - 1)


def kind_in(context: Context, node: Node | None, frame: Frame) -> Kind | None:
    """The type in which an expression is computed, None where it is not known."""
    if node is None:
        return None
    if node.type == "identifier" and frame.text(node) in frame.bound:
        node, frame = frame.bound[frame.text(node)]
        return kind_in(context, node, frame)
    if node.type == "number_literal":
        return _of_number(frame.text(node).lower())
    if node.type == "char_literal":
        return _INT
    if node.type == "parenthesized_expression":
        return kind_in(context, children(node)[-1], frame) if children(node) else None
    if node.type == "unary_expression":
        inner = kind_in(context, node.child_by_field_name("argument"), frame)
        return _INT if frame.text(node).startswith("!") else inner
    if node.type == "binary_expression":
        symbol = node.child_by_field_name("operator")
        if symbol is not None and frame.text(symbol) in _TRUTHS:
            return _INT
        return common(
            *(kind_in(context, node.child_by_field_name(side), frame) for side in ("left", "right"))
        )
    return kind_of(type_of(context, node, frame))
