"""Memory that is used after it was freed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.freed import AfterFree

_EXPECTS = pattern(r"\s*KUNIT_(EXPECT|ASSERT)_")
_WORDS = ("free", "destroy", "unregister", "release", "consume", "unmap", "netif_r", "gro_receive", "remove")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions that the patch touches and that free something."""
    for file in context.c_files:
        for function in file.functions:
            if function.has_tail and any(word in function.text for word in _WORDS):
                yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    from patchscan.flow.building import graph_of
    from patchscan.flow.freed import uses_after_free
    from patchscan.flow.frees import in_tree

    graph = graph_of(function)
    if graph is None:
        return
    words = file.changed_words(function)
    frees = in_tree(function, context.callees.frees, words) if context.has_tree else None
    found = [each for each in uses_after_free(graph, frees, file.touched_numbers) if not each.again]
    if not found:
        return
    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    known = {(each.key, each.freed) for each in uses_after_free(old, frees)} if old is not None else set()
    said = set()
    for each in found:
        if _EXPECTS.match(file.text_at(each.line)):
            # A test may look on purpose at what became of it.
            continue
        line = place(file, each)
        if line is not None and (each.key, each.freed) not in known and each.key not in said:
            said.add(each.key)
            yield report(file, each, line)


def place(file: ChangedFile, use: "AfterFree") -> int | None:
    """The line to speak at: the use or the call that frees, else where the patch took a line away between them."""
    for line in (use.line, use.origin):
        if line in file.added_numbers and not file.was_there(line):
            return line
    first, last = sorted((use.line, use.origin))
    return min((line for line in file.touched_numbers if first <= line <= last), default=None)


def report(file: ChangedFile, use: "AfterFree", line: int) -> Finding:
    by = f" by {use.by}()" if use.by else ""
    message = (
        f"{use.key} is used on line {file.patch_line(use.line)}{by} after {use.freed}() freed it on line "
        f"{file.patch_line(use.origin)}"
    )
    shown = dict.fromkeys((use.origin, use.line))
    return file.finding(line, message, tuple(file.evidence(each) for each in shown))


RULE = Rule(
    name="use-after-free",
    summary="Memory is used after it was freed on the way there",
    why="The memory may be somebody else's by then: what is read is not what was there, what is written is theirs.",
    source="Documentation/core-api/memory-allocation.rst; Documentation/dev-tools/kasan.rst",
    severity="error",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static void settle(struct port *port)
 {
 	struct table *table = port->table;
 
+	kfree(table); // want "table is used on line 6 after kfree.. freed it on line 5"
 	port->size = table->size;
 }
""",
        """
 static void clear(struct port *port)
 {
 	struct entry *entry;
 
+	list_for_each_entry(entry, &port->entries, node) // want "entry is used on line 5 by list_for_each_entry"
+		kfree(entry);
 }
""",
        """
 static int settle(struct port *port, struct table *table)
 {
 	int ret = fill(table);
 
 	if (ret) {
 		kfree(table);
-		return ret;
 	} // want "table is used on line 8 after kfree.. freed it on line 6"
 	port->size = table->size;
 	return 0;
 }
""",
    ),
    good=(
        """
 static void settle(struct port *port)
 {
 	struct table *table = port->table;
 
+	port->size = table->size;
+	kfree(table);
+	table = NULL;
+	port->table = table;
 }
""",
        """
 static void clear(struct port *port)
 {
 	struct entry *entry, *next;
 
+	list_for_each_entry_safe(entry, next, &port->entries, node)
+		kfree(entry);
+	kfree(port->table);
+	port->table = new_table(port);
+	port->table->size = 0;
 }
""",
        """
 static int settle(struct port *port, struct table *table)
 {
 	int ret = fill(table);
 
+	if (ret)
+		kfree(table);
+	else
+		port->table = table;
+	pr_debug("%p is settled", table);
 	return ret;
 }
""",
    ),
    in_code=_WORDS,
)
