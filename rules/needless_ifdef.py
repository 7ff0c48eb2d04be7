"""A driver's functions for suspend, or its table of devices, under an #ifdef that newer macros make needless."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

OPENING = pattern(
    r"^\s*#\s*if(?:def\s+|\s+defined\s*\(?\s*|\s+IS_ENABLED\s*\(\s*)CONFIG_(PM(?:_SLEEP)?|OF|ACPI)\b\s*\)?\s*$"
)
SUSPEND = pattern(
    r"^static\s+int\s+(?:__maybe_unused\s+)?(\w*(?:suspend|resume|freeze|thaw)\w*)\s*\(\s*struct\s+device\s*\*"
)
UNUSED = pattern(
    r"^static\s+(?:int\s+__maybe_unused|__maybe_unused\s+int)\s+(\w*(?:suspend|resume)\w*)\s*\(\s*struct\s+device\s*\*"
)
TABLE = pattern(r"^static\s+(?:const\s+)?struct\s+(of|acpi)_device_id\s+(\w+)\s*\[")
# How far below an #ifdef the first thing that it hides stands.
NEAR = 4


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding an #ifdef that a patch adds, and one for all functions of a file marked as maybe unused."""
    for file in context.c_files:
        if not file.adds("CONFIG_PM", "CONFIG_OF", "CONFIG_ACPI", "__maybe_unused"):
            continue
        marked = []
        for number in sorted(file.added_numbers):
            text = file.text_at(number)
            opened = OPENING.match(text)
            if opened is not None and not file.was_there(number):
                yield from hidden(file, number, opened[1])
            elif UNUSED.match(text) and not file.was_there(number):
                marked.append(number)
        if marked and operations_in(file):
            yield file.finding(
                marked[0], f"no __maybe_unused here: with {macro_of(file, marked[0])} nothing is unused"
            )


def hidden(file: ChangedFile, number: int, option: str) -> Iterator[Finding]:
    """What stands first below an #ifdef of an option, where it needs none."""
    for below in range(number + 1, number + 1 + NEAR):
        text = file.text_at(below)
        table, suspend = TABLE.match(text), SUSPEND.match(text)
        if table is not None and option == table[1].upper():
            helper = "of_match_ptr()" if table[1] == "of" else "ACPI_PTR()"
            yield file.finding(
                number,
                f"the table needs no #ifdef: without it and without {helper} it serves every configuration",
            )
            return
        if suspend is not None and option.startswith("PM") and operations_in(file):
            yield file.finding(
                number, f"no #ifdef here: with {macro_of(file, below)} the compiler drops what is not used"
            )
            return


def operations_in(file: ChangedFile) -> bool:
    """Whether a file fills in a struct dev_pm_ops, by which its functions are named."""
    return any(b"PM_OPS" in source.code or b"dev_pm_ops" in source.code for source in file.after)


def macro_of(file: ChangedFile, number: int) -> str:
    """What to declare the operations with, by the kind of function on a line."""
    runtime = "runtime" in file.text_at(number)
    return (
        "pm_ptr() and RUNTIME_PM_OPS() or DEFINE_RUNTIME_DEV_PM_OPS()"
        if runtime
        else "pm_sleep_ptr() and DEFINE_SIMPLE_DEV_PM_OPS()"
    )


RULE = Rule(
    name="needless-ifdef",
    summary="A driver hides by #ifdef what the compiler drops by itself",
    why=(
        "Under an #ifdef code is compiled in some configurations only, and breaks unseen in the others. pm_ptr() and "
        "its kin name the functions in every configuration, and the compiler drops them where they are not used; a "
        "table of devices serves ACPI systems, too."
    ),
    source=(
        "include/linux/pm.h (pm_ptr(), pm_sleep_ptr()); Documentation/process/coding-style.rst (conditional "
        "compilation); reviews of drivers/iio"
    ),
    severity="info",
    confidence="high",
    check=check,
    bad=(
        """
 int x;
+#ifdef CONFIG_PM_SLEEP // want "no #ifdef here: with pm_sleep_ptr.*DEFINE_SIMPLE_DEV_PM_OPS"
+static int part_suspend(struct device *dev)
+{
+	return 0;
+}
+#endif
+static SIMPLE_DEV_PM_OPS(part_pm_ops, part_suspend, NULL);
""",
        """
 int x;
+#ifdef CONFIG_OF // want "needs no #ifdef: without it and without of_match_ptr"
+static const struct of_device_id part_of_match[] = {
+	{ .compatible = "acme,part" },
+	{ }
+};
+#endif
""",
        """
 int x;
+static int __maybe_unused part_suspend(struct device *dev) // want "pm_sleep_ptr.*nothing is unused"
+{
+	return 0;
+}
+static int __maybe_unused part_resume(struct device *dev)
+{
+	return 0;
+}
+static const struct dev_pm_ops part_pm_ops = {
+	SET_SYSTEM_SLEEP_PM_OPS(part_suspend, part_resume)
+};
""",
        """
 int x;
+#ifdef CONFIG_PM // want "pm_ptr.. and RUNTIME_PM_OPS"
+static int part_runtime_suspend(struct device *dev)
+{
+	return 0;
+}
+#endif
+static const struct dev_pm_ops part_pm_ops = {
+	SET_RUNTIME_PM_OPS(part_runtime_suspend, NULL, NULL)
+};
""",
    ),
    good=(
        """
 int x;
+static int part_suspend(struct device *dev)
+{
+	return 0;
+}
+static DEFINE_SIMPLE_DEV_PM_OPS(part_pm_ops, part_suspend, NULL);
""",
        """
 int x;
+#ifdef CONFIG_OF
+static int part_read_tree(struct device *dev)
+{
+	return 0;
+}
+#endif
+#ifdef CONFIG_ACPI
+static const struct of_device_id part_of_match[] = { { } };
+#endif
""",
        """
 int x;
+#ifdef CONFIG_PM
+static int part_suspend(struct device *dev)
+{
+	return 0;
+}
+#endif
+static int __maybe_unused part_resume(struct device *dev)
+{
+	return 0;
+}
""",
        """
-#ifdef CONFIG_PM_SLEEP
 int x;
+#ifdef CONFIG_PM_SLEEP
 static int part_suspend(struct device *dev)
 {
 	return 0;
 }
 #endif
 static SIMPLE_DEV_PM_OPS(part_pm_ops, part_suspend, NULL);
""",
    ),
    wakes=("config_pm", "config_of", "config_acpi", "__maybe_unused"),
)
