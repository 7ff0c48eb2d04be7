"""A function or macro is called in a file that does not reach its declaration, at least in some configuration."""

from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import statements, without_directives
from patchscan.c.source import parse
from patchscan.context import ChangedFile, Context, encode
from patchscan.finding import Evidence, Finding, Silence
from patchscan.rule import Rule

if TYPE_CHECKING:
    from patchscan.c.source import Source
    from patchscan.kconfig.solve import Configuration
    from patchscan.lookup.closure import Closure
    from patchscan.lookup.declared import Answer
    from patchscan.tree.overlay import View

    Told = tuple["Named", Answer, Configuration | None]

CALL = pattern(r"(?<![\w.>#])([A-Za-z_]\w{3,})\s*\(")
NO_CALL = frozenset(
    (
        "switch",
        "return",
        "sizeof",
        "while",
        "typeof",
        "defined",
        "__attribute__",
        "__typeof__",
        "asm",
        "__asm__",
        "offsetof",
        "alignof",
        "_Alignof",
        "typeof_unqual",
        "__aligned",
        "__section",
        "__packed",
        "container_of",
        "likely",
        "unlikely",
        "static_assert",
        "_Static_assert",
        "_Generic",
        "va_start",
        "va_end",
        "va_arg",
        "va_copy",
        "else",
        "case",
    )
)
BUILT_IN = pattern(r"__builtin_\w+|__sync_\w+|__atomic_\w+|trace_\w+|__c11_\w+")
CONSTANT = pattern(rb"\b[A-Z][A-Z0-9_]{3,}\b")
INCLUDE = pattern(r"\s*#\s*include\b")
WORD = pattern(r"[A-Za-z_]\w*")
EVERYWHERE = 100_000
MOST_SHOWN = 4
MOST_NAMES = 3


@frozen
class Named:
    """A name that an added line calls first, and what is known of where it is declared."""

    name: str
    line: int


def check(context: Context) -> Iterator[Finding | Silence]:
    """The names that added lines of C files are the first to call."""
    if not context.has_tree:
        return
    from patchscan.lookup.definer import can_look_up
    from patchscan.lookup.unapplied import text_of

    files = [
        (file, text)
        for file in context.c_files
        if file.path.endswith(".c")
        if (text := text_of(context, file))
    ]
    named = {file: list(new_names(context, file, text)) for file, text in files}
    left = {file: list(names_left(context, file, text)) for file, text in files}
    names = {each.name for found in (*named.values(), *left.values()) for each in found}
    if names and can_look_up(context.view):
        context.look_ahead(names, whole=False)
        for file, text in files:
            if named[file]:
                yield from judge(context, file, text, named[file])
            if left[file]:
                yield from judge(context, file, text, left[file], file.state.before)
    for file, text in files:
        place = place_of_include(file)
        if place and can_look_up(context.view) and lost_headers(context, file, text):
            yield from structs_left(context, file, text, place)


def new_names(context: Context, file: ChangedFile, text: bytes) -> Iterator[Named]:
    """The names that the patch calls and the file did not hold before, with the first line of each."""
    old = file.state.before or (b"" if file.change.kind == "create" else text if file.used == "hunk" else b"")
    seen = set(NO_CALL)
    own: set[str] | None = None
    for line in sorted(file.added_numbers):
        code = file.code_at(line)
        if "(" not in code or not code[:1].isspace():
            continue
        for name in CALL.findall(code):
            if name in seen or BUILT_IN.fullmatch(name):
                continue
            seen.add(name)
            if name.encode() in old or in_directive(file, line) or is_variable(file, line, name):
                continue
            own = own_names(context, file, text) if own is None else own
            if name not in own:
                yield Named(name, line)


def names_left(context: Context, file: ChangedFile, text: bytes) -> Iterator[Named]:
    """What a file calls from which the patch takes an #include; the line is where that stood."""
    from patchscan.lookup.headers import text_of_header

    place = place_of_include(file)
    lost = [text_of_header(context.view, path) for path in lost_headers(context, file, text)] if place else []
    if not lost:
        return
    source = parse(text, file.path)
    own = own_names(context, file, text)
    seen = set(NO_CALL)
    found = (each for each in named_in(source, text, own, seen) if any(each.encode() in one for one in lost))
    yield from (Named(name, place) for name in found)


