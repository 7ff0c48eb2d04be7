"""A declaration in a form that a compiler of the kernel warns of, or that the kernel does not use."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import (
    ChangedFile,
    Context,
    Finding,
    Function,
    GivenSeverity,
    Rule,
    Silence,
    frozen,
    pattern,
)

if TYPE_CHECKING:
    from tree_sitter import Node

NO_PARAMETERS = pattern(
    r"(?!return|else|typedef|#)(?:static |extern |inline |__init |__exit |const |unsigned |struct )*"
    r"[a-z]\w*[\s*]+([a-z_]\w*)\(\)\s*[;{]?\s*$"
)
LATE_STATIC = pattern(r"^\s*(?:const|unsigned|struct \w+|void|int|bool|char|u\d+)\s+(static)\b[^(]")
LATE_INLINE = pattern(
    r"^static\s+(?:const\s+)?(?:void|int|bool|u\d+|unsigned int|struct \w+ \*)\s*(inline)\s+\w+\("
)
EXTERN = pattern(r"^extern\s+(?!\"|.*\bweak\b|.*\basm\b)(?:[\w]+[\s*]+)+(\w+)\s*\(")
VOLATILE = pattern(
    r"^\s*(?:static\s+)?volatile\s+(?!void\b|.*(?:__iomem|\bconst\b))(?:\w+\s+)*\w+(?:\s+|\s*\*+\s*)"
    r"(?!__)(\w+)(?:\[\w*\])?(?:\s+__\w+)*\s*[;=]"
)
OTHER_TYPE = pattern(r"\bu?int(?:8|16|32|64)_t\b")
OUR_TYPE = pattern(r"\b[us](?:8|16|32|64)\b")


@frozen
class Form:
    """What is wrong with a line, and how bad it is; shared: only where others reach what it declares."""

    message: str
    severity: GivenSeverity = ""
    shared: bool = False


def check(context: Context) -> Iterator[Finding | Silence]:
    """The added lines of C files, and the arrays of their functions."""
    for file in context.c_files:
        if file.path.startswith("include/uapi/"):
            continue
        for line in sorted(file.added_numbers):
            form = form_of(file, file.code_at(line)) if not file.was_there(line) else None
            if form is not None and not (form.shared and is_local(file, line)):
                yield file.finding(line, form.message, severity=form.severity)
        yield from foreign_types(file)
        for function in file.functions if file.adds("]") else ():
            if function.whole and not function.partial:
                yield from arrays(file, function)


def is_local(file: ChangedFile, line: int) -> bool:
    """Whether a line declares what only one call of a function sees, as to hide a value from the compiler."""
    inside = any(source.function_at(line) is not None for source in file.after)
    return inside and "static" not in file.code_at(line)


def form_of(file: ChangedFile, code: str) -> Form | None:
    """The fault of one line, None where it has none."""
    if found := NO_PARAMETERS.match(code):
        return Form(
            f"{found[1]}() says nothing of its parameters: (void) says that it has none (-Wstrict-prototypes)"
        )
    if found := LATE_STATIC.match(code) or LATE_INLINE.match(code):
        return Form(
            f"'{found[1]}' stands behind the type: the compiler warns with W=1 (-Wold-style-declaration)"
        )
    if found := VOLATILE.match(code):
        return Form(
            f"{found[1]} is volatile, which orders nothing: READ_ONCE() and WRITE_ONCE() at its uses, or a lock",
            "info",
            shared=True,
        )
    if file.path.endswith(".c") and (found := EXTERN.match(code)):
        return Form(f"{found[1]}() belongs declared in a header that its definition includes, too", "info")
    return None


def foreign_types(file: ChangedFile) -> Iterator[Finding]:
    """The first type of user space in a file that else has the kernel's."""
    if not file.adds("int8_t", "int16_t", "int32_t", "int64_t"):
        return
    texts = [(line, file.code_at(line)) for source in file.after for line in source.lines]
    old = [code for line, code in texts if line not in file.added_numbers]
    ours = sum(len(OUR_TYPE.findall(code)) for _, code in texts)
    others = [(line, found[0]) for line, code in texts if (found := OTHER_TYPE.search(code))]
    new = [each for each in others if each[0] in file.added_numbers and not file.was_there(each[0])]
    if new and ours > len(others) and not any(map(OTHER_TYPE.search, old)):
        line, name = new[0]
        short = name.replace("uint", "u").replace("int", "s").removesuffix("_t")
        yield file.finding(
            line,
            f"{name} is a type of user space: the kernel's, which this file has, too, is {short}",
            severity="info",
        )


