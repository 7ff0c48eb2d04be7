"""Braces around a single simple statement."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Fix, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

SIMPLE = (
    "expression_statement",
    "return_statement",
    "break_statement",
    "continue_statement",
    "goto_statement",
)
STRING = pattern(r'"(?:[^"\\]|\\.)*"')
COMMENT = pattern(r"/\*|//")
# What a macro in capitals stands for may be several statements; of those of the kernel it is known to be one.
MACRO = pattern(
    r"(?!(?:READ_ONCE|WRITE_ONCE|(?:\w+_)?(?:WARN|BUG)(?:_\w+)?|INIT_\w+|RCU_\w+|\w*ASSERT\w*|KUNIT_\w+)\b)"
    r"[A-Z][A-Z0-9_]+\s*\("
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every if/else chain and loop whose braces the patch adds."""
    for file in context.c_files:
        if not file.adds("{"):
            continue
        for function in file.functions:
            if function.partial:
                yield file.fine(function.first_line, "the code does not parse cleanly")
                continue
            for node in function.nodes("if_statement", "for_statement", "while_statement"):
                outer = function.parent_of(node)
                if outer is None or outer.type != "else_clause":
                    yield from judge(file, function, node)


def judge(file: ChangedFile, function: Function, node: "Node") -> Iterator[Finding | Silence]:
    """A finding where no branch of a chain, or not the body of a loop, needs the braces that the patch adds."""
    branches = tuple(branches_of(node))
    blocks = [body for _, body in branches if body.type == "compound_statement"]
    new = [line for line in map(function.source.line_of, blocks) if line in file.added_numbers]
    new = [line for line in new if not file.was_there(line)]
    if not new or function.macro_of(node).startswith(("scoped_", "if_", "do_each_")):
        return
    if all(is_simple(function, header, body) for header, body in branches):
        yield file.finding(
            new[0], "a single simple statement needs no braces", fix=without_braces(file, function, branches)
        )
    else:
        yield file.fine(new[0], "a branch is more than one simple statement on one line")


def without_braces(
    file: ChangedFile, function: Function, branches: "tuple[tuple[Node, Node], ...]"
) -> Fix | None:
    """The fix: the chain or loop without its braces; None where they do not stand as kernel style has them."""
    first = function.source.line_of(branches[0][0])
    last = function.source.last_line_of(branches[-1][1])
    lines = {number: file.text_at(number) for number in range(first, last + 1)}
    dropped = set()
    for _, body in branches:
        if body.type != "compound_statement":
            continue
        opening, closing = function.source.line_of(body), function.source.last_line_of(body)
        if not lines[opening].endswith(" {"):
            return None
        lines[opening] = lines[opening].removesuffix(" {")
        head, brace, rest = lines[closing].partition("}")
        if head.strip() or not brace:
            return None
        lines[closing] = head + rest.lstrip()
        if not rest.strip():
            dropped.add(closing)
    return file.replacement(first, last, *(text for number, text in lines.items() if number not in dropped))


def branches_of(node: "Node") -> "Iterator[tuple[Node, Node]]":
    """(header, body) of a loop, or of each branch of an if/else chain; the header is the node of the keyword."""
    header: Node | None = node
    while header is not None:
        body = header.child_by_field_name("consequence") or header.child_by_field_name("body")
        if body is not None:
            yield header, body
        clause = header.child_by_field_name("alternative")
        header = None
        inner = [child for child in clause.named_children if child.type != "comment"] if clause else []
        if inner and inner[0].type == "if_statement":
            header = inner[0]
        elif clause and inner:
            yield clause, inner[0]


def is_simple(function: Function, header: "Node", body: "Node") -> bool:
    """Whether a branch has a header of one line and one simple statement of one line, without a comment."""
    braced = body.type == "compound_statement"
    statements = body.named_children if braced else [body]
    if len(statements) != 1 or statements[0].type not in SIMPLE:
        return False
    first, last = function.source.line_of(body), function.source.last_line_of(body)
    if braced and (last - first != 2 or function.source.line_of(header) != first):
        return False
    if not braced and last != first:
        return False
    if (
        braced
        and statements[0].type == "expression_statement"
        and MACRO.match(function.source.text_of(statements[0]))
    ):
        return False
    text = "\n".join(function.source.line_text(line) for line in range(first, last + 1))
    return COMMENT.search(STRING.sub("", text)) is None


RULE = Rule(
    name="unneeded-braces",
    summary="Braces around a single simple statement",
    why=(
        "Kernel style leaves the braces out where a single statement will do, on all branches of an if/else: "
        "lines are few on a screen. Two lines, a comment or another control structure want them."
    ),
    source=(
        "Documentation/process/coding-style.rst section 3 (placing braces); review of "
        '"kunit: Add kunit_shutdown option", lib/kunit/executor.c, 2020 (no braces on single line if statements); '
        "checkpatch is silent on chains with else if"
    ),
    severity="info",
    confidence="high",
    check=check,
    bad=(
        """
+static void stop(int how)
+{
+	if (how == HALT) { // want "no braces"
+		halt();
+	} else if (how == OFF) {
+		power_off();
+	}
+}
""",
        """
 static void scan(struct list *list)
 {
+	while (more(list)) { // want "no braces"
+		drop(list);
+	}
 }
""",
    ),
    good=(
        """
 static void stop(int how)
 {
+	if (how == HALT) {
+		halt();
+	} else {
+		power_off();
+		wait();
+	}
 }
""",
        """
 static void stop(int how)
 {
+	if (how == HALT) {
+		/* There is no way back. */
+		halt();
+	}
+	if (how == OFF) {
+		power_off("a long reason",
+			  how);
+	}
+	if (how == OFF &&
+	    allowed()) {
+		power_off();
+	}
 }
""",
        """
 static int decode(struct context *context)
 {
+	if (!context->set) {
+		RETURN_ERROR(memory, "no memory for the set");
+	}
 	return 0;
 }
""",
        """
 static void stop(int how)
 {
+	if (how == HALT) {
+		halt();
+	} else
+		power_off("a long reason",
+			  how);
 }
""",
        """
 static void scan(struct list *list)
 {
+	for (;;) {
+		if (old(list))
+			drop(list);
+	}
+	scoped_guard(mutex, &list->lock) {
+		drop(list);
+	}
 }
""",
        """
 static void scan(struct list *list)
 {
-	while (more(list)) {
-		drop(list);
-	}
+	if (list) {
+		while (more(list)) {
+			drop(list);
+		}
+		check(list);
+	}
 }
""",
    ),
)
