"""A function or macro is used before the patch of the series that introduces it."""

import re
from collections.abc import Iterator
from typing import Final

from patchscan.basics.keep import kept
from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence

THERE: Final = ("definition", "declaration", "local", "member")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first use in the patch of each name that only a later patch introduces."""
    first: dict[str, tuple[ChangedFile, int, Evidence, bool]] = {}
    later = dict(introduced_later(context))
    for file in context.c_files if later else ():
        for name in sorted(later.keys() & file.added_words.keys()):
            line = next((line for line in file.added_words[name] if is_use(file, line, name)), None)
            if line is not None:
                place, private = later[name]
                first.setdefault(name, (file, line, place, private and place.path == file.path))
    if context.has_tree and first:
        from patchscan.lookup.uses import look_ahead

        look_ahead(context.view, sorted(name for name in first if not first[name][3]))
    for name, (file, line, place, private) in first.items():
        yield judge(context, name, file, line, place, private)


def introduced_later(context: Context) -> Iterator[tuple[str, tuple[Evidence, bool]]]:
    """(name, (where it is introduced, whether only that file can use it)), of the first later patch."""
    known: set[str] = set()
    for other in context.later:
        for name, introduced in introduces(other):
            if name not in known:
                known.add(name)
                yield name, introduced


# Every earlier patch of the series asks.
@kept
def introduces(context: Context) -> tuple[tuple[str, tuple[Evidence, bool]], ...]:
    """The names that one patch introduces, as introduced_later() tells them."""
    found: list[tuple[str, tuple[Evidence, bool]]] = []
    number = context.patch.index
    for file, function in context.new_functions:
        private = function.is_static and file.path.endswith(".c")
        text = f"patch {number}: {file.text_at(function.name_line).strip()}"
        place = Evidence(file.path, file.patch_line(function.name_line), text)
        found.append((function.name, (place, private)))
    for file in context.c_files:
        for source in file.after if file.adds("define") else ():
            for macro in source.macros():
                if macro.line in file.added_numbers and is_new_macro(file, macro.name):
                    place = Evidence(
                        file.path, file.patch_line(macro.line), f"patch {number}: #define {macro.name}"
                    )
                    found.append((macro.name, (place, False)))
    return tuple(found)


def is_new_macro(file: ChangedFile, name: str) -> bool:
    """Whether no removed line defines the macro."""
    return not any(re.match(rf"\s*#\s*define\s+{name}\b", line.text) for line in file.removed)


def is_use(file: ChangedFile, line: int, name: str) -> bool:
    """Whether a line needs the name when it is compiled: no directive, no declaration, under no #if."""
    code = file.code_at(line)
    if code.lstrip().startswith("#") or file.code_at(line - 1).rstrip().endswith("\\"):
        return False
    head, _, rest = code.partition(name)
    if head.rstrip().endswith((".", "->", "struct", "union", "enum", "goto")):
        return False
    if not code[:1].isspace() and "(" not in head and rest.lstrip().startswith("("):
        return False
    return all(not source.conditions_at(line) for source in file.after if source.line_text(line))


def judge(
    context: Context, name: str, file: ChangedFile, line: int, place: Evidence, private: bool
) -> Finding | Silence:
    """A finding where nothing of that name is there at this patch."""
    if context.not_built_yet(file.path):
        return file.fine(line, f"nothing builds {file.path} before a later patch")
    if not private:
        if any(
            name in {each.name for _, each in other.new_functions} for other in (*context.earlier, context)
        ):
            return file.fine(line, f"an earlier patch brings a {name}, too")
        from patchscan.lookup.hunks import was_there

        if was_there(context, name):
            return file.fine(line, f"the lines around a change show {name}")
        if not context.has_tree:
            return file.fine(line, f"without a tree it is not known whether there is another {name}")
        # Only where no example is near is it worth a claim on the whole tree.
        from patchscan.lookup.uses import find_uses

        known = find_uses(context.view, name, whole=False).of_kind(*THERE)
        found = None if known else find_uses(context.view, name)
        if found is None or found.of_kind(*THERE) or not found.complete:
            return file.fine(line, f"there is a {name} at this patch")
    return file.finding(
        line,
        f"{name} is introduced only by {place.text.partition(':')[0]}: at this patch the tree does not build, "
        "and a bisection fails; change the order",
        (place,),
    )


