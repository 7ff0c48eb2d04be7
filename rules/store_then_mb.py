"""A store directly followed by a full barrier, which one operation does as well."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

# Calls that are one plain store to memory that others can read, with the operation that stores and orders at once.
PER_CPU_STORES = frozenset(("this_cpu_write", "__this_cpu_write", "raw_cpu_write"))
SHARED = ("field_expression", "pointer_expression", "subscript_expression")
WORD = pattern(r"\w+")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added smp_mb() whose statement directly before is a store."""
    for file in context.c_files:
        if file.adds("smp_mb("):
            for function, call in file.added_calls({"smp_mb"}):
                yield judge(file, function, call)


def judge(file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where nothing stands between a store and the barrier."""
    if file.was_there(call.line):
        return file.fine(call.line, "the barrier only moves")
    stored = store_before(function, call)
    if stored is None:
        return file.fine(call.line, "the statement before it is no store to shared memory")
    text, line, per_cpu = stored
    operation = f"xchg(this_cpu_ptr(&{text}), ...)" if per_cpu else f"smp_store_mb({text}, ...)"
    return file.finding(
        call.line,
        f"a store to {text} directly followed by a full barrier: {operation} is both in one, on x86 a single "
        f"locked instruction",
        (file.evidence(line),),
    )


def store_before(function: Function, call: Call) -> "tuple[str, int, bool] | None":
    """(what is stored to, line, whether it is a per-CPU variable) of the statement before a barrier's."""
    statement = function.statement_of(call.node)
    before = statement.prev_named_sibling if statement is not None else None
    while before is not None and before.type == "comment":
        before = before.prev_named_sibling
    if statement is None or before is None or before.type != "expression_statement":
        return None
    if statement.named_children[:1] != [call.node] or not before.named_children:
        return None
    return store(function, before.named_children[0])


def store(function: Function, node: "Node") -> "tuple[str, int, bool] | None":
    """What an expression stores to, where it is one store of memory that is not this function's own."""
    source = function.source
    if node.type == "call_expression":
        call = function.call(node)
        if call.name not in PER_CPU_STORES | {"WRITE_ONCE"} or len(call.arguments) != 2:
            return None
        return source.text_of(call.arguments[0]), call.line, call.name in PER_CPU_STORES
    if node.type != "assignment_expression":
        return None
    left, operator = node.child_by_field_name("left"), node.child_by_field_name("operator")
    if left is None or operator is None or source.text_of(operator) != "=":
        return None
    name = source.text_of(left)
    own = {variable.name for variable in (*function.locals, *function.parameters)}
    if left.type not in SHARED and (left.type != "identifier" or name in own or not function.whole):
        return None
    if WORD.match(name) and name.split(".")[0].split("[")[0] in own:
        return None
    return name, source.line_of(node), False


RULE = Rule(
    name="store-then-mb",
    summary="A store followed by smp_mb(): one operation does both",
    why=(
        "A store, then a full barrier, then loads is the usual half of a store-buffering pattern. smp_store_mb() "
        "or xchg() is the store and the barrier in one; on x86 that is a single instruction. For a per-CPU "
        "variable with interrupts off, xchg() on this_cpu_ptr() does it."
    ),
    source=(
        "Documentation/memory-barriers.txt (smp_store_mb()); arch/x86/include/asm/barrier.h; review of "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="info",
    confidence="medium",
    check=check,
    wakes=("smp_mb(",),
    bad=(
        """
 static inline void walk_begin(struct mm_struct *mm)
 {
 	/* Pairs with smp_mb() in wait_for_walks(). */
+	this_cpu_write(walking, mm);
+	smp_mb(); // want "store to walking.*xchg"
 }
""",
        """
 void sleep_on(struct queue *queue)
 {
+	WRITE_ONCE(queue->waiting, true);
+	/* Pairs with smp_mb() in wake(). */
+	smp_mb(); // want "smp_store_mb.queue->waiting"
 	if (queue->ready)
 		return;
 }
""",
        """
 void sleep_on(struct queue *queue)
 {
 	queue->waiting = true;
+	smp_mb(); // want "smp_store_mb"
 }
""",
    ),
    good=(
        """
 void sleep_on(struct queue *queue)
 {
 	int ready;
 
 	ready = 0;
+	smp_mb();
 	ready = queue->ready;
 }
""",
        """
 void sleep_on(struct queue *queue)
 {
 	queue->waiting = true;
 	queue_changed(queue);
+	smp_mb();
 }
""",
        """
 void sleep_on(struct queue *queue)
 {
 	queue->waiting++;
+	smp_mb();
+	queue->count += 2;
+	smp_rmb();
 }
""",
        """
 void sleep_on(struct queue *queue)
 {
 	struct queue mine = {};
 
 	mine.waiting = true;
+	smp_mb();
+	smp_store_mb(queue->waiting, true);
 }
""",
    ),
)
