"""A variable that is read before it has a value, and a CPU mask whose bits are used before they were cleared."""

from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.building import Graph
    from patchscan.flow.unset import Unset

_WORDS = pattern(r"=|;|cpumask|goto|return")
_NUMBER = pattern(
    r"(unsigned |signed )?(int|long|long long|char|short|bool|[us]\d+|s?size_t|enum \w+)\b[^\[\]]*"
)
# What is written whole or not at all.
_WHOLE = pattern(rf"{_NUMBER.pattern}|(?:const )?(?:struct |union )?\w+ \*+")

_MACRO = pattern(rb"(?m)^[ \t]*#[ \t]*define[ \t]+(\w+)((?:[^\\\n]|\\\n|\\.)*)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions in which the patch changes an assignment, a declaration or a way."""
    for file in context.c_files:
        if any(_WORDS.search(line.text) for line in (*file.added, *file.removed)):
            for function in file.functions:
                yield from check_function(file, function)


def check_function(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    from patchscan.flow.building import graph_of

    graph = graph_of(function)
    if graph is None:
        return
    if "cpumask_var" in function.text:
        yield from masks(file, graph)
    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    said = set()
    if old is not None:
        for key, finding in variables(file, function, graph, old):
            said.add(key)
            yield finding
    yield from inevitable(file, function, graph, old, said)


def masks(file: ChangedFile, graph: "Graph") -> Iterator[Finding]:
    """CPU masks that were allocated without being cleared."""
    from patchscan.flow.unset import unset_masks

    for each in unset_masks(graph):
        line = next((at for at in (each.origin, each.line) if is_added(file, at)), None)
        if line is not None:
            yield file.finding(
                line,
                f"{each.by}() on line {file.patch_line(each.line)} uses bits of {each.key} that nothing has written: "
                f"alloc_cpumask_var() on line {file.patch_line(each.origin)} does not clear it, as "
                "zalloc_cpumask_var() does",
                (file.evidence(each.origin), file.evidence(each.line)),
                fix=file.substitution(each.origin, "alloc_cpumask_var(", "zalloc_cpumask_var("),
            )


def is_added(file: ChangedFile, line: int) -> bool:
    """Whether the patch adds a line that it does not only move."""
    return line in file.added_numbers and not file.was_there(line)


def variables(
    file: ChangedFile, function: Function, graph: "Graph", old: "Graph"
) -> Iterator[tuple[str, Finding]]:
    """(variable, finding) of those that the function before the patch never read without a value."""
    from patchscan.flow.unset import declared, unset_variables

    numbers = {each.name for each in function.locals if _NUMBER.fullmatch(each.type)}
    names = declared(graph) & numbers & touched(file, function)
    found = list(unset_variables(graph, names))
    if not found:
        return
    known = {each.key for each in unset_variables(old, names & declared(old))}
    said: set[str] = set()
    for each in found:
        line = place(file, each)
        if each.key not in known and each.key not in said and line is not None:
            said.add(each.key)
            yield each.key, report(file, each, line)


def inevitable(
    file: ChangedFile, function: Function, graph: "Graph", old: "Graph | None", said: Container[str]
) -> Iterator[Finding]:
    """Variables without a value whenever one condition goes one way, be they handed to calls on the other."""
    from patchscan.flow.inevitable import inevitable_reads

    unsure = {each.name for each in function.locals if each.static or not _WHOLE.fullmatch(each.type)}
    names = {each.name for each in function.locals if each.value is None and each.name not in said} - unsure
    found = [
        (each, line)
        for each in inevitable_reads(graph, names, file.added_numbers)
        for line in [at for at in (each.branch, each.line) if is_added(file, at)][:1]
    ]
    if not found:
        return
    keys = {each.key for each, _ in found}
    known = {each.key for each in inevitable_reads(old, keys)} if old is not None else set()
    known |= in_macros(file, function)
    for each, line in found:
        if each.key not in known:
            way = f", once the condition on line {file.patch_line(each.branch)} goes one way"
            yield file.finding(
                line,
                f"{each.key} is read on line {file.patch_line(each.line)} without a value{'' if each.always else way}",
                tuple(file.evidence(at) for at in dict.fromkeys((each.branch, each.line))),
            )


def in_macros(file: ChangedFile, function: Function) -> set[str]:
    """The words in the file's macros that a function uses, which may write to variables that they name."""
    text = "".join(
        found[2].decode("latin-1")
        for each in file.after
        for found in _MACRO.finditer(each.text)
        if found[1].decode("latin-1") in function.text
    )
    return set(pattern(r"[A-Za-z_]\w*").findall(text))


def touched(file: ChangedFile, function: Function) -> frozenset[str]:
    """The identifiers on lines of the function that the patch adds, and on all lines that it takes away."""
    text = " ".join(line.text for line in file.removed)
    text += " ".join(map(file.code_at, function.lines_among(file.added_numbers)))
    return frozenset(pattern(r"[A-Za-z_]\w*").findall(text)) | (
        frozenset(each.name for each in function.locals) if "goto" in text else frozenset()
    )


def place(file: ChangedFile, found: "Unset") -> int | None:
    """The line to speak at: the last of the way that the patch adds, else where it took one away."""
    from patchscan.flow.unset import way_to

    for line in (found.line, *reversed(way_to(found)), found.origin):
        if is_added(file, line):
            return line
    inside = range(found.origin, found.line + 1)
    return min((line for line in file.touched_numbers if line in inside), default=None)


def report(file: ChangedFile, found: "Unset", line: int) -> Finding:
    from patchscan.flow.unset import way_to

    steps = [line for line in way_to(found) if line > found.origin]
    shown = dict.fromkeys((found.origin, *steps[-5:], found.line))
    return file.finding(
        line,
        f"{found.key} is read on line {file.patch_line(found.line)} on a way on which nothing has given it a value",
        tuple(file.evidence(each) for each in shown),
    )


RULE = Rule(
    name="uninitialised-use",
    summary="A variable is read before it has a value, or bits of a CPU mask before it was cleared",
    why="What is read is what happened to lie on the stack or in the memory: it differs from run to run.",
    source="include/linux/cpumask.h; Documentation/process/deprecated.rst",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int prepare(struct port *port, int cpu)
 {
-	if (!zalloc_cpumask_var(&port->cpus, GFP_KERNEL))
+	if (!alloc_cpumask_var(&port->cpus, GFP_KERNEL)) // want "cpumask_set_cpu.. on line 5 uses bits of port->cpus"
 		return -ENOMEM;
 	cpumask_set_cpu(cpu, port->cpus);
 	return 0;
 }
""",
        """
 static int fill(struct port *port)
 {
 	struct lane *lane;
-	int ret = 0;
+	int ret; // want "ret is read on line 11 on a way on which nothing has given it a value"
 
 	list_for_each_entry(lane, &port->lanes, node) {
 		ret = fill_lane(lane);
 		if (ret)
 			break;
 	}
 	return ret;
 }
""",
        """
+static int start(struct port *port, unsigned long mask)
+{
+	unsigned int sleep;
+	int ret;
+
+	if (mask & PORT_ON) { // want "line 12 without a value, once the condition on line 6 goes one way"
+		ret = set_mode(port, &sleep);
+		if (ret)
+			return ret;
+	}
+	ret = set_mask(port, mask);
+	if (sleep)
+		msleep(sleep);
+	return ret;
+}
""",
        """
+static int set_time(struct port *port, int value)
+{
+	int old, ret;
+
+	old = find_time(port, value);
+	if (ret < 0) // want "ret is read on line 6 without a value"
+		return ret;
+	return old;
+}
""",
    ),
    good=(
        """
+#define DO_PORT(operation) \\
+do { \\
+	ret = (operation) ? (operation)(port) : -EINVAL; \\
+} while (0)
+static int do_port(struct port *port, int kind)
+{
+	int ret, old;
+
+	DO_PORT(port->ops->stop);
+	if (kind) {
+		struct state old;
+
+		old.kind = kind;
+		put_state(port, old.kind);
+	}
+	return ret;
+}
""",
        """
+static bool are_set(struct port *port, int count)
+{
+	bool set = false;
+	int index;
+
+	for (index = 0; index < count; index++) {
+		struct lane *lane = find_lane(port, index);
+		bool set;
+
+		if (!lane)
+			goto out;
+		set = lane_is_set(lane);
+		put_lane(lane);
+		if (!set)
+			goto out;
+	}
+	set = true;
+out:
+	return set;
+}
""",
        """
 static int prepare(struct port *port, int cpu)
 {
-	if (!zalloc_cpumask_var(&port->cpus, GFP_KERNEL))
+	if (!alloc_cpumask_var(&port->cpus, GFP_KERNEL))
 		return -ENOMEM;
+	cpumask_copy(port->cpus, cpu_online_mask);
 	cpumask_set_cpu(cpu, port->cpus);
 	return 0;
 }
""",
        """
 static int fill(struct port *port)
 {
 	struct lane *lane;
-	int ret = 0;
+	int ret;
 
+	ret = check_port(port);
+	if (ret)
+		return ret;
 	list_for_each_entry(lane, &port->lanes, node) {
 		ret = fill_lane(lane);
 	}
 	return ret;
 }
""",
        """
 static int read_mode(struct port *port)
 {
-	int value = 0;
+	int value;
 	int ret;
 
 	ret = read_port(port, &value);
 	if (ret)
 		return ret;
 	return value;
 }
""",
        """
+static int start(struct port *port, unsigned long mask, int count)
+{
+	unsigned int sleep, last, first;
+	static int calls;
+	int ret, index;
+
+	if (mask & PORT_ON)
+		ret = set_mode(port, &sleep);
+	else
+		sleep = 0;
+	if (mask & PORT_LAST)
+		last = sleep;
+	for (index = 0; index < count; index++)
+		first = index;
+	if (mask & PORT_LAST)
+		sleep += last;
+	if (!count)
+		goto out;
+	ret = sleep + first + calls;
+	return ret;
+out:
+	ret = -EINVAL;
+	return ret ? ret : first;
+}
""",
    ),
)
