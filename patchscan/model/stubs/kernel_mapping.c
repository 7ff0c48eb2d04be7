/*
 * A kernel mapping that is torn down and its page given back: mm/vmalloc.c, vunmap_range() and its callers
 * (vfree, _vm_unmap_aliases). One entry is modelled.
 */

void vunmap_range_noflush(s, e) { __W(once, kernel_pte, 0); }
void __vunmap_range_noflush(s, e) { __W(once, kernel_pte, 0); }
/* include/linux/sched/isolation.h: decided at boot */
bool housekeeping_cpu(c, t) { return housekeeping; }

void unmap_and_free(void)
{
	page_t *page = __R(once, kernel_pte);

	vunmap_range(0, 1);
	__free_page(page);
}
