"""A statement that is indented as if a condition or loop above held it, and an empty body by a stray semicolon."""

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from tree_sitter import Node

TAB = 8
# A lesser difference between spaces and a tab is one of the editor: nobody takes it for another block.
CLEAR = 4
PLAIN = (
    "expression_statement",
    "if_statement",
    "for_statement",
    "while_statement",
    "do_statement",
    "declaration",
    "switch_statement",
    "return_statement",
    "goto_statement",
    "break_statement",
    "continue_statement",
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The conditions and loops without braces in the functions that a patch changes."""
    for file in context.c_files:
        for function in file.functions:
            if function.partial:
                continue
            told: set[int] = set()
            blocks = function.nodes("compound_statement", "case_statement")
            next_of = {one.id: two for block in blocks for one, two in pairwise(block.named_children)}
            for node in function.nodes("if_statement", "for_statement", "while_statement"):
                yield from judge(file, function, node, next_of.get(node.id), told)
            if function.whole and not file.change.damaged:
                yield from islice(
                    (each for block in blocks for each in uneven(file, function, block, told)), 1
                )


def uneven(file: ChangedFile, function: Function, block: "Node", told: set[int]) -> Iterator[Finding]:
    """The statements of a block that are not indented like its first one; told: lines that were told already."""
    source = function.source
    children = block.named_children
    inside = [
        each
        for each in children
        if each.type in PLAIN and is_first(source.text, each) and not is_macro(function, each)
    ]
    if not inside:
        return
    first = source.line_of(inside[0])
    base = width_at(file, first)
    for above, node in pairwise(children):
        if node.type not in PLAIN or above.type not in PLAIN or not is_first(source.text, node):
            continue
        if is_macro(function, node):
            continue
        line = source.line_of(node)
        width = width_at(file, line)
        between = source.text[above.end_byte : node.start_byte]
        ends_case = block.type == "case_statement" and node.type == "break_statement"
        if (
            width == base
            or (abs(width - base) < CLEAR and starts_by_tab(file, line) != starts_by_tab(file, first))
            or ends_case
            or b"#" in between
            or line in told
            or not is_new(file, line)
        ):
            continue
        told.add(line)
        yield file.finding(
            line,
            f"this is indented by {width} columns, and line {file.patch_line(first)} of the same block by {base}: "
            "which block is it meant to be in?",
            (file.evidence(first),),
        )


def is_macro(function: Function, node: "Node") -> bool:
    """Whether a statement is a macro in capitals, which may stand for a case."""
    inner = node.named_children[:1] if node.type == "expression_statement" else []
    return any(each.type == "call_expression" and function.call(each).name.isupper() for each in inner)


def judge(
    file: ChangedFile, function: Function, node: "Node", following: "Node | None", told: set[int]
) -> Iterator[Finding]:
    """One condition or loop; following: what stands behind it; told: takes the lines that are told."""
    body = body_of(node)
    if body is None or body.type == "compound_statement":
        return
    source = function.source
    if is_empty(body) and node.type == "if_statement" and not function.macro_of(node):
        line = source.line_of(body)
        if is_new(file, line) and node.child_by_field_name("alternative") is None:
            told.add(source.line_of(following) if following is not None else line)
            yield file.finding(
                line, "a semicolon is all that this if holds: the compiler warns (-Wempty-body); leave it out"
            )
        return
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
        told.add(after)
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


def starts_by_tab(file: ChangedFile, line: int) -> bool:
    """Whether a line is indented by a tab."""
    return file.text_at(line).startswith("\t")


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
    by_file=True,
    bad=(
        """
 static int walk(struct page *page)
 {
 	struct page *next = page_after(page);
 
+	if (!next)
+		return -1;
+	 return walk_on(next); // want "indented by 9 columns, and line 3 of the same block by 8"
 }
""",
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
        """
+static int walk(struct page *page)
+{
+	int ret = run(page);
+		if (ret) // want "this is indented by 16 columns, and line"
+			return ret;
+	if (page->deep) {
+		ret = walk_on(page);
+	ret |= run(page);
+	}
+	return ret;
+}
""",
    ),
    good=(
        """
 static int walk(struct page *page)
 {
+       struct page *next = page_after(page);
+	if (!next)
+		return -1;
+       return walk_on(next);
 }
""",
        """
+static int walk(struct page *page)
+{
+	int deep;
+
+	if (page->deep) {
+	deep = 3;
+	deep++;
+	}
+	switch (deep) {
+	case 1:
+		deep++; deep--;
+		break;
+	case 2: deep++;
+		break;
+	}
+out:
+	run(page);
+  same:
+	return deep;
+}
""",
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
        """
 static int walk(struct page *page)
 {
+	run(page);
+#if 0
+	if (page->deep)
+		walk_on(page);
+	else
+#endif
+		run(page);
+	walk_on(page);
 	return 0;
 }
""",
        """
 static const char *walk_name(struct walk *walk)
 {
 	const char *name;
 
+	switch (walk->kind) {
+	default:
+		name = "unknown";
+		break;
+	WALK_NAME(FIRST);
+	WALK_NAME(LAST);
+	}
 	return name;
 }
""",
    ),
)
