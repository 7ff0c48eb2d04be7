"""Another CPU's variable decides whether that CPU is interrupted, and nothing orders the read."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

# include/linux/smp.h: who takes a condition, and the type of one.
TAKES_CONDITION = pattern(
    r"\bsmp_cond_func_t\b|\bon_each_cpu_cond(?:_mask)?\b|\bsmp_call_function_many_cond\b"
)
# include/linux/smp.h, include/linux/irq_work.h: calls that interrupt one CPU, or collect CPUs for a cross call.
SENDS = frozenset(
    ("smp_call_function_single", "smp_call_function_single_async", "smp_send_reschedule", "irq_work_queue_on")
)
COLLECTS = frozenset(("cpumask_set_cpu", "__cpumask_set_cpu"))
CROSS_CALL = pattern(r"\b(?:smp_call_function_many|on_each_cpu_mask)\b")
# Documentation/atomic_t.txt, memory-barriers.txt: what orders the read by itself, or as a full barrier before it.
ORDERS = pattern(
    r"(?:smp|virt)_(?:mb|rmb|load_acquire|store_mb|mb__\w+|cond_load_acquire|acquire__\w+)|[rw]?mb"
    r"|(?:try_)?(?:cmp)?xchg(?:_acquire)?|(?:raw_)?spin_lock\w*|test_and_\w+|atomic\w*_(?:return|acquire|xchg|cmpxchg)"
    r"|synchronize_\w+"
)
SPEAKS = pattern(
    r"barrier|\bpair|\border(?:s|ed|ing)\b|\bstale|\brac(?:e|y|es|ing)\b|smp_|visib|observ|acquire|spurious",
    re.IGNORECASE,
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added read of another CPU's variable in a condition for an interrupt."""
    for file in context.c_files:
        if file.adds("per_cpu"):
            for function, call in file.added_calls({"per_cpu", "per_cpu_ptr"}):
                if len(call.arguments) == 2 and decides_interrupt(context, function, call):
                    yield judge(context, file, function, call)


