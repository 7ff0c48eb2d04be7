"""An atomic bit operation on a mask that nobody else can see yet."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Fix, Function, Rule, Silence, Variable

if TYPE_CHECKING:
    from tree_sitter import Node

# Atomic operation -> the index of its mask argument. Each has a non-atomic twin with two underscores before it.
OPERATIONS = {
    "cpumask_set_cpu": 1,
    "cpumask_clear_cpu": 1,
    "set_bit": 1,
    "clear_bit": 1,
    "change_bit": 1,
    "test_and_set_bit": 1,
    "test_and_clear_bit": 1,
    "test_and_change_bit": 1,
}
# Functions that use a mask and forget it: it stays private when it is passed to them.
PRIVATE_PREFIXES = (
    "cpumask_",
    "__cpumask_",
    "alloc_cpumask_var",
    "zalloc_cpumask_var",
    "free_cpumask_var",
    "bitmap_",
    "__bitmap_",
    "find_",
    "for_each_",
    "test_bit",
    "set_bit",
    "clear_bit",
    "change_bit",
    "__set_bit",
    "__clear_bit",
    "test_and_",
    "__test_and_",
    "memset",
    "sizeof",
    "IS_ERR",
    "WARN",
    "BUG",
)
MASK_TYPES = ("cpumask_var_t", "struct cpumask", "cpumask_t", "DECLARE_BITMAP []")
ALLOCATORS = ("bitmap_alloc", "bitmap_zalloc")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added atomic bit operation whose mask is a variable of the function; one finding a mask."""
    for file in context.c_files:
        if not file.adds(*OPERATIONS):
            continue
        private: dict[Variable, list[Call]] = {}
        for function, call in file.added_calls(OPERATIONS):
            mask = private_mask(file, function, call)
            if isinstance(mask, Silence):
                yield mask
            else:
                private.setdefault(mask, []).append(call)
        for mask, calls in private.items():
            yield remark(file, mask, calls)


def private_mask(file: ChangedFile, function: Function, call: Call) -> Variable | Silence:
    """The mask of a call, where it is local and has not been shown to anybody."""
    index = OPERATIONS[call.name]
    if len(call.arguments) <= index:
        return file.fine(call.line, "it has no mask argument")
    name = function.source.text_of(call.arguments[index]).lstrip("&").strip()
    mask = next((each for each in function.locals if each.name == name), None)
    if mask is None or not is_private(function, mask):
        return file.fine(call.line, f"{name} is not a mask of this function alone")
    shown = first_shown(function, mask, call)
    if shown is not None:
        return file.fine(call.line, f"{name} may be seen by others from line {shown} on")
    return mask


def remark(file: ChangedFile, mask: Variable, calls: list[Call]) -> Finding:
    """What is said of the calls that change one mask, at the first of them."""
    call = calls[0]
    more = f", here and {len(calls) - 1} times below" if len(calls) > 2 else ", here and once below"
    return file.finding(
        call.line,
        f"{call.name}() is atomic, but {mask.name} is local and nobody else can see it yet: __{call.name}() does"
        + (more if len(calls) > 1 else ""),
        (file.evidence(mask.line), *(file.evidence(each.line) for each in calls[1:6])),
        fix=with_twins(file, calls),
    )


def with_twins(file: ChangedFile, calls: list[Call]) -> Fix | None:
    """The fix: each call by its twin; None where a line between them is not known, or holds two of them."""
    first, last = calls[0].line, calls[-1].line
    lines = {number: file.text_at(number) for number in range(first, last + 1)}
    for call in calls:
        text, found = re.subn(rf"(?<!\w){call.name}\(", f"__{call.name}(", lines[call.line])
        if found != 1:
            return None
        lines[call.line] = text
    return file.replacement(first, last, *lines.values())


def is_static(function: Function, node: "Node") -> bool:
    """Whether the statement around a node begins with the word static."""
    return function.source.line_text(function.source.line_of(node)).lstrip().startswith("static ")


def is_private(function: Function, mask: Variable) -> bool:
    """Whether a variable is a mask whose memory belongs to this call of the function."""
    if mask.static or is_static(function, mask.node):
        return False
    if mask.type.removeprefix("const ") in MASK_TYPES or (
        mask.type.startswith("unsigned long") and "*" not in mask.type
    ):
        return True
    value = mask.value
    return value is not None and value.type == "call_expression" and function.call(value).name in ALLOCATORS


