"""Code behind a return, goto, break or continue of its own block."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from tree_sitter import Node

LEAVES = ("return_statement", "goto_statement", "break_statement", "continue_statement")
RUNS = (
    "expression_statement",
    "if_statement",
    "for_statement",
    "while_statement",
    "do_statement",
    "switch_statement",
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The jumps in the functions that a patch changes."""
    for file in context.c_files:
        if not file.adds("return", "goto", "break", "continue"):
            continue
        for function in file.functions:
            if not function.partial and "#" not in function.source.slice(function.brace, function.end):
                for block in function.nodes("compound_statement", "case_statement"):
                    inside = [child for child in block.named_children if child.type != "comment"]
                    for node, following in pairwise(inside):
                        if node.type in LEAVES and indentation(node) == indentation(following):
                            yield from behind(file, function, node, following)


def indentation(node: "Node") -> int:
    """The column at which a statement begins: a jump that stands deeper is in a branch whose head no hunk shows."""
    return node.start_point[1]


def behind(
    file: ChangedFile, function: Function, node: "Node", following: "Node"
) -> Iterator[Finding | Silence]:
    """What stands behind one jump in its block."""
    first, line = function.source.line_of(node), function.source.line_of(following)
    if not any(each in file.added_numbers and not file.was_there(each) for each in (first, line)):
        return
    shown = function.source.text_of(node).split()[0].rstrip(";")
    if following.type in LEAVES:
        what = function.source.text_of(following).split()[0].rstrip(";")
        yield file.finding(
            line,
            f"{what} behind {shown} is never reached: leave it out",
            (file.evidence(first),),
            severity="info",
        )
    elif (
        following.type in RUNS
        and following.named_child_count
        and not is_macro(function, following)
        and not holds_label(following)
    ):
        yield file.finding(
            line,
            f"{shown} stands above this in the same block: this is never reached",
            (file.evidence(first),),
        )


def is_macro(function: Function, node: "Node") -> bool:
    """Whether a statement is a macro in capitals, which may be a case, or be read by the compiler alone."""
    inner = node.named_children[0]
    return inner.type == "call_expression" and function.call(inner).name.isupper()


def holds_label(node: "Node") -> bool:
    """Whether a jump may lead into a statement."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.type in ("labeled_statement", "case_statement"):
            return True
        waiting.extend(found.named_children)
    return False


RULE = Rule(
    name="unreachable-code",
    summary="Code stands behind a return, goto, break or continue of its own block",
    why=(
        "It never runs. Either it was to run, as a release behind a return, or it is left over, as the break behind a "
        "return in a case."
    ),
    source="smatch, ignoring unreachable code; scripts/checkpatch.pl UNNECESSARY_BREAK; clang -Wunreachable-code-break",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int walk(int mode)
 {
+	switch (mode) {
+	case 1:
+		return 3;
+		break; // want "break behind return is never reached"
+	}
+	if (mode > 4) {
+		return 4;
+		walk_on(mode); // want "return stands above this in the same block"
+	}
 	return 0;
 }
""",
        """
 static int walk(int mode)
 {
 	lock(mode);
+	return walk_on(mode);
 	unlock(mode); // want "return stands above this"
 }
""",
    ),
    good=(
        """
 static int walk(int mode)
 {
 		return 3;
+	walk_on(mode);
 	return 4;
 }
""",
        """
+static int walk(int mode)
+{
+	switch (mode) {
+	case 1:
+		return 3;
+	case 2:
+		if (mode)
+			return 3;
+		break;
+	}
+	if (mode > 4)
+		return 4;
+	goto out;
+undo:
+	walk_on(mode);
+out:
+	return 0;
+}
""",
        """
+static int walk(int mode)
+{
+#ifdef CONFIG_WALK
+	return 3;
+#endif
+	walk_on(mode);
+	return 4;
+}
+static int run(int mode)
+{
+	goto start;
+	while (mode) {
+		walk_on(mode);
+start:
+		mode--;
+	}
+	return 4;
+}
""",
        """
 static int walk(int mode)
 {
+	mode++;
 	switch (mode) {
 	case 1:
 		return 3;
 		break;
 	}
+	return 3;
+	;
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
+	BUILD_BUG_ON(WALK_FIRST > WALK_LAST);
 }
""",
    ),
)
