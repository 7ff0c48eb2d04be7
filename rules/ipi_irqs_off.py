"""A cross call that waits for other CPUs while interrupts are off here."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Evidence, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.callees import Inside

# kernel/smp.c, mm/mmu_gather.c, arch/*/mm/tlb.c: cross call -> the index of its wait argument (None: it always waits).
CROSS_CALLS: dict[str, int | None] = {
    "smp_call_function": 2,
    "smp_call_function_many": 3,
    "smp_call_function_single": 3,
    "smp_call_function_any": 3,
    "on_each_cpu": 2,
    "on_each_cpu_mask": 3,
    "on_each_cpu_cond": 3,
    "on_each_cpu_cond_mask": 3,
    "kick_all_cpus_sync": None,
    "tlb_remove_table_sync_one": None,
    "flush_tlb_all": None,
    "stop_machine": None,
}
# The system goes down, or has one CPU that runs: kernel/smp.c does not complain either.
ALONE = pattern(r"crash|panic|oops|kexec|nmi|kgdb|reboot|shutdown|machine_|suspend|resume|early|boot")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every waiting cross call that is added, or that an added line puts under interrupts off."""
    for file in context.c_files:
        if not file.added:
            continue
        for function in file.functions:
            for call in function.calls():
                if call.name in CROSS_CALLS and waits(function, call):
                    yield from judge(context, file, function, call)
                elif call.name and call.line in file.added_numbers:
                    yield from judge_callee(context, file, function, call)


def waits(function: Function, call: Call) -> bool:
    """Whether the call waits for the other CPUs."""
    return is_waiting(call.name, tuple(function.source.text_of(node) for node in call.arguments))


def is_waiting(name: str, arguments: tuple[str, ...]) -> bool:
    """Whether a function of this name waits for other CPUs when called with these arguments."""
    index = CROSS_CALLS.get(name, 0)
    if name not in CROSS_CALLS or index is None or index >= len(arguments):
        return name in CROSS_CALLS and index is None
    return arguments[index] not in ("0", "false")


def judge(context: Context, file: ChangedFile, function: Function, call: Call) -> Iterator[Finding | Silence]:
    """A finding where interrupts are off for certain, without PREEMPT_RT at least."""
    state = context.flow(function).at(call.node)
    reason = state.evidence("irqs_off_not_rt")
    line = next((each for each in (call.line, reason) if each in file.added_numbers), None)
    if line is None or (file.was_there(call.line) and line == call.line):
        return
    if not state.irqs_off_not_rt:
        known = "are on" if state.irqs_off_not_rt is False else "are not known to be off"
        yield file.fine(line, f"interrupts {known} where {call.name}() stands")
    elif ALONE.search(function.name) or "__init" in function.header:
        yield file.fine(line, f"other CPUs need not run in {function.name}()")
    else:
        yield finding(file, function, call, line, reason, None)


def judge_callee(
    context: Context, file: ChangedFile, function: Function, call: Call
) -> Iterator[Finding | Silence]:
    """A finding where an added call makes one that waits, whenever it is called, and interrupts are off for certain."""
    from patchscan.flow.sleeping import sleeps

    if sleeps(call.name, ()) is not None or ALONE.search(function.name) or "__init" in function.header:
        return
    state = context.flow(function).at(call.node)
    if state.irqs_off_not_rt and not file.was_there(call.line):
        inside = context.inside(function, call, is_waiting)
        if not isinstance(inside, str):
            yield finding(file, function, call, call.line, state.evidence("irqs_off_not_rt"), inside)


def finding(
    file: ChangedFile, function: Function, call: Call, line: int, reason: int, inside: "Inside | None"
) -> Finding:
    """The finding at a line; reason: the line that switches interrupts off, 0 where they are off on entry."""
    why = f"(line {file.patch_line(reason)})" if reason else f"({function.name}() runs as such a callback)"
    where = f", by {inside.name}() on {inside.path}:{inside.line}," if inside else ""
    shown = (Evidence(inside.path, inside.line, inside.text),) if inside else ()
    other = (reason or function.first_line) if line == call.line else call.line
    return file.finding(
        line,
        f"{call.name}() waits for other CPUs{where} with interrupts off here {why}: two CPUs that do so wait for each "
        f"other for ever; call it with interrupts on",
        (file.evidence(other), *shown),
    )