RULE = Rule(
    name="bisect-order",
    summary="A function or macro is used before the patch of the series that introduces it",
    why=(
        "Every patch of a series must build and run, so that git bisect can stop at any of them. A function that "
        "comes two patches after its first caller breaks the build in between."
    ),
    source="Documentation/process/submitting-patches.rst (separate your changes: bisection)",
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree drivers/misc/other.c
int other;
>>> patch misc: add the first half
>>> file drivers/misc/first.c
+int example_first(int x)
+{
+	return example_second(x) + 1; // want "example_second is introduced only by patch 2"
+}
>>> file drivers/misc/Makefile
 obj-y += keba/
+obj-$(CONFIG_EXAMPLE) += example.o
+example-y := first.o
>>> patch misc: add the second half
>>> file drivers/misc/second.c
+int example_second(int x)
+{
+	return x * 2;
+}
>>> file drivers/misc/Makefile
 obj-y += keba/
 obj-$(CONFIG_EXAMPLE) += example.o
-example-y := first.o
+example-y := first.o second.o
""",
        """
>>> patch mm: skip empty lists
>>> file mm/example.c
 int walk(struct list *list)
 {
+	if (is_empty(list)) // want "is_empty is introduced only by patch 2"
+		return 0;
 	return count(list);
 }
>>> patch mm: tell empty lists
>>> file mm/example.c
+static bool is_empty(struct list *list)
+{
+	return !list->first;
+}
+
 int walk(struct list *list)
 {
 	if (is_empty(list))
 		return 0;
 	return count(list);
 }
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: limit walks
>>> file mm/example.c
 int walk(struct list *list)
 {
-	return count(list);
+	return min(count(list), MOST_ENTRIES); // want "MOST_ENTRIES is introduced only by patch 2"
 }
>>> patch mm: say how many
>>> file include/linux/example.h
+#define MOST_ENTRIES 16
""",
    ),
    good=(
        """
>>> tree drivers/misc/other.c
int other;
>>> patch misc: add the first half
>>> file drivers/misc/example/first.c
+int example_first(int x)
+{
+	return example_second(x) + 1;
+}
>>> patch misc: add the second half
>>> file drivers/misc/example/second.c
+int example_second(int x)
+{
+	return x * 2;
+}
>>> patch misc: build both
>>> file drivers/misc/example/Makefile
+obj-$(CONFIG_EXAMPLE) += example.o
+example-y := first.o second.o
>>> file drivers/misc/Makefile
 obj-y += keba/
+obj-$(CONFIG_EXAMPLE) += example/
""",
        """
>>> tree drivers/misc/other.c
int other;
>>> patch misc: add the first half, with a Makefile that nothing reads yet
>>> file drivers/misc/example/first.c
+int example_first(int x)
+{
+	return example_second(x) + 1;
+}
>>> file drivers/misc/example/Makefile
+obj-$(CONFIG_EXAMPLE) += first.o second.o
>>> patch misc: add the second half, and enter the directory
>>> file drivers/misc/example/second.c
+int example_second(int x)
+{
+	return x * 2;
+}
>>> file drivers/misc/Makefile
 obj-y += keba/
+obj-$(CONFIG_EXAMPLE) += example/
""",
        """
>>> patch mm: keep the limit
>>> file mm/example.c
 int walk(struct list *list)
 {
+	int limit = list->limit;
+
+	return min(count(list), limit);
 }
>>> patch mm: tell the limit
>>> file mm/second.c
+int limit(struct list *list)
+{
+	return list->limit;
+}
""",
        """
>>> patch mm: tell empty lists
>>> file mm/example.c
+static bool is_empty(struct list *list)
+{
+	return !list->first;
+}
>>> patch mm: skip empty lists
>>> file mm/second.c
 int walk(struct list *list)
 {
+	if (is_empty(list))
+		return 0;
 	return count(list);
 }
""",
        """
>>> tree include/asm-generic/list.h
static inline bool is_empty(struct list *list)
{
	return !list->first;
}
>>> patch mm: skip empty lists
>>> file mm/example.c
 int walk(struct list *list)
 {
+	if (is_empty(list))
+		return 0;
 	return count(list);
 }
>>> patch x86: be quick to tell empty lists
>>> file arch/x86/include/asm/list.h
+#define is_empty is_empty
+static inline bool is_empty(struct list *list)
+{
+	return !list->first;
+}
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: skip empty lists
>>> file mm/example.c
+bool is_empty(struct list *list);
+/* is_empty() is quick. */
 int walk(struct list *list)
 {
+#ifdef CONFIG_SKIP
+	if (is_empty(list))
+		return 0;
+#endif
 	return count(list->is_empty);
 }
>>> patch mm: tell empty lists
>>> file mm/second.c
+bool is_empty(struct list *list)
+{
+	return !list->first;
+}
""",
    ),
)
