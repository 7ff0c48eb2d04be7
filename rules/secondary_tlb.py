"""A flush of the CPUs' TLBs that forgets the TLBs of devices."""

from collections.abc import Iterator

from patchscan.model.scenarios.asked import models
from patchscan.rule import Call, ChangedFile, Context, Evidence, Finding, Function, Rule, Silence, pattern

NOTIFIES = pattern(r"mmu_notifier_\w*invalidate\w*")
# The second is the name of the first before 6.6.
SECONDARY = frozenset(("mmu_notifier_arch_invalidate_secondary_tlbs", "mmu_notifier_invalidate_range"))
FLUSH = pattern(r"\w*(?:flush|inval)\w*")
MM_TYPES = ("struct mm_struct *", "struct vm_area_struct *")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The verdicts of the models that this patch changes, and every added flush for an address space whose twin
    elsewhere in the file is followed by the notifier."""
    modelled = tuple(models(context, "secondary-tlb"))
    told = {(each.path, each.line) for each in modelled if isinstance(each, Finding)}
    yield from modelled
    for file in context.c_files:
        if file.adds("flush", "inval"):
            for function, call in file.added_calls(lambda name: FLUSH.fullmatch(name) is not None):
                statement = call.node.parent is not None and call.node.parent.type == "expression_statement"
                if statement and not NOTIFIES.fullmatch(call.name) and takes_address_space(function, call):
                    yield judge(file, function, call)
        if SECONDARY & file.removed_words and not any(
            other.adds(*SECONDARY) for other in series_files(context)
        ):
            yield from (each for each in lost(file) if (each.path, each.line) not in told)


def series_files(context: Context) -> Iterator[ChangedFile]:
    """The C files that the series changes."""
    return (file for each in (context, *context.all) for file in each.c_files)


def lost(file: ChangedFile) -> Iterator[Finding]:
    """Every function that goes on flushing for an address space, and no longer tells secondary TLBs."""
    after = {each.name: each for source in file.after for each in source.functions() if each.whole}
    for function, call in ((each, notifies(each)) for source in file.before for each in source.functions()):
        now = after.get(function.name)
        if call is None or now is None or call.name not in SECONDARY or notifies(now) is not None:
            continue
        flushes = [
            each for each in now.calls() if FLUSH.fullmatch(each.name) and takes_address_space(now, each)
        ]
        near = [
            each for each in after.values() if each.name in now.identifiers or now.name in each.identifiers
        ]
        line = place(file, call.name)
        if not flushes or not line or any(notifies(each) is not None for each in near):
            continue
        yield Finding(
            file.path,
            line,
            f"{now.name}() flushes the TLBs of the CPUs with {flushes[-1].name}(), and loses its {call.name}(): "
            "devices that share the page tables of the process keep the old translation",
            (file.evidence(flushes[-1].line),),
        )


def place(file: ChangedFile, name: str) -> int:
    """The line that stands where a call was removed, 0 where none was."""
    for hunk in file.change.hunks:
        for number, line in enumerate(hunk.lines):
            if line.kind == "-" and name in line.text:
                return next(
                    (each.new for each in hunk.lines[number:] if each.new is not None), hunk.new_start
                )
    return 0


def takes_address_space(function: Function, call: Call) -> bool:
    """Whether the function is given an address space, and flushes that."""
    names = {each.name for each in function.parameters if each.type.removeprefix("const ") in MM_TYPES}
    used = {function.source.text_of(node) for node in function.nodes_in(call.node, "identifier")}
    return bool(names & used)


def judge(file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where others in the file call the same flush together with the notifier, and this one does not."""
    if file.was_there(call.line) or not function.whole:
        return file.fine(call.line, "the call only moves, or not all of the function is known")
    if notifies(function) is not None:
        return file.fine(call.line, "secondary TLBs are invalidated in the same function")
    functions = [each for source in file.after for each in source.functions() if each.name != function.name]
    for caller in functions:
        if function.name in caller.identifiers and notifies(caller) is not None:
            return file.fine(call.line, f"{caller.name}(), which calls it, invalidates secondary TLBs")
    for twin in functions:
        other = notifies(twin)
        if (
            other is not None
            and other.name in SECONDARY
            and any(each.name == call.name for each in twin.calls())
        ):
            return file.finding(
                call.line,
                f"{twin.name}() follows {call.name}() with {other.name}(); without it here, devices that share the "
                f"page tables keep the old translation",
                (Evidence(file.path, other.line, twin.source.line_text(other.line)),),
            )
    return file.fine(call.line, f"no other function of the file follows {call.name}() with the notifier")


def notifies(function: Function) -> Call | None:
    """The call of a function that invalidates secondary TLBs."""
    if "mmu_notifier_" not in function.text:
        return None
    return next((call for call in function.calls() if NOTIFIES.fullmatch(call.name)), None)


RULE = Rule(
    name="secondary-tlb",
    summary="CPU TLBs are flushed, secondary TLBs are not",
    why=(
        "An IOMMU that shares the page tables of a process caches translations like a CPU. A flush that does not call "
        "mmu_notifier_arch_invalidate_secondary_tlbs() leaves the device with the old one: it reads freed memory, or "
        "faults again and again on an entry that is long present. With a tree a model of whoever changes an entry, and "
        "of a device that uses it, shows how."
    ),
    source=(
        'commit 6bbd42e2df8f ("mmu_notifiers: call invalidate_range() when invalidating TLBs"); '
        "include/linux/mmu_notifier.h"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
 void flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end)
 {
 	flush_multi(mm_cpumask(mm), start, end);
 	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
 }
 
+void flush_one_page(struct mm_struct *mm, unsigned long address)
+{
+	flush_multi(mm_cpumask(mm), address, address + PAGE_SIZE); // want "flush_mm_range.. follows flush_multi"
+}
""",
        """
 void flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end)
 {
 	flush_multi(mm_cpumask(mm), start, end);
-	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
 } // want "loses its mmu_notifier_arch_invalidate_secondary_tlbs"
""",
    ),
    good=(
        """
+static void tell_devices(struct mm_struct *mm, unsigned long start, unsigned long end)
+{
+	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
+}
+
 void flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end)
 {
 	flush_multi(mm_cpumask(mm), start, end);
-	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
+	tell_devices(mm, start, end);
 }
""",
        """
 void flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end)
 {
 	flush_multi(mm_cpumask(mm), start, end);
 	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
 }
 
+void flush_one_page(struct mm_struct *mm, unsigned long address)
+{
+	flush_multi(mm_cpumask(mm), address, address + PAGE_SIZE);
+	mmu_notifier_arch_invalidate_secondary_tlbs(mm, address, address + PAGE_SIZE);
+}
""",
        """
+static void flush_quietly(struct mm_struct *mm, unsigned long start, unsigned long end)
+{
+	flush_multi(mm_cpumask(mm), start, end);
+}
+
 void flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end)
 {
-	flush_multi(mm_cpumask(mm), start, end);
+	flush_quietly(mm, start, end);
 	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
 }
""",
        """
 void flush_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end)
 {
 	flush_multi(mm_cpumask(mm), start, end);
 	mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
 }
 
+void flush_kernel_range(unsigned long start, unsigned long end)
+{
+	flush_multi(cpu_online_mask, start, end);
+}
""",
        """
+void flush_one_page(struct mm_struct *mm, unsigned long address)
+{
+	flush_mm_range(mm, address, address + PAGE_SIZE);
+}
""",
    ),
)
