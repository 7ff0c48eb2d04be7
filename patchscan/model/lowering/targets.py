"""What pointers lead to, and the copies that CPUs have of a variable."""

from patchscan.model.lowering.abstract_values import (
    Address,
    Local,
    Location,
    Named,
    Nowhere,
    Register,
    Through,
    Unknown,
    Value,
    cpu_number,
)
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.memory import Context
from patchscan.model.lowering.type_names import pointee, structure_of

_SOME = " on some CPU: "
"""In the serial of a pointer to the copy of a CPU that is not known: comes before the variable."""


def dereference(context: Context, value: Value, kind: str) -> Location:
    """The memory that a pointer value of C type `kind` leads to."""
    if isinstance(value, Address):
        return _some_element(value.of)
    if isinstance(value, Register):
        return Through(value)
    copies = copies_behind(value)
    target = pointee(kind)
    if not structure_of(target) and isinstance(value, Unknown) and value.type:
        target = pointee(value.type)
    name = structure_of(target)
    if name and "*" not in target and (not copies or context.by_field):
        return Named(f"<{name}>", target)
    return Nowhere(target or "pointer", copies)


def _some_element(where: Location) -> Location:
    """What the address of a local variable leads to: of an array one of its elements."""
    if isinstance(where, Local) and where.type.endswith("[]") and "[" not in where.name:
        return Local(where.frame, f"{where.name}[]", pointee(where.type))
    return where


def on_cpu(where: Location, cpu: Value) -> Location:
    """A per-CPU variable's copy on one CPU."""
    number = cpu_number(cpu)
    if isinstance(where, Named) and number is not None:
        return Named(f"{where.name}@{number}", where.type)
    name = where.name if isinstance(where, Named) else ""
    return Nowhere("per-CPU variable of an unknown CPU", name)


def copy_pointer(context: Context, of: Value, cpu: Value, text: str, kind: str) -> Value:
    """The address of a per-CPU variable's copy."""
    if not isinstance(of, Address):
        return context.unknown(text, kind)
    where = on_cpu(of.of, cpu)
    if not isinstance(where, Nowhere):
        return Address(where)
    instance = context.instance(kind)
    some = f"{_SOME}{where.copies}" if where.copies else ""
    return instance if instance is not None else Unknown(f"u{context.next()}{some}", text, kind)


def copies_behind(pointer: Value) -> str:
    """The per-CPU variable that a pointer leads to a copy of, where the CPU is not known."""
    return pointer.serial.partition(_SOME)[2] if isinstance(pointer, Unknown) else ""


def member_of_copy(context: Context, copies: str, name: str, env: Environment) -> Location | None:
    """A member of the copy of a CPU that is not known, where a copy of it matters to this thread."""
    member = f"{copies}.{name}"
    matters = (
        context.keeps_named(f"{member}@{cpu}") or (0, f"{member}@{cpu}") in env for cpu in context.cpus
    )
    known = copies and not context.by_field and any(list(matters))
    return Nowhere("per-CPU variable of an unknown CPU", member) if known else None


def identity(value: Value) -> Value:
    """What two pointers, or two numbers of elements, have in common where they are the same for sure."""
    return Unknown(value.serial) if isinstance(value, Unknown) else value