def place_of_include(file: ChangedFile) -> int:
    """The line where an #include stood that the patch takes from a file, 0 where it takes none."""
    there = {"".join(line.text.split()) for line in file.added}
    gone = [line for line in file.removed if INCLUDE.match(line.text)]
    if file.used != "tree" or all("".join(line.text.split()) in there for line in gone):
        return 0
    place = min(file.touched_numbers)
    for line in gone:
        place = max((number for number in file.touched_numbers if number <= (line.old or 0)), default=place)
    return place


def lost_headers(context: Context, file: ChangedFile, text: bytes) -> list[str]:
    """The headers that a file reached in every configuration, or in some, before it lost an #include."""
    from patchscan.lookup.closure import Closure

    architecture = own_architecture(file.path) or "x86"
    old = Closure(context.view, file.path, file.state.before or b"", architecture)
    new = Closure(context.view, file.path, text, architecture)
    certain = set(old.certain()) - set(new.certain())
    return sorted(certain.union(path for path in old.every() if path not in new.every()))


def named_in(source: "Source", text: bytes, own: set[str], seen: set[str]) -> Iterator[str]:
    """What a file calls, and the constants that it names, but for what is its own."""
    for function in source.functions():
        variables = {each.name for each in (*function.parameters, *function.locals)}
        for call in function.calls():
            name = call.name
            if len(name) > 3 and name not in own | seen | variables and not BUILT_IN.fullmatch(name):
                seen.add(name)
                yield name
    code = without_directives(source.code)
    others = {each.name for each in statements(text) if each.kind == "call"}
    others.update(word.decode() for word in CONSTANT.findall(code))
    yield from (name for name in sorted(others - own - seen) if len(name) > 3)


def structs_left(context: Context, file: ChangedFile, text: bytes, line: int) -> Iterator[Finding]:
    """The structs that a file initialises and no longer reaches now that an #include is gone; line: where to say so."""
    from patchscan.c.initialisers import designators
    from patchscan.lookup.closure import Closure
    from patchscan.lookup.headers import text_of_header
    from patchscan.lookup.types import defines_type
    from patchscan.lookup.uses import headers_holding

    source = parse(text, file.path)
    architecture = own_architecture(file.path) or "x86"
    closure = Closure(context.view, file.path, text, architecture)
    old = Closure(context.view, file.path, file.state.before or b"", architecture)
    if closure.unknown:
        return
    for struct in dict.fromkeys(each.struct for each in designators(source)):
        if defines_type(text, file.path, struct):
            continue
        headers = [
            path
            for path in headers_holding(context.view, struct)
            if path in old.every() and defines_type(text_of_header(context.view, path), path, struct)
        ]
        if headers and not any(path in closure.every() for path in headers):
            header = headers[0].removeprefix("include/").removeprefix("uapi/")
            yield file.finding(
                line,
                f"'struct {struct}' is defined in <{header}>, which this file no longer includes, not by way of other "
                "headers either",
                (Evidence(headers[0], 1, ""),),
                severity="info" if context.not_claimed else "",
            )


def in_directive(file: ChangedFile, line: int) -> bool:
    """Whether a line is part of a #define."""
    return any(each.line <= line <= each.last_line for source in file.after for each in source.directives)


def is_variable(file: ChangedFile, line: int, name: str) -> bool:
    """Whether a name is a parameter or variable of the function around, which may point to a function."""
    for source in file.after:
        function = source.function_at(line)
        if function is not None:
            return any(each.name == name for each in (*function.parameters, *function.locals))
    return False


def own_names(context: Context, file: ChangedFile, text: bytes) -> set[str]:
    """What the file itself defines, declares or lets macros define; also what hunks of the series may."""
    source = parse(text, file.path)
    found = {each.name for each in source.functions()} | {each.name for each in source.macros()}
    code = source.code.decode("latin-1")
    for each in statements(text):
        found.add(each.name)
        if each.kind == "call":
            found.update(WORD.findall(code[each.start : each.end]))
    for other in context.not_applied:
        found.update(word for text in declaring(context, file, other) for word in WORD.findall(text))
    for other_context in context.later:
        for other in other_context.c_files:
            found.update(
                word
                for line in other.added
                if not line.text[:1].isspace()
                for word in WORD.findall(line.text)
            )
    return found


