"""Expressions lowered to the operations that they do."""

import re
from typing import TYPE_CHECKING

from patchscan.basics.budget import BUDGET
from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.c.function import Function
from patchscan.flow.actions import (
    ERRNO,
    Addressed,
    Assigned,
    Called,
    Dereferenced,
    Operation,
    Read,
    TooLarge,
    Value,
    number,
)
from patchscan.flow.signs import ANY, NEGATIVE, NOT_NEGATIVE, POSITIVE, ZERO, negated

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH = BUDGET.depth.most
_COMMENT = pattern(r"/\*.*?\*/|//[^\n]*", re.S)
_SPACE = pattern(r"\s+")
# Calls whose value is that of an argument.
_SAME = {
    "PTR_ERR": 0,
    "ERR_PTR": 0,
    "ERR_CAST": 0,
    "IOMEM_ERR_PTR": 0,
    "likely": 0,
    "unlikely": 0,
    "READ_ONCE": 0,
    "rcu_dereference": 0,
    "rcu_dereference_protected": 0,
    "dev_err_probe": 1,
    "no_free_ptr": 0,
    "__builtin_expect": 0,
}
# Which argument only tells a type.
_TYPES = {"alloc_percpu": 0, "alloc_percpu_gfp": 0, "devm_alloc_percpu": 1}
# Macros that pick a part of a value.
_STEADY_MACRO = pattern(r"[A-Z][A-Z0-9_]*_(SRC|CLASS|OP|KIND|TYPE|MODE|INFO|CODE)")
_UNEVALUATED = frozenset(
    {"sizeof_expression", "alignof_expression", "offsetof_expression", "type_descriptor"}
)
_UNEVALUATED_CALLS = frozenset(
    {
        "sizeof",
        "typeof",
        "__typeof__",
        "sizeof_field",
        "struct_size",
        "Offsetof",
        "offsetof",
        "offsetofend",
        "ARRAY_SIZE",
    }
)


def operator_of(node: "Node") -> str:
    """The operator of a unary, binary, assignment or update expression."""
    found = node.child_by_field_name("operator")
    return found.type if found is not None else ""


def inner(node: "Node") -> "Node":
    """The expression inside parentheses and casts."""
    while True:
        if node.type == "parenthesized_expression":
            found = next((each for each in node.named_children if each.type != "comment"), None)
        elif node.type == "cast_expression":
            found = node.child_by_field_name("value")
        else:
            return node
        if found is None:
            return node
        node = found


