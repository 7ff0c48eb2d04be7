"""Code that looks as if it waited, by names that mean something else, by arguments that nobody evaluates, by objects
that are not the same. What the verdict must be was reasoned for each before it was run.
"""

from typing import Any

import pytest

from tests.model.test_attacks import BROADCAST, CPU, EACH, ONE, Attack, check

STOP = "static int stop(void) { " + BROADCAST + " return 0; }"
RCU_SECTION: dict[str, Any] = {"begin": "rcu_read_lock();", "end": "rcu_read_unlock();"}
STRUCT = "struct guarded { spinlock_t lock; struct srcu_struct readers; };"
TWO = STRUCT + "\nextern struct guarded one;\nextern struct guarded other;\nextern struct guarded many[2];"

NAMES = {
    "a macro of the file": Attack("unsafe", helpers="#define smp_call_function(f, a, w) do { } while (0)"),
    "a macro for a grace period": Attack(
        "unsafe", "synchronize_rcu();", helpers="#define synchronize_rcu() do { } while (0)"
    ),
    "a function of the file": Attack(
        "unsafe", "kick_all_cpus_sync();", helpers="static void kick_all_cpus_sync(void) { }"
    ),
    "a function with arguments": Attack(
        "unsafe",
        "on_each_cpu(sync, NULL, 1);",
        helpers="static void on_each_cpu(void *f, void *a, int w) { }",
    ),
    "a loop of the file": Attack(
        "unsure",
        EACH + ONE,
        declarations=CPU,
        helpers="#define for_each_online_cpu(c) for (c = 0; c < 1; c++)",
    ),
    "a mask of the file": Attack(
        "unsure",
        "cpumask_copy(&m, cpu_online_mask); smp_call_function_many(&m, sync, NULL, 1);",
        declarations="struct cpumask m;",
        helpers="static void cpumask_copy(struct cpumask *a, const struct cpumask *b) { }",
    ),
    "a macro of a header beside it": Attack(
        "unsafe", beside="#define smp_call_function(f, a, w) do { } while (0)"
    ),
    "a function of a header beside it": Attack(
        "unsafe", "kick_all_cpus_sync();", beside="static inline void kick_all_cpus_sync(void)\n{\n}\n"
    ),
    "a section of a header beside it": Attack(
        "unsure",
        beside="#define local_irq_save(f) do { } while (0)\n#define local_irq_restore(f) do { } while (0)",
    ),
    "a local pointer": Attack(
        "unsure", declarations="void (*smp_call_function)(void *, void *, int) = mm->nothing;"
    ),
    "a section of the file": Attack(
        "unsure",
        walker="static void local_irq_disable(void) { }\nstatic void local_irq_enable(void) { }",
        begin="local_irq_disable();",
        end="local_irq_enable();",
    ),
    "a macro for a section": Attack(
        "unsure",
        walker="#define local_irq_save(f) do { } while (0)\n#define local_irq_restore(f) do { } while (0)",
    ),
    "a reader of the file": Attack(
        "unsure",
        "synchronize_rcu();",
        walker="static void rcu_read_lock(void) { }\nstatic void rcu_read_unlock(void) { }",
        begin="rcu_read_lock();",
        end="rcu_read_unlock();",
    ),
    "a helper of the file hides a wait below it": Attack(
        "unsafe",
        "stop();",
        helpers="static void synchronize_rcu(void) { }\nstatic void stop(void) { synchronize_rcu(); }",
    ),
    "a weak one": Attack(
        "safe",
        "stop();",
        helpers="void __weak stop(void) { " + BROADCAST + " }",
        says="stop() is the weak one of mm/khugepaged.c",
    ),
}


def calls(length: int, last: str) -> str:
    """Functions that call one another, h0() the first; h<length>() does what is given. None is short."""
    bodies = [*(f"h{index + 1}();" for index in range(length)), last]
    return "\n".join(
        f"static void h{index}(void)\n{{\n\tint a = 0;\n\n\ta++;\n\t{body}\n}}"
        for index, body in reversed([*enumerate(bodies)])
    )


