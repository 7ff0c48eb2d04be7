"""An operation of a struct is given a function of another type, here or in a file that the patch forgets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import (
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    parse,
    pattern,
)

if TYPE_CHECKING:
    from patchscan.c.initialisers import Designator
    from patchscan.lookup.functiontypes import FunctionType

DESIGNATOR = pattern(r"\.\s*\w+\s*=\s*&?\s*[A-Za-z_]\w*\s*,?\s*$")
POINTER = pattern(r"\(\s*\*\s*\w+\s*\)\s*\(")
MOST_SHOWN = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """The initialisers that the patch writes, those of functions whose head it writes, and users of changed members."""
    for file in context.c_files:
        if file.path.endswith(".c") and file.adds("(", ")", "=", ","):
            yield from own_tables(context, file)
        if file.used == "tree" and any(POINTER.search(line.text) for line in file.removed):
            yield from other_tables(context, file)


def own_tables(context: Context, file: ChangedFile) -> Iterator[Finding | Silence]:
    """What is to be said of the tables of a file itself."""
    from patchscan.c.initialisers import designators
    from patchscan.lookup.functiontypes import contradiction, function_in, member_type
    from patchscan.lookup.meaning import meaning_in

    written = {function.name for function in file.functions if has_new_head(file, function)}
    if file.state.after is None or not (written or any(DESIGNATOR.search(line.text) for line in file.added)):
        return
    text = file.state.after
    source = parse(text, file.path)
    meaning = meaning_in(context, file)
    told: set[tuple[str, str, str]] = set()
    for each in designators(source):
        key = each.struct, each.member, each.value
        if key in told or not (each.line in file.added_numbers or each.value in written):
            continue
        told.add(key)
        given = function_in(text, file.path, each.value) if each.value else None
        if given is None or source.conditions_at(given.line):
            continue
        found = meaning.struct(each.struct)
        wanted = [member_type(one) for one in found[1].named(each.member)] if found is not None else []
        faults = [contradiction(given, one) if one is not None else "" for one in wanted]
        if (
            found is None
            or not faults
            or not all(faults)
            or meaning.may_bring_member(each.struct, each.member)
        ):
            continue
        stated = (*given.takes.parameters, *(kind for one in wanted if one for kind in one.takes.parameters))
        if meaning.named_plainly(*stated):
            yield say(context, file, each, given, (found[0], found[1].named(each.member)[0].line), faults[0])


def has_new_head(file: ChangedFile, function: Function) -> bool:
    """Whether the patch writes a line from the name of a function to its brace."""
    last = function.source.line_at(function.brace)
    return not file.added_numbers.isdisjoint(range(function.name_line, last + 1))


def say(
    context: Context,
    file: ChangedFile,
    each: "Designator",
    given: "FunctionType",
    place: tuple[str, int],
    fault: str,
) -> Finding:
    """The finding at the initialiser, or where only the function is new, at that."""
    line = each.line if each.line in file.added_numbers else given.line
    said = (
        f"'{each.value}' is given to '{each.member}' of struct {each.struct}, but {fault} ({place[0]}:{place[1]}): "
        "incompatible function pointer types"
    )
    evidence = Evidence(place[0], place[1], ""), file.evidence(given.line)
    return context.claimed(file.finding(line, said, evidence))


def other_tables(context: Context, file: ChangedFile) -> Iterator[Finding | Silence]:
    """The functions in other files that no longer fit a member whose type the patch changes."""
    from patchscan.lookup.functiontypes import changed_members, stale_functions

    changed = (
        each
        for source in file.after
        for each in changed_members(file.state.before or b"", source, file.added_numbers)
    )
    for each in changed:
        known = {other.path for other in context.not_applied} | {file.path}
        stale = list(stale_functions(context.view, each, known))
        if stale:
            paths = list(dict.fromkeys(each.path for each in stale))
            more = f" and {len(paths) - MOST_SHOWN} more" if len(paths) > MOST_SHOWN else ""
            later = [
                other.patch.index for other in context.later for each in other.files if each.path in paths
            ]
            until = f", before patch {min(later)}" if later else ""
            yield file.finding(
                each.line,
                f"'{each.member}' of struct {each.struct} has another type now, but {', '.join(paths[:MOST_SHOWN])}"
                f"{more} still gives it a function of the old one{until}: incompatible function pointer types",
                tuple(stale[:MOST_SHOWN]),
                severity="" if not context.not_claimed else "info",
            )


RULE = Rule(
    name="callback-type",
    summary="An operation of a struct is given a function of another type",
    why=(
        "The compiler warns or refuses, and with control flow integrity the call traps at run time. It happens where "
        "an operation gets a parameter and an implementation is forgotten, or where one patch of a series changes the "
        "operation and another its implementations: each patch must build."
    ),
    source="gcc -Wincompatible-pointer-types; Documentation/process/submitting-patches.rst (each patch builds)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    needs_tree=True,
    bad=(
        """
