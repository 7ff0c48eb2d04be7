"""A name is used in a file that does not reach its declaration, at least in some configuration."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Evidence, Finding, GivenSeverity, Rule, Silence

if TYPE_CHECKING:
    from patchscan.lookup.undeclared import Missed, Named

MOST_SHOWN = 4
MOST_NAMES = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """The names that added lines of C files are the first to call."""
    from patchscan.lookup.needed import lost_headers, names_left, new_names, place_of_include
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
    if not names and not any(lost.values()):
        return
    if not context.has_tree:
        return
    if names:
        context.look_ahead(names)
        for file, text in files:
            if named[file]:
                yield from judge(context, file, text, named[file])
            if left[file]:
                yield from judge(context, file, text, left[file], file.state.before)
    for file, text in files:
        if lost[file]:
            yield from structs_left(context, file, text, place_of_include(file))


def structs_left(context: Context, file: ChangedFile, text: bytes, line: int) -> Iterator[Finding]:
    """The structs that a file initialises and no longer reaches now that an #include is gone; line: where to say so."""
    from patchscan.lookup.undeclared import structs_lost

    for struct, path in structs_lost(context, file, text):
        header = path.removeprefix("include/").removeprefix("uapi/")
        yield file.finding(
            line,
            f"'struct {struct}' is defined in <{header}>, which this file no longer includes, not by way of other "
            "headers either",
            (Evidence(path, 1, ""),),
            severity="info" if context.not_claimed else "",
            confidence="low" if context.not_claimed else "",
        )


def judge(
    context: Context, file: ChangedFile, text: bytes, named: "list[Named]", before: bytes | None = None
) -> Iterator[Finding | Silence]:
    """What is to be said of names that one file calls; those that one header declares are told together.

    before: the file as it was, where only what it lost counts.
    """
    from patchscan.lookup.undeclared import undeclared

    found = undeclared(context, file, text, named, before)
    unsure = found.in_part or bool(context.not_claimed)
    for header, missed in found.missed:
        said = finding(file, header, missed, found.missing, "info" if unsure else "")
        # The headers of the base may include one that those of another release do not.
        yield context.claimed(said) if missed[0].answer.kind == "unreached" else said
    if found.unknown:
        names = ", ".join(found.unknown[:MOST_NAMES])
        yield file.unchecked(named[0].line, f"{len(found.unknown)} names not checked ({names}): {found.why}")


def finding(
    file: ChangedFile, header: str, told: "Sequence[Missed]", missing: str, severity: GivenSeverity
) -> Finding:
    """What to say of the names that one header declares, or none, "".

    missing: a header that is not at hand; severity: where the tree is not quite that of the series.
    """
    names = [f"'{each.named.name}'" for each in told]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    shown = ", ".join(names[:MOST_NAMES]) + more
    line, answer, configuration = told[0].named.line, told[0].answer, told[0].configuration
    are = "is" if len(names) == 1 else "are"
    if answer.declared is None:
        return file.finding(
            line,
            f"{shown} {are} declared nowhere in this tree or series: is it the right base?",
            severity="info",
            confidence="low",
        )
    evidence = (Evidence(answer.declared.path, answer.declared.line, answer.declared.text),)
    if answer.kind == "unreached":
        return file.finding(
            line,
            f"{shown} {are} declared in <{header}>, which this file does not include, not by way of other "
            "headers either",
            evidence,
            severity=severity,
            confidence="low" if severity else "",
        )
    where = configuration.shown(MOST_SHOWN) if configuration is not None else " with no further option"
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
            confidence="low" if severity else "",
        )
    return file.finding(
        line,
        f"{shown} {are} not declared in every configuration ({where}): include <{header}>{only}{unless}",
        evidence,
        severity="info" if missing else "",
        confidence="low" if missing else "",
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
    by_file=True,
    needs_tree=True,
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
