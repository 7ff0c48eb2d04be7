"""A new flag that is written at boot and only read from then on."""

import re
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

DEFINITION = pattern(
    r"^(?P<static>static\s+)?bool\s+(?P<name>\w+)(?:\s+__read_mostly)?\s*(?:=\s*\w+\s*)?;\s*$"
)
INIT = pattern(r"\b__init\b")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added definition of a bool outside functions."""
    for file in context.c_files:
        if not file.adds("bool ") or not file.path.endswith(".c"):
            continue
        for source in file.after:
            for line in sorted(file.added_numbers):
                match = DEFINITION.match(source.code_text(line))
                if match and source.function_at(line) is None and not file.was_there(line):
                    yield judge(context, file, line, match["name"], static=bool(match["static"]))


def judge(context: Context, file: ChangedFile, line: int, name: str, *, static: bool) -> Finding | Silence:
    """A finding where all writes of the flag are in __init functions and a read is not.

    The variable is new, so all that use it stands in the series.
    """
    files = [other for other in last_states(context) if not static or other.path == file.path]
    used = [
        (other, function)
        for other in files
        for source in other.after
        if name.encode() in source.code
        for function in source.functions()
        if re.search(rf"\b{name}\b", function.text)
    ]
    if any(mentioned_outside(other, name) for other in files):
        return file.fine(line, f"{name} is named outside functions: somebody may hold its address")
    writers = [(other, function, at) for other, function in used for at in writes(function, name)]
    if not writers:
        return file.fine(line, f"no write to {name} is visible")
    if any(at is None or not at_boot(function) for _, function, at in writers):
        return file.fine(line, f"{name} can be written after boot")
    reader = next((function for _, function in used if function.has_head and not at_boot(function)), None)
    if reader is None:
        return file.fine(line, f"nothing reads {name} after boot")
    return file.finding(
        line,
        f"{name} is written at boot only, by {writers[0][1].name}(): __ro_after_init says and enforces it; where "
        f"{reader.name}() is hot, a static key makes the test there free",
        tuple(other.evidence(at) for other, _, at in writers[:3] if at is not None),
    )


def last_states(context: Context) -> Iterator[ChangedFile]:
    """The C files of the series, each as the last patch that changes it leaves it."""
    found = {file.path: file for other in context.all for file in other.c_files}
    return iter(found.values())


def at_boot(function: Function) -> bool:
    """Whether a function is gone after boot."""
    return INIT.search(function.header) is not None


def writes(function: Function, name: str) -> Iterator[int | None]:
    """The lines that write the flag; None where its address is taken or the function cannot be read."""
    if function.partial or not function.has_head:
        yield None
        return
    for node in function.nodes("assignment_expression", "update_expression", "pointer_expression"):
        target = node.child_by_field_name("left") or node.child_by_field_name("argument")
        if target is not None and function.source.text_of(target) == name:
            yield None if node.type == "pointer_expression" else function.source.line_of(node)


def mentioned_outside(file: ChangedFile, name: str) -> bool:
    """Whether a file names the flag outside functions, but for its definition and declarations."""
    declaration = re.compile(rf"^\s*(?:extern\s+|static\s+)*bool\s+{name}\b|^EXPORT_\w+\({name}\)")
    for source in file.after:
        for match in re.finditer(rf"\b{name}\b", source.code.decode("utf-8", "replace")):
            row = match.string.count("\n", 0, match.start())
            line = source.first_line + row - (1 if source.fragment else 0)
            if source.function_at(line) is None and not declaration.match(source.code_text(line)):
                return True
    return False


RULE = Rule(
    name="boot-time-bool",
    summary="A flag that only boot code writes: a static key or __ro_after_init",
    why=(
        "A flag that is settled at boot costs a load and a branch wherever it is tested, and stays writable for "
        "whoever finds a way to write kernel memory. A static key patches the test to a jump or nothing; "
        "__ro_after_init makes the memory read-only once boot is over."
    ),
    source=(
        "Documentation/staging/static-keys.rst; Documentation/security/self-protection.rst (__ro_after_init); "
        'review of "mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 3/3 and what v7 of '
        '"x86/tlb: skip redundant sync IPIs for native TLB flush" made of it'
    ),
    severity="info",
    confidence="medium",
    check=check,
    wakes=("bool ",),
    bad=(
        """
>>> patch x86: remember whether the flush is native
>>> file mm/example.c
+/* The flush interrupts the CPUs. */
+bool native_flush; // want "native_flush is written at boot only, by native_init.*static key"
+
+void __init native_init(void)
+{
+	if (!hypervisor())
+		native_flush = true;
+}
>>> file mm/user.c
+bool flush_interrupts(void)
+{
+	return native_flush;
+}
""",
    ),
    good=(
        """
+static bool fast __ro_after_init;
+static DEFINE_STATIC_KEY_FALSE(faster);
+
+static int __init setup(void)
+{
+	fast = true;
+	return 0;
+}
+
+static bool is_fast(void)
+{
+	return fast;
+}
""",
        """
+static bool fast;
+module_param(fast, bool, 0644);
+
+static int __init setup(void)
+{
+	fast = true;
+	return 0;
+}
+
+static bool is_fast(void)
+{
+	return fast;
+}
""",
        """
+static bool fast;
+
+static int __init setup(void)
+{
+	fast = true;
+	return 0;
+}
+
+static void slow_down(void)
+{
+	fast = false;
+}
+
+static bool is_fast(void)
+{
+	return fast;
+}
""",
        """
 static void count(void)
 {
+	static bool warned;
+	bool fast;
+
+	fast = !warned;
 }
""",
    ),
)
