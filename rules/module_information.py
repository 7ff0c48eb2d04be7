"""A new module that lacks its licence, its description or the table by which it is loaded."""

import re
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

DRIVER = pattern(r"^\s*module_(?:init|exit|\w*driver\w*)\s*\(")
LICENCE = pattern(r"^\s*MODULE_LICENSE\s*\(")
TABLE = pattern(
    r"^\s*(?:static\s+)?(?:const\s+)?struct\s+(of|i2c|spi|acpi|platform|pci|usb|serdev)_device_id\s+(\w+)\s*\["
)
MATCHED = r"\.(?:of_match_table|acpi_match_table|id_table)\s*=\s*(?:\w+\s*\(\s*)?%s\b"
PUBLISHED = r"MODULE_DEVICE_TABLE\s*\(\s*\w+\s*,\s*%s\s*\)"


def check(context: Context) -> Iterator[Finding | Silence]:
    """What the files that a patch makes lack of what a module says of itself."""
    for file in context.c_files:
        if file.change.kind != "create" or file.change.damaged or not file.path.endswith(".c"):
            continue
        if file.adds("MODULE_LICENSE"):
            yield from description(context, file)
            yield from tables(file)
        elif file.adds("module_"):
            yield from licence(context, file)


def description(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """A module without a description: neither its file nor one that comes with it has the word."""
    directory = file.path.rpartition("/")[0]
    beside = [each for each in context.c_files if each.path.rpartition("/")[0] == directory]
    number = first(file, LICENCE)
    if number and not any(each.adds("MODULE_DESC") for each in beside):
        yield file.finding(
            number, "MODULE_DESCRIPTION() is missing: with W=1 modpost warns of a module without one"
        )


def tables(file: ChangedFile) -> Iterator[Finding]:
    """Tables of devices by which a driver is matched, and never loaded."""
    for number in sorted(file.added_numbers):
        found = TABLE.match(file.code_at(number))
        if found is None:
            continue
        kind, name = found[1], re.escape(found[2])
        if re.search(PUBLISHED % name, file.added_text) or not re.search(MATCHED % name, file.added_text):
            continue
        yield file.finding(
            number,
            f"MODULE_DEVICE_TABLE({kind}, {found[2]}) is missing: without it nothing loads the module for its devices",
            severity="info",
            confidence="medium",
        )


def licence(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """A module of one file, by the Makefile and Kconfig of the series, that names no licence."""
    number = first(file, DRIVER)
    option = option_of(context, file) if number else ""
    if option and re.search(rf"(?m)^config {option}\n\s+tristate\b", added_to(context, "Kconfig")):
        yield file.finding(number, "MODULE_LICENSE() is missing: modpost refuses a module without one")


def option_of(context: Context, file: ChangedFile) -> str:
    """The option behind which a Makefile of the series has the object of one file, "" where it is part of another."""
    name = re.escape(file.path.rpartition("/")[2].removesuffix(".c"))
    makefile = added_to(context, "Makefile")
    found = re.search(rf"(?m)^obj-\$\(CONFIG_(\w+)\)\s*\+?:?=\s*{name}\.o\s*$", makefile)
    made_of_parts = re.search(rf"(?m)^{name}-(?:y|objs)\b", makefile)
    return found[1] if found and not made_of_parts else ""


def added_to(context: Context, name: str) -> str:
    """The lines that a patch adds to files of a name."""
    return "\n".join(
        file.added_text for file in context.files if file.path.rpartition("/")[2].startswith(name)
    )


def first(file: ChangedFile, form: "re.Pattern[str]") -> int:
    """The first added line of code of a form, 0 for none."""
    return next((number for number in sorted(file.added_numbers) if form.match(file.code_at(number))), 0)


RULE = Rule(
    name="module-information",
    summary="A new module lacks its licence, its description or its table of devices",
    why=(
        "modpost refuses a module without a licence and warns of one without a description; and user space loads a "
        "driver for the devices that MODULE_DEVICE_TABLE() publishes, and for no others."
    ),
    source=(
        "scripts/mod/modpost.c (missing MODULE_LICENSE, MODULE_DESCRIPTION); include/linux/module.h; reports of the "
        "kernel test robot"
    ),
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+static const struct of_device_id part_of_match[] = { // want "MODULE_DEVICE_TABLE.of, part_of_match. is missing"
+	{ .compatible = "acme,part" },
+	{ }
+};
+static struct i2c_driver part_driver = {
+	.driver = { .of_match_table = part_of_match },
+};
+MODULE_LICENSE("GPL"); // want "MODULE_DESCRIPTION.. is missing"
""",
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/Kconfig
+config PART
+	tristate "Part"
>>> file drivers/iio/Makefile
+obj-$(CONFIG_PART) += part.o
>>> file drivers/iio/part.c
+module_i2c_driver(part_driver); // want "MODULE_LICENSE.. is missing"
""",
    ),
    good=(
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+static const struct of_device_id part_of_match[] = {
+	{ .compatible = "acme,part" },
+	{ }
+};
+MODULE_DEVICE_TABLE(of, part_of_match);
+static const struct of_device_id part_parents[] = {
+	{ .compatible = "acme,parent" },
+	{ }
+};
+static struct i2c_driver part_driver = {
+	.driver = { .of_match_table = of_match_ptr(part_of_match) },
+};
+MODULE_DESCRIPTION("Part");
+MODULE_LICENSE("GPL");
""",
        """
>>> patch iio: add a driver of two files
Add it.
>>> file drivers/iio/Kconfig
+config PART
+	tristate "Part"
>>> file drivers/iio/Makefile
+obj-$(CONFIG_PART) += part.o
+part-y := core.o bus.o
>>> file drivers/iio/part/core.c
+MODULE_DESCRIPTION("Part");
+MODULE_LICENSE("GPL");
>>> file drivers/iio/part/bus.c
+MODULE_LICENSE("GPL");
+module_i2c_driver(part_driver);
>>> file drivers/iio/part.c
+module_exit(part_exit);
""",
        """
>>> patch iio: add a driver that is no module
Add it.
>>> file drivers/iio/Kconfig
+config PART
+	bool "Part"
>>> file drivers/iio/Makefile
+obj-$(CONFIG_PART) += part.o
>>> file drivers/iio/part.c
+module_init(part_init);
""",
        """
@@ -1,2 +1,3 @@
 int x;
+MODULE_LICENSE("GPL");
 int y;
""",
    ),
    wakes=("module_",),
)
