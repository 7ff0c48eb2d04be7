"""What decides whether somebody waits, and what may have changed it meanwhile; each verdict was reasoned first."""

import pytest
from patchscan.basics.record import replace
from patchscan.codebase.sources import Sources
from patchscan.model.scenarios.one_case import judge_case
from patchscan.model.scenarios.touched import shipped_scenarios

from tests.model.test_attacks import BROADCAST, Attack, check

CHANGES = "static int wanted;\nstatic void change(void) { int a = 0; a++; wanted = 0; a++; }"
BY_MEMBER = "static void change(struct mm_struct *m) { int a = 0; a++; m->users = 0; a++; }"

CHANGED = {
    "by a helper of several statements": Attack(
        "unsure", f"wanted = 1; change(); if (wanted) {BROADCAST}", helpers=CHANGES
    ),
    "by one that changes something else": Attack(
        "safe", f"wanted = 1; change(); if (wanted) {BROADCAST}", helpers=CHANGES.replace("wanted = 0;", "")
    ),
    "by one that only looks": Attack(
        "safe",
        f"wanted = 1; change(); if (wanted) {BROADCAST}",
        helpers=CHANGES.replace("wanted = 0;", "if (wanted == 0) a++;"),
    ),
    "before it was set": Attack("safe", f"change(); wanted = 1; if (wanted) {BROADCAST}", helpers=CHANGES),
    "far below": Attack(
        "unsure",
        f"wanted = 1; far(); if (wanted) {BROADCAST}",
        helpers=CHANGES + "\nstatic void far(void) { int b = 0; b++; change(); b++; }",
    ),
    "a member, by a helper": Attack(
        "unsure", f"mm->users = 1; change(mm); if (mm->users) {BROADCAST}", helpers=BY_MEMBER
    ),
    "a member, by what was not found": Attack(
        "unsure", f"if (mm->users) {BROADCAST} else change(mm); if (!mm->users) {BROADCAST}"
    ),
    "a member, by nobody": Attack("safe", f"if (mm->users) {BROADCAST} if (!mm->users) {BROADCAST}"),
    "a member whose object nobody got": Attack(
        "safe", f"if (mm->users) {BROADCAST} else change(vma); if (!mm->users) {BROADCAST}"
    ),
}

PER_CPU = "struct mode { int wanted; int other; };\n"
PER_CPU += "DEFINE_PER_CPU(int, wanted);\nDEFINE_PER_CPU(int, other);\nDEFINE_PER_CPU(struct mode, mode);"


def per_cpu(expected: str, change: str, begin: str = "this_cpu_write(wanted, 1);") -> Attack:
    """Code that changes a variable of some CPU between what sets its own and what asks for it."""
    asked = "this_cpu_read(mode.wanted)" if "mode" in begin else "this_cpu_read(wanted)"
    return Attack(expected, f"{begin} {change} if ({asked}) {BROADCAST}", helpers=PER_CPU)


SET_MODE = "this_cpu_write(mode.wanted, 1);"
OF_SOME_CPU = {
    "nothing": per_cpu("safe", ""),
    "by its name": per_cpu("unsure", "per_cpu(wanted, mm->users) = 0;"),
    "counted": per_cpu("unsure", "per_cpu(wanted, mm->users)--;"),
    "once": per_cpu("unsure", "WRITE_ONCE(per_cpu(wanted, mm->users), 0);"),
    "by a pointer": per_cpu("unsure", "*per_cpu_ptr(&wanted, mm->users) = 0;"),
    "by a pointer, released": per_cpu("unsure", "smp_store_release(per_cpu_ptr(&wanted, mm->users), 0);"),
    "by a pointer that is kept": per_cpu("unsure", "int *p = per_cpu_ptr(&wanted, mm->users); *p = 0;"),
    "another variable": per_cpu("safe", "per_cpu(other, mm->users) = 0;"),
    "of a CPU that is known": per_cpu("safe", "per_cpu(wanted, smp_processor_id()) = 1;"),
    "exchanged": per_cpu("unsure", "xchg(per_cpu_ptr(&wanted, mm->users), 0);"),
    "a member": per_cpu("unsure", "per_cpu(mode, mm->users).wanted = 0;", SET_MODE),
    "a member by name": per_cpu("unsure", "per_cpu(mode.wanted, mm->users) = 0;", SET_MODE),
    "a member by a pointer": per_cpu("unsure", "per_cpu_ptr(&mode, mm->users)->wanted = 0;", SET_MODE),
    "a member by a pointer that is kept": per_cpu(
        "unsure", "struct mode *m = per_cpu_ptr(&mode, mm->users); m->wanted = 0;", SET_MODE
    ),
    "another member by a pointer": per_cpu(
        "safe", "struct mode *m = per_cpu_ptr(&mode, mm->users); m->other = 0;", SET_MODE
    ),
    "all of it": per_cpu("unsure", "per_cpu(mode, mm->users) = (struct mode) { .wanted = 0 };", SET_MODE),
    "all of it by a pointer": per_cpu(
        "unsure", "*per_cpu_ptr(&mode, mm->users) = (struct mode) { };", SET_MODE
    ),
}