def judge(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where neither the function nor who uses it orders the read, and no comment speaks of it."""
    name = function.source.text_of(call.arguments[0]).lstrip("&").strip()
    if file.was_there(call.line):
        return file.fine(call.line, "the read only moves")
    place = ordered_by(function, call.node.end_byte)
    if place is not None:
        return file.fine(call.line, f"{place} orders the read")
    line = spoken_of(function)
    if line is not None:
        return file.fine(call.line, f"the comment on line {file.patch_line(line)} speaks of the ordering")
    for user in users_of(context, function.name):
        place = ordered_by(user)
        if place is not None:
            return file.fine(call.line, f"{place} in {user.name}() orders the read")
    return file.finding(
        call.line,
        f"{name} of another CPU decides whether to interrupt it, and nothing orders the read: a stale value "
        f"leaves out a CPU that needs the interrupt. It wants READ_ONCE(), a full barrier after the change that "
        f"the interrupt is for, its partner on the CPU that writes {name}, and a comment that names both",
        (file.evidence(function.first_line),) if function.whole else (),
    )


def decides_interrupt(context: Context, function: Function, call: Call) -> bool:
    """Whether the value read decides whether another CPU is interrupted."""
    node: Node = call.node
    while node.parent is not None:
        child, node = node, node.parent
        if node.type == "return_statement":
            return is_condition(context, function)
        if node.type == "if_statement":
            in_condition = child == node.child_by_field_name("condition")
            return in_condition and (is_condition(context, function) or sends_after(function, node))
        if node.type in ("assignment_expression", "init_declarator") or node.type.endswith("_statement"):
            return False
        if function.source.text_of(node).startswith("&"):
            return False
    return False


def is_condition(context: Context, function: Function) -> bool:
    """Whether the function is an smp_cond_func_t: bool (int cpu, void *info), handed to somebody by name."""
    types = [variable.type for variable in function.parameters]
    if types not in (["int", "void *"], ["unsigned int", "void *"]) or "bool" not in function.header.split():
        return False
    texts = [source.code.decode("utf-8", "replace") for file in context.c_files for source in file.after]
    return any(map(TAKES_CONDITION.search, texts)) and bool(list(users_of(context, function.name)))


def users_of(context: Context, name: str) -> Iterator[Function]:
    """The functions of the changed files that mention a function by name."""
    if not name:
        return
    for file in context.c_files:
        for source in file.after:
            if source.code.count(name.encode()) > 1:
                yield from (
                    each for each in source.functions() if each.name != name and name in each.identifiers
                )


def sends_after(function: Function, branch: "Node") -> bool:
    """Whether an if_statement leads to, or skips, a call that interrupts one CPU."""
    taken = branch.child_by_field_name("consequence")
    loops = [each.node for each in function.enclosing(branch) if each.kind in ("for", "while", "do")]
    if taken is None or not loops:
        return False
    skips = any(function.nodes_in(taken, "continue_statement"))
    collects = COLLECTS if CROSS_CALL.search(function.text) else frozenset()
    reached = [each for each in function.calls_in(loops[0]) if each.node.start_byte >= branch.end_byte]
    calls = (*function.calls_in(taken), *(reached if skips else ()))
    return any(call.name in SENDS | collects for call in calls)


def ordered_by(function: Function, end: int | None = None) -> str | None:
    """A call of the function (begun before the offset `end`) that orders what comes after it."""
    for call in function.calls():
        if ORDERS.fullmatch(call.name) and (end is None or call.node.start_byte < end):
            return f"{call.name}()"
    return None


def spoken_of(function: Function) -> int | None:
    """The line of a comment in or directly above the function that speaks of ordering."""
    source = function.source
    first = function.first_line
    while source.comment_text(first - 1):
        first -= 1
    lines = range(first, function.last_line + 1)
    return next((line for line in lines if SPEAKS.search(source.comment_text(line))), None)


RULE = Rule(
    name="unordered-ipi-condition",
    summary="Another CPU's variable decides whether to interrupt it, and nothing orders the read",
    why=(
        "To leave a CPU out of a cross call because of a flag that it writes is store buffering: this side changes "
        "something and then reads the flag, the other side sets the flag and then reads what was changed. Without "
        "a full barrier between store and load on both sides each can miss the other's store, and the interrupt "
        "that was needed is not sent. A flag that may be stale on purpose deserves a comment that says why."
    ),
    source=(
        "Documentation/memory-barriers.txt; tools/memory-model/Documentation/recipes.txt (store buffering); "
        'review of "x86/mm, mm/vmalloc: Defer kernel TLB flush IPIs under CONFIG_COALESCE_TLBI=y" '
        "(RFC v7 30/31), 2025-11-19"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("per_cpu",),
    bad=(
        """
 static bool needs_flush(int cpu, void *unused)
 {
+	return is_housekeeping(cpu) ||
+	       per_cpu(on_kernel_tables, cpu); // want "on_kernel_tables.*nothing orders"
 }
 
 void flush_kernel(void)
 {
+	on_each_cpu_cond(needs_flush, do_flush, NULL, 1);
 }
""",
        """
 static void kick_walkers(struct mm_struct *mm)
 {
 	int cpu;
 
+	for_each_online_cpu(cpu) {
+		if (READ_ONCE(per_cpu(walking, cpu)) != mm) // want "walking of another CPU decides"
+			continue;
+		smp_call_function_single(cpu, nothing, NULL, 1);
+	}
 }
""",
    ),
    good=(
        """
 static bool needs_flush(int cpu, void *unused)
 {
 	/* Pairs with smp_store_mb() in enter_kernel(). */
+	return smp_load_acquire(per_cpu_ptr(&on_kernel_tables, cpu));
 }
 
 void flush_kernel(void)
 {
+	on_each_cpu_cond(needs_flush, do_flush, NULL, 1);
 }
""",
        """
 static bool needs_flush(int cpu, void *unused)
 {
+	return READ_ONCE(per_cpu(on_kernel_tables, cpu));
 }
 
 void flush_kernel(void)
 {
 	clear_entries();
+	smp_mb();
+	on_each_cpu_cond(needs_flush, do_flush, NULL, 1);
 }
""",
        """
 /* A stale value costs an interrupt too many, and never one too few. */
 static bool has_work(int cpu, void *unused)
 {
+	return READ_ONCE(per_cpu(work_pending, cpu));
 }
 
 void drain(void)
 {
+	on_each_cpu_cond(has_work, do_drain, NULL, 1);
 }
""",
        """
 static bool is_idle(int cpu, void *unused)
 {
+	return per_cpu(idle, cpu);
 }
 
 static int count_idle(void)
 {
 	int cpu, sum = 0;
 
+	for_each_online_cpu(cpu) {
+		if (per_cpu(idle, cpu))
+			sum++;
+	}
 	return sum;
 }
""",
    ),
)
