/*
 * A kernel mapping that is torn down and its page given back, against a CPU that enters the kernel and uses it.
 * mm/vmalloc.c, vunmap_range() and its callers (vfree(), _vm_unmap_aliases()); one entry is modelled.
 *
 * A CPU may cache the translation at any time after it flushed its TLB: at the earliest right after the flush.
 * Writing CR3 or CR4 is serialising.
 */

void __fill(void) { __W(plain, __pcpu(cached_translation, __self()), __R(once, kernel_pte)); }
void __flush_tlb_all(void) { __fill(); }
void __flush_tlb_local(void) { __fill(); }
void native_flush_tlb_local(void) { __fill(); }
void native_flush_tlb_global(void) { __fill(); }
void native_write_cr3(x) { __F(mb); __fill(); }
void native_write_cr4(x) { __F(mb); __fill(); }
void flush_tlb_one_kernel(a) { }
void invlpg(a) { }

void use_mapping(void)
{
	page_t *page = __R(plain, __pcpu(cached_translation, __self()));

	if (page)
		__R(once, *page);
}

/* the way in from user space: arch/x86/entry/calling.h, or C code that the assembly calls with IRQs off */
void enter_by_assembly(void)
{
	local_irq_disable();
	SWITCH_TO_KERNEL_CR3();
	use_mapping();
	local_irq_enable();
}
void enter_in_c(void)
{
	local_irq_disable();
	enter_from_user_mode();
	use_mapping();
	local_irq_enable();
}

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