def declaring(context: Context, file: ChangedFile, other: ChangedFile) -> Iterator[str]:
    """The lines of hunks that do not apply that may declare something for a file, and whose place is not known."""
    from patchscan.lookup.unapplied import as_built

    header = other.path.endswith(".h")
    # A C file declares for itself, and for one that includes it.
    if not header and other.path.rpartition("/")[0] != file.path.rpartition("/")[0]:
        return
    placed = (as_built(context).read(other.path) or b"") if header else b""
    for line in other.added:
        if not line.text[:1].isspace() and encode(line.text) not in placed:
            yield line.text


def judge(
    context: Context, file: ChangedFile, text: bytes, named: list[Named], before: bytes | None = None
) -> Iterator[Finding | Silence]:
    """What is to be said of names that one file calls; those that one header declares are told together.

    before: the file as it was, where only what it lost counts.
    """
    from patchscan.c.includes import includes
    from patchscan.lookup.closure import Closure, is_host_program
    from patchscan.lookup.declared import look_up, only_elsewhere
    from patchscan.lookup.pasted import glued_names
    from patchscan.lookup.unapplied import as_built
    from patchscan.lookup.uses import files_holding, headers_holding

    if is_host_program(text):
        return
    view = as_built(context)
    source = parse(text, file.path)
    added = "\n".join(line.text for line in file.added if "#" in line.text)
    # Of a file that does not apply the tree has other #include lines than its author.
    in_part = file.used == "hunk" and file.change.kind != "create"
    more = includes(encode(added)) if in_part else ()
    closure = Closure(view, file.path, text, own_architecture(file.path) or "x86", more)
    glued = glued_names(file)
    told: dict[str, list[Told]] = {}
    unknown: list[str] = []
    for each in named:
        if any(pasted.fullmatch(each.name) for pasted in glued):
            continue
        headers = [path for path in headers_holding(view, each.name) if path != file.path]
        configuration = cache(partial(smallest, view, source, each.name))
        answer = look_up(view, closure, headers, each.name, configuration)
        found = configuration() if answer.kind == "unknown" and not own_architecture(file.path) else None
        if found is not None and found.architecture != closure.architecture:
            closure = Closure(view, file.path, text, found.architecture, more)
            answer = look_up(view, closure, headers, each.name, configuration)
        if in_part and answer.kind == "unreached" and (known := configuration()) is not None:
            answer = only_elsewhere(view, headers, each.name, known) or answer
        if before is not None and answer.kind != "always":
            old = Closure(view, file.path, before, closure.architecture)
            if look_up(view, old, headers, each.name, configuration).kind != "always":
                continue
        if answer.kind == "nowhere":
            silent = closure.unknown or context.not_claimed or not each.name.islower()
            paths = () if silent else files_holding(view, each.name, most=EVERYWHERE)[0]
            elsewhere = any(path != file.path for path in paths)
            if not silent and not elsewhere and not beside_glues(view, closure, each.name):
                told.setdefault("", []).append((each, answer, None))
        elif answer.kind == "unknown" or (answer.kind == "unreached" and (closure.unknown or in_part)):
            unknown.append(each.name)
        elif answer.declared is not None:
            told.setdefault(answer.declared.path, []).append((each, answer, configuration()))
    for path in sorted(told):
        unsure = in_part or bool(context.not_claimed)
        missing = closure.unknown or "an #include outside its hunks" * in_part
        said = finding(file, told[path], missing, "info" if unsure else "")
        # The headers of the base may include one that those of another release do not.
        yield context.claimed(said) if told[path][0][1].kind == "unreached" else said
    if unknown:
        why = closure.unknown or f"when {file.path} is built is not known"
        names = ", ".join(unknown[:MOST_NAMES])
        yield file.unchecked(named[0].line, f"{len(unknown)} names not checked ({names}): {why}")


def own_architecture(path: str) -> str:
    """The architecture of whose directory a file is, "" for none."""
    parts = path.split("/")
    return parts[1] if parts[0] == "arch" and len(parts) > 2 else ""


def beside_glues(view: "View", closure: "Closure", name: str) -> bool:
    """Whether a macro of the headers beside the file pastes such a name together."""
    from patchscan.lookup.pasted import glued_in

    texts = (view.read(path) or b"" for path in closure.beside())
    return any(glued.fullmatch(name) for text in texts if b"##" in text for glued in glued_in(text))


