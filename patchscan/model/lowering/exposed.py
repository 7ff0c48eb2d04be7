"""Variables that code elsewhere can reach by their address: which these are, and what it may have done to them."""

from patchscan.model.lowering.abstract_values import (
    Address,
    Local,
    Location,
    Named,
    Register,
    Unknown,
    Value,
    leaves,
)
from patchscan.model.lowering.environment import EXPOSED, Environment
from patchscan.model.lowering.memory import Context
from patchscan.model.lowering.type_names import structure_of


def forget(context: Context, env: Environment, where: Local) -> None:
    """Whoever got a variable's address may have changed it, a member of it, or an element of its array."""
    array, bracket, _ = where.name.partition("[")
    whole = array if bracket else where.name
    itself = [key for key in [(where.frame, whole)] if key in env]
    for number, name in (*itself, *env.beginning(where.frame, f"{whole}.", f"{whole}[")):
        if "[cpu " in name:
            env.pop((number, name))
        else:
            old = env[number, name]
            kind = old.type if isinstance(old, (Unknown, Register)) else where.type
            env[number, name] = context.unknown(name, kind)


def forget_exposed(context: Context, env: Environment) -> None:
    """Code that is not followed may change every variable whose address lies somewhere."""
    found = env.get((0, EXPOSED))
    for leaf in leaves(found) if found is not None else ():
        if isinstance(leaf, Address) and isinstance(leaf.of, Local):
            forget(context, env, leaf.of)


def handed_over(context: Context, env: Environment, values: list[Value]) -> None:
    """A call that is not followed gets these values, and may change what they lead to."""
    forget_exposed(context, env)
    for value in values:
        if isinstance(value, Address) and isinstance(value.of, Local):
            forget(context, env, value.of)
        elif isinstance(value, Address) and isinstance(value.of, Named) and (0, value.of.name) in env:
            env[0, value.of.name] = context.unknown(value.of.name, value.of.type, "m")


def holds_object(env: Environment, value: Value, kind: str) -> bool:
    """Whether something that was read, and leads to memory, lies in what a value leads to."""
    if isinstance(value, Address) and isinstance(value.of, Local):
        frame, whole = value.of.frame, value.of.name
    elif isinstance(value, Address) and isinstance(value.of, Named):
        frame, whole = 0, value.of.name.partition(".")[0]
    else:
        frame, whole = 0, structure_of(kind) if kind.endswith("*") else ""
    if not whole:
        return False
    itself = [key for key in [(frame, whole)] if key in env]
    held = [env[key] for key in (*itself, *env.beginning(frame, f"{whole}.", f"{whole}["))]
    return any(isinstance(each, Register) and each.type != "" for each in held)


def moved(context: Context, pointer: Value) -> Value:
    """A pointer that is moved inside of its array: to which element nobody knows."""
    where = pointer.of if isinstance(pointer, Address) else None
    if isinstance(where, Local) and "[" in where.name:
        return Address(Local(where.frame, f"{where.name.partition('[')[0]}[]", where.type))
    if isinstance(where, Named) and where.name.endswith("[]") and where.whose is not None:
        return Address(Named(where.name, where.type, where.base, context.unknown()))
    return pointer


def around(value: Value, member: str, kind: str) -> Location | None:
    """The variable of which a pointer leads to a member, None where it leads to something else."""
    where = value.of if isinstance(value, Address) else None
    if not isinstance(where, Local) or not where.name.endswith(f".{member}"):
        return None
    return Local(where.frame, where.name.removesuffix(f".{member}"), kind)
