"""A module that names another licence than its source file."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, GivenSeverity, Rule, Silence, pattern

MODULE = pattern(r'^\s*MODULE_LICENSE\s*\(\s*"([^"]*)"')
FILE = pattern(r"SPDX-License-Identifier:\s*(.*?)\s*(?:\*/.*)?$")
# Behind the line of an opened comment.
FIRST = 3
GPL_ALONE = pattern(r"GPL-2\.0(?:-only|-or-later|\+)?")
CHOICE = pattern(r"\bOR\b")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a file whose two licences a patch brings together."""
    for file in context.c_files:
        if not file.adds("MODULE_LICENSE"):
            continue
        licence = licence_of(file)
        for number in sorted(file.added_numbers) if licence else ():
            found = MODULE.match(file.text_at(number))
            if found is None or file.was_there(number):
                continue
            message, severity = contradiction(licence, found[1])
            if message:
                yield file.finding(number, message, severity=severity)


def licence_of(file: ChangedFile) -> str:
    """The licence that the first lines of a file name, "" where they are not in sight."""
    found = (FILE.search(file.text_at(number)) for number in range(1, FIRST + 1))
    return next((match[1] for match in found if match is not None), "")


def contradiction(licence: str, said: str) -> tuple[str, GivenSeverity]:
    """(what is wrong, how grave) with the licence of a file beside that of its module; "" for nothing."""
    if said.startswith("Dual ") and GPL_ALONE.fullmatch(licence):
        return (
            f'the file is under {licence} alone, and MODULE_LICENSE("{said}") offers a choice: which holds?',
            "warning",
        )
    if said in ("GPL", "GPL v2") and CHOICE.search(licence):
        return (
            f'the file offers {licence}, and MODULE_LICENSE("{said}") only one of them: which holds?',
            "info",
        )
    return "", "info"


RULE = Rule(
    name="licence-mismatch",
    summary="A module names another licence than its source file",
    why=(
        "The SPDX line is what counts, and MODULE_LICENSE() is what the module loader and those who ship the module "
        "read. Where they differ, one of them was copied from another driver."
    ),
    source="Documentation/process/license-rules.rst (MODULE_LICENSE); review of a driver in drivers/iio, 2025",
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+// SPDX-License-Identifier: GPL-2.0-only
+int x;
+MODULE_LICENSE("Dual BSD/GPL"); // want "under GPL-2.0-only alone.*offers a choice"
""",
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
+int x;
+MODULE_LICENSE("GPL"); // want "offers .GPL-2.0 OR BSD-3-Clause.*only one of them"
""",
    ),
    good=(
        """
>>> patch iio: add drivers
Add them.
>>> file drivers/iio/part.c
+// SPDX-License-Identifier: GPL-2.0-or-later
+MODULE_LICENSE("GPL");
>>> file drivers/iio/piece.c
+// SPDX-License-Identifier: GPL-2.0-only OR MIT
+MODULE_LICENSE("Dual MIT/GPL");
>>> file drivers/iio/other.c
+// SPDX-License-Identifier: GPL-2.0
+MODULE_LICENSE("GPL v2");
""",
        """
>>> tree drivers/iio/part.c
// SPDX-License-Identifier: GPL-2.0
int x;
MODULE_LICENSE("Dual BSD/GPL");
>>> patch iio: turn a variable round
Turn it.
>>> file drivers/iio/part.c
@@ -1,3 +1,3 @@
 // SPDX-License-Identifier: GPL-2.0
-int x;
+int y;
 MODULE_LICENSE("Dual BSD/GPL");
""",
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
@@ -100,2 +100,3 @@
 int x;
+MODULE_LICENSE("Dual BSD/GPL");
 int y;
""",
    ),
    wakes=("module_license",),
)
