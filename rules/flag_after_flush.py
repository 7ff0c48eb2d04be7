"""A CPU says too late that it uses kernel mappings: a deferred TLB flush is missed."""

from collections.abc import Iterator

from patchscan.model.scenarios.asked import models
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """The verdicts of the models that this patch changes."""
    return models(context, "flag-after-flush")


RULE = Rule(
    name="flag-after-flush",
    summary="A CPU says too late that it uses kernel mappings: a deferred TLB flush is missed",
    why=(
        "Where a TLB flush is deferred for CPUs that do not use the mappings, a CPU must say that it uses "
        "them before it can cache one: set the flag, full barrier, flush what is cached, go on. Flushed "
        "first, it may fill its TLB between the flush and the flag, and the CPU that unmaps sees the flag "
        "clear and sends no IPI. The rule executes a model of the entry code and of the unmapping; a "
        "finding comes with the interleaving and the smallest repair."
    ),
    source=(
        'Documentation/arch/x86/tlb.rst; review of "x86/mm, mm/vmalloc: Defer kernel TLB flush '
        'IPIs" RFC v7 30/31, 2025-11-14'
    ),
    severity="error",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree arch/x86/mm/tlb.c
DEFINE_PER_CPU(int, kernel_cr3_loaded);

static void do_flush_tlb_all(void *info)
{
	__flush_tlb_all();
}

static bool uses_kernel_mappings(int cpu, void *info)
{
	return smp_load_acquire(per_cpu_ptr(&kernel_cr3_loaded, cpu));
}

void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end)
{
	smp_mb();
	on_each_cpu_cond(uses_kernel_mappings, do_flush_tlb_all, NULL, 1);
}
>>> tree mm/vmalloc.c
void vunmap_range(unsigned long addr, unsigned long end)
{
	vunmap_range_noflush(addr, end);
	flush_tlb_kernel_range_deferrable(addr, end);
}
>>> patch x86/entry: say that kernel mappings are in use
>>> file arch/x86/entry/entry.c
 DECLARE_PER_CPU(int, kernel_cr3_loaded);
 
 void kernel_entry(void)
 {
 	page_t *page;
 
 	local_irq_disable();
+	__flush_tlb_all();
+	page = READ_ONCE(kernel_pte);
+	this_cpu_write(kernel_cr3_loaded, 1); // want "no CPU may use a kernel translation.*then smp_mb"
 	if (page)
 		READ_ONCE(*page);
 	smp_store_release(this_cpu_ptr(&kernel_cr3_loaded), 0);
 	local_irq_enable();
 }
""",
    ),
    good=(
        """
>>> tree arch/x86/mm/tlb.c
DEFINE_PER_CPU(int, kernel_cr3_loaded);

static void do_flush_tlb_all(void *info)
{
	__flush_tlb_all();
}

static bool uses_kernel_mappings(int cpu, void *info)
{
	return smp_load_acquire(per_cpu_ptr(&kernel_cr3_loaded, cpu));
}

void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end)
{
	smp_mb();
	on_each_cpu_cond(uses_kernel_mappings, do_flush_tlb_all, NULL, 1);
}
>>> tree mm/vmalloc.c
void vunmap_range(unsigned long addr, unsigned long end)
{
	vunmap_range_noflush(addr, end);
	flush_tlb_kernel_range_deferrable(addr, end);
}
>>> patch x86/entry: say that kernel mappings are in use
>>> file arch/x86/entry/entry.c
 DECLARE_PER_CPU(int, kernel_cr3_loaded);
 
 void kernel_entry(void)
 {
 	page_t *page;
 
 	local_irq_disable();
+	this_cpu_write(kernel_cr3_loaded, 1);
+	smp_mb();
+	__flush_tlb_all();
+	page = READ_ONCE(kernel_pte);
 	if (page)
 		READ_ONCE(*page);
 	smp_store_release(this_cpu_ptr(&kernel_cr3_loaded), 0);
 	local_irq_enable();
 }
""",
        """
>>> tree arch/x86/mm/tlb.c
DEFINE_PER_CPU(int, kernel_cr3_loaded);

static void do_flush_tlb_all(void *info)
{
	__flush_tlb_all();
}

static bool uses_kernel_mappings(int cpu, void *info)
{
	return smp_load_acquire(per_cpu_ptr(&kernel_cr3_loaded, cpu));
}

void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end)
{
	smp_mb();
	on_each_cpu_cond(uses_kernel_mappings, do_flush_tlb_all, NULL, 1);
}
>>> tree mm/vmalloc.c
void vunmap_range(unsigned long addr, unsigned long end)
{
	vunmap_range_noflush(addr, end);
	flush_tlb_kernel_range_deferrable(addr, end);
}
>>> patch x86/entry: say that kernel mappings are in use
>>> file arch/x86/entry/entry.c
 DECLARE_PER_CPU(int, kernel_cr3_loaded);
 
 void kernel_entry(void)
 {
 	page_t *page;
 
 	local_irq_disable();
+	xchg(this_cpu_ptr(&kernel_cr3_loaded), 1);
+	__flush_tlb_all();
+	page = READ_ONCE(kernel_pte);
 	if (page)
 		READ_ONCE(*page);
 	smp_store_release(this_cpu_ptr(&kernel_cr3_loaded), 0);
 	local_irq_enable();
 }
""",
        """
>>> tree arch/x86/mm/tlb.c
DEFINE_PER_CPU(int, kernel_cr3_loaded);

static void do_flush_tlb_all(void *info)
{
	__flush_tlb_all();
}

static bool uses_kernel_mappings(int cpu, void *info)
{
	return smp_load_acquire(per_cpu_ptr(&kernel_cr3_loaded, cpu));
}

void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end)
{
	smp_mb();
	on_each_cpu_cond(uses_kernel_mappings, do_flush_tlb_all, NULL, 1);
}
>>> tree mm/vmalloc.c
void vunmap_range(unsigned long addr, unsigned long end)
{
	vunmap_range_noflush(addr, end);
	flush_tlb_kernel_range_deferrable(addr, end);
}
>>> patch x86/entry: say that kernel mappings are in use
>>> file arch/x86/entry/entry.c
 DECLARE_PER_CPU(int, kernel_cr3_loaded);
 
 void kernel_entry(void)
 {
 	page_t *page;
 
 	local_irq_disable();
+	smp_store_mb(*this_cpu_ptr(&kernel_cr3_loaded), 1);
+	page = READ_ONCE(kernel_pte);
 	if (page)
 		READ_ONCE(*page);
 	smp_store_release(this_cpu_ptr(&kernel_cr3_loaded), 0);
 	local_irq_enable();
 }
""",
    ),
)