class Lowering:
    """Lowers the expressions of one function."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.source = function.source
        self.depth = 0
        self.locals = {each.name: each for each in function.locals}
        self.parameters = {each.name: each for each in function.parameters}

    def text(self, node: "Node") -> str:
        """The text of a node without comments and white space."""
        text = self.source.text_of(node)
        if "/" in text:
            text = _COMMENT.sub("", text)
        return _SPACE.sub("", text)

    def key(self, node: "Node") -> str:
        """What tells the value of an expression."""
        node = inner(node)
        if node.type == "assignment_expression":
            left = node.child_by_field_name("left")
            return self.key(left) if left is not None else ""
        if node.type == "update_expression" and node.children[0].type in ("++", "--"):
            return self.key(node.children[1])
        if node.type == "call_expression":
            call = self.function.call(node)
            if call.name in _SAME and len(call.arguments) > _SAME[call.name]:
                return self.key(call.arguments[_SAME[call.name]])
            steady = call.name == "ARRAY_SIZE" or _STEADY_MACRO.fullmatch(call.name)
            return self.text(node) if steady else f"@{node.start_byte}"
        return self.text(node)

    def line(self, node: "Node") -> int:
        return self.source.line_of(node)

    def expression(self, node: "Node", out: list[Operation], sure: bool = True) -> Value:
        """Append what an expression does, and tell its value."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLarge
        value = self._expression(inner(node), out, sure)
        self.depth -= 1
        return value

    def _expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        kind = node.type
        if kind in _UNEVALUATED:
            return Value(POSITIVE)
        if kind == "identifier":
            return self._identifier(node, out)
        if kind == "call_expression":
            return self.call(node, out, sure)
        if kind == "assignment_expression":
            return self.assignment(node, out, sure)
        handler = getattr(self, f"_{kind}", None)
        if handler is not None:
            found: Value = handler(node, out, sure)
            return found
        for child in node.named_children:
            if child.type != "comment":
                self.expression(child, out, sure)
        return Value()

    def _identifier(self, node: "Node", out: list[Operation]) -> Value:
        text = self.source.text_of(node)
        if text in ("NULL", "false"):
            return Value(ZERO)
        if text == "true":
            return Value(POSITIVE)
        if text in self.locals and text not in self.parameters:
            out.append(Read(text, self.line(node)))
        return Value(copy=text)

    def _number_literal(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        return Value(ZERO if number(self.source.text_of(node)) == 0 else POSITIVE)

    def _null(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        return Value(ZERO)

    def _false(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        return Value(ZERO)

    def _true(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        return Value(POSITIVE)

    def _string_literal(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        return Value(POSITIVE)

    _concatenated_string = _string_literal

    def _field_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        argument = node.child_by_field_name("argument")
        if argument is None:
            return Value()
        self.expression(argument, out, sure)
        if operator_of(node) == "->" and sure:
            out.append(Dereferenced(self.key(argument), self.line(node)))
        return Value(copy=self.text(node))

    def _subscript_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        array, index = node.child_by_field_name("argument"), node.child_by_field_name("index")
        if array is None or index is None:
            return Value()
        self.expression(array, out, sure)
        self.expression(index, out, sure)
        if sure:
            out.append(Dereferenced(self.key(array), self.line(node), self.text(index)))
        return Value(copy=self.text(node))

    def _pointer_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        argument = node.child_by_field_name("argument")
        if argument is None:
            return Value()
        if operator_of(node) == "&":
            self._address(inner(argument), out, sure)
            return Value(POSITIVE)
        self.expression(argument, out, sure)
        if sure:
            out.append(Dereferenced(self.key(argument), self.line(node)))
        return Value(copy=self.text(node))

    def _address(self, node: "Node", out: list[Operation], sure: bool) -> None:
        """&p->field reads p, but not what it points to; &array[i] uses i."""
        if node.type == "identifier":
            return
        argument = node.child_by_field_name("argument")
        if node.type == "field_expression" and argument is not None:
            if operator_of(node) == "->":
                self.expression(argument, out, sure)
            else:
                self._address(inner(argument), out, sure)
        elif node.type == "subscript_expression" and argument is not None:
            # Of an array in what is pointed to it is the address that is taken.
            self.expression(argument, out, False)
            index = node.child_by_field_name("index")
            if index is not None:
                self.expression(index, out, sure)
                if sure:
                    out.append(Addressed(self.key(argument), self.line(node), self.text(index)))
        else:
            self.expression(node, out, sure)

    def _unary_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        argument = node.child_by_field_name("argument")
        if argument is None:
            return Value()
        symbol = operator_of(node)
        if symbol == "-" and ERRNO.fullmatch(self.text(argument)):
            return Value(NEGATIVE)
        value = self.expression(argument, out, sure)
        if symbol == "-":
            if value.copy:
                return Value(copy=value.copy, through="minus")
            return Value(negated(value.signs))
        return Value(NOT_NEGATIVE if symbol == "!" else ANY)

    def _update_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        argument = node.child_by_field_name("argument")
        if argument is not None:
            self.expression(argument, out, sure)
            out.append(Assigned(self.key(argument), Value(), self.line(node), self.text(node)))
        return Value()

    def _binary_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        symbol = operator_of(node)
        if left is not None:
            self.expression(left, out, sure)
        if right is not None:
            self.expression(right, out, sure and symbol not in ("&&", "||"))
        return Value(NOT_NEGATIVE if symbol in ("&&", "||", "==", "!=", "<", ">", "<=", ">=") else ANY)

    def _conditional_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        condition = node.child_by_field_name("condition")
        if condition is not None:
            self.expression(condition, out, sure)
        signs = 0
        for name in ("consequence", "alternative"):
            branch = node.child_by_field_name(name)
            value = self.expression(branch, out, False) if branch is not None else Value()
            signs |= ANY if value.copy else value.signs
        return Value(signs)

    def _comma_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        value = Value()
        for child in node.named_children:
            value = self.expression(child, out, sure)
        return value

    def _compound_statement(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        """The statement expression of GNU C, which is not read in order."""
        for child in node.named_children:
            if child.type == "expression_statement" and child.named_children:
                self.expression(child.named_children[0], out, False)
        return Value()

    def _initializer_list(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        for child in node.named_children:
            held = child.child_by_field_name("value") if child.type == "initializer_pair" else child
            if held is not None and held.type != "comment":
                self.expression(held, out, sure)
                out.append(Assigned("{}", Value(), self.line(held), self.text(inner(held))))
        return Value(POSITIVE)

    def _compound_literal_expression(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        value = node.child_by_field_name("value")
        return self.expression(value, out, sure) if value is not None else Value()

    def assignment(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        """left = right; what is assigned through an operator is not known."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return Value()
        if operator_of(node) != "=":
            self.expression(left, out, sure)
        value = self.expression(right, out, sure)
        return self.store(left, right, value if operator_of(node) == "=" else Value(), out, sure)

    def store(
        self, left: "Node", right: "Node", value: Value, out: list[Operation], sure: bool = True
    ) -> Value:
        """The assignment of a value that has been lowered."""
        left = inner(left)
        key = self.key(left)
        if left.type != "identifier":
            self.expression(left, out, sure)
        for at in range(len(out) - 1, -1, -1):
            made = out[at]
            if isinstance(made, Called) and value.copy == f"@{made.offset}":
                out[at] = replace(made, result=key)
                break
        out.append(Assigned(key, value if sure else Value(), self.line(left), self.text(inner(right))))
        return Value(copy=key)

    def call(self, node: "Node", out: list[Operation], sure: bool) -> Value:
        """A call: its arguments first."""
        call = self.function.call(node)
        if call.name in _UNEVALUATED_CALLS:
            return Value(POSITIVE)
        only_type = _TYPES.get(call.name, -1)
        values = [
            Value() if number == only_type else self.expression(each, out, sure)
            for number, each in enumerate(call.arguments)
        ]
        name, pointer = call.name, ""
        callee = node.child_by_field_name("function")
        if not name and callee is not None:
            self.expression(callee, out, sure)
            pointer = self.text(callee)
        if name in _SAME and len(values) > _SAME[name]:
            return values[_SAME[name]]
        if name == "PTR_ERR_OR_ZERO" and call.arguments:
            return Value(copy=self.key(call.arguments[0]), through="or zero")
        if name in self.locals or name in self.parameters:
            pointer, name = name, ""
        texts = tuple(self.text(inner(each)) for each in call.arguments)
        line = self.line(node)
        last = line + node.end_point[0] - node.start_point[0]
        out.append(Called(name, texts, line, node.start_byte, self.text(node), sure, "", pointer, last))
        if name in ("IS_ERR", "IS_ERR_OR_NULL"):
            return Value(NOT_NEGATIVE)
        return Value(copy=f"@{node.start_byte}")
