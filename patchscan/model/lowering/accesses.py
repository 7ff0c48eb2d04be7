"""What a read or a write of a location becomes: an event where it is kept, else what a variable holds."""

from patchscan.basics.pattern import pattern
from patchscan.model.lowering.abstract_values import (
    Local,
    Location,
    Named,
    Nowhere,
    Register,
    Through,
    Unknown,
    Value,
)
from patchscan.model.lowering.environment import EXPOSED, MEANWHILE, Environment
from patchscan.model.lowering.exposed import forget_exposed, holds_object
from patchscan.model.lowering.integers import fit
from patchscan.model.lowering.lowered import Fence, Hole, Place, Read, Update, Write, location_key
from patchscan.model.lowering.meanwhile import tell_changed
from patchscan.model.lowering.memory import ANOTHER, FREED, Context, Out
from patchscan.model.lowering.type_names import structure_of

_UNION = pattern(r"\.(?=[.\[])")


def read(context: Context, location: Location, order: str, env: Environment, out: Out, place: Place) -> Value:
    """A read of a location: an event where the location is kept, otherwise what this thread last put there."""
    if isinstance(location, Local):
        return private(context, (location.frame, location.name), location.type, env)
    if isinstance(location, Nowhere) or context.is_copy(location, order):
        return context.unknown(
            location.text if isinstance(location, Nowhere) else str(location_key(location))
        )
    kind = location.type if isinstance(location, Named) else ""
    if not context.keeps(location):
        if order != "plain" or not isinstance(location, Named):
            return context.unknown(str(location_key(location)), kind)
        env.turn_to(location)
        which = env.which_object(location)
        tell_changed(env, location.name, location.name, out, place)
        return _of_object(context, private(context, (0, location.name), kind, env), which)
    instance = context.instance(kind) if order == "plain" and isinstance(location, Named) else None
    if instance is not None and isinstance(location, Named) and "@" not in location.name:
        return instance
    register = context.register(kind)
    out.append(Read(register, location, order, place))
    context.accesses.append((str(location_key(location)), "R", order))
    return register


def _of_object(context: Context, value: Value, which: int | None) -> Value:
    """A member that is not known: of another object than was asked for first it may be another value."""
    if which == 0 or not isinstance(value, Unknown):
        return value
    if which is None:
        return context.unknown(f"{value.text}{ANOTHER}", value.type, "m")
    return Unknown(value.serial, f"{value.text}{ANOTHER} {which}", value.type)


def private(context: Context, key: tuple[int, str], kind: str, env: Environment) -> Value:
    """A variable of this thread alone; read before it was written it is unknown, but the same each time."""
    if key not in env:
        env[key] = context.unknown(key[1], kind, "u" if key[0] else "m")
    return env[key]


def write(
    context: Context, location: Location, value: Value, order: str, env: Environment, out: Out, place: Place
) -> None:
    """A write to a location: an event where the location is kept."""
    if isinstance(location, (Local, Named)):
        value = fit(value, location.type)
    if isinstance(location, Local):
        _put(location, value, env)
        if "." in location.name or "[" in location.name:
            env.expose(value)
            _written_by_its_name(location, env)
        return
    if not context.by_field and "open" not in context.reach.effects and holds_object(env, value, ""):
        name = location_key(location) or "memory"
        out.append(Hole(name, "store", frozenset(), frozenset({"write"}), False, place))
    env.expose(value)
    forget_exposed(context, env)
    if context.is_copy(location, order):
        return
    if isinstance(location, Named) and not context.keeps(location):
        if location.type.startswith(("struct ", "union ")) and not location.type.endswith(("*", "]")):
            env.forget(0, f"{structure_of(location.type)}.")
        env[0, location.name] = value
        env.pop((0, f"{MEANWHILE}{location.name}"), None)
        env.written(location)
        # A field may be one of an object that nobody else has, such as a batch; a variable of the kernel's is not.
        shared = "." not in location.name.partition("@")[0] or order != "plain"
        if shared and isinstance(value, Register) and value.type and "open" not in context.reach.effects:
            out.append(Hole(location.name, "store", frozenset(), frozenset({"write"}), False, place))
    elif isinstance(location, (Named, Through)):
        out.append(Write(location, value, order, place))
        context.accesses.append((str(location_key(location)), "W", order))
    elif location.copies and value != FREED and not context.by_field:
        _put_anywhere(context, location.copies, order, env, out, place)
    elif value == FREED:
        lost = Hole(location.text, "free of an object the model lost", frozenset(), frozenset(), True, place)
        out.append(lost)


def _written_by_its_name(where: Local, env: Environment) -> None:
    """What was written to that member through a pointer may have been written to this one, whose address is known."""
    if "." not in where.name or (0, EXPOSED) not in env:
        return
    member = where.name[where.name.rindex(".") :]
    for key in env.ending(0, member):
        if not key[1].startswith("%"):
            env.pop(key)


def _put_anywhere(context: Context, of: str, order: str, env: Environment, out: Out, place: Place) -> None:
    """A write to a per-CPU variable may be to the copy of any CPU where it is not known which."""
    copies = {f"{of}@{cpu}" for cpu in context.cpus}
    context.accesses += [(copy, "W", order) for copy in sorted(copies)]
    members = {name for _, name in env.beginning(0, f"{of}@", f"{of}.")}
    for copy in sorted(copies | members):
        if context.keep is not None and context.keeps_named(copy):
            out.append(Hole(copy, "a write for some CPU", frozenset(), frozenset(), True, place))
        elif copy in members:
            env[0, copy] = context.unknown(copy, prefix="m")


def _put(where: Local, value: Value, env: Environment) -> None:
    """Set a variable; the members of a structure go with it, an element may be another one by another number."""
    array, bracket, index = where.name.partition("[")
    # The name of a union's member is empty: what is written to a part of it, or to it, is in all of it.
    union = where.name.rstrip(".") if where.name.endswith(".") else _UNION.split(where.name)[0]
    if union != where.name:
        env.forget(where.frame, f"{union}.")
    if where.type.startswith(("struct ", "union ")) and not where.type.endswith(("*", "]")):
        env.forget(where.frame, f"{where.name}.")
    if bracket and index.startswith("]"):
        env.forget(where.frame, f"{array}[")
    elif bracket:
        env.forget(where.frame, f"{array}[]")
    env[where.frame, where.name] = value


def update(
    context: Context,
    location: Location,
    operation: str,
    operands: tuple[Value, ...],
    order: str,
    env: Environment,
    out: Out,
    place: Place,
) -> Value:
    """A read-modify-write: the old value. On a location that is not kept only its full barrier remains."""
    if isinstance(location, Local):
        old = read(context, location, "plain", env, out, place)
        env[location.frame, location.name] = operands[-1] if operation == "xchg" else context.unknown()
        return old
    if isinstance(location, Nowhere) and location.copies and not context.by_field:
        _put_anywhere(context, location.copies, order, env, out, place)
    if not context.keeps(location):
        if order == "full" and operation != "cmpxchg":
            out.append(Fence("mb", place))
        if isinstance(location, Named) and (0, location.name) in env:
            env[0, location.name] = context.unknown(location.name, location.type, "m")
        object_ = operands[-1] if isinstance(location, Named) and operands else None
        if isinstance(object_, Register) and object_.type and "open" not in context.reach.effects:
            name = str(location_key(location))
            out.append(Hole(name, "store", frozenset(), frozenset({"write"}), False, place))
        return context.unknown()
    register = context.register(location.type if isinstance(location, Named) else "")
    out.append(Update(register, location, operation, operands, order, place))
    context.accesses.append((str(location_key(location)), "W", order))
    return register
