"""A mask of CPUs is filled by a condition only to interrupt these CPUs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Control, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from tree_sitter import Node

# kernel/smp.c: cross call -> the index of the mask argument.
CROSS_CALLS = {"smp_call_function_many": 0, "on_each_cpu_mask": 0}
FILLS = ("cpumask_set_cpu", "__cpumask_set_cpu")
# What may be done with a mask that exists for the cross call alone.
MASK_UPKEEP = frozenset(
    f"{prefix}cpumask_{name}"
    for prefix in ("", "__")
    for name in ("clear", "set_cpu", "clear_cpu", "empty", "weight", "test_cpu")
) | frozenset(
    f"{name}{node}"
    for name in ("alloc_cpumask_var", "zalloc_cpumask_var", "free_cpumask_var")
    for node in ("", "_node")
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every cross call over a mask, where the patch adds the call or what fills the mask."""
    for file in context.c_files:
        if file.adds(*CROSS_CALLS, *FILLS):
            for function in file.functions:
                yield from judge_function(file, function)


def judge_function(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """One remark a mask, though several cross calls may use it (one a branch)."""
    done = set()
    for call in function.calls():
        if call.name in CROSS_CALLS and len(call.arguments) > CROSS_CALLS[call.name]:
            mask = mask_name(function, call.arguments[CROSS_CALLS[call.name]])
            if mask not in done:
                done.add(mask)
                yield from judge(file, function, call, mask)


def judge(file: ChangedFile, function: Function, call: Call, mask: str) -> Iterator[Finding | Silence]:
    """A finding at the loop that fills the mask of a cross call by a condition."""
    fills = [each for each in function.calls() if each.name in FILLS and takes(function, each, mask)]
    if not fills or not {call.line, *(each.line for each in fills)} & file.added_numbers:
        return
    loop = conditional_loop(function, fills[0], call) if len(fills) == 1 else None
    if loop is None:
        yield file.fine(call.line, f"{mask} is not filled by one loop over CPUs with a condition")
    elif file.was_there(loop.line) and file.was_there(call.line):
        yield file.fine(loop.line, "the loop only moves")
    elif not any(variable.name == mask for variable in function.locals):
        yield file.fine(call.line, f"{mask} is not a mask of this function: others may use it")
    elif has_other_use(function, mask):
        yield file.fine(call.line, f"{mask} has other uses than the cross call")
    elif has_effects(function, loop):
        yield file.fine(loop.line, "the loop does more than to test the CPUs")
    else:
        line = loop.line if loop.line in file.added_numbers else fills[0].line
        yield file.finding(
            line,
            f"{loop.macro}() picks CPUs by a condition only to interrupt them: on_each_cpu_cond_mask() takes the "
            f"condition as a function and needs no mask ({mask}) of its own; mind that it includes this CPU",
            (file.evidence(call.line),),
        )


def mask_name(function: Function, node: "Node") -> str:
    """A mask argument without its "&"."""
    return function.source.text_of(node).lstrip("&").strip()


def takes(function: Function, call: Call, mask: str) -> bool:
    """Whether an argument of the call is the mask."""
    return any(mask_name(function, node) == mask for node in call.arguments)


def conditional_loop(function: Function, fill: Call, call: Call) -> Control | None:
    """The loop over CPUs before the cross call in which a CPU is added by a condition."""
    around = function.enclosing(fill.node)
    loop = next((each for each in around if each.kind in ("for", "while", "do")), None)
    if loop is None or "cpu" not in loop.macro or loop.node.end_byte > call.node.start_byte:
        return None
    inside = around[: around.index(loop)]
    skips = any(
        loop.node.start_byte < node.start_byte < fill.node.start_byte
        for node in function.nodes("continue_statement")
    )
    return loop if skips or any(each.kind in ("if", "else") for each in inside) else None


def has_other_use(function: Function, mask: str) -> bool:
    """Whether the mask goes anywhere but to cross calls and the upkeep of masks."""
    for node in function.nodes("identifier"):
        if function.source.text_of(node) != mask:
            continue
        parent = node.parent
        while parent is not None and parent.type in ("pointer_expression", "parenthesized_expression"):
            parent = parent.parent
        if parent is None or parent.type.endswith("declarator") or parent.type == "declaration":
            continue
        outer = parent.parent
        if parent.type != "argument_list" or outer is None or outer.type != "call_expression":
            return True
        if function.call(outer).name not in MASK_UPKEEP | set(CROSS_CALLS):
            return True
    return False


def has_effects(function: Function, loop: Control) -> bool:
    """Whether the loop takes a lock or stores to anything but variables of the function."""
    if any("_lock" in call.name for call in function.calls_in(loop.node)):
        return True
    own = {variable.name for variable in function.locals}
    for node in function.nodes_in(loop.node, "assignment_expression", "update_expression"):
        target = node.child_by_field_name("left") or node.child_by_field_name("argument")
        if target is None or function.source.text_of(target) not in own:
            return True
    return False


RULE = Rule(
    name="open-coded-ipi-cond",
    summary="A mask of CPUs is filled by a condition only to interrupt these CPUs",
    why=(
        "on_each_cpu_cond_mask() asks a function for each CPU whether to interrupt it. It needs no cpumask, so no "
        "allocation that can fail, and keeps preemption off between the question and the interrupt, which an "
        "open-coded loop easily forgets. It runs the function on this CPU too when the condition says so."
    ),
    source=(
        "kernel/smp.c (on_each_cpu_cond_mask(), smp_call_function_many_cond()); review of "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    wakes=(*CROSS_CALLS, *FILLS),
    bad=(
        """
 static void wait_for_walks(struct mm_struct *mm)
 {
 	cpumask_var_t targets;
 	bool any = false;
 	int cpu;
 
 	if (!alloc_cpumask_var(&targets, GFP_ATOMIC))
 		return;
 	cpumask_clear(targets);
 
+	for_each_online_cpu(cpu) { // want "on_each_cpu_cond_mask"
+		if (READ_ONCE(per_cpu(walking, cpu)) == mm) {
+			__cpumask_set_cpu(cpu, targets);
+			any = true;
+		}
+	}
+	if (any)
+		smp_call_function_many(targets, nothing, NULL, 1);
 	free_cpumask_var(targets);
 }
""",
        """
 static void wake_idle(void)
 {
 	struct cpumask idle;
 	int cpu;
 
 	cpumask_clear(&idle);
+	for_each_online_cpu(cpu) { // want "needs no mask .idle."
+		if (!idle_cpu(cpu))
+			continue;
+		__cpumask_set_cpu(cpu, &idle);
+	}
+	on_each_cpu_mask(&idle, nothing, NULL, 1);
 }
""",
    ),
    good=(
        """
 static void wait_for_walks(struct mm_struct *mm)
 {
+	on_each_cpu_cond_mask(walks, nothing, mm, 1, cpu_online_mask);
 }
""",
        """
 static void wake(struct state *state)
 {
 	int cpu;
 
+	for_each_online_cpu(cpu)
+		if (idle_cpu(cpu))
+			cpumask_set_cpu(cpu, state->mask);
+	smp_call_function_many(state->mask, nothing, NULL, 1);
 }
""",
        """
 static void wake(struct state *state)
 {
 	struct cpumask idle;
 	int cpu;
 
+	for_each_online_cpu(cpu)
+		if (idle_cpu(cpu))
+			__cpumask_set_cpu(cpu, &idle);
+	smp_call_function_many(&idle, nothing, NULL, 1);
+	remember(state, &idle);
 }
""",
        """
 static void wake(struct state *state)
 {
 	struct cpumask all;
 	int cpu;
 
+	for_each_online_cpu(cpu)
+		__cpumask_set_cpu(cpu, &all);
+	smp_call_function_many(&all, nothing, NULL, 1);
 }
""",
        """
 static void wake(struct state *state)
 {
 	struct cpumask idle;
 	int cpu;
 
+	for_each_online_cpu(cpu) {
+		if (idle_cpu(cpu)) {
+			__cpumask_set_cpu(cpu, &idle);
+			state->asked[cpu] = true;
+		}
+	}
+	smp_call_function_many(&idle, nothing, NULL, 1);
 }
""",
    ),
)
