"""An IPI that is meant to wait for readers can miss one."""

from collections.abc import Iterator

from patchscan.model.scenarios.asked import models
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """The verdicts of the models that this patch changes."""
    return models(context, "ipi-misses-reader")


RULE = Rule(
    name="ipi-misses-reader",
    summary="An IPI that is meant to wait for readers can miss one",
    why=(
        "An IPI with wait waits for the IRQs-off section of the CPU it is sent to, and of no other. Sent "
        "only to CPUs that a flag or a mask names, it needs the store-buffering order on both sides: the "
        "reader sets its flag, full barrier, reads; the updater clears, full barrier, looks at the flags, "
        "and the look must be ordered before the freeing. The rule executes a model of both sides; a "
        "finding comes with the interleaving and the smallest repair."
    ),
    source=(
        'tools/memory-model/Documentation/recipes.txt (store buffering); review of "mm: use targeted IPIs for TLB sync '
        'with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="error",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree mm/mmu_gather.c
static void tlb_remove_table_smp_sync(void *arg)
{
}

void tlb_remove_table_sync_one(void)
{
	smp_call_function(tlb_remove_table_smp_sync, NULL, 1);
}
>>> tree mm/memory.c
void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
{
	pgtable_t token = pmd_pgtable(*pmd);

	pmd_clear(pmd);
	tlb_remove_table_sync_one();
	__tlb_remove_table(token);
}
>>> patch mm/gup: turn interrupts off later
>>> file mm/gup.c
 int gup_fast(unsigned long addr)
 {
 	unsigned long flags;
 	pmd_t *pmdp = pmd_off(current->mm, addr);
 	pmd_t pmd;
 	pte_t *ptep;
 	pte_t pte;
 
-	local_irq_save(flags);
-	pmd = pmdp_get_lockless(pmdp);
+	pmd = pmdp_get_lockless(pmdp); // want "the code before this patch is safe"
+	local_irq_save(flags);
 	if (pmd_present(pmd)) {
 		ptep = pte_offset_map(&pmd, addr);
 		pte = ptep_get_lockless(ptep);
 	}
 	local_irq_restore(flags);
 	return 0;
 }
""",
        """
>>> tree mm/gup.c
DECLARE_PER_CPU(int, walks);

int gup_fast(unsigned long addr)
{
	unsigned long flags;
	pmd_t *pmdp = pmd_off(current->mm, addr);
	pmd_t pmd;
	pte_t *ptep;
	pte_t pte;

	local_irq_save(flags);
	this_cpu_write(walks, 1);
	smp_mb();
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_present(pmd)) {
		ptep = pte_offset_map(&pmd, addr);
		pte = ptep_get_lockless(ptep);
	}
	smp_store_release(this_cpu_ptr(&walks), 0);
	local_irq_restore(flags);
	return 0;
}
>>> tree mm/memory.c
void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
{
	pgtable_t token = pmd_pgtable(*pmd);

	pmd_clear(pmd);
	tlb_remove_table_sync_one();
	__tlb_remove_table(token);
}
>>> patch mm: interrupt only the CPUs that walk
>>> file mm/mmu_gather.c
 DEFINE_PER_CPU(int, walks);
 
 static void tlb_remove_table_smp_sync(void *arg)
 {
 }
 
+static bool walks_now(int cpu, void *info)
+{
+	return per_cpu(walks, cpu); // want "nothing keeps.*with smp_load_acquire"
+}
+
 void tlb_remove_table_sync_one(void)
 {
-	smp_call_function(tlb_remove_table_smp_sync, NULL, 1);
+	smp_mb();
+	on_each_cpu_cond(walks_now, tlb_remove_table_smp_sync, NULL, 1);
 }
""",
    ),
    good=(
        """
>>> tree mm/gup.c
DECLARE_PER_CPU(int, walks);

int gup_fast(unsigned long addr)
{
	unsigned long flags;
	pmd_t *pmdp = pmd_off(current->mm, addr);
	pmd_t pmd;
	pte_t *ptep;
	pte_t pte;

	local_irq_save(flags);
	this_cpu_write(walks, 1);
	smp_mb();
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_present(pmd)) {
		ptep = pte_offset_map(&pmd, addr);
		pte = ptep_get_lockless(ptep);
	}
	smp_store_release(this_cpu_ptr(&walks), 0);
	local_irq_restore(flags);
	return 0;
}
>>> tree mm/memory.c
void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
{
	pgtable_t token = pmd_pgtable(*pmd);

	pmd_clear(pmd);
	tlb_remove_table_sync_one();
	__tlb_remove_table(token);
}
>>> patch mm: interrupt only the CPUs that walk
>>> file mm/mmu_gather.c
 DEFINE_PER_CPU(int, walks);
 
 static void tlb_remove_table_smp_sync(void *arg)
 {
 }
 
+static bool walks_now(int cpu, void *info)
+{
+	return smp_load_acquire(per_cpu_ptr(&walks, cpu));
+}
+
 void tlb_remove_table_sync_one(void)
 {
-	smp_call_function(tlb_remove_table_smp_sync, NULL, 1);
+	smp_mb();
+	on_each_cpu_cond(walks_now, tlb_remove_table_smp_sync, NULL, 1);
 }
""",
        """
>>> tree mm/gup.c
DECLARE_PER_CPU(int, walks);

int gup_fast(unsigned long addr)
{
	unsigned long flags;
	pmd_t *pmdp = pmd_off(current->mm, addr);
	pmd_t pmd;
	pte_t *ptep;
	pte_t pte;

	local_irq_save(flags);
	this_cpu_write(walks, 1);
	smp_mb();
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_present(pmd)) {
		ptep = pte_offset_map(&pmd, addr);
		pte = ptep_get_lockless(ptep);
	}
	smp_store_release(this_cpu_ptr(&walks), 0);
	local_irq_restore(flags);
	return 0;
}
>>> tree mm/memory.c
void free_pte_range(struct mmu_gather *tlb, pmd_t *pmd, unsigned long addr)
{
	pgtable_t token = pmd_pgtable(*pmd);

	pmd_clear(pmd);
	tlb_remove_table_sync_one();
	__tlb_remove_table(token);
}
>>> patch mm: interrupt only the CPUs that walk
>>> file mm/mmu_gather.c
 DEFINE_PER_CPU(int, walks);
 
 static void tlb_remove_table_smp_sync(void *arg)
 {
 }
 
+static bool walks_now(int cpu, void *info)
+{
+	return cpu >= 0;
+}
+
 void tlb_remove_table_sync_one(void)
 {
-	smp_call_function(tlb_remove_table_smp_sync, NULL, 1);
+	smp_mb();
+	on_each_cpu_cond(walks_now, tlb_remove_table_smp_sync, NULL, 1);
 }
""",
        """
>>> tree Makefile
VERSION = 6
>>> patch mm: interrupt only the CPUs that walk
>>> file mm/mmu_gather.c
 DEFINE_PER_CPU(int, walks);
 
 static void tlb_remove_table_smp_sync(void *arg)
 {
 }
 
+static bool walks_now(int cpu, void *info)
+{
+	return per_cpu(walks, cpu);
+}
+
 void tlb_remove_table_sync_one(void)
 {
-	smp_call_function(tlb_remove_table_smp_sync, NULL, 1);
+	smp_mb();
+	on_each_cpu_cond(walks_now, tlb_remove_table_smp_sync, NULL, 1);
 }
""",
    ),
)
