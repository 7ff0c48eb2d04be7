"""A case that runs into the next one without saying so."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from tree_sitter import Node


def check(context: Context) -> Iterator[Finding | Silence]:
    """The switches in functions that a patch changes."""
    for file in context.c_files:
        if file.touches("case", "default", "break", "return", "goto", "fallthrough", "continue"):
            for function in file.functions:
                if function.nodes("switch_statement") and not function.partial:
                    for switch in function.nodes("switch_statement"):
                        yield from judge(file, function, switch)


def judge(file: ChangedFile, function: Function, switch: "Node") -> Iterator[Finding | Silence]:
    """The cases of one switch."""
    from patchscan.c.runoff import runs_off

    body = switch.child_by_field_name("body")
    inside = [child for child in body.named_children if child.type != "comment"] if body is not None else []
    for case, following in itertools.pairwise(inside):
        if case.type != "case_statement" or following.type != "case_statement" or not statements(case):
            continue
        if only_breaks(following):
            continue
        line = function.source.line_of(following)
        if is_brought(file, function, case, line) and runs_off(function, case):
            label = " ".join(function.source.text_of(following).partition(":")[0].split())
            yield file.finding(
                function.source.line_of(statements(case)[-1]),
                f"behind this the code runs into '{label}:' without saying so: the compiler warns "
                "(-Wimplicit-fallthrough, for which a comment is not enough); write break; or fallthrough;",
                (file.evidence(line),),
            )


def statements(case: "Node") -> "Sequence[Node]":
    """What stands behind the label of a case."""
    value = case.child_by_field_name("value")
    return [child for child in case.named_children if child.type != "comment" and child != value]


def only_breaks(case: "Node") -> bool:
    """Whether the first thing that a case does is to leave the switch: gcc does not mind running into that."""
    inner = statements(case)
    return bool(inner) and inner[0].type in ("break_statement", "goto_statement")


def is_brought(file: ChangedFile, function: Function, case: "Node", line: int) -> bool:
    """Whether the patch writes the label, the last line above it, or takes away what stood between."""
    last = function.source.last_line_of(statements(case)[-1])
    lines = range(last, line + 1)
    if any(each in file.added_numbers and not file.was_there(each) for each in lines):
        return True
    return not file.touched_numbers.isdisjoint(range(last + 1, line + 1))


RULE = Rule(
    name="missing-fallthrough",
    summary="A case runs into the next one without saying so",
    why=(
        "A forgotten break reads like one that was left out on purpose. The kernel is built with a warning for it, and "
        "tells the two apart by the word fallthrough."
    ),
    source=(
        "Documentation/process/deprecated.rst (implicit switch case fall-through); Makefile "
        "(-Wimplicit-fallthrough=5)"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int walk(int mode)
 {
 	switch (mode) {
+	case 1:
+		mode = 4; // want "behind this the code runs into 'case 2:' without saying so"
+	case 2:
+		mode += 5;
+		break;
 	}
 	return mode;
 }
""",
        """
 static int walk(int mode)
 {
 	switch (mode) {
 	case 1:
 		if (mode > 3) // want "runs into 'default:'"
 			return 4;
-		break;
 	default:
 		mode += 5;
 	}
 	return mode;
 }
""",
    ),
    good=(
        """
 static int walk(int mode)
 {
 	switch (mode) {
+	case 1:
+		mode = 4;
+		fallthrough;
+	case 2:
+	case 3:
+		mode += 5;
+		break;
+	case 4:
+		if (mode)
+			return 3;
+		else
+			goto out;
+	case 5: {
+		return 4;
+	}
+	case 6:
+		BUG();
+	case 7:
+		panic("mode");
+	case 8:
+		while (1)
+			walk_on();
+	case 9:
+		mode = 3;
+	case 10:
+		goto out;
+	case 11:
+		mode = 4;
+	default:
+		break;
 	}
+out:
 	return mode;
 }
""",
        """
 static int walk(int mode)
 {
 	switch (mode) {
 	case 1:
 		mode = 4;
 	case 2:
-		mode += 5;
+		mode += 6;
 		break;
 	}
 	return mode;
 }
""",
        """
 static int walk(int mode)
 {
 	switch (mode) {
+	case 1:
+		mode = 4;
+#ifdef CONFIG_WALK
+		break;
+#endif
+	case 2:
+		WALK_RETURN(mode);
+	case 3:
+		mode += 5;
 	}
 	return mode;
 }
""",
    ),
    in_code=("switch",),
)