def first_shown(function: Function, mask: Variable, call: Call) -> int | None:
    """The first line at which somebody else may get hold of the mask before, or in a loop around, the call."""
    loops = [each.node for each in function.enclosing(call.node) if each.kind in ("for", "while", "do")]
    end = loops[-1].end_byte if loops else call.node.start_byte
    for node in function.nodes("identifier"):
        if (
            node.start_byte >= end
            or function.source.text_of(node) != mask.name
            or node.start_byte == mask.node.start_byte
        ):
            continue
        if escapes(function, node):
            return function.source.line_of(node)
    return None


def escapes(function: Function, node: "Node") -> bool:
    """Whether this use of the mask can make it known elsewhere."""
    parent = node.parent
    while parent is not None and parent.type in (
        "pointer_expression",
        "parenthesized_expression",
        "cast_expression",
    ):
        node, parent = parent, parent.parent
    if parent is None:
        return False
    if (
        parent.type == "argument_list"
        and parent.parent is not None
        and parent.parent.type == "call_expression"
    ):
        return not function.call(parent.parent).name.startswith(PRIVATE_PREFIXES)
    if parent.type == "assignment_expression":
        return node == parent.child_by_field_name("right")
    return parent.type in (
        "init_declarator",
        "return_statement",
        "initializer_list",
        "initializer_pair",
    ) and not (parent.type == "init_declarator" and node == parent.child_by_field_name("declarator"))


RULE = Rule(
    name="local-atomic-bitop",
    summary="An atomic bit operation on a local mask that nobody else can see yet",
    why=(
        "set_bit() and cpumask_set_cpu() are atomic read-modify-write operations, a locked "
        "instruction or a loop. A mask "
        "on the stack or just allocated has one user; the forms with two underscores do the same "
        "without the cost."
    ),
    source=(
        "Documentation/core-api/wrappers/atomic_bitops.rst and include/linux/cpumask.h; review of "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="warning",
    confidence="high",
    check=check,
    wakes=tuple(OPERATIONS),
    bad=(
        """
 static void sync_walkers(struct mm_struct *mm)
 {
 	cpumask_var_t targets;
 	int cpu;
 
 	if (!zalloc_cpumask_var(&targets, GFP_ATOMIC))
 		return;
 	for_each_online_cpu(cpu) {
 		if (walks(cpu, mm))
+			cpumask_set_cpu(cpu, targets); // want "__cpumask_set_cpu"
 	}
 	smp_call_function_many(targets, nothing, NULL, 1);
 	free_cpumask_var(targets);
 }
""",
        """
 static int pick(struct device *dev)
 {
 	DECLARE_BITMAP(free, 64);
 
 	bitmap_fill(free, 64);
+	clear_bit(dev->id, free); // want "__clear_bit"
 	return find_first_bit(free, 64);
 }
""",
        """
 static unsigned long flags_of(struct device *dev)
 {
+	unsigned long flags = 0;
+
+	if (dev->fast)
+		set_bit(FAST, &flags); // want "__set_bit.. does, here and 2 times below"
+	if (dev->wide)
+		set_bit(WIDE, &flags);
+	else
+		clear_bit(WIDE, &flags);
+	return flags;
 }
""",
    ),
    good=(
        """
 static void wait(struct queue *queue)
 {
 	struct waiter waiter = {};
 	DECLARE_BITMAP(done, 64);
 
 	waiter.done = done;
 	list_add(&waiter.list, &queue->waiters);
+	set_bit(0, done);
 }
""",
        """
 static void mark(struct cpumask *mask, int cpu)
 {
+	cpumask_set_cpu(cpu, mask);
 }
""",
        """
 static void mark(int cpu)
 {
 	static struct cpumask seen;
 
+	cpumask_set_cpu(cpu, &seen);
 }
""",
        """
 static void wait_for_all(void)
 {
 	struct cpumask waiting;
 	int cpu;
 
 	on_each_cpu(clear_self, &waiting, 0);
 	for_each_online_cpu(cpu)
+		cpumask_clear_cpu(cpu, &waiting);
 }
""",
        """
 static void start(struct device *dev)
 {
 	unsigned long *map = dev->map;
 
+	set_bit(0, map);
+	set_bit(1, &dev->flags);
 }
""",
    ),
)
