"""A call of a function that some configuration lacks in which the calling code is built: it does not link."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.buildfiles import is_kconfig, is_makefile
from patchscan.rule import (
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Line,
    Rule,
    Silence,
    Source,
    frozen,
    pattern,
    source_of,
)

if TYPE_CHECKING:
    from patchscan.basics.formula import Formula
    from patchscan.kconfig.solve import Configuration
    from patchscan.lookup.definer import Definer

CALL = pattern(r"(?<![\w.>])([a-z_]\w{3,})\s*\(")
NO_CALL = frozenset(
    ("switch", "return", "sizeof", "while", "typeof", "likely", "unlikely", "defined", "__attribute__")
)
MOST_SHOWN = 5


@frozen
class Added:
    """An added call of a function that the file does not call under the same conditions without the patch."""

    file: ChangedFile
    line: int
    name: str


@frozen
class Suspect:
    """A call whose function an option decides on, which nothing around the call asks for; when each is compiled."""

    call: Added
    used: "Formula"
    defined: "Formula"
    definer: "Definer"
    definition: Function


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added call, the cheap questions first."""
    calls = list(new_calls(context)) if context.has_tree else []
    if not calls:
        return
    from patchscan.lookup.definer import can_look_up

    if can_look_up(context.final):
        context.look_ahead({call.name for call in calls}, whole=False)
        for call in calls:
            suspect = suspicion(context, call)
            if suspect is not None:
                yield judge(context, suspect)


def new_calls(context: Context) -> Iterator[Added]:
    """The first added call of each function by each file; what the patch itself seems to define is left out."""
    seen = NO_CALL.union(*(CALL.findall(line.text) for file in context.c_files for line in at_top(file)))
    for file in context.c_files:
        if file.used == "text" or not file.path.endswith(".c"):
            continue
        known = set(seen)
        for line in sorted(file.added_numbers):
            code = file.code_at(line)
            names = set(CALL.findall(code) if code[:1].isspace() else ()) - known
            known |= names
            yield from (
                Added(file, line, name) for name in sorted(names) if not was_used(context, file, line, name)
            )


def at_top(file: ChangedFile) -> Iterator[Line]:
    """The added lines that are not indented: heads of functions, declarations and macros."""
    return (line for line in file.added if not line.text[:1].isspace())


def was_used(context: Context, file: ChangedFile, line: int, name: str) -> bool:
    """Whether a file had a name before the patch wherever the line is compiled, or may have had."""
    before = file.state.before or b""
    if file.used == "hunk":
        # What stands around a hunk that does not apply is not known.
        return name.encode() in (context.view.read(file.path) or b"")
    if name.encode() not in before:
        return False
    from patchscan.basics.formula import any_of, follows
    from patchscan.c.occurrences import offsets
    from patchscan.lookup.compiled import conditions_of

    places = offsets(before, name.encode())
    # Behind the end of a block, or where there is none, nothing is asked for, as a rule.
    if any(not before.startswith((b"#if", b"#el"), before.rfind(b"\n#", 0, at) + 1) for at in places):
        return True
    old = any_of(conditions_of(file.before[0], file.before[0].line_at(at)) for at in places)
    return follows(old, conditions_of(file.after[0], line)) is not False


def suspicion(context: Context, call: Added) -> Suspect | None:
    """A call as a suspect, None where its function is always there, or its file used what stands beside it before."""
    from patchscan.basics.formula import follows
    from patchscan.lookup.compiled import exactly_when
    from patchscan.lookup.definer import definition_in, find_definer

    definer = find_definer(context.final, call.name)
    definition = definition_in(context.final, definer.path, call.name) if definer else None
    if definer is None or definition is None or definer.path == call.file.path:
        return None
    defined = exactly_when(context.final, source_of(definition), definition.name_line)
    used = called_when(context, call) if defined and defined.atoms else None
    if defined is None or used is None or follows(defined, used) is not False:
        return None
    others = (each.name for each in source_of(definition).functions() if not each.is_static)
    if any(was_used(context, call.file, call.line, name) for name in others):
        return None
    return Suspect(call, used, defined, definer, definition)


