"""Something const is assigned to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

POINTS = pattern(r"(?:.*\s)?const\b[^*]*\*(?!.*\*)(?!.*\[).*|(?:.*\s)?const\s*\*\s*(?:const\s*)?")
PLAIN = pattern(r"(?!.*[*\[(]).*\bconst\b.*")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The assignments in functions that a patch changes."""
    for file in context.c_files:
        for function in file.functions:
            if function.whole and not function.partial and "const" in function.identifiers:
                yield from judge(file, function)


def judge(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The assignments of one function to what its parameters and variables say is const."""
    kinds: dict[str, str] = {}
    lines: dict[str, int] = {}
    for each in (*function.parameters, *function.locals):
        # Of two variables of one name it is not known which is meant.
        kinds[each.name] = "" if each.name in kinds else each.type
        lines[each.name] = each.line
    for node in function.nodes("assignment_expression", "update_expression"):
        target = node.child_by_field_name("left") or node.child_by_field_name("argument")
        line = function.source.line_of(node)
        name, through = base_of(function, target)
        kind = kinds.get(name, "")
        wrong = POINTS.fullmatch(kind) if through else PLAIN.fullmatch(kind)
        if not wrong or not is_new(file, line, lines[name]):
            continue
        what = f"what {name} leads to is" if through else f"{name} is"
        yield file.finding(
            line,
            f"{what} const (line {file.patch_line(lines[name])}): compilers refuse to assign to it",
            (file.evidence(lines[name]),),
        )


def base_of(function: Function, target: "Node | None") -> tuple[str, bool]:
    """The variable that an assignment reaches its target from, and whether by one step through a pointer."""
    steps: list[str] = []
    node = target
    while node is not None and node.type != "identifier":
        if node.type == "field_expression":
            inner, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
            if inner is None or field is None:
                return "", False
            between = function.source.text[inner.end_byte : field.start_byte].strip()
            steps.append("->" if between == b"->" else ".")
            node = inner
        elif node.type == "pointer_expression" and function.source.text_of(node).startswith("*"):
            steps.append("->")
            node = node.child_by_field_name("argument")
        elif node.type == "parenthesized_expression" and node.named_child_count == 1:
            node = node.named_children[0]
        else:
            return "", False
    name = function.source.text_of(node) if node is not None else ""
    if "->" not in steps:
        return name, False
    # A member of a struct beside that leads on, x.y->z, is another pointer.
    return (name, True) if steps.count("->") == 1 and steps[-1] == "->" else ("", False)


def is_new(file: ChangedFile, *lines: int) -> bool:
    """Whether the patch writes one of the lines."""
    return any(line in file.added_numbers and not file.was_there(line) for line in lines)


RULE = Rule(
    name="constant-written",
    summary="Something const is assigned to",
    why="Compilers refuse it. It happens where a parameter becomes const and a branch of the function still writes.",
    source="C11 6.5.16; gcc: assignment of member in read-only object; reports of the kernel test robot",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    in_code=("const",),
    bad=(
        """
-static void walk(struct walk *walk, int mode)
+static void walk(const struct walk *walk, int mode)
 {
 	const int limit = 3;
+
 	walk->mode = mode; // want "what walk leads to is const"
+	walk->deep.mode++; // want "what walk leads to is const"
+	*walk = other; // want "what walk leads to is const"
+	limit = 4; // want "limit is const"
 }
""",
    ),
    good=(
        """
+static void walk(const struct walk *walk, struct walk *const fixed, const struct walk **list, int mode)
+{
+	const struct walk *next;
+	const char *names[3];
+	const char *text = "x";
+
+	next = walk;
+	next++;
+	walk->inner->mode = mode;
+	fixed->mode = mode;
+	*list = walk;
+	names[0] = text;
+	text++;
+	walk = NULL;
+}
""",
        """
 static void walk(const struct walk *walk, int mode)
 {
+	mode++;
 	walk->mode = mode;
 }
""",
        """
+static void walk(const struct walk *walk)
+{
+	struct walk other = *walk;
+
+	other.mode = 3;
+	walk_of(walk)->mode = 3;
+	((struct walk *)walk)->mode = 4;
+	{
+		struct walk *walk = &other;
+
+		walk->mode = 4;
+	}
+}
""",
    ),
)
