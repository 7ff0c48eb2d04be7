"""A new function or variable is used in configurations in which nothing defines it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.compiled import AddedUse, Formula
    from patchscan.lookup.introduced import Symbol

VARIABLE = pattern(
    r"^(?:static\s+)?DEFINE_(?:PER_CPU\w*|STATIC_KEY\w*|STATIC_CALL\w*)\s*\((?:[^,()]+,\s*)?(\w+)\s*[,)]"
)
# Functions on whose return the caller relies.
WAIT = pattern(r"\w+_(?:sync|synchronize|wait|quiesce)(?:_\w+)?|(?:sync|synchronize|quiesce)_\w+")
DECLARATION = pattern(r"^\s*(?:extern\b|DECLARE_)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every symbol that the patch introduces under a condition, against the uses that the patch adds."""
    from patchscan.lookup.compiled import added_uses
    from patchscan.lookup.introduced import is_conditional

    first = {symbol.name: symbol for symbol in reversed(tuple(symbols(context)))}
    for symbol in first.values():
        if is_conditional(context.view, symbol):
            only = symbol.file if symbol.private else None
            places = list(added_uses(context, symbol.name, only, symbol.at_compile))
            if places:
                yield judge(context, symbol, places)
    yield from empty_waits(context)


def empty_waits(context: Context) -> Iterator[Finding | Silence]:
    """The first added call of each function that waits for others, where it does nothing in some configurations."""
    from patchscan.lookup.introduced import empty_stub

    for file in context.c_files:
        if any(WAIT.search(line.text) for line in file.removed):
            # One wait takes the place of another.
            continue
        if not any(map(WAIT.fullmatch, file.raw_words)):
            continue
        for name, lines in sorted(file.added_words.items()):
            if not WAIT.fullmatch(name) or all(file.was_there(line) for line in lines):
                continue
            line = next((line for line in lines if called_at(file, line, name)), None)
            if line is not None and name not in {function.name for _, function in context.new_functions}:
                stub = empty_stub(context, file, line, name)
                if stub is not None:
                    use, options = stub
                    decide = " and ".join(f"CONFIG_{option}" for option in sorted(options))
                    yield file.finding(
                        line,
                        f"{name}() is empty in some configurations ({decide} decides): is nothing to be waited for "
                        "there?",
                        (Evidence(use.path, use.line, use.text.strip()),),
                        severity="info",
                    )


def called_at(file: ChangedFile, line: int, name: str) -> bool:
    """Whether a function of the file calls another on this line."""
    inside = any(each.first_line < line <= each.last_line for each in file.functions)
    return inside and file.code_at(line).partition(name)[2].lstrip().startswith("(")


def symbols(context: Context) -> "Iterator[Symbol]":
    """The functions and the variables of DEFINE_* macros that are new and stand in a file known as a whole."""
    from patchscan.lookup.introduced import Symbol

    for file, function in context.new_functions:
        if file.used == "tree":
            inline = function.is_static
            yield Symbol(function.name, file, function.name_line, inline and file.path.endswith(".c"), inline)
    for file in context.c_files:
        if file.used == "tree" and file.adds("DEFINE_"):
            for line in sorted(file.added_numbers):
                match = VARIABLE.match(file.code_at(line))
                if match and not file.was_there(line):
                    private = file.code_at(line).startswith("static")
                    yield Symbol(match[1], file, line, private, private)


def judge(context: Context, symbol: "Symbol", places: "list[AddedUse]") -> Finding | Silence:
    """A finding where one use can be compiled while no definition is."""
    from patchscan.lookup.introduced import first_missing

    if context.not_claimed and not symbol.private:
        return symbol.file.unchecked(symbol.line, context.not_claimed)
    if any(each.name == symbol.name for file in context.not_applied if file.is_c for each in file.functions):
        return symbol.file.unchecked(
            symbol.line, f"another version of {symbol.name} stands in a file whose hunks do not apply"
        )
    defined, missing = first_missing(context, symbol, places)
    if missing is None:
        return symbol.file.fine(
            symbol.line, f"wherever the patch uses {symbol.name}, something may define it"
        )
    return finding(context, symbol, missing, defined)


def finding(context: Context, symbol: "Symbol", place: "AddedUse", defined: "Formula") -> Finding:
    """What to say, at the declaration where there is one, and else at the definition."""
    from patchscan.lookup.compiled import not_brought
    from patchscan.lookup.introduced import is_less

    options = not_brought(context.view, defined.atoms - place.when.atoms)
    needs = " and ".join(f"CONFIG_{option}" for option in options)
    declared = (
        (file, line)
        for file in context.c_files
        for line in file.added_words.get(symbol.name, ())
        if DECLARATION.match(file.code_at(line)) and is_less(context.view, file, line, defined)
    )
    # At an added declaration that stands under less than the definition does.
    file, line = next(declared, (symbol.file, symbol.line))
    return file.finding(
        line,
        f"{symbol.name} is there only with {needs}, but {place.file.path} uses it without: it needs a stub, or "
        "its users the same condition",
        (place.file.evidence(place.line), symbol.file.evidence(symbol.line)),
    )


