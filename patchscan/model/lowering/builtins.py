"""The builtins that stubs are written in, and the C constructs that only the model can follow."""

from collections.abc import Callable

from tree_sitter import Node

from patchscan.c.nodes import arguments
from patchscan.model.lowering import masks
from patchscan.model.lowering.abstract_values import (
    Address,
    Const,
    FunctionName,
    Local,
    Location,
    Named,
    Nowhere,
    Register,
    Through,
    Unknown,
    Value,
    cpu_number,
    cpu_value,
)
from patchscan.model.lowering.accesses import read, update, write
from patchscan.model.lowering.environment import LOCKED, Environment
from patchscan.model.lowering.exposed import around
from patchscan.model.lowering.inlining import inline
from patchscan.model.lowering.interrupts import interrupt, lost_wait, one_cpu
from patchscan.model.lowering.joins import assume
from patchscan.model.lowering.lowered import (
    Close,
    Deferred,
    Fence,
    Hole,
    Lock,
    LockKind,
    Open,
    Read,
    Update,
    Wait,
    Write,
    walk,
)
from patchscan.model.lowering.meanwhile import others_may_change
from patchscan.model.lowering.memory import (
    SPUN_FOR,
    Context,
    Frame,
    Out,
    place_of,
)
from patchscan.model.lowering.static_keys import choice, turned
from patchscan.model.lowering.targets import copy_pointer, dereference, on_cpu
from patchscan.model.lowering.type_names import pointee, structure_of, whole
from patchscan.model.lowering.typing import type_of

_NONE: frozenset[str] = frozenset()
_LETTERS = dict(zip("0123456789", "ghijklmnop", strict=True))


