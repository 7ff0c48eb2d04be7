"""A function is introduced that nothing uses, or that only a later patch of the series uses."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.uses import Uses

# They are used by the linker, assembly, BPF or tests, or on purpose by nobody.
SPECIAL = pattern(
    r"\b(?:__maybe_unused|__always_unused|__used|__visible|asmlinkage|__weak|__bpf_kfunc\w*|\w*SYSCALL_DEFINE\w*|"
    r"BPF_CALL_\d|BPF_PROG\w*|__section|__alias\w*|SEC|KUNIT\w*|VISIBLE_IF_KUNIT|\w*TEST\w*)\b"
)
EXPORT = pattern(r"\s*EXPORT_\w*SYMBOL")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every function that the patch introduces. Whatever uses a new function stands on an added line."""
    from patchscan.lookup.pasted import may_be_built, pasted_words

    unused: list[tuple[ChangedFile, Function]] = []
    pasted: dict[str, frozenset[str] | None] = {}
    for file, function in by_name(context):
        if SPECIAL.search(function.header) or function.name.isupper() or not function.whole:
            continue
        users = sorted(users_of(context, function))
        if users and users[0] <= context.patch.index:
            yield file.fine(function.name_line, f"patch {users[0]} uses {function.name}()")
        elif users and context.not_built_yet(file.path):
            yield file.fine(function.name_line, f"nothing builds {file.path} before a later patch")
        elif users:
            yield later(file, function, users[0])
        else:
            if file.path not in pasted:
                pasted[file.path] = pasted_words(context, file)
            if may_be_built(file, function.name, pasted[file.path]):
                yield file.fine(function.name_line, f"a macro may build the name {function.name}")
            else:
                unused.append((file, function))
    yield from never(context, unused)


def by_name(context: Context) -> tuple[tuple[ChangedFile, Function], ...]:
    """The new functions, one of each name: stubs and the versions of architectures are one with it."""
    found: dict[str, tuple[ChangedFile, Function]] = {}
    for file, function in context.new_functions:
        if function.name not in found or found[function.name][1].is_inline:
            found[function.name] = (file, function)
    return tuple(found.values())


def users_of(context: Context, function: Function) -> Iterator[int]:
    """The patches that use a function on a line they add; the function itself and declarations do not count."""
    from patchscan.lookup.pasted import adding

    name = function.name
    for patch, file in adding(context, name):
        own = [each for each in file.functions if each.name == name] if file.is_c else []
        if any(
            not any(each.first_line <= line <= each.last_line for each in own)
            and not is_declaration(file.text_at(line), name)
            for line in file.added_words[name]
        ):
            yield patch


def is_declaration(text: str, name: str) -> bool:
    """Whether a line only speaks of a function: an export, a prototype at the first column."""
    head, _, rest = text.partition(name)
    at_file_level = not head[:1].isspace() and not head.startswith("#") and "(" not in head
    return EXPORT.match(text) is not None or (at_file_level and rest.lstrip().startswith("("))


def later(file: ChangedFile, function: Function, patch: int) -> Finding | Silence:
    """What is said of a function that waits for its first user; a static one makes the compiler complain."""
    if function.is_static and not function.is_inline and file.path.endswith(".c"):
        return file.finding(
            function.name_line,
            f"{function.name}() is static and used only from patch {patch} on: until then the compiler warns, and "
            "with CONFIG_WERROR a bisection fails; introduce it with its first user",
        )
    return file.fine(function.name_line, f"patch {patch} uses {function.name}()")


def is_included(context: Context, file: ChangedFile, path: str) -> bool:
    """Whether another C file includes this one, and has its static functions."""
    name = re.escape(file.path.rpartition("/")[2].encode())
    text = context.final.read(path) if path.endswith(".c") and path != file.path else None
    return text is not None and re.search(rb'#[ \t]*include[ \t]+"(?:[^"]*/)?%s"' % name, text) is not None


def never(context: Context, unused: list[tuple[ChangedFile, Function]]) -> Iterator[Finding | Silence]:
    """What is said of functions that no patch of the series uses."""
    from patchscan.lookup.pasted import may_be_included

    unknown = []
    for file, function in unused:
        if context.series.missing:
            yield file.fine(function.name_line, f"the patch that uses {function.name}() may be missing here")
        elif compiled_out(function):
            yield file.fine(function.name_line, f"{function.name}() is under #if 0")
        elif function.is_static and not function.is_inline and file.path.endswith(".c"):
            if not context.has_tree and may_be_included(context, file):
                yield file.unchecked(
                    function.name_line, f"without a tree, a file that is not here may use {function.name}()"
                )
                continue
            # A header of templates, or a C file that includes this one, may use it.
            near = context.uses(function.name, whole=False).uses if context.has_tree else ()
            # A tree that holds the series may have its users, too.
            held = context.fit.verdict == "there"
            if any(
                (use.path != file.path or (held and use.function != function.name))
                and (use.kind in ("call", "address", "macro") or is_included(context, file, use.path))
                for use in near
            ):
                yield file.fine(function.name_line, f"something else in the tree may use {function.name}()")
                continue
            yield file.finding(
                function.name_line, f"nothing uses {function.name}(): leave it out until something does"
            )
        elif is_exported(context, function.name):
            yield file.fine(
                function.name_line, f"{function.name} is exported: unneeded-export asks for its users"
            )
        elif not context.has_tree:
            yield file.fine(function.name_line, f"without a tree the users of {function.name} are not known")
        elif context.not_claimed:
            yield file.unchecked(function.name_line, context.not_claimed)
        else:
            unknown.append((file, function))
    context.look_ahead({function.name for _, function in unknown})
    for file, function in unknown:
        # Only where no example is near is it worth a claim on the whole tree.
        known = is_known(context.uses(function.name, whole=False), file, function)
        found = None if known else context.uses(function.name)
        if found is None or is_known(found, file, function) or not found.complete:
            yield file.fine(function.name_line, f"{function.name} has users in the tree, or other versions")
        else:
            yield file.finding(
                function.name_line,
                f"nothing in the series or {context.the_tree} uses {function.name}(): "
                "leave it out until something does",
                severity="info" if function.is_inline else "",
            )


