"""Before against after: what a rule would have said of the old code, too, is not the patch's doing."""

from collections.abc import Iterator

import pytest
from patchscan.basics.record import replace
from patchscan.c.source import Function
from patchscan.context import NO_SETTINGS, Context, contexts
from patchscan.diff.lines import passage
from patchscan.finding import Finding
from patchscan.scan import scan
from patchscan.series import Hunk, Line, Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import MemoryTree, read_example
from patchscan.tree.overlay import lay

from tests.diffs import KINDS

RULES = {rule.name: rule for rule in load_rules()[0]}


def findings(text: str, *names: str) -> list[Finding]:
    """What rules say of an example."""
    series, files, _ = read_example(text)
    tree = MemoryTree("tree", files) if files is not None else None
    report = scan(Thread((series,), (), ()), tree, [RULES[name] for name in names])
    assert not report.problems
    return list(report.findings)


MIXED = """
 static int mix(struct mix *m)
 {
 	if (m->one)
-		return first();
+		return first(m->context);
 	else {
 		m->two = third(m);
 		return m->two;
 	}
 }
"""
WHOLE = "|int mix(int a)\n|{\n|	if (a)\n|		b();\n|	else {\n|		c();\n|		d();\n|	}\n|	return 0;\n|}"
BARED = MIXED.replace(" 	if (m->one)\n", "-	if (m->one) {\n+	if (m->one)\n").replace(
    " 	else {\n", "-	} else {\n+	else {\n"
)
IN_TREE = ">>> tree Makefile\nVERSION = 6\n>>> patch mm: pass the context on\n>>> file mm/mix.c"


@pytest.mark.parametrize("head", ["", IN_TREE], ids=["hunk", "tree"])
def test_what_the_old_code_had_is_marked(head: str) -> None:
    """The patch changes a line of a chain whose braces were mixed before."""
    (found,) = findings(head + MIXED, "missing-braces")
    assert found.preexisting and not found.counts


@pytest.mark.parametrize("head", ["", IN_TREE], ids=["hunk", "tree"])
def test_what_the_patch_brings_is_not(head: str) -> None:
    """The patch takes the braces of one branch away."""
    (found,) = findings(head + BARED, "missing-braces")
    assert not found.preexisting


def test_a_fault_elsewhere_in_the_function_is_new() -> None:
    """An old mixture in the same function does not excuse another one that the patch adds."""
    added = "+	if (m->three)\n+		return 3;\n+	else {\n+		third(m);\n+		return 4;\n+	}\n }\n"
    text = MIXED.replace(" }\n", added)
    found = findings(IN_TREE + text, "missing-braces")
    assert [each.preexisting for each in found] == [True, False]


def test_code_that_moves_to_another_file_is_not_new() -> None:
    """A whole function with a mixture of braces goes from one file to another."""
    text = (
        ">>> tree Makefile\nVERSION = 6\n>>> patch mm: move it\n"
        f">>> file mm/mix.c\n int before;\n{WHOLE.replace('|', '-')}\n>>> file mm/new.c\n{WHOLE.replace('|', '+')}"
    )
    (found,) = findings(text, "missing-braces")
    assert found.path == "mm/new.c" and found.preexisting


def test_a_message_that_names_something_else_is_new() -> None:
    """The line had the fault for another lock."""
    text = """
 static void take(struct thing *t)
 {
-	spin_lock(&t->old_lock);
+	spin_lock(&t->new_lock);
 	t->buffer = kzalloc(8, GFP_KERNEL);
-	spin_unlock(&t->old_lock);
+	spin_unlock(&t->new_lock);
 }
"""
    assert not any(each.preexisting for each in findings(text, "sleep-in-atomic"))


def context_of(text: str) -> Context:
    """The context of the only patch of an example."""
    series, files, _ = read_example(text)
    tree = MemoryTree("tree", files) if files is not None else None
    return contexts(series, lay(series, tree), NO_SETTINGS)[0]


def returns_with_lock(function: Function) -> Iterator[tuple[str, int]]:
    """A toy: a function that takes the lock and never drops it."""
    calls = [(call.name, call.line) for call in function.calls()]
    if not any(name == "unlock" for name, _ in calls):
        yield from (("lock", line) for name, line in calls if name == "lock")


LOCKED = """
 static void work(void)
 {
 	lock();
-	unlock();
 }
"""


def test_brought_sees_a_deletion() -> None:
    """The fault stands on a line that the patch does not touch."""
    found = list(context_of(LOCKED).brought(returns_with_lock, key=lambda fault: fault[0]))
    assert [(function.name, fault) for _, function, fault in found] == [("work", ("lock", 3))]


def test_brought_leaves_out_what_was_there() -> None:
    """Another call in a function that had the fault before."""
    text = LOCKED.replace("-	unlock", "+	more")
    assert not list(context_of(text).brought(returns_with_lock, key=lambda fault: fault[0]))


def test_brought_leaves_out_what_moves() -> None:
    """The faulty lines go into a function of their own."""
    text = """
+static void helper(void)
+{
+	lock();
+}
+
 static void work(void)
 {
-	lock();
+	helper();
 }
"""
    assert not list(context_of(text).brought(returns_with_lock, key=lambda fault: fault[0]))


def hunk(old_start: int, new_start: int, kinds: str) -> Hunk:
    """A hunk of lines of these kinds."""
    lines, old, new = [], old_start, new_start
    for kind in (KINDS[each] for each in kinds):
        lines.append(Line(kind, "x", old if kind != "+" else None, new if kind != "-" else None))
        old += kind != "+"
        new += kind != "-"
    return Hunk(old_start, old - old_start, new_start, new - new_start, "", tuple(lines))


def test_lines_through_hunks() -> None:
    """Kept, shifted, replaced and removed lines; with offsets those of the tree."""
    hunks = (hunk(10, 10, " -++ "), hunk(30, 31, " -- "))
    way = passage(hunks)
    assert [way.kept(line) for line in (9, 10, 11, 12, 29, 30, 31, 32, 33, 40)] == [
        *(9, 10, None, 13, 30, 31, None, None, 32, 39)
    ]
    assert list(way.after(11)) == [11, 12] and list(way.after(31)) == []
    moved = passage(hunks, (5, 7))
    assert [moved.kept(line) for line in (11, 15, 16, 17, 37, 38, 40)] == [11, 15, None, 18, 38, None, 39]


def test_a_side_without_lines_names_the_line_before() -> None:
    """@@ -5,0 +6,2 @@ adds behind line 5: line 6 goes to 8."""
    added = replace(hunk(6, 6, "++"), old_start=5)
    assert [passage((added,)).kept(line) for line in (5, 6)] == [5, 8]
    taken = replace(hunk(6, 6, "--"), new_start=5)
    assert [passage((taken,)).kept(line) for line in (5, 6, 7, 8)] == [5, None, None, 6]
