/* What the machine of a cost run knows of its CPUs, in place of what a model takes as decided. */

/* arch/x86/include/asm/mmu_context.h: the CPUs on which an address space runs */
struct cpumask *mm_cpumask(mm) { return &runs_space; }
/* include/linux/sched/isolation.h: a CPU that does the kernel's own work, not an isolated one */
bool housekeeping_cpu(c, t) { return __R(plain, __pcpu(housekeeping, c)); }
/* an allocation that succeeds; the fallback for one that fails is another scheme */
bool alloc_cpumask_var(m, g) { return 1; }
bool zalloc_cpumask_var(m, g) { cpumask_clear(*m); return 1; }