IRQS_ON = "local_irq_enable(); local_irq_disable();"
CIRCLE = f"""
static void turn(int n);
static void leave(void)
{{
	int a = 0;

	a++;
	{IRQS_ON}
}}
static void come(int n)
{{
	int b = 0;

	b++;
	if (n)
		turn(n - 1);
	leave();
}}
static void turn(int n)
{{
	int c = 0;

	c++;
	come(n);
}}
"""
FAR = {
    "nothing is done far below": Attack("safe", middle="h0();", walker=calls(8, "a++;")),
    "a section ends far below": Attack("unsure", middle="h0();", walker=calls(8, IRQS_ON)),
    "one ends further below than is followed": Attack("unsure", middle="h0();", walker=calls(24, IRQS_ON)),
    "one ends below what was asked before from far above": Attack(
        "unsure", middle="h0(); h20();", walker=calls(27, IRQS_ON)
    ),
    "one ends in a circle of calls that was asked before": Attack(
        "unsure",
        begin="come(0); local_irq_enable(); local_irq_save(flags);",
        middle="turn(0);",
        walker=CIRCLE,
    ),
    "one ends in the second round of a function that calls itself": Attack(
        "unsure",
        middle="again(0);",
        walker="static void again(int n) { if (n) { local_irq_enable(); local_irq_disable(); } again(n + 1); }",
    ),
    "the same without the second call": Attack(
        "safe", begin="come(0); local_irq_enable(); local_irq_save(flags);", walker=CIRCLE
    ),
}

UNEVALUATED = {
    "for debugging": Attack("unsure", 'pr_debug("%d", stop());', helpers=STOP),
    "for lockdep": Attack("unsure", "lockdep_assert(stop());", helpers=STOP),
    "without CONFIG_DEBUG_VM": Attack("unsure", "VM_WARN_ON_ONCE(stop());", helpers=STOP),
    "chosen by the compiler": Attack("unsure", "__builtin_choose_expr(0, stop(), 0);", helpers=STOP),
    "measured": Attack("unsafe", "mm->users = sizeof(stop());", helpers=STOP),
    "asked for its type": Attack("unsafe", "typeof(stop()) nothing = 0;", helpers=STOP),
    "behind a false one": Attack("unsafe", "(void)(0 && stop());", helpers=STOP),
    "behind a true one": Attack("unsafe", "(void)(1 || stop());", helpers=STOP),
    "in front of the first case": Attack(
        "unsafe", "switch (mm->users) { " + BROADCAST + " case 1: break; default: break; }"
    ),
    "jumped over": Attack("unsafe", "goto out; " + BROADCAST + " out:;"),
    "a step of a loop that is left": Attack(
        "unsafe", "for (int i = 0; i < 1; smp_call_function(sync, NULL, 1)) break;"
    ),
    "through a table of calls": Attack("unsure", "static_call(wait_for_all)();"),
    "flags that do not wait": Attack(
        "unsafe", "smp_call_function_many_cond(cpu_online_mask, sync, NULL, 0, NULL);"
    ),
    "flags that wait": Attack("safe", "smp_call_function_many_cond(cpu_online_mask, sync, NULL, 1, NULL);"),
}

ENDED = {
    "instructions": Attack("unsure", middle='asm volatile("sti"); asm volatile("cli");'),
    "a barrier of the compiler": Attack("safe", middle='asm volatile("" : : : "memory");'),
    "what goes on behind it": Attack("unsure", end="local_irq_restore(flags); finish_walk(pmd, addr);"),
    "an idle CPU": Attack("unsure", middle="safe_halt(); local_irq_disable();"),
    "it may be scheduled": Attack(
        "unsure",
        "synchronize_rcu();",
        begin="preempt_disable();",
        middle="cond_resched();",
        end="preempt_enable();",
    ),
    "a mutex": Attack(
        "unsure", "synchronize_rcu();", middle="mutex_lock(&m); mutex_unlock(&m);", **RCU_SECTION
    ),
    "memory that may be waited for": Attack(
        "unsure", "synchronize_rcu();", middle="kmalloc(3, GFP_KERNEL);", **RCU_SECTION
    ),
    "memory that is not": Attack(
        "safe", "synchronize_rcu();", middle="kmalloc(3, GFP_ATOMIC);", **RCU_SECTION
    ),
    "memory of a user": Attack(
        "unsure", "synchronize_rcu();", middle="copy_to_user(addr, 0, 3);", **RCU_SECTION
    ),
}


