/*
 * What a page-table entry holds: 1 is the entry that was there, 2 the same page with less permitted, 3 another page.
 * include/linux/pgtable.h, include/linux/mm.h
 */

bool pte_write(x) { return x == 1; }
pte_t pte_wrprotect(x) { return 2; }
pte_t mk_pte(p, prot) { return 3; }
pte_t pfn_pte(p, prot) { return 3; }
pte_t pte_mkclean(x) { return x; }
pte_t pte_mkdirty(x) { return x; }
pte_t pte_mkold(x) { return x; }
pte_t pte_mkyoung(x) { return x; }
pte_t pte_sw_mkyoung(x) { return x; }
pte_t pte_mkspecial(x) { return x; }
pte_t pte_mksoft_dirty(x) { return x; }
pte_t pte_mkuffd_wp(x) { return x; }
pte_t maybe_mkwrite(x, v) { return x; }
bool pte_accessible(mm, x) { return x != 0; }
bool pte_same(x, y) { return 1; }
/* an entry of hugetlbfs has functions of its own to change it */
bool folio_test_hugetlb(f) { return 0; }
bool is_vm_hugetlb_page(v) { return 0; }

/* a device with its own TLB goes on with an entry, and looks whether the change of it is over */
void device_uses_entry(pte_t *entry)
{
	__open(secondary_tlb);
	if (__R(once, *entry) == 1)
		__R(once, change_is_over);
	__close(secondary_tlb);
}

/* whoever changed the entry goes on, and takes it that nobody uses the old one */
void relies_on_the_change(pte_t *entry)
{
	if (__R(once, *entry) != 1)
		__W(once, change_is_over, 1);
}