def arrays(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The arrays whose size is the value of a variable."""
    variables = {each.name for each in (*function.parameters, *function.locals)}
    for each in function.locals:
        node: Node | None = each.node
        while node is not None and node.type != "array_declarator":
            node = node.child_by_field_name("declarator")
        size = node.child_by_field_name("size") if node is not None else None
        if size is None or each.static or each.line not in file.added_numbers or file.was_there(each.line):
            continue
        if variables.intersection(names_in(function, size)):
            yield file.finding(
                each.line,
                f"the size of {each.name} is no constant: the kernel has no arrays of variable length (-Wvla), for the "
                "stack is small; a constant by #define or enum, or kmalloc_array()",
            )


def names_in(function: Function, size: "Node") -> Iterator[str]:
    """The names of an expression that are not looked at for their type only."""
    for node in function.nodes_in(size, "identifier"):
        around = function.parent_of(node)
        while (
            around is not None and around.start_byte >= size.start_byte and around.end_byte <= size.end_byte
        ):
            if around.type in ("sizeof_expression", "call_expression", "argument_list"):
                break
            around = function.parent_of(around)
        else:
            yield function.source.text_of(node)


RULE = Rule(
    name="declaration-form",
    summary="A declaration has a form that compilers warn of, or that the kernel does not use",
    why=(
        "An empty list of parameters lets callers pass anything. An array of variable length may be larger than the "
        "stack, which has 16 kB at most. What stands in another order, or has a name of user space, is read twice."
    ),
    source=(
        "gcc -Wvla, -Wstrict-prototypes and -Wold-style-declaration; Documentation/process/deprecated.rst (variable "
        "length arrays), volatile-considered-harmful.rst; checkpatch AVOID_EXTERNS, PREFER_KERNEL_TYPES"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    wakes=(
        "()",
        "]",
        "static",
        "inline",
        "extern",
        "volatile",
        "int8_t",
        "int16_t",
        "int32_t",
        "int64_t",
    ),
    bad=(
        """
+static int walk() // want "walk.. says nothing of its parameters"
+{
+	return 1;
+}
+const static int deep = 3; // want "'static' stands behind the type"
+static void inline far(int n) // want "'inline' stands behind the type"
+{
+	unsigned int number = n;
+	int all[n]; // want "the size of all is no constant"
+	const int most = 4;
+	u8 some[most + 1]; // want "the size of some is no constant"
+	uint32_t last = 0; // want "uint32_t is a type of user space: the kernel's, which this file has, too, is u32"
+	u32 first = 1, second = 2;
+	u32 third = 1;
+
+	use(all, some, number, last, first, second, third);
+}
+extern int walk_on(int n); // want "walk_on.. belongs declared in a header"
+static volatile int count; // want "count is volatile"
+static volatile int answered __initdata; // want "answered is volatile"
""",
    ),
    good=(
        """
+#define MOST 4
+static int walk(void)
+{
+	u8 some[MOST], other[sizeof(some) + 1], third[ARRAY_SIZE(some)];
+	unsigned int number = 3;
+	unsigned long long all = 4;
+
+	asm volatile("nop" : : : "memory");
+	run();
+	volatile int unknown = 3;
+	return unknown + some[number] + other[0] + third[1] + (unsigned char)all + *(volatile u32 *)some;
+}
+static const int deep = 3;
+static volatile const u8 table[] = { 1 };
+static inline int far(int n);
+static struct walk_ops ops = { .walk = walk };
+DEFINE_WALK()
+extern char walk_begin[];
""",
        """
+static int walk(uint32_t n)
+{
+	uint8_t all[4];
+
+	return all[0] + n;
+}
+int (*walk_on)(void);
""",
        """
 static int walk()
 {
+	run();
 	return 1;
 }
""",
    ),
)
