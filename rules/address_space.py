"""A pointer to memory of a device or of user space is used as one to the kernel's memory, or the reverse."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, pattern

if TYPE_CHECKING:
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

MARKS = pattern(rb"\b__(?:iomem|user|percpu)\b|ioremap|_iomap\b|copy_(?:from|to)_user")
DEVICE = pattern(
    r"(?:__raw_)?(?:read|write)[bwlq](?:_relaxed|_be)?|io(?:read|write)(?:8|16|32|64)(?:be)?(?:_rep)?|"
    r"(?:read|write)s[bwlq]|iounmap"
)
# What each place of an argument leads to: "i" to a device, "u" to user space, "k" to the kernel's memory.
COPIES = {
    "devm_iounmap": "-i",
    "memcpy_fromio": "ki",
    "memcpy_toio": "ik",
    "memset_io": "i",
    "copy_from_user": "ku",
    "copy_to_user": "uk",
    "get_user": "-u",
    "put_user": "-u",
    "clear_user": "u",
    "strncpy_from_user": "ku",
    "memdup_user": "u",
    "memdup_user_nul": "u",
    "memcpy": "kk",
    "memset": "k",
    "memcmp": "kk",
    "strscpy": "kk",
}
NAMED = pattern(r"[&(\s]*(\w+(?:(?:->|\.)\w+)*)")
SPACES = {"i": "iomem", "u": "user", "k": "kernel"}


def check(context: Context) -> Iterator[Finding]:
    """The calls, assignments, casts and accesses on added lines."""
    for file in context.c_files:
        if file.adds("*", "->", "(", "=") and any(MARKS.search(each.text) for each in file.after):
            for function in file.functions:
                if not function.partial:
                    yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding]:
    """What is to be said of one function: the first fault of each line and of each pointer."""
    from patchscan.lookup.typeof import types_in

    types: Types | None = None
    told: set[int | str] = set()
    kinds = (
        "call_expression",
        "assignment_expression",
        "init_declarator",
        "cast_expression",
        "pointer_expression",
    )
    for node in function.nodes(*kinds, "field_expression"):
        line = function.source.line_of(node)
        if line in told or line not in file.added_numbers or file.was_there(line) or node.has_error:
            continue
        types = types or types_in(context, file, function)
        pointer, fault = fault_of(types, node)
        if fault and pointer not in told:
            told.update((line, pointer))
            yield context.claimed(file.finding(line, fault))


def fault_of(types: "Types", node: "Node") -> tuple[str, str]:
    """(the variable or member whose fault it is, what is wrong) of one expression, "" where nothing is."""
    if node.type == "call_expression":
        return handed_over(types, types.function.call(node))
    if node.type == "cast_expression":
        return cast(types, node)
    if node.type in ("pointer_expression", "field_expression"):
        return accessed(types, node)
    return assigned(types, node)


def handed_over(types: "Types", call: Call) -> tuple[str, str]:
    """An argument that leads elsewhere than the function goes."""
    from patchscan.lookup.spaces import declared_space, space, written_type

    wanted: list[str] = []
    if DEVICE.fullmatch(call.name):
        writes = "write" in call.name and not call.name.endswith("_rep") and len(call.arguments) == 2
        repeats = call.name.endswith("_rep") or call.name.startswith(("reads", "writes"))
        wanted = ["", "iomem"] if writes and not repeats else ["iomem"]
    elif call.name in COPIES:
        wanted = [SPACES.get(each, "") for each in COPIES[call.name]]
    elif (callee := defined_here(types, call.name)) is not None:
        own = type(types)(types.meaning, callee)
        wanted = [declared_space(written_type(own, each)) for each in callee.parameters]
    for value, where in zip(call.arguments, wanted, strict=False):
        found = space(types, value) if where else ""
        if found and found != where:
            shown = types.written(value)
            fault = f"{call.name}() takes a pointer {into(where)}, but '{shown}' leads {into(found)}"
            return pointer_in(shown), fault
    return "", ""


def defined_here(types: "Types", name: str) -> Function | None:
    """The function of that name which the file itself defines."""
    from patchscan.c.source import parse

    return parse(types.text, types.meaning.path).function_named(name) if name.encode() in types.text else None


def pointer_in(expression: str) -> str:
    """The pointer that an expression starts from: "box->base" of "box->base + 4" or "&box->base->id"."""
    found = NAMED.match(expression)
    name = found[1] if found is not None else expression
    return name.rpartition("->")[0] or name if expression.startswith("&") else name


def into(space: str) -> str:
    """A space in words, with its mark."""
    return "to the kernel's memory" if space == "kernel" else f"to __{space}"


def cast(types: "Types", node: "Node") -> tuple[str, str]:
    """A cast to a pointer that drops the mark without saying that it is meant."""
    from patchscan.lookup.spaces import declared_space, space

    kind = types.written(node).partition(")")[0].strip("( ")
    if "__force" in kind:
        return "", ""
    found, wanted = space(types, node.child_by_field_name("value")), declared_space(kind)
    # A mark may be put on: how else would an address become one. sparse is silent of it, too.
    if found not in ("", "kernel") and wanted == "kernel":
        value = node.child_by_field_name("value")
        shown = types.written(value) if value is not None else ""
        hidden = f"the cast to '{kind}' hides that '{shown}' leads {into(found)}"
        return pointer_in(shown), f"{hidden}: keep the mark, or write __force"
    return "", ""


def assigned(types: "Types", node: "Node") -> tuple[str, str]:
    """A pointer that is given one into another space."""
    from patchscan.lookup.spaces import declared_space, space, written_type

    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    sign = node.child_by_field_name("operator")
    if node.type == "init_declarator":
        left, right = node.child_by_field_name("declarator"), node.child_by_field_name("value")
    elif sign is None or types.written(sign) != "=":
        return "", ""
    # First what is known soon: where a member leads is told by headers.
    if left is None or right is None or (right.type == "call_expression" and not space(types, right)):
        return "", ""
    if node.type == "init_declarator":
        own = [each for each in types.function.locals if each.node == node]
        wanted = declared_space(written_type(types, own[0])) if own else ""
    else:
        wanted = space(types, left)
    found = space(types, right) if wanted else ""
    if not found or found == wanted:
        return "", ""
    name = types.written(left).lstrip("* ")
    return name, f"'{name}' leads {into(wanted)}, but '{types.written(right)}' {into(found)}"


def accessed(types: "Types", node: "Node") -> tuple[str, str]:
    """A direct access to what only accessors may read or write."""
    from patchscan.lookup.spaces import space

    argument = node.child_by_field_name("argument")
    source = types.function.source
    if argument is None or is_named_only(types, node):
        return "", ""
    reads = source.text_of(node).startswith("*") or types.is_through_pointer(node)
    if not reads:
        return "", ""
    found = space(types, argument)
    if found not in ("iomem", "user", "percpu"):
        return "", ""
    if node.type == "field_expression" and may_be_array(types, node):
        return "", ""
    how = {
        "iomem": "readl() and its like",
        "user": "get_user() or copy_from_user()",
        "percpu": "this_cpu_ptr()",
    }
    shown = types.written(argument)
    return pointer_in(shown), f"'{shown}' leads to __{found}, and may not be dereferenced: use {how[found]}"


def is_named_only(types: "Types", node: "Node") -> bool:
    """Whether a place is named without being read: behind &, sizeof or in what a call or macro may take by name."""
    outer = node.parent
    while outer is not None and not outer.type.endswith("statement") and outer.type != "declaration":
        if outer.type in ("call_expression", "sizeof_expression", "offsetof_expression", "argument_list"):
            return True
        if outer.type == "pointer_expression" and types.function.source.text_of(outer).startswith("&"):
            return True
        outer = outer.parent
    return False


def may_be_array(types: "Types", node: "Node") -> bool:
    """Whether a member may be an array, of which its name is the address alone: one of unknown type may."""
    outer = node.parent
    while outer is not None and outer.type == "field_expression" and not types.is_through_pointer(outer):
        node, outer = outer, outer.parent
    kind = types.of(node)
    return not kind or "[]" in kind


RULE = Rule(
    name="address-space",
    summary="A pointer marked __iomem, __user or __percpu is used as one to the kernel's memory, or the reverse",
    why=(
        "Registers are reached by readl() and its like, user memory by copy_from_user() and its like, and a per-CPU "
        "pointer names no memory before a CPU is chosen. Used directly, they fail on some machines and let user space "
        "read or write the kernel's memory on others. The marks let sparse see it, which the kernel test robot runs."
    ),
    source="Documentation/dev-tools/sparse.rst; include/linux/compiler_types.h; Documentation/driver-api/device-io.rst",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    needs_tree=True,
    bad=(
        """