def locked(
    expected: str, one: str, other: str, says: str = "", declared: str = "", walks: str = ""
) -> Attack:
    """An updater that takes and gives one lock, against a walker that holds another."""
    return Attack(
        expected,
        f"spin_lock({one}); spin_unlock({one});",
        begin=f"{walks} spin_lock({other});",
        end=f"spin_unlock({other});",
        helpers=TWO,
        walker=TWO,
        declarations=declared,
        says=says,
    )


OBJECTS = {
    "one lock": locked("safe", "&walk_lock", "&walk_lock"),
    "two locks of an array": locked("unsure", "&locks[0]", "&locks[1]"),
    "two locks of two objects": locked("unsure", "&one.lock", "&other.lock"),
    "two locks of elements": locked("unsure", "&many[0].lock", "&many[1].lock"),
    "locks behind two pointers": locked(
        "safe",
        "&a->lock",
        "&b->lock",
        "one guarded",
        "struct guarded *a = of_space(mm);",
        "struct guarded *b = of_address(addr);",
    ),
    "two SRCUs of an array": Attack(
        "unsure",
        "synchronize_srcu(&readers[0]);",
        begin="srcu_read_lock(&readers[1]);",
        end="srcu_read_unlock(&readers[1], 0);",
    ),
    "two SRCUs of two objects": Attack(
        "unsure",
        "synchronize_srcu(&one.readers);",
        begin="srcu_read_lock(&other.readers);",
        end="srcu_read_unlock(&other.readers, 0);",
        helpers=TWO,
        walker=TWO,
    ),
    "two counters of an array": Attack(
        "unsure",
        "smp_mb(); while (atomic_read_acquire(&walkers[0])) cpu_relax();",
        begin="atomic_inc(&walkers[1]); smp_mb();",
        end="atomic_dec_return_release(&walkers[1]);",
    ),
}


def before(code: str) -> Attack:
    """An updater that does something with the table, then waits, then frees it."""
    return Attack("unsure", f"{code} {BROADCAST}")


GIVEN = {
    "to a cache": before("kmem_cache_free(cache, pmd_pgtable(old));"),
    "by its folio": before("folio_put(page_folio(pmd_page(old)));"),
    "by its address": before("free_page((unsigned long)pmd_page_vaddr(old));"),
    "to a batch": before("tlb_remove_table(tlb, pmd_pgtable(old));"),
    "to a list": before("llist_add(&pmd_page(old)->lru, &gone); schedule_work(&work);"),
    "to a list of the address space": before("list_add(&pmd_pgtable(old)->lru, &mm->list);"),
    "through a table of functions": before("mm->ops->release(pmd_pgtable(old));"),
    "to a variable": before("last_table = pmd_pgtable(old);"),
    "to a variable of the CPU": before("this_cpu_write(last_table, pmd_pgtable(old));"),
    "before it goes round again": before(
        "again: if (mm->users++ < 3) { pte_free(mm, pmd_pgtable(old)); goto again; }"
    ),
    "back": Attack("unsure", BROADCAST + " set_pmd_at(mm, address, pmd, old);"),
    "back at once": Attack("unsure", BROADCAST + " *pmd = old;"),
    "back by its table": Attack("unsure", BROADCAST + " pmd_populate(mm, pmd, pmd_pgtable(old));"),
    "back by an exchange": Attack("unsure", BROADCAST + " xchg(pmd, old);"),
    "back by a helper": Attack("unsure", BROADCAST + " put_back(pmd, old);"),
    "back by a setter": Attack("unsure", BROADCAST + " set_pmd(pmd, old);"),
    "another entry": Attack("safe", BROADCAST + " set_pmd_at(mm, address, pmd, mk_huge_pmd(address));"),
}


@pytest.mark.parametrize("name", NAMES)
def test_whose_name_it_is(name: str) -> None:
    check(NAMES[name])


@pytest.mark.parametrize("name", UNEVALUATED)
def test_what_is_evaluated(name: str) -> None:
    check(UNEVALUATED[name])


@pytest.mark.parametrize("name", ENDED)
def test_what_ends_a_section(name: str) -> None:
    check(ENDED[name])


@pytest.mark.parametrize("name", OBJECTS)
def test_which_object_is_meant(name: str) -> None:
    check(OBJECTS[name])


@pytest.mark.parametrize("name", GIVEN)
def test_to_whom_it_is_given(name: str) -> None:
    check(GIVEN[name])


@pytest.mark.parametrize("name", FAR)
def test_what_is_done_far_below(name: str) -> None:
    check(FAR[name])
