"""CPU masks: one known or unknown bit for each CPU of the model."""

from collections.abc import Callable

from tree_sitter import Node

from patchscan.model.lowering.abstract_values import (
    ONE_CPU,
    SOME_CPU,
    Address,
    Const,
    Local,
    Named,
    Register,
    Unknown,
    Value,
    combine,
    cpu_number,
    cpu_value,
    is_unknown,
    negate,
)
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.memory import MASK, Context, Frame, Out

Key = tuple[int, str]
CPUS_OF = "mm_cpumask of "
"""Begins the name of mm_cpumask() of an address space."""
_EVERY_CPU = frozenset({"cpu_online_mask", "cpu_possible_mask", "cpu_present_mask"})


def _key(context: Context, node: Node, env: Environment, frame: Frame) -> Key | None:
    """Where the bits of the mask that an expression names are kept; None for a mask that is not followed."""
    node, frame = _bound(node, frame)
    where = context.location(context, node, env, frame, []) if node.type == "identifier" else None
    if isinstance(where, Local) and (where.frame, where.name) in env:
        value = env[where.frame, where.name]
        where = value.of if isinstance(value, Address) else where
    elif where is None:
        value = context.evaluate(context, node, env, frame, [])
        where = value.of if isinstance(value, Address) else None
    if isinstance(where, Local):
        return where.frame, where.name
    return (0, where.name) if isinstance(where, Named) and where.name not in _EVERY_CPU else None


def bit(context: Context, node: Node, cpu: int, env: Environment, frame: Frame) -> Value:
    """Whether a CPU is in the mask: 1, 0, or a value that nobody here decides, the same each time it is asked."""
    name = _name_of(node, frame)
    if name in _EVERY_CPU:
        return Const(1)
    if name == "cpu_none_mask":
        return Const(0)
    key = _key(context, node, env, frame)
    if key is None:
        text = _text(node, frame)
        return Unknown(f"{MASK}{text}[cpu {cpu}]", _holds(text, cpu))
    place = key[0], f"{key[1]}[cpu {cpu}]"
    if place not in env and _runs(context, key[1], cpu, frame):
        context.assumptions.add("mm_cpumask() holds every CPU on which its address space is in use")
        env[place] = Const(1)
    if place not in env:
        text = _text(node, frame)
        serial = f"{context.next()} {text}" if key[0] else text
        env[place] = Unknown(f"{MASK}{serial}[cpu {cpu}]", _holds(text, cpu))
    return env[place]


def _holds(mask: str, cpu: int) -> str:
    return f"{mask.lstrip('&')} holds CPU {cpu}"


def _runs(context: Context, mask: str, cpu: int, frame: Frame) -> bool:
    """Whether a mask is mm_cpumask() of the address space that a CPU's thread works on, on x86, which keeps it.

    arch/x86/mm/tlb.c, switch_mm_irqs_off(); arm64 keeps none.
    """
    space = context.every_space().get(cpu)
    if space is None or mask != f"{CPUS_OF}{space}":
        return False
    asked_there = any(up.path.startswith("arch/x86/") for up in frame.chain())
    return asked_there or bool(context.code.configured("ARCH_X86"))


def _bound(node: Node, frame: Frame) -> tuple[Node, Frame]:
    """The expression that a stub's or macro's parameter stands for, and where it was written."""
    while node.type == "identifier" and frame.text(node) in frame.bound:
        node, frame = frame.bound[frame.text(node)]
    return node, frame


def _name_of(node: Node, frame: Frame) -> str:
    """The name of a mask that is a plain variable; "" for others."""
    node, frame = _bound(node, frame)
    return frame.text(node) if node.type == "identifier" else ""


def _text(node: Node, frame: Frame) -> str:
    node, frame = _bound(node, frame)
    return " ".join(frame.text(node).split())


def _set(context: Context, key: Key | None, cpu: int, value: Value, env: Environment) -> None:
    if key is not None:
        env[key[0], f"{key[1]}[cpu {cpu}]"] = value


