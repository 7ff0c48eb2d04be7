"""The builtins that stubs are written in, and the C constructs that only the model can follow."""

from collections.abc import Callable

from tree_sitter import Node

from patchscan.basics.record import replace
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
    combine,
    cpu_number,
    cpu_value,
)
from patchscan.model.lowering.inlining import inline
from patchscan.model.lowering.lowered import (
    Body,
    Choice,
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
ONE_CPU = "one cpu "
"""Begins the serial of a CPU's number of which only that is known."""


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
    if name == "__cpus_of" and given:
        space = context.evaluate(context, given[0], env, frame, out)
        text = str(space.number) if isinstance(space, Const) else frame.text(given[0])
        return Named(f"{masks.CPUS_OF}{text}", "struct cpumask")
    value = context.evaluate(context, node, env, frame, out)
    return dereference(context, value, type_of(context, node, frame))


def _on_cpu(where: Location, cpu: Value) -> Location:
    """A per-CPU variable's copy on one CPU."""
    number = cpu_number(cpu)
    if isinstance(where, Named) and number is not None:
        return Named(f"{where.name}@{number}", where.type)
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
    cpu = cpu_number(context.evaluate(context, given[1], env, frame, out)) if len(given) > 1 else None
    if cpu is None and len(given) > 1:
        return _lost_wait(node, frame, out)
    out.append(Wait(frame.text(given[0]), cpu, place_of(frame, node)))
    return _NOTHING


def _lost_wait(node: Node, frame: Frame, out: Out) -> Value:
    """A wait for a CPU that the model cannot tell: it may be any."""
    out.append(
        Hole("a wait for an unknown CPU", "call", _NONE, frozenset({"wait"}), True, place_of(frame, node))
    )
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
    if waits == Const(0):
        context.assumptions.add("an IPI that is not waited for orders nothing")
    elif waits != Const(1) and not (isinstance(waits, Const) and waits.number):
        return _lost_wait(node, frame, out)
    cpu = cpu_number(target)
    if cpu is not None:
        out.extend(_served(context, function, cpu, waits, node, given[2], env, frame))
    elif isinstance(target, Const) or _is_one_cpu(target):
        out.extend(_somewhere(context, function, target, waits, node, given[2], env, frame))
    else:
        return _lost_wait(node, frame, out)
    return _NOTHING


def _is_one_cpu(target: Value) -> bool:
    """Whether a value is the number of one CPU, though nobody knows of which."""
    return isinstance(target, Unknown) and target.serial.startswith(ONE_CPU)


def _somewhere(
    context: Context,
    function: Value,
    target: Value,
    waits: Value,
    node: Node,
    info: Node,
    env: Environment,
    frame: Frame,
) -> Body:
    """An interrupt to one CPU that a number names: each CPU of the model may be that one, or none of them."""
    body: Body = ()
    others = [cpu for cpu in context.cpus if cpu != context.cpu]
    for cpu in reversed([*others, context.cpu]):
        events = _served(context, function, cpu, waits, node, info, env, frame)
        then = tuple(replace(e, single=True) if isinstance(e, Wait) else e for e in events)
        meant = combine("==", cpu_value(cpu), target)
        text = f"CPU {cpu} is the one that is interrupted"
        body = (Choice(repr(meant), text, then, body, place_of(frame, node)),) if then or body else ()
    return body


def _served(
    context: Context,
    function: Value,
    cpu: int,
    waits: Value,
    node: Node,
    info: Node,
    env: Environment,
    frame: Frame,
) -> Body:
    """What an interrupt to one CPU does; to the own CPU it is a call and orders nothing."""
    if cpu == context.cpu:
        return _handler(context, function, node, info, cpu, env, frame)
    before = len(context.accesses)
    handler = _handler(context, function, node, info, cpu, env, frame)
    del context.accesses[before:]
    if waits == Const(0):
        return ()
    if any(isinstance(event, (Write, Update)) for event in walk(handler)):
        context.assumptions.add("what an IPI handler writes is not modelled")
    waited = (event for event in handler if isinstance(event, Wait))
    return (Wait("irq", cpu, place_of(frame, node)), *waited)


def _one_cpu(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """cpumask_first(), cpumask_any(): one CPU of a mask, nobody knows which."""
    return Unknown(f"{ONE_CPU}{context.next()}", frame.text(node), "unsigned int")


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
    return cpu_value(context.cpu)


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
    cpu = context.evaluate(context, given[1], env, frame, out) if len(given) > 1 else cpu_value(context.cpu)
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
    "__one_cpu": _one_cpu,
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
