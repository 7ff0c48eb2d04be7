"""What decides whether somebody waits, and what may have changed it meanwhile; each verdict was reasoned first."""

import pytest
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
