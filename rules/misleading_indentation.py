"""A statement that is indented as if a condition or loop above held it, and an empty body by a stray semicolon."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from tree_sitter import Node

TAB = 8


def check(context: Context) -> Iterator[Finding | Silence]:
    """The conditions and loops without braces in the functions that a patch changes."""
    for file in context.c_files:
        for function in file.functions:
            if function.partial:
                continue
            for node in function.nodes("if_statement", "for_statement", "while_statement"):
                yield from judge(file, function, node)


def judge(file: ChangedFile, function: Function, node: "Node") -> Iterator[Finding | Silence]:
    """One condition or loop."""
    body = body_of(node)
    if body is None or body.type == "compound_statement":
        return
    source = function.source
    if is_empty(body) and node.type == "if_statement" and not function.macro_of(node):
        line = source.line_of(body)
        if is_new(file, line) and node.child_by_field_name("alternative") is None:
            yield file.finding(
                line, "a semicolon is all that this if holds: the compiler warns (-Wempty-body); leave it out"
            )
        return
    following = node.next_named_sibling
    if following is None or following.type.startswith("preproc") or following.type == "comment":
        return
    guard, inner, after = (source.line_of(each) for each in (node, body, following))
    widths = [width_at(file, line) for line in (guard, inner, after)]
    plain = is_first(source.text, body) and is_first(source.text, following)
    if plain and inner > guard and widths[0] < widths[1] == widths[2] and is_new(file, guard, inner, after):
        if following.type in ("labeled_statement", "case_statement"):
            return
        what = {"if_statement": "if", "for_statement": "for", "while_statement": "while"}[node.type]
        name = function.macro_of(node) or what
        yield file.finding(
            after,
            f"this is indented as if {name} in line {file.patch_line(guard)} held it, but that has no braces: the "
            "compiler warns (-Wmisleading-indentation)",
            (file.evidence(guard),),
        )


def body_of(node: "Node") -> "Node | None":
    """The last branch of a condition, or the body of a loop."""
    if node.type != "if_statement":
        return node.child_by_field_name("body")
    other = node.child_by_field_name("alternative")
    if other is None:
        return node.child_by_field_name("consequence")
    last = other.named_children[-1] if other.named_children else None
    return None if last is None or last.type == "if_statement" else last


def is_empty(body: "Node") -> bool:
    """Whether a statement is ; alone."""
    return body.type == "expression_statement" and body.named_child_count == 0


def width_at(file: ChangedFile, line: int) -> int:
    """How far a line is indented."""
    text = file.text_at(line)
    return len(text[: len(text) - len(text.lstrip())].expandtabs(TAB))


def is_first(text: bytes, node: "Node") -> bool:
    """Whether a node is what its line begins with."""
    return not text[text.rfind(b"\n", 0, node.start_byte) + 1 : node.start_byte].strip()


def is_new(file: ChangedFile, *lines: int) -> bool:
    """Whether the patch writes one of the lines."""
    return any(line in file.added_numbers and not file.was_there(line) for line in lines)


RULE = Rule(
    name="misleading-indentation",
    summary="A statement is indented as if the condition or loop above held it",
    why=(
        "A second statement below an if without braces runs always. The layout says what was meant, and the compiler "
        "says that it is not what was written."
    ),
    source="gcc and clang -Wmisleading-indentation, -Wempty-body; smatch, inconsistent indenting",
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
 static int walk(struct page *page)
 {
+	if (!page)
+		walk_on(page);
+		return -1; // want "indented as if if in line"
+	for_each_page(page)
+		walk_on(page);
+		run(page); // want "indented as if for_each_page in line"
+	if (page->deep); // want "a semicolon is all that this if holds"
+		return 1;
 	return 0;
 }
""",
        """
 static int walk(struct page *page)
 {
 	if (!page)
+		walk_on(page);
 		return -1; // want "indented as if if in line"
 	return 0;
 }
""",
    ),
    good=(
        """
 static int walk(struct page *page)
 {
+	if (!page)
+		return -1;
+	while (page->next)
+		;
+	while (!page->ready);
+	if (page->deep) walk_on(page);
+	run(page);
+	if (page->last)
+		run(page); else
+		walk_on(page);
+	if (page->deep)
+		run(page);
+	else if (page->last)
+		walk_on(page);
+	else
+		;
+	return 1;
 }
""",
        """
 static int walk(struct page *page)
 {
+	if (page->deep) {
+		run(page);
+		walk_on(page);
+	}
+	if (page->last)
+		walk_on(page,
+			3);
+	else {
+		run(page);
+	}
 	return 0;
 }
""",
        """
 static int walk(struct page *page)
 {
+	run(page);
 	if (!page)
 		walk_on(page);
 		return -1;
+#ifdef CONFIG_WALK
+	if (page->last)
+#endif
+	walk_on(page);
+	return 0;
 }
""",
    ),
)
