"""A function is visible to the whole kernel although only its own file uses it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.context import ChangedFile, Context
from patchscan.pattern import pattern
from patchscan.rule import Evidence, Finding, Rule, Silence
from patchscan.source import Function

if TYPE_CHECKING:
    from patchscan.tree.uses import Use, Uses

# They are reached by other ways than their name in C: from assembly tables, BPF, Rust, tests, or by overriding.
SPECIAL = pattern(
    r"\b(?:asmlinkage|__visible|__used|__weak|__bpf_kfunc\w*|VISIBLE_IF_KUNIT|__naked|__ref|SYSCALL_DEFINE\w*|"
    r"COMPAT_SYSCALL_DEFINE\w*|BPF_CALL_\d|__efistub\w*|__alias\w*|weak|alias)\b"
)
SPECIAL_NAME = pattern(r"main|rust_helper_\w*|arch_\w+|\w*_cfi_\w+|__x64_\w+|__ia32_\w+|trace_\w+|__pi_\w+")
DECLARES = pattern(r"^(?:[\w*]+\s+)+\**\w+\([^;{]*(?:;|,)?\s*$|^\s*(?:/?\*|//)")
EXPORT = pattern(r"^\s*EXPORT_SYMBOL\w*\s*\(\s*(\w+)")
USING = ("call", "address", "initialiser", "reference", "macro", "export")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every global function of a C file that the patch introduces, or whose export or `static` it takes away."""
    if not context.has_tree:
        return
    if context is context.all[0]:
        # One search answers for all patches.
        context.look_ahead({name for other in context.all for name in asked(other, new=False)})
        context.look_ahead({name for other in context.all for name in asked(other, new=True)}, whole=False)
    new = brought(context)
    for file, function, line in candidates(context):
        user = user_in_series(context, file.path, function.name)
        if user:
            yield file.fine(line, f"{user} uses {function.name}, too")
        else:
            yield judge(context, file, function, line, function.name in new)


def brought(context: Context) -> frozenset[str]:
    """The functions that no other file can know before the patch; a file that does not apply may hold them already."""
    found = [*context.new_functions, *no_longer_static(context)]
    return frozenset(function.name for file, function in found if file.used == "tree")


def asked(context: Context, new: bool) -> Iterator[str]:
    """The functions whose users in the tree must be known: those that the patch introduces, or all others."""
    introduced = brought(context)
    for file, function, _ in candidates(context):
        if (function.name in introduced) == new and not user_in_series(context, file.path, function.name):
            yield function.name


def candidates(context: Context) -> Iterator[tuple[ChangedFile, Function, int]]:
    """(file, function, line to speak at)."""
    found = [*context.new_functions, *no_longer_static(context)]
    named = [(file, function, function.name_line) for file, function in found]
    for file, function, line in [*named, *no_longer_exported(context)]:
        if (
            file.path.endswith(".c")
            and not function.is_static
            and not function.is_inline
            and not SPECIAL.search(function.header)
            and not SPECIAL_NAME.fullmatch(function.name)
        ):
            yield file, function, line


def no_longer_static(context: Context) -> Iterator[tuple[ChangedFile, Function]]:
    """Functions that other files could not call before the patch."""
    for file in context.c_files:
        if any("static" in line.text for line in file.removed):
            for function in file.functions:
                head = range(function.first_line, function.name_line + 1)
                if function.has_head and not function.is_static and file.added_numbers.intersection(head):
                    before = file.before_of(function.name)
                    if before is not None and before.is_static:
                        yield file, function


def no_longer_exported(context: Context) -> Iterator[tuple[ChangedFile, Function, int]]:
    """Functions that lose their export; the line is that which now stands in its place."""
    added = {
        match[1] for file in context.c_files for line in file.added if (match := EXPORT.match(line.text))
    }
    for file in context.c_files:
        names = {match[1] for line in file.removed if (match := EXPORT.match(line.text))} - added
        # Head and end may stand in two hunks.
        pieces = [each for source in file.after for each in source.functions() if each.name in names]
        ends = {piece.name: piece.last_line for piece in pieces if piece.has_tail}
        for piece in pieces:
            if piece.has_head:
                yield file, piece, ends.get(piece.name, piece.name_line)


def user_in_series(context: Context, path: str, name: str) -> str:
    """Another file that the series changes and that uses a function; "" where none does."""
    from patchscan.tree.occurrences import occurrences

    for other, content in sorted(context.final.changed.items()):
        if other == path or not content or not other.endswith((".c", ".h", ".S")):
            continue
        if name.encode() in content and any(use.kind in USING for use in occurrences(content, name, other)):
            return other
    word = re.compile(rf"\b{re.escape(name)}\b")
    hunks = (file for each in context.all for file in each.files if file.used == "hunk" and file.path != path)
    return next((file.path for file in hunks if mentions(file, word)), "")


def mentions(file: ChangedFile, word: "re.Pattern[str]") -> bool:
    """Whether the hunks of a file that does not apply use a word, other than to declare it."""
    lines = (line.text for hunk in file.change.hunks for line in hunk.lines if line.kind != "-")
    return any(word.search(line) and not DECLARES.match(line) for line in lines)


