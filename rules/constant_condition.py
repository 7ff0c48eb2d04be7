"""A condition that is always true or always false, or whose parts or branches are the same."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

# What may give another value the second time.
EFFECT = pattern(r"[\w)\]]\s*\(|\+\+|--|[^=!<>]=[^=]")
BITS = frozenset(("BIT", "BIT_ULL", "GENMASK", "GENMASK_ULL"))
ONE = pattern(r"1[UuLl]*")
EQUALITIES = ("==", "!=")
# Longer branches are not compared.
MOST_LINES = 40


def check(context: Context) -> Iterator[Finding | Silence]:
    """The conditions on added lines."""
    for file in context.c_files:
        if not file.adds("&&", "||", "==", "!=", "else"):
            continue
        for function in file.functions:
            for node in function.nodes("binary_expression"):
                if is_new(file, function, node) and not node.has_error:
                    message = judged(function, node)
                    if message:
                        yield file.finding(function.source.line_of(node), message)
            if not function.partial:
                for node in function.nodes("if_statement"):
                    parent = function.parent_of(node)
                    if parent is None or parent.type != "else_clause":
                        yield from chain(file, function, node)


def is_new(file: ChangedFile, function: Function, node: "Node") -> bool:
    """Whether the patch writes the first or last line of a node."""
    lines = (function.source.line_of(node), function.source.last_line_of(node))
    return any(line in file.added_numbers and not file.was_there(line) for line in lines)


def judged(function: Function, node: "Node") -> str:
    """What is wrong with one expression, "" where nothing is."""
    operator = operator_of(node)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return ""
    if operator in ("&&", "||"):
        joined = parts(function, operator, node)
        found = (
            same_part(function, operator, joined),
            *(never_both(function, operator, *two) for two in pairwise(joined)),
        )
        return next((each for each in found if each), "") or masks(function, operator, right)
    return masked(function, operator, left, right) if operator in EQUALITIES else ""


def operator_of(node: "Node") -> str:
    """The operator of an expression."""
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def bare(node: "Node") -> "Node":
    """An expression without the parentheses around it."""
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    return node


def text_of(function: Function, node: "Node") -> str:
    """An expression on one line, without parentheses around it."""
    return " ".join(function.source.text_of(bare(node)).split())


def parts(function: Function, operator: str, node: "Node") -> "list[Node]":
    """What && or || join, [] where they are joined to more: the whole is asked then."""
    outer = function.parent_of(node)
    while outer is not None and outer.type == "parenthesized_expression":
        outer = function.parent_of(outer)
    if outer is not None and outer.type == "binary_expression" and operator_of(outer) == operator:
        return []
    found: list[Node] = []
    inner = bare(node)
    while inner.type == "binary_expression" and operator_of(inner) == operator:
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        if left is None or right is None:
            return []
        found.append(right)
        inner = bare(left)
    return [inner, *reversed(found)]


def same_part(function: Function, operator: str, joined: "list[Node]") -> str:
    """A part that stands twice, with nothing in between that may change what it asks of."""
    seen: set[str] = set()
    for node in joined:
        text = text_of(function, node)
        if EFFECT.search(text):
            seen.clear()
        elif text in seen:
            return f"{text} stands on both sides of {operator}: the second one changes nothing; is another one meant?"
        else:
            seen.add(text)
    return ""


def compared(function: Function, node: "Node") -> tuple[str, str, int] | None:
    """(expression, operator, number) of a comparison with a number."""
    from patchscan.c.numbers import number_of

    inner = bare(node)
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    if inner.type != "binary_expression" or left is None or right is None:
        return None
    number = number_of(function, right)
    text = text_of(function, left)
    return (text, operator_of(inner), number) if number is not None and not EFFECT.search(text) else None


def never_both(function: Function, operator: str, left: "Node", right: "Node") -> str:
    """Two comparisons of one value that exclude each other, or of which one always holds."""
    names = other_constants(function, operator, left, right)
    one, two = compared(function, left), compared(function, right)
    if one is None or two is None or one[0] != two[0]:
        return names
    if one == two or one[1] not in HOLDS or two[1] not in HOLDS:
        return ""
    join = all if operator == "&&" else any
    values = {number + step for number in (one[2], two[2]) for step in (-1, 0, 1)}
    results = {join((HOLDS[one[1]](value, one[2]), HOLDS[two[1]](value, two[2]))) for value in values}
    if len(results) != 1:
        return ""
    always = "true" if results.pop() else "false"
    other = "||" if operator == "&&" else "&&"
    return f"this is always {always}, whatever {one[0]} is: is {other} meant?"


def other_constants(function: Function, operator: str, left: "Node", right: "Node") -> str:
    """x != ONE || x != OTHER, with two names of constants."""
    wanted = "!=" if operator == "||" else "=="
    found = []
    for node in (bare(left), bare(right)):
        one, two = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type != "binary_expression" or operator_of(node) != wanted or one is None or two is None:
            return ""
        found.append((text_of(function, one), text_of(function, two)))
    (value, first), (again, second) = found
    constants = all(each.isupper() and each.isidentifier() for each in (first, second))
    if (
        value != again
        or first == second
        or not constants
        or EFFECT.search(value)
        or not differ(first, second)
    ):
        return ""
    always, other = ("true", "&&") if operator == "||" else ("false", "||")
    return f"this is always {always}, as long as {first} and {second} differ: is {other} meant?"


def differ(first: str, second: str) -> bool:
    """Whether two constants are alike in name up to a word, as those of one enum are."""
    return first.split("_")[0] == second.split("_")[0]


HOLDS: Mapping[str, Callable[[int, int], bool]] = {
    "==": lambda value, number: value == number,
    "!=": lambda value, number: value != number,
    "<": lambda value, number: value < number,
    ">": lambda value, number: value > number,
    "<=": lambda value, number: value <= number,
    ">=": lambda value, number: value >= number,
}


def masks(function: Function, operator: str, right: "Node") -> str:
    """A bit that && or || is given, where & is meant."""
    if not is_bits(function, bare(right)):
        return ""
    return f"{text_of(function, right)} is never 0, so that {operator} does nothing with it: is {operator[0]} meant?"


def is_bits(function: Function, node: "Node") -> bool:
    """Whether an expression as a whole is a bit or a mask: BIT(n), 1 << n."""
    if node.type == "call_expression":
        return function.call(node).name in BITS
    left = node.child_by_field_name("left")
    return (
        operator_of(node) == "<<" and left is not None and ONE.fullmatch(text_of(function, left)) is not None
    )


def masked(function: Function, operator: str, left: "Node", right: "Node") -> str:
    """A masked value that is compared with bits that the mask takes away."""
    from patchscan.c.numbers import number_of

    inner = bare(left)
    mask = inner.child_by_field_name("right")
    if inner.type != "binary_expression" or operator_of(inner) != "&" or mask is None:
        return ""
    one, two = number_of(function, mask), number_of(function, right)
    if one is None or two is None or one < 0 or two < 0 or two & ~one == 0:
        return ""
    always = "false" if operator == "==" else "true"
    return f"{text_of(function, right)} has bits that the mask takes away: the comparison is always {always}"


def chain(file: ChangedFile, function: Function, node: "Node") -> Iterator[Finding | Silence]:
    """A condition that an else-if asks again, and branches that do the same."""
    condition, other = node.child_by_field_name("condition"), node.child_by_field_name("alternative")
    then = node.child_by_field_name("consequence")
    last = other.named_children[-1] if other is not None and other.named_children else None
    if condition is None or then is None or last is None or function.macro_of(node):
        return
    if last.type != "if_statement":
        text = whole(function, then)
        if text and text == whole(function, last) and is_new(file, function, node):
            yield file.finding(
                function.source.line_of(node), "both branches do the same: the condition changes nothing"
            )
        return
    asked = {text_of(function, condition): condition}
    while last is not None and last.type == "if_statement":
        again = last.child_by_field_name("condition")
        text = text_of(function, again) if again is not None else ""
        first = asked.get(text)
        if again is not None and first is not None and not EFFECT.search(text):
            if any(is_new(file, function, each) for each in (again, first)):
                line = function.source.line_of(first)
                yield file.finding(
                    function.source.line_of(again),
                    f"line {file.patch_line(line)} asks for {text} already: this branch is never taken",
                    (file.evidence(line),),
                )
        elif again is not None:
            asked[text] = again
        following = last.child_by_field_name("alternative")
        last = following.named_children[-1] if following is not None and following.named_children else None


def whole(function: Function, branch: "Node") -> str:
    """What a branch does, "" where it holds a comment, or nothing."""
    if function.source.last_line_of(branch) - function.source.line_of(branch) > MOST_LINES:
        return ""
    text = function.source.text_of(branch)
    inner = " ".join(text.strip("{} \t\n").split())
    return "" if "/*" in text or "//" in text or "#" in text else inner


RULE = Rule(
    name="constant-condition",
    summary="A condition always has the same result, or both of its branches do the same",
    why=(
        "Who writes x != 1 || x != 2 means &&, who writes flags && BIT(3) means &. The compiler drops the code behind "
        "such a test without a word, or with a warning that a build robot reports."
    ),
    source=(
        "smatch (always true, bitwise, duplicate check); scripts/coccinelle/tests/doublebitand.cocci, doubletest.cocci "
        "and misc/cond_no_effect.cocci; gcc -Wlogical-op, -Wduplicated-cond"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
+#define WALK_READY 0x10
+static int walk(int mode, u32 status)
+{
+	if (mode != 1 || mode != 2) // want "this is always true, whatever mode is: is && meant"
+		return 1;
+	if (mode < 3 && mode > 7) // want "this is always false, whatever mode is"
+		return 2;
+	if (mode == WALK_FAST && mode == WALK_SLOW) // want "this is always false, as long as WALK_FAST and WALK_SLOW"
+		return 2;
+	if ((status & 0x0c) == WALK_READY) // want "WALK_READY has bits that the mask takes away"
+		return 3;
+	if ((status & BIT(3)) != 1) // want "1 has bits that the mask takes away: the comparison is always true"
+		return 3;
+	if (status && BIT(3)) // want "BIT.3. is never 0, so that && does nothing with it: is & meant"
+		return 4;
+	if (mode < 0 || status > 3 || mode < 0) // want "mode < 0 stands on both sides of ||"
+		return 5;
+	return 0;
+}
""",
        """
 static int walk(int mode)
 {
+	if (mode == 1)
+		return 3;
+	else if (mode == 2)
+		return 4;
+	else if (mode == 1) // want "asks for mode == 1 already: this branch is never taken"
+		return 5;
+	if (mode > 3) // want "both branches do the same"
+		return walk_on(mode);
+	else
+		return walk_on(mode);
 }
""",
    ),
    good=(
        """
+static int walk(int mode, u32 status, const char *name)
+{
+	if (mode != 1 && mode != 2)
+		return 1;
+	if (mode > 3 && mode < 7)
+		return 2;
+	if (mode < 3 || mode > 7)
+		return 2;
+	if (mode == 3 || mode == 4 || mode == WALK_FAST || mode == WALK_SLOW)
+		return 2;
+	if ((status & 0x0c) == 0x04 || (status & BIT(3)) == BIT(3) || (status & 0x0c) == 0)
+		return 3;
+	if (*name >= '0' && *name++ <= '3' && *name >= '0' && *name++ <= '7')
+		return 2;
+	if (read_depth(mode) || read_depth(mode))
+		return 4;
+	if (mode >= 3 && mode <= 3)
+		return 5;
+	if (mode != WALK_FAST || status != WALK_FAST)
+		return 6;
+	return status & BIT(3) && mode > BIT(2);
+}
""",
        """
+static int walk(int mode)
+{
+	if (mode == 1)
+		return 3;
+	else if (mode == 2)
+		return 4;
+	if (mode == 1)
+		return 5;
+	if (next(mode))
+		return 1;
+	else if (next(mode))
+		return 2;
+	if (mode > 3) {
+		/* for now */
+		return walk_on(mode);
+	} else {
+		return walk_on(mode);
+	}
+}
""",
        """
 static int walk(int mode)
 {
+	mode++;
 	if (mode != 1 || mode != 2)
 		return 1;
 	if (mode > 3)
 		return walk_on(mode);
 	else
 		return walk_on(mode);
 }
""",
        """
 static int walk(struct page *page, unsigned int order)
 {
+	if (page->deep && (1 << order) & page->orders)
+		return 1;
+	if (page->deep && BIT(order) & orders_of(page))
+		return 2;
+	if (page->deep || 1UL << order > page->size)
+		return 3;
+	if (page->deep && (BIT(order) & (page->orders)))
+		return 4;
 	return 0;
 }
""",
    ),
)
