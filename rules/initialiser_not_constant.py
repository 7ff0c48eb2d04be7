"""What is initialised outside functions takes its value from a variable: that is no constant expression."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, Source, pattern

if TYPE_CHECKING:
    from patchscan.c.filelevel import Statement
    from patchscan.lookup.meaning import Meaning

VALUE = pattern(rb"[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*")
BEFORE = pattern(rb"([^\s])\s*\Z")
CALL = pattern(rb"([A-Za-z_]\w*)\s*\Z")
SCALAR = pattern(
    r"(?:static |const |volatile |__\w+ )*(?:unsigned |signed )*(?:int|long|short|char|bool|[us](?:8|16|32|64)|size_t)"
    r"(?: int| long| const)*\s*\Z"
)
STRUCT = pattern(r"\bstruct (\w+)(?: const| __\w+)*\s*\Z")
NAME = pattern(rb"[A-Za-z_]\w*")
LOOKS_BACK = 1500


def check(context: Context) -> Iterator[Finding | Silence]:
    """The initialisers outside functions with an added line that names a variable of the file."""
    for file in context.c_files:
        if not file.path.endswith(".c") or not (file.adds(".") or file.adds("=")):
            continue
        for source in file.after:
            if source.fragment is None:
                yield from judge(context, file, source)


def judge(context: Context, file: ChangedFile, source: Source) -> Iterator[Finding | Silence]:
    """What is to be said of the initialisers of one file."""
    from patchscan.c.filelevel import statements
    from patchscan.c.lexical import offsets

    known = {
        each.name: each for each in statements(source.text) if each.kind == "variable" and not each.extern
    }
    from patchscan.lookup.meaning import meaning_in

    meaning = meaning_in(context, file)
    added = sorted(file.added_numbers)
    for each in statements(source.text):
        if each.kind != "variable" or each.value < 0:
            continue
        first, last = source.line_at(each.value), source.line_at(each.end)
        at_least = bisect_left(added, first)
        if at_least == len(added) or added[at_least] > last:
            continue
        words = set(NAME.findall(source.code[each.value : each.end]))
        places = sorted(
            (at, name)
            for name in known.keys() & {word.decode("latin-1") for word in words}
            for found in offsets(source.code[each.value : each.end], name.encode())
            if is_new(file, source.line_at(at := each.value + found))
        )
        wrong = [place for place in places if is_value(meaning, source, known[place[1]], place[0])]
        if wrong:
            yield finding(file, source, each, known[wrong[0][1]], [at for at, _ in wrong])


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch adds a line, and not only moves or indents it."""
    return line in file.added_numbers and not file.was_there(line)


def finding(
    file: ChangedFile, source: Source, variable: "Statement", taken: "Statement", places: list[int]
) -> Finding:
    """What to say of one initialiser, at the first place."""
    match = VALUE.match(source.code, places[0])
    shown = match[0].decode("latin-1") if match else taken.name
    lines = [source.line_at(at) for at in places]
    return file.finding(
        lines[0],
        f"'{shown}' initialises '{variable.name}', but it is no constant expression: clang and gcc before 8 refuse it "
        "(initializer element is not a compile-time constant)",
        (file.evidence(source.line_at(taken.name_start)), *(file.evidence(line) for line in lines[1:4])),
    )


def is_value(meaning: "Meaning", source: Source, variable: "Statement", at: int) -> bool:
    """Whether the value of a variable or of its member is taken here, not its address or size."""
    code = source.code
    match = VALUE.match(code, at)
    before = BEFORE.search(code, max(0, at - LOOKS_BACK), at)
    if match is None or before is None or before[1] not in (b"=", b"{", b",", b"(", b"|", b"+"):
        return False
    following = code[match.end() : match.end() + 40].lstrip()[:1]
    if following not in (b",", b"}", b";", b")", b"|", b"+"):
        return False
    members = [part.strip().decode("latin-1") for part in match[0].split(b".")[1:]]
    return has_value(meaning, source, variable, members) and all(
        keeps_value(meaning, name, argument) for name, argument in around(code, at)
    )


