"""Memory, a lock or a reference that is given back a second time on the same way."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from patchscan.flow.building import Graph


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions that the patch touches, beside what they were before."""
    from patchscan.flow.resources import may_give_back

    for file in context.c_files:
        for function in file.functions:
            if may_give_back(function):
                yield from check_function(file, function)
                yield from check_loops(file, function)


def check_function(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    from patchscan.flow.building import graph_of

    graph = graph_of(function)
    if graph is None:
        return
    found = twice(graph, file.touched_numbers)
    if not found:
        return
    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    known = {(key, name) for key, name, *_ in twice(old)} if old is not None else set()
    for key, name, first, second in found:
        line = place(file, first, second)
        if line is not None and (key, name) not in known:
            known.add((key, name))
            what = key or "it"
            handed = "devm_add_action_or_reset" in file.text_at(first)
            did = (
                "lets the device do so, at once where that fails" if handed else "did so already on this way"
            )
            message = (
                f"{name}() on line {file.patch_line(second)} gives {what} back a second time: line "
                f"{file.patch_line(first)} {did}"
            )
            yield file.finding(line, message, (file.evidence(first), file.evidence(second)))


def check_loops(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """Loops that give back the same element in every round."""
    from patchscan.flow.givingback import same_elements

    before = file.before_of(function.name)
    known = {(each.name, each.array, each.bound) for each in same_elements(before)} if before else set()
    for each in same_elements(function):
        line = place(file, each.loop, each.line)
        if line is not None and (each.name, each.array, each.bound) not in known:
            known.add((each.name, each.array, each.bound))
            yield file.finding(
                line,
                f"{each.name}() on line {file.patch_line(each.line)} gives {each.array}[{each.bound}] back in every "
                f"round of the loop over {each.counter} on line {file.patch_line(each.loop)}, and the others never",
                (file.evidence(each.loop), file.evidence(each.line)),
            )


def twice(graph: "Graph", lines: Collection[int] | None = None) -> list[tuple[str, str, int, int]]:
    """(what, by which call, first line, second line) of what is given back twice; lines: as uses_after_free()."""
    from patchscan.flow.givingback import freed_twice, given_to_device, given_twice

    return [*freed_twice(graph, lines), *given_twice(graph, lines), *given_to_device(graph)]


def place(file: ChangedFile, first: int, second: int) -> int | None:
    """The line to speak at: one that the patch adds, else where it took a line away between the two."""
    for line in (second, first):
        if line in file.added_numbers and not file.was_there(line):
            return line
    low, high = sorted((first, second))
    return min((line for line in file.touched_numbers if low <= line <= high), default=None)


RULE = Rule(
    name="released-twice",
    summary="Memory, a lock or a reference is given back twice on one way",
    why="The second time it is somebody else's: their memory is freed, their lock is opened, their count drops.",
    source="Documentation/locking/mutex-design.rst; Documentation/core-api/memory-allocation.rst; drivers/of/dynamic.c",
    severity="error",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int fill(struct port *port, struct part *parts)
 {
 	int i, j;
 
 	for (i = 0; i < port->count; i++) {
 		parts[i].name = kstrdup(port->name, GFP_KERNEL);
 		if (!parts[i].name)
 			goto undo;
 	}
 	return 0;
 undo:
 	for (j = 0; j < i; j++)
-		kfree(parts[j].name);
+		kfree(parts[i].name); // want "gives parts.i. back in every round of the loop over j on line 12, and the"
 	return -ENOMEM;
 }
""",
        """
 static void stop_clock(void *clk)
 {
 	clk_disable_unprepare(clk);
 }
 
 static int probe(struct device *dev, struct port *port)
 {
 	int ret = clk_prepare_enable(port->clk);
 
 	if (ret)
 		return ret;
 	ret = devm_add_action_or_reset(dev, stop_clock, port->clk);
-	if (ret)
+	if (ret) {
+		clk_disable_unprepare(port->clk); // want "a second time: line 12 lets the device do so, at once where"
 		return ret;
+	}
 	return 0;
 }
""",
        """
 static int settle(struct port *port)
 {
 	int ret;
 
 	mutex_lock(&port->lock);
 	ret = fill(port);
 	if (ret) {
 		mutex_unlock(&port->lock);
-		return ret;
+		goto out; // want "mutex_unlock.. on line 14 gives &port->lock back a second time: line 8 did so"
 	}
 	port->size = 0;
 
 out:
 	mutex_unlock(&port->lock);
 	return ret;
 }
""",
        """
 static void release(struct port *port)
 {
 	kfree(port->table);
+	kfree(port->table); // want "kfree.. on line 4 gives port->table back a second time: line 3"
 }
""",
        """
 static int settle(struct device *dev)
 {
 	struct device_node *node = of_get_parent(dev->of_node);
 	int ret = fill(node);
 
+	of_node_put(node); // want "of_node_put.. on line 9 gives node back a second time"
 	if (ret)
 		dev_err(dev, "not filled");
 	of_node_put(node);
 	return ret;
 }
""",
    ),
    good=(
        """
+static int add_name(struct part *parts, int i)
+{
+	int j;
+
+	for (j = 0; j < i; j++) {
+		if (strcmp(parts[i].name, parts[j].name) == 0) {
+			kfree(parts[i].name);
+			return -EEXIST;
+		}
+	}
+	for (j = 0; j < i; i--)
+		kfree(parts[i].name);
+	return 0;
+}
""",
        """
+static bool lock_free_slot(struct port *port)
+{
+	if (port->slots)
+		return false;
+	spin_lock(&port->lock);
+	return true;
+}
+
+static int find_slot(struct port *port)
+{
+	int slot = 0;
+
+	spin_lock(&port->lock);
+	slot = port->first;
+	spin_unlock(&port->lock);
+	while (!lock_free_slot(port))
+		slot++;
+	spin_unlock(&port->lock);
+	return slot;
+}
""",
        """
 static void stop_clock(void *clk)
 {
 	clk_disable_unprepare(clk);
 }
 
 static int probe(struct device *dev, struct port *port)
 {
 	int ret = clk_prepare_enable(port->clk);
 
 	if (ret)
 		return ret;
+	ret = port_reset(port);
+	if (ret) {
+		clk_disable_unprepare(port->clk);
+		return ret;
+	}
 	return devm_add_action_or_reset(dev, stop_clock, port->clk);
 }
""",
        """
 static int settle(struct port *port)
 {
 	int ret;
 
 	mutex_lock(&port->lock);
 	ret = fill(port);
+	if (ret) {
+		mutex_unlock(&port->lock);
+		wait(port);
+		mutex_lock(&port->lock);
+	}
 	mutex_unlock(&port->lock);
 	return ret;
 }
""",
        """
 static void release(struct port *port)
 {
 	kfree(port->table);
+	port->table = NULL;
+	kfree(port->table);
 }
""",
        """
 static int settle(struct port *port, bool early)
 {
 	mutex_lock(&port->lock);
+	if (early)
+		mutex_unlock(&port->lock);
+	wait(port);
+	if (!early)
 		mutex_unlock(&port->lock);
 	return 0;
 }
""",
    ),
)
