"""synchronize_rcu() where nothing waits for the grace period but a free."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

WAITS = frozenset(("synchronize_rcu", "synchronize_rcu_expedited", "synchronize_net"))
# Allocator interfaces (include/linux/slab.h, vmalloc.h, percpu.h, gfp.h) whose free has nothing to do but free.
FREES = {
    "kfree": "kfree_rcu()",
    "kvfree": "kvfree_rcu()",
    "vfree": "kvfree_rcu()",
    "kmem_cache_free": "kfree_rcu()",
    "kfree_sensitive": "call_rcu()",
    "free_page": "call_rcu()",
    "__free_page": "call_rcu()",
}
# Here everything has to be gone on return.
TEARDOWN = pattern(r"(?:^|_)(?:exit|cleanup|fini|remove|shutdown|uninit|teardown|unregister|test)(?:_|$)")
RCU_CALLBACK = pattern(r"(?:call|free)_rcu")
UNLOCK = pattern(r"unlock")
MOST_FREES = 2


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every grace period waited for, where the patch adds the wait or a free behind it."""
    for file in context.c_files:
        if file.adds(*WAITS, *FREES):
            for function in file.functions:
                for call in function.calls():
                    if call.name in WAITS:
                        yield from judge(file, function, call)


def judge(file: ChangedFile, function: Function, call: Call) -> Iterator[Finding | Silence]:
    """A finding where the statements behind the wait free something and do nothing else."""
    statements = statements_after(function, call)
    lines = {call.line, *(function.source.line_of(node) for node in statements)}
    if not lines & file.added_numbers or file.was_there(call.line):
        return
    freed = only_frees(function, statements)
    if not freed:
        yield file.fine(call.line, "more than a free stands behind it, or nothing does")
    elif TEARDOWN.search(function.name) or "__exit" in function.header or "__init" in function.header:
        yield file.fine(call.line, f"all must be gone when {function.name}() returns")
    elif any(
        RCU_CALLBACK.search(name) for name in (function.name, *(each.name for each in function.calls()))
    ):
        yield file.fine(call.line, "it is the way out where the callback cannot be had")
    elif any(each.kind in ("for", "while", "do") for each in function.enclosing(call.node)):
        yield file.fine(call.line, "it stands in a loop")
    elif call.line in file.added_numbers:
        yield file.finding(
            call.line,
            f"only a free waits for this grace period: {FREES[freed[0].name]} frees after one and lets the "
            f"caller go on at once",
            tuple(file.evidence(each.line) for each in freed),
        )


def statements_after(function: Function, call: Call) -> "list[Node]":
    """The statements from the one behind a call to the end of the function or the next return."""
    statement = function.statement_of(call.node)
    found: list[Node] = []
    while statement is not None and statement.parent is not None and statement != function.body:
        following = statement.next_named_sibling
        while following is not None:
            if following.type != "comment":
                found.append(following)
            if following.type in ("return_statement", "goto_statement"):
                return found if following.type == "return_statement" else []
            following = following.next_named_sibling
        statement = statement.parent
    return found if function.has_tail else []


def only_frees(function: Function, statements: "list[Node]") -> list[Call]:
    """The frees, where the statements are one or two of them, unlocks and a plain return; else nothing."""
    freed = []
    for node in statements:
        if node.type == "return_statement" and not any(function.calls_in(node)):
            continue
        inner = node.named_children[0] if node.named_children else node
        if node.type != "expression_statement" or inner.type != "call_expression":
            return []
        call = function.call(inner)
        if call.name in FREES:
            freed.append(call)
        elif not UNLOCK.search(call.name):
            return []
    return freed if len(freed) <= MOST_FREES else []


RULE = Rule(
    name="sync-rcu-then-free",
    summary="synchronize_rcu() that only a free waits for",
    why=(
        "synchronize_rcu() takes milliseconds, tens of them under load, during which the caller sleeps. When all "
        "that follows is a free, kfree_rcu() or call_rcu() does it later, in batches, and the caller goes on. It "
        "takes an rcu_head in the object (or kfree_rcu_mightsleep() for a rare case), so this is a hint."
    ),
    source=(
        "Documentation/RCU/whatisRCU.rst (call_rcu()); Documentation/RCU/checklist.rst; review of "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4, 2026-02-05'
    ),
    severity="info",
    confidence="medium",
    check=check,
    wakes=(*sorted(WAITS), *FREES),
    bad=(
        """
 static int grow(struct buffer *buffer, struct table *table)
 {
 	struct table *old = buffer->table;
 
+	rcu_assign_pointer(buffer->table, table);
+	synchronize_rcu(); // want "kfree_rcu"
+	kfree(old);
+	return 0;
 }
""",
        """
 static void forget(struct entry *entry)
 {
 	mutex_lock(&list_lock);
 	list_del_rcu(&entry->list);
+	synchronize_rcu(); // want "only a free waits"
+	kvfree(entry);
+	mutex_unlock(&list_lock);
 }
""",
    ),
    good=(
        """
+void kvfree_call_rcu(struct rcu_head *head, void *object)
+{
+	if (!queue(head, object)) {
+		synchronize_rcu();
+		kvfree(object);
+	}
+}
""",
        """
 void sync_walkers(void)
 {
+	synchronize_rcu();
 }
""",
        """
 static void __exit example_exit(void)
 {
+	synchronize_rcu();
+	kfree(table);
 }
""",
        """
 static void close(struct device *dev)
 {
 	rcu_assign_pointer(dev->handler, NULL);
+	synchronize_rcu();
+	stop_hardware(dev);
+	kfree(dev->buffer);
 }
""",
        """
 static void free_later(struct table *table)
 {
 	struct later *later = kmalloc(sizeof(*later), GFP_NOWAIT);
 
+	if (later) {
+		later->table = table;
+		call_rcu(&later->rcu, free_table);
+		return;
+	}
+	synchronize_rcu();
+	kfree(table);
 }
""",
        """
 static void replace(struct device *dev, struct table *table)
 {
 	struct table *old = dev->table;
 
 	rcu_assign_pointer(dev->table, table);
+	kfree_rcu(old, rcu);
+	if (dev->slow)
+		synchronize_rcu();
+	dev->slow = false;
 }
""",
    ),
)
