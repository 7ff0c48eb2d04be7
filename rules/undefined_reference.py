"""A call of a function that some configuration lacks in which the calling code is built: it does not link."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.rule import (
    ChangedFile,
    Context,
    Evidence,
    Finding,
    GivenSeverity,
    Line,
    Rule,
    Silence,
    pattern,
)

if TYPE_CHECKING:
    from patchscan.lookup.unlinked import Added, Configuration, Suspect

CALL = pattern(r"(?<![\w.>])([a-z_]\w{3,})\s*\(")
NO_CALL = frozenset(
    ("switch", "return", "sizeof", "while", "typeof", "likely", "unlikely", "defined", "__attribute__")
)
MOST_SHOWN = 5


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added call, the cheap questions first."""
    calls = list(new_calls(context))
    if calls:
        from patchscan.lookup.unlinked import suspicion_of

        context.look_ahead({call.name for call in calls})
        for call in calls:
            suspect = suspicion_of(context, call)
            if suspect is not None:
                yield judge(context, suspect)


def new_calls(context: Context) -> "Iterator[Added]":
    """The first added call of each function by each file; what the patch itself seems to define is left out."""
    seen = defined(context.whole)
    for file in context.c_files:
        if file.used == "text" or not file.path.endswith(".c"):
            continue
        known = set(seen)
        for line in sorted(file.added_numbers):
            code = file.code_at(line)
            names = set(CALL.findall(code) if code[:1].isspace() else ()) - known
            known |= names
            if names:
                yield from first_calls(context, file, line, names)


@kept
def defined(context: Context) -> frozenset[str]:
    """What looks like no call, or like a call where the patch defines it."""
    return NO_CALL.union(*(CALL.findall(line.text) for file in context.c_files for line in at_top(file)))


def first_calls(context: Context, file: ChangedFile, line: int, names: set[str]) -> "Iterator[Added]":
    """The calls of one added line that the file does not make without the patch."""
    from patchscan.lookup.unlinked import Added, was_used

    yield from (Added(file, line, name) for name in sorted(names) if not was_used(context, file, line, name))


def at_top(file: ChangedFile) -> Iterator[Line]:
    """The added lines that are not indented: heads of functions, declarations and macros."""
    return (line for line in file.added if not line.text[:1].isspace())


def judge(context: Context, suspect: "Suspect") -> Finding | Silence:
    """A finding where a configuration is found that builds the call and not the function."""
    from patchscan.lookup.unlinked import linked

    call, found = suspect.call, linked(context, suspect)
    if found.configuration is not None:
        # Around a piece of a function there may be a condition that lets the compiler drop the call.
        sure = call.file.used == "tree" and not context.not_claimed
        return finding(suspect, found.configuration, found.header, "" if sure else "info")
    name = f"{call.name}()"
    if found.links == "covered":
        return call.file.fine(call.line, f"Kconfig may see to it that {name} is there")
    if found.links == "dropped":
        return call.file.fine(call.line, f"the compiler may drop the call where {name} is not there")
    moves = found.links == "series"
    why = f"the series moves {name} or what decides that it is there" if moves else ""
    return call.file.unchecked(call.line, why or f"something else may define {name}")


def finding(
    suspect: "Suspect", configuration: "Configuration", header: str, severity: GivenSeverity
) -> Finding:
    """What to say, with the options that show it."""
    from patchscan.lookup.unlinked import options_needed

    call, definition = suspect.call, suspect.definition
    needs = options_needed(suspect, configuration)
    return call.file.finding(
        call.line,
        f"{call.name}() is there only with {needs}, but this is built without it, too "
        f"({configuration.shown(MOST_SHOWN)}): it does not link; select or depend on the option, or add a stub to "
        f"{header}",
        (Evidence(suspect.definer.path, definition.name_line, definition.header.split("\n")[0]),),
        severity=severity,
    )


