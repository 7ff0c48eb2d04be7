"""After a patch the prototype of a function and its definition have other parameters."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.stated import Stated


PROTOTYPE = pattern(r"^[A-Za-z_][^;{}()]*\([^;{}]*\)[^;{}()]*;", re.MULTILINE)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every prototype and definition that the patch changes."""
    if context.view.tree is None and not (context.all and shows_prototype(context.all[0])):
        return
    for file in context.c_files:
        if not file.adds("(", ")", ","):
            continue
        for each in changed(file):
            partner = in_file(file, each) or (None if each.static else elsewhere(context, file, each))
            if partner is not None:
                yield finding(context, file, each, partner)


@kept
def shows_prototype(first: Context) -> bool:
    """Whether the C files of a series show a prototype, without which nothing contradicts a definition."""
    return any(
        PROTOTYPE.search(source.text.decode("latin-1"))
        for other in first.all
        for file in other.c_files
        for source in (*file.before, *file.after)
    )


def changed(file: ChangedFile) -> "list[Stated]":
    """The declarations with a line that the patch adds, and that it does not only move."""
    from patchscan.c.filelevel import statements
    from patchscan.lookup.stated import read

    found = []
    for source in file.after:
        for statement in statements(source.repaired or source.text):
            line = source.line_at(max(statement.name_start, 0))
            # A parameter list of more lines than these has its name on a line of the hunk.
            if not file.added_numbers.isdisjoint(range(line, line + 3)):
                each = read(source, statement)
                if each is not None and is_changed(file, each):
                    found.append(each)
    return found


def is_changed(file: ChangedFile, each: "Stated") -> bool:
    """Whether the patch adds the line with the name, or one of the next two with parameters."""
    below = range(each.line + 1, each.line + 1 + len(each.signature.parameters))[:2]
    return each.line in file.added_numbers or any(
        line in file.added_numbers and not file.code_at(line)[:1].isalpha() for line in below
    )


def in_file(file: ChangedFile, each: "Stated") -> "tuple[Evidence, Stated] | None":
    """Another declaration in the same text that contradicts one."""
    from patchscan.lookup.stated import stated

    for source in file.after:
        for other in stated(source, each.name):
            plain = not source.conditions_at(other.line) and not source.conditions_at(each.line)
            if plain and other.kind != each.kind and other.signature.contradicts(each.signature):
                return file.evidence(other.line), other
    return None


def elsewhere(context: Context, file: ChangedFile, each: "Stated") -> "tuple[Evidence, Stated] | None":
    """What another file states of a function after this patch, where that contradicts it."""
    from patchscan.lookup.stated import stated, stated_in_tree

    in_series = [other for other in context.whole.files if other.path != file.path and other.is_c]
    for other in in_series:
        for source in other.after:
            if any(one.kind != each.kind for one in stated(source, each.name)):
                return None
    later = later_change(context, each)
    if later is not None:
        return later
    if file.used != "tree" or not context.has_tree:
        return None
    return stated_in_tree(context.view, file.path, each)


def later_change(context: Context, each: "Stated") -> "tuple[Evidence, Stated] | None":
    """The other side, where a later patch changes it from something that contradicts to what fits."""
    from patchscan.lookup.stated import stated

    for other in context.later:
        for file in other.c_files:
            old = None
            for source in file.before:
                for one in stated(source, each.name):
                    old = one if one.kind != each.kind else old
            if old is None or not old.signature.contradicts(each.signature):
                continue
            for source in file.after:
                for new in stated(source, each.name):
                    fits = new.kind == old.kind and not new.signature.contradicts(each.signature)
                    if fits and is_changed(file, new):
                        return Evidence(
                            file.path, file.patch_line(new.line), f"patch {other.patch.index} changes it"
                        ), old
    return None


def finding(
    context: Context, file: ChangedFile, each: "Stated", partner: "tuple[Evidence, Stated]"
) -> Finding:
    """What to say, with both counts."""
    place, other = partner
    mine, theirs = ("definition", "prototype") if each.kind == "function" else ("prototype", "definition")
    counts = len(each.signature.parameters), len(other.signature.parameters)
    how = f"{counts[0]} parameters, and its {theirs} {counts[1]}" if counts[0] != counts[1] else ""
    how = how or f"other types of parameters than its {theirs}"
    until = f": {place.text}, and until then a bisection fails" if place.text.startswith("patch ") else ""
    return file.finding(
        each.line,
        f"conflicting types for '{each.name}': its {mine} has {how} ({place.path}:{place.line}){until}",
        (place,),
    )


RULE = Rule(
    name="prototype-mismatch",
    summary="The prototype of a function and its definition have other parameters",
    why=(
        "The file does not compile where both are seen, and where the prototype is not, a call hands over what nobody "
        "takes. Every patch of a series must build, so both change in one."
    ),
    source="C11 6.7 paragraph 4; Documentation/process/submitting-patches.rst (each patch builds, for git bisect)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
>>> patch fs: give walk_begin() a control block
>>> file include/linux/walk.h
 struct control;
-int walk_begin(int from, int length);
+int walk_begin(struct control *control, int from, int length); // want "types for 'walk_begin': its prototype has 3 "
>>> patch fs: look at the control block
>>> file fs/walk.c
 /* begins */
-int walk_begin(int from, int length)
+int walk_begin(struct control *control, int from, int length)
 {
-	return from + length;
+	return control ? from : length;
 }
""",
        """
>>> tree include/linux/walk.h
int walk_begin(int from, int length);
>>> patch fs: another type
>>> file fs/walk.c
-int walk_begin(int from, int length)
+int walk_begin(struct control *from, int length) // want "types for 'walk_begin': its definition has other"
 {
 	return 0;
 }
-static int count(int from);
+static int count(void); // want "conflicting types for 'count': its prototype has 0 parameters"
 static int count(int from)
 {
 	return from;
 }
""",
    ),
    good=(
        """
>>> tree include/linux/walk.h
int walk_begin(int from, int length);
>>> patch fs: both
>>> file include/linux/walk.h
-int walk_begin(int from, int length);
+int walk_begin(struct control *control,
+	       int from, int length);
>>> file fs/walk.c
-int walk_begin(int from, int length)
+int walk_begin(struct control *iocb, int pos,
+	       int len)
 {
 	return 0;
 }
""",
        """
>>> tree include/linux/walk.h
#ifdef CONFIG_WALK
int walk_begin(int from, int length);
#else
static inline int walk_begin(int from, int length, int depth) { return 0; }
#endif
>>> tree arch/x86/walk.c
static int walk_end(int from)
{
	return 0;
}
>>> patch fs: walk
>>> file fs/walk.c
 int x;
+int walk_begin(walk_t from, int length, int more)
+{
+	return 0;
+}
+int walk_end(void)
+{
+	return 0;
+}
""",
        """
>>> tree include/linux/walk.h
int walk_begin(loff_t *from, u8 name[4], int (*step)(int), ...);
>>> patch fs: walk
>>> file fs/walk.c
-int walk_begin(loff_t *from, u8 *name, int step(int), ...)
+int walk_begin(loff_t *begin, u8 *name, int (*done)(int), ...)
 {
 	return 0;
 }
""",
    ),
)
