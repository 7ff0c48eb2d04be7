"""A function or variable is visible to the whole kernel although only its own file uses it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Fix, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.uses import Use, Uses

# They are reached by other ways than their name in C: from assembly tables, BPF, Rust, tests, or by overriding.
SPECIAL = pattern(
    r"\b(?:asmlinkage|__visible|__used|__weak|__bpf_kfunc\w*|VISIBLE_IF_KUNIT|__naked|__ref|SYSCALL_DEFINE\w*|"
    r"COMPAT_SYSCALL_DEFINE\w*|BPF_CALL_\d|__efistub\w*|__alias\w*|weak|alias)\b"
)
SPECIAL_NAME = pattern(r"main|rust_helper_\w*|arch_\w+|\w*_cfi_\w+|__x64_\w+|__ia32_\w+|trace_\w+|__pi_\w+")
DECLARES = pattern(r"^(?:[\w*]+\s+)+\**\w+\([^;{]*(?:;|,)?\s*$|^\s*(?:/?\*|//)")
# The definition of a variable on a line of its own, at the margin; what macros of other names define is not known.
VARIABLE = pattern(
    r"(?!(?:static|extern|typedef|return|goto|else|asm)\b|(?:struct|union|enum)\s+\w+\s*;)"
    r"(?:(?:const|volatile|unsigned|signed|struct|enum|union)\s+)*[a-z_]\w*(?:\s+(?:const|long|int|char|short))*[\s*]+"
    r"([a-z_]\w*)(?:\[[^\]]*\])*(?:\s+__\w+)*\s*(?:=.*|;\s*)"
)
DEFINES_VARIABLE = pattern(
    r"(?:DEFINE_(?:MUTEX|SPINLOCK|RAW_SPINLOCK|RWLOCK|SEMAPHORE|IDA|IDR|XARRAY)|DECLARE_RWSEM|LIST_HEAD|HLIST_HEAD|"
    r"DECLARE_WAIT_QUEUE_HEAD|DECLARE_COMPLETION)\((\w+)\b.*;\s*"
)
EXPORT = pattern(r"^\s*EXPORT_SYMBOL\w*\s*\(\s*(\w+)")
STATIC = pattern(r"\bstatic\b(?:[^(\n]*?\b(\w+)\s*\()?")
CALLED = pattern(r"\b(\w+)\s*\(")
TWO_NAMES = pattern(r"[a-zA-Z_]\w*[\s*]+\w")
USING = ("call", "address", "initialiser", "reference", "macro", "export")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every global function of a C file that the patch introduces, or whose export or `static` it takes away."""
    if not context.has_tree:
        yield from in_new_files(context)
        return
    if context is context.all[0]:
        # One search answers for all patches.
        context.look_ahead(
            {name for other in context.all for new in (False, True) for name in asked(other, new=new)}
        )
    new = brought(context)
    for file, name, shown, line in candidates(context):
        user = user_in_series(context, file.path, name)
        if user:
            yield file.fine(line, f"{user} uses {name}, too")
        else:
            yield judge(context, file, name, shown, line, name in new)


def in_new_files(context: Context) -> Iterator[Finding | Silence]:
    """What can be said without a tree: who knows a constant of a new file must be in the series.

    Of a function that is not so: a header that is not at hand may declare it, for each architecture to define.
    """
    for file in context.c_files:
        if not file.path.endswith(".c") or file.change.kind != "create" or file.state.after is None:
            continue
        for line in sorted(file.added_numbers):
            text = file.code_at(line)
            found = VARIABLE.fullmatch(text) if "const" in text.split() and "=" in text else None
            if found is None or SPECIAL.search(text) or not at_file_scope(file, line):
                continue
            user = user_in_series(context, file.path, found[1])
            if user:
                yield file.fine(line, f"{user} uses {found[1]}, too")
            elif context.series.missing:
                yield file.fine(line, f"a patch that uses {found[1]} may be missing here")
            elif context.fit.verdict == "there":
                yield file.unchecked(line, f"no kernel tree: the users of {found[1]} are not known")
            elif len(file.added_words[found[1]]) > 1:
                message = f"only this file uses the variable {found[1]}: make it static"
                yield file.finding(line, message, fix=with_static(file, line))


def brought(context: Context) -> frozenset[str]:
    """The names that no other file can know before the patch; a file that does not apply may hold them already."""
    functions = [*context.new_functions, *no_longer_static(context)]
    names = {function.name for file, function in functions if file.used == "tree"}
    return frozenset(names.union(name for _, name, _ in variables(context)))


def asked(context: Context, new: bool) -> Iterator[str]:
    """The names whose users in the tree must be known: those that the patch introduces, or all others."""
    introduced = brought(context)
    for file, name, _, _ in candidates(context):
        if (name in introduced) == new and not user_in_series(context, file.path, name):
            yield name


def candidates(context: Context) -> Iterator[tuple[ChangedFile, str, str, int]]:
    """(file, name, the same in words, line to speak at)."""
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
            yield file, function.name, f"{function.name}()", line
    yield from ((file, name, f"the variable {name}", line) for file, name, line in variables(context))


