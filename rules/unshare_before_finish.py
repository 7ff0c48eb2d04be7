"""Page tables are unshared in an mmu_gather that is finished without the flush they need."""

from collections.abc import Iterator

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence

# mm/hugetlb.c, include/asm-generic/tlb.h: each takes the mmu_gather as its first argument.
UNSHARES = frozenset(("huge_pmd_unshare", "__huge_pmd_unshare", "tlb_unshare_pmd_ptdesc"))
FLUSHES = frozenset(("tlb_flush_unshared_tables", "huge_pmd_unshare_flush"))
FINISHES = "tlb_finish_mmu"


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every tlb_finish_mmu() behind an unsharing, where the patch adds one of the two."""
    for file in context.c_files:
        if file.adds(FINISHES, *UNSHARES) or any(
            name in line.text for line in file.removed for name in FLUSHES
        ):
            for function in file.functions:
                for call in function.calls():
                    if call.name == FINISHES and call.arguments:
                        yield from judge(file, function, call)


def judge(file: ChangedFile, function: Function, finish: Call) -> Iterator[Finding | Silence]:
    """A finding where the flush is missing between the last unsharing and the end of the gather."""
    gather = name_of(function, finish)
    before = [call for call in function.calls() if call.node.start_byte < finish.node.start_byte]
    mine = [call for call in before if call.arguments and name_of(function, call) == gather]
    unshared = [call for call in mine if call.name in UNSHARES]
    if not unshared:
        return
    line = next((each for each in (finish.line, unshared[-1].line) if each in file.added_numbers), None)
    if any(call.name in FLUSHES and call.node.start_byte > unshared[-1].node.start_byte for call in mine):
        if line is not None:
            yield file.fine(line, f"the unshared tables of {gather} are flushed in between")
    elif line is not None and not file.was_there(line):
        yield file.finding(
            line,
            f"{unshared[-1].name}() has unshared tables in {gather}, and {FINISHES}() does not flush for them: "
            f"tlb_flush_unshared_tables() before the lock is dropped, or they may be reused under a walk",
            (file.evidence(unshared[-1].line if line == finish.line else finish.line),),
        )


def name_of(function: Function, call: Call) -> str:
    """The mmu_gather a call is given, without its "&"."""
    return function.source.text_of(call.arguments[0]).lstrip("&").strip()


RULE = Rule(
    name="unshare-before-finish",
    summary="An mmu_gather with unshared page tables is finished without tlb_flush_unshared_tables()",
    why=(
        "A page table that is no longer shared may be reused by the process that keeps it. Until the TLBs are flushed "
        "and lockless walks have ended, the unsharer may still walk it; tlb_flush_unshared_tables() waits for both, "
        "and must do so before the lock that keeps others from reusing the table is dropped."
    ),
    source=(
        'commit 8ce720d5bd91 ("mm/hugetlb: fix excessive IPI broadcasts when unsharing PMD tables using '
        'mmu_gather"); kernel-doc of huge_pmd_unshare() in mm/hugetlb.c'
    ),
    severity="warning",
    confidence="high",
    check=check,
    wakes=(FINISHES, *sorted(UNSHARES), *sorted(FLUSHES)),
    bad=(
        """
 void unshare_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
 {
+	struct mmu_gather part;
+
+	tlb_gather_mmu(&part, vma->vm_mm);
+	for (; start < end; start += PMD_SIZE)
+		huge_pmd_unshare(&part, vma, start);
+	tlb_finish_mmu(&part); // want "tables in part.*tlb_flush_unshared_tables"
 }
""",
        """
 void move(struct vm_area_struct *vma, unsigned long start)
 {
 	struct mmu_gather tlb;
 
 	tlb_gather_mmu(&tlb, vma->vm_mm);
+	huge_pmd_unshare(&tlb, vma, start); // want "does not flush for them"
 	tlb_finish_mmu(&tlb);
 }
""",
    ),
    good=(
        """
 void move(struct vm_area_struct *vma, unsigned long start)
 {
 	struct mmu_gather tlb;
 
 	tlb_gather_mmu(&tlb, vma->vm_mm);
+	huge_pmd_unshare(&tlb, vma, start);
+	huge_pmd_unshare_flush(&tlb, vma);
 	tlb_finish_mmu(&tlb);
 }
""",
        """
 void zap(struct vm_area_struct *vma, struct mmu_gather *other)
 {
 	struct mmu_gather tlb;
 
 	tlb_gather_mmu(&tlb, vma->vm_mm);
+	huge_pmd_unshare(other, vma, vma->vm_start);
+	unmap_page_range(&tlb, vma);
+	tlb_finish_mmu(&tlb);
 }
""",
        """
 void move(struct mmu_gather *tlb, struct vm_area_struct *vma)
 {
+	huge_pmd_unshare(tlb, vma, vma->vm_start);
 }
""",
    ),
)