>>> tree include/linux/walk.h
struct walk_ops {
	int (*begin)(struct walk *walk, int from);
	void (*remove)(struct walk *walk);
	int (*step)(struct walk *walk);
};
>>> patch mm: walk
>>> file mm/walk.c
 #include <linux/walk.h>
 static int walk_step(struct walk *walk)
 {
 	return 0;
 }
-static int walk_begin(struct walk *walk, int from)
+static int walk_begin(struct walk *walk, int from, // want "'walk_begin' is given to 'begin' .*it takes 3 parameters"
+		      bool again)
 {
 	return 0;
 }
+static int walk_remove(struct walk *walk)
+{
+	return 0;
+}
 static const struct walk_ops walk_ops = {
 	.begin = walk_begin,
+	.remove = walk_remove, // want "'walk_remove' is given to 'remove' .*it gives back 'int', and the member 'void'"
 	.step = walk_step,
 };
""",
        """
>>> tree mm/other.c
static int other_begin(struct walk *walk, int from)
{
	return 0;
}
static const struct walk_ops other_ops = {
	.begin = other_begin,
};
>>> tree mm/fine.c
static int fine_begin(struct walk *walk)
{
	return 0;
}
static const struct walk_ops fine_ops = {
	.begin = fine_begin,
};
>>> patch mm: begin at the beginning
>>> file include/linux/walk.h
 struct walk_ops {
-	int (*begin)(struct walk *walk, int from);
+	int (*begin)(struct walk *walk); // want "'begin' of struct walk_ops has another type now, but mm/other.c still"
 };
>>> file mm/own.c
-	ops->begin(walk, 0);
+	ops->begin(walk);
""",
    ),
    good=(
        """
>>> tree include/linux/walk.h
struct walk_ops {
	int (*begin)(struct walk *walk, u32 from);
	irqreturn_t (*irq)(int irq, void *data);
	struct {
		int (*deep)(int depth);
	} more;
	walk_fn *other;
};
>>> patch mm: walk
>>> file mm/walk.c
 #include <linux/walk.h>
+static int walk_begin(struct walk *walk, unsigned int from)
+{
+	return 0;
+}
+static irqreturn_t walk_irq(int irq, void *data)
+{
+	return IRQ_HANDLED;
+}
+static int walk_deep(long one, int two)
+{
+	return 0;
+}
+static const struct walk_ops walk_ops = {
+	.begin = walk_begin,
+	.irq = walk_irq,
+	.more = {
+		.deep = walk_deep,
+	},
+	.other = walk_deep,
+};
""",
        """
>>> tree include/linux/walk.h
struct walk_ops {
#ifdef CONFIG_WALK
	int (*begin)(struct walk *walk);
#else
	int (*begin)(void);
#endif
};
>>> patch mm: walk
>>> file mm/walk.c
+#include <linux/walk.h>
+static int walk_begin(void)
+{
+	return 0;
+}
+#ifdef CONFIG_WALK_MORE
+static int walk_more(int more)
+{
+	return 0;
+}
+#endif
+static const struct walk_ops walk_ops[] = {
+	{ .begin = walk_begin },
+	{ .begin = walk_more },
+};
""",
        """
>>> tree mm/other.c
static int other_begin(struct walk *walk, int from)
{
	return 0;
}
static const struct other_ops other_ops = {
	.begin = other_begin,
};
>>> patch mm: begin at the beginning
>>> file include/linux/walk.h
 struct walk_ops {
-	int (*begin)(struct walk *walk, int from);
+	int (*begin)(struct walk *walk);
 };
>>> file mm/third.c
-static int third_begin(struct walk *walk, int from)
+static int third_begin(struct walk *walk)
 {
 	return 0;
 }
 static const struct walk_ops third_ops = {
 	.begin = third_begin,
 };
""",
    ),
)
