"""What one call does to the state: known functions by their table, others by their summary or their name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from patchscan.basics.record import replace
from patchscan.flow.effects import PREDICATES, Effect, effect_of, may_change_context, undo
from patchscan.flow.signs import ANY, NEGATIVE, NOT_ZERO, ZERO
from patchscan.flow.sleeping import sleeps
from patchscan.flow.state import (
    Guard,
    State,
    apply,
    forget_context,
    lock_name,
    sleeping_point,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.flow.callee import CalleeSummary

Summaries = Callable[[str], "CalleeSummary | None"]
# The states after a call, each with the signs of what it then returns.
Outcomes = tuple[tuple[State, int], ...]


def after_call(
    name: str, texts: tuple[str, ...], state: State, line: int, result: str, summaries: Summaries | None
) -> Outcomes:
    """What a direct call leads to; texts: the arguments; result: where its value goes, "" where that is not known."""
    if name in PREDICATES:
        yes, no = PREDICATES[name]
        otherwise = apply(state, no, "", "", line) if no else state
        return (apply(state, yes, "", "", line), NOT_ZERO), (otherwise, ZERO)
    effect = effect_of(name)
    sleeping = sleeps(name, texts)
    if effect is not None:
        state = sleeping_point(state, line) if sleeping else state
        return _after_effect(effect, name, texts, state, line, result)
    summary = summaries(name) if summaries else None
    if summary is not None:
        return ((summary.apply(state, texts, line), ANY),)
    if sleeping:
        return ((sleeping_point(state, line), ANY),)
    return ((forget_context(state) if may_change_context(name) else state, ANY),)


def _after_effect(
    effect: Effect, name: str, texts: tuple[str, ...], state: State, line: int, result: str
) -> Outcomes:
    """Apply the effect of a known function: for certain, or where its value says so."""
    lock = _name_at(texts, effect.lock_argument, result, name)
    flags = _name_at(texts, effect.flags_argument, result, name)
    taken = apply(state, effect, lock, flags, line)
    if effect.success == "always":
        return ((taken, ANY),)
    if effect.success == "nonzero":
        return (taken, NOT_ZERO), (state, ZERO)
    # down_trylock() fails with 1, what waits with an error.
    return (taken, ZERO), (state, NOT_ZERO if "trylock" in name else NEGATIVE)


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


def _name_at(texts: tuple[str, ...], index: int, result: str, name: str) -> str:
    """The lock or flags that an argument names; -1: what is assigned, -2: the function's own."""
    if index == -1:
        return lock_name(result) or name
    return lock_name(texts[index]) if 0 <= index < len(texts) else name
