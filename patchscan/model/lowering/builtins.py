"""The builtins that stubs are written in, and the C constructs that only the model can follow."""

from collections.abc import Callable

from tree_sitter import Node

from patchscan.c.nodes import arguments
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
)
from patchscan.model.lowering.inlining import inline
from patchscan.model.lowering.lowered import (
    Body,
    Close,
    Deferred,
    Fence,
    Hole,
    Lock,
    Open,
    Read,
    Update,
    Wait,
    Write,
    walk,
)
from patchscan.model.lowering.memory import (
    Context,
    Environment,
    Frame,
    Out,
    dereference,
    place_of,
    read,
    update,
    write,
)
from patchscan.model.lowering.typing import type_of

_NONE: frozenset[str] = frozenset()


def location_of_call(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Location:
    """A call used as an lvalue: a per-CPU variable, or what a returned pointer leads to."""
    callee, given = node.child_by_field_name("function"), arguments(node.child_by_field_name("arguments"))
    name = frame.text(callee) if callee is not None else ""
    if name in ("per_cpu", "__pcpu") and len(given) > 1:
        where, cpu = (
            context.location(context, given[0], env, frame, out),
            context.evaluate(context, given[1], env, frame, out),
        )
        return _on_cpu(where, cpu)
    value = context.evaluate(context, node, env, frame, out)
    return dereference(context, value, type_of(context, node, frame))


def _on_cpu(where: Location, cpu: Value) -> Location:
    """A per-CPU variable's copy on one CPU."""
    if isinstance(where, Named) and isinstance(cpu, Const):
        return Named(f"{where.name}@{cpu.number}", where.type)
    return Nowhere("per-CPU variable of an unknown CPU")


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
    domain = frame.text(given[0])
    if domain != "irq" or env.get((0, "%irqs")) != Const(1):
        out.append(Open(domain, context.cpu, place_of(frame, node)))
    if domain == "irq":
        env[0, "%irqs"] = Const(1)
    return _NOTHING


def _close(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    domain = frame.text(given[0])
    if domain != "irq" or env.get((0, "%irqs")) == Const(1):
        out.append(Close(domain, context.cpu, place_of(frame, node)))
    if domain == "irq":
        env[0, "%irqs"] = Const(0)
    return _NOTHING


def _irqs(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    return env.get((0, "%irqs"), Const(0))


def _wait(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    cpu = context.evaluate(context, given[1], env, frame, out) if len(given) > 1 else None
    number = cpu.number if isinstance(cpu, Const) else None
    out.append(Wait(frame.text(given[0]), number, place_of(frame, node)))
    return _NOTHING


def _flush(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    out.append(Wait(frame.text(given[0]), context.cpu, place_of(frame, node)))
    return _NOTHING


def _ipi(context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    """An interrupt to another CPU; to the own CPU it is a call and orders nothing."""
    target, function, waits = (
        context.evaluate(context, given[index], env, frame, out) for index in (0, 1, 3)
    )
    place = place_of(frame, node)
    if not isinstance(target, Const):
        out.append(Hole("IPI to an unknown CPU", "call", _NONE, frozenset({"wait"}), True, place))
        return _NOTHING
    if target == Const(context.cpu):
        out.extend(_handler(context, function, node, given[2], context.cpu, env, frame))
        return _NOTHING
    before = len(context.accesses)
    handler = _handler(context, function, node, given[2], target.number, env, frame)
    del context.accesses[before:]
    if waits == Const(0):
        context.assumptions.add("an IPI that is not waited for orders nothing")
        return _NOTHING
    out.append(Wait("irq", target.number, place))
    out.extend(event for event in handler if isinstance(event, Wait))
    if any(isinstance(event, (Write, Update)) for event in walk(handler)):
        context.assumptions.add("what an IPI handler writes is not modelled")
    return _NOTHING


def _handler(
    context: Context, function: Value, node: Node, info: Node, cpu: int, env: Environment, frame: Frame
) -> Body:
    """The events of a handler on its CPU."""
    if not isinstance(function, FunctionName):
        return ()
    definition = context.stubs.get(function.name) or context.code.callee(function.name, function.path)
    if definition is None:
        return ()
    events, own = Out(), context.cpu
    context.cpu = cpu
    inline(context, definition, node, [info], dict(env), frame, events)
    context.cpu = own
    return tuple(events)


def _after(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A callback that runs after a grace period: its events, on what it is given."""
    function = context.evaluate(context, given[1], env, frame, out)
    definition = None
    if isinstance(function, FunctionName):
        definition = context.stubs.get(function.name) or context.code.callee(function.name, function.path)
    place = place_of(frame, node)
    # A callback that starts its own next grace period is followed once.
    if definition is None or any(up.definition is definition for up in frame.chain()):
        out.append(Hole(frame.text(given[1]), "indirect call", _NONE, frozenset({"free"}), False, place))
        return _NOTHING
    events = Out()
    inline(context, definition, node, given[2:3], dict(env), frame, events)
    if any(isinstance(event, (Read, Write, Update)) for event in walk(tuple(events))):
        context.assumptions.add(
            f"what {frame.definition.name}() runs later is over before its caller goes on"
        )
    out.append(Deferred(frame.text(given[0]), tuple(events), place))
    return _NOTHING


def _assuming(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A sentence that belongs to what is said of a reader's sections."""
    if "open" in context.reach.effects:
        context.assumptions.add(frame.text(given[0]).strip('"'))
    return _NOTHING


def _lock(kind: str) -> Builtin:
    def builtin(
        context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
    ) -> Value:
        value = context.evaluate(context, given[0], env, frame, out)
        out.append(Lock(kind, _lock_name(value, frame.text(given[0]), context.cpu), place_of(frame, node)))
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
    return Const(context.cpu)


def _choice(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A value nobody here decides; one choice a subject, so that asking twice gives the same answer."""
    subject = frame
    argument = given[0] if given else None
    while argument is not None and argument.type == "identifier" and frame.text(argument) in frame.bound:
        argument, frame = frame.bound[frame.text(argument)]
    text = frame.text(argument).lstrip("&") if argument is not None else subject.definition.name
    if text in context.choices:
        return Const(context.choices[text])
    return Unknown(f"choice {text}" if argument is not None else f"u{context.next()}", text)


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
    cpu = context.evaluate(context, given[1], env, frame, out) if len(given) > 1 else Const(context.cpu)
    if isinstance(value, Address):
        where = _on_cpu(value.of, cpu)
        if not isinstance(where, Nowhere):
            return Address(where)
    return context.unknown(frame.text(node), type_of(context, given[0], frame))


def _container(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """container_of(): the object around a member; a pointer that was read stays the pointer it is."""
    value = context.evaluate(context, given[0], env, frame, out)
    if isinstance(value, Address) and isinstance(value.of, Through):
        return value.of.register
    if isinstance(value, Register):
        return value
    return context.unknown(frame.text(node), type_of(context, node, frame))


def _enabled(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    return Const(int(bool(context.code.config.value(frame.text(given[0])))))


PRIMITIVES: dict[str, Builtin] = {
    "__R": _read,
    "__W": _write,
    "__X": _modify,
    "__C": _compare,
    "__F": _fence,
    "__open": _open,
    "__close": _close,
    "__irqs": _irqs,
    "__wait": _wait,
    "__flush": _flush,
    "__ipi": _ipi,
    "__after": _after,
    "__lock": _lock("lock"),
    "__unlock": _lock("unlock"),
    "__self": _self,
    "__choice": _choice,
    "__assuming": _assuming,
    "__pcpu": _per_cpu,
    "per_cpu": _per_cpu,
    "this_cpu_ptr": _per_cpu_pointer,
    "raw_cpu_ptr": _per_cpu_pointer,
    "per_cpu_ptr": _per_cpu_pointer,
    "container_of": _container,
    "IS_ENABLED": _enabled,
    "IS_BUILTIN": _enabled,
}