def no_longer_static(context: Context) -> Iterator[tuple[ChangedFile, Function]]:
    """Functions that other files could not call before the patch."""
    for file in context.c_files:
        lost = {*STATIC.findall("\n".join(line.text for line in file.removed))}
        bare = "\n".join(line.text for line in file.added if "static" not in line.text)
        if "" in lost or not lost.isdisjoint(CALLED.findall(bare)):
            for function in file.functions:
                head = range(function.first_line, function.name_line + 1)
                if function.has_head and not function.is_static and file.added_numbers.intersection(head):
                    before = file.before_of(function.name)
                    if before is not None and before.is_static:
                        yield file, function


def variables(context: Context) -> Iterator[tuple[ChangedFile, str, int]]:
    """(file, name, line) of the global variables that the patch brings to C files, or takes `static` from."""
    for file in context.c_files:
        if not file.path.endswith(".c") or file.used != "tree":
            continue
        for line in sorted(file.added_numbers):
            text = "" if file.shown.get(file.patch_line(line), "x")[:1].isspace() else file.code_at(line)
            found = VARIABLE.fullmatch(text) or DEFINES_VARIABLE.fullmatch(text)
            if not found or SPECIAL.search(text) or not at_file_scope(file, line) or file.was_there(line):
                continue
            if not is_only_set(file, found[1], line):
                yield file, found[1], line


def is_only_set(file: ChangedFile, name: str, line: int) -> bool:
    """Whether a file sets a variable and never reads it: so that the compiler keeps what it is set to, as a rule."""
    sets = re.compile(rf"(?:(?!\b{name}\b).)*\b{name}\s*=[^=](?:(?!\b{name}\b).)*")
    numbered = (each for source in file.after for each in source.numbered())
    texts = [text for number, _, text in numbered if number != line and re.search(rf"\b{name}\b", text)]
    return bool(texts) and all(map(sets.fullmatch, texts))


def at_file_scope(file: ChangedFile, line: int) -> bool:
    """Whether a line stands outside functions, types and macros, by the end of the code before it."""
    if any(source.function_at(line) is not None for source in file.after):
        return False
    before = (file.code_at(number).rstrip() for number in range(line - 1, 0, -1))
    last = next((text for text in before if text.strip()), ";")
    return last.endswith((";", "}", ")")) or (last.lstrip().startswith("#") and not last.endswith("\\"))


def no_longer_exported(context: Context) -> Iterator[tuple[ChangedFile, Function, int]]:
    """Functions that lose their export; the line is that which now stands in its place."""
    added = {
        match[1] for file in context.c_files for line in file.added if (match := EXPORT.match(line.text))
    }
    for file in context.c_files:
        names = {match[1] for line in file.removed if (match := EXPORT.match(line.text))} - added
        # Head and end may stand in two hunks.
        sources = file.after if names else ()
        pieces = [each for source in sources for each in source.functions() if each.name in names]
        ends = {piece.name: piece.last_line for piece in pieces if piece.has_tail}
        for piece in pieces:
            if piece.has_head:
                yield file, piece, ends.get(piece.name, piece.name_line)


def user_in_series(context: Context, path: str, name: str) -> str:
    """Another file that the series changes and that uses a function; "" where none does."""
    from patchscan.c.occurrences import occurrences

    for other, content in sorted(context.final.changed.items()):
        if other == path or not content or not other.endswith((".c", ".h", ".S")):
            continue
        if name.encode() in content and any(use.kind in USING for use in occurrences(content, name, other)):
            return other
    word = re.compile(rf"\b{re.escape(name)}\b")
    return next((file.path for file in context.not_applied if file.path != path and mentions(file, word)), "")


def mentions(file: ChangedFile, word: "re.Pattern[str]") -> bool:
    """Whether the hunks of a file that does not apply use a word, other than to declare it."""
    lines = (line.text for hunk in file.change.hunks for line in hunk.lines if line.kind != "-")
    return any(word.search(line) and not DECLARES.match(line) for line in lines)


def judge(
    context: Context, file: ChangedFile, name: str, shown: str, line: int, new: bool
) -> Finding | Silence:
    """A finding where all users are known and stand in the file.

    What is new has users in the series only, unless it is one version of what others have, too; then a header
    that the series does not touch declares it.
    """
    found = context.uses(name, whole=False)
    known = first_known(context, elsewhere(found, file.path), new)
    # The file itself is known exactly.
    inside = [
        use for use in found.uses if use.path == file.path and use.kind in USING and use.function != name
    ]
    # Where a file is known by its hunks alone, the tree's may be that of a later state.
    if file.used == "tree" and declared_static(found, file.path):
        return file.fine(line, f"a prototype before it makes {name} static")
    if (
        known is None
        and all(use.kind == "export" for use in inside)
        and (inside or not named_by_macro(context, file, name))
    ):
        return file.fine(line, f"{file.path} does not use {name} itself")
    if known is None and not new:
        # Only now is it a claim on the whole tree.
        found = context.uses(name)
        known = first_known(context, elsewhere(found, file.path), new)
    if known is not None:
        return file.fine(line, f"{known.path}:{known.line} knows {name}, too")
    if context.not_claimed and not new:
        return file.unchecked(line, context.not_claimed)
    if not (found.complete or new):
        return file.unchecked(line, f"who uses {name} is not known: {found.why}")
    where = "" if new or context.the_tree == "the tree" else f" in {context.the_tree}"
    exported = any(use.kind == "export" for use in inside)
    declared = [use for use in elsewhere(found, file.path) if use.kind == "declaration"]
    also = " and ".join(["export"] * exported + ["declaration in the header"] * bool(declared))
    ahead = is_declared_ahead(file, name)
    return file.finding(
        line,
        f"only this file uses {shown}{where}: make it static"
        + (f", without the {also}" if also else ", and its declaration above, too" if ahead else ""),
        tuple(Evidence(use.path, use.line, use.text) for use in declared[:3]),
        severity="info" if context.series.missing else "",
        confidence="low" if context.series.missing else "",
        # What is exported or declared elsewhere takes more than one word.
        fix=None if also or ahead else with_static(file, line),
    )


