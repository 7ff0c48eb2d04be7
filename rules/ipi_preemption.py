"""smp_call_function_many() where nothing keeps preemption off."""

from collections.abc import Iterator

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence

NAME = "smp_call_function_many"


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added call."""
    for file in context.c_files:
        if file.adds(NAME + "("):
            for function, call in file.added_calls({NAME}):
                yield judge(context, file, function, call)


def judge(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where preemption is on for certain, or where neither the function nor a caller sees to it."""
    flow = context.flow(function)
    if file.was_there(call.line):
        return file.fine(call.line, "the call only moves")
    if not function.whole or not flow.complete:
        return file.unchecked(
            call.line, f"not all of {function.name}() is known: whether preemption is off is not"
        )
    off = flow.at(call.node).preempt_off_not_rt
    if off:
        return file.fine(call.line, "preemption is off")
    if off is None:
        callers = [
            context.flow(caller).at(each.node).preempt_off_not_rt
            for other in context.c_files
            for source in other.after
            for caller in source.functions()
            if function.name in caller.text and caller.name != function.name
            for each in caller.calls()
            if each.name == function.name
        ]
        if callers and False not in callers:
            return file.fine(
                call.line, f"whether preemption is off is up to the callers of {function.name}()"
            )
        if function.is_static and not callers:
            return file.fine(call.line, f"who calls {function.name}() is not visible")
    return file.finding(
        call.line,
        f"{NAME}() wants preemption off, or the task may move to another CPU and a CPU of the mask go offline "
        f"meanwhile. Nothing here sees to it: preempt_disable() before the mask is filled, or on_each_cpu_mask()",
    )


RULE = Rule(
    name="ipi-preemption",
    summary="smp_call_function_many() with preemption on",
    why=(
        "smp_call_function_many() leaves out the CPU it runs on. When the task is moved to another CPU between the "
        "choice of the mask and the call, the wrong one is left out. With preemption off, no CPU of the mask goes "
        "offline either."
    ),
    source=(
        "kernel/smp.c (smp_call_function_many(): preemption must be disabled when calling this function); "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    wakes=(NAME,),
    bad=(
        """
 void wait_for_walks(struct mm_struct *mm)
 {
 	struct cpumask walkers;
 
 	find_walkers(mm, &walkers);
+	smp_call_function_many(&walkers, nothing, NULL, 1); // want "preempt_disable"
 }
""",
        """
 static void tell(struct device *dev)
 {
 	mutex_lock(&dev->lock);
+	smp_call_function_many(&dev->cpus, nothing, NULL, 1); // want "wants preemption off"
 	mutex_unlock(&dev->lock);
 }
""",
    ),
    good=(
        """
 void wait_for_walks(struct mm_struct *mm)
 {
 	struct cpumask walkers;
 
 	preempt_disable();
 	find_walkers(mm, &walkers);
+	smp_call_function_many(&walkers, nothing, NULL, 1);
 	preempt_enable();
 }
""",
        """
 void wait_for_walks(struct mm_struct *mm)
 {
 	int cpu = get_cpu();
 
+	smp_call_function_many(mm_cpumask(mm), nothing, NULL, cpu);
 	put_cpu();
 }
""",
        """
 void wait_for_walks(struct mm_struct *mm)
 {
+	on_each_cpu_mask(mm_cpumask(mm), nothing, NULL, 1);
+	smp_call_function(nothing, NULL, 1);
 }
""",
        """
 static void tell(struct cpumask *mask)
 {
+	smp_call_function_many(mask, nothing, NULL, 1);
 }
 
 void tell_all(struct device *dev)
 {
 	guard(preempt)();
 	tell(&dev->cpus);
 }
""",
    ),
)
