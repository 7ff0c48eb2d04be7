"""A member of a struct that only one C file knows, and that nothing there mentions."""

from collections import Counter
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, parse, pattern

NEW = pattern(r"^\s+[A-Za-z_][\w\s,*]*[\s*](\w+)(?:\[[^\]]*\])*\s*;")
WORD = pattern(r"\w+")
# Bytes whose order somebody else knows: they are there whether or not they are read.
LAID_OUT = pattern(r"__packed|__attribute__|__aligned|__(?:le|be)\d|\bunion\b")
# What only memory of the kernel holds: a pointer, a lock, an object of its own.
OF_THE_KERNEL = pattern(r"\*|\bstruct\s+\w+\s+\w+\s*;|\bspinlock_t\b")
FILLING = pattern(r"(?i:_|.*(?:reserved|pad|rsvd|unused|dummy|spare))")
# Initialisers that give the members in their order, without their names.
IN_ORDER = pattern(rb"\bstruct\s+(\w+)\s+\w+(?:\[[^\]]*\])?\s*(?:\w+\s*)?=\s*\{\s*[^.\s\[}]")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The members that a patch adds to structs of its C files and that the whole series leaves without a use."""
    for file in context.c_files:
        if not file.path.endswith(".c") or file.state.after is None:
            continue
        added = {
            number: found[1]
            for number in sorted(file.added_numbers)
            if (found := NEW.match(file.code_at(number))) is not None and not file.was_there(number)
        }
        text = context.final.read(file.path) if added else None
        if text is None or b"##" in text:
            continue
        unused = unused_members(text, file.path)
        for number, name in added.items():
            if name in unused:
                yield file.finding(number, f"nothing uses {name}: leave it out")


def unused_members(text: bytes, path: str) -> frozenset[str]:
    """The members of the structs of a file that nothing in it mentions; none of what is laid out for others."""
    from patchscan.c.lexical import without_comments
    from patchscan.facts.of_members import members

    code = without_comments(text)
    ordinary = structs_of_the_kernel(text, code)
    if not ordinary:
        return frozenset()
    count = Counter(WORD.findall(code.decode("utf-8", "replace")))
    return frozenset(
        member.name
        for member in members(parse(text, path))
        if member.owner in ordinary
        and count[member.name] == 1
        and member.type != "enum"
        and not FILLING.match(member.name)
    )


def structs_of_the_kernel(text: bytes, code: bytes) -> frozenset[str]:
    """The structs that hold what only the kernel's own memory does, and are filled by names alone; code: the text
    without comments."""
    from patchscan.c.filelevel import statements

    found = set()
    for each in statements(text):
        inside = code[each.start : each.end].decode("utf-8", "replace") if each.kind == "type" else ""
        if OF_THE_KERNEL.search(inside) and not LAID_OUT.search(inside):
            found.add(each.name)
    return frozenset(found - {tag.decode() for tag in IN_ORDER.findall(code)})


RULE = Rule(
    name="unused-member",
    summary="A member of a struct is introduced that nothing uses",
    why="The reader looks for what it is for. Most were needed by an earlier version, or were to be used and are not.",
    source="Reviews of drivers/hwmon/max3440x.c and drivers/i2c, 2024; Documentation/process/submitting-patches.rst",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
>>> patch hwmon: add a driver
Add it.
>>> file drivers/hwmon/part.c
+struct part {
+	struct i2c_client *client;
+	u16 adc[4];
+	u8 oct[4]; // want "nothing uses oct"
+	bool valid, stale;
+};
+static int part_read(struct part *part)
+{
+	part->valid = i2c_read(part->client, part->adc);
+	return part->stale;
+}
""",
    ),
    good=(
        """
>>> patch hwmon: add a driver
Add it.
>>> file drivers/hwmon/part.c
+struct part {
+	struct i2c_client *client;
+	u8 oct[4];
+	u8 reserved[3];
+};
+struct message {
+	void *where;
+	__le16 length;
+	__le16 kind;
+};
+struct registers {
+	u32 control;
+	u32 status;
+};
+static int part_read(struct part *part)
+{
+	return i2c_read(part->client, &part->oct);
+}
""",
        """
>>> patch hwmon: add a driver
Add it.
>>> file drivers/hwmon/part.c
+struct kind {
+	const char *name;
+	int number;
+};
+static const struct kind kinds[] = {
+	{ "one", 1 },
+};
+struct callback {
+	void *data;
+	int (*part_call)(int level);
+};
+static struct callback callback = { .data = kinds, .part_call = NULL };
""",
        """
>>> patch hwmon: prepare
Prepare.
>>> file drivers/hwmon/part.c
+struct part {
+	struct i2c_client *client;
+	int level;
+};
+static struct part part = { .client = NULL };
>>> patch hwmon: use it
Use it.
>>> file drivers/hwmon/part.c
@@ -3,3 +3,4 @@
 	int level;
 };
 static struct part part = { .client = NULL };
+static int *level = &part.level;
""",
        """
>>> tree drivers/hwmon/part.c
struct part {
	struct i2c_client *client;
	int level;
};
>>> patch hwmon: move a member
Move it.
>>> file drivers/hwmon/part.c
@@ -1,4 +1,4 @@
 struct part {
-	struct i2c_client *client;
 	int level;
+	struct i2c_client *client;
 };
""",
    ),
    wakes=(";",),
)
