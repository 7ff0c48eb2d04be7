"""A result that is not looked at, or not all of it: a signal taken for time left, a code overwritten unread."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern, source_of

if TYPE_CHECKING:
    from patchscan.flow.building import Graph
    from patchscan.flow.lookedat import Overwritten

_WORDS = pattern(r"\w\s*\(|=|\bif\b")
# A comment that says so.
_MEANT = pattern(
    r"(/\*|^\s*\*|//).*\b([Ii]gnor\w+|[Ii]ntention\w+|([Dd]on't|[Dd]o not) (check|care)|[Bb]est effort)\b"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions in which the patch changes a call, an assignment or a test."""
    for file in context.c_files:
        if any(_WORDS.search(line.text) for line in (*file.added, *file.removed)):
            for function in file.functions:
                yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    from patchscan.flow.building import graph_of
    from patchscan.flow.lookedat import overwritten

    graph = graph_of(function)
    if graph is None:
        return
    yield from signals(file, graph)
    yield from mappings(file, function, graph)
    yield from pointers(context, file, function, graph)
    found = list(overwritten(graph))
    if not found:
        return
    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    known = {(each.call.name, each.key) for each in overwritten(old)} if old is not None else set()
    for each in found:
        line = place(file, each) if not is_meant(file, each) else None
        if line is not None and (each.call.name, each.key) not in known:
            yield file.finding(
                line,
                f"what {each.call.name}() returns on line {file.patch_line(each.call.line)} is overwritten on line "
                f"{file.patch_line(each.line)} before anybody looks at {each.key}",
                (file.evidence(each.call.line), file.evidence(each.line)),
            )


def is_meant(file: ChangedFile, found: "Overwritten") -> bool:
    """Whether a comment at the call, or between the two, says that the result does not matter."""
    lines = range(found.call.line - 2, found.line + 1)
    return any(_MEANT.search(file.text_at(line)) for line in lines)


def signals(file: ChangedFile, graph: "Graph") -> Iterator[Finding]:
    """Waits that a signal can end, whose result is only tested for 0."""
    from patchscan.flow.lookedat import interrupted

    if "kthread_should_stop" in graph.function.identifiers:
        # Signals do not reach a thread of the kernel.
        return
    for tests in interrupted(graph):
        lines = (*tests.lines, tests.call.line)
        line = next((each for each in lines if each in file.added_numbers and not file.was_there(each)), None)
        if line is not None:
            yield file.finding(
                line,
                f"{tests.call.name}() returns a negative number when a signal ends the wait, which this test takes "
                "for success",
                tuple(file.evidence(each) for each in dict.fromkeys((tests.call.line, *tests.lines))),
            )


def pointers(context: Context, file: ChangedFile, function: Function, graph: "Graph") -> Iterator[Finding]:
    """Pointers that the function tested before the patch, and uses untested after it, although the call may fail."""
    from patchscan.flow.building import graph_of
    from patchscan.flow.untested import unset_by, untested

    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    if old is None:
        return
    for lost in unset_by(graph, old):
        near = range(lost.call.line, max(lost.line, lost.call.last_line + 1) + 1)
        line = next((line for line in sorted(file.touched_numbers) if line in near), None)
        if line is not None:
            yield file.finding(
                line,
                f"{lost.key} is read on line {file.patch_line(lost.line)}, and nothing asks any more whether "
                f"{lost.call.name}() on line {file.patch_line(lost.call.line)} has set it",
                (file.evidence(lost.call.line), file.evidence(lost.line)),
            )
    for each in untested(graph, old, context.callees if context.has_tree else None):
        inside = range(each.call.line, max(each.line, each.call.last_line) + 1)
        line = next((line for line in sorted(file.touched_numbers) if line in inside), None)
        if line is None:
            continue
        what = "NULL" if each.may == "null" else "an ERR_PTR"
        yield file.finding(
            line,
            f"{each.call.result} is used on line {file.patch_line(each.line)}, and nothing tests any more whether "
            f"{each.call.name}() on line {file.patch_line(each.call.line)} returned {what}",
            (file.evidence(each.call.line), file.evidence(each.line)),
        )


def mappings(file: ChangedFile, function: Function, graph: "Graph") -> Iterator[Finding]:
    """DMA mappings that may fail unnoticed."""
    from patchscan.flow.building import graph_of
    from patchscan.flow.lookedat import unasked_mappings

    if b"dma_map_" not in source_of(function).code:
        return
    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    found = list(unasked_mappings(graph, old))
    known = {(each.name, each.result) for each in unasked_mappings(old)} if old is not None else set()
    for call in found:
        behind = range(call.line, function.last_line + 1)
        lines = [line for line in file.touched_numbers if line in behind]
        if (call.name, call.result) in known or not lines or (old is None and file.was_there(call.line)):
            continue
        yield file.finding(
            min(lines),
            f"{call.name}() on line {file.patch_line(call.line)} may fail, and nothing here asks dma_mapping_error() "
            f"of {call.result}",
            (file.evidence(call.line),),
        )


