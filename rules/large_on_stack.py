"""A local variable takes so much of the stack that the compiler warns of the frame."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Function, Rule, Silence, Variable, pattern
from patchscan.tree.overlay import View

PLAIN = pattern(r"(?:const |volatile )*struct (\w+)(?: const)?")
MASKS = frozenset(("struct cpumask", "cpumask_t"))
BYTES = pattern(r"(?:const )?(?:u8|s8|char|unsigned char|uint8_t|__u8|u_char) \[\]")
SIZE = pattern(r"\[\s*(0x[0-9a-fA-F]+|\d+)\s*\]")
DEVICE = "struct device"
# Architectures whose NR_CPUS is 4096 or more are the others.
FEW_CPUS = pattern(r"arch/(?!x86/|arm64/|powerpc/|ia64/|loongarch/)")
STRUCT = pattern(r"struct (\w+)")
MOST_BYTES = 1024
DEEPEST = 2


def check(context: Context) -> Iterator[Finding | Silence]:
    """The variables that added lines of functions declare, or make what they are."""
    for file in context.c_files:
        if file.adds("struct ", "cpumask_t", "["):
            for function in file.functions:
                if not function.partial:
                    for variable in function.locals:
                        if variable.line in file.added_numbers and not variable.static:
                            yield from judge(context, file, function, variable)


def judge(
    context: Context, file: ChangedFile, function: Function, variable: Variable
) -> Iterator[Finding | Silence]:
    """A finding for a mask of CPUs, something with a struct device in it, or a large array."""
    if file.was_there(variable.line) or was_so(file, function, variable):
        return
    kind = " ".join(variable.type.split())
    if kind in MASKS and FEW_CPUS.match(file.path):
        yield file.fine(variable.line, "this architecture has few CPUs at most")
        return
    if kind in MASKS:
        yield file.finding(
            variable.line,
            f"'{variable.name}' is a mask of CPUs on the stack: with NR_CPUS=8192 it takes 1024 bytes, and the "
            "compiler warns of the frame (-Wframe-larger-than); use cpumask_var_t",
        )
        return
    if BYTES.fullmatch(kind):
        size = SIZE.search(file.code_at(variable.line).partition(variable.name)[2])
        if size and int(size[1], 0) > MOST_BYTES:
            yield file.finding(
                variable.line,
                f"'{variable.name}' takes {int(size[1], 0)} bytes of the stack: the compiler warns of frames larger "
                f"than {MOST_BYTES} bytes on 32 bits; allocate it",
            )
        return
    struct = PLAIN.fullmatch(kind)
    if struct is not None and context.has_tree and kind != DEVICE:
        way = device_in(context.view, file, struct[1], DEEPEST)
        if way is not None:
            yield file.finding(
                variable.line,
                f"'{variable.name}' is a struct {struct[1]} on the stack, which holds a struct device: it takes about "
                "a kilobyte, and the compiler warns of the frame (-Wframe-larger-than); allocate it",
                (way,),
            )


def was_so(file: ChangedFile, function: Function, variable: Variable) -> bool:
    """Whether the function had a variable of the same type before."""
    before = file.before_of(function.name)
    kinds = {each.type for each in before.locals if not each.static} if before is not None else set()
    return variable.type in kinds


def device_in(view: View, file: ChangedFile, name: str, depth: int) -> Evidence | None:
    """The member by which a struct holds a struct device, with all there is of it."""
    from patchscan.lookup.types import find_type

    found = find_type(view, file.path, file.state.after or b"", name)
    for member in found[1].members if found is not None else ():
        if member.conditions:
            continue
        if member.type == DEVICE:
            return Evidence(
                found[0] if found else "", member.line, f"struct {name}: struct device {member.name};"
            )
        inner = STRUCT.fullmatch(member.type)
        if inner is not None and depth > 0:
            way = device_in(view, file, inner[1], depth - 1)
            if way is not None:
                return way
    return None


RULE = Rule(
    name="large-on-stack",
    summary="A local variable is so large that the compiler warns of the stack frame",
    why=(
        "The stack of the kernel is 8 or 16 KB, and calls go deep. The compiler warns of frames above 1024 bytes on "
        "32 bits and 2048 on 64, with CONFIG_WERROR it stops; what is small with few CPUs is not with many."
    ),
    source="lib/Kconfig.debug (FRAME_WARN); include/linux/cpumask.h (cpumask_var_t)",
    severity="warning",
    confidence="medium",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
>>> tree include/linux/device.h
struct device {
	struct kobject kobj;
};
>>> tree include/linux/tick.h
struct tick {
	int number;
	struct device dev;
};
>>> patch mm: count
>>> file mm/example.c
 int walk(void)
 {
+	struct cpumask seen; // want "'seen' is a mask of CPUs on the stack"
+	struct tick tick; // want "'tick' is a struct tick on the stack, which holds a struct device"
+	u8 line[4096]; // want "'line' takes 4096 bytes of the stack"
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree include/linux/tick.h
struct tick {
	int number;
	struct device *dev;
};
>>> patch mm: count
>>> file mm/example.c
 int walk(void)
 {
+	static struct cpumask seen;
+	struct cpumask *other = &seen;
+	cpumask_var_t mask;
+	struct tick tick;
+	u8 line[64];
 	return 0;
 }
""",
        """
 int walk(void)
 {
-	struct cpumask seen;
+	struct cpumask visited;
+	u32 most[MOST_STEPS];
 	return 0;
 }
""",
        """
+int walk(struct cpumask *seen, u8 line[2048])
+{
+	return 0;
+}
""",
    ),
)
