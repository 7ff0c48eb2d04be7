"""The last entry of a list that may grow has no comma behind it."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

# One member or entry a line: what is added behind it needs this line to change, too.
ENTRY = pattern(
    r"\s+(?:\.[\w.\[\]]+\s*=\s*[^{};]+|\[\w+\]\s*=\s*[^{};]+|\"[^\"]*\"|\{\s*[^{};\s][^{};]*\}|[A-Z][A-Z0-9_]*(?:\s*=\s*[^{};,]+)?|&\w+(?:\.\w+)*)"
)
# A list in a function is filled for one use.
CLOSE = pattern(r"\}\s*;\s*")
# What ends a list, or counts what is in it, stays the last.
LAST = pattern(
    r".*\b(?:NULL|0)|\s*\{\s*(?:0|NULL)\s*,?\s*\}|"
    r"\s*\{?\s*\w*(?:MAX|NUM|COUNT|LAST|END|EOR|TOT|SIZE|NR_|_NR|INVALID|SENTINEL|LIMIT|CNT|__)\w*(?:\s*[=,].*)?"
)
SAID = pattern(r"/[*/].*\b(?i:last|end)\b")
OPEN = pattern(r".*\{\s*$")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Such entries of lists in new files, told once a file."""
    for file in context.c_files:
        if file.change.kind == "create" and file.path.endswith(".c") and "/uapi/" not in file.path:
            yield from of_file(file)


def of_file(file: ChangedFile) -> Iterator[Finding]:
    """The entries of one file that stand right before the brace that ends their list, the one above being like them."""
    lines = [line for line in file.added if line.new is not None]
    for first, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        if not CLOSE.fullmatch(after.text) or not (
            first.text.rstrip().endswith(",") or OPEN.fullmatch(first.text)
        ):
            continue
        number = file.source_line(line.new or 0)
        code = file.code_at(number).rstrip()
        if (
            not code.endswith(",")
            and not SAID.search(line.text)
            and ENTRY.fullmatch(code)
            and not LAST.fullmatch(code)
        ):
            yield file.finding(number, "with a comma behind it the next entry changes one line only")


RULE = Rule(
    name="comma-left-out",
    summary="The last entry of a list has no comma behind it",
    why="Who adds an entry has to touch the line before, which then stands in the diff and in its history.",
    source="Common practice: in drivers/gpio, hwmon, iio, leds and pinctrl 4008 of 4068 such members have it (6.12)",
    severity="info",
    confidence="medium",
    check=check,
    by_file=True,
    wakes=("create ",),
    bad=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static const struct regmap_config part_config = {
+	.reg_bits = 8,
+	.max_register = 0x20 // want "with a comma behind it"
+};
+static const char * const part_names[] = {
+	"one",
+	"two" // want "with a comma behind it"
+};
""",
    ),
    good=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static const struct regmap_config part_config = {
+	.reg_bits = 8,
+	.max_register = 0x20,
+};
+static struct attribute *part_attributes[] = {
+	&part_level.attr,
+	NULL
+};
+enum part_kind {
+	PART_ONE,
+	PART_COUNT
+};
+static const struct of_device_id part_match[] = {
+	{ .compatible = "some,part" },
+	{ }
+};
+static const struct pci_device_id part_ids[] = {
+	{ PCI_DEVICE(1, 2) },
+	{ 0, }
+};
+static const struct value part_start[] = {
+	{ PART_RATE, 1 },
+	{ PART_TABLE_END, 0 }
+};
+enum {
+	FIRST,
+	TOT_REGS
+};
+enum {
+	PART_FIRST,
+	PART_EXTENT /* always last */
+};
""",
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int work(struct part *part)
+{
+	struct range range = {
+		.first = 1,
+		.last = 2
+	};
+	level(part,
+	      part->rate);
+	return do_work(&range);
+}
""",
        """
 static const struct regmap_config part_config = {
 	.reg_bits = 8,
+	.max_register = 0x20
 };
""",
    ),
)
