"""What a variable holds where branches meet and one of them alone set it: that, or what it held before."""

from patchscan.model.lowering.abstract_values import (
    Const,
    Named,
    Operation,
    Register,
    Unknown,
    Value,
    negate,
    truth,
)
from patchscan.model.lowering.environment import KEY, Environment, Key
from patchscan.model.lowering.lowered import Assign, Choice, Place
from patchscan.model.lowering.memory import UNSET, Context, Out

Arm = tuple[Environment, Out]


def set_alone(context: Context, key: Key, sets: Arm, leaves: Arm, place: Place) -> Value:
    """What a variable holds that one arm sets, and of which the other knows nothing.

    A variable of the kernel's held something before, and so does a part of one that was given a value as a whole.
    """
    value, where = sets[0][key], sets[0].place_written(key)
    if key[1].startswith(KEY):
        return context.unknown(key[1].removeprefix(KEY))
    if where is None and not _was_given_whole(key, leaves[0]):
        return value
    kind = where.type if isinstance(where, Named) else ""
    if context.instance(kind) is not None:
        return value
    had = context.unknown(key[1], kind, "m" if where is not None else "u")
    if not isinstance(value, Const) or "*" in kind or not isinstance(had, Unknown):
        sets[0].expose(value)
        return had
    return _one_of_two(context, key, had, value, leaves[1], sets[1], place)


def because_of(
    context: Context,
    condition: Value,
    key: Key,
    one: tuple[Value, Arm],
    other: tuple[Value, Arm],
    place: Place,
) -> Value | None:
    """What a variable holds that was given a number for what it held, `if (!flag) flag = 1;`; None for others."""
    for (had, leaves), (number, sets) in ((one, other), (other, one)):
        asked = (
            isinstance(condition, Operation)
            and condition.operator in ("==", "!=")
            and (condition.left, condition.right) == (had, Const(0))
        )
        if asked and isinstance(had, Unknown) and isinstance(number, Const):
            return _one_of_two(context, key, had, number, leaves[1], sets[1], place)
    return None


def _one_of_two(
    context: Context, key: Key, had: Unknown, number: Const, leaves: Out, sets: Out, place: Place
) -> Value:
    """A number that one arm sets; in the other it is that one, or nothing, as it was."""
    register = Register(f"v{context.next()}", had.type)
    sets.append(Assign(register, number))
    nothing, something = Assign(register, Const(0)), Assign(register, Const(number.number or 1))
    name, straight = choice_key(truth(had))
    arms = ((something,), (nothing,)) if straight else ((nothing,), (something,))
    leaves.append(Choice(name, key[1] if straight else f"!({key[1]})", *arms, place))
    return register


def _was_given_whole(key: Key, env: Environment) -> bool:
    """Whether a member or element is a part of something that holds a value."""
    frame, name = key
    end = min((place for place in (name.find("."), name.find("[")) if place > 0), default=0)
    if not frame or not end or (name.endswith("]") and "[cpu " in name):
        return False
    whole = env.get((frame, name[:end]))
    return whole is not None and not is_unset(whole)


def is_unset(value: Value) -> bool:
    """Whether a variable was given no value so far."""
    return isinstance(value, Unknown) and value.serial.startswith(UNSET)


def choice_key(condition: Value) -> tuple[str, bool]:
    """A key that equal conditions share, and whether the condition is the key's or its negation."""
    if isinstance(condition, Operation) and condition.operator in ("!=", "<=", ">="):
        return repr(negate(condition)), False
    return repr(condition), True
