/*
 * What CPUs and devices do by themselves, as threads of a model. A translation that was read from a page-table
 * entry may be used until it is invalidated: arch/x86 SDM vol. 3, 4.10 "Caching translation information".
 */

/* user space writes through a translation */
void user_store(pte_t *entry)
{
	__open(tlb);
	if (__R(once, *entry))
		__W(once, page_data, 1);
	__close(tlb);
}

/* writeback or migration: a page that nobody maps any more is taken to be complete */
void clean_unmapped_page(void)
{
	if (__R(acquire, page_mapcount) == 0)
		__R(once, page_data);
}

/* a device with its own TLB reads the page that an entry points to */
void device_access(pte_t *entry)
{
	__open(secondary_tlb);
	page_t *page = __R(once, *entry);
	if (page)
		__R(once, *page);
	__close(secondary_tlb);
}

/* the page in question is file-backed, and its entry is dirty: only then is there data to lose */
bool pte_dirty(x) { return 1; }
bool PageAnon(p) { return 0; }
bool folio_test_anon(f) { return 0; }
bool is_zero_pfn(p) { return 0; }
