"""Reader domains: interrupts, TLBs and IPIs in litmus tests, as an extension of the kernel's dialect.

A domain is a kind of reader section and a way to wait until all sections that were open have closed.
Besides RCU and SRCU, which the memory model has, there are

    irq         one a CPU: an interval with IRQs off; waited for by an IPI to this CPU
    tlb         one a CPU: from the fill of a translation to its invalidation; waited for by a flush of this CPU
    device TLB  one a device: the same there; waited for by the mmu notifier

Thread Pn runs on CPU n. Other functions are handlers: IPIs and call_rcu() name them, 0 is a handler that
does nothing.

    local_irq_disable() local_irq_enable() local_irq_save(flags) local_irq_restore(flags)
    raw_spin_lock_irqsave(lock, flags) raw_spin_unlock_irqrestore(lock, flags)
    smp_call_function_single(cpu, handler, wait) smp_call_function_many(mask, handler, wait)
    smp_call_function(handler, wait) on_each_cpu(handler, wait) on_each_cpu_mask(mask, handler, wait)
    cpumask_set_cpu(cpu, mask) cpumask_clear_cpu(cpu, mask) cpumask_test_cpu(cpu, mask)
    tlb_fill() tlb_drop() flush_tlb_mask(mask) flush_tlb_all() flush_tlb_mask_ipi(mask) flush_tlb_all_ipi()
    device_tlb_fill(device) device_tlb_drop(device) mmu_notifier_invalidate(device)
    call_rcu(handler)

A mask is a constant, a register with one bit a CPU, or the name of a parameter: a cpumask in memory. The
flushes without `_ipi` reach the TLB without interrupting the CPU. `lower` turns such a test into a plain
one: sections and waits become SRCU sections and grace periods of a srcu_struct a domain, whose guarantee is
the same.
"""

from __future__ import annotations

from patchscan.basics.record import field, frozen, record
from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Call,
    Condition,
    Dereference,
    Equals,
    Evaluate,
    Expression,
    If,
    Litmus,
    LitmusError,
    Loop,
    Name,
    Negation,
    Number,
    Observed,
    Operation,
    Store,
    Thread,
)
from patchscan.lkmm.domains.waits import Site

IRQ_CALLS = {
    "local_irq_disable": 0,
    "local_irq_enable": 0,
    "local_irq_save": 1,
    "local_irq_restore": 1,
    "raw_spin_lock_irqsave": 2,
    "raw_spin_unlock_irqrestore": 2,
}
IPI_CALLS = {
    "smp_call_function_single": 3,
    "smp_call_function_many": 3,
    "smp_call_function": 2,
    "on_each_cpu": 2,
    "on_each_cpu_mask": 3,
}
FLUSH_CALLS = {"flush_tlb_mask": 1, "flush_tlb_all": 0, "flush_tlb_mask_ipi": 1, "flush_tlb_all_ipi": 0}
TLB_CALLS = {
    "tlb_fill": 0,
    "tlb_drop": 0,
    "device_tlb_fill": 1,
    "device_tlb_drop": 1,
    "mmu_notifier_invalidate": 1,
}
MASK_CALLS = {"cpumask_set_cpu": 2, "cpumask_clear_cpu": 2, "cpumask_test_cpu": 2}
CALLS = {**IRQ_CALLS, **IPI_CALLS, **FLUSH_CALLS, **TLB_CALLS, **MASK_CALLS, "call_rcu": 1}


def calls_in(node: object) -> list[Call]:
    """Every call in statements or an expression, in the order of the text."""
    match node:
        case tuple():
            return [call for part in node for call in calls_in(part)]
        case Call(_, arguments):
            return [*calls_in(arguments), node]
        case Assign(_, value):
            return calls_in(value)
        case Store(address, value):
            return calls_in((address, value))
        case Evaluate(expression):
            return calls_in(expression)
        case If(condition, then, otherwise):
            return calls_in((condition, then, otherwise))
        case Loop(condition, body):
            return calls_in((condition, body))
        case Negation(operand):
            return calls_in(operand)
        case Dereference(address):
            return calls_in(address)
        case Operation(_, left, right):
            return calls_in((left, right))
    return []


def uses_domains(litmus: Litmus) -> bool:
    """Whether the test is written in the extended dialect."""
    return bool(litmus.handlers) or any(
        call.function in CALLS for thread in litmus.threads for call in calls_in(thread.body)
    )


