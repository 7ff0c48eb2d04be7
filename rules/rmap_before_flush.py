"""A page counts as unmapped while a TLB still leads to it."""

from collections.abc import Iterator

from patchscan.model.scenarios.asked import models
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """The verdicts of the models that this patch changes."""
    return models(context, "rmap-before-flush")


RULE = Rule(
    name="rmap-before-flush",
    summary="A page counts as unmapped while a TLB still leads to it",
    why=(
        "A CPU, or a device with a TLB of its own, can use a translation until it is invalidated. A page "
        "whose reverse mapping is removed before the TLB flush counts as unmapped and clean while a CPU "
        "still writes to it: the data is lost. A page freed before secondary TLBs were invalidated is "
        "still read by a device. The rule executes a model of the hardware's access, the unmapping and "
        "whoever relies on it."
    ),
    source=(
        "commit 5df397dec7c4 (delay page_remove_rmap() until after the TLB has been flushed); "
        "commit 6bbd42e2df8f; Documentation/mm/mmu_notifier.rst"
    ),
    severity="error",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree Makefile
VERSION = 6
>>> patch mm: remove the rmap before the flush
>>> file mm/memory.c
 void zap_present_folio_ptes(struct mmu_gather *tlb, struct vm_area_struct *vma, struct folio *folio,
 			    struct page *page, pte_t *pte, unsigned long addr)
 {
 	pte_t ptent = ptep_get_and_clear_full(tlb->mm, addr, pte, 0);
 
 	if (!pte_present(ptent))
 		return;
+	folio_remove_rmap_pte(folio, page, vma); // want "TLB flush"
+	flush_tlb_range(vma, addr, addr);
 }
""",
    ),
    good=(
        """
>>> tree Makefile
VERSION = 6
>>> patch mm: remove the rmap after the flush
>>> file mm/memory.c
 void zap_present_folio_ptes(struct mmu_gather *tlb, struct vm_area_struct *vma, struct folio *folio,
 			    struct page *page, pte_t *pte, unsigned long addr)
 {
 	pte_t ptent = ptep_get_and_clear_full(tlb->mm, addr, pte, 0);
 
 	if (!pte_present(ptent))
 		return;
+	flush_tlb_range(vma, addr, addr);
+	folio_remove_rmap_pte(folio, page, vma);
 }
""",
        """
>>> tree Makefile
VERSION = 6
>>> patch mm: remove the rmap well after the flush
>>> file mm/memory.c
 void zap_present_folio_ptes(struct mmu_gather *tlb, struct vm_area_struct *vma, struct folio *folio,
 			    struct page *page, pte_t *pte, unsigned long addr)
 {
 	pte_t ptent = ptep_get_and_clear_full(tlb->mm, addr, pte, 0);
 
 	if (!pte_present(ptent))
 		return;
+	flush_tlb_mm_range(tlb->mm, addr, addr, 0, false);
+	smp_wmb();
+	folio_remove_rmap_pte(folio, page, vma);
 }
""",
        """
>>> tree Makefile
VERSION = 6
>>> patch mm: remove the rmap only after the flush
>>> file mm/memory.c
 void zap_present_folio_ptes(struct mmu_gather *tlb, struct vm_area_struct *vma, struct folio *folio,
 			    struct page *page, pte_t *pte, unsigned long addr)
 {
 	pte_t ptent = ptep_get_and_clear_full(tlb->mm, addr, pte, 0);
 
 	if (!pte_present(ptent))
 		return;
+	flush_tlb_all();
+	folio_remove_rmap_ptes(folio, page, 1, vma);
 }
""",
    ),
)
