"""What one call does to the state: known functions by their table, others by their summary or their name."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from patchscan.basics.record import replace
from patchscan.flow.effects import Effect, effect_of, may_change_context, undo
from patchscan.flow.sleeping import sleeps
from patchscan.flow.state import (
    Guard,
    Pending,
    State,
    apply,
    forget_context,
    lock_name,
    merge,
    sleeping_point,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.flow.callee import CalleeSummary

Branches = tuple[State | None, State | None]
Summaries = Callable[[str], "CalleeSummary | None"]


def after_call(
    name: str,
    texts: tuple[str, ...],
    state: State,
    line: int,
    assigned: str | None,
    summaries: Summaries | None,
) -> State:
    """The state after a direct call.

    texts: the arguments; assigned: the variable that takes its value, None where it is dropped.
    """
    effect = effect_of(name)
    sleeping = sleeps(name, texts)
    if effect is not None:
        state = sleeping_point(state, line) if sleeping else state
        return _after_effect(effect, name, texts, state, line, assigned)
    summary = summaries(name) if summaries else None
    if summary is not None:
        return summary.apply(state, texts, line)
    if sleeping:
        return sleeping_point(state, line)
    return forget_context(state) if may_change_context(name) else state


def _after_effect(
    effect: Effect, name: str, texts: tuple[str, ...], state: State, line: int, assigned: str | None
) -> State:
    """Apply the effect of a known function: for certain, or until its value is tested."""
    lock = _name_at(texts, effect.lock_argument, assigned, name)
    flags = _name_at(texts, effect.flags_argument, assigned, name)
    taken = apply(state, effect, lock, flags, line)
    if effect.success == "always":
        return taken
    either = merge(taken, state) or state
    if not assigned:
        return either
    either = replace(either, pending={})
    return replace(either, pending={assigned: Pending(effect.success, either, taken, state)})


def tested(variable: str, state: State | None) -> Branches:
    """The states where a variable is not zero, and where it is: it may tell whether a lock was taken.

    Only a test right after the call tells; when anything happened between, both are what is known anyway.
    """
    if state is None or variable not in state.pending:
        return state, state
    pending = state.pending[variable]
    if replace(state, pending={}) != pending.either:
        return state, state
    if pending.success == "nonzero":
        return pending.taken, pending.untaken
    return pending.untaken, pending.taken


def enter_guard(state: State, effect: Effect, lock: str, place: str, line: int) -> State:
    """The state in the scope of a guard; place: a name for it that no other guard has."""
    taken = apply(state, effect, lock, place, line)
    return replace(taken, guards=(*state.guards, Guard(undo(effect), lock, place)))


def leave_guards(state: State | None, count: int) -> State | None:
    """The state outside the scopes of all guards beyond the first `count`."""
    while state is not None and len(state.guards) > count:
        guard = state.guards[-1]
        state = apply(replace(state, guards=state.guards[:-1]), guard.effect, guard.lock, guard.flags, 0)
    return state


def plain(node: "Node") -> "Node":
    """The node without the parentheses around it."""
    while node.type == "parenthesized_expression":
        inner = [child for child in node.named_children if child.type != "comment"]
        if len(inner) != 1 or inner[0].type == "compound_statement":
            return node
        node = inner[0]
    return node


def operator(node: "Node") -> str:
    """The operator of a unary or binary expression."""
    found = node.child_by_field_name("operator")
    return found.type if found is not None else ""


def macro_arguments(condition: "Node") -> "Iterator[Node]":
    """The arguments of a macro that was masked to a condition: a comma expression, unfolded."""
    waiting = list(reversed(condition.named_children))
    while waiting:
        node = waiting.pop()
        if node.type == "comma_expression":
            waiting.extend(reversed(node.named_children))
        elif node.type != "comment":
            yield node


def _name_at(texts: tuple[str, ...], index: int, assigned: str | None, name: str) -> str:
    """The lock or flags that an argument names; -1: the variable assigned, -2: the function's own."""
    if index == -1:
        return assigned or name
    return lock_name(texts[index]) if 0 <= index < len(texts) else name
