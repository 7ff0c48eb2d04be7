"""A test for NULL of what returns an ERR_PTR, a test for an ERR_PTR of what returns NULL, and the like."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import (
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    pattern,
    source_of,
)

if TYPE_CHECKING:
    from patchscan.flow.building import Graph
    from patchscan.flow.conventions import Convention, Returns
    from patchscan.flow.lookedat import Called, Tests

_WORDS = pattern(
    r"\b(if|while|return|IS_ERR\w*|PTR_ERR\w*|unsigned|_*u(int)?(8|16|32|64)(_t)?|size_t)\b|\w\(|\?|[<>=] "
)
_UNSIGNED = frozenset(
    {
        "unsigned",
        "unsigned int",
        "unsigned long",
        "unsigned short",
        "unsigned char",
        "unsigned long long",
        "size_t",
    }
    | {f"{start}{size}" for start in ("u", "__u") for size in (8, 16, 32, 64)}
    | {f"uint{size}_t" for size in (8, 16, 32, 64)}
)
# Who makes files there goes on whatever comes of it.
NEEDS_NO_TEST = "debugfs_"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The tests of what calls return, in the functions that the patch touches."""
    for file in context.c_files:
        if any(_WORDS.search(line.text) for line in file.added):
            for function in file.functions:
                yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The calls whose value is tested on an added line, or that stand on one themselves."""
    from patchscan.flow.building import graph_of
    from patchscan.flow.conventions import convention, listed
    from patchscan.flow.lookedat import tests_of

    graph = graph_of(function)
    if graph is None:
        return

    def definitions(name: str, asking: Function) -> Sequence[Function]:
        source = source_of(asking)
        own = [each for each in source.functions() if each.name == name]
        return own or (context.callees.definitions(name, source).functions if context.has_tree else ())

    def is_fine(tests: "Tests") -> bool:
        """Whether nothing is wrong whatever else defines what was called: one definition fails as the test asks."""
        source, name = source_of(function), tests.call.name
        if listed(name) or not context.has_tree or any(each.name == name for each in source.functions()):
            return False
        if not tests.pointer or (tests.kind != "null" and tests.kind != "error"):
            return True
        return context.callees.may_return(name, source, tests.kind)

    def own(callee: Function) -> "Returns":
        return context.callees.returned(callee)

    tested = {
        key for key, places in graph.tests.items() if any(line in file.added_numbers for _, _, line in places)
    }

    def wanted(call: "Called") -> bool:
        lines = range(call.line, call.last_line + 1)
        return (bool(listed(call.name)) or call.result in graph.pointers) and (
            (call.result or f"@{call.offset}") in tested or any(line in file.added_numbers for line in lines)
        )

    for tests in tests_of(graph, wanted):
        line = place(file, tests)
        if line is None or not is_of_interest(tests, graph) or is_fine(tests):
            continue
        known = convention(tests.call.name, function, definitions, own)
        message = wrong(tests, known)
        if message:
            yield report(context, file, tests, known, line, message)
    yield from never_negative(file, function, graph)


def never_negative(file: ChangedFile, function: Function, graph: "Graph") -> Iterator[Finding]:
    """The tests for a negative number of what a call returned, where an unsigned variable holds it."""
    from patchscan.flow.lookedat import tests_of

    other = {each.name for each in function.locals if each.type not in _UNSIGNED}
    held = {each.name: each for each in function.locals if each.name not in other}

    def wanted(call: "Called") -> bool:
        if call.result not in held:
            return False
        lines = (line for _, _, line in graph.tests.get(call.result, ()))
        return any(each in file.added_numbers for each in (*lines, held[call.result].line, call.line))

    for tests in tests_of(graph, wanted):
        if tests.kind != "negative" or re.search(rf"\(\w+\)\s*{tests.key}\s*<", function.text):
            continue
        variable = held[tests.key]
        lines = (*tests.lines, variable.line, tests.call.line)
        line = next((each for each in lines if each in file.added_numbers and not file.was_there(each)), None)
        if line is not None:
            yield file.finding(
                line,
                f"{tests.key} has type '{variable.type}', in which what {tests.call.name}() returns is never below 0: "
                "this test never finds a failure",
                tuple(
                    file.evidence(each)
                    for each in dict.fromkeys((variable.line, tests.call.line, *tests.lines))
                ),
            )


def is_of_interest(tests: "Tests", graph: "Graph") -> bool:
    """Whether what the call returns may differ from what is tested; only a variable is surely a pointer."""
    from patchscan.flow.conventions import listed

    if tests.kind not in ("null", "error", "negative"):
        return False
    return bool(listed(tests.call.name)) or (tests.kind != "negative" and tests.key in graph.pointers)


def place(file: ChangedFile, tests: "Tests") -> int | None:
    """The line to speak at: the test where it is added, else the call."""
    lines = (*tests.lines, *range(tests.call.line, tests.call.last_line + 1))
    return next((each for each in lines if each in file.added_numbers and not file.was_there(each)), None)


def wrong(tests: "Tests", known: "Convention") -> str:
    """What is wrong with the tests of a value, "" for nothing."""
    from patchscan.flow.conventions import listed

    name = tests.call.name
    if tests.kind == "null" and tests.pointer and known.fails == "error":
        unasked = (
            "; it can go, for debugfs asks its callers for none" if name.startswith(NEEDS_NO_TEST) else ""
        )
        return (
            f"{name}() returns an ERR_PTR when it fails, never NULL: this test never finds a failure{unasked}"
        )
    if tests.kind == "error" and tests.pointer and known.fails == "null":
        return f"{name}() returns NULL when it fails, never an ERR_PTR: this test never finds a failure"
    kind = listed(name) if not tests.pointer else ""
    if tests.kind == "negative" and kind == "zero":
        return f"{name}() returns 0 when it fails, never a negative number: this test never finds a failure"
    if tests.kind == "negative" and kind == "remainder":
        return f"{name}() returns how much was not copied, never a negative number: this test never finds a failure"
    if tests.kind == "null" and kind == "number":
        return f"{name}() returns a negative number when it fails: this test tells 0 from all others"
    return ""


def report(
    context: Context, file: ChangedFile, tests: "Tests", known: "Convention", line: int, message: str
) -> Finding:
    """A finding with the call, the test and, where the callee was read, the line that returns the failure."""
    shown = [file.evidence(each) for each in dict.fromkeys((tests.call.line, *tests.lines))]
    if known.line:
        lines = (context.final.read(known.path) or b"").split(b"\n")
        text = lines[known.line - 1].decode("utf-8", "replace").strip() if known.line <= len(lines) else ""
        shown.append(Evidence(known.path, known.line, text))
    fix = None
    if len(tests.lines) == 1 and tests.kind == "null" and not tests.call.name.startswith(NEEDS_NO_TEST):
        fix = file.substitution(tests.lines[0], f"!{tests.key})", f"IS_ERR({tests.key}))")
    return file.finding(line, message, tuple(shown), fix=fix)


RULE = Rule(
    name="error-pointer-or-null",
    summary="A failure is tested for in another way than the function called tells it: NULL, ERR_PTR, 0 or negative",
    why=(
        "A test that never holds lets the failure pass: an ERR_PTR is no NULL and is dereferenced, NULL is no ERR_PTR "
        "and is dereferenced, too, and an interrupt of number 0 is requested as if there were one."
    ),
    source=(
        "include/linux/err.h; Documentation/filesystems/debugfs.rst; kernel/irq/irqdomain.c; the definition of the "
        "function called, which is quoted where it was read"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int probe(struct platform_device *pdev, struct port *port)
 {
 	port->base = devm_platform_ioremap_resource(pdev, 0);
+	if (!port->base) // want "devm_platform_ioremap_resource.. returns an ERR_PTR when it fails, never NULL"
+		return -ENOMEM;
 	return 0;
 }
""",
        """
 static int probe(struct device *dev, struct port *port)
 {
+	port->directory = debugfs_create_dir("port", NULL);
+	if (!port->directory) // want "debugfs_create_dir.. returns an ERR_PTR .*; it can go, for debugfs asks its callers"
+		return -ENOMEM;
 	return 0;
 }
""",
        """
 static int probe(struct device *dev, struct port *port)
 {
+	void *table = devm_kzalloc(dev, 64, GFP_KERNEL);
+
+	if (IS_ERR(table)) // want "devm_kzalloc.. returns NULL when it fails, never an ERR_PTR"
+		return PTR_ERR(table);
+	port->table = table;
 	return 0;
 }
""",
        """
 static int probe(struct device_node *node, struct port *port)
 {
 	port->irq = irq_of_parse_and_map(node, 0);
-	if (!port->irq)
-		return -EINVAL;
+	if (port->irq < 0) // want "irq_of_parse_and_map.. returns 0 when it fails, never a negative number"
+		return port->irq;
 	return 0;
 }
""",
        """
 static struct table *new_table(int size)
 {
 	struct table *table;
 
 	if (size > 8)
 		return ERR_PTR(-EINVAL);
 	table = kzalloc(size, GFP_KERNEL);
 	if (!table)
 		return ERR_PTR(-ENOMEM);
 	return table;
 }
 
 static int grow(struct port *port)
 {
+	struct table *table = new_table(4);
+
+	if (!table) // want "new_table.. returns an ERR_PTR"
+		return -ENOMEM;
+	port->table = table;
 	return 0;
 }
""",
        """
 static int probe(struct platform_device *pdev, struct port *port)
 {
-	int irq;
+	unsigned int irq; // want "irq has type 'unsigned int', in which what platform_get_irq.. returns is never below 0"
 
 	irq = platform_get_irq(pdev, 0);
 	if (irq < 0)
 		return irq;
 	return port_set_irq(port, irq);
 }
""",
    ),
    good=(
        """
 static const char *name_of(struct field *field)
 {
 	const char *name = field->name;
 
 	if (name == NULL)
 		name = "";
 	return name;
 }
 
 static int show(struct field *field)
 {
+	const char *name = name_of(field);
+
+	if (!name)
+		return -EINVAL;
 	return 0;
 }
""",
        """
 static int probe(struct platform_device *pdev, struct port *port)
 {
+	unsigned int irq, count;
+	int ret;
+
+	ret = platform_get_irq(pdev, 0);
+	if (ret < 0)
+		return ret;
+	irq = ret;
+	count = port_count(port);
+	WARN_ON((int)count < 0);
+	if (!count)
+		return -ENODEV;
 	return port_set_irq(port, irq);
 }
""",
        """
 static int probe(struct platform_device *pdev, struct port *port)
 {
+	port->base = devm_platform_ioremap_resource(pdev, 0);
+	if (IS_ERR(port->base))
+		return PTR_ERR(port->base);
+	port->clk = devm_clk_get_optional(&pdev->dev, NULL);
+	if (!port->clk)
+		return 0;
+	if (IS_ERR(port->clk))
+		return PTR_ERR(port->clk);
 	return 0;
 }
""",
        """
 static int probe(struct device *dev, struct port *port)
 {
+	void *table = find_table(dev);
+
+	if (IS_ERR_OR_NULL(table))
+		return -EINVAL;
+	table = devm_kzalloc(dev, 64, GFP_KERNEL);
+	if (!table)
+		return -ENOMEM;
+	port->table = table;
 	return 0;
 }
""",
        """
 static struct table *new_table(int size)
 {
 	if (size > 8)
 		return ERR_PTR(-EINVAL);
 	return find_table(size);
 }
 
 static int grow(struct port *port)
 {
+	struct table *table = new_table(4);
+
+	if (!table)
+		return -ENOMEM;
+	port->irq = platform_get_irq(port->pdev, 0);
+	if (port->irq < 0)
+		return port->irq;
 	return 0;
 }
""",
    ),
)
