"""A 64-bit value is divided by / or %, or do_div() is given one that is not 64 bits wide."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

WIDE = frozenset(
    (
        "u64",
        "s64",
        "__u64",
        "__s64",
        "uint64_t",
        "int64_t",
        "long long",
        "unsigned long long",
        "loff_t",
        "sector_t",
    )
)
NARROW = frozenset(
    (
        "int",
        "unsigned int",
        "unsigned",
        "u32",
        "s32",
        "u16",
        "u8",
        "__u32",
        "uint32_t",
        "size_t",
        "unsigned long",
        "long",
    )
)
# Code of machines with 64 bits only.
ONLY_64 = (
    "arch/x86/kvm/",
    "arch/arm64/",
    "arch/s390/",
    "arch/loongarch/",
    "drivers/s390/",
    "drivers/gpu/drm/amd/amdkfd/",
)
NUMBER = pattern(r"\(?(?:0x[0-9a-fA-F]+|\d+)[uUlL]*\)?")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The divisions on added lines."""
    for file in context.c_files:
        if file.path.startswith(ONLY_64) or not file.adds("/", "%", "do_div"):
            continue
        for function in file.functions:
            if not function.partial:
                yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """What is to be said of the divisions in one function."""
    types: Types | None = None
    for node in function.nodes("binary_expression", "assignment_expression"):
        line = function.source.line_of(node)
        operator = node.child_by_field_name("operator")
        if operator is None or line not in file.added_numbers or file.was_there(line):
            continue
        if function.source.text_of(operator) in ("/", "%", "/=", "%="):
            right = node.child_by_field_name("right")
            # The compiler turns a division by a power of two into a shift, and macros may hide one.
            if right is None or not may_be_variable(right, function.source.text_of(right)):
                continue
            if context.has_tree:
                from patchscan.lookup.typeof import types_in

                types = types or types_in(context, file, function)
                yield from divided(context, file, function, types, node)
    for call in function.calls():
        if call.name == "do_div" and len(call.arguments) == 2 and call.line in file.added_numbers:
            from patchscan.lookup.typeof import types_in

            types = types or types_in(context, file, function)
            kind = types.of(call.arguments[0])
            if kind in NARROW and not file.was_there(call.line):
                shown = function.source.text_of(call.arguments[0])
                yield file.finding(
                    call.line,
                    f"do_div() takes a u64, but '{shown}' has type '{kind}': the compiler warns, and on 32 bits it "
                    "writes behind it; divide by / and %",
                )


def may_be_variable(divisor: "Node", shown: str) -> bool:
    """Whether what is divided by is no constant."""
    constant = divisor.type in ("sizeof_expression", "number_literal")
    return not constant and NUMBER.fullmatch(shown) is None and shown.upper() != shown


def divided(
    context: Context, file: ChangedFile, function: Function, types: "Types", node: "Node"
) -> Iterator[Finding | Silence]:
    """A finding for a plain division with a 64-bit operand that no constant makes a shift."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return
    wide = next((each for each in (left, right) if types.of(each) in WIDE), None)
    if wide is None or needs_64(context, file):
        return
    name = function.source.text_of(wide)
    yield file.finding(
        function.source.line_of(node),
        f"'{name}' has type '{types.of(wide)}': dividing it by a variable calls __udivdi3() or a like function on 32 "
        "bits, which the kernel has not (undefined reference); use div64_u64(), div_u64() or do_div()",
    )


def needs_64(context: Context, file: ChangedFile) -> bool:
    """Whether a file is built for 64 bits only, or that is not known."""
    from patchscan.lookup.narrow import built_narrow

    return built_narrow(context, file.path) is None


RULE = Rule(
    name="division-64",
    summary="A 64-bit value is divided by / or %, or do_div() gets one that is narrower",
    why=(
        "Machines of 32 bits divide 64 bits by a function that the kernel does not have: it does not link there. "
        "do_div() writes 64 bits back to what it is given."
    ),
    source="include/linux/math64.h; include/asm-generic/div64.h; kernel test robot: undefined reference to __udivdi3",
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
>>> tree drivers/Makefile
obj-$(CONFIG_TICK) += tick.o
>>> tree drivers/Kconfig
config TICK
	tristate "Tick"
>>> patch tick: divide
>>> file drivers/tick.c
 struct tick {
 	u64 count;
 };
 static int tick(struct tick *tick, u32 step, u64 most)
 {
+	u32 rest = tick->count % step; // want "'tick->count' has type 'u64': dividing it by a variable calls"
+
+	most /= step; // want "'most' has type 'u64'"
+	return do_div(step, 3); // want "do_div.. takes a u64, but 'step' has type 'u32'"
 }
""",
    ),
    good=(
        """
>>> tree drivers/Makefile
obj-$(CONFIG_TICK) += tick.o
>>> tree drivers/Kconfig
config 64BIT
	bool "64 bits"
config TICK
	tristate "Tick"
	depends on 64BIT
>>> patch tick: divide
>>> file drivers/tick.c
 static int tick(u64 count, u32 step)
 {
+	return count / step;
 }
""",
        """
>>> tree drivers/Makefile
obj-$(CONFIG_TICK) += tick.o
>>> tree drivers/Kconfig
config TICK
	tristate "Tick"
>>> patch tick: divide
>>> file drivers/tick.c
 static int tick(u64 count, u32 step)
 {
+	u64 other = count / 8 + count % PAGE_SIZE;
+
+	do_div(count, step);
+	return step / 3 + div_u64(other, step);
 }
""",
        """
 static int tick(u64 count, u32 step)
 {
-		return count / step;
+	return count / step;
 }
""",
    ),
)
