"""What this thread knows of memory that others may have changed since: asked again, no "safe" rests on it."""

from typing import Final

from patchscan.model.lowering.abstract_values import Address, Const, Register, Unknown, leaves
from patchscan.model.lowering.environment import ASKED, EXPOSED, KEY, MEANWHILE, Environment, Unfollowed
from patchscan.model.lowering.exposed import holds_object
from patchscan.model.lowering.lowered import Hole, Place
from patchscan.model.lowering.memory import Context, Out

CHANGED: Final = "changed by others meanwhile"
"""The kind of a hole for what decides and may be another value than this thread last saw."""
_NONE: frozenset[str] = frozenset()
_ANYTHING = Unfollowed("", "", "", False, frozenset(), indirect=True)


def others_may_change(context: Context, near: str, env: Environment) -> None:
    """A lock is given or taken in file `near`: of what decides, this thread knows only how it was before."""
    if context.watched is None:
        return
    context.unfollowed.add(_ANYTHING)
    for key in context.watched:
        if (0, key) in env and not _stays(context, key, env, near):
            env[0, MEANWHILE + key] = Const(1)


def _stays(context: Context, key: str, env: Environment, near: str) -> bool:
    """Whether a member is one of a structure that its caller owns, or a pointer that no code in sight sets."""
    structure, _, member = key.partition("@")[0].rpartition(".")
    value = env[0, key]
    leads = isinstance(value, (Unknown, Register)) and value.type.endswith("*")
    # A number that nobody wrote stands for the one object of its type; where no type is found, it may be a pointer.
    seen = isinstance(value, Const) or (isinstance(value, Unknown) and not value.type)
    leads |= seen and env.place_written((0, key)) is None
    return bool(structure) and (
        context.is_own(structure, near) or (leads and not context.sets(member.removesuffix("[]"), near))
    )


def tell_changed(env: Environment, name: str, shown: str, out: Out, place: Place) -> None:
    """Note that what is asked may have been changed since this thread last saw it."""
    if (0, MEANWHILE + name) in env:
        out.append(Hole(shown, CHANGED, _NONE, _NONE, True, place))


def keys_may_turn(context: Context, name: str, near: str, at: str, env: Environment) -> None:
    """A call that is not looked into may turn static keys that this thread has asked or turned, far below."""
    for _, key in env.beginning(0, KEY, ASKED):
        asked = key.removeprefix(KEY).removeprefix(ASKED)
        if context.turns(name, near, at, asked):
            env[0, f"{MEANWHILE}{KEY}{asked}"] = Const(1)


def forget_functions(context: Context, env: Environment) -> None:
    """Code that is not known may have put another function wherever one lies outside of this thread's variables."""
    for key in env.functions():
        env[key] = context.unknown(key[1], prefix="m")


def objects_lie_about(env: Environment) -> bool:
    """Whether something that was read, and leads to memory, lies where any code may find it."""
    found = env.get((0, EXPOSED))
    shown = [leaf for leaf in leaves(found) if isinstance(leaf, Address)] if found is not None else []
    return bool(env.objects()) or any(holds_object(env, each, "") for each in shown)
