"""A constant that its variable cannot hold, and a shift by as many bits as there are."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

if TYPE_CHECKING:
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

WIDTHS: Mapping[str, tuple[int, bool]] = {
    **dict.fromkeys(("u8", "__u8", "uint8_t", "unsigned char"), (8, False)),
    **dict.fromkeys(("u16", "__u16", "uint16_t", "unsigned short"), (16, False)),
    **dict.fromkeys(("u32", "__u32", "uint32_t", "unsigned int", "unsigned"), (32, False)),
    **dict.fromkeys(("s8", "__s8", "int8_t", "signed char"), (8, True)),
    **dict.fromkeys(("s16", "__s16", "int16_t", "short"), (16, True)),
    **dict.fromkeys(("s32", "__s32", "int32_t", "int"), (32, True)),
    **dict.fromkeys(("u64", "__u64", "uint64_t", "unsigned long long"), (64, False)),
    **dict.fromkeys(("s64", "__s64", "int64_t", "long long"), (64, True)),
}
COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">="))
# A narrower operand becomes an int before it is shifted.
PROMOTED = 32
WORDS = ("==", "!=", "<", ">", "=")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The comparisons, assignments and shifts on added lines of functions."""
    for file in context.c_files:
        if file.adds(*WORDS):
            for function in file.functions:
                yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """One function."""
    from patchscan.c.numbers import number_of
    from patchscan.lookup.typeof import types_in

    for node in function.nodes("binary_expression", "assignment_expression"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = operator_of(node)
        line = function.source.line_of(node)
        if left is None or right is None or not is_new(file, line) or node.has_error:
            continue
        number = number_of(function, right)
        if number is None:
            continue
        message = ""
        if number == 0 and operator in ("<", ">=") and right.type == "number_literal":
            message = below_zero(types_in(context, file, function), left, operator)
        elif operator in COMPARISONS and not 0 <= number <= 127:
            message = never(types_in(context, file, function), left, operator, number)
        elif operator == "=" and number > 127 and left.type != "pointer_expression":
            # What a pointer is cast for, *(short *)code = 0xc0f4, is a pattern of bits.
            message = cut(types_in(context, file, function).of(left), number)
        elif operator in ("<<", ">>", "<<=", ">>=") and number >= PROMOTED:
            message = too_far(types_in(context, file, function), left, number)
        if message:
            yield file.finding(line, message)
    for variable in function.locals:
        number = number_of(function, variable.value) if variable.value is not None else None
        if number is not None and number > 127 and is_new(file, variable.line):
            message = cut(variable.type, number)
            if message:
                yield file.finding(variable.line, message)


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch writes a line."""
    return line in file.added_numbers and not file.was_there(line)


def operator_of(node: "Node") -> str:
    """The operator of an expression; tree-sitter names that of a plain assignment, too."""
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def never(types: "Types", left: "Node", operator: str, number: int) -> str:
    """What is wrong with a comparison that always has one result."""
    kind = types.of(left)
    bits, signed = WIDTHS.get(kind, (0, False))
    if not bits or (bits >= 32 and number < 0) or (bits >= 32 and signed):
        return ""
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    # A bound that a type keeps by itself, as <= 255 of a u8, is often written out on purpose.
    if least <= number <= most:
        return ""
    always = operator == "!=" or (operator != "==" and (operator in ("<", "<=")) == (number > most))
    return (
        f"{types.written(left)} is {kind}, from {least} to {most}: comparing it with {number} is always "
        f"{'true' if always else 'false'} (-Wtautological-constant-out-of-range-compare)"
    )


def below_zero(types: "Types", left: "Node", operator: str) -> str:
    """What is wrong with a test for being negative that another rule does not see: of a member, or for >= 0."""
    bits, signed = WIDTHS.get(types.of(left), (0, True))
    if not bits or signed or (operator == "<" and left.type == "identifier"):
        return ""
    return (
        f"{types.written(left)} is {types.of(left)} and never below 0: this is always "
        f"{'true' if operator == '>=' else 'false'} (-Wtype-limits)"
    )


def cut(kind: str, number: int) -> str:
    """What is wrong with a constant that is cut off."""
    bits, signed = WIDTHS.get(kind, (0, False))
    if not bits or bits >= 64:
        return ""
    most = (1 << bits - 1) - 1 if signed and bits < 32 else (1 << bits) - 1
    if number <= most:
        return ""
    left = number & ((1 << bits) - 1)
    left -= (1 << bits) if signed and left >> (bits - 1) else 0
    told = "-Woverflow, -Wconstant-conversion" if number >> bits else "-Wconstant-conversion of clang"
    return f"{kind} cannot hold {number}: what is left of it is {left} ({told})"


def too_far(types: "Types", left: "Node", number: int) -> str:
    """What is wrong with a shift by the width of a type or more."""
    if left.type == "number_literal":
        text = types.written(left).lower()
        kind = "int" if "l" not in text else "u64"
    else:
        kind = types.of(left)
    bits = max(WIDTHS.get(kind, (0, False))[0], PROMOTED) if kind in WIDTHS else 0
    if not bits or number < bits:
        return ""
    return (
        f"{types.written(left)} has {bits} bits: shifting it by {number} is undefined (-Wshift-count-overflow); "
        "upper_32_bits(), or a wider type"
    )


RULE = Rule(
    name="value-out-of-range",
    summary="A constant is more than its variable can hold, or a shift as wide as its operand",
    why=(
        "The compiler cuts the constant off, or drops the code behind a test that never holds. It happens where a "
        "member becomes narrower and the code around it stays."
    ),
    source=(
        "C11 6.3.1.3 and 6.5.7; gcc -Woverflow, -Wtype-limits and -Wshift-count-overflow; clang "
        "-Wtautological-constant-out-of-range-compare"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
+#define WALK_LIMIT 300
+struct walk { u8 limit; u16 depth; };
+static int walk(struct walk *walk, u8 mode, u32 status)
+{
+	s8 first = 0x80; // want "s8 cannot hold 128: what is left of it is -128"
+
+	for (status = 3; status >= 0; status--) // want "status is u32 and never below 0: this is always true"
+		walk_on(status);
+	if (walk->depth < 0) // want "walk->depth is u16 and never below 0: this is always false"
+		return 4;
+	if (mode > WALK_LIMIT) // want "mode is u8, from 0 to 255: comparing it with 300 is always false"
+		return 1;
+	if (mode == -1) // want "comparing it with -1 is always false"
+		return 2;
+	if (walk->depth != 0x10000) // want "walk->depth is u16, from 0 to 65535: comparing it with 65536 is always true"
+		return 3;
+	walk->limit = 1000; // want "u8 cannot hold 1000: what is left of it is 232"
+	walk->depth = BIT(16); // want "u16 cannot hold 65536"
+	status = 1 << 32; // want "1 has 32 bits: shifting it by 32 is undefined"
+	return status >> 32 | first; // want "status has 32 bits: shifting it by 32 is undefined"
+}
""",
    ),
    good=(
        """
+struct walk { u8 limit; u16 depth; u64 all; };
+static int walk(struct walk *walk, u8 mode, u32 status, char sign)
+{
+	s16 first = -1;
+	u32 all = ~0;
+	u8 last = 0xff;
+
+	if (mode > 255 || status == -1 || walk->depth > 1000)
+		return 1;
+	if (walk->all > 0x100000000ULL || sign == 200)
+		return 2;
+	walk->limit = 255;
+	walk->all = 1ULL << 40;
+	walk->depth = 0xffff;
+	walk->unknown = 100000;
+	return walk->all >> 32 | status << 31 | mode >> 8 | first | all | last;
+}
""",
        """
 static int walk(u8 mode)
 {
+	mode++;
 	if (mode > 300)
 		return 1;
+	return mode > 'a' || mode > WALK_LIMIT;
 }
""",
        """
+static int walk(int mode, unsigned int flags, bool on)
+{
+	mode = 0x80000000;
+	flags = 0xffffffff;
+	on = 256;
+	if (mode > 0x7fffffff || flags > 0xffffffff)
+		return 1;
+	return mode >> 31;
+}
""",
        """
 static void walk(unsigned char *code)
 {
+	*(short *)&code[8] = 0xc0f4;
 	run(code);
 }
""",
    ),
)
