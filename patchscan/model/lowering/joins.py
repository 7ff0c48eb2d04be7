"""Where two branches of the code meet again: one event for the branch, one environment after it."""

from collections.abc import Sequence
from functools import lru_cache

from tree_sitter import Node

from patchscan.c.nodes import nodes
from patchscan.model.lowering.abstract_values import (
    SYMBOL,
    Const,
    Register,
    Unknown,
    Value,
    is_symbol,
    is_unknown,
    leaves,
    negate,
    truth,
)
from patchscan.model.lowering.environment import EXPOSED, Environment
from patchscan.model.lowering.lowered import Assign, Assume, Branch, Choice, Hole, Place, Update, Write, walk
from patchscan.model.lowering.memory import DEAD, MASK, Context, Frame, Out, place_of
from patchscan.model.lowering.one_way import because_of, choice_key, is_unset, set_alone

_EXITS = frozenset({"return_statement", "goto_statement", "break_statement", "continue_statement"})
Arm = tuple[Environment, Out]


def join(
    context: Context,
    condition: Value,
    node: Node,
    frame: Frame,
    yes: Arm,
    no: Arm,
    env: Environment,
    out: Out,
) -> None:
    """Append the branch on `condition` and make `env` the environment behind it.

    A path that was cut (a loop's back edge) is assumed not to be taken.
    """
    condition, place = truth(condition), place_of(frame, node)
    for (kept, events), (cut, lost), holds in ((no, yes, negate(condition)), (yes, no, condition)):
        if DEAD in cut:
            out.extend(event for event in lost if isinstance(event, Hole))
            if any(isinstance(event, (Write, Update)) for event in walk(tuple(lost))):
                out.append(Hole("a way back", "writes before", frozenset(), frozenset(), True, place))
            if not is_unknown(holds):
                out.append(Assume(holds, place))
            out.extend(events)
            env.replace(kept)
            return
    merged = _merge(context, condition, yes, no, place)
    if is_unknown(condition):
        key, straight = choice_key(condition)
        then, otherwise = (yes[1], no[1]) if straight else (no[1], yes[1])
        text = _asked(condition) or " ".join(_condition_text(node, frame).split())
        out.append(Choice(key, text if straight else f"!({text})", tuple(then), tuple(otherwise), place))
    else:
        out.append(Branch(condition, tuple(yes[1]), tuple(no[1]), place))
    env.replace(merged)


def _merge(context: Context, condition: Value, yes: Arm, no: Arm, place: Place) -> Environment:
    """Variables after both arms: equal values stay, different ones are set in each arm."""
    then, otherwise = yes[0], no[0]
    merged, known = then.copy(), dict.get
    if (exposed := known(otherwise, (0, EXPOSED))) is not None:
        for leaf in leaves(exposed):
            merged.expose(leaf)
    apart = [name for name, one in then.items() if known(otherwise, name) is not one]
    apart += otherwise.keys() - then.keys()
    for name in sorted(apart):
        one, other = then.get(name), otherwise.get(name)
        if name[1] == EXPOSED:
            continue
        if other is None:
            merged[name] = set_alone(context, name, yes, no, place)
        elif one is None:
            merged[name] = set_alone(context, name, no, yes, place)
        elif one == other or is_unset(other):
            merged[name] = one
        elif is_unset(one):
            merged[name] = other
        elif (register := because_of(context, condition, name, (one, yes), (other, no), place)) is not None:
            merged[name] = register
        elif (_computable(one) and _computable(other)) or (is_symbol(one) and is_symbol(other)):
            kind = next((value.type for value in (one, other) if isinstance(value, Register)), "")
            register = Register(f"v{context.next()}", SYMBOL if is_symbol(one) else kind)
            yes[1].append(Assign(register, one))
            no[1].append(Assign(register, other))
            merged[name] = register
        else:
            prefix = "m" if _is_set_elsewhere(one) or _is_set_elsewhere(other) else "u"
            merged[name] = Unknown(f"{prefix}{context.next()}", name[1], _common_type(one, other))
            merged.expose(one)
            merged.expose(other)
    return merged


def assume(condition: Value, node: Node, frame: Frame, out: Out) -> None:
    """Go on only where a condition holds: what was spun for. One that the model cannot compute is noted."""
    condition, place = truth(condition), place_of(frame, node)
    if is_unknown(condition):
        out.append(Hole(frame.text(node)[:60], "loop", frozenset(), frozenset(), True, place))
    elif not isinstance(condition, Const):
        out.append(Assume(condition, place))


def lost_way(frame: Frame, node: Node) -> Hole:
    """What leaves an expression or a macro for a place outside of it."""
    text = " ".join(frame.text(node).split())[:40].rstrip(";")
    place = place_of(frame, node)
    return Hole(text, "a way out that is not followed", frozenset(), frozenset(), True, place)


def _is_set_elsewhere(value: Value) -> bool:
    """Whether a value rests on a variable or a static key that the model does not follow."""
    return any(
        isinstance(leaf, Unknown) and leaf.serial.startswith(("m", "choice ")) for leaf in leaves(value)
    )


def _common_type(one: Value, other: Value) -> str:
    """The type of a merged unknown, where the two values agree on one."""
    types = {value.type for value in (one, other) if isinstance(value, (Unknown, Register)) and value.type}
    return types.pop() if len(types) == 1 else ""


def _computable(value: Value) -> bool:
    return all(isinstance(leaf, (Const, Register)) and not is_symbol(leaf) for leaf in leaves(value))


def _asked(condition: Value) -> str:
    """What is asked of a mask of CPUs, in words: a loop over one has no condition to quote."""
    named = (
        leaf.text for leaf in leaves(condition) if isinstance(leaf, Unknown) and leaf.serial.startswith(MASK)
    )
    return next(named, "")


def _condition_text(node: Node, frame: Frame) -> str:
    """The C text of the condition that a statement or expression branches on."""
    condition = node.child_by_field_name("condition") or node
    return frame.text(condition)[:80]


def branch(
    context: Context,
    condition: Value,
    node: Node,
    arms: tuple[Sequence["Node | str"], Sequence["Node | str"]],
    env: Environment,
    frame: Frame,
    out: Out,
    rest: Sequence["Node | str"],
) -> None:
    """Lower both arms, each followed by `rest`, and join them."""
    yes_events, no_events = Out(), Out()
    yes = context.lower_block(context, [*arms[0], *rest], env.copy(), frame, yes_events)
    no = context.lower_block(context, [*arms[1], *rest], env.copy(), frame, no_events)
    join(context, condition, node, frame, (yes, yes_events), (no, no_events), env, out)


@lru_cache(maxsize=8192)
def exits(node: Node | None) -> bool:
    """Whether control can leave a statement other than at its end."""
    return node is not None and any(inner.type in _EXITS for inner in nodes(node))
