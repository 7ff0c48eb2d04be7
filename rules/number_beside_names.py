"""A register is given by its number in a driver that names its registers."""

from collections.abc import Iterator

from patchscan.rule import Call, ChangedFile, Context, Finding, Rule, Silence, Source, pattern

# What reads or writes a register, and where among its arguments, from 0, the register is.
REGISTER = {
    **dict.fromkeys(
        (
            "regmap_read",
            "regmap_write",
            "regmap_update_bits",
            "regmap_set_bits",
            "regmap_clear_bits",
            "regmap_write_bits",
            "regmap_bulk_read",
            "regmap_bulk_write",
            "i2c_smbus_read_byte_data",
            "i2c_smbus_write_byte_data",
            "i2c_smbus_read_word_data",
            "i2c_smbus_write_word_data",
            "i2c_smbus_read_word_swapped",
            "i2c_smbus_write_word_swapped",
            "i2c_smbus_read_i2c_block_data",
        ),
        1,
    )
}
NUMBER = pattern(r"0[xX][0-9a-fA-F]+|[1-9]\d*")
NAME = pattern(r"\w*[A-Z]\w*_\w+(?:\(.*\))?|[A-Z][A-Z0-9_]+(?:\(.*\))?")
# How many registers must have names, and their share among all.
FEWEST = 4
SHARE = 0.75


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding at each register without a name."""
    for file in context.c_files:
        if REGISTER.keys().isdisjoint(file.raw_words):
            continue
        for source in file.after:
            numbers = [each for each in registers(source) if NUMBER.fullmatch(each[1])]
            new = [each for each in numbers if is_new(file, each[0])]
            if not new:
                continue
            if source.fragment is not None:
                yield file.unchecked(
                    new[0][0].line, "the hunk does not show how the driver names its registers"
                )
                continue
            named = sum(NAME.fullmatch(register) is not None for _, register in registers(source))
            if named >= FEWEST and named >= SHARE * (named + len(numbers)):
                for call, register in new:
                    yield file.finding(
                        call.line, f"what is register {register}? The others of this driver have names"
                    )
            else:
                yield file.fine(new[0][0].line, "the driver does not name its registers")


def registers(source: Source) -> Iterator[tuple[Call, str]]:
    """(call, the register as it is written) of the accesses of a text."""
    for function in source.functions():
        for call in function.calls():
            at = REGISTER.get(call.name)
            if at is not None and at < len(call.arguments):
                yield call, source.text_of(call.arguments[at])


def is_new(file: ChangedFile, call: Call) -> bool:
    """Whether the patch brought a call."""
    return call.line in file.added_numbers and not file.was_there(call.line)


READS = "\n".join(f"+\tregmap_read(map, PART_REG_{name}, &value);" for name in "ABCDE")
OLD = "\n".join(f"+\tregmap_read(map, {number}, &value);" for number in range(1, 6))
RULE = Rule(
    name="number-beside-names",
    summary="A register is given by its number where the others have names",
    why="The reader must find the number in the data sheet, and does not see that it is the same one elsewhere.",
    source="Reviews of IIO, hwmon and power supply drivers, 2022 to 2025 (magic numbers)",
    severity="info",
    confidence="high",
    check=check,
    wakes=tuple(REGISTER),
    bad=(
        f"""
+static void part_start(struct regmap *map)
+{{
{READS}
+	regmap_write(map, 0x7f, 1); // want "what is register 0x7f"
+}}
""",
    ),
    good=(
        f"""
+static void part_start(struct regmap *map)
+{{
{READS}
+	regmap_write(map, PART_REG_START, 1);
+}}
""",
        f"""
+static void part_start(struct regmap *map)
+{{
{OLD}
+	regmap_write(map, PART_REG_START, 1);
+}}
""",
        f"""
+static void part_start(struct regmap *map)
+{{
{READS}
+	regmap_write(map, reg, 0x7f);
+}}
""",
    ),
)