@pytest.mark.parametrize("name", OF_SOME_CPU)
def test_what_was_changed_for_some_cpu(name: str) -> None:
    check(OF_SOME_CPU[name])


WALKS = "DEFINE_PER_CPU(struct mm_struct *, walked);\n"
WALKING = "smp_load_acquire(per_cpu_ptr(&walked, cpu))"
TARGETED = Attack(
    "safe",
    f"smp_mb(); for_each_online_cpu(cpu) {{ if ({WALKING}) smp_call_function_single(cpu, sync, NULL, 1); }}",
    declarations="int cpu;",
    helpers=WALKS,
    walker=WALKS,
    begin="local_irq_save(flags); WRITE_ONCE(*this_cpu_ptr(&walked), current->mm); smp_mb();",
    end="smp_store_release(this_cpu_ptr(&walked), NULL); local_irq_restore(flags);",
)


@pytest.mark.parametrize(
    "change", ["per_cpu(walked, addr) = NULL;", "WRITE_ONCE(*per_cpu_ptr(&walked, addr), NULL);"]
)
def test_what_others_see_is_changed_for_some_cpu(change: str) -> None:
    check(TARGETED)
    check(replace(TARGETED, expected="unsure", begin=TARGETED.begin + change))


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_meanwhile(name: str) -> None:
    check(CHANGED[name])


UNMAP = """
#include <linux/mm.h>
int unmap_one(struct folio *folio, struct vm_area_struct *vma, unsigned long address, pte_t *ptep)
{
	pte_t pteval;

	if (folio_test_hugetlb(folio))
		pteval = huge_ptep_get(vma->vm_mm, address, ptep);
	else
		pteval = ptep_get(ptep);
	if (folio_test_hugetlb(folio))
		pteval = huge_ptep_clear(vma, address, ptep);
	else if (pte_present(pteval)) {
		ptep_get_and_clear(vma->vm_mm, address, ptep);
		%s(vma->vm_mm, address, address + 1);
	} else
		pte_clear(vma->vm_mm, address, ptep);
	return 0;
}
"""


@pytest.mark.parametrize(
    ("then", "expected"),
    [("mmu_notifier_arch_invalidate_secondary_tlbs", "safe"), ("flush_cache_range", "unsafe")],
)
def test_a_question_asked_twice_is_answered_alike(then: str, expected: str) -> None:
    """An entry that is not present needs no flush: only whoever takes a page for one of hugetlbfs and then for none
    comes there with one that is."""
    files = {"mm/rmap.c": UNMAP % then, "include/linux/mm.h": ""}
    name = "secondary-tlb-against-changed-entry"
    scenario = next(each for each in shipped_scenarios() if each.name == name)
    functions = (("device_uses_entry", "stubs/entries.c"), ("unmap_one", "mm/rmap.c"))
    code = Sources(
        lambda path: files[path].encode() if path in files else None, (), lambda directory, name: (), ()
    )
    verdict = judge_case(scenario, functions, "generic", code)
    assert verdict.verdict == expected, (verdict.reasons, verdict.branches, verdict.litmus)