def location_of_call(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Location:
    """A call used as an lvalue: a per-CPU variable, or what a returned pointer leads to."""
    callee, given = node.child_by_field_name("function"), arguments(node.child_by_field_name("arguments"))
    name = frame.text(callee) if callee is not None else ""
    if name in ("per_cpu", "__pcpu") and len(given) > 1:
        where, cpu = (
            context.location(context, given[0], env, frame, out),
            context.evaluate(context, given[1], env, frame, out),
        )
        return on_cpu(where, cpu)
    if name == "__cpus_of" and given:
        space = context.evaluate(context, given[0], env, frame, out)
        text = str(space.number) if isinstance(space, Const) else frame.text(given[0])
        return Named(f"{masks.CPUS_OF}{text}", "struct cpumask")
    if name == "__whole" and given:
        return _whole(context, given[0], env, frame, out)
    if name == "__bit" and len(given) > 1:
        return _bit(context, given[0], given[1], env, frame, out)
    value = context.evaluate(context, node, env, frame, out)
    return dereference(context, value, type_of(context, node, frame))


def _whole(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Location:
    """All that a pointer leads to: a member that is an array, every field of a structure, or the memory itself."""
    value, kind = context.evaluate(context, node, env, frame, out), type_of(context, node, frame)
    where = dereference(context, value, kind)
    if isinstance(where, Local):
        return where
    registers = (value.name,) if isinstance(value, Register) else ()
    if isinstance(where, Named) and not where.name.startswith("<"):
        return whole(where)
    structure = structure_of(pointee(kind))
    return Named(f"{structure}.*", pointee(kind), registers) if structure else Nowhere(frame.text(node))


def _bit(context: Context, number: Node, word: Node, env: Environment, frame: Frame, out: Out) -> Location:
    """A bit of a word, by its name or number where it has one; else the word."""
    bit, where = (
        context.evaluate(context, number, env, frame, out),
        context.location(context, word, env, frame, out),
    )
    if not isinstance(where, Named):
        return where
    if isinstance(bit, Const):
        return Named(f"{where.name}#{bit.number}", where.type, where.base)
    if isinstance(bit, Unknown) and bit.serial.startswith("name "):
        return Named(f"{where.name}#{bit.serial[5:]}", where.type, where.base)
    return where


Builtin = Callable[[Context, Node, list[Node], Environment, Frame, Out], Value]
_NOTHING = Const(0)


def _read(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    where = context.location(context, given[1], env, frame, out)
    return read(context, where, frame.text(given[0]), env, out, place_of(frame, node))


def _write(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    value = context.evaluate(context, given[2], env, frame, out)
    where = context.location(context, given[1], env, frame, out)
    write(context, where, value, frame.text(given[0]), env, out, place_of(frame, node))
    return _NOTHING


def _until(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A read that is repeated until a condition over VAL, what it gave, holds; VAL is the caller's word for it."""
    value = _read(context, node, given, env, frame, out)
    env[SPUN_FOR] = value
    assume(context.evaluate(context, given[2], env, frame, out), node, frame, out)
    env.pop(SPUN_FOR, None)
    return value


def _modify(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    where, operand = (
        context.location(context, given[2], env, frame, out),
        context.evaluate(context, given[3], env, frame, out),
    )
    names = frame.text(given[0]), frame.text(given[1])
    return update(context, where, names[0], (operand,), names[1], env, out, place_of(frame, node))


def _compare(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    where = context.location(context, given[1], env, frame, out)
    operands = tuple(context.evaluate(context, argument, env, frame, out) for argument in given[2:4])
    return update(context, where, "cmpxchg", operands, frame.text(given[0]), env, out, place_of(frame, node))


def _fence(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    out.append(Fence(frame.text(given[0]), place_of(frame, node)))
    return _NOTHING


def _open(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    """IRQs are a flag, so only turning it opens a section; the other domains count."""
    domain = _domain(context, given, 1, env, frame)
    if domain != "irq" or env.get((0, "%irqs")) != Const(1):
        out.append(Open(domain, context.cpu, place_of(frame, node)))
    if domain == "irq":
        env[0, "%irqs"] = Const(1)
    return _NOTHING


def _close(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    domain = _domain(context, given, 1, env, frame)
    if domain != "irq" or env.get((0, "%irqs")) == Const(1):
        out.append(Close(domain, context.cpu, place_of(frame, node)))
    if domain == "irq":
        env[0, "%irqs"] = Const(0)
    return _NOTHING


def _domain(context: Context, given: list[Node], index: int, env: Environment, frame: Frame) -> str:
    """The domain that a builtin names, with the structure that its sections belong to, where there is one."""
    domain = frame.text(given[0])
    if len(given) <= index:
        return domain
    owner = _lock_name(context.evaluate(context, given[index], env, frame, []), "", context.cpu)
    owned = f"{domain}_{lettered(owner)}"
    context.owned.add(owned)
    return owned


def lettered(owner: str) -> str:
    """The name of a structure in a domain's, where letters alone may stand."""
    return "".join(_LETTERS.get(letter, letter if letter.isalpha() else "_") for letter in owner.lower())


def _wait_for(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A wait for the sections of a structure; one that nobody can tell from others may be the reader's, or not."""
    value = context.evaluate(context, given[1], env, frame, [])
    if not isinstance(value, Address) or not isinstance(value.of, Named):
        return lost_wait(node, frame, out)
    out.append(Wait(_domain(context, given, 1, env, frame), None, place_of(frame, node)))
    return _NOTHING


def _irqs(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    return env.get((0, "%irqs"), Const(0))


def _wait(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    cpu = cpu_number(context.evaluate(context, given[1], env, frame, out)) if len(given) > 1 else None
    if cpu is None and len(given) > 1:
        return lost_wait(node, frame, out)
    out.append(Wait(frame.text(given[0]), cpu, place_of(frame, node)))
    return _NOTHING


def _flush(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    out.append(Wait(frame.text(given[0]), context.cpu, place_of(frame, node)))
    return _NOTHING


def _after(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A callback that runs after a grace period: its events, on what it is given."""
    function = context.evaluate(context, given[1], env, frame, out)
    definition = None
    if isinstance(function, FunctionName):
        definition = context.stub(function.name) or context.code.callee(function.name, function.path)
    place = place_of(frame, node)
    # A callback that starts its own next grace period is followed once.
    if definition is None or any(up.definition is definition for up in frame.chain()):
        out.append(Hole(frame.text(given[1]), "indirect call", _NONE, frozenset({"free"}), False, place))
        return _NOTHING
    events = Out()
    inline(context, definition, node, given[2:3], env.copy(), frame, events)
    if any(isinstance(event, (Read, Write, Update)) for event in walk(tuple(events))):
        context.assumptions.add(
            f"what {frame.definition.name}() runs later is over before its caller goes on"
        )
    out.append(Deferred(_domain(context, given, 3, env, frame), tuple(events), place))
    return _NOTHING


def _assuming(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A sentence that belongs to what is said of a reader's sections."""
    if "open" in context.reach.effects:
        context.assumptions.add(frame.text(given[0]).strip('"'))
    return _NOTHING


def _object(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A value that the model follows, 0 for any other."""
    value = context.evaluate(context, given[0], env, frame, out)
    return value if isinstance(value, Register) else _NOTHING


def _sleep(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """What may sleep, and so end an RCU section of a kernel without preemption."""
    out.append(Hole(frame.definition.name, "sleep", _NONE, frozenset({"end"}), True, place_of(frame, node)))
    return _NOTHING


def _lock(kind: LockKind) -> Builtin:
    def builtin(
        context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
    ) -> Value:
        value = context.evaluate(context, given[0], env, frame, out)
        name = _lock_name(value, frame.text(given[0]), context.cpu)
        out.append(Lock(kind, name, place_of(frame, node)))
        env[0, f"{LOCKED}{name}"] = Const(1)
        others_may_change(context, place_of(frame, node).path, env)
        return _NOTHING

    return builtin


def _lock_name(value: Value, text: str, cpu: int) -> str:
    """What stands for a lock: its location, or the pointer to it, which is this CPU's own affair."""
    if isinstance(value, Address):
        where = value.of
        if isinstance(where, Named):
            return where.name
        if isinstance(where, Through):
            return f"lock of {where.register.name} on {cpu}"
        return f"{where.name if isinstance(where, Local) else where.text} on {cpu}"
    return f"{value.serial if isinstance(value, Unknown) else text} on {cpu}"


def _self(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    return cpu_value(context.cpu)


def _per_cpu(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    where = location_of_call(context, node, env, frame, out)
    return read(context, where, "plain", env, out, place_of(frame, node))


def _per_cpu_pointer(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """this_cpu_ptr(&x), per_cpu_ptr(&x, cpu)."""
    value = context.evaluate(context, given[0], env, frame, out)
    cpu = context.evaluate(context, given[1], env, frame, out) if len(given) > 1 else cpu_value(context.cpu)
    return copy_pointer(context, value, cpu, frame.text(node), type_of(context, given[0], frame))


def _container(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """container_of(): the object around a member; a pointer that was read stays the pointer it is."""
    value = context.evaluate(context, given[0], env, frame, out)
    if isinstance(value, Address) and isinstance(value.of, Through):
        return value.of.register
    if isinstance(value, Register):
        return value
    kind = type_of(context, node, frame)
    variable = around(value, frame.text(given[2]), pointee(kind)) if len(given) > 2 else None
    return Address(variable) if variable is not None else context.unknown(frame.text(node), kind)


def _enabled(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    return Const(int(bool(context.code.configured(frame.text(given[0])))))


PRIMITIVES: dict[str, Builtin] = {
    "__R": _read,
    "__U": _until,
    "__W": _write,
    "__X": _modify,
    "__C": _compare,
    "__F": _fence,
    "__open": _open,
    "__close": _close,
    "__irqs": _irqs,
    "__wait": _wait,
    "__wait_for": _wait_for,
    "__flush": _flush,
    "__ipi": interrupt,
    "__after": _after,
    "__lock": _lock("lock"),
    "__unlock": _lock("unlock"),
    "__self": _self,
    "__one_cpu": one_cpu,
    "__choice": choice,
    "__turned": turned,
    "__assuming": _assuming,
    "__sleep": _sleep,
    "__object": _object,
    "__pcpu": _per_cpu,
    "per_cpu": _per_cpu,
    "this_cpu_ptr": _per_cpu_pointer,
    "raw_cpu_ptr": _per_cpu_pointer,
    "per_cpu_ptr": _per_cpu_pointer,
    "container_of": _container,
    "IS_ENABLED": _enabled,
    "IS_BUILTIN": _enabled,
}
