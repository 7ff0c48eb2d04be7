"""A struct, union or enum of a C file that gets its name by typedef."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

TYPEDEF = pattern(r"\s*typedef\s+(?P<kind>struct|union|enum)\b(?:\s+\w+)?\s*\{?\s*(?:/\*.*)?")
# Other people's code, kept as it is.
TAKEN_OVER = ("include/uapi/", "include/acpi/", "drivers/acpi/acpica/", "lib/zstd/", "lib/zlib", "tools/")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The typedefs of new files whose members stand with them."""
    for file in context.c_files:
        if file.change.kind != "create" or "/uapi/" in file.path or file.path.startswith(TAKEN_OVER):
            continue
        for line, below in zip(file.added, file.added[1:], strict=False):
            found = TYPEDEF.fullmatch(line.text) if line.new is not None else None
            if found and ("{" in line.text or below.text.strip() == "{"):
                kind = found["kind"]
                yield file.finding(
                    file.source_line(line.new or 0),
                    f"a typedef hides that it is one: {kind} and its tag say so at each use",
                )


RULE = Rule(
    name="typedef-of-struct",
    summary="A struct, union or enum gets its name by typedef",
    why="struct part says at each place that it is a struct, and can be declared where it is not defined.",
    source="Documentation/process/coding-style.rst section 5 (Typedefs); scripts/checkpatch.pl (NEW_TYPEDEFS)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("typedef ",),
    bad=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+typedef struct part { // want "hides that it is one: struct"
+	int level;
+} part_t;
+typedef enum // want "hides that it is one: enum"
+{
+	ONE,
+} kind_t;
""",
    ),
    good=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+struct part {
+	int level;
+};
+typedef int (*part_fn)(struct part *part);
+typedef struct part *part_handle;
""",
        """
>>> patch misc: add an interface
Add it.
>>> file include/uapi/linux/part.h
+typedef struct {
+	int level;
+} part_t;
""",
        """
 struct part;
+typedef struct {
+	int level;
+} part_t;
""",
    ),
)
