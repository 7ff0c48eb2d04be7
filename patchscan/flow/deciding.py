"""Conditions lowered to points: && || ! ?: and comparisons split until an edge tells one thing of one value."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from patchscan.basics.budget import BUDGET
from patchscan.c.function import Call, Function
from patchscan.flow.actions import Failed, Operation, TooLarge, constant_sign
from patchscan.flow.effects import ASSERTS_TRUE, KUNIT_ASSERTIONS
from patchscan.flow.graph import Edge, Point, Taken
from patchscan.flow.lowering import MAX_DEPTH, Lowering, inner, operator_of
from patchscan.flow.signs import (
    AGAINST_NEGATIVE,
    AGAINST_POSITIVE,
    AGAINST_ZERO,
    ANY,
    MIRRORED,
    NEGATIVE,
    NOT_NEGATIVE,
    NOT_POSITIVE,
    NOT_ZERO,
    POSITIVE,
    ZERO,
    others,
)

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_POINTS = BUDGET.points.most
# Calls whose value is whether their argument holds.
_HOLDS = (
    "likely",
    "unlikely",
    "WARN_ON",
    "WARN_ON_ONCE",
    "WARN",
    "WARN_ONCE",
    "WARN_RATELIMIT",
    "unlikely_notrace",
)
_ERROR_TESTS = {
    "IS_ERR": (NEGATIVE, NOT_NEGATIVE),
    "IS_ERR_OR_NULL": (NOT_POSITIVE, POSITIVE),
    "ACPI_FAILURE": (NOT_ZERO, ZERO),
    "ACPI_SUCCESS": (ZERO, NOT_ZERO),
}


class Deciding(Lowering):
    """Lowers conditions, from the end: each is given the points that follow where it holds and where it does not."""

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        self.points: list[Point] = []
        self.starts: dict[int, int] = {}

    def point(self, line: int, operations: list[Operation] | None = None, *edges: Edge) -> int:
        if len(self.points) > MAX_POINTS:
            raise TooLarge
        self.points.append(Point(line, tuple(operations or ()), edges))
        return len(self.points) - 1

    def effect(self, node: "Node", to: int) -> int:
        """Where an expression begins whose value is not used."""
        raise NotImplementedError

    def choice(self, node: "Node", branch: Callable[["Node"], int]) -> int:
        """condition ? consequence : alternative, each as a way of its own."""
        condition = node.child_by_field_name("condition")
        consequence = node.child_by_field_name("consequence") or condition
        alternative = node.child_by_field_name("alternative")
        if condition is None or consequence is None or alternative is None:
            raise TooLarge
        yes, no = branch(consequence), branch(alternative)
        self.starts.update({consequence.id: yes, alternative.id: no})
        return self.condition(condition, yes, no)

    def condition(self, node: "Node", yes: int, no: int) -> int:
        """Where a condition begins that goes on to one of two points."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLarge
        found = self.starts[node.id] = self._condition(inner(node), yes, no)
        self.depth -= 1
        return found

    def _condition(self, node: "Node", yes: int, no: int) -> int:
        symbol = operator_of(node) if node.type in ("unary_expression", "binary_expression") else ""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if symbol == "!":
            argument = node.child_by_field_name("argument")
            if argument is not None:
                return self.condition(argument, no, yes)
        if symbol == "&&" and left is not None and right is not None:
            return self.condition(left, self.condition(right, yes, no), no)
        if symbol == "||" and left is not None and right is not None:
            return self.condition(left, yes, self.condition(right, yes, no))
        if node.type == "conditional_expression":
            return self.choice(node, lambda branch: self.condition(branch, yes, no))
        if node.type == "comma_expression" and node.named_child_count == 2:
            return self.effect(node.named_children[0], self.condition(node.named_children[1], yes, no))
        if node.type == "call_expression":
            call = self.function.call(node)
            if call.name in _HOLDS and call.arguments:
                return self.condition(call.arguments[0], yes, no)
            if call.name in _ERROR_TESTS and call.arguments:
                return self.error_test(call.name, call.arguments[0], yes, no)
        operations: list[Operation] = []
        sign = constant_sign(self.text(node))
        if sign:
            return yes if sign != ZERO else no
        if symbol in AGAINST_ZERO and left is not None and right is not None:
            return self.comparison(node, inner(left), inner(right), yes, no)
        self.expression(node, operations)
        return self.test(node, operations, self.key(node), (NOT_ZERO, ZERO), yes, no)

    def error_test(self, name: str, value: "Node", yes: int, no: int) -> int:
        """IS_ERR() of a value, or one of its relatives."""
        operations: list[Operation] = []
        self.expression(value, operations)
        return self.test(value, operations, self.key(value), _ERROR_TESTS[name], yes, no)

    def comparison(self, node: "Node", left: "Node", right: "Node", yes: int, no: int) -> int:
        symbol = operator_of(node)
        sign = constant_sign(self.text(right))
        if not sign and constant_sign(self.text(left)):
            left, right, symbol = right, left, MIRRORED[symbol]
            sign = constant_sign(self.text(right))
        operations: list[Operation] = []
        self.expression(left, operations)
        self.expression(right, operations)
        if sign == ZERO:
            holds = AGAINST_ZERO[symbol]
            return self.test(node, operations, self.key(left), (holds, others(holds)), yes, no)
        if sign:
            holds, fails = (AGAINST_POSITIVE if sign == POSITIVE else AGAINST_NEGATIVE)[symbol]
            if sign == POSITIVE and self.text(right) == "1" and symbol in ("<", ">="):
                holds, fails = (NOT_POSITIVE, POSITIVE) if symbol == "<" else (POSITIVE, NOT_POSITIVE)
            if (holds, fails) != (ANY, ANY):
                return self.test(node, operations, self.key(left), (holds, fails), yes, no)
        key = f"{self.key(left)}{'==' if symbol == '!=' else symbol}{self.key(right)}"
        if symbol == "!=":
            yes, no = no, yes
            return self.test(node, operations, key, (NOT_ZERO, ZERO), yes, no, ("no", "yes"))
        return self.test(node, operations, key, (NOT_ZERO, ZERO), yes, no)

    def test(
        self,
        node: "Node",
        operations: list[Operation],
        key: str,
        signs: tuple[int, int],
        yes: int,
        no: int,
        taken: tuple[Taken, Taken] = ("yes", "no"),
    ) -> int:
        """A point with an edge where a condition holds and one where it does not."""
        line = self.line(node)
        holds, fails = signs
        return self.point(
            line, operations, Edge(no, key, fails, taken[1], line), Edge(yes, key, holds, taken[0], line)
        )

    def assertion(self, call: Call, to: int) -> int:
        """WARN_ON(condition) and its relatives; BUG_ON() does not return where it fails."""
        condition = call.arguments[0]
        if constant_sign(self.text(condition)):
            return to
        ends = call.name in ("BUG_ON", "VM_BUG_ON")
        failed = self.point(call.line) if ends else self.point(call.line, [Failed(call.line)], Edge(to))
        return self.condition(condition, *((to, failed) if call.name in ASSERTS_TRUE else (failed, to)))

    def kunit_assertion(self, call: Call, to: int) -> int:
        """An assertion of KUnit, which ends the test where it fails."""
        name, value, ended = call.name.removesuffix("_MSG"), call.arguments[1], self.point(call.line)
        if name.endswith("ERR_OR_NULL"):
            return self.error_test("IS_ERR_OR_NULL", value, ended, to)
        return self.condition(value, *((to, ended) if KUNIT_ASSERTIONS[name] else (ended, to)))

    def macro_arguments(self, node: "Node") -> tuple[str, ...]:
        """The arguments of a loop macro, which were parsed as one condition."""
        text = self.text(node)
        text = text[1:-1] if text.startswith("(") else text
        parts, depth, start = [], 0, 0
        for at, char in enumerate(text):
            depth += (char in "([{") - (char in ")]}")
            if char == "," and depth == 0:
                parts.append(text[start:at])
                start = at + 1
        return (*parts, text[start:])
