"""A static function or variable that nothing uses in some configuration: the compiler warns there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, Source, pattern

if TYPE_CHECKING:
    from patchscan.c.filelevel import Statement
    from patchscan.lookup.used import Useless

ATTRIBUTE = pattern(
    r"\b(?:__maybe_unused|__always_unused|__used|__visible|__exit\w*|__section\w*|__attribute__|__unused|__bpf\w*|"
    r"__init_or_module|__ref\w*|__alias\w*|inline|__inline\w*|__always_inline|__cleanup|DEFINE_\w+|extern|asm)\b"
)
DIRECTIVE = pattern(r"\s*#\s*(?:if|el|endif)")
# Macros of which some version drops its arguments.
DROPS = pattern(r"\b(?:_*[A-Z][A-Z0-9]*_[A-Z0-9_]*|\w+_ptr|[A-Z]{4,})\s*\(")
DEVICES = pattern(r"\bstruct\s+\w+_device_id\b")
WORD = pattern(r"\w+")
MOST_SHOWN = 4


def check(context: Context) -> Iterator[Finding | Silence]:
    """The static names that the patch brings, or whose uses it changes, in files that are known as a whole."""
    for file in context.c_files:
        if file.path.endswith(".c") and file.used == "tree" and file.state.after is not None:
            source = file.after[0]
            for each in candidates(file, source):
                yield from judge(context, file, source, each)


def candidates(file: ChangedFile, source: Source) -> "Iterator[Statement]":
    """The static functions and variables that the patch may have made useless somewhere."""
    from patchscan.c.filelevel import statements

    lines = [*file.added, *file.removed]
    around = any(DIRECTIVE.match(line.text) for line in lines)
    if not (around or any("static" in line.text or DROPS.search(line.text) for line in lines)):
        return
    words = {word for line in lines for word in WORD.findall(line.text)}
    for each in statements(source.text):
        asked = each.kind in ("function", "variable") and each.static and (around or each.name in words)
        if asked and not ATTRIBUTE.search(each.head(source.code).decode("latin-1")):
            yield each


def judge(
    context: Context, file: ChangedFile, source: Source, each: "Statement"
) -> Iterator[Finding | Silence]:
    """A finding where a configuration is found that has the name and no use of it, and had not before."""
    from patchscan.c.filelevel import statements
    from patchscan.lookup.used import useless_when

    line = source.line_at(each.name_start)
    now = useless_when(context.view, source, each)
    if now is None:
        return
    for old in file.before:
        same = [one for one in statements(old.text) if one.name == each.name and one.kind == each.kind]
        if same and useless_when(context.view, old, same[0]) is not None:
            yield file.fine(line, f"{each.name} was of no use in some configuration before")
            return
    yield from found(context, file, source, each, line, now)


def found(
    context: Context, file: ChangedFile, source: Source, each: "Statement", line: int, now: "Useless"
) -> Iterator[Finding | Silence]:
    """The finding, with the options that show it."""
    from patchscan.lookup.pasted import glued_names

    wanted = now.built(context.view, file.path)
    if wanted is None:
        yield file.unchecked(line, f"when {file.path} is built is not known")
        return
    if any(glued.fullmatch(each.name) for glued in glued_names(file)):
        yield file.fine(line, f"a macro may build the name {each.name}")
        return
    configuration = now.configuration(context.view, wanted)
    if configuration is None:
        yield file.fine(line, f"Kconfig may see to it that {each.name} is used")
        return
    missing = " and ".join(f"CONFIG_{name}" for name in sorted(now.used.atoms - configuration.chosen))
    # A table of devices is const: the compiler warns with W=1 only.
    table = DEVICES.search(each.head(source.code).decode("latin-1"))
    shown = f"{each.name}()" if each.kind == "function" else f"'{each.name}'"
    yield file.finding(
        line,
        f"{shown} is defined but not used without {missing} ({configuration.shown(MOST_SHOWN)}): the compiler "
        "warns; put it under the same condition, or use it by a macro that lets the compiler see it",
        severity="info" if table else "",
    )


RULE = Rule(
    name="unused-without-option",
    summary="A static function or variable is used only with an option, but defined without it, too",
    why=(
        "Where an #if takes away every use, or a macro such as SET_SYSTEM_SLEEP_PM_OPS() drops its arguments, the "
        "compiler warns of what is left without a use, and with CONFIG_WERROR the kernel does not build: build robots "
        "find that in a random configuration."
    ),
    source=(
        "gcc -Wunused-function and -Wunused-variable (for const data with W=1); "
        "Documentation/process/coding-style.rst section 21 (conditional compilation, __maybe_unused); "
        "include/linux/pm.h (the macros that let the compiler see their arguments)"
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
obj-$(CONFIG_CLOCK) += tick.o
>>> tree drivers/Kconfig
config PM_SLEEP
	bool "Sleep"
config CLOCK
	tristate "Clock"
>>> tree include/linux/pm.h
#ifdef CONFIG_PM_SLEEP
#define SET_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn) \\
	.suspend = suspend_fn, \\
	.resume = resume_fn,
#else
#define SET_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)
#endif
>>> patch clock: sleep
>>> file drivers/clock/tick.c
+static int tick_suspend(struct device *dev) // want "tick_suspend.. is defined but not used without CONFIG_PM_SLEEP"
+{
+	return 0;
+}
+static int tick_resume(struct device *dev) // want "tick_resume.. is defined but not used without CONFIG_PM_SLEEP"
+{
+	return 0;
+}
+static const struct dev_pm_ops tick_ops = {
+	SET_SYSTEM_SLEEP_PM_OPS(tick_suspend, tick_resume)
+};
 static int tick_probe(struct device *dev)
 {
-	return 0;
+	return tick_start(dev, &tick_ops);
 }
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-$(CONFIG_CLOCK) += tick.o
>>> tree drivers/Kconfig
config PHY
	bool "Phy"
config CLOCK
	tristate "Clock"
>>> patch clock: drop a condition
>>> file drivers/clock/tick.c
-#if IS_ENABLED(CONFIG_PHY)
 static const int tick_levels[] = { 1, 2 }; // want "'tick_levels' is defined but not used without CONFIG_PHY .x86 with"
-#endif
 static int tick_probe(struct device *dev)
 {
+#if IS_ENABLED(CONFIG_PHY)
 	return tick_levels[0];
+#else
+	return 0;
+#endif
 }
""",
    ),
    good=(
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-$(CONFIG_CLOCK) += tick.o
>>> tree drivers/Kconfig
config PM_SLEEP
	bool "Sleep"
config CLOCK
	tristate "Clock"
>>> tree include/linux/pm.h
#define pm_sleep_ptr(ptr) PTR_IF(IS_ENABLED(CONFIG_PM_SLEEP), (ptr))
#ifdef CONFIG_PM_SLEEP
#define SET_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn) .suspend = suspend_fn, .resume = resume_fn
#else
#define SET_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)
#endif
>>> patch clock: sleep
>>> file drivers/clock/tick.c
+static int __maybe_unused tick_suspend(struct device *dev)
+{
+	return 0;
+}
+#ifdef CONFIG_PM_SLEEP
+static int tick_resume(struct device *dev)
+{
+	return 0;
+}
+#endif
+static const struct dev_pm_ops tick_ops = {
+	SET_SYSTEM_SLEEP_PM_OPS(tick_suspend, tick_resume)
+};
 static int tick_probe(struct device *dev)
 {
-	return 0;
+	return tick_start(dev, pm_sleep_ptr(&tick_ops));
 }
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-$(CONFIG_CLOCK) += tick.o
>>> tree drivers/Kconfig
config PM_SLEEP
	bool "Sleep"
config CLOCK
	tristate "Clock"
	select PM_SLEEP
>>> patch clock: sleep
>>> file drivers/clock/tick.c
+static int tick_suspend(struct device *dev)
+{
+	return 0;
+}
 static int tick_probe(struct device *dev)
 {
+#ifdef CONFIG_PM_SLEEP
+	tick_suspend(dev);
+#endif
 	return 0;
 }
""",
        """
>>> tree drivers/Makefile
obj-y += clock/
>>> tree drivers/clock/Makefile
obj-$(CONFIG_CLOCK) += tick.o
>>> tree drivers/Kconfig
config PM_SLEEP
	bool "Sleep"
config CLOCK
	tristate "Clock"
>>> patch clock: sleep less
>>> file drivers/clock/tick.c
 static int tick_suspend(struct device *dev)
 {
-	return 1;
+	return 0;
 }
 static int tick_probe(struct device *dev)
 {
 #ifdef CONFIG_PM_SLEEP
-	tick_suspend(dev, 0);
+	tick_suspend(dev);
 #endif
 	return 0;
 }
""",
    ),
)