def text_holding(call: Added) -> "Source":
    """The text, or the piece of it, that holds a call."""
    return next(source for source in call.file.after if source.line_text(call.line))


def called_when(context: Context, call: Added) -> "Formula | None":
    """When a call is compiled, None where that hangs on more than options or is not known."""
    from patchscan.basics.formula import all_of
    from patchscan.kbuild.built import built_exactly_when
    from patchscan.lookup.compiled import compiled_when, exactly_when

    if call.file.used == "tree":
        return exactly_when(context.final, text_holding(call), call.line)
    built = built_exactly_when(context.final, call.file.path)
    here = compiled_when(context.final, call.file, call.line)
    return all_of((here, built)) if built is not None and here.plain and built.plain else None


def judge(context: Context, suspect: Suspect) -> Finding | Silence:
    """A finding where a configuration is found that builds the call and not the function."""
    from patchscan.basics.formula import all_of
    from patchscan.kconfig.solve import find_configuration
    from patchscan.lookup.definer import declaring_header, is_only_definer
    from patchscan.lookup.reached import compiled_for_sure

    call, view = suspect.call, context.final
    if is_of_series(context, suspect):
        return call.file.unchecked(
            call.line, f"the series moves {call.name}() or what decides that it is there"
        )
    covered = call.file.fine(call.line, f"Kconfig may see to it that {call.name}() is there")
    # Of a new file many calls ask for the same: only what passes is looked at more closely.
    if find_configuration(view, suspect.used, suspect.defined) is None:
        return covered
    off = suspect.defined.atoms - suspect.used.atoms
    compiled = compiled_for_sure(view, text_holding(call), call.line, call.name, off, suspect.definer.headers)
    if compiled is None:
        return call.file.fine(call.line, f"the compiler may drop the call where {call.name}() is not there")
    used = all_of((suspect.used, compiled)) if compiled.parts else suspect.used
    configuration = find_configuration(view, used, suspect.defined)
    if configuration is None:
        return covered
    header = declaring_header(view, call.name, suspect.definer)
    if not header or not is_only_definer(view, call.name, suspect.definer):
        return call.file.unchecked(call.line, f"something else may define {call.name}()")
    # Around a piece of a function there may be a condition that lets the compiler drop the call.
    sure = call.file.used == "tree" and not context.not_claimed
    return finding(suspect, configuration, header, "" if sure else "info")


def is_of_series(context: Context, suspect: Suspect) -> bool:
    """Whether the series moves calls, introduces the function, or changes what decides in a way that is not known."""
    name, path = suspect.call.name, suspect.definer.path
    for file in (file for other in context.all for file in other.files):
        lines = [line for hunk in file.change.hunks for line in hunk.lines if name in line.text]
        if any(line.kind == "-" or (file.path == path and line.kind == "+") for line in lines):
            return True
        other = lines and file.path.endswith((".c", ".h")) and file.path != suspect.call.file.path
        if file.used == "hunk" and (is_kconfig(file.path) or is_makefile(file.path) or other):
            return True
    return False


def finding(suspect: Suspect, configuration: "Configuration", header: str, severity: str) -> Finding:
    """What to say, with the options that show it."""
    from patchscan.basics.formula import config, follows

    call, defined = suspect.call, suspect.defined
    off = sorted(defined.atoms - suspect.used.atoms - configuration.chosen)
    needed = [option for option in off if follows(config(option), defined)]
    needs = " and ".join(f"CONFIG_{option}" for option in needed or off[:1])
    options = [f"CONFIG_{option}" for option in sorted(configuration.telling)]
    where = " with ".join(
        (configuration.architecture, ", ".join(options[:MOST_SHOWN]) or "no further option")
    )
    more = " and others" if len(options) > MOST_SHOWN else ""
    return call.file.finding(
        call.line,
        f"{call.name}() is there only with {needs}, but this is built without it, too ({where}{more}): it does not "
        f"link; select or depend on the option, or add a stub to {header}",
        (
            Evidence(
                suspect.definer.path, suspect.definition.name_line, suspect.definition.header.split("\n")[0]
            ),
        ),
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
    bad=(
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
