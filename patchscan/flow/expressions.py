"""Expressions and conditions in the walk of a function: only calls change the state."""

from bisect import bisect_left
from typing import TYPE_CHECKING

from patchscan.basics.record import replace
from patchscan.c.source import Function
from patchscan.flow.calleffects import Branches, Summaries, after_call, enter_guard, operator, plain, tested
from patchscan.flow.effects import (
    ASSERTS_FALSE,
    ASSERTS_TRUE,
    NEVER_RETURNS,
    PREDICATES,
    TRANSPARENT,
    effect_of,
    guard_effect,
)
from patchscan.flow.state import State, apply, forget_context, lock_name, merge

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH = 120
MAX_VISITS = 200_000


class TooLarge(Exception):
    """The walk costs more than it is worth."""


class Expressions:
    """The part of a walk that knows expressions; `states` holds what is known before each node visited.

    A state of None stands for code that no path leads to.
    """

    def __init__(self, function: Function, summaries: Summaries | None) -> None:
        self.function = function
        self.source = function.source
        self.summaries = summaries
        self.states: dict[int, State | None] = {}
        self.calls = sorted(node.start_byte for node in function.nodes("call_expression"))
        self.visits = 0
        self.depth = 0

    def part(self, node: "Node", state: State | None) -> State | None:
        """The state behind a statement or expression; a walk that knows statements extends this."""
        return self.expression(node, state)

    def text(self, node: "Node") -> str:
        return self.source.text_of(node)

    def line(self, node: "Node") -> int:
        return self.source.line_of(node)

    def expression(self, node: "Node", state: State | None) -> State | None:
        """The state behind an expression; only calls change it."""
        self.visits += 1
        if state is None or not self._has_call(node):
            return state
        self.depth += 1
        if self.visits > MAX_VISITS or self.depth > MAX_DEPTH:
            raise TooLarge
        after = self._expression(node, state)
        self.depth -= 1
        return after

    def _expression(self, node: "Node", state: State) -> State | None:
        if node.type == "call_expression":
            return self._call(node, state, None)
        if node.type in ("assignment_expression", "init_declarator"):
            return self._assignment(node, state)
        if node.type == "conditional_expression":
            return self._choice(node, state)
        if node.type == "binary_expression" and operator(node) in ("&&", "||"):
            return merge(*self.condition(node, state))
        after: State | None = state
        for child in node.named_children:
            after = self.part(child, after)
        return after

    def _has_call(self, node: "Node") -> bool:
        index = bisect_left(self.calls, node.start_byte)
        return index < len(self.calls) and self.calls[index] < node.end_byte

    def _choice(self, node: "Node", state: State) -> State | None:
        """condition ? consequence : alternative"""
        condition = node.child_by_field_name("condition")
        taken, skipped = self.condition(condition, state) if condition is not None else (state, state)
        consequence = node.child_by_field_name("consequence")
        alternative = node.child_by_field_name("alternative")
        if consequence is not None:
            self.states[consequence.id] = taken
            taken = self.expression(consequence, taken)
        if alternative is not None:
            self.states[alternative.id] = skipped
            skipped = self.expression(alternative, skipped)
        return merge(taken, skipped)

    def _assignment(self, node: "Node", state: State) -> State | None:
        """variable = call(...): the variable may name the lock taken, or say whether it was."""
        left = node.child_by_field_name("left") or node.child_by_field_name("declarator")
        right = node.child_by_field_name("right") or node.child_by_field_name("value")
        name = lock_name(self.text(left)) if left is not None else ""
        state = replace(state, pending={key: value for key, value in state.pending.items() if key != name})
        after: State | None = self.expression(left, state) if left is not None else state
        if right is None or after is None:
            return after
        inner = plain(right)
        if inner.type == "call_expression":
            return self._call(inner, after, name)
        return self.expression(right, after)

    def _call(self, node: "Node", state: State, assigned: str | None) -> State | None:
        """A call; assigned: the variable that holds its value, None where it is not stored."""
        call = self.function.call(node)
        if call.name in ASSERTS_FALSE | ASSERTS_TRUE and call.arguments:
            self.states[node.id] = state
            holds, fails = self.condition(call.arguments[0], state)
            return holds if call.name in ASSERTS_TRUE else fails
        after: State | None = state
        for argument in call.arguments:
            after = self.expression(argument, after)
        if not call.name:
            callee = node.child_by_field_name("function")
            after = self._indirect(node, callee, after)
        self.states[node.id] = after
        if after is None or call.name in NEVER_RETURNS:
            return None
        texts = tuple(self.text(argument) for argument in call.arguments)
        return after_call(call.name, texts, after, call.line, assigned, self.summaries)

    def _indirect(self, node: "Node", callee: "Node | None", state: State | None) -> State | None:
        """guard(class)(lock), or a call through a pointer."""
        if callee is None or state is None:
            return state
        inner = self.function.call(callee) if callee.type == "call_expression" else None
        if inner is None or inner.name not in ("guard", "CLASS") or not inner.arguments:
            return self.expression(callee, state)
        effect = guard_effect(self.text(inner.arguments[0])) if inner.name == "guard" else None
        if effect is None:
            return forget_context(state) if inner.name == "guard" else state
        arguments = self.function.call(node).arguments
        lock = lock_name(self.text(arguments[0])) if arguments else ""
        return enter_guard(state, effect, lock, str(node.start_byte), self.line(node))

    def condition(self, node: "Node", state: State | None) -> Branches:
        """The state where the condition holds, and where it does not."""
        if state is None:
            return None, None
        self.states[node.id] = state
        node = plain(node)
        if node.type == "unary_expression" and operator(node) == "!":
            argument = node.child_by_field_name("argument")
            holds, fails = self.condition(argument, state) if argument is not None else (state, state)
            return fails, holds
        if node.type == "binary_expression":
            return self._comparison(node, state)
        if node.type == "call_expression":
            return self._call_condition(node, state)
        if node.type == "number_literal":
            return (None, state) if self.text(node).strip() in ("0", "0U", "0L") else (state, None)
        if node.type in ("true", "false"):
            return (state, None) if node.type == "true" else (None, state)
        if node.type == "identifier":
            return tested(self.text(node), state)
        if node.type == "assignment_expression":
            after = self.expression(node, state)
            left = node.child_by_field_name("left")
            return tested(lock_name(self.text(left)), after) if left is not None else (after, after)
        after = self.expression(node, state)
        return after, after

    def _comparison(self, node: "Node", state: State) -> Branches:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return state, state
        symbol = operator(node)
        if symbol == "&&":
            holds, fails = self.condition(left, state)
            both, fails_too = self.condition(right, holds)
            return both, merge(fails, fails_too)
        if symbol == "||":
            holds, fails = self.condition(left, state)
            holds_too, neither = self.condition(right, fails)
            return merge(holds, holds_too), neither
        if self.text(right).strip() in ("0", "NULL", "false"):
            holds, fails = self.condition(left, state)
            if symbol == "==":
                return fails, holds
            if symbol in ("!=", "<"):
                return holds, fails
        after = self.expression(right, self.expression(left, state))
        return after, after

    def _call_condition(self, node: "Node", state: State) -> Branches:
        call = self.function.call(node)
        if call.name in TRANSPARENT | ASSERTS_FALSE and call.arguments:
            self.states[node.id] = state
            return self.condition(call.arguments[0], state)
        if call.name in PREDICATES:
            self.states[node.id] = state
            yes, no = PREDICATES[call.name]
            holds = apply(state, yes, "", "", call.line)
            return holds, apply(state, no, "", "", call.line) if no else state
        effect = effect_of(call.name)
        if effect is None or effect.success == "always":
            after = self.expression(node, state)
            return after, after
        unnamed = f"condition at {node.start_byte}"
        after = self._call(node, state, unnamed)
        return tested(unnamed, after)
