"""Interrupts to other CPUs: whom they reach, what runs there, and what is waited for."""

from tree_sitter import Node

from patchscan.basics.record import replace
from patchscan.model.lowering.abstract_values import (
    ONE_CPU,
    Const,
    FunctionName,
    Unknown,
    Value,
    combine,
    cpu_number,
    cpu_value,
)
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.inlining import inline
from patchscan.model.lowering.lowered import Body, Choice, Hole, Update, Wait, Write, walk
from patchscan.model.lowering.memory import Context, Frame, Out, place_of

_NONE: frozenset[str] = frozenset()
_NOTHING = Const(0)


def interrupt(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """An interrupt to another CPU; to the own CPU it is a call and orders nothing."""
    target, function, waits = (
        context.evaluate(context, given[index], env, frame, out) for index in (0, 1, 3)
    )
    if waits == Const(0):
        context.assumptions.add("an IPI that is not waited for orders nothing")
    elif waits != Const(1) and not (isinstance(waits, Const) and waits.number):
        return lost_wait(node, frame, out)
    cpu = cpu_number(target)
    if cpu is not None:
        out.extend(_served(context, function, cpu, waits, node, given[2], env, frame))
    elif isinstance(target, Const) or _is_one_cpu(target):
        out.extend(_somewhere(context, function, target, waits, node, given[2], env, frame))
    else:
        return lost_wait(node, frame, out)
    return _NOTHING


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
    others = [cpu for cpu in context.every_cpu() if cpu != context.cpu]
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


def _handler(
    context: Context, function: Value, node: Node, info: Node, cpu: int, env: Environment, frame: Frame
) -> Body:
    """The events of a handler on its CPU."""
    if not isinstance(function, FunctionName):
        return ()
    definition = context.stub(function.name) or context.code.callee(function.name, function.path)
    if definition is None or not _matters(context, function):
        return ()
    events, own = Out(), context.cpu
    context.cpu = cpu
    inline(context, definition, node, [info], env.copy(), frame, events)
    context.cpu = own
    return tuple(events)


def _matters(context: Context, function: FunctionName) -> bool:
    """Whether a handler is to be followed: one that only flushes a TLB matters where translations are used."""
    if context.acting is None or context.stub(function.name) is not None:
        return True
    return context.acts(function.name, function.path)


def _is_one_cpu(target: Value) -> bool:
    """Whether a value is the number of one CPU, though nobody knows of which."""
    return isinstance(target, Unknown) and target.serial.startswith(ONE_CPU)


def one_cpu(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """cpumask_first(), cpumask_any(): one CPU of a mask, nobody knows which."""
    return Unknown(f"{ONE_CPU}{context.next()}", frame.text(node), "unsigned int")


def lost_wait(node: Node, frame: Frame, out: Out) -> Value:
    """A wait for a CPU that the model cannot tell: it may be any."""
    out.append(
        Hole("a wait for an unknown CPU", "call", _NONE, frozenset({"wait"}), True, place_of(frame, node))
    )
    return _NOTHING
