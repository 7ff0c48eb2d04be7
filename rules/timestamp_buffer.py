"""A buffer in which the IIO core puts a timestamp, and which is not aligned for one or holds what the stack held."""

import re
from collections.abc import Iterator, Mapping, Sequence

from patchscan.basics.keep import kept
from patchscan.rule import Call, Context, Finding, Function, Rule, Silence, Source, frozen, pattern

PUSH = ("iio_push_to_buffers_with_timestamp", "iio_push_to_buffers_with_ts")
ALIGNED = pattern(r"__aligned\b|__attribute__|\baligned_[su]64\b|IIO_DECLARE_|____cacheline|DMA_MINALIGN")
ARRAY = pattern(
    r"^(?:const\s+)?(?:u8|s8|u16|s16|u32|s32|__[bl]e(?:16|32)|(?:unsigned\s+)?(?:char|short|int)|u?int(?:8|16|32)_t)"
    r"\s+\w+\s*\["
)
TIMESTAMP = pattern(r"\b(?:s64|u64|u?int64_t)\s+(\w+)\s*;")
STEP = pattern(r"->|\.")
STRUCT = pattern(r"struct\s*\w*\s*\{(.*)\}\s*\w+\s*(?:__\w+(?:\([^()]*\))?\s*)?;", re.DOTALL)
COMMENT = pattern(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
# A struct without a name of its own, or what one line declares.
MEMBER = pattern(
    r"^[ \t]+(struct\s*(?:\w+\s*)?\{[^{}]*+\}\s*(\w+)[^;{}\n]*+;"
    r"|(?:unsigned[ ]+)?\w+[ \t]+(\w+)\b[^;\n=(){}]*+(?:\([^()\n]*+\))?[^;\n=(){}]*+;)",
    re.MULTILINE,
)
FILLED = r"\b(?:memset|memcpy)\s*\(\s*&?%s\b"
CHANNEL = pattern(r"\b([us]|__[bl]e)(8|16|32|64)\s+\w+\s*(?:\[\s*(\d+)\s*\])?\s*;")


@frozen
class Fault:
    """What is wrong with the buffer of one call."""

    function: str
    buffer: str
    kind: str
    line: int
    declared: int
    message: str


def check(context: Context) -> Iterator[Finding | Silence]:
    """The faults of the changed files that were not there before."""
    for file in context.c_files:
        known = {(each.function, each.buffer, each.kind) for source in file.before for each in faults(source)}
        for source in file.after:
            for each in faults(source):
                if (each.function, each.buffer, each.kind) not in known:
                    evidence = (file.evidence(each.declared),) if each.declared != each.line else ()
                    yield file.finding(each.line, each.message, evidence)


def faults(source: Source) -> Iterator[Fault]:
    """The faults of all pushes of a text."""
    if not any(name.encode() in source.code for name in PUSH):
        return
    for function in source.functions():
        for call in function.calls():
            if call.name in PUSH and len(call.arguments) > 1:
                yield from faults_of(source, function, call)


def faults_of(source: Source, function: Function, call: Call) -> Iterator[Fault]:
    """What is wrong with the buffer that one call is given."""
    buffer = "".join(source.text_of(call.arguments[1]).split()).lstrip("&")
    parts = STEP.split(buffer)
    name = parts[-1]
    if not name.isidentifier() or len(parts) > 2:
        return
    local = name == buffer
    offset, text = declaration(source, function, name) if local else member(source, name)
    if not text:
        return
    line = source.line_at(offset)
    found = TIMESTAMP.search(text)
    if not ALIGNED.search(text) and (ARRAY.match(text) or (found and text.startswith("struct"))):
        what = f"{found[1]} as aligned_s64" if found else f"{name} with __aligned(8)"
        where = "on x86-32 such a struct has an alignment of 4" if found else "the elements ask for less"
        yield Fault(
            function.name,
            buffer,
            "alignment",
            call.line,
            line,
            f"the timestamp is stored at a multiple of 8 bytes of {buffer}: declare {what} ({where})",
        )
    if local and leaks(source, function, name, text):
        yield Fault(
            function.name,
            buffer,
            "leak",
            call.line,
            line,
            f"the bytes between the members of {name} go to user space as the stack held them: memset() it first",
        )


def declaration(source: Source, function: Function, name: str) -> tuple[int, str]:
    """(offset, text) of the declaration of a local variable, (0, "") where there is none or there are several."""
    found = [each.node.parent for each in function.locals if each.name == name and not each.static]
    node = found[0] if len(found) == 1 else None
    if node is None or "," in source.text_of(node).partition("=")[0].partition("{")[0]:
        return 0, ""
    return node.start_byte, source.text_of(node)


def member(source: Source, name: str) -> tuple[int, str]:
    """(offset, text) of the only declaration of a member of a name in the file, (0, "") where it is not in sight."""
    found = members_in(source).get(name, ())
    return found[0] if len(found) == 1 else (0, "")


@kept
def members_in(source: Source) -> Mapping[str, Sequence[tuple[int, str]]]:
    """The members of a file by their names: where each is declared, and how."""
    text = source.text.decode("latin-1")
    found: dict[str, list[tuple[int, str]]] = {}
    for match in MEMBER.finditer(text):
        if source.function_at(source.line_at(match.start(1))) is None:
            found.setdefault(match[2] or match[3], []).append((match.start(1), match[1]))
    return found


def leaks(source: Source, function: Function, name: str, text: str) -> bool:
    """Whether a local struct has a hole before its timestamp that nothing fills."""
    body = STRUCT.fullmatch(text)
    if body is None or not function.whole:
        return False
    if re.search(FILLED % name, source.text_of(function.body)):
        return False
    members = [each.strip() for each in COMMENT.sub("", body[1]).split(";")]
    found = [f"{each};" for each in members if each]
    sizes = [CHANNEL.fullmatch(each) for each in found[:-1]]
    if not sizes or not all(sizes) or "64" not in found[-1]:
        return False
    return sum(int(each[2]) // 8 * int(each[3] or 1) for each in sizes if each) % 8 != 0


RULE = Rule(
    name="timestamp-buffer",
    summary="A buffer that IIO puts a timestamp in is not aligned for it, or shows what the stack held",
    why=(
        "iio_push_to_buffers_with_timestamp() writes 64 bits at the next multiple of 8 bytes of the buffer, and hands "
        "all of it to user space, with the bytes between the members."
    ),
    source=(
        "include/linux/iio/buffer.h: iio_push_to_buffers_with_timestamp(); a long row of fixes of alignment and "
        "information leaks in drivers/iio, 2020 to 2025"
    ),
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
 static irqreturn_t part_trigger(int irq, void *p)
 {
+	u16 buffer[8];
+
+	buffer[0] = part_read(p);
+	iio_push_to_buffers_with_timestamp(indio_dev, buffer, now); // want "declare buffer with __aligned.8."
 	return IRQ_HANDLED;
 }
""",
        """
+struct part {
+	struct {
+		u16 channel[3];
+		s64 timestamp;
+	} scan;
+};
 static irqreturn_t part_trigger(int irq, void *p)
 {
+	iio_push_to_buffers_with_timestamp(indio_dev, &part->scan, now); // want "declare timestamp as aligned_s64"
 	return IRQ_HANDLED;
 }
""",
        """
 static irqreturn_t part_trigger(int irq, void *p)
 {
+	struct {
+		u16 channel[3];
+		aligned_s64 timestamp;
+	} scan;
+
+	scan.channel[0] = part_read(p);
+	iio_push_to_buffers_with_timestamp(indio_dev, &scan, now); // want "members of scan go to user space"
 	return IRQ_HANDLED;
 }
""",
    ),
    good=(
        """
 static irqreturn_t part_trigger(int irq, void *p)
 {
+	u16 buffer[8] __aligned(8) = { };
+
+	iio_push_to_buffers_with_timestamp(indio_dev, buffer, now);
 	return IRQ_HANDLED;
 }
""",
        """
+struct part {
+	struct {
+		u16 channel[3];
+		aligned_s64 timestamp;
+	} scan;
+	u8 data[16] __aligned(IIO_DMA_MINALIGN);
+};
 static irqreturn_t part_trigger(int irq, void *p)
 {
+	iio_push_to_buffers_with_timestamp(indio_dev, &part->scan, now);
+	iio_push_to_buffers_with_timestamp(indio_dev, part->data, now);
 	return IRQ_HANDLED;
 }
""",
        """
 static irqreturn_t part_trigger(int irq, void *p)
 {
+	struct {
+		u16 channel[3];
+		aligned_s64 timestamp;
+	} scan;
+	struct {
+		u32 channel[2];
+		aligned_s64 timestamp;
+	} full;
+
+	memset(&scan, 0, sizeof(scan));
+	iio_push_to_buffers_with_timestamp(indio_dev, &scan, now);
+	iio_push_to_buffers_with_timestamp(indio_dev, &full, now);
 	return IRQ_HANDLED;
 }
""",
        """
 static irqreturn_t part_trigger(int irq, void *p)
 {
 	u16 buffer[8];
 
-	buffer[1] = 0;
 	iio_push_to_buffers_with_timestamp(indio_dev, buffer, now);
 	return IRQ_HANDLED;
 }
""",
    ),
    wakes=("iio_push_to_buffers_with_t", "aligned", "64"),
)
