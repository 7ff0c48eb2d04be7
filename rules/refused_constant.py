"""A constant that a macro of the kernel refuses, or that fits on some machines only."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

MASK = pattern(r"\bGENMASK\(\s*(\d+)\s*,\s*(\d+)\s*\)")
MASK_ULL = pattern(r"\bGENMASK_ULL\(\s*(\d+)\s*,\s*(\d+)\s*\)")
# Beyond it udelay() and ndelay() refuse a constant on most machines.
LONGEST = {"udelay": 20000, "ndelay": 20000}
UNSIGNED = frozenset(
    ("unsigned int", "unsigned", "u32", "u64", "size_t", "unsigned long", "unsigned long long", "__u32")
)
SIGNED = frozenset(("int", "long", "s32", "s64", "ssize_t", "long long", "short", "s16", "s8"))
CHECKED = ("min", "max", "clamp")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The masks and calls on added lines."""
    for file in context.c_files:
        if file.adds("GENMASK", "BIT(", *LONGEST, *CHECKED, "FIELD_PREP"):
            yield from masks(file)
            for function in file.functions:
                for call in function.calls():
                    if is_new(file, call.line):
                        message = judged(context, file, function, call.name, call.arguments)
                        if message:
                            yield file.finding(call.line, message)


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch writes a line."""
    return line in file.added_numbers and not file.was_there(line)


def masks(file: ChangedFile) -> Iterator[Finding | Silence]:
    """The masks with their ends in the wrong order."""
    for line in sorted(file.added_numbers):
        code = file.code_at(line)
        for found in (*MASK.finditer(code), *MASK_ULL.finditer(code)):
            if int(found[1]) < int(found[2]) and is_new(file, line) and not is_left_out(file, line):
                yield file.finding(
                    line,
                    f"{found[0]}: the higher bit comes first, and the compiler refuses it the other way round",
                )


def is_left_out(file: ChangedFile, line: int) -> bool:
    """Whether a line stands under an #if that asks for no option: a test of what must not compile is switched on so."""
    around = (each for source in file.after for each in source.conditions_at(line))
    return any("CONFIG_" not in each.expression and not each.negated for each in around)


def judged(
    context: Context, file: ChangedFile, function: Function, name: str, arguments: "tuple[Node, ...]"
) -> str:
    """What is wrong with a call, "" where nothing is."""
    from patchscan.c.numbers import number_of
    from patchscan.lookup.typeof import types_in

    if name in LONGEST and len(arguments) == 1:
        number = number_of(function, arguments[0])
        if number is not None and number >= LONGEST[name]:
            return (
                f"{name}() refuses a constant above {LONGEST[name] - 1} on most machines (__bad_{name}): mdelay(), or "
                "a sleep"
            )
    if name == "FIELD_PREP" and len(arguments) == 2:
        mask, value = (number_of(function, each) for each in arguments)
        if mask is not None and value is not None and mask > 0 and value > 0:
            most = mask >> ((mask & -mask).bit_length() - 1)
            if value > most:
                return f"{value} does not fit the field, which holds up to {most}: FIELD_PREP() refuses it"
    if name in CHECKED and len(arguments) == (3 if name == "clamp" else 2):
        types = types_in(context, file, function)
        return mixed(types, name, arguments)
    return ""


def mixed(types: "Types", name: str, arguments: "tuple[Node, ...]") -> str:
    """min() and max() of a signed and an unsigned value, neither of them a constant."""
    signed = [each for each in arguments if types.of(each) in SIGNED and is_variable(each)]
    unsigned = [each for each in arguments if types.of(each) in UNSIGNED and is_variable(each)]
    if not signed or not unsigned:
        return ""
    one, two = types.written(signed[0]), types.written(unsigned[0])
    return (
        f"{name}() refuses a signed and an unsigned value ({one} is {types.of(signed[0])}, {two} is "
        f"{types.of(unsigned[0])}): give both one type, or take {name}_t()"
    )


def is_variable(node: "Node") -> bool:
    """Whether a value is a variable or member, of which the compiler knows no bounds."""
    return node.type in ("identifier", "field_expression")


RULE = Rule(
    name="refused-constant",
    summary="A constant or a mix of types that a macro of the kernel refuses",
    why=(
        "GENMASK(), FIELD_PREP(), udelay() and min() check what they are given when the code is built, and fail there; "
        "udelay() on some machines only, which a build robot has."
    ),
    source="include/linux/bits.h, bitfield.h, minmax.h; include/asm-generic/delay.h",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
+#ifndef WALK_H
+#define WALK_H
+#ifdef CONFIG_WALK
+#define WALK_LAST GENMASK(0, 5) // want "GENMASK.0, 5.: the higher bit comes first"
+#endif
+#endif
""",
        """
+#define WALK_MODE GENMASK(2, 0)
+#define WALK_LAST GENMASK(0, 5) // want "GENMASK.0, 5.: the higher bit comes first"
+static int walk(size_t n, int m, struct walk *walk)
+{
+	udelay(50000); // want "udelay.. refuses a constant above 19999"
+	walk->mode = FIELD_PREP(WALK_MODE, 9); // want "9 does not fit the field, which holds up to 7"
+	return min(n, m); // want "min.. refuses a signed and an unsigned value .m is int, n is size_t."
+}
""",
    ),
    good=(
        """
+#define WALK_MODE GENMASK(2, 0)
+#define WALK_LAST GENMASK(WALK_LOW, WALK_HIGH)
+static int walk(size_t n, int m, u8 small, struct walk *walk)
+{
+	udelay(500);
+	mdelay(50000);
+	walk->mode = FIELD_PREP(WALK_MODE, 7) | FIELD_PREP(WALK_OTHER, 9) | FIELD_PREP(WALK_MODE, n);
+	return min(n, 5) + min_t(int, n, m) + min(small, m) + max(m, 0) + min(n, sizeof(*walk)) + min(n, walk->unknown);
+}
""",
        """
 static int walk(size_t n, int m)
 {
+	n++;
 	udelay(50000);
 	return min(n, m);
 }
""",
        """
+static int walk(unsigned int n, unsigned int m)
+{
+	int depth = 3;
+
+	m = clamp(m, 3, 5);
+	return max(n, m) + min(depth + 1, 7) + min((int)n, depth);
+}
""",
        """
+#ifdef WALK_TEST_FAILURES
+static u32 walk(void)
+{
+	return GENMASK(0, 1);
+}
+#endif
 int walking;
""",
    ),
)
