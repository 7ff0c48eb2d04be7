"""A pointer that is NULL on the way to where it is used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.building import Graph
    from patchscan.flow.nulls import NullUse

# Without one of these no pointer is used.
_WORDS = pattern(r"->|\*|\[|!|NULL|\w\(")
_WARNS = pattern(r"\b(WARN|VM_WARN|BUG|ASSERT)\w*\(")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every function that the patch touches, beside what it was before."""
    for file in context.c_files:
        if any(_WORDS.search(line.text) for line in (*file.added, *file.removed)):
            for function in file.functions:
                yield from check_function(file, function)


def check_function(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The uses of NULL in one function that the patch brings about."""
    from patchscan.flow.building import graph_of
    from patchscan.flow.nulls import (
        in_text,
        is_allocated,
        may_return_null,
        returned_uses,
        tested_in,
        tested_uses,
        told_before,
        used_in,
    )
    from patchscan.flow.vouched import is_vouched_for

    words = file.changed_words(function)
    if words is not None and not words:
        return
    graph = graph_of(function)
    if graph is None:
        return
    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    tested = tested_in(old) if old is not None else frozenset()
    used = used_in(graph)
    uses = list(tested_uses(graph, in_text(function), words))
    uses += returned_uses(
        graph,
        lambda call: call.result in used and (may_return_null(call) or call.result in tested),
        in_text(function),
        file.touched_numbers,
    )
    if not uses:
        return
    known = told_before(old, graph, uses) if old is not None else None
    said: set[str] = set()
    for use in sorted(uses, key=lambda each: each.line):
        if use.key in said or not brought(file, graph, use, known, tested):
            continue
        if (
            use.how == "returned"
            and not is_allocated(graph, use)
            and (known is None or use.key not in tested or is_vouched_for(graph, use, file.added_numbers))
        ):
            continue
        line = place(file, graph, use)
        if line is not None:
            said.add(use.key)
            yield report(file, graph, use, line)


def brought(
    file: ChangedFile,
    graph: "Graph",
    use: "NullUse",
    known: frozenset[tuple[str, ...]] | None,
    tested: frozenset[str],
) -> bool:
    """Whether the patch brings a use about; tested: what the function tested for NULL before the patch."""
    from patchscan.flow.nulls import told
    from patchscan.flow.vouched import is_told_by_another

    if known is not None and told(graph, use) in known:
        return False
    if use.how == "set" or (known is None and not use.key.isidentifier()):
        return False
    if not use.late and is_told_by_another(graph, use):
        return False
    if use.how == "tested" and _WARNS.search(file.text_at(use.origin)):
        # Who warns takes it for impossible: only a way out that was taken away is worth a word.
        return use.key in tested and not use.late
    return True


def place(file: ChangedFile, graph: "Graph", use: "NullUse") -> int | None:
    """The line to speak at: the use, else another line of the way that the patch adds or where it took one away."""
    from patchscan.flow.nulls import decisions

    lines = [use.line, use.origin, *reversed(decisions(graph, use))]
    for line in lines:
        if line in file.added_numbers and not file.was_there(line):
            return line
    if use.late or use.line in file.touched_numbers:
        return None if use.late else use.line
    last = max(use.line, use.origin)
    near = [line for line in file.touched_numbers if min(use.line, use.origin) <= line <= last + 1]
    return min(near, default=None)


def report(file: ChangedFile, graph: "Graph", use: "NullUse", line: int) -> Finding:
    from patchscan.flow.nulls import decisions, makers, may_return_null

    used, origin = file.patch_line(use.line), file.patch_line(use.origin)
    if use.late:
        message = f"{use.key} is used on line {used} before it is tested for NULL on line {origin}"
    elif use.how == "returned":
        handed = (
            f" by {use.by}()"
            if use.line != use.origin and use.by and f"{use.by}(" in file.text_at(use.line)
            else ""
        )
        made = (call.name for _, call in graph.calls if call.line == use.origin and may_return_null(call))
        name = next(iter(makers(graph, use)), None) or next(made, "the call")
        message = (
            f"{use.key} is used on line {used}{handed}, but {name}() on line {origin} may have returned NULL"
        )
    else:
        handed = f" by {use.by}(), which dereferences it," if use.by else ""
        message = f"{use.key} is used on line {used}{handed} where line {origin} found it to be NULL"
    between = [
        each for each in decisions(graph, use) if min(use.origin, use.line) < each < max(use.origin, use.line)
    ]
    shown = dict.fromkeys(sorted({use.origin, use.line, *between[-5:]}))
    return file.finding(line, message, tuple(file.evidence(each) for each in shown))


RULE = Rule(
    name="null-dereference",
    summary="A pointer is used where it is NULL: found so by a test, or never tested after a call that may fail",
    why="A use of NULL stops the kernel, as a rule where something else has failed already.",
    source="Documentation/core-api/memory-allocation.rst; Documentation/process/deprecated.rst",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int settle(struct port *port)
 {
+	struct port *peer = find_peer(port);
+
+	if (!peer)
+		return peer->size; // want "peer is used on line 6 where line 5 found it to be NULL"
 	return 0;
 }
""",
        """
 static int grow(struct buffer *buffer)
 {
 	struct table *table;
 
+	table = kzalloc(sizeof(*table), GFP_KERNEL);
+	table->size = 8; // want "table is used on line 6, but kzalloc.. on line 5 may have returned NULL"
+	buffer->table = table;
 	return 0;
 }
""",
        """
 static struct port *find(struct port *first, struct port *second)
 {
 	if (first)
 		return first->peer;
-	if (second)
-		return second->peer;
-	return NULL;
+	WARN_ON(!first && !second); // want "second is used on line 6 where line 5 found it to be NULL"
+	return second->peer;
 }
""",
        """
 static int settle(struct port *port)
 {
+	int size = port->size; // want "port is used on line 3 before it is tested for NULL on line 5"
 
 	if (!port)
 		return -EINVAL;
+	return size;
 }
""",
        """
 static int settle(struct port *port)
 {
 	struct port *peer = find_peer(port);
 
-	if (!peer)
-		return -ENODEV;
 	peer->size = port->size; // want "peer is used on line 5, but find_peer.. on line 3 may have returned NULL"
 	return 0;
 }
""",
        """
 static void release(struct port *port)
 {
 	kfree(port->table);
 }
 
 static int settle(struct port *port)
 {
 	if (!port) {
 		warn();
 		goto out;
 	}
 	start(port);
 out:
-	if (port)
-		release(port);
+	release(port); // want "port is used on line 14 by release.., which dereferences it, where line 8 found it"
 	return 0;
 }
""",
    ),
    good=(
        """
+static int add(struct port *port, struct request *request)
+{
+	struct entry *entry = container_of(request, struct entry, request);
+	int slot = port->id % ARRAY_SIZE(port->board->slots);
+
+	entry->slot = slot;
+	if (!port->board)
+		return -ENODEV;
+	if (entry != NULL)
+		list_add_tail(&entry->queue, &port->queue);
+	return 0;
+}
""",
        """
 void __noreturn port_abort(struct port *port, const char *why);
+static int size_of(struct port *port)
+{
+	struct peer *peer = find_peer(port);
+
+	if (!peer)
+		port_abort(port, "no peer");
+	return peer->size;
+}
""",
        """
+static int parse(char *text)
+{
+	char *word;
+
+	if (text[0] == '#')
+		return 0;
+	word = strsep(&text, ".");
+	if (!text)
+		return -EINVAL;
+	return add_word(word, text);
+}
""",
        """
+static int read_all(struct port *port)
+{
+	int at, count = 0;
+	void **pages = vmalloc(64 * sizeof(*pages));
+
+	if (!pages)
+		goto out;
+	count = fill(port, pages);
+out:
+	for (at = 0; at < count; at++)
+		free_page((unsigned long)pages[at]);
+	vfree(pages);
+	return count;
+}
""",
        """
+static void check_names(struct kunit *test)
+{
+	struct name *name = kzalloc(sizeof(*name), GFP_KERNEL);
+
+	KUNIT_ASSERT_NOT_NULL(test, name);
+	name->length = 4;
+}
""",
        """
+static void check_lengths(struct kunit *test)
+{
+	struct name *name = kzalloc(sizeof(*name), GFP_KERNEL);
+
+	if (!name)
+		kunit_skip(test, "no memory");
+	name->length = 4;
+}
+static void check_lists(struct kunit *test)
+{
+	struct name *name = kzalloc(sizeof(*name), GFP_KERNEL);
+
+	KUNIT_ASSERT_TRUE_MSG(test, name != NULL, "no memory");
+	name->length = 4;
+}
""",
        """
+static int keep(struct port __percpu **ports, struct task *leader)
+{
+	struct port __percpu *port = find_port(leader);
+	struct task *task = leader;
+
+	if (port)
+		return 0;
+	port = alloc_percpu(*port);
+	if (!port)
+		return -ENOMEM;
+	do {
+		task->port = port;
+	} while_each_task(leader, task);
+	return 0;
+}
""",
    ),
)
