"""An attribute of the compiler is spelled out where the kernel has a name for it."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

ATTRIBUTE = pattern(r"__attribute__\s*\(\(\s*(?:__)?(\w+?)(?:__)?\s*(\([^()]*\))?\s*\)\)")
# What a list of arguments tells is asked for by the name with "(": aligned alone means the largest alignment.
NAMES = {
    "packed": "__packed",
    "unused": "__maybe_unused",
    "used": "__used",
    "noreturn": "__noreturn",
    "weak": "__weak",
    "pure": "__pure",
    "const": "__attribute_const__",
    "always_inline": "__always_inline",
    "noinline": "noinline",
    "cold": "__cold",
    "malloc": "__malloc",
    "aligned(": "__aligned()",
    "section(": "__section()",
    "format(": "__printf() or __scanf()",
    "alias(": "__alias()",
    "mode(": "__mode()",
}
# Seen by programs that do not have the kernel's names, or where these are made.
OTHERS = ("include/uapi/", "include/linux/compiler", "arch/x86/boot/", "tools/", "samples/", "scripts/")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a file, at its first one; what only moves is no matter of the patch."""
    for file in context.c_files:
        if file.path.startswith(OTHERS) or "/uapi/" in file.path or not file.adds("__attribute__"):
            continue
        for line in sorted(file.added_numbers):
            found = ATTRIBUTE.search(file.text_at(line))
            name = NAMES.get(found[1] + ("(" if found[2] else "")) if found else None
            if name and not file.was_there(line):
                yield file.finding(line, f"the kernel calls this attribute {name}")
                break


RULE = Rule(
    name="attribute-spelled-out",
    summary="An attribute is spelled out that the kernel has a name for",
    why="The names hide what compilers differ in, and are shorter.",
    source="scripts/checkpatch.pl PREFER_DEFINED_ATTRIBUTE_MACRO; include/linux/compiler_attributes.h",
    severity="info",
    confidence="high",
    check=check,
    wakes=("__attribute__",),
    bad=(
        """
+struct part {
+	u8 level;
+	u32 rate;
+} __attribute__((packed)); // want "calls this attribute __packed"
""",
        """
+static u8 buffer[64] __attribute__((aligned(8))); // want "calls this attribute __aligned"
""",
    ),
    good=(
        """
+struct part {
+	u8 level;
+	u32 rate;
+} __packed;
""",
        """
+int part(void) __attribute__((no_such_attribute));
""",
        """
-} __attribute__((packed));
+	} __attribute__((packed));
""",
        """
>>> patch uapi: add a part
>>> file include/uapi/linux/part.h
+struct part {
+	__u8 level;
+} __attribute__((packed));
""",
    ),
)
