"""A table of device ids without the empty entry that ends it."""

import re
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, Source, pattern

TABLE = pattern(
    rb"\bstruct\s+(\w+_device_id|dmi_system_id|x86_cpu_id)\s+(\w+)\s*\[\s*\]\s*(?:__\w+\s*)*=\s*\{"
)
BRACKET = pattern(rb"[(){},]")
# What an entry that names a device holds: a text, a number that is not 0, or a macro.
NAMES = pattern(r"\"[^\"]|\b(?:0x)?0*[1-9]\w*\b|\b[A-Z]\w*[A-Z]\w*\b")
EMPTY = pattern(r"\{(?:\s|[{},]|\b0(?:x0+)?\b|NULL\b|\"\"|\.\w+\s*=)*\}")
# An entry of more characters is none that somebody wrote.
LONGEST = 4000
COMMENT = pattern(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The tables that a patch touches and whose end it writes or uncovers."""
    for file in context.c_files:
        if not file.touches("}", ",") or not file.shows("_id"):
            continue
        for source in file.after:
            for found in TABLE.finditer(source.code):
                yield from judge(file, source, found)


def judge(file: ChangedFile, source: Source, found: re.Match[bytes]) -> Iterator[Finding]:
    """One table; where an #if stands in it, or its end is out of sight, nothing is known."""
    entries, end = entries_of(source.code, found.end())
    first, last = source.line_at(found.start()), source.line_at(end)
    if (
        not entries
        or b"#" in source.code[found.start() : end]
        or not any(first <= each <= last for each in file.touched_numbers)
    ):
        return
    start, stop = entries[-1]
    if stop - start > LONGEST:
        return
    text = COMMENT.sub(" ", source.slice(start, stop)).strip()
    if not is_entry(text) or not is_ended_by_entry(source, found[2]):
        return
    line = source.line_at(start + len(source.code[start:stop]) - len(source.code[start:stop].lstrip()))
    if file.change.kind == "modify" and had_no_end(file, found[2]):
        return
    name = found[2].decode()
    yield file.finding(
        line,
        f"{name}[] has no empty entry at its end: whoever goes through it reads on behind it, and modpost refuses a "
        "table of MODULE_DEVICE_TABLE() that has none; add { }",
        (file.evidence(first),),
    )


def entries_of(code: bytes, begin: int) -> tuple[list[tuple[int, int]], int]:
    """(start, end) of each entry of an initialiser from an offset on, and where it ends; [] where it does not."""
    entries, depth, start = [], 0, begin
    for each in BRACKET.finditer(code, begin):
        mark = each[0]
        if mark in b"({":
            depth += 1
        elif mark != b"," and depth:
            depth -= 1
        elif not depth:
            if code[start : each.start()].strip():
                entries.append((start, each.start()))
            if mark == b"}":
                return entries, each.start()
            start = each.end()
    return [], len(code)


def is_entry(text: str) -> bool:
    """Whether an initialiser plainly names a device."""
    return (
        text.startswith("{")
        and text.endswith("}")
        and not EMPTY.fullmatch(text)
        and NAMES.search(text) is not None
    )


def is_ended_by_entry(source: Source, name: bytes) -> bool:
    """Whether who reads a table looks for an empty entry: the file publishes it, or gives it to a driver."""
    word = re.escape(name)
    published = re.compile(rb"MODULE_DEVICE_TABLE\s*\(\s*\w+\s*,\s*%s\s*\)" % word)
    given = re.compile(rb"\.(?:of_match_table|acpi_match_table|id_table)\s*=\s*(?:\w+\()?\s*%s\b" % word)
    return any(each.search(source.code) for each in (published, given))


def had_no_end(file: ChangedFile, name: bytes) -> bool:
    """Whether the table had no empty entry before the patch."""
    for source in file.before:
        for found in TABLE.finditer(source.code):
            if found[2] == name:
                entries, _ = entries_of(source.code, found.end())
                short = bool(entries) and entries[-1][1] - entries[-1][0] <= LONGEST
                return short and is_entry(COMMENT.sub(" ", source.slice(*entries[-1])).strip())
    return False


RULE = Rule(
    name="unterminated-table",
    summary="A table of device ids lacks the empty entry that ends it",
    why=(
        "Who looks for a device goes through the table until an empty entry comes: without one it reads what lies "
        "behind, and may take that for a match. modpost refuses to build a module with such a table."
    ),
    source=(
        "scripts/mod/file2alias.c (is not terminated with a NULL entry); scripts/coccinelle/misc/of_table.cocci; "
        "reports of the kernel test robot"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    in_code=("_device_id", "dmi_system_id", "x86_cpu_id"),
    bad=(
        """
+static const struct of_device_id walk_match[] = {
+	{ .compatible = "walk,one" },
+	{ .compatible = "walk,two", .data = &walk_two }, // want "walk_match.. has no empty entry at its end"
+};
+MODULE_DEVICE_TABLE(of, walk_match);
""",
        """
 static const struct i2c_device_id walk_ids[] = {
 	{ "walk-one", 0 },
-	{ "walk-two", 0 },
-	{ }
+	{ "walk-two", 0 } // want "walk_ids.. has no empty entry"
 };
 MODULE_DEVICE_TABLE(i2c, walk_ids);
+static const struct pci_device_id run_ids[] = {
+	{ PCI_DEVICE(PCI_VENDOR_ID_WALK, 0x1234) } // want "run_ids.. has no empty entry"
+};
+static struct pci_driver run_driver = {
+	.id_table = run_ids,
+};
""",
    ),
    good=(
        """
+static const struct of_device_id walk_match[] = {
+	{ .compatible = "walk,one" },
+	{ /* END of list 1 */ }
+};
+MODULE_DEVICE_TABLE(of, walk_match);
+static const struct i2c_device_id walk_ids[] = {
+	{ "walk-one", 0 },
+	{ "", 0 }, /* the END of all */
+};
+MODULE_DEVICE_TABLE(i2c, walk_ids);
+static const struct pci_device_id run_ids[] = {
+	{ PCI_DEVICE(PCI_VENDOR_ID_WALK, 0x1234) },
+	{ 0, }
+};
+MODULE_DEVICE_TABLE(pci, run_ids);
+static const struct of_device_id by_number[] = {
+	{ .compatible = "walk,one" },
+};
+static int count = ARRAY_SIZE(by_number);
""",
        """
 static const struct of_device_id walk_match[] = {
+	{ .compatible = "walk,zero" },
 	{ .compatible = "walk,one" },
 };
 MODULE_DEVICE_TABLE(of, walk_match);
""",
        """
+static const struct of_device_id walk_match[] = {
+	{ .compatible = "walk,one" },
+#ifdef CONFIG_WALK
+	{ .compatible = "walk,two" },
+#endif
+};
+MODULE_DEVICE_TABLE(of, walk_match);
+static const struct usb_device_id run_ids[] = {
+	{ USB_DEVICE(0x1234, 1) },
+	RUN_LAST_ENTRY
+};
+MODULE_DEVICE_TABLE(usb, run_ids);
""",
    ),
)