def is_known(found: "Uses", file: ChangedFile, function: Function) -> bool:
    """Whether one of the uses of its name needs a function, or another file has a version of it."""
    return any(
        use.path != file.path
        if use.kind == "definition"
        else use.kind not in ("declaration", "comment", "string") and use.function != function.name
        for use in found.uses
    )


def compiled_out(function: Function) -> bool:
    """Whether a function stands under #if 0."""
    conditions = function.source.conditions_at(function.name_line)
    return any(each.expression.strip() == "0" and not each.negated for each in conditions)


def is_exported(context: Context, name: str) -> bool:
    """Whether the series exports a symbol."""
    return f"({name}" in exports(context)


@kept
def exports(context: Context) -> str:
    """The lines that the series adds on which something is exported."""
    added = (line.text for other in context.all for file in other.files for line in file.added)
    return "\n".join(text for text in added if "EXPORT_" in text)


RULE = Rule(
    name="unused-symbol",
    summary="A function is introduced that nothing uses, or only a later patch of the series",
    why=(
        "Code without a user cannot be tested or reviewed for what it is meant to do, and is removed sooner or "
        "later. A static function without a caller makes the compiler warn; with CONFIG_WERROR, which "
        "allmodconfig sets, the build fails at that patch."
    ),
    source=(
        "Documentation/process/4.Coding.rst (no unused code); Documentation/process/submitting-patches.rst "
        "(separate your changes: each patch builds without warnings); gcc -Wunused-function"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
 int last;
 
+static int batch(int wanted) // want "nothing uses batch"
+{
+	return wanted > 16 ? 16 : wanted;
+}
""",
        """
>>> patch mm: count
>>> file mm/count.c
+#include <linux/mm.h>
+
+static int count(int wanted) // want "nothing uses count"
+{
+	return wanted;
+}
+
+static int start(void)
+{
+	return 0;
+}
+late_initcall(start);
""",
        """
>>> patch mm: add helpers
>>> file mm/example.c
+static int batch(int wanted) // want "only from patch 2 on: until then the compiler warns"
+{
+	return wanted > 16 ? 16 : wanted;
+}
+
+/* More than batch() gives. */
+int more(int wanted)
+{
+	return wanted * 2;
+}
>>> patch mm: use them
>>> file mm/other.c
 int other(void)
 {
+	more(3);
 	return 0;
 }
>>> file mm/example.c
 int last(void)
 {
+	batch(3);
 	return 0;
 }
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: add a helper
>>> file include/linux/example.h
+int more(int wanted);
>>> file mm/example.c
+int more(int wanted) // want "nothing in the series or .* tree uses more"
+{
+	return wanted ? more(wanted - 1) : 2;
+}
""",
    ),
    good=(
        """
>>> tree drivers/net/around.c
#include "core.c"
static const struct port_ops around_ops = {
	.open = core_open,
};
>>> patch net: share code
>>> file drivers/net/core.c
+static int core_open(struct port *port)
+{
+	return 0;
+}
""",
        """
+static int batch(int wanted)
+{
+	return wanted > 16 ? 16 : wanted;
+}
+
+static int __maybe_unused spare(void)
+{
+	return 0;
+}
+
 int last(void)
 {
-	return 0;
+	return batch(3);
 }
""",
        """
+static ssize_t speed_show(struct device *dev, struct device_attribute *attr, char *text)
+{
+	return 0;
+}
+static DEVICE_ATTR_RO(speed);
+
+static int start(void)
+{
+	return 0;
+}
+module_init(start);
""",
        """
+static ssize_t id_show(struct device *dev, struct device_attribute *attr, char *text)
+{
+	return 0;
+}
+static DEVICE_ATTR_RO(id);
+
+#if 0
+static int later(void)
+{
+	return 0;
+}
+#endif
""",
        """
>>> patch mm: keep the two ways to fetch in one template
>>> file mm/fetch.c
+#include "fetch_template.h"
+
+static int fetch_one(void *to, const void *from)
+{
+	return copy(to, from);
+}
+
+int fetch_init(void)
+{
+	return 0;
+}
+early_initcall(fetch_init);
>>> file mm/chunks.c
+/* Included by pages.c. */
+static int get_chunk(struct chunk *chunk)
+{
+	return 0;
+}
""",
        """
>>> tree mm/other.c
int __weak arch_more(void)
{
	return 0;
}
>>> patch x86: have more
>>> file arch/x86/mm/more.c
+int arch_more(void)
+{
+	return 1;
+}
""",
        """
-static int batch(int wanted)
-{
-	return wanted > 16 ? 16 : wanted;
-}
 int x;
+static int batch(int wanted)
+{
+	return wanted > 16 ? 16 : wanted;
+}
""",
    ),
)