RULE = Rule(
    name="config-coverage",
    summary="A new function or variable is used in configurations in which nothing defines it",
    why=(
        "What is defined under an #ifdef, or in a file that a Makefile builds only with an option, is missing "
        "without it. If its users are built then, the kernel does not compile or link in a configuration that the "
        "author does not build; an empty stub in the #else branch, or the same condition around the users, helps."
    ),
    source=(
        "Documentation/process/coding-style.rst section 21 (conditional compilation: stubs); review of "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02; commit '
        '5df397dec7c4 ("mm: delay page_remove_rmap() until after the TLB has been flushed", fix UP build)'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    needs_tree=True,
    bad=(
        """
>>> tree Kbuild
obj-y += fs/
>>> tree fs/Makefile
obj-y += inode.o
>>> patch fs: count calls
>>> file fs/inode.c
 int depth;
+#ifdef CONFIG_DEBUG_FS
+static DEFINE_PER_CPU(unsigned long, example_count); // want "example_count is there only with CONFIG_DEBUG_FS"
+#define example_inc(variable) this_cpu_inc(variable)
+#else
+#define example_inc(variable) this_cpu_write(variable, 0)
+#endif
 void clear(struct inode *inode)
 {
+	example_inc(example_count);
 	inode->links = 0;
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: flush early
>>> file include/linux/gather.h
 #ifdef CONFIG_SMP
 static inline bool delay(void)
 {
 	return true;
 }
+static inline bool many(void) // want "many is there only with CONFIG_SMP, but mm/example.c uses it without"
+{
+	return true;
+}
 #else
 static inline bool delay(void)
 {
 	return false;
 }
 #endif
>>> file mm/example.c
 bool zap(void)
 {
-	return delay();
+	return delay() || many();
 }
""",
        """
>>> tree mm/Makefile
obj-$(CONFIG_GATHER) += gather.o
obj-$(CONFIG_WALK) += walk.o
>>> tree mm/Kconfig
config GATHER
	bool
config WALK
	bool "Walk"
>>> patch mm: say who walks
>>> file include/linux/walk.h
+DECLARE_PER_CPU(int, walks); // want "walks is there only with CONFIG_GATHER, but mm/walk.c uses it without"
+static inline void walk_begin(void)
+{
+	this_cpu_inc(walks);
+}
>>> file mm/gather.c
 int x;
+DEFINE_PER_CPU(int, walks);
>>> file mm/walk.c
 void walk(void)
 {
+	walk_begin();
 }
""",
    ),
    good=(
        """
>>> tree Makefile
obj-y += mm/
>>> tree Kbuild
obj-y += mm/
>>> tree mm/Makefile
mmu-$(CONFIG_MMU) := memory.o
obj-y := $(mmu-y)
>>> patch mm: know example entries
>>> file include/linux/swapops.h
 #ifdef CONFIG_MMU
+static inline int is_example_entry(unsigned long value)
+{
+	return value == 77;
+}
 #endif
>>> file mm/memory.c
 int zap(unsigned long value)
 {
+	if (is_example_entry(value))
+		return 1;
 	return 0;
 }
""",
        """
>>> tree Kbuild
obj-y += fs/
>>> tree fs/Makefile
obj-y += inode.o
>>> patch fs: count calls
>>> file fs/inode.c
 int depth;
+#ifdef CONFIG_DEBUG_FS
+static DEFINE_PER_CPU(unsigned long, example_count);
+#define example_inc(variable) this_cpu_inc(variable)
+#else
+#define example_inc(variable) do { } while (0)
+#endif
 void clear(struct inode *inode)
 {
+	example_inc(example_count);
 	inode->links = 0;
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> tree include/linux/watch.h
#ifdef CONFIG_WATCH
void touch_watch_sync(void);
#else
static inline void touch_watch_sync(void) { }
#endif
>>> tree kernel/watch.c
void touch_watch_sync(void)
{
	this_cpu_write(touched, true);
}
>>> patch mm: this takes long
>>> file mm/example.c
 void count(void)
 {
+	touch_watch_sync();
 }
""",
        """
>>> tree include/linux/gather.h
#ifdef CONFIG_GATHER
void gather_sync(void);
#else
static inline void gather_sync(void) { }
#endif
>>> tree mm/Makefile
obj-$(CONFIG_GATHER) += walk.o
>>> patch mm: wait for walks
>>> file mm/walk.c
 void walk(void)
 {
+	gather_sync();
 }
""",
    ),
)