@frozen
class Request:
    """One IPI or flush call, or call_rcu(), as the lowering sees it.

    targets: (CPU, condition); the condition is None when the CPU is always called.
    domains: of each target, what is waited for ("irq", "tlb"); ("rcu",) for call_rcu().
    """

    targets: tuple[tuple[int, Expression | None], ...]
    handler: str | None
    wait: bool
    domains: tuple[str, ...]
    includes_self: bool


@record
class Lowered:
    """What lowering makes: threads, helper threads, what the filter must say, and where threads wait."""

    litmus: Litmus
    waited: set[str] = field(default_factory=set)
    handled: set[int] = field(default_factory=set)
    uses_rcu: bool = False
    threads: list[Thread] = field(default_factory=list)
    helpers: list[Thread] = field(default_factory=list)
    filters: list[Condition] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    interruptible: dict[int, set[str]] = field(default_factory=dict)
    requests: int = 0


def note_targets(lowered: Lowered, thread: Thread) -> None:
    """Which domains are waited for at all: sections of the others need not be written."""
    for call in calls_in(thread.body):
        if call.function in ("synchronize_rcu", "synchronize_rcu_expedited", "call_rcu"):
            lowered.uses_rcu = True
        if call.function == "mmu_notifier_invalidate":
            lowered.waited.add(device_domain(call.arguments[0], call.line))
        if call.function in IPI_CALLS or call.function in FLUSH_CALLS:
            request = request_of(lowered.litmus, thread, call)
            for cpu, _ in request.targets:
                if cpu == thread.number:
                    continue
                lowered.waited.update(f"{domain}{cpu}" for domain in request.domains)
                if request.handler is not None:
                    lowered.handled.add(cpu)


def request_of(litmus: Litmus, thread: Thread, call: Call) -> Request:
    """What an IPI or flush call asks of which CPUs."""
    everyone = Number((1 << len(litmus.threads)) - 1)
    name, arguments = call.function, call.arguments
    if name in FLUSH_CALLS:
        domains = ("irq", "tlb") if name.endswith("_ipi") else ("tlb",)
        flushed = arguments[0] if arguments else everyone
        return Request(_targets(litmus, thread, flushed, call.line), None, True, domains, True)
    if name == "smp_call_function_single":
        mask: Expression = Number(1 << _constant(arguments[0], call.line))
    elif name in ("smp_call_function_many", "on_each_cpu_mask"):
        mask = arguments[0]
    else:
        mask = everyone
    handler = _handler(litmus, arguments[-2], call.line)
    wait = bool(_constant(arguments[-1], call.line))
    includes_self = name.startswith("on_each_cpu") or name == "smp_call_function_single"
    return Request(_targets(litmus, thread, mask, call.line), handler, wait, ("irq",), includes_self)


def _targets(
    litmus: Litmus, thread: Thread, mask: Expression, line: int
) -> tuple[tuple[int, Expression | None], ...]:
    """The CPUs in the mask, with the condition under which a mask known only at run time has them."""
    cpus = range(len(litmus.threads))
    if isinstance(mask, Number):
        if mask.value >> len(litmus.threads):
            raise LitmusError(f"the mask {mask.value:#x} names a CPU that no thread runs on", line)
        return tuple((cpu, None) for cpu in cpus if mask.value >> cpu & 1)
    if isinstance(mask, Name) and mask.name in thread.parameters:
        return tuple((cpu, Call("READ_ONCE", (mask_variable(mask.name, cpu),), line)) for cpu in cpus)
    return tuple((cpu, Operation("&", mask, Number(1 << cpu))) for cpu in cpus)


def mask_variable(mask: str, cpu: int) -> Expression:
    """A cpumask in memory is one variable a CPU."""
    return Dereference(Name(f"{mask}_{cpu}"))


def _handler(litmus: Litmus, argument: Expression, line: int) -> str | None:
    if argument == Number(0) or argument == Name("NULL"):
        return None
    if not isinstance(argument, Name) or argument.name not in litmus.handlers:
        raise LitmusError("a handler is 0 or the name of a function in this file", line)
    return argument.name


def _constant(argument: Expression, line: int) -> int:
    if not isinstance(argument, Number):
        raise LitmusError("the CPU and `wait` must be constants", line)
    return argument.value


def device_domain(argument: Expression, line: int) -> str:
    """The name of a device's domain; a device is a number or a word."""
    if isinstance(argument, Number | Name):
        return f"device_{argument.value if isinstance(argument, Number) else argument.name}"
    raise LitmusError("a device is a number or a name", line)


def register_is(thread: int, register: str, value: int) -> Condition:
    return Equals(Observed(thread, register), value)
