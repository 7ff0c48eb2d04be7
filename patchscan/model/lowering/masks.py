"""CPU masks: one known or unknown bit for each CPU of the model."""

from collections.abc import Callable

from tree_sitter import Node

from patchscan.model.lowering.abstract_values import (
    Address,
    Const,
    Local,
    Named,
    Register,
    Value,
    combine,
    is_unknown,
)
from patchscan.model.lowering.memory import Context, Environment, Frame, Out

Key = tuple[int, str]
_EVERY_CPU = frozenset({"cpu_online_mask", "cpu_possible_mask", "cpu_present_mask"})


def _key(context: Context, node: Node, env: Environment, frame: Frame) -> Key | None:
    """Where the bits of the mask that an expression names are kept; None for a mask that is not followed."""
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
    """Whether a CPU is in the mask; one that the model does not follow is taken to hold every CPU."""
    key = _key(context, node, env, frame)
    value = env.get((key[0], f"{key[1]}[cpu {cpu}]")) if key is not None else None
    if value is None:
        context.assumptions.add(f"{' '.join(frame.text(node).split())} holds the CPUs in question")
        return Const(1)
    return value


def _set(context: Context, key: Key | None, cpu: int, value: Value, env: Environment) -> None:
    if key is not None:
        env[key[0], f"{key[1]}[cpu {cpu}]"] = value


def _one(number: int) -> Callable[[Context, list[Node], Environment, Frame, Out], Value]:
    """cpumask_set_cpu(), cpumask_clear_cpu()."""

    def operation(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
        cpu, key = context.evaluate(context, given[0], env, frame, out), _key(context, given[1], env, frame)
        for each in context.cpus:
            if cpu == Const(each):
                _set(context, key, each, Const(number), env)
            elif not isinstance(cpu, Const):
                _set(context, key, each, context.unknown("cpu mask"), env)
        return Const(0)

    return operation


def _all(number: int) -> Callable[[Context, list[Node], Environment, Frame, Out], Value]:
    """cpumask_clear(), cpumask_setall()."""

    def operation(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
        key = _key(context, given[0], env, frame)
        for cpu in context.cpus:
            _set(context, key, cpu, Const(number), env)
        return Const(0)

    return operation


def _copy(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    key = _key(context, given[0], env, frame)
    for cpu in context.cpus:
        _set(context, key, cpu, bit(context, given[1], cpu, env, frame), env)
    return Const(0)


def _and(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    key = _key(context, given[0], env, frame)
    for cpu in context.cpus:
        one, other = (bit(context, node, cpu, env, frame) for node in given[1:3])
        _set(context, key, cpu, other if one == Const(1) else one if other == Const(1) else Const(0), env)
    return context.unknown("cpumask_and()")


def _test(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    cpu = context.evaluate(context, given[0], env, frame, out)
    return bit(context, given[1], cpu.number, env, frame) if isinstance(cpu, Const) else context.unknown()


def _empty(context: Context, given: list[Node], env: Environment, frame: Frame, out: Out) -> Value:
    bits = [bit(context, given[0], cpu, env, frame) for cpu in context.cpus]
    if Const(1) in bits:
        return Const(0)
    left = [value for value in bits if value != Const(0)]
    if not left:
        return Const(1)
    if len(left) == 1 and isinstance(left[0], Register) and not is_unknown(left[0]):
        return combine("==", left[0], Const(0))
    return context.unknown("cpumask_empty()")


OPERATIONS: dict[str, Callable[[Context, list[Node], Environment, Frame, Out], Value]] = {
    "cpumask_set_cpu": _one(1),
    "__cpumask_set_cpu": _one(1),
    "cpumask_clear_cpu": _one(0),
    "__cpumask_clear_cpu": _one(0),
    "cpumask_clear": _all(0),
    "cpumask_setall": _all(1),
    "cpumask_copy": _copy,
    "cpumask_and": _and,
    "cpumask_test_cpu": _test,
    "cpumask_empty": _empty,
}
