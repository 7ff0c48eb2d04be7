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


# The code of another file, which may hold what is asked for.
INCLUDES_CODE = pattern(r'(?m)^[ \t]*#[ \t]*include[ \t]+"[^"]+\.c"')


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
    """A module without a description: none of the files that it is made of has the word."""
    number = first(file, LICENCE)
    if number and not any("MODULE_DESC" in text for text in parts_of(context, file)):
        yield file.finding(
            number, "MODULE_DESCRIPTION() is missing: with W=1 modpost warns of a module without one"
        )


def parts_of(context: Context, file: ChangedFile) -> Iterator[str]:
    """The texts of the files that may be of one module with a file, itself first, as the series leaves them."""
    yield file.added_text
    modules, directory = context.modules_of(file.path), file.path.rpartition("/")[0]
    if not modules:
        # No Makefile is seen to build it: what comes with it may be of it.
        yield from (each.added_text for each in context.c_files if each.path.rpartition("/")[0] == directory)
    elif modules != {file.path.removesuffix(".c") + ".o"}:
        for path in context.final.files(directory, deep=False):
            if path.endswith(".c") and modules & context.modules_of(path):
                yield (context.final.read(path) or b"").decode("utf-8", "replace")


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
    """A module of one file that names no licence."""
    number = first(file, DRIVER)
    alone = {file.path.removesuffix(".c") + ".o"}
    if INCLUDES_CODE.search(file.added_text):
        return
    if number and context.modules_of(file.path) == alone and context.linkage(file.path) == "modular":
        yield file.finding(number, "MODULE_LICENSE() is missing: modpost refuses a module without one")


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
>>> tree drivers/Makefile
obj-y += iio/
>>> tree drivers/iio/Kconfig
config OLD
	bool "Old"
>>> tree drivers/iio/Makefile
obj-$(CONFIG_OLD) += old.o
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/Kconfig
 config OLD
 	bool "Old"
+config PART
+	tristate "Part"
>>> file drivers/iio/Makefile
 obj-$(CONFIG_OLD) += old.o
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
>>> tree drivers/Makefile
obj-y += iio/
>>> tree drivers/iio/Kconfig
config PART
	tristate "Part"
>>> tree drivers/iio/Makefile
obj-$(CONFIG_PART) += part.o
part-y := core.o
>>> tree drivers/iio/core.c
MODULE_DESCRIPTION("Part");
MODULE_LICENSE("GPL");
>>> patch iio: add files to a module
Add them.
>>> file drivers/iio/Makefile
 obj-$(CONFIG_PART) += part.o
-part-y := core.o
+part-y := core.o bus.o more.o
>>> file drivers/iio/bus.c
+MODULE_LICENSE("GPL");
+module_i2c_driver(part_driver);
>>> file drivers/iio/more.c
+module_exit(part_exit);
""",
        """
>>> tree drivers/Makefile
obj-y += iio/
>>> tree drivers/iio/Kconfig
config PART
	tristate "Part"
>>> tree drivers/iio/Makefile
obj-$(CONFIG_OLD) += old.o
>>> tree drivers/iio/core.c
MODULE_LICENSE("GPL");
>>> patch iio: add a driver around common code
Add it.
>>> file drivers/iio/Makefile
 obj-$(CONFIG_OLD) += old.o
+obj-$(CONFIG_PART) += part.o
>>> file drivers/iio/part.c
+module_init(part_init);
+#include "core.c"
""",
        """
>>> tree drivers/Makefile
obj-y += iio/
>>> tree drivers/iio/Kconfig
config PART
	bool "Part"
>>> tree drivers/iio/Makefile
obj-$(CONFIG_OLD) += old.o
>>> patch iio: add a driver that is no module
Add it.
>>> file drivers/iio/Makefile
 obj-$(CONFIG_OLD) += old.o
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
