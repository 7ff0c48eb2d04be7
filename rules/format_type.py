"""An argument of a printing function is missing, or has another type than its format asks for on some architecture."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, frozen, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

PRINTS = pattern(
    r"_?_?printk(?:_\w+)?|(?:\w+_)?pr_(?:emerg|alert|crit|err|warn|warning|notice|info|debug|cont|devel)\w*|"
    r"(?:dev|netdev|netif|wiphy|hid|v4l2|pci|ata_dev|drm)_(?:emerg|alert|crit|err|warn|warning|notice|info|dbg|vdbg)"
    r"(?:_once|_ratelimited|_probe)?|(?:vs?|s)c?n?printf|k(?:v)?asprintf|devm_kasprintf|seq_printf|sysfs_emit(?:_at)?|"
    r"panic|WARN(?:_ONCE)?|dev_WARN\w*|trace_printk|"
    # What drivers and subsystems call their own.
    r"[a-z]\w*_(?:emerg|alert|crit|err|error|warn|warning|notice|info|dbg|debug|log|msg|print[fk])"
    r"(?:_once|_ratelimited|_rl)?"
)
CONVERSION = pattern(r"%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(hh|h|ll|l|L|z|t)?([diouxXcsp%])")
# Where the format stands among the arguments.
FORMAT_AT = (
    pattern(
        r"printk|pr_(?:emerg|alert|crit|err|warn|notice|info|debug|cont)(?:_once|_ratelimited)?|panic|trace_printk"
    ),
    pattern(
        r"(?:dev|netdev)_(?:emerg|alert|crit|err|warn|notice|info|dbg|vdbg)(?:_once|_ratelimited)?|sprintf|kasprintf|"
        r"seq_printf|sysfs_emit|WARN|WARN_ONCE"
    ),
    pattern(r"s[cn]+printf|dev_err_probe|devm_kasprintf|sysfs_emit_at"),
)
# What may stand for several arguments.
SEVERAL = pattern(r"\b[A-Z][A-Z0-9_]{2,}\b|__VA_ARGS__|\w*args\b")
POINTER = pattern(r"\*$")
INTEGERS = frozenset("diouxX")
# The length that printf() asks for, by type; what no table holds is not judged.
LENGTHS = {
    "": "int|unsigned int|unsigned|u8|u16|u32|s8|s16|s32|__u8|__u16|__u32|__s8|__s16|__s32|bool|short|unsigned short|"
    "unsigned char|char|uint8_t|uint16_t|uint32_t|int32_t|gfp_t|pid_t|uint|signed int",
    "l": "long|unsigned long|ulong|long int|unsigned long int",
    "ll": "long long|unsigned long long|u64|s64|__u64|__s64|uint64_t|int64_t|loff_t|sector_t|ktime_t|time64_t",
    "z": "size_t|ssize_t|__kernel_size_t",
}
UNSIGNED = pattern(r"unsigned|_*u\d|ulong|uint|(?:__kernel_)?size_t|sector_t")
LENGTH_OF = {name: length for length, names in LENGTHS.items() for name in names.split("|")}
# Their width hangs on the configuration: printk has formats for pointers to them.
VARYING = {"dma_addr_t": "%pad", "phys_addr_t": "%pa", "resource_size_t": "%pa"}


@frozen
class Conversion:
    """One % of a format: as written, its length and letter."""

    text: str
    length: str
    letter: str


def check(context: Context) -> Iterator[Finding | Silence]:
    """The calls of printing functions with an added line."""
    for file in context.c_files:
        if file.adds("%", "(", ")", ","):
            for function in file.functions:
                span = range(function.first_line, function.last_line + 1)
                if not function.partial and not file.added_numbers.isdisjoint(span):
                    yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """What is to be said of the calls in one function."""
    from patchscan.lookup.typeof import types_in

    types = None
    for call in function.calls():
        last = function.source.last_line_of(call.node)
        lines = [line for line in range(call.line, last + 1) if line in file.added_numbers]
        if not lines or not PRINTS.fullmatch(call.name) or all(file.was_there(line) for line in lines):
            continue
        if said := miscounted(function, call):
            yield file.finding(lines[0], said)
        for conversion, node in arguments(function, call):
            types = types or types_in(context, file, function)
            fault = mismatch(conversion, types.of(node), " ".join(function.source.text_of(node).split()))
            if fault:
                yield file.finding(lines[0], fault)


def miscounted(function: Function, call: Call) -> str:
    """What is wrong with the number of arguments for a format that is plain text, "" where nothing is for sure."""
    at = next((number for number, name in enumerate(FORMAT_AT) if name.fullmatch(call.name)), -1)
    source = function.source
    if at < 0 or at >= len(call.arguments) or call.node.has_error:
        return ""
    node, rest = call.arguments[at], call.arguments[at + 1 :]
    parts = [node] if node.type == "string_literal" else node.named_children
    plain = all(part.type == "string_literal" for part in parts)
    if not plain or node.type not in ("string_literal", "concatenated_string"):
        return ""
    text = source.text_of(node)
    if text.count("%") != sum(match[0].count("%") for match in CONVERSION.finditer(text)):
        return ""
    wanted = list(conversions(text))
    several = any(SEVERAL.search(source.text_of(each)) for each in rest)
    if len(wanted) == len(rest) or several or any(each.name == call.name for each in source.macros()):
        return ""
    asks = f"the format of {call.name}() asks for {len(wanted)} argument{'s' * (len(wanted) != 1)}"
    given = f"{len(rest)} {'is' if len(rest) == 1 else 'are'} given"
    if len(rest) < len(wanted):
        return f"{asks}, but {given}: what '{wanted[len(rest)].text}' prints is missing"
    return f"{asks}, but {given}: nothing prints '{source.text_of(rest[len(wanted)])}'"


def arguments(function: Function, call: Call) -> "Iterator[tuple[Conversion, Node]]":
    """(conversion, argument) of a call whose format is plain text."""
    for at, node in enumerate(call.arguments):
        if node.type not in ("string_literal", "concatenated_string"):
            continue
        if any(
            child.type != "string_literal" for child in node.named_children if node.type != "string_literal"
        ):
            return
        rest = list(call.arguments[at + 1 :])
        wanted = list(conversions(function.source.text_of(node)))
        if len(wanted) == len(rest):
            yield from zip(wanted, rest, strict=True)
        return


def conversions(text: str) -> Iterator[Conversion]:
    """What a format takes from its arguments, in order."""
    for match in CONVERSION.finditer(text):
        if match[5] == "%":
            continue
        for star in (match[2], match[3]):
            if star == "*":
                yield Conversion("*", "", "*")
        yield Conversion(match[0], match[4] or "", match[5])


def mismatch(conversion: Conversion, kind: str, shown: str) -> str:
    """What is wrong with an argument of a type, "" where nothing is for sure; shown: the argument."""
    if conversion.letter not in INTEGERS or not kind:
        return ""
    said = f"format '{conversion.text}' does not fit '{shown}', which has type '{kind}'"
    if kind in VARYING:
        return f"{said}: that is 32 or 64 bits wide by configuration; print it by {VARYING[kind]} and its address"
    if POINTER.search(kind):
        return f"{said}: print a pointer by %p, or what it points to"
    length = LENGTH_OF.get(kind)
    given = conversion.length.replace("hh", "").replace("h", "").replace("L", "ll")
    if length is None or length == given:
        return ""
    letter = "u" if conversion.letter in "di" and UNSIGNED.match(kind) else conversion.letter
    return f"{said}: {conversion.text[:-1].removesuffix(conversion.length)}{length}{letter}"


RULE = Rule(
    name="format-type",
    summary="An argument of printk() and its kin has another type than the format asks for",
    why=(
        "The compiler warns, on some architectures only: size_t is unsigned int on some and unsigned long on others, "
        "dma_addr_t and resource_size_t are 32 or 64 bits wide by configuration. What is printed is then wrong."
    ),
    source="Documentation/core-api/printk-formats.rst (integer types, %pa, %pad); gcc -Wformat",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("%",),
    bad=(
        """
 int walk(struct walk *walk, u32 depth)
 {
+	pr_info("%d of %u\\n", depth); // want "pr_info.. asks for 2 arguments, but 1 is given: what '%u' prints"
+	dev_err(walk->dev, "100%% of %s\\n", walk->name, depth); // want "asks for 1 argument, but 2 are given"
 	pr_info("%d of %u\\n",
-		depth, depth + 1);
+		depth); // want "pr_info.. asks for 2 arguments, but 1 is given"
 	return 0;
 }
