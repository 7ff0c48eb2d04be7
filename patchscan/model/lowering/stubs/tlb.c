/*
 * TLB flushes by kind. A cached translation is a section of the domain "tlb" of its CPU.
 *
 *   FLUSH_IPI        by IPI with wait: the handler invalidates there, and no IRQs-off section outlives it
 *   FLUSH_BROADCAST  by instruction (arm64 TLBI, AMD INVLPGB): the translations go, no CPU is interrupted
 *   FLUSH_HYPERCALL  by the hypervisor (Xen, Hyper-V): the same
 * Nothing set is the weakest: the translations go. Sources: Documentation/arch/x86/tlb.rst,
 * arch/x86/mm/tlb.c, include/asm-generic/tlb.h.
 */

void __flush_here(info) { __flush(tlb); }
void __flush_everywhere(void)
{
	int c;
#ifdef FLUSH_IPI
	for_each_online_cpu(c) __ipi(c, __flush_here, 0, 1);
#else
	for_each_online_cpu(c) __wait(tlb, c);
#endif
}
void flush_tlb_mm_range(mm, s, e, shift, freed) { __flush_everywhere(); }
void flush_tlb_range(vma, s, e) { __flush_everywhere(); }
void __flush_tlb_range(vma, s, e, stride, last, level) { __flush_everywhere(); }
void flush_tlb_page(vma, a) { __flush_everywhere(); }
void flush_tlb_mm(mm) { __flush_everywhere(); }
void flush_tlb_all(void) { __flush_everywhere(); }
void flush_pmd_tlb_range(vma, s, e) { __flush_everywhere(); }
void flush_tlb_kernel_range(s, e) { __flush_everywhere(); }
void flush_tlb_batched_pending(mm) { __flush_everywhere(); }
/* on the CPU itself */
void __flush_tlb_all(void) { __flush(tlb); }
void __flush_tlb_local(void) { __flush(tlb); }
void flush_tlb_local(void) { __flush(tlb); }
void flush_tlb_one_user(a) { __flush(tlb); }
void flush_tlb_one_kernel(a) { __flush(tlb); }
void __flush_tlb_global(void) { __flush(tlb); }
void native_write_cr3(x) { __F(mb); __flush(tlb); }
void native_write_cr4(x) { __F(mb); __flush(tlb); }
void write_cr3(x) { __F(mb); __flush(tlb); }
/* AMD64 Architecture Programmer's Manual vol. 3, INVLPGB and TLBSYNC: no interrupt reaches the other CPUs */
void invlpgb_flush_all(void) { int c; for_each_online_cpu(c) __wait(tlb, c); }
void invlpgb_flush_all_nonglobals(void) { int c; for_each_online_cpu(c) __wait(tlb, c); }
void invlpgb_kernel_range_flush(i) { int c; for_each_online_cpu(c) __wait(tlb, c); }
void broadcast_tlb_flush(i) { int c; for_each_online_cpu(c) __wait(tlb, c); }
#ifdef CONFIG_PARAVIRT
/* arch/x86/include/asm/paravirt.h: who runs as a guest puts another function there */
void __flush_tlb_multi(m, i) { pv_ops.mmu.flush_tlb_multi(m, i); }
#endif
/* hypercalls: arch/x86/hyperv/mmu.c, arch/x86/xen/mmu_pv.c */
void hyperv_flush_tlb_multi(m, i) { int c; for_each_cpu(c, m) __wait(tlb, c); }
void xen_flush_tlb_multi(m, i) { int c; for_each_cpu(c, m) __wait(tlb, c); }
u64 hv_do_hypercall(c, i, o) { int k; for_each_online_cpu(k) __wait(tlb, k); return 0; }

/*
 * Devices: include/linux/mmu_notifier.h. The invalidation of a secondary TLB reaches every device; a range that
 * was started keeps new translations out until its end.
 */
void mmu_notifier_arch_invalidate_secondary_tlbs(mm, s, e) { __wait(secondary_tlb); }
void mmu_notifier_invalidate_range(mm, s, e) { __wait(secondary_tlb); }
void mmu_notifier_range_init(r, e, f, mm, s, n) { }
void mmu_notifier_invalidate_range_start(r) { }
void mmu_notifier_invalidate_range_end(r) { }

/* rmap removal lets others take the page for unmapped: include/linux/rmap.h, mm/rmap.c (5df397dec7c4) */
void folio_remove_rmap_pte(f, p, v) { __X(sub, release, page_mapcount, 1); }
void folio_remove_rmap_ptes(f, p, n, v) { __X(sub, release, page_mapcount, 1); }
void page_remove_rmap(p, v, c) { __X(sub, release, page_mapcount, 1); }
bool folio_mapped(f) { return __R(acquire, page_mapcount) != 0; }
bool page_mapped(p) { return __R(acquire, page_mapcount) != 0; }

void flush_cache_vunmap(s, e) { }
void flush_cache_range(v, s, e) { }
