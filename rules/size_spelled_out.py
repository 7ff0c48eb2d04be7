"""A call is given the size of a local array as the number that its declaration has; a name is changed at one place."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

SIZED = (
    "snprintf",
    "scnprintf",
    "vsnprintf",
    "strscpy",
    "strscpy_pad",
    "memset",
    "memzero_explicit",
    "copy_from_user",
)
ARRAY = pattern(r"\b(?:char|u8|s8|unsigned char|uint8_t)\s+(?P<name>\w+)\[(?P<size>\d+)\]\s*(?:=[^;]*)?;")
# Where the size stands among the arguments.
LAST = frozenset({"strscpy", "strscpy_pad", "memset", "memzero_explicit", "copy_from_user"})


def check(context: Context) -> Iterator[Finding | Silence]:
    """The calls that a patch adds whose buffer is an array of the same function."""
    for file in context.c_files:
        if file.adds(*SIZED):
            for function, call in file.added_calls(frozenset(SIZED)):
                arguments = [function.source.text_of(each).strip() for each in call.arguments]
                if len(arguments) > 1:
                    size = arguments[-1] if call.name in LAST else arguments[1]
                    yield from of_call(file, function, arguments[0], size, call.line)


def of_call(file: ChangedFile, function: Function, buffer: str, size: str, line: int) -> Iterator[Finding]:
    """What one call says of its buffer."""
    for found in ARRAY.finditer(function.source.text_of(function.node)):
        if found["name"] == buffer and found["size"] == size:
            yield file.finding(
                line, f"sizeof({buffer}) follows the declaration: {size} must be changed at both places"
            )
            return


RULE = Rule(
    name="size-spelled-out",
    summary="The size of a local array is spelled out where it is handed over",
    why="When the array is made larger or smaller the number beside it is forgotten, and a shorter array overflows.",
    source="Documentation/process/coding-style.rst section 14 (sizeof of the object, there for allocations)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=SIZED,
    bad=(
        """
+static int work(struct part *part)
+{
+	char name[16];
+
+	snprintf(name, 16, "part%d", part->number); // want "sizeof.name. follows the declaration"
+	memset(name, 0, 16); // want "16 must be changed at both places"
+	return use(name);
+}
""",
    ),
    good=(
        """
+static int work(struct part *part, char *to)
+{
+	char name[16];
+
+	snprintf(name, sizeof(name), "part%d", part->number);
+	memset(name, 0, 8);
+	snprintf(to, 16, "%s", name);
+	return use(name);
+}
""",
        """
+static int work(struct part *part)
+{
+	char name[16];
+	char text[TEXT_SIZE];
+
+	snprintf(part->name, 16, "part%d", part->number);
+	snprintf(text, TEXT_SIZE, "part%d", part->number);
+	return use(name, text);
+}
""",
        """
 static int work(struct part *part)
 {
-	char name[16];
+	char name[16], more;
 
 	snprintf(name, 16, "part%d", part->number);
 	return use(name);
 }
""",
    ),
)
