"""Code that looks as if it waited: what the verdict must be was reasoned for each before it was run.

Every case is a walker with IRQs off against an updater that clears an entry, waits in some way, and frees the table.
"safe" where every walker is waited for; "unsafe" where one evidently is not; "unsure" where a reader of the code cannot
tell, or where no wait or barrier mends it, so that nothing but unknown, or unsafe, may be said.
"""

from typing import Any

import pytest
from patchscan.basics.record import frozen, replace
from patchscan.codebase.sources import Sources
from patchscan.model.scenarios.one_case import judge_case
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.model.verdicts.verdict import Verdict

MM = """
struct mm_struct { int users; };
struct task_struct { struct mm_struct *mm; };
struct ptdesc { struct rcu_head pt_rcu_head; };
struct walk_ops { void (*pause)(int how); };
"""
WALKER = """
#include <linux/mm.h>
%(helpers)s
int gup_fast(unsigned long addr)
{
	pmd_t *pmdp = pmd_off(current->mm, addr);
	unsigned long flags;
	pmd_t pmd;
	int ret = 0;

	%(begin)s
	pmd = pmdp_get_lockless(pmdp);
	%(middle)s
	if (pmd_present(pmd)) {
		pte_t *ptep = pte_offset_map(&pmd, addr);

		ret = pte_present(ptep_get_lockless(ptep));
	}
	%(end)s
	return ret;
}
"""
UPDATER = """
#include <linux/mm.h>
static void sync(void *arg)
{
}
%(helpers)s
int collapse_huge_page(struct mm_struct *mm, struct vm_area_struct *vma, unsigned long address)
{
	pmd_t *pmd = pmd_off(mm, address);
	pmd_t old;
	%(declarations)s

	%(before)s
	old = pmdp_huge_get_and_clear(mm, address, pmd);
	%(wait)s
	%(free)s
	return 0;
}
"""
BROADCAST = "smp_call_function(sync, NULL, 1);"


@frozen
class Attack:
    """expected: "safe", "unsafe" or "unsure"; config: symbols that are set; says: a part of what must be printed;

    beside: a header in the directory of both.
    """

    expected: str
    wait: str = BROADCAST
    helpers: str = ""
    declarations: str = ""
    before: str = ""
    free: str = "pgtable_trans_huge_deposit(mm, pmd, pmd_pgtable(old));"
    begin: str = "local_irq_save(flags);"
    middle: str = ""
    end: str = "local_irq_restore(flags);"
    walker: str = ""
    beside: str = ""
    config: tuple[str, ...] = ()
    says: str = ""


def judged(attack: Attack, column: str = "generic") -> Verdict:
    parts = {
        "begin": attack.begin,
        "middle": attack.middle,
        "end": attack.end,
        "helpers": attack.walker,
    }
    files = {
        "include/linux/mm.h": MM,
        "mm/internal.h": attack.beside,
        "mm/gup.c": '#include "internal.h"' + WALKER % parts,
        "mm/khugepaged.c": '#include "internal.h"'
        + UPDATER
        % {
            "helpers": attack.helpers,
            "declarations": attack.declarations,
            "before": attack.before,
            "wait": attack.wait,
            "free": attack.free,
        },
    }

    def read(path: str) -> bytes | None:
        return files[path].encode() if path in files else None

    scenario = next(each for each in shipped_scenarios() if each.name == "page-table-walk-against-freeing")
    scenario = replace(scenario, config={**scenario.config, **dict.fromkeys(attack.config, 1)})
    functions = (("gup_fast", "mm/gup.c"), ("collapse_huge_page", "mm/khugepaged.c"))
    return judge_case(scenario, functions, column, Sources(read, (), lambda directory, name: (), ()))


def check(attack: Attack) -> None:
    verdict = judged(attack)
    text = (verdict.reasons, verdict.branches, verdict.litmus)
    if attack.expected == "unsure":
        assert verdict.verdict != "safe", text
    else:
        assert verdict.verdict == attack.expected, text
    printed = " ".join((*verdict.assumptions, *verdict.reasons, *verdict.branches, *verdict.unmodelled))
    assert attack.says in printed, printed