def smallest(view: "View", source: "Source", name: str) -> "Configuration | None":
    """A configuration that builds a use of a name by a file, and has little else."""
    from patchscan.basics.formula import all_of, any_of
    from patchscan.kbuild.built import built_exactly_when
    from patchscan.kconfig.solve import find_configuration
    from patchscan.lookup.used import used_when

    built = built_exactly_when(view, source.path)
    used = used_when(view, source, name)
    if built is None or not built.plain or not used.plain:
        return None
    wanted = all_of((built, used)) if used.atoms else built
    return find_configuration(view, wanted, any_of(()))


def finding(file: ChangedFile, told: "list[Told]", missing: str, severity: str) -> Finding:
    """What to say of the names that one header declares, or none.

    missing: a header that is not at hand; severity: where the tree is not quite that of the series.
    """
    names = [f"'{each.name}'" for each, _, _ in told]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    shown = ", ".join(names[:MOST_NAMES]) + more
    line, answer, configuration = told[0][0].line, told[0][1], told[0][2]
    are = "is" if len(names) == 1 else "are"
    if answer.declared is None:
        return file.finding(
            line,
            f"{shown} {are} declared nowhere in this tree or series: is it the right base?",
            severity="info",
            confidence="low",
        )
    header = answer.declared.path.removeprefix("include/").removeprefix("uapi/")
    evidence = (Evidence(answer.declared.path, answer.declared.line, answer.declared.text),)
    if answer.kind == "unreached":
        return file.finding(
            line,
            f"{shown} {are} declared in <{header}>, which this file does not include, not by way of other "
            "headers either",
            evidence,
            severity=severity,
        )
    telling = sorted(configuration.telling) if configuration is not None else []
    options = ", ".join(f"CONFIG_{option}" for option in telling[:MOST_SHOWN]) or "no further option"
    others = " and others" if len(telling) > MOST_SHOWN else ""
    where = f"{configuration.architecture if configuration else ''} with {options}{others}"
    gates = " or ".join(f"CONFIG_{option}" for option in answer.gates[:MOST_NAMES])
    only = f", which comes along only with {gates}" if gates else ""
    unless = f", unless a header that is not at hand brings it ({missing})" if missing else ""
    if answer.kind == "conditional":
        needs = f" only with {gates}" if gates else " only under a condition"
        return file.finding(
            line,
            f"{shown} {are} declared{needs} ({answer.declared.path}:{answer.declared.line}), but this is built "
            f"without, too ({where}): a stub is missing there, or the same condition here",
            evidence,
            severity=severity,
        )
    return file.finding(
        line,
        f"{shown} {are} not declared in every configuration ({where}): include <{header}>{only}{unless}",
        evidence,
        severity="info" if missing else "",
    )