RULE = Rule(
    name="ipi-irqs-off",
    summary="A cross call waits for other CPUs with interrupts off",
    why=(
        "A CPU with interrupts off does not serve the interrupts of others. When it waits for another CPU that, "
        "with interrupts off too, waits for it, both hang. kernel/smp.c warns of it at run time."
    ),
    source=(
        "kernel/smp.c (smp_call_function_many(): must not be called with disabled interrupts or from a hardware "
        "interrupt handler)"
    ),
    severity="error",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static void reset(void)
 {
 	unsigned long flags;
 
+	local_irq_save(flags);
+	on_each_cpu(forget, NULL, 1); // want "on_each_cpu.*interrupts off here .line 5."
+	local_irq_restore(flags);
 }
""",
        """
 static void drop(struct device *dev)
 {
 	unsigned long flags;
 
 	spin_lock_irqsave(&dev->lock, flags);
 	dev->table = NULL;
+	smp_call_function_single(dev->cpu, forget, dev, true); // want "smp_call_function_single"
 	spin_unlock_irqrestore(&dev->lock, flags);
 }
""",
        """
 static void drop(struct device *dev)
 {
 	unsigned long flags;
 
+	local_irq_save(flags); // want "tlb_remove_table_sync_one"
 	tlb_remove_table_sync_one();
+	local_irq_restore(flags);
 }
""",
        """
>>> tree mm/other.c
void forget_all(struct device *dev, bool wait)
{
	on_each_cpu(forget, dev, wait);
}
>>> patch mm: forget under the lock
>>> file mm/example.c
 static void drop(struct device *dev)
 {
 	unsigned long flags;
 
 	spin_lock_irqsave(&dev->lock, flags);
+	forget_all(dev, true); // want "forget_all.. waits for other CPUs, by on_each_cpu.. on mm/other.c:3"
+	forget_all(dev, false);
 	spin_unlock_irqrestore(&dev->lock, flags);
 }
""",
    ),
    good=(
        """
>>> tree mm/other.c
void forget_all(struct device *dev)
{
	if (dev->known)
		on_each_cpu(forget, dev, 1);
}

void forget_outside(struct device *dev)
{
	spin_unlock_irq(&dev->lock);
	on_each_cpu(forget, dev, 1);
	spin_lock_irq(&dev->lock);
}
>>> patch mm: forget under the lock
>>> file mm/example.c
 static void drop(struct device *dev)
 {
 	spin_lock_irq(&dev->lock);
+	forget_all(dev);
+	forget_outside(dev);
 	spin_unlock_irq(&dev->lock);
 }
""",
        """
+#define leave(flags) local_irq_restore(flags)
+
+static void tell(const struct cpumask *mask)
+{
+	unsigned long flags;
+
+	local_irq_save(flags);
+	note();
+	leave(flags);
+	preempt_disable();
+	smp_call_function_many(mask, nothing, NULL, 1);
+	preempt_enable();
+}
""",
        """
 static void drop(struct device *dev)
 {
 	unsigned long flags;
 
 	spin_lock_irqsave(&dev->lock, flags);
 	dev->table = NULL;
 	spin_unlock_irqrestore(&dev->lock, flags);
+	smp_call_function_single(dev->cpu, forget, dev, true);
 }
""",
        """
 static void drop(struct device *dev)
 {
 	preempt_disable();
+	smp_call_function(forget, dev, true);
 	preempt_enable();
 }
""",
        """
 static void drop(struct device *dev)
 {
 	lockdep_assert_irqs_disabled();
+	smp_call_function_single_async(dev->cpu, &dev->csd);
+	irq_work_queue_on(&dev->work, dev->cpu);
 }
""",
        """
 static void drop(struct device *dev)
 {
 	unsigned long flags;
 
 	if (dev->locked)
 		local_irq_save(flags);
+	on_each_cpu(forget, dev, 1);
 	if (dev->locked)
 		local_irq_restore(flags);
 }
""",
    ),
    in_code=tuple(CROSS_CALLS),
)