def _one(number: int) -> Callable[[Context, list[Node], Environment, Frame, Out], Value]:
    """cpumask_set_cpu(), cpumask_clear_cpu()."""

    def operation(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
        cpu, key = context.evaluate(context, given[0], env, frame, out), _key(context, given[1], env, frame)
        for each in context.every_cpu():
            if cpu_number(cpu) == each:
                _set(context, key, each, Const(number), env)
            elif cpu_number(cpu) is None:
                old = bit(context, given[1], each, env, frame)
                meant = combine("==", cpu_value(each), cpu)
                _set(
                    context,
                    key,
                    each,
                    _either(old, meant) if number else _both(context, old, negate(meant)),
                    env,
                )
        return Const(0)

    return operation


def _both(context: Context, one: Value, other: Value) -> Value:
    """Whether both bits are set, as far as that is known."""
    if Const(0) in (one, other):
        return Const(0)
    if Const(1) in (one, other):
        return other if one == Const(1) else one
    return one if one == other else Unknown(f"{MASK}{context.next()}", "the combined mask holds the CPU")


def _either(one: Value, other: Value) -> Value:
    """Whether one bit is set; where two conditions would do it, the first must."""
    if Const(1) in (one, other):
        return Const(1)
    return other if one == Const(0) else one


def _all(number: int) -> Callable[[Context, list[Node], Environment, Frame, Out], Value]:
    """cpumask_clear(), cpumask_setall()."""

    def operation(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
        key = _key(context, given[0], env, frame)
        for cpu in context.every_cpu():
            _set(context, key, cpu, Const(number), env)
        return Const(0)

    return operation


def _copy(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    key = _key(context, given[0], env, frame)
    for cpu in context.every_cpu():
        _set(context, key, cpu, bit(context, given[1], cpu, env, frame), env)
    return Const(0)


def _combine(
    join: Callable[[Context, Value, Value], Value],
) -> Callable[[Context, list[Node], Environment, Frame, Out], Value]:
    """cpumask_and() and its kin: a mask made of two others."""

    def operation(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
        key = _key(context, given[0], env, frame)
        for cpu in context.every_cpu():
            one, other = (bit(context, node, cpu, env, frame) for node in given[1:3])
            _set(context, key, cpu, join(context, one, other), env)
        return context.unknown("whether the mask is empty")

    return operation


def _without(context: Context, one: Value, other: Value) -> Value:
    return _both(context, one, negate(other))


def looped_over(
    context: Context, macro: str, given: list[Node], cpu: int, env: Environment, frame: Frame
) -> Value:
    """Whether a loop over CPUs comes to one of them: for_each_cpu(), for_each_cpu_and() and their kin."""
    if macro in ("for_each_online_cpu", "for_each_possible_cpu", "for_each_present_cpu"):
        return Const(1)
    masks = [bit(context, node, cpu, env, frame) for node in given[1:3]]
    if macro in ("for_each_cpu", "for_each_cpu_wrap"):
        return masks[0]
    if len(masks) == 2 and macro in _LOOPS:
        return _LOOPS[macro](context, *masks)
    return Unknown(f"{MASK}{macro}[cpu {cpu}]", f"{macro}() comes to CPU {cpu}")


def _any_of(context: Context, one: Value, other: Value) -> Value:
    return _either(one, other)


_LOOPS = {"for_each_cpu_and": _both, "for_each_cpu_andnot": _without, "for_each_cpu_or": _any_of}


def _test(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    cpu = cpu_number(context.evaluate(context, given[0], env, frame, out))
    return (
        bit(context, given[1], cpu, env, frame) if cpu is not None else context.unknown("cpumask_test_cpu()")
    )


def _empty(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    bits = [bit(context, given[0], cpu, env, frame) for cpu in context.every_cpu()]
    if Const(1) in bits:
        return Const(0)
    left = [value for value in bits if value != Const(0)]
    if not left:
        return Const(1)
    if len(left) == 1 and isinstance(left[0], Register) and not is_unknown(left[0]):
        return combine("==", left[0], Const(0))
    return context.unknown("cpumask_empty()")


def _any_but(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    """The number of a CPU of the mask that is not the one given: that of no CPU where there is none."""
    but = cpu_number(context.evaluate(context, given[1], env, frame, out))
    others = [bit(context, given[0], cpu, env, frame) for cpu in context.every_cpu() if cpu != but]
    there = but is not None and Const(1) in others
    return Unknown(f"{SOME_CPU if there else ONE_CPU}{context.next()}", "cpumask_any_but()", "unsigned int")


OPERATIONS: dict[str, Callable[[Context, list[Node], Environment, Frame, Out], Value]] = {
    "cpumask_set_cpu": _one(1),
    "__cpumask_set_cpu": _one(1),
    "cpumask_clear_cpu": _one(0),
    "__cpumask_clear_cpu": _one(0),
    "cpumask_clear": _all(0),
    "cpumask_setall": _all(1),
    "cpumask_copy": _copy,
    "cpumask_and": _combine(_both),
    "cpumask_or": _combine(_any_of),
    "cpumask_andnot": _combine(_without),
    "cpumask_test_cpu": _test,
    "cpumask_empty": _empty,
    "cpumask_any_but": _any_but,
}
