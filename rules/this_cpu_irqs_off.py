"""A this_cpu_*() operation where interrupts are known to be off already."""

import re
from collections.abc import Iterator

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

OPERATION = pattern(
    r"this_cpu_(?:read|write|add|sub|inc|dec|and|or|add_return|sub_return|inc_return|dec_return|xchg|cmpxchg)"
)
NMI = pattern(r"\bnmi\b|_nmi|nmi_", re.IGNORECASE)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added this_cpu_*() operation, judged by the IRQ state at its place."""
    for file in context.c_files:
        if file.adds("this_cpu_"):
            for function, call in file.added_calls(lambda name: OPERATION.fullmatch(name) is not None):
                yield judge(context, file, function, call)


def judge(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where IRQs are off for certain, on PREEMPT_RT too."""
    state = context.flow(function).at(call.node)
    if state.irqs_off is None:
        return file.fine(call.line, "the IRQ state here is not known from this function")
    if not state.irqs_off:
        return file.fine(call.line, "IRQs can be on here")
    if NMI.search(function.text):
        return file.fine(call.line, "an NMI may touch the variable, which __this_cpu_*() does not survive")
    # Line 0: so it is called. A handler that interrupts is seldom hot.
    off = state.evidence("irqs_off")
    return file.finding(
        call.line,
        f"IRQs are off here already, so {call.name}() protects itself for nothing: __{call.name}() does; "
        "the difference costs on architectures other than x86",
        (file.evidence(off),) if off else (),
        severity="" if off else "info",
        fix=file.substitution(call.line, f"{call.name}(", f"__{call.name}("),
    )


RULE = Rule(
    name="this-cpu-irqs-off",
    summary="this_cpu_*() where IRQs are known to be off: __this_cpu_*() suffices",
    why=(
        "this_cpu_*() operations protect themselves against interrupts and preemption. Most "
        "architectures do so by "
        "switching IRQs off and on again around the access, which is wasted where they are off already. "
        "__this_cpu_*() leaves the protection to the caller and checks it under CONFIG_DEBUG_PREEMPT."
    ),
    source=(
        "Documentation/core-api/this_cpu_ops.rst; include/linux/percpu-defs.h; review of "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="warning",
    confidence="high",
    check=check,
    wakes=("this_cpu_",),
    bad=(
        """
 static void walk_begin(struct mm_struct *mm)
 {
 	lockdep_assert_irqs_disabled();
+	this_cpu_write(walking_mm, mm); // want "IRQs are off here already, so this_cpu_write"
 }
""",
        """
 static void account(void)
 {
 	unsigned long flags;
 
 	local_irq_save(flags);
+	this_cpu_inc(events); // want "__this_cpu_inc"
 	local_irq_restore(flags);
 }
""",
        """
+static void note(void *unused)
+{
+	this_cpu_inc(events); // want "IRQs are off here already"
+}
+
+void note_all(void)
+{
+	on_each_cpu(note, NULL, 1);
+}
""",
    ),
    good=(
        """
+static void note(void *unused)
+{
+	this_cpu_inc(events);
+}
+
+void note_all(void)
+{
+	on_each_cpu(note, NULL, 1);
+	note(NULL);
+}
""",
        """
 static void account(void)
 {
 	unsigned long flags;
 
 	local_irq_save(flags);
 	update();
 	local_irq_restore(flags);
+	this_cpu_inc(events);
 }
""",
        """
 static void account(struct device *dev)
 {
 	unsigned long flags;
 
 	spin_lock_irqsave(&dev->lock, flags);
+	this_cpu_inc(events);
 	spin_unlock_irqrestore(&dev->lock, flags);
 }
""",
        """
 static void account(void)
 {
+	this_cpu_inc(events);
 }
""",
        """
 static void account(void)
 {
 	lockdep_assert_irqs_disabled();
+	*this_cpu_ptr(&walking_mm) = NULL;
+	__this_cpu_inc(events);
 }
""",
    ),
)
