"""A function or macro is called in a file that does not reach its declaration, at least in some configuration."""

from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

from patchscan.context import encode
from patchscan.lookup.needed import (
    Named,
    lost_headers,
    names_left,
    new_names,
    own_architecture,
    place_of_include,
)
from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence, Source, parse

if TYPE_CHECKING:
    from patchscan.kconfig.solve import Configuration
    from patchscan.lookup.closure import Closure
    from patchscan.lookup.declared import Answer
    from patchscan.tree.overlay import View

    Told = tuple[Named, Answer, Configuration | None]

EVERYWHERE = 100_000
MOST_SHOWN = 4
MOST_NAMES = 3


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
    lost = {file: lost_headers(context, file, text) for file, text in files}
    left = {
        file: list(names_left(context, file, text, lost[file], place_of_include(file)))
        for file, text in files
    }
    names = {each.name for found in (*named.values(), *left.values()) for each in found}
    if names and can_look_up(context.view):
        context.look_ahead(names, whole=False)
        for file, text in files:
            if named[file]:
                yield from judge(context, file, text, named[file])
            if left[file]:
                yield from judge(context, file, text, left[file], file.state.before)
    for file, text in files:
        if lost[file] and can_look_up(context.view):
            yield from structs_left(context, file, text, place_of_include(file))


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


def judge(
    context: Context, file: ChangedFile, text: bytes, named: list[Named], before: bytes | None = None
) -> Iterator[Finding | Silence]:
    """What is to be said of names that one file calls; those that one header declares are told together.

    before: the file as it was, where only what it lost counts.
    """
    from patchscan.c.includes import includes
    from patchscan.lookup.closure import Closure, is_host_program
    from patchscan.lookup.declared import look_up, only_elsewhere
    from patchscan.lookup.hunks import was_there
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
            known = configuration()
            if answer.kind == "unknown" and known is not None and known.architecture == closure.architecture:
                answer = lost_for(view, old, closure, headers, each.name) or answer
        if answer.kind == "nowhere":
            silent = closure.unknown or context.not_claimed or not each.name.islower()
            silent = silent or was_there(context, each.name)
            paths = () if silent else files_holding(view, each.name, most=EVERYWHERE)[0]
            elsewhere = any(path != file.path for path in paths)
            if not silent and not elsewhere and not beside_glues(view, closure, each.name):
                told.setdefault("", []).append((each, answer, None))
        elif answer.kind == "unknown" or (answer.kind == "unreached" and (closure.unknown or in_part)):
            unknown.append(each.name)
        elif answer.kind == "conditional" and in_part:
            # What condition the call stands under is not seen: the #ifdef may lie above the hunk.
            unknown.append(each.name)
        elif answer.declared is not None:
            told.setdefault(answer.declared.path, []).append((each, answer, configuration()))
    for path in sorted(told):
        unsure = in_part or bool(context.not_claimed)
        missing = closure.unknown or "an #include outside its hunks" * in_part
        said = finding(view, file, told[path], missing, "info" if unsure else "")
        # The headers of the base may include one that those of another release do not.
        yield context.claimed(said) if told[path][0][1].kind == "unreached" else said
    if unknown:
        why = closure.unknown or f"when {file.path} is built is not known"
        names = ", ".join(unknown[:MOST_NAMES])
        yield file.unchecked(named[0].line, f"{len(unknown)} names not checked ({names}): {why}")


def lost_for(
    view: "View", old: "Closure", closure: "Closure", headers: list[str], name: str
) -> "Answer | None":
    """The answer for a name that a file has lost with all headers of one architecture that hold it."""
    from patchscan.lookup.declared import Answer, strictly

    if any(path in closure.every() for path in headers):
        return None
    found = [each for path in headers if path in old.certain() for each in strictly(view, path, name)]
    return Answer("unreached", found[0]) if found else None


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


def included_as(view: "View", path: str) -> str:
    """The name by which a header is included; that of an architecture by way of the common one, where there is one."""
    name = path.rpartition("/include/")[2] if path.startswith("arch/") else path.removeprefix("include/")
    name = name.removeprefix("uapi/").replace("asm-generic/", "asm/")
    common = name.replace("asm/", "linux/", 1)
    return common if view.exists(f"include/{common}") else name


def finding(view: "View", file: ChangedFile, told: "list[Told]", missing: str, severity: str) -> Finding:
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
    header = included_as(view, answer.declared.path)
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
>>> tree include/linux/port.h
#include <asm/port.h>
>>> tree arch/x86/include/asm/port.h
int port_read(int port);
>>> patch clock: fewer headers
>>> file drivers/clock/tick.c
-#include <linux/port.h>
 #include <linux/other.h> // want "'port_read' is declared in <linux/port.h>, which this file does not include"
 static int tick_probe(int port)
 {
 	return port_read(port);
 }
>>> file include/linux/other.h
+int other;
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
    ),
)
