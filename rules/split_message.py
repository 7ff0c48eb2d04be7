"""The text of a message is divided over two lines, where nobody can search for it."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

PRINTS = pattern(
    r"\b(?:dev|pr|netdev|netif|drm|wiphy|ibdev|pci|hid)_(?:err|warn|info|notice|dbg|debug|crit|alert|emerg)\w*\s*\("
    r"|\bprintk\w*\s*\(|\bdev_err_probe\s*\(|\bWARN\w*\s*\("
)
# A part that ends in a line of output may go on below; a macro between two parts is no text.
OPEN_END = pattern(r'(?<!\\n)(?<!\\r)"$')
BEGINS = pattern(r'\s*"\w?')
# How far above the first part the call may begin.
ABOVE = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a message, in files that the patch makes: old ones keep their ways."""
    for file in context.c_files:
        if file.change.kind == "create":
            yield from divided(file)


def divided(file: ChangedFile) -> Iterator[Finding]:
    """The messages of a file whose text goes on in the next line."""
    lines = {line.new: line.text for line in file.added if line.new is not None}
    done = 0
    for number, text in lines.items():
        if number <= done or not OPEN_END.search(text) or not BEGINS.match(lines.get(number + 1, "")):
            continue
        above = [lines.get(each, "") for each in range(number - ABOVE, number + 1)]
        if any(PRINTS.search(each) for each in above):
            while BEGINS.match(lines.get(number + 1, "")):
                number += 1
            done = number
            yield file.finding(
                file.source_line(number),
                "the text of a message stays on one line, however long: people search for it",
            )


RULE = Rule(
    name="split-message",
    summary="The text of a message is divided over lines",
    why="Who reads a message in a log searches the sources for it, and finds nothing where it stands on two lines.",
    source="Documentation/process/coding-style.rst (breaking long lines); scripts/checkpatch.pl SPLIT_STRING",
    severity="info",
    confidence="high",
    check=check,
    wakes=("create ",),
    bad=(
        """
+static int part_probe(struct device *dev)
+{
+	dev_err(dev, "the part does not answer after "
+		"its reset\\n"); // want "stays on one line"
+	return 0;
+}
""",
    ),
    good=(
        """
+static int part_probe(struct device *dev)
+{
+	dev_err(dev, "the part does not answer after its reset\\n");
+	return 0;
+}
""",
        """
+static int part_probe(struct device *dev)
+{
+	pr_info("one line\\n"
+		"another line\\n");
+	return 0;
+}
""",
        """
+static const char *text = "a long text "
+	"on two lines";
""",
        """
 static int part_probe(struct device *dev)
 {
+	dev_err(dev, "the part does not answer after "
+		"its reset\\n");
 	return 0;
 }
""",
    ),
)