>>> tree include/linux/box.h
struct box {
	void __iomem *registers;
	struct frame __iomem *frame;
	void *buffer;
};
struct frame {
	u32 state;
};
>>> patch drivers: box
>>> file drivers/example.c
 #include <linux/box.h>
 static void box_set(void *where, u32 value)
 {
 }
 static long box_ioctl(struct box *box, struct box *other, u32 __user *argument, char __user *name, void *plain,
 	struct frame *frame)
 {
+	void *base = box->registers + 4; // want "'base' leads to the kernel's memory, but 'box->registers . 4' to __iomem"
+	void __iomem *place;
+
+	place = box->buffer; // want "'place' leads to __iomem, but 'box->buffer' to the kernel's memory"
+	writel(1, base);
+	writel(1, plain + 8); // want "writel.. takes a pointer to __iomem, but 'plain . 8' leads to the kernel's memory"
+	box_set(box->registers, 1); // want "box_set.. takes a pointer to the kernel's memory, but 'box->registers'"
+	iowrite32(0, &((struct frame *)box->frame)->state); // want "iowrite32.. takes a pointer to __iomem"
+	frame->state = other->frame->state; // want "'other->frame' leads to __iomem, and may not be dereferenced"
+	frame->state = *argument; // want "'argument' leads to __user, and may not be dereferenced"
+	if (copy_from_user(name, plain, 4)) // want "copy_from_user.. takes a pointer to the kernel's memory"
+		return -EFAULT;
+	strscpy(box->buffer, name + 1, 4);
+	memcpy(&frame->state, box->frame, 4); // want "memcpy.. takes a pointer to the kernel's memory, but 'box->frame'"
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree include/linux/box.h
typedef struct frame __attribute__((aligned(4))) frame_t;
struct box {
	void __iomem *registers;
	struct frame __iomem *frame;
	frame_t __iomem *aligned;
	__iomem u16 *first;
	void *buffer;
};
struct part {
	u32 words[4];
};
struct frame {
	u32 state;
	u32 rest[4];
	struct part part;
};
>>> patch drivers: box
>>> file drivers/example.c
 #include <linux/box.h>
 static void box_set(void __iomem *where, u32 value)
 {
 }
 static long box_ioctl(struct box *box, struct device *plain, __user u32 *argument, unsigned long address)
 {
+	void __iomem *base = box->registers + 4;
+	struct frame frame, *kept = box->buffer;
+	u32 __user *user = (u32 __user *)address, value;
+	__iomem u16 *first = base, *second = box->first;
+
+	writel(readl(base), &box->frame->state);
+	box_set(base, 1);
+	memcpy_fromio(&frame, box->frame, sizeof(*box->frame));
+	if (copy_from_user(&frame.state, argument, 4) || get_user(value, &user[1]) || put_user(1, argument))
+		return -EFAULT;
+	base = devm_ioremap_resource(kept->device, kept->resource);
+	kept->state = value;
+	base = NULL;
+	address = (unsigned long)box->registers;
+	kept = (__force void *)box->registers;
+	writel(1, (void __iomem *)kept);
+	box_walk(box->frame->rest);
+	user = (__force u32 __user *)(box->aligned->rest + 1);
+	base = box->frame->part.words;
+	devm_iounmap(plain, box->registers);
 	return 0;
 }
""",
        """
>>> tree include/linux/box.h
struct box {
	void __iomem *registers;
};
>>> patch drivers: box
>>> file drivers/example.c
 #include <linux/box.h>
 static u32 box_read(struct box *box, int offset)
 {
-	return readl(box->registers);
+	return readl(box->registers + offset);
 }
""",
        """
>>> tree include/linux/box.h
struct box {
	void __iomem *registers;
	int count;
};
>>> patch drivers: box
>>> file drivers/example.c
 #include <linux/box.h>
 static int box_count(struct box *box, struct box __percpu *all)
 {
+	struct box *own = this_cpu_ptr(all);
+
+	return own->count + per_cpu_ptr(all, 1)->count;
 }
""",
    ),
)
