/*
 * A page table of PMDs that address spaces share: mm/hugetlb.c, include/asm-generic/tlb.h. Once nobody shares it
 * any more and the locks are dropped, whoever is left may free it, or give it to another use.
 */

void i_mmap_assert_write_locked(m) { }
void i_mmap_assert_locked(m) { }
void hugetlb_vma_assert_locked(v) { }
void tlb_flush_pmd_range(tlb, a, s) { tlb->cleared_pmds = 1; tlb->start = 0; tlb->end = 1; }
unsigned long huge_page_size(h) { return PMD_SIZE; }

/* huge_pmd_unshare() and what completes it, by every sharer, are called with i_mmap_rwsem held for writing */
void unshare_then_free(struct mmu_gather *tlb, struct vm_area_struct *vma, pud_t *pud, pte_t *ptep)
{
	pmd_t *table = *pud;
	int last;

	tlb->freed_tables = 0;
	tlb->unshared_tables = 0;
	tlb->fully_unshared_tables = 0;
	tlb->start = TASK_SIZE;
	tlb->end = 0;
	tlb->cleared_ptes = 0;
	tlb->cleared_pmds = 0;
	tlb->cleared_puds = 0;
	tlb->cleared_p4ds = 0;
	down_write(&i_mmap_rwsem);
	huge_pmd_unshare(tlb, vma, 0, ptep);
	last = tlb->fully_unshared_tables;
	huge_pmd_unshare_flush(tlb, vma);
	up_write(&i_mmap_rwsem);
	if (last)
		pmd_free(vma->vm_mm, table);
}