RULE = Rule(
    name="undeclared-name",
    summary="A function or macro is called in a file that does not reach its declaration",
    why=(
        "The file does not compile where no header that it includes declares the name. Often one does by way of "
        "another header only while some option is on, and the author had that option: FIELD_PREP() came along with "
        "the fortified string functions. Who uses a name includes the header that declares it."
    ),
    source=(
        "Documentation/process/submit-checklist.rst (if you use a facility then include the file that defines it); "
        "reports of the kernel test robot"
    ),
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-y += tick.o
>>> tree include/linux/reset.h
int reset_begin(struct device *dev);
>>> patch clock: fewer headers
>>> file drivers/clock/tick.c
-#include <linux/reset.h>
 #include <linux/other.h> // want "'reset_begin' is declared in <linux/reset.h>, which this file does not include"
 static int tick_probe(struct device *dev)
 {
 	return reset_begin(dev);
 }
>>> file include/linux/other.h
+int other;
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-$(CONFIG_CLOCK) += tick.o
>>> tree drivers/Kconfig
config FORTIFY
	bool "Fortify"
config CLOCK
	tristate "Clock"
>>> tree include/linux/string.h
#ifndef _STRING_H
#define _STRING_H
#ifdef CONFIG_FORTIFY
#include <linux/fortify.h>
#endif
#endif
>>> tree include/linux/fortify.h
#include <linux/field.h>
>>> tree include/linux/field.h
#define FIELD(mask, value) ((mask) & (value))
#define FIELD_MOST(mask) (mask)
>>> tree include/linux/reset.h
int reset_begin(struct device *dev);
>>> patch clock: fields
>>> file drivers/clock/tick.c
 #include <linux/string.h>
 static int tick_probe(struct device *dev)
 {
-	return 0;
+	int value = FIELD(3, dev->id); // want "'FIELD', 'FIELD_MOST' are not .* CONFIG_CLOCK.*only with CONFIG_FORTIFY"
+
+	if (value > FIELD_MOST(3))
+		return 0;
+	return reset_begin(dev); // want "'reset_begin' is declared in <linux/reset.h>, which this file does not include"
 }
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-y += tick.o
>>> tree drivers/Kconfig
config SLEEP
	bool "Sleep"
>>> tree include/linux/sleep.h
#ifdef CONFIG_SLEEP
void sleep_begin(void);
#endif
>>> patch clock: sleep
>>> file drivers/clock/tick.c
 #include <linux/sleep.h>
 static int tick_probe(struct device *dev)
 {
+	sleep_begin(); // want "'sleep_begin' is declared only with CONFIG_SLEEP .*x86 with no further option"
 	return 0;
 }
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-y += tick.o
>>> tree drivers/Kconfig
config SLEEP
	bool "Sleep"
>>> tree include/linux/sleep.h
#ifdef CONFIG_SLEEP
void sleep_begin(void);
#else
static inline void sleep_begin(void) { }
#endif
>>> patch clock: sleep
>>> file include/linux/sleep.h
 int of_another_base;
 void sleep_begin(void);
+void sleep_deeply(void);
>>> file drivers/clock/tick.c
 #include <linux/sleep.h>
 static int tick_probe(struct device *dev)
 {
+	sleep_deeply(); // want "'sleep_deeply' is declared only with CONFIG_SLEEP"
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-y += tick.o
>>> tree include/linux/reset.h
int reset_begin(struct device *dev);
>>> tree include/linux/other.h
#include <linux/reset.h>
>>> patch clock: fewer headers
>>> file drivers/clock/tick.c
-#include <linux/reset.h>
 #include <linux/other.h>
 static int tick_probe(struct device *dev)
 {
 	return reset_begin(dev);
 }
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-$(CONFIG_CLOCK) += tick.o
>>> tree drivers/Kconfig
config FORTIFY
	bool "Fortify"
config CLOCK
	tristate "Clock"
	depends on FORTIFY
>>> tree include/linux/string.h
#ifdef CONFIG_FORTIFY
#include <linux/field.h>
#endif
>>> tree include/linux/field.h
#define FIELD(mask, value) ((mask) & (value))
#define MAKE(name) void name##_begin(void);
MAKE(tick)
>>> tree include/linux/other.h
void tick_begin(void);
void notify(void);
>>> patch clock: fields
>>> file drivers/clock/tick.c
 #include <linux/string.h>
+struct ops {
+	void (*notify)(struct device *dev);
+};
+#define LATER(x) notify(x)
 static int tick_probe(struct device *dev)
 {
+	void (*notify)(void) = dev->notify;
+
+	notify();
+	dev->ops->notify(dev);
-	return 0;
+	return FIELD(3, dev->id);
 }
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-y += tick.o
>>> tree drivers/Kconfig
config SLEEP
	bool "Sleep"
>>> tree include/linux/sleep.h
#ifdef CONFIG_SLEEP
void sleep_begin(void);
#else
static inline void sleep_begin(void) { }
#endif
#define ON_SLEEP(name) \\
	void on_##name(void);
>>> patch clock: sleep
>>> file drivers/clock/tick.c
 #include <linux/sleep.h>
+#define START(name) static void start_##name(void) { }
+START(tick)
 static int tick_probe(struct device *dev)
 {
+	sleep_begin();
+	start_tick();
+	if (dev)
+		tick_end();
 	return 0;
 }
>>> patch clock: end
>>> file drivers/clock/tick.c
 #include <linux/sleep.h>
+static void tick_end(void)
+{
+}
 static int tick_probe(struct device *dev)
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-$(CONFIG_CLOCK) += tick.o
>>> tree include/linux/reset.h
int reset_begin(struct device *dev);
>>> patch clock: reset
>>> file drivers/clock/tick.c
+#include <linux/not-here.h>
+static int tick_probe(struct device *dev)
+{
+	return reset_begin(dev);
+}
""",
    ),
)