CPU = "int cpu;"
EACH = "for_each_online_cpu(cpu) "
ONE = "smp_call_function_single(cpu, sync, NULL, 1);"

REACH = {
    "everybody": Attack("safe"),
    "everybody and oneself": Attack("safe", "on_each_cpu(sync, NULL, 1);"),
    "kick": Attack("safe", "kick_all_cpus_sync();"),
    "one by one": Attack("safe", EACH + ONE, declarations=CPU),
    "one by one but oneself": Attack(
        "safe", EACH + "{ if (cpu != smp_processor_id()) " + ONE + " }", declarations=CPU
    ),
    "one by one through the mask": Attack(
        "safe", "for_each_cpu(cpu, cpu_online_mask) " + ONE, declarations=CPU
    ),
    "the mask of all": Attack("safe", "on_each_cpu_mask(cpu_online_mask, sync, NULL, 1);"),
    "a mask filled with all": Attack(
        "safe",
        "cpumask_setall(&m); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "nobody": Attack("unsafe", ""),
    "CPU 0": Attack("unsafe", "smp_call_function_single(0, sync, NULL, 1);"),
    "CPU 1": Attack("unsafe", "smp_call_function_single(1, sync, NULL, 1);"),
    "CPU 0 and 1": Attack(
        "unsafe",
        "smp_call_function_single(0, sync, NULL, 1); smp_call_function_single(1, sync, NULL, 1);",
    ),
    "oneself": Attack("unsafe", "smp_call_function_single(smp_processor_id(), sync, NULL, 1);"),
    "the first": Attack("unsafe", "smp_call_function_single(cpumask_first(cpu_online_mask), sync, NULL, 1);"),
    "anyone": Attack("unsafe", "smp_call_function_any(cpu_online_mask, sync, NULL, 1);"),
    "a CPU from elsewhere": Attack("unsure", "smp_call_function_single(chosen_cpu(mm), sync, NULL, 1);"),
    "not waited for": Attack("unsafe", "smp_call_function(sync, NULL, 0);"),
    "waited for by a flag": Attack("unsure", "smp_call_function(sync, NULL, must_wait(mm));"),
    "only CPU 0 left out": Attack(
        "unsafe", EACH + "{ if (cpu == 0) continue; " + ONE + " }", declarations=CPU
    ),
    "only low numbers": Attack("unsafe", EACH + "{ if (cpu < 4) " + ONE + " }", declarations=CPU),
    "until the first": Attack("unsure", EACH + "{ " + ONE + " break; }", declarations=CPU),
    "until somebody is busy": Attack(
        "unsure", EACH + "{ if (is_busy(cpu)) break; " + ONE + " }", declarations=CPU
    ),
    "until one fails": Attack(
        "unsure", EACH + "{ if (is_busy(cpu)) return 1; " + ONE + " }", declarations=CPU
    ),
    "but isolated ones": Attack(
        "unsure", EACH + "{ if (cpu_is_isolated(cpu)) continue; " + ONE + " }", declarations=CPU
    ),
    "housekeepers": Attack("unsure", "on_each_cpu_mask(housekeeping_cpumask(HK_TYPE_MISC), sync, NULL, 1);"),
    "the address space's, nobody keeps them": Attack(
        "unsure", "smp_call_function_many(mm_cpumask(mm), sync, NULL, 1);"
    ),
    "a mask from elsewhere": Attack("unsure", "smp_call_function_many(targets_of(mm), sync, NULL, 1);"),
    "a global mask": Attack("unsure", "smp_call_function_many(&walkers_mask, sync, NULL, 1);"),
    "a mask never filled": Attack(
        "unsure", "smp_call_function_many(&m, sync, NULL, 1);", declarations="struct cpumask m;"
    ),
    "an emptied mask": Attack(
        "unsafe",
        "cpumask_clear(&m); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "a mask with CPU 0": Attack(
        "unsafe",
        "cpumask_clear(&m); cpumask_set_cpu(0, &m); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "all but CPU 0": Attack(
        "unsafe",
        "cpumask_copy(&m, cpu_online_mask); cpumask_clear_cpu(0, &m); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "all but somebody": Attack(
        "unsure",
        "cpumask_copy(&m, cpu_online_mask); cpumask_clear_cpu(mm->last, &m);"
        " smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "all and others": Attack(
        "unsure",
        "cpumask_and(&m, cpu_online_mask, &walkers_mask); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "all without others": Attack(
        "unsure",
        "cpumask_andnot(&m, cpu_online_mask, &idle_mask); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "all or others": Attack(
        "safe",
        "cpumask_or(&m, cpu_online_mask, &walkers_mask); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
    ),
    "a loop over those not there": Attack(
        "unsure", "for_each_cpu_not(cpu, cpu_online_mask) " + ONE, declarations=CPU
    ),
    "a loop without the idle": Attack(
        "unsure", "for_each_cpu_andnot(cpu, cpu_online_mask, &idle_mask) " + ONE, declarations=CPU
    ),
    "a loop over both": Attack(
        "unsure", "for_each_cpu_and(cpu, cpu_online_mask, &walkers_mask) " + ONE, declarations=CPU
    ),
    "a loop by number": Attack("unsure", "for (cpu = 0; cpu < 2; cpu++) " + ONE, declarations=CPU),
    "whom a condition picks": Attack(
        "unsure",
        "on_each_cpu_cond(picks, sync, NULL, 1);",
        helpers="static bool picks(int cpu, void *d) { return busy(cpu); }",
    ),
    "whom a condition never picks": Attack(
        "unsafe",
        "on_each_cpu_cond(picks, sync, NULL, 1);",
        helpers="static bool picks(int cpu, void *d) { return false; }",
    ),
    "whom a condition always picks": Attack(
        "safe",
        "on_each_cpu_cond(picks, sync, NULL, 1);",
        helpers="static bool picks(int cpu, void *d) { return true; }",
    ),
    "TLB flush without an interrupt": Attack("unsafe", "flush_tlb_range(vma, address, address);"),
    "TLB flush by interrupt": Attack(
        "safe", "flush_tlb_range(vma, address, address);", config=("FLUSH_IPI",)
    ),
}

RCU = "call_rcu(&table->pt_rcu_head, give_back);"
SECTIONS = {
    "grace period": Attack("safe", "synchronize_rcu();"),
    "grace period of a section": Attack(
        "safe", "synchronize_rcu();", begin="rcu_read_lock();", end="rcu_read_unlock();"
    ),
    "interrupts for a section that leaves them on": Attack(
        "unsafe", begin="rcu_read_lock();", end="rcu_read_unlock();"
    ),
    "interrupts for one that only keeps its CPU": Attack(
        "unsafe", begin="preempt_disable();", end="preempt_enable();"
    ),
    "no section at all": Attack("unsure", begin="", end=""),
    "no section for a grace period": Attack("unsure", "synchronize_rcu();", begin="", end=""),
    "the section opens and closes too early": Attack(
        "unsure", middle="local_irq_restore(flags); local_irq_save(flags);"
    ),
    "it begins too late": Attack("unsure", begin="", middle="local_irq_save(flags);"),
    "a nested section inside": Attack(
        "safe", middle="{ unsigned long f; local_irq_save(f); local_irq_restore(f); }"
    ),
    "a nested one that turns IRQs on": Attack("unsafe", middle="local_irq_disable(); local_irq_enable();"),
    "nested RCU": Attack(
        "safe",
        "synchronize_rcu();",
        begin="rcu_read_lock();",
        middle="rcu_read_lock(); rcu_read_unlock();",
        end="rcu_read_unlock();",
    ),
    "it is opened on a condition": Attack("unsure", begin="if (careful(addr)) local_irq_save(flags);"),
    "a helper closes it": Attack(
        "unsure",
        middle="window();",
        walker="static void window(void) { local_irq_enable(); local_irq_disable(); }",
    ),
    "a helper that may close it": Attack(
        "unsure",
        middle="window(addr);",
        walker="static void window(long a) { if (a > 9) { local_irq_enable(); local_irq_disable(); } }",
    ),
    "a helper far down closes it": Attack(
        "unsure",
        middle="one(addr);",
        walker="static void three(void) { local_irq_enable(); rest(); rest(); local_irq_disable(); }\n"
        "static void two(void) { rest(); three(); rest(); }\nstatic void one(long a) { rest(); two(); rest(); }",
    ),
    "a macro closes it": Attack(
        "unsure",
        middle="WINDOW();",
        walker="#define WINDOW() do { local_irq_enable(); local_irq_disable(); } while (0)",
    ),
    "what is called through a pointer": Attack(
        "unsure",
        begin="rcu_read_lock();",
        middle="ops->pause(1);",
        end="rcu_read_unlock();",
        wait="synchronize_rcu();",
    ),
    "what is not found and sounds like an end": Attack(
        "unsure",
        "synchronize_rcu();",
        begin="rcu_read_lock();",
        middle="walk_unlock_and_relax(addr);",
        end="rcu_read_unlock();",
    ),
    "what ends without a beginning": Attack(
        "unsure", "synchronize_rcu();", begin="", end="rcu_read_unlock();"
    ),
    "another SRCU": Attack(
        "unsafe",
        "synchronize_srcu(&one);",
        begin="srcu_read_lock(&other);",
        end="srcu_read_unlock(&other, 0);",
    ),
    "the same SRCU": Attack(
        "safe", "synchronize_srcu(&one);", begin="srcu_read_lock(&one);", end="srcu_read_unlock(&one, 0);"
    ),
    "SRCU for RCU": Attack(
        "unsafe", "synchronize_srcu(&one);", begin="rcu_read_lock();", end="rcu_read_unlock();"
    ),
    "RCU for SRCU": Attack(
        "unsafe", "synchronize_rcu();", begin="srcu_read_lock(&one);", end="srcu_read_unlock(&one, 0);"
    ),
    "a spinlock with IRQs off": Attack(
        "safe",
        begin="spin_lock_irqsave(&walk_lock, flags);",
        end="spin_unlock_irqrestore(&walk_lock, flags);",
        says="PREEMPT_RT",
    ),
    "a spinlock with IRQs off on RT": Attack(
        "unsafe",
        begin="spin_lock_irqsave(&walk_lock, flags);",
        end="spin_unlock_irqrestore(&walk_lock, flags);",
        config=("CONFIG_PREEMPT_RT",),
    ),
    "rcu_barrier()": Attack("unsure", "rcu_barrier();"),
    "a grace period of tasks": Attack("unsure", "synchronize_rcu_tasks();"),
    "a grace period inside a section": Attack(
        "unsure",
        "rcu_read_lock(); synchronize_rcu(); rcu_read_unlock();",
        begin="rcu_read_lock();",
        end="rcu_read_unlock();",
        says="sleeps in a section",
    ),
    "a poll that was not waited for": Attack("unsure", "start_poll_synchronize_rcu();"),
}

ORDER = {
    "freed before": Attack("unsafe", "", free="pte_free(mm, pmd_pgtable(old)); " + BROADCAST),
    "freed before on a path": Attack(
        "unsafe", "if (is_small(mm)) { pte_free(mm, pmd_pgtable(old)); return 0; } " + BROADCAST
    ),
    "waited before it is cleared": Attack("unsafe", "", before=BROADCAST),
    "waited on a condition": Attack("unsafe", "if (mm->users > 1) " + BROADCAST),
    "waited in a case": Attack(
        "unsafe", "switch (kind_of(mm)) { case 1: " + BROADCAST + " break; default: break; }"
    ),
    "waited in every case": Attack(
        "safe", "switch (kind_of(mm)) { case 1: " + BROADCAST + " break; default: " + BROADCAST + " }"
    ),
    "waited where nothing comes": Attack("unsafe", "if (0) " + BROADCAST),
    "a short cut": Attack("unsafe", "is_ready(mm) || (smp_call_function(sync, NULL, 1), 1);"),
    "a shorter cut": Attack("unsafe", "int done = is_ready(mm) ? 1 : smp_call_function(sync, NULL, 1);"),
    "a helper that waits": Attack("safe", "stop();", helpers="static void stop(void) { " + BROADCAST + " }"),
    "a helper that returns early": Attack(
        "unsafe",
        "stop(mm);",
        helpers="static void stop(struct mm_struct *m) { if (m->users == 1) return; " + BROADCAST + " }",
    ),
    "a helper that jumps over it": Attack(
        "unsafe",
        "stop(mm);",
        helpers="static void stop(struct mm_struct *m) { if (m->users == 1) goto out; "
        + BROADCAST
        + " out: return; }",
    ),
    "a macro that waits": Attack(
        "safe", "STOP();", helpers="#define STOP() do { " + BROADCAST + " } while (0)"
    ),
    "an empty macro": Attack("unsafe", "STOP();", helpers="#define STOP() do { } while (0)"),
    "a macro of one configuration": Attack(
        "unsafe",
        "STOP();",
        helpers="#ifdef CONFIG_STOP_HERE\n#define STOP() "
        + BROADCAST
        + "\n#else\n#define STOP() do { } while (0)\n#endif",
    ),
    "a configuration that is not asked for": Attack(
        "unsafe", "if (IS_ENABLED(CONFIG_STOP_HERE)) " + BROADCAST
    ),
    "a configuration that is": Attack(
        "safe", "if (IS_ENABLED(CONFIG_STOP_HERE)) " + BROADCAST, config=("CONFIG_STOP_HERE",)
    ),
    "a loop that may not run": Attack("unsafe", "while (more_of(mm)) { " + BROADCAST + " }"),
    "a loop that runs": Attack("safe", "do { " + BROADCAST + " } while (more_of(mm));"),
    "given away through a pointer": Attack(
        "unsure", "release_cb(old);" + BROADCAST, declarations="void (*release_cb)(pmd_t) = mm->release;"
    ),
    "given away by a function too deep to see": Attack(
        "unsure",
        "give(old); " + BROADCAST,
        helpers="static void give3(pmd_t t) { more(); pte_free(0, pmd_pgtable(t)); more(); }\n"
        "static void give2(pmd_t t) { more(); give3(t); more(); }\n"
        "static void give(pmd_t t) { more(); give2(t); more(); }",
    ),
    "given to RCU": Attack("safe", "", free="pte_free_defer(mm, pmd_pgtable(old));"),
    "given to RCU, and freed": Attack(
        "unsafe", "", free="pte_free_defer(mm, pmd_pgtable(old)); pte_free(mm, pmd_pgtable(old));"
    ),
}

VALUES = {
    "addresses added": Attack("unsure", walker="", middle="pmd = pmd + pmd;"),
    "an address masked": Attack("unsure", middle="pmd = pmd & ~1;"),
    "an address scaled": Attack("unsure", middle="pmd = pmd * 2;"),
    "an address shifted": Attack("unsure", middle="pmd = pmd << 1;"),
    "the updater adds addresses": Attack(
        "unsure", "", before="unsigned long z = READ_ONCE(*pmd); z = z + z; if (z) return 0;"
    ),
    "the updater doubles a value, and again": Attack(
        "unsure",
        "",
        before="unsigned long z = READ_ONCE(*pmd); " + "z = z + z; " * 40 + "if (z) return 0;",
    ),
    "divided by nothing": Attack(
        "unsure", "", before="unsigned long z = READ_ONCE(*pmd); z = 8 / (z == 5); if (z) return 0;"
    ),
}

KEYS = {
    "one key for both": Attack(
        "safe",
        "if (static_branch_likely(&walkers_tracked)) synchronize_rcu(); else " + BROADCAST,
        begin="if (static_branch_likely(&walkers_tracked)) rcu_read_lock(); else local_irq_save(flags);",
        end="if (static_branch_likely(&walkers_tracked)) rcu_read_unlock(); else local_irq_restore(flags);",
    ),
    "the same key the other way round": Attack(
        "unsafe",
        "if (static_branch_likely(&walkers_tracked)) " + BROADCAST + " else synchronize_rcu();",
        begin="if (static_branch_likely(&walkers_tracked)) rcu_read_lock(); else local_irq_save(flags);",
        end="if (static_branch_likely(&walkers_tracked)) rcu_read_unlock(); else local_irq_restore(flags);",
    ),
    "two keys": Attack(
        "unsafe",
        "if (static_branch_likely(&other_key)) synchronize_rcu(); else " + BROADCAST,
        begin="if (static_branch_likely(&walkers_tracked)) rcu_read_lock(); else local_irq_save(flags);",
        end="if (static_branch_likely(&walkers_tracked)) rcu_read_unlock(); else local_irq_restore(flags);",
    ),
    "a key for the wait alone": Attack("unsafe", "if (static_branch_unlikely(&strict)) " + BROADCAST),
}

COUNTED: dict[str, Any] = {
    "begin": "atomic_inc(&walkers); smp_mb();",
    "end": "atomic_dec_return_release(&walkers);",
}
FLAGS = {
    "until nobody walks": Attack("safe", "smp_mb(); smp_cond_load_acquire(&walkers, VAL == 0);", **COUNTED),
    "until anything": Attack("unsure", "smp_mb(); smp_cond_load_acquire(&walkers, VAL >= 0);", **COUNTED),
    "until somebody walks": Attack(
        "unsure", "smp_mb(); smp_cond_load_acquire(&walkers, VAL != 7);", **COUNTED
    ),
    "until nobody walks, unordered": Attack(
        "unsure", "smp_cond_load_relaxed(&walkers, VAL == 0);", **COUNTED
    ),
    "a spin until nobody walks": Attack(
        "safe", "smp_mb(); while (atomic_read_acquire(&walkers)) cpu_relax();", **COUNTED
    ),
    "one look": Attack("unsure", "smp_mb(); atomic_read_acquire(&walkers);", **COUNTED),
    "a walker that does not order its count": Attack(
        "unsafe",
        "smp_mb(); smp_cond_load_acquire(&walkers, VAL == 0);",
        begin="atomic_inc(&walkers);",
        end=COUNTED["end"],
    ),
    "a walker that ends its count early": Attack(
        "unsure",
        "smp_mb(); smp_cond_load_acquire(&walkers, VAL == 0);",
        begin=COUNTED["begin"],
        middle=COUNTED["end"],
        end="",
    ),
}


@pytest.mark.parametrize("name", REACH)
def test_whom_a_wait_reaches(name: str) -> None:
    check(REACH[name])


@pytest.mark.parametrize("name", SECTIONS)
def test_where_a_section_ends(name: str) -> None:
    check(SECTIONS[name])


@pytest.mark.parametrize("name", ORDER)
def test_what_comes_first(name: str) -> None:
    check(ORDER[name])


@pytest.mark.parametrize("name", VALUES)
def test_what_is_computed(name: str) -> None:
    check(VALUES[name])


@pytest.mark.parametrize("name", KEYS)
def test_what_a_key_decides(name: str) -> None:
    check(KEYS[name])


@pytest.mark.parametrize("name", FLAGS)
def test_what_is_waited_for(name: str) -> None:
    check(FLAGS[name])