def place(file: ChangedFile, found: "Overwritten") -> int | None:
    """The line to speak at: one that the patch adds, else where it took a line away between the two."""
    for line in (found.call.line, found.line):
        if line in file.added_numbers and not file.was_there(line):
            return line
    inside = range(found.call.line, found.line + 1)
    return min((line for line in file.touched_numbers if line in inside), default=None)


RULE = Rule(
    name="unchecked-result",
    summary="A result is overwritten before anybody looks at it, a signal or a failed DMA mapping is taken for success",
    why="What failed goes unnoticed, and what follows works on what is not there or not yet done.",
    source=(
        "kernel/sched/completion.c; include/linux/wait.h; Documentation/core-api/dma-api-howto.rst; "
        "Documentation/process/coding-style.rst"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int send(struct port *port, void *data, int length)
 {
 	dma_addr_t address;
 
 	address = dma_map_single(port->dev, data, length, DMA_TO_DEVICE);
-	if (dma_mapping_error(port->dev, address))
-		return -ENOMEM;
-	port_start(port, address);
+	port_start(port, address); // want "dma_map_single.. on line 5 may fail, and nothing here asks dma_mapping_error"
 	return 0;
 }
""",
        """
+static int send(struct port *port, void *data, int length)
+{
+	port->address = dma_map_single(port->dev, data, length, DMA_TO_DEVICE); // want "asks dma_mapping_error"
+	port_start(port);
+	return 0;
+}
""",
        """
 static int receive(struct port *port)
 {
-	long left = wait_for_completion_interruptible_timeout(&port->done, HZ);
-
-	if (left < 0)
-		return left;
-	if (!left)
+	if (!wait_for_completion_interruptible_timeout(&port->done, HZ)) // want "negative number when a signal ends"
 		return -ETIMEDOUT;
 	return 0;
 }
""",
        """
 static int settle(struct port *port)
 {
 	int ret;
 
 	ret = set_mode(port, 1);
-	if (ret)
-		return ret;
-	ret = set_speed(port, 2);
+	ret = set_speed(port, 2); // want "what set_mode.. returns on line 5 is overwritten on line 6 before anybody looks"
 	if (ret)
 		return ret;
 	return start(port);
 }
""",
    ),
    good=(
        """
+static int flush(struct port *port)
+{
+	long left;
+
+	left = wait_event_interruptible_timeout(port->wait, !port->full, HZ);
+	if (left == 0)
+		return -ETIMEDOUT;
+	if (port->full)
+		return -EINTR;
+	return 0;
+}
+static void quiesce(struct port *port)
+{
+	long left = wait_event_interruptible_timeout(port->wait, port->drained, HZ);
+
+	if (!left)
+		dev_err(port->dev, "not drained");
+	port_free(port);
+}
""",
        """
+static unsigned char take_byte(struct port *port, int at)
+{
+	return ioread8(port->base + at);
+}
+static int drain(struct port *port)
+{
+	int status, ret;
+
+	do {
+		status = take_byte(port, 0);
+		status = take_byte(port, 1);
+	} while (status);
+	ret = stop_port(port);
+	/* Intentionally don't check: it fails where nothing is connected */
+	ret = free_port(port);
+	if (ret)
+		return ret;
+	ret = PORT_BITS(port->state);
+	ret = 0;
+	return ret;
+}
""",
        """
+static int port_thread(void *data)
+{
+	struct port *port = data;
+
+	while (!kthread_should_stop()) {
+		if (wait_event_interruptible_timeout(port->wait, port->work, HZ))
+			port_work(port);
+	}
+	return 0;
+}
""",
        """
+static dma_addr_t map(struct port *port, void *data, int length)
+{
+	dma_addr_t address;
+
+	address = dma_map_single(port->dev, data, length, DMA_TO_DEVICE);
+	if (port_cannot_reach(port, address))
+		return 0;
+	return address;
+}
""",
        """
 static int receive(struct port *port)
 {
+	long left = wait_for_completion_interruptible_timeout(&port->done, HZ);
+
+	if (left <= 0)
+		return left ? left : -ETIMEDOUT;
+	if (!wait_for_completion_timeout(&port->done, HZ))
+		return -ETIMEDOUT;
 	return 0;
 }
""",
        """
 static int settle(struct port *port)
 {
 	int ret;
 
+	ret = set_mode(port, 1);
+	if (!ret)
+		ret = set_speed(port, 2);
+	ret = ret ?: start(port);
 	if (ret)
 		return ret;
 	return start(port);
 }
""",
        """
 static int settle(struct port *port)
 {
 	int i, ret = 0;
 
+	for (i = 0; i < port->lanes; i++) {
+		ret = set_lane(port, i);
+		if (ret)
+			break;
+	}
+	port->state = ret;
 	return ret;
 }
""",
    ),
)
