"""A page table is freed without waiting for lockless walkers."""

from collections.abc import Iterator

from patchscan.model.scenarios.asked import models
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """The verdicts of the models that this patch changes."""
    return models(context, "table-free-without-sync")


RULE = Rule(
    name="table-free-without-sync",
    summary="A page table is freed without waiting for lockless walkers",
    why=(
        "GUP-fast and other lockless walkers read page tables with IRQs off and take no reference. "
        "Whoever frees a page table, or gives it to another use, must first wait until every walk that "
        "can have seen it is over: by an IPI with wait (tlb_remove_table_sync_one()), or by RCU. The rule "
        "lowers the walker and the freeing function to a model and executes it; a finding comes with the "
        "interleaving and the smallest repair. It says nothing where the model does not hold both sides."
    ),
    source=(
        'include/asm-generic/tlb.h (MMU_GATHER_RCU_TABLE_FREE); mm/mmu_gather.c, "Semi RCU freeing"; '
        "commit 2ba99c5e0881"
    ),
    severity="error",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree mm/gup.c
int gup_fast(unsigned long addr)
{
	unsigned long flags;
	pmd_t *pmdp = pmd_off(current->mm, addr);
	pmd_t pmd;
	pte_t *ptep;
	pte_t pte;

	local_irq_save(flags);
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_present(pmd)) {
		ptep = pte_offset_map(&pmd, addr);
		pte = ptep_get_lockless(ptep);
	}
	local_irq_restore(flags);
	return 0;
}
>>> tree mm/mmu_gather.c
static void tlb_remove_table_smp_sync(void *arg)
{
}

void tlb_remove_table_sync_one(void)
{
	smp_call_function(tlb_remove_table_smp_sync, NULL, 1);
}
>>> patch mm: free a page table at once
>>> file mm/memory.c
 void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
 {
 	pgtable_t token = pmd_pgtable(*pmd);
 
 	pmd_clear(pmd);
-	tlb_remove_table_sync_one();
-	__tlb_remove_table(token);
+	__tlb_remove_table(pmd_pgtable(token)); // want "freed.*with an IPI with wait to every CPU"
 }
""",
    ),
    good=(
        """
>>> tree mm/gup.c
int gup_fast(unsigned long addr)
{
	unsigned long flags;
	pmd_t *pmdp = pmd_off(current->mm, addr);
	pmd_t pmd;
	pte_t *ptep;
	pte_t pte;

	local_irq_save(flags);
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_present(pmd)) {
		ptep = pte_offset_map(&pmd, addr);
		pte = ptep_get_lockless(ptep);
	}
	local_irq_restore(flags);
	return 0;
}
>>> tree mm/mmu_gather.c
static void tlb_remove_table_smp_sync(void *arg)
{
}

void tlb_remove_table_sync_one(void)
{
	smp_call_function(tlb_remove_table_smp_sync, NULL, 1);
}
>>> patch mm: free a page table in a helper
>>> file mm/memory.c
+static void free_table(pgtable_t token)
+{
+	tlb_remove_table_sync_one();
+	__tlb_remove_table(token);
+}
+
 void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
 {
 	pgtable_t token = pmd_pgtable(*pmd);
 
 	pmd_clear(pmd);
-	tlb_remove_table_sync_one();
-	__tlb_remove_table(token);
+	free_table(token);
 }
""",
        """
>>> tree mm/gup.c
int gup_fast(unsigned long addr)
{
	unsigned long flags;
	pmd_t *pmdp = pmd_off(current->mm, addr);
	pmd_t pmd;
	pte_t *ptep;
	pte_t pte;

	local_irq_save(flags);
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_present(pmd)) {
		ptep = pte_offset_map(&pmd, addr);
		pte = ptep_get_lockless(ptep);
	}
	local_irq_restore(flags);
	return 0;
}
>>> patch mm: free a page table after a grace period
>>> file mm/memory.c
 void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
 {
 	pgtable_t token = pmd_pgtable(*pmd);
 
 	pmd_clear(pmd);
+	synchronize_rcu();
 	__tlb_remove_table(token);
 }
""",
        """
>>> tree Makefile
VERSION = 6
>>> patch mm: no walker is in sight
>>> file mm/memory.c
 void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
 {
 	pgtable_t token = pmd_pgtable(*pmd);
 
 	pmd_clear(pmd);
+	__tlb_remove_table(token);
 }
""",
    ),
)