def judge(context: Context, file: ChangedFile, function: Function, line: int, new: bool) -> Finding | Silence:
    """A finding where all users are known and stand in the file.

    What is new has users in the series only, unless it is one version of what others have, too; then a header
    that the series does not touch declares it.
    """
    found = context.uses(function.name, whole=False)
    known = first_known(context, elsewhere(found, file.path), new)
    if known is None and not new:
        # Only now is it a claim on the whole tree.
        found = context.uses(function.name)
        known = first_known(context, elsewhere(found, file.path), new)
    if known is not None:
        return file.fine(line, f"{known.path}:{known.line} knows {function.name}, too")
    if not (found.complete or new):
        return file.unchecked(line, f"who uses {function.name} is not known: {found.why}")
    inside = [
        use
        for use in found.uses
        if use.path == file.path and use.kind in USING and use.function != function.name
    ]
    exported = any(use.kind == "export" for use in inside)
    if not any(use.kind != "export" for use in inside):
        return file.fine(line, f"nobody uses {function.name} at all")
    declared = [use for use in elsewhere(found, file.path) if use.kind == "declaration"]
    also = " and ".join(["export"] * exported + ["declaration in the header"] * bool(declared))
    return file.finding(
        line,
        f"only this file uses {function.name}(): make it static" + (f", without the {also}" if also else ""),
        tuple(Evidence(use.path, use.line, use.text) for use in declared[:3]),
        severity="info" if context.series.missing else "",
        # What is exported or declared elsewhere takes more than one word.
        fix=None if also else with_static(file, function, line),
    )


def elsewhere(found: "Uses", path: str) -> "list[Use]":
    """The uses in other files."""
    # Where the name is static, another function is meant.
    apart = {use.path for use in found.uses if use.kind == "definition" and "static" in use.text.split()}
    return [use for use in found.uses if use.path not in {path, *apart}]


def first_known(context: Context, others: "list[Use]", new: bool) -> "Use | None":
    """The first use in another file that shows that the function is not only of its own."""
    touched = {each.path for other in context.all for each in other.files}
    return next(
        (use for use in others if use.kind in (*USING, "definition") or (new and use.path not in touched)),
        None,
    )


def with_static(file: ChangedFile, function: Function, line: int) -> str | None:
    """The fix where type and name stand on one line."""
    if not line == function.first_line == function.name_line:
        return None
    return file.replacement(line, line, f"static {file.text_at(line)}")


RULE = Rule(
    name="should-be-static",
    summary="A function is global although only its own file uses it",
    why=(
        "A static function can be inlined and warns when it loses its last caller, and its name cannot clash. A "
        "declaration in a header tells readers that somebody else calls it."
    ),
    source=(
        'Documentation/process/4.Coding.rst; gcc -Wmissing-prototypes (W=1); reviews of "of/address: Add '
        'infrastructure to declare MMIO as non-posted" (is this needed outside? if not, make it static) and of '
        '"vfio/ccw: replace vfio_init_device with _alloc_" (should be made static as well)'
    ),
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree mm/Makefile
obj-y += walk.o other.o
>>> tree mm/other.c
static int walk_one(char *name)
{
	return *name;
}

int other(char *name)
{
	return walk_one(name);
}
>>> patch mm: walk
>>> file mm/walk.c
+int walk_one(int depth) // want "only this file uses walk_one"
+{
+	return depth;
+}
+
+int walk(void)
+{
+	return walk_one(0);
+}
 
 int other(char *name);
""",
        """
>>> tree mm/Makefile
obj-y += walk.o
>>> patch mm: prepare the walk for others
>>> file mm/walk.c
-static int walk_one(int depth)
+int walk_one(int depth) // want "only this file uses walk_one"
 {
 	return depth;
 }
 
 int walk(void)
 {
 	return walk_one(0);
 }
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: walk in a function
>>> file mm/example.c
+int walk(struct list *list) // want "only this file uses walk.*make it static$"
+{
+	return count(list);
+}
+
 void user(struct list *list)
 {
-	count(list);
+	walk(list);
 }
""",
        """
>>> tree include/linux/walk.h
int walk(struct list *list);
>>> patch mm: nobody else walks any more
>>> file mm/example.c
 int walk(struct list *list)
 {
 	return count(list);
 } // want "without the declaration in the header"
-EXPORT_SYMBOL_GPL(walk);
 void user(struct list *list)
 {
 	walk(list);
 }
""",
    ),
    good=(
        """
>>> tree mm/Makefile
obj-y += walk.o count.o
>>> patch mm: let the counter walk, too
>>> file mm/walk.c
-static int walk_one(int depth)
+int walk_one(int depth)
 {
 	return depth;
 }
 
 int walk(void)
 {
 	return walk_one(0);
 }
>>> patch mm: count
>>> file mm/count.c
+int count(void)
+{
+	return walk_one(1);
+}
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: walk in a function
>>> file mm/example.c
+int walk(struct list *list)
+{
+	return count(list);
+}
+
 void user(struct list *list)
 {
-	count(list);
+	walk(list);
 }
>>> patch mm: walk elsewhere, too
>>> file mm/second.c
 void second(struct list *list)
 {
-	count(list);
+	walk(list);
 }
""",
        """
>>> tree arch/x86/entry.S
	call walk
>>> patch mm: walk in a function
>>> file mm/example.c
+int walk(struct list *list)
+{
+	return count(list);
+}
+
 void user(struct list *list)
 {
-	count(list);
+	walk(list);
 }
""",
        """
>>> tree mm/other.c
#define walk_all(list) walk(list)
>>> tree mm/third.c
__weak int run(void)
{
	return 0;
}
>>> patch mm: walk in a function
>>> file mm/example.c
+static int count(struct list *list)
+{
+	return run();
+}
+
+asmlinkage int walk_from_entry(struct list *list)
+{
+	return count(list);
+}
+
+int walk(struct list *list)
+{
+	return walk_from_entry(list);
+}
+
+int run(void)
+{
+	return walk(NULL);
+}
""",
        """
 int walk(struct list *list)
 {
 	return count(list);
 }
+int run(void)
+{
+	return walk(NULL);
+}
""",
    ),
)
