"""A macro of a C file, or an enum, of which the file that is new uses nothing although it uses its others."""

import re
from collections import Counter
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

DEFINE = pattern(r"\s*#\s*define(?P<blank>\s+)(?P<name>\w+)(?:\(|\s+\S|$)")
INCLUDE = pattern(r"\s*#\s*include\b")
OWN = pattern(rb"(?m)^\s*#\s*include\s*\"(?P<path>[^\"]+)\"")
WORD = pattern(r"\w+")
ENUM = pattern(r"\benum\s*(?P<tag>\w*)\s*\{(?P<body>[^{}]*)\}")
ENUMERATOR = pattern(r"\s*(?P<name>[A-Za-z_]\w*)\s*(?:=[^,]*)?")
# How many values there are is used in place of each.
COUNTS = pattern(r"(?i:max|num|count|last|end|size|total)")
# A register, a bit or a small number is part of a list that is a document, used or not.
OF_HARDWARE = pattern(
    r"(?:\([\w, ]*\))?\s*\(*\s*(?:\d{1,2}[uUlL]*\b|\w*(?:REG|ADDR|BASE|OFFSET)\w*\b)|.*(?:0[xX]|BIT|GENMASK|<<|MASK|')"
)
# What the macros of headers look for, wherever it stands, and places in a device.
FOR_HEADERS = pattern(
    r"(?:pr|dev|netdev)_fmt|DEFAULT_\w+|KMSG_\w+|CREATE_TRACE_POINTS|MODULE_PARAM_PREFIX|_.*|.*(?:OFFSET|MASK|SHIFT).*"
)
# What is said is the odd one out.
MOST_UNUSED = 2
FEWEST_USED = 8
# Of so many values at most one is used.
FEWEST_VALUES = 4


def check(context: Context) -> Iterator[Finding | Silence]:
    """The macros and enums of new C files, by what the whole series leaves of the file."""
    for file in context.c_files:
        if file.change.kind != "create" or not file.path.endswith(".c"):
            continue
        text = context.final.read(file.path)
        if text is not None and not is_pasted(context, file, text):
            from patchscan.c.lexical import without_comments

            code = without_comments(text).decode("utf-8", "replace")
            count = Counter(WORD.findall(code))
            yield from macros(file, count)
            yield from enums(file, count)


def is_pasted(context: Context, file: ChangedFile, text: bytes) -> bool:
    """Whether the file, or a header of its own that may not be at hand, makes names of parts of names."""
    directory = file.path.rpartition("/")[0]
    paths = [f"{directory}/{found['path'].decode('utf-8', 'replace')}" for found in OWN.finditer(text)]
    texts = [text, *(context.final.read(path) or context.view.read(path) for path in paths)]
    return any(each is None or b"##" in each for each in texts)


def macros(file: ChangedFile, count: Counter[str]) -> Iterator[Finding]:
    """The one or two macros that nothing uses where others are used; those above an #include are for it."""
    lines = [line for line in file.added if line.new is not None]
    last = max((at for at, line in enumerate(lines) if INCLUDE.match(line.text)), default=0)
    defined = {
        found["name"]: (line.new or 0, is_field(found, line.text))
        for line in lines[last:]
        if (found := DEFINE.match(line.text)) is not None
    }
    unused = [
        name
        for name, (_, hardware) in defined.items()
        if count[name] == 1 and not hardware and not FOR_HEADERS.fullmatch(name)
    ]
    if len(unused) <= MOST_UNUSED and len(defined) - len(unused) >= FEWEST_USED:
        for name in unused:
            number = file.source_line(defined[name][0])
            yield file.finding(number, f"nothing uses {name}, though all else that is defined here is used")


def is_field(found: re.Match[str], text: str) -> bool:
    """Whether a macro names what a device has: by its value, or by being set in below its register."""
    return len(found["blank"]) > 1 or OF_HARDWARE.match(text[found.end("name") :]) is not None


def enums(file: ChangedFile, count: Counter[str]) -> Iterator[Finding]:
    """The enums of which one value is used, or none, and the tag nowhere; what a device sends is a list, too."""
    for source in file.after:
        code = source.code.decode("utf-8", "replace")
        for found in ENUM.finditer(code):
            names = [each["name"] for part in found["body"].split(",") if (each := ENUMERATOR.match(part))]
            used = [name for name in names if count[name] > 1]
            counts = bool(used) and (used[0] == names[-1] or COUNTS.search(used[0]) is not None)
            if "0x" in found["body"] or found["body"].count("=") > 1:
                continue
            if len(names) < FEWEST_VALUES or len(used) > 1 or counts or count[found["tag"]] > 1:
                continue
            line = code[: found.start()].count("\n") + 1
            last = code[: found.end()].count("\n") + 1
            what = f"only {used[0]} of these" if used else "none of these"
            yield file.finding(
                line, f"{what} {len(names)} values is used: leave out the others", construct=(line, last)
            )