def has_value(meaning: "Meaning", source: Source, variable: "Statement", members: list[str]) -> bool:
    """Whether a variable, or the member named, is no array and no function, so that it stands for its value."""
    head = source.code[variable.start : variable.name_start].decode("latin-1")
    kind = " ".join(head.split())
    if variable.array or "*" in head:
        return False
    if not members:
        return SCALAR.fullmatch(kind) is not None
    struct = STRUCT.search(kind)
    for number, member in enumerate(members):
        found = meaning.struct(struct[1]) if struct else None
        named = found[1].named(member) if found is not None else ()
        if len({each.type for each in named}) != 1 or "[]" in named[0].type:
            return False
        struct = STRUCT.search(named[0].type)
        if number == len(members) - 1:
            return struct is None and named[0].type != "struct"
    return False


def around(code: bytes, at: int) -> Iterator[tuple[str, int]]:
    """(name, number of the argument) of the calls around an offset, innermost first, up to the initialiser's brace."""
    depth = commas = 0
    for place in range(at - 1, max(0, at - LOOKS_BACK), -1):
        byte = code[place]
        if byte in b")]}":
            depth += 1
        elif byte in b"([{" and depth:
            depth -= 1
        elif byte in b"(":
            word = CALL.search(code, max(0, place - 80), place)
            if word:
                yield word[1].decode("latin-1"), commas
            commas = 0
        elif byte in b"{[;=#":
            return
        elif depth == 0 and byte in b",":
            commas += 1


def keeps_value(meaning: "Meaning", name: str, argument: int) -> bool:
    """Whether a macro is known and takes the value of its argument, in each of its versions."""
    found = meaning.versions_of_macro(name)
    for macro in found:
        parameters = macro.parameters or ()
        if argument >= len(parameters):
            return False
        word = re.escape(parameters[argument])
        if not re.search(rf"=\s*\(?{word}\b", macro.body) or re.search(
            rf"&\s*\(?{word}\b|#\s*{word}\b", macro.body
        ):
            return False
    return bool(found)


RULE = Rule(
    name="initialiser-not-constant",
    summary="An initialiser outside functions takes the value of a variable",
    why=(
        "C asks for constant expressions there, and a const variable is none. Newer versions of gcc fold some as an "
        "extension; clang and the oldest gcc that builds the kernel refuse them."
    ),
    source="C11 6.7.9 paragraph 4 and 6.6; Documentation/process/changes.rst (the oldest compilers)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
>>> tree include/linux/device_id.h
#define WALK_DEVICE(id, info) { .part = (id), .data = (info) }
>>> patch mm: chips
>>> file mm/walk.c
+struct chip {
+	int id;
+	const int *ids;
+};
+static const int most = 3;
+static const struct chip first = { .id = 1 };
+static const struct chip second = {
+	.id = first.id, // want "'first.id' initialises 'second', but it is no constant"
+	.ids = first.ids,
+};
+static int count = most; // want "'most' initialises 'count'"
+static const struct device_id ids[] = {
+	WALK_DEVICE(first.id, &first), // want "'first.id' initialises 'ids'"
+};
""",
    ),
    good=(
        """
>>> tree include/linux/kernel.h
#define SIZE_OF(x) .size = sizeof(x)
#define POINTER(x) .where = &(x)
>>> patch mm: chips
>>> file mm/walk.c
+struct part {
+	int depth;
+};
+struct chip {
+	int id;
+	int names[4];
+	const int *ids;
+	struct part part;
+};
+static int numbers[] = { 1, 2 };
+static const struct chip first = { .id = 1, .ids = numbers };
+static struct chip *chips[] = { &first, NULL };
+static const struct chip second = {
+	.id = sizeof(first.id),
+	.ids = first.names,
+	.part = { .depth = ARRAY_SIZE(numbers) },
+	SIZE_OF(first.id),
+	POINTER(first.id),
+};
""",
        """
+static const int most = 3;
+int walk(void)
+{
+	int depth = most;
+
+	return depth;
+}
+static int other(void) { return most; }
""",
        """
 static const int most = 3;
-static int count= most;
+static int count = most;
+#define COUNT most
""",
    ),
)