""",
        """
 struct walk {
 	struct resource *where;
 	u64 steps;
 };
 struct resource {
 	resource_size_t start;
 };
 int walk(struct walk *walk, dma_addr_t *first, size_t size)
 {
+	pr_info("from %x\\n", *first); // want "format '%x' does not fit '.first', which has type 'dma_addr_t'"
+	pr_info("%d of %s at 0x%08llx\\n", size, walk->name, // want "'size_t': %zu" "'resource_size_t'"
+		walk->where->start);
+	walk_dbg(walk, WALK_DEPTH, "at %d\\n", walk->steps); // want "'%d' does not fit 'walk->steps', .* 'u64'"
+	dev_dbg(walk->dev, "%5lu, %u\\n", walk->steps, *walk->counts); // want "'walk->steps', which .* %5llu"
 	return 0;
 }
""",
    ),
    good=(
        """
 struct walk {
 	struct resource *where;
 	u64 steps;
 	enum walk_kind kind;
 };
 int walk(struct walk *walk, dma_addr_t first, size_t size, unsigned long count)
 {
+	pr_info("from %pad, %zu of %*ph\\n", &first, size, 4, walk->bytes);
+	dev_dbg(walk->dev, "%llu and %d%% of 0x%lx\\n", walk->steps, walk->kind, count);
+	pr_info("%u " PRIu64 "\\n", first, count);
+	walk_dbg(walk, "%d of %d\\n", walk->steps);
+	walk_parse(walk, "%d\\n", walk->steps);
 	return 0;
 }
""",
        """
 int walk(struct walk *walk, u32 depth)
 {
+	snprintf(name, sizeof(name), "%d %hhx %s", depth, (u8)depth, walk->name);
+	pr_info("%d\\n", walk->of(depth));
+	other_print("%d\\n", sizeof(depth));
+	pr_info("%d %d\\n", DEPTH_ARGS(depth));
+	pr_info("%d %m\\n", depth);
+	pr_info(FORMAT " %d\\n", depth, walk->name);
 	return 0;
 }
""",
        """
 struct walk {
 	u64 cpu:20;
 	u64 steps:44;
 };
 void show(struct walk *walk)
 {
+	pr_err("on cpu %d\\n", walk->cpu);
 }
""",
        """
 int walk(u64 depth)
 {
-		pr_info("%d\\n", depth);
+	pr_info("%d\\n", depth);
 	return 0;
 }
""",
    ),
)