RULE = Rule(
    name="unused-constant",
    summary="A macro or most of an enum is introduced that nothing uses",
    why="The reader looks for what it is for. It was needed by an earlier version, or it was forgotten to use it.",
    source="A review of i2c-nct6694 3/7 asks whether the values that nothing uses are needed; gcc -Wunused-macros",
    severity="info",
    confidence="medium",
    check=check,
    by_file=True,
    wakes=("create ",),
    bad=(
        """
>>> patch i2c: add a driver
Add it.
>>> file drivers/i2c/busses/part.c
+enum part_rate { // want "only RATE_100K of these 4 values is used"
+	RATE_25K,
+	RATE_50K,
+	RATE_100K,
+	RATE_1M
+};
+static int part_start(struct part *part)
+{
+	return write(part, RATE_100K);
+}
""",
        """
>>> patch i2c: add a driver
Add it.
>>> file drivers/i2c/busses/part.c
+#define ONE 1
+#define TWO 2
+#define THREE 3
+#define FOUR 4
+#define FIVE 5
+#define SIX 6
+#define SEVEN 7
+#define EIGHT 8
+#define TIMEOUT_MS 900 // want "nothing uses TIMEOUT_MS"
+#define CONTROL 0x9
+#define READY BIT(9)
+#define DEFAULT_SYMBOL_NAMESPACE "PART"
+#define FIRST 0u
+#define DATA_OFFSET 4096
+#define   FIELD_OF_DATA 5000
+#define DATA(part) (8 + (part)->base)
+int sum = ONE + TWO + THREE + FOUR + FIVE + SIX + SEVEN + EIGHT;
""",
    ),
    good=(
        """
>>> tree drivers/pinctrl/common.h
#define FUNCTION(name) [MUX_##name] = #name
>>> patch pinctrl: add a driver
Add it.
>>> file drivers/pinctrl/part.c
+#include "common.h"
+enum functions {
+	MUX_clock,
+	MUX_data,
+	MUX_mic,
+	MUX_other
+};
+static const char *const names[] = { FUNCTION(clock), FUNCTION(data), FUNCTION(mic) };
""",
        """
>>> patch i2c: add a driver
Add it.
>>> file drivers/i2c/busses/part.c
+#define REG_ONE 1
+#define REG_TWO 2
+#define REG_THREE 3
+enum {
+	LED_NORMAL = 0x10,
+	LED_BLINK = 0x20,
+	LED_FADE = 0x30,
+	LED_RANDOM = 0x40,
+};
+enum part_rate {
+	RATE_25K,
+	RATE_50K,
+	RATE_100K,
+	RATE_1M
+};
+static int part_start(struct part *part, enum part_rate rate)
+{
+	return write(part, REG_ONE, rate, LED_NORMAL);
+}
""",
        """
>>> patch i2c: add a driver
Add it.
>>> file drivers/i2c/busses/part.c
+#define HEADER_WANTS 1
+#include <linux/part.h>
+#define ONE 1
+#define TWO 2
+#define THREE 3
+#define FOUR 4
+#define FIVE 5
+#define SIX 6
+#define SEVEN 7
+#define EIGHT 8
+int sum = ONE + TWO + THREE + FOUR + FIVE + SIX + SEVEN + EIGHT;
""",
        """
>>> patch i2c: add a driver
Add it.
>>> file drivers/i2c/busses/part.c
+#define ONE 1
+#define TWO 2
+#define THREE 3
+#define FOUR 4
+#define FIVE 5
+#define SIX 6
+#define SEVEN 7
+#define EIGHT 8
+#define NINE 900
+int sum = ONE + TWO + THREE + FOUR + FIVE + SIX + SEVEN + EIGHT;
>>> patch i2c: use it
Use it.
>>> file drivers/i2c/busses/part.c
@@ -9,2 +9,3 @@
 #define NINE 900
 int sum = ONE + TWO + THREE + FOUR + FIVE + SIX + SEVEN + EIGHT;
+int last = NINE;
""",
    ),
)
