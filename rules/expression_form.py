"""An assignment within a condition, several in one line, a constant on the left, or a result in parentheses."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">="))
CONSTANT = pattern(r"NULL|0|[1-9]\d*|0x[0-9a-fA-F]+|-\s?E[A-Z]+")
PLAIN = pattern(r"[\w.>\[\]-]+(?:\([^()]*\))?")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The expressions on added lines of C files."""
    for file in context.c_files:
        for function in file.functions if file.adds("=", "return (", "return(", "<", ">") else ():
            if not function.partial:
                yield from judge(file, function)


def judge(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """One function."""
    for node in function.nodes("if_statement"):
        condition = node.child_by_field_name("condition")
        if condition is not None and not function.macro_of(node):
            for inner in function.nodes_in(condition, "assignment_expression"):
                if is_new(file, function, inner) and not is_in_braces(function, inner, condition):
                    yield say(
                        file,
                        function,
                        inner,
                        "an assignment in an if is easily read as a comparison: a line before",
                    )
                    break
    for node in function.nodes("assignment_expression"):
        right, around = node.child_by_field_name("right"), function.parent_of(node)
        if right is None or right.type != "assignment_expression" or not is_new(file, function, node):
            continue
        if around is not None and around.type == "expression_statement":
            yield say(
                file, function, node, "several assignments in one statement: give each a line of its own"
            )
    for node in function.nodes("binary_expression"):
        if is_new(file, function, node) and not node.has_error and has_constant_first(function, node):
            yield say(file, function, node, "the constant belongs on the right of a comparison")
    for node in function.nodes("return_statement"):
        value = node.named_children[0] if node.named_child_count == 1 else None
        if value is None or value.type != "parenthesized_expression" or not is_new(file, function, node):
            continue
        if PLAIN.fullmatch(function.source.text_of(value)[1:-1].strip()):
            yield say(file, function, node, "return is no function: no parentheses around what it returns")


def is_in_braces(function: Function, node: "Node", condition: "Node") -> bool:
    """Whether a node stands in a block within a condition, as what a macro is given."""
    around = function.parent_of(node)
    while around is not None and around != condition:
        if around.type in ("compound_statement", "argument_list"):
            return True
        around = function.parent_of(around)
    return False


def has_constant_first(function: Function, node: "Node") -> bool:
    """Whether a comparison has a constant on the left alone."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if left is None or right is None or operator is None or operator.type not in COMPARISONS:
        return False
    first, second = (" ".join(function.source.text_of(each).split()) for each in (left, right))
    around = function.parent_of(node)
    while around is not None and around.type == "parenthesized_expression":
        around = function.parent_of(around)
    # "0 < x && x < 5" reads as a range.
    if around is not None and around.type == "binary_expression" and operator.type not in ("==", "!="):
        return False
    return CONSTANT.fullmatch(first) is not None and second.upper() != second


def is_new(file: ChangedFile, function: Function, node: "Node") -> bool:
    """Whether the patch writes the line of a node."""
    line = function.source.line_of(node)
    return line in file.added_numbers and not file.was_there(line)


def say(file: ChangedFile, function: Function, node: "Node", message: str) -> Finding:
    """The finding, with what is written."""
    shown = " ".join(function.source.text_of(node).split())
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    return file.finding(function.source.line_of(node), f"{message} ({shown})")


RULE = Rule(
    name="expression-form",
    summary="An assignment in an if, several in one statement, a constant first, or a result in parentheses",
    why="Each is read twice: what is set and what is tested stand in one place, or in an order that nobody expects.",
    source=(
        "Documentation/process/coding-style.rst section 1 (no multiple assignments on a single line); checkpatch "
        "ASSIGN_IN_IF, MULTIPLE_ASSIGNMENTS, CONSTANT_COMPARISON, RETURN_PARENTHESES"
    ),
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("=", "return (", "return(", "<", ">"),
    bad=(
        """
+static int walk(struct page *page, int n)
+{
+	int a, b;
+
+	a = b = n; // want "several assignments in one statement: give each a line of its own .a = b = n."
+	if ((a = walk_on(page)) < 0) // want "an assignment in an if is easily read as a comparison"
+		return (a); // want "return is no function"
+	if (NULL == page || 0 != b) // want "the constant belongs on the right" "the constant belongs on the right"
+		return -EINVAL;
+	return 0;
+}
""",
    ),
    good=(
        """
+static int walk(struct page *page, int n)
+{
+	int a = n, b;
+
+	b = n;
+	while ((a = walk_on(page)) > 0)
+		b += a;
+	if (0 < n && n < 4)
+		return (a + b) * 2;
+	if (!page || b == 0 || FIRST == LAST)
+		return (a && b);
+	for (a = b = 0; a < n; a++)
+		walk_on(page + a);
+	return a == n;
+}
""",
        """
 static int walk(struct page *page, int a)
 {
+	walk_on(page);
 	if ((a = walk_on(page)) < 0)
 		return (a);
 	return NULL == page;
 }
""",
        """
+static int walk(struct page *page, int a)
+{
+	if (walk_each(page, { a = 3; }))
+		return 1;
+	return 0;
+}
""",
    ),
)