RULE = Rule(
    name="undefined-reference",
    summary="A function is called in configurations in which nothing defines it",
    why=(
        "A function whose object is built only with an option, and that has no stub, is missing without it. Where the "
        "code that calls it is built then, the kernel does not link, or the module does not load: a build robot "
        "finds that in a random configuration, weeks after the author built the usual one. `select` or `depends on` "
        "says what the code needs; a stub in the header serves all callers."
    ),
    source=(
        "Documentation/process/coding-style.rst section 21 (conditional compilation: stubs); "
        "Documentation/kbuild/kconfig-language.rst (dependencies, select); "
        "Documentation/process/submit-checklist.rst (builds with options on, off and modular)"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    by_file=True,
    needs_tree=True,
    bad=(
        """
>>> tree mm/Makefile
obj-y += example.o
obj-$(CONFIG_GATHER) += gather.o
>>> tree mm/Kconfig
config GATHER
	bool "Gather"
config TRACE
	bool "Trace"
>>> tree include/linux/gather.h
void gather_flush(int start);
>>> tree include/linux/range.h
#ifdef __CHECKER__
#define check_range(start) range_is_wrong(start)
#else
#define check_range(start)
#endif
static inline bool range_is_full(int start)
{
	check_range(start);
	return first_of(start) == last_of(start);
}
>>> tree mm/gather.c
void gather_flush(int start)
{
}
>>> patch mm: flush what was gathered
>>> file mm/example.c
+#include <linux/gather.h>
 void zap(int start)
 {
+	if (range_is_full(start))
+		gather_flush(start); // want "gather_flush.. is there only with CONFIG_GATHER"
+#if IS_ENABLED(CONFIG_TRACE)
+	trace(start);
+#endif
+	if (IS_ENABLED(CONFIG_TRACE))
+		trace_end(start);
 	unmap(start);
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
obj-$(CONFIG_GATHER) += gather.o
>>> tree mm/Kconfig
config GATHER
	bool "Gather"
>>> tree include/linux/gather.h
void gather_flush(int start);
>>> tree mm/gather.c
#include <linux/gather.h>
void gather_flush(int start)
{
}
>>> patch mm: flush what was gathered
>>> file mm/example.c
+#include <linux/gather.h>
 void zap(int start)
 {
+	gather_flush(start); // want "gather_flush.. is there only with CONFIG_GATHER, but .* .x86 with no further option."
 	unmap(start);
 }
""",
    ),
    good=(
        """
>>> tree mm/Makefile
obj-y += example.o plain.o
obj-$(CONFIG_GATHER) += gather.o
>>> tree mm/Kconfig
config GATHER
	bool "Gather"
>>> tree include/linux/gather.h
void gather_flush(int start);
>>> tree mm/gather.c
void gather_flush(int start)
{
}
>>> tree mm/plain.c
void plain_flush(int start)
{
}
extern void gather_flush(int start)
	__weak __alias(plain_flush);
>>> patch mm: flush what was gathered
>>> file mm/example.c
 void zap(int start)
 {
+	gather_flush(start);
 	unmap(start);
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
obj-$(CONFIG_GATHER) += gather.o
>>> tree mm/Kconfig
config GATHER
	bool "Gather"
>>> tree include/linux/gather.h
#ifdef CONFIG_GATHER
void gather_flush(int start);
#else
static inline void gather_flush(int start) { }
#endif
>>> tree mm/gather.c
void gather_flush(int start)
{
}
>>> patch mm: flush what was gathered
>>> file mm/example.c
 void zap(int start)
 {
+	gather_flush(start);
 	unmap(start);
 }
""",
        """
>>> tree mm/Makefile
obj-$(CONFIG_EXAMPLE) += example.o
obj-$(CONFIG_GATHER) += gather.o
>>> tree mm/Kconfig
config GATHER
	bool
config BATCH
	bool "Batch"
	select GATHER
config DEFER
	bool "Defer"
	select GATHER
config EXAMPLE
	bool "Example"
	depends on BATCH || DEFER
>>> tree include/linux/gather.h
void gather_flush(int start);
>>> tree mm/gather.c
void gather_flush(int start)
{
}
>>> patch mm: flush what was gathered
>>> file mm/example.c
 void zap(int start)
 {
+	gather_flush(start);
 	unmap(start);
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
obj-$(CONFIG_GATHER) += gather.o
>>> tree mm/Kconfig
config GATHER
	bool "Gather"
>>> tree include/linux/gather.h
void gather_flush(int start);
void gather_begin(int start);
void gather_end(int start);
#ifdef CONFIG_GATHER
static inline int gather_pending(int start) { return start & 1; }
#else
static inline int gather_pending(int start) { return 0; }
#endif
>>> tree include/linux/range.h
#define range_is_gathered(start) gather_pending(start)
>>> tree mm/gather.c
void gather_flush(int start)
{
}
void gather_begin(int start)
{
}
void gather_end(int start)
{
}
>>> patch mm: flush what was gathered
>>> file mm/example.c
 void zap(int start)
 {
+	if (range_is_gathered(start))
+		gather_flush(start);
 	unmap(start);
 }
+static void begin(int start)
+{
+	gather_begin(start);
+}
 void fill(int start)
 {
+	if (IS_ENABLED(CONFIG_GATHER))
+		begin(start);
 }
+#ifdef CONFIG_GATHER
+void finish(int start)
+{
+	gather_end(start);
+}
+#endif
""",
    ),
)