def is_declared_ahead(file: ChangedFile, name: str) -> bool:
    """Whether the file itself declares the function, and not as static."""
    from patchscan.c.occurrences import occurrences

    uses = (use for source in file.after for use in occurrences(source.text, name, file.path))
    return any(use.kind == "declaration" and "static" not in use.text.split() for use in uses)


def declared_static(found: "Uses", path: str) -> bool:
    """Whether a prototype in the file says static already: a definition then need not say it again."""
    return any(
        use.path == path and use.kind == "declaration" and use.text.split()[:1] == ["static"]
        for use in found.uses
    )


def named_by_macro(context: Context, file: ChangedFile, name: str) -> bool:
    """Whether a macro that the file calls names a function by a part of its name: DEFINE_SHOW_ATTRIBUTE(walk)."""
    from patchscan.lookup.pasted import PASTED, pasted_words

    end = PASTED.search(name)
    return end is not None and name[: end.start()] in (pasted_words(context, file) or ())


def elsewhere(found: "Uses", path: str) -> "list[Use]":
    """The uses in other files."""
    # Where the name is static, another function is meant; in a header it is the stub of another configuration.
    apart = {
        use.path
        for use in found.uses
        if use.kind == "definition" and "static" in use.text.split() and use.path.endswith(".c")
    }
    tag = re.compile(rf"\b(?:struct|union|enum)\s+{re.escape(found.symbol)}\b(?!\s*\()")
    return [use for use in found.uses if use.path not in {path, *apart} and not tag.search(use.text)]


def first_known(context: Context, others: "list[Use]", new: bool) -> "Use | None":
    """The first use in another file that shows that the function is not only of its own."""
    touched = {each.path for other in context.all for each in other.files}
    return next(
        (use for use in others if use.kind in (*USING, "definition") or (new and use.path not in touched)),
        None,
    )


def with_static(file: ChangedFile, line: int) -> Fix | None:
    """The fix where the type stands on the line, too."""
    if not TWO_NAMES.match(file.text_at(line)):
        return None
    return file.replacement(line, line, f"static {file.text_at(line)}")


RULE = Rule(
    name="should-be-static",
    summary="A function or variable is global although only its own file uses it",
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
obj-y += walk.o
>>> patch mm: let depth be counted
>>> file mm/walk.c
+struct walk_chip;
+struct walk_data {
+	struct walk_chip *chip;
+};
+struct walk_chip {
+	int depth;
+};
+unsigned long walks_done; // want "only this file uses the variable walks_done"
+DEFINE_SPINLOCK(walk_lock); // want "only this file uses the variable walk_lock"
+
 int walk(void)
 {
+	spin_lock(&walk_lock);
+	walks_done++;
+	spin_unlock(&walk_lock);
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree mm/Makefile
obj-y += walk.o
>>> patch mm: walk where it is configured
>>> file include/linux/walk.h
+#ifdef CONFIG_WALK
+int walk_one(int depth);
+#else
+static inline int walk_one(int depth) { return 0; }
+#endif
>>> file mm/walk.c
+int walk_one(int depth)
+{
+	return depth;
+}
+int walk(void)
+{
+	return walk_one(0);
+}
+
 int other;
""",
        """
>>> tree mm/Makefile
obj-y += walk.o count.o
>>> tree mm/walk.h
int walk(void);
>>> patch mm: let depth be counted
>>> file mm/walk.h
+extern unsigned long walks_done;
 int walk(void);
>>> file mm/walk.c
+struct walk_state {
+	int depth;
+};
+
+unsigned long walks_done;
+static int walk_most = 3;
+int walks_nobody_counts;
+
 int walk(void)
 {
+	walks_done += walk_most;
 	return 0;
 }
>>> file mm/count.c
+unsigned long count(void)
+{
+	return walks_done;
+}
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: test what is read
Test it.
>>> file mm/example.c
+int read_result;
 void read_all(struct port *port)
 {
+	read_result = port_read(port, 1);
+	EXPECT(port, read_result = port_read(port, 2));
 	port_stop(port);
 }
""",
    ),
)
