"""A __weak function of common code is declared by headers of architectures only."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Function, Rule, Silence, pattern

WEAK = pattern(r"\b__weak\b")
# BPF programs and the linker find these by name; what brackets them keeps the compiler quiet.
BY_NAME = pattern(r"\b(?:__bpf_kfunc\w*|__bpf_hook\w*|__visible|asmlinkage)\b")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every __weak function that the patch brings to a file that is no architecture's."""
    for file, function in context.new_functions:
        is_common = file.path.endswith(".c") and not is_arch(file.path)
        if is_common and WEAK.search(function.header) and not BY_NAME.search(function.header):
            yield judge(context, file, function)


def is_arch(path: str) -> bool:
    """Whether a file belongs to one architecture."""
    return path.startswith("arch/")


def judge(context: Context, file: ChangedFile, function: Function) -> Finding | Silence:
    """A finding where some architecture declares the function, and no other header does."""
    declared = context.uses(function.name, whole=False).of_kind("declaration")
    common = next((use for use in declared if not is_arch(use.path)), None)
    if common is not None:
        return file.fine(function.name_line, f"{common.path}:{common.line} declares it for all")
    if not declared:
        return file.unchecked(function.name_line, f"no header was found that declares {function.name}()")
    arch = declared[0].path.split("/")[1]
    return file.finding(
        function.name_line,
        f"{function.name}() is __weak, but only headers of architectures declare it ({arch}): elsewhere the compiler "
        "misses its prototype, and nothing holds the versions to one signature; declare it in a common header",
        tuple(Evidence(use.path, use.line, use.text) for use in declared[:2]),
    )


RULE = Rule(
    name="weak-prototype",
    summary="A __weak function of common code is declared by an architecture's header only",
    why=(
        "The architecture that overrides a __weak function must define it with the same parameters, and the compiler "
        "can see to that only where both include one prototype. Without it, it warns on every other architecture "
        "(-Wmissing-prototypes is on by default), and callers in common code depend on what one asm header has."
    ),
    source='Makefile (-Wmissing-prototypes); "x86/mm, mm/vmalloc: Defer kernel TLB flush IPIs" RFC v7 30/31',
    severity="info",
    confidence="high",
    check=check,
    needs_tree=True,
    wakes=("__weak",),
    bad=(
        """
>>> tree arch/x86/include/asm/flush.h
void flush_range_later(unsigned long start, unsigned long end);
>>> patch mm: flush later
>>> file mm/example.c
+void __weak flush_range_later(unsigned long start, unsigned long end) // want "common header"
+{
+	flush_range(start, end);
+}
""",
    ),
    good=(
        """
>>> tree include/linux/flush.h
void flush_range_later(unsigned long start, unsigned long end);
>>> tree arch/x86/include/asm/flush.h
void flush_range_later(unsigned long start, unsigned long end);
>>> patch mm: flush later
>>> file mm/example.c
+void __weak flush_range_later(unsigned long start, unsigned long end)
+{
+	flush_range(start, end);
+}
""",
        """
>>> tree arch/x86/include/asm/flush.h
void flush_range_later(unsigned long start, unsigned long end);
>>> patch mm: flush later
>>> file arch/x86/mm/example.c
+void __weak flush_range_later(unsigned long start, unsigned long end)
+{
+	flush_range(start, end);
+}
""",
        """
>>> tree arch/x86/include/asm/flush.h
void flush_range_later(unsigned long start, unsigned long end);
>>> patch mm: flush later
>>> file mm/example.c
+void flush_range_later(unsigned long start, unsigned long end);
+
+void __weak flush_range_later(unsigned long start, unsigned long end)
+{
+	flush_range(start, end);
+}
""",
    ),
)
