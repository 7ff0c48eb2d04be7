/* What has no effect on a model: checks, tracing, accounting, hints. */

same_t likely(x) { return x; }
same_t unlikely(x) { return x; }
same_t WARN_ON(x) { return x; }
same_t WARN_ON_ONCE(x) { return x; }
same_t WARN_ONCE(x, f) { return x; }
same_t WARN(x, f) { return x; }
same_t VM_WARN_ON_ONCE(x) { return 0; }
void VM_WARN_ON(x) { }
void VM_BUG_ON(x) { }
void VM_BUG_ON_VMA(x, v) { }
void VM_BUG_ON_PAGE(x, p) { }
void VM_BUG_ON_MM(x, m) { }
void BUG_ON(x) { }
void BUILD_BUG_ON(x) { }
void might_sleep(void) { __sleep(); }
void lockdep_assert_irqs_disabled(void) { }
void lockdep_assert_held(l) { }
void cpu_relax(void) { }
void count_vm_event(e) { }
void count_vm_tlb_event(e) { }
void count_vm_events(e, n) { }
void trace_tlb_flush(r, n) { }
void pr_info(f) { }
void update_mmu_cache_pmd(v, a, p) { }
void update_mmu_cache(v, a, p) { }
void page_table_check_pte_clear(m, p) { }
void page_table_check_pmd_clear(m, p) { }
void kmsan_vunmap_range_noflush(s, e) { }
void arch_enter_lazy_mmu_mode(void) { }
void arch_leave_lazy_mmu_mode(void) { }
void mm_dec_nr_ptes(m) { }
void mm_dec_nr_pmds(m) { }
void mm_inc_nr_ptes(m) { }
