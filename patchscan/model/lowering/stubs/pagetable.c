/*
 * Page tables: one level of entries is modelled, the table that an entry points to is the memory a walker must
 * not use after it was freed. LEVEL_PUD: the entry is a PUD (hugetlb PMD sharing), otherwise a PMD.
 * Sources: include/linux/pgtable.h, mm/pgtable-generic.c, mm/memory.c, include/asm-generic/tlb.h.
 */

/* reading an entry */
pmd_t pmdp_get(pmd_t *p) { return __R(once, *p); }
pmd_t pmdp_get_lockless(pmd_t *p) { return __R(once, *p); }
pte_t ptep_get(pte_t *p) { return __R(once, *p); }
pte_t ptep_get_lockless(pte_t *p) { return __R(once, *p); }
bool pmd_present(x) { return x != 0; }
bool pmd_none(x) { return x == 0; }
#ifdef LEVEL_PUD
/* what hugetlb shares are tables of huge pages */
bool pmd_leaf(x) { return 1; }
#else
bool pmd_leaf(x) { return 0; }
#endif
bool pmd_trans_huge(x) { return 0; }
pmdval_t pmd_val(x) { return x; }
bool pte_none(x) { return x == 0; }
bool pte_present(x) { return x != 0; }

/* the table that an entry points to: an address dependency */
pte_t *pte_offset_map(pmd_t *p, a) { return *p; }
pte_t *pte_offset_kernel(pmd_t *p, a) { return *p; }
pte_t *pte_offset_map_lock(mm, pmd_t *p, a, l) { pte_t *t = *p; if (t) spin_lock(*l); return t; }
pgtable_t pmd_pgtable(x) { return x; }
struct page *pmd_page(x) { return x; }
void pte_unmap(p) { }
void pte_unmap_unlock(p, l) { spin_unlock(l); }

/* writing an entry; pmd_populate() publishes a table: mm/memory.c, pmd_install() */
void pmd_clear(pmd_t *p) { __W(once, *p, 0); }
void pmd_populate(mm, pmd_t *p, t) { __W(release, *p, t); }
/* a leaf of its own, or the table that was there */
void set_pmd_at(mm, a, pmd_t *p, v) { __W(once, *p, __object(v)); }
void set_pmd(pmd_t *p, v) { __W(once, *p, __object(v)); }
void pte_clear(mm, a, pte_t *p) { __W(once, *p, 0); }
void ptep_clear(mm, a, pte_t *p) { __W(once, *p, 0); }
void set_pte_at(mm, a, pte_t *p, v) { __W(once, *p, v); }
void set_pte(pte_t *p, v) { __W(once, *p, v); }
/*
 * Take an entry out. Generic: a read and a write, include/linux/pgtable.h; on x86 an exchange, which is a
 * full barrier, arch/x86/include/asm/pgtable.h; on arm64 an exchange that orders nothing.
 */
pmd_t pmdp_huge_get_and_clear(mm, a, pmd_t *p)
{
#if defined(ARCH_X86)
	return __X(xchg, full, *p, 0);
#elif defined(ARCH_ARM64)
	return __X(xchg, relaxed, *p, 0);
#else
	pmd_t o = __R(once, *p); __W(once, *p, 0); return o;
#endif
}
pte_t ptep_get_and_clear(mm, a, pte_t *p)
{
#if defined(ARCH_X86)
	return __X(xchg, full, *p, 0);
#elif defined(ARCH_ARM64)
	return __X(xchg, relaxed, *p, 0);
#else
	pte_t o = __R(once, *p); __W(once, *p, 0); return o;
#endif
}
pte_t ptep_get_and_clear_full(mm, a, pte_t *p, f) { return ptep_get_and_clear(mm, a, p); }
pte_t get_and_clear_full_ptes(mm, a, pte_t *p, n, f) { return ptep_get_and_clear(mm, a, p); }
void clear_full_ptes(mm, a, pte_t *p, n, f) { ptep_get_and_clear(mm, a, p); }
pte_t ptep_clear_flush(vma, a, pte_t *p) { pte_t o = ptep_get_and_clear(0, a, p); flush_tlb_page(vma, a); return o; }
pmd_t pmdp_collapse_flush(vma, a, pmd_t *p) { pmd_t o = pmdp_huge_get_and_clear(0, a, p); flush_tlb_range(vma, a, a); return o; }

/* a table is freed, or given to another use: what a walker must never see */
void __tlb_remove_table(t) { __W(once, *t, FREED); }
void pte_free(mm, t) { __W(once, *t, FREED); }
void pmd_free(mm, t) { __W(once, *t, FREED); }
/* include/asm-generic/tlb.h, __tlb_remove_tlb_entry(): what was cleared has to be flushed */
void __entry_goes(tlb) { tlb->cleared_ptes = 1; tlb->start = 0; tlb->end = 1; }
void tlb_remove_tlb_entry(tlb, p, a) { __entry_goes(tlb); }
void tlb_remove_tlb_entries(tlb, p, n, a) { __entry_goes(tlb); }
/* include/asm-generic/tlb.h, pte_free_tlb(): the range to flush grows, and says that tables go */
void __table_goes(tlb) { tlb->freed_tables = 1; tlb->cleared_pmds = 1; tlb->start = 0; tlb->end = 1; }
void pte_free_tlb(tlb, t, a) { __table_goes(tlb); tlb_remove_table(tlb, t); }
void pmd_free_tlb(tlb, t, a) { __table_goes(tlb); tlb_remove_table(tlb, t); }
void pud_free_tlb(tlb, t, a) { __table_goes(tlb); tlb_remove_table(tlb, t); }
/* mm/pgtable-generic.c: a deposited table is withdrawn and freed by whoever zaps the huge entry */
void pgtable_trans_huge_deposit(mm, p, t) { __W(once, *t, FREED); }
void pte_free_defer(mm, t) { __after(rcu, __tlb_remove_table, t); }

/* the levels above are taken to be there and stable */
pgd_t *pgd_offset(mm, a) { return 1; }
pgd_t pgdp_get(p) { return 1; }
bool pgd_none(x) { return 0; }
bool pgd_leaf(x) { return 0; }
bool pgd_present(x) { return 1; }
p4d_t p4dp_get(p) { return 1; }
p4d_t *p4d_offset_lockless(a, b, c) { return 1; }
p4d_t *p4d_offset(p, a) { return 1; }
bool p4d_none(x) { return 0; }
bool p4d_leaf(x) { return 0; }
bool p4d_present(x) { return 1; }
#ifdef LEVEL_PUD
pud_t pudp_get(pud_t *p) { return __R(once, *p); }
bool pud_present(x) { return x != 0; }
bool pud_none(x) { return x == 0; }
void pud_clear(pud_t *p) { __W(once, *p, 0); }
pmd_t *pmd_offset(pud_t *p, a) { return *p; }
pmd_t *pmd_offset_lockless(pud_t *p, v, a) { return v; }
#else
pud_t pudp_get(p) { return 1; }
bool pud_present(x) { return 1; }
bool pud_none(x) { return 0; }
#endif
bool pud_leaf(x) { return 0; }
