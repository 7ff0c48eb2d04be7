"""Operators that bind in another way than they read, which compilers warn of."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from tree_sitter import Node

COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">="))
MASKS = frozenset(("&", "|", "^"))
SUMS = frozenset(("+", "-"))
SHIFTS = frozenset(("<<", ">>"))
WORDS = ("&", "|", "^", "<<", ">>", "if", "while", "!")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The expressions on added lines of functions."""
    for file in context.c_files:
        if not file.adds(*WORDS):
            continue
        for function in file.functions:
            for node in function.nodes("binary_expression"):
                line = function.source.line_of(node)
                if not is_new(file, line) or node.has_error:
                    continue
                message = misread(function, node)
                if not message and is_negated(node) and is_number(context, file, function, node):
                    message = negated_too_little(function, node)
                if message:
                    yield file.finding(line, message)
            yield from conditions(file, function)


def conditions(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The conditions that assign."""
    for node in function.nodes("if_statement", "while_statement", "do_statement"):
        condition = node.child_by_field_name("condition")
        if condition is None or function.macro_of(node) or not assigns(condition):
            continue
        line = function.source.line_of(condition)
        if is_new(file, line):
            shown = function.source.text_of(condition).strip("() \t")
            yield file.finding(
                line,
                f"the condition assigns ({shown}): if that is meant, put it into parentheses of its own; the compiler "
                "warns (-Wparentheses)",
            )


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch writes a line."""
    return line in file.added_numbers and not file.was_there(line)


def operator_of(node: "Node") -> str:
    """The operator of an expression."""
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def misread(function: Function, node: "Node") -> str:
    """What is misread in a binary expression, "" where nothing is."""
    operator = operator_of(node)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return ""
    for side in (left, right):
        inner = operator_of(side) if side.type == "binary_expression" else ""
        if operator in MASKS and inner in COMPARISONS:
            if operator == "&" and side == left and ends_with_cast(side):
                continue
            return (
                f"{inner} binds tighter than {operator}: {shown_of(function, side)} is compared first; put parentheses "
                f"around what {operator} belongs to (-Wparentheses)"
            )
        if operator == "||" and inner == "&&":
            return (
                f"&& binds tighter than ||, which compilers want to be written: put parentheses around "
                f"{shown_of(function, side)} (-Wparentheses)"
            )
        if operator in SHIFTS and inner in SUMS and not begins_with_cast(side):
            return (
                f"{inner} binds tighter than {operator}: {shown_of(function, side)} is calculated first; put "
                "parentheses around what is meant (-Wparentheses)"
            )
    return ""


def begins_with_cast(node: "Node") -> bool:
    """Whether a difference may be a cast of a negative number: (__u32) -1."""
    left = node.child_by_field_name("left")
    return left is not None and left.type == "parenthesized_expression"


def ends_with_cast(node: "Node") -> bool:
    """Whether the right side of a comparison may be the cast of an address: start == (handle_t) &part."""
    right = node.child_by_field_name("right")
    inner = right.named_children if right is not None and right.type == "parenthesized_expression" else ()
    return len(inner) == 1 and inner[0].type == "identifier"


def is_negated(node: "Node") -> bool:
    """Whether ! stands before the left operand and the right one is no truth value, which would be meant."""
    operator = operator_of(node)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or not (operator in COMPARISONS or operator == "&"):
        return False
    if left.type != "unary_expression" or operator_of(left) != "!":
        return False
    truth = right.type == "unary_expression" and operator_of(right) == "!"
    inner = operator_of(right) if right.type == "binary_expression" else ""
    return (
        not truth
        and inner not in COMPARISONS
        and right.type not in ("true", "false", "parenthesized_expression")
    )


def is_number(context: Context, file: ChangedFile, function: Function, node: "Node") -> bool:
    """Whether what is negated is an integer, and no bool."""
    from patchscan.lookup.typeof import is_integer, types_in

    left = node.child_by_field_name("left")
    inner = left.child_by_field_name("argument") if left is not None else None
    return inner is not None and is_integer(types_in(context, file, function).of(inner))


def negated_too_little(function: Function, node: "Node") -> str:
    """What is wrong with !flags & MASK."""
    left, operator = node.child_by_field_name("left"), operator_of(node)
    inner = left.child_by_field_name("argument") if left is not None else None
    shown = function.source.text_of(inner) if inner is not None else ""
    return (
        f"! binds tighter than {operator}: this is (!{shown}) {operator} ..., which compilers warn of "
        f"(-Wlogical-not-parentheses); write !({shown} {operator} ...)"
    )


def shown_of(function: Function, node: "Node") -> str:
    """An expression on one line, shortened."""
    text = " ".join(function.source.text_of(node).split())
    return text if len(text) <= 60 else text[:57] + "..."


def assigns(condition: "Node") -> bool:
    """Whether a condition is an assignment in one pair of parentheses."""
    inner = [child for child in condition.named_children if child.type != "comment"]
    if condition.type != "parenthesized_expression" or len(inner) != 1:
        return False
    node = inner[0]
    return node.type == "assignment_expression" and operator_of(node) in ("", "=")


RULE = Rule(
    name="operator-precedence",
    summary="Operators bind in another way than they read",
    why=(
        "!flags & MASK is 0 or 1 masked, flags & MASK == 0 masks with the result of a comparison: both compile and are "
        "hardly ever meant. gcc and clang warn, a build robot reports it."
    ),
    source="C11 6.5; gcc -Wparentheses and -Wlogical-not-parentheses, both in -Wall",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
+static int walk(u32 status, u32 mode)
+{
+	if (!status & BIT(3)) // want "! binds tighter than &: this is .!status. & ..."
+		return 1;
+	if (!status == mode) // want "! binds tighter than =="
+		return 2;
+	if (status & 0x0f != 0x03) // want "!= binds tighter than &: 0x0f != 0x03 is compared first"
+		return 3;
+	if (status && mode || walk_on(mode)) // want "&& binds tighter than ||"
+		return 4;
+	if (status = mode) // want "the condition assigns .status = mode."
+		return 5;
+	return status << mode - 1; // want "- binds tighter than <<: mode - 1 is calculated first"
+}
""",
    ),
    good=(
        """
+static int walk(u32 status, u32 mode)
+{
+	if (!(status & BIT(3)) || !status == !mode || !!status == mode)
+		return 1;
+	if ((status & 0x0f) != 0x03 || (status && mode))
+		return 3;
+	if ((status = mode) || !status == (mode > 3))
+		return 5;
+	while ((status = walk_on(mode)))
+		mode++;
+	return status << (mode - 1) | mode >> 3;
+}
""",
        """
 static int walk(u32 status, u32 mode)
 {
+	mode++;
 	if (!status & BIT(3))
 		return 1;
+	if (status == 3 && mode == 4)
+		return 2;
+	return !mode && status;
 }
""",
        """
+static bool walk(bool on, u32 mode)
+{
+	return !on == true || !on != (mode & 3);
+}
+static u32 run(u32 mode)
+{
+	return mode & ~(3 == 4) | mode ^ ((__u32) -1 >> 3);
+}
""",
        """
 static int walk(struct page *page, handle_t start)
 {
+	if (start != (handle_t) &page->first || (handle_t)&page->last == start)
+		return 1;
 	return 0;
 }
""",
    ),
)
