"""Real code changed by hand: a wait dropped, moved or weakened turns the verdict of its scheme, whatever names it has.

Schemes that change more than one place have their changes beside their own tests: targeted IPIs and deferred flushes in
test_real_code, flushes that a switch vouches for in test_flushes, the hugetlb series in test_held.
"""

import re

import pytest
from patchscan.codebase.sources import Sources

from tests.model.test_real_code import (
    COLLAPSE,
    FREE,
    GATHER,
    changed,
    judged,
    plain,
    played,
    pytestmark,
    turned_unsafe,
)

__all__ = ["pytestmark"]

TLB_H, KHUGEPAGED, MEMORY = "include/asm-generic/tlb.h", "mm/khugepaged.c", "mm/memory.c"
UNSHARE, RMAP = "page-table-walk-against-unsharing", "rmap-removal-against-dirty-data"
DONE = b"\tmmu_notifier_invalidate_range_end(&range);\n\ttlb_remove_table_sync_one();\n"
RANGE_END = b"\tmmu_notifier_invalidate_range_end(&range);\n"
CLEAR = b"\t_pmd = pmdp_collapse_flush(vma, address, pmd);\n"
LOCKED = b"\tpmd_ptl = pmd_lock(mm, pmd); /* probably unnecessary */\n"
IPI = b"smp_call_function(tlb_remove_table_smp_sync, NULL, 1);"
LAST = b"\tif (tlb->fully_unshared_tables) {\n\t\ttlb_remove_table_sync_one();\n"
DEFER = b"\tcall_rcu(&batch->rcu, tlb_remove_table_rcu);\n"
FLUSHED = b"\t\ttlb_flush_mmu_tlbonly(tlb);\n\t\ttlb_flush_rmaps(tlb, vma);\n"
Edit = tuple[str, bytes, bytes]

# Scheme: what is judged, the edits, the verdict.
ROWS: dict[str, tuple[str | tuple[str, str], tuple[Edit, ...], str]] = {
    "S1 no wait": (COLLAPSE, ((KHUGEPAGED, DONE, RANGE_END),), "unsafe"),
    "S1 a barrier for the wait": (COLLAPSE, ((KHUGEPAGED, DONE, RANGE_END + b"\tsmp_mb();\n"),), "unsafe"),
    "S1 the wait comes first": (
        COLLAPSE,
        (
            (KHUGEPAGED, DONE, RANGE_END),
            (KHUGEPAGED, CLEAR, b"\ttlb_remove_table_sync_one();\n" + CLEAR),
        ),
        "unsafe",
    ),
    "S2 nobody waits for the IPI": (COLLAPSE, ((GATHER, IPI, IPI.replace(b"1);", b"0);")),), "unsafe"),
    "S2 one CPU is interrupted": (
        COLLAPSE,
        ((GATHER, IPI, b"smp_call_function_single(1, tlb_remove_table_smp_sync, NULL, 1);"),),
        "unsafe",
    ),
    "S7 the last sharer does not wait": (
        UNSHARE,
        ((TLB_H, LAST, LAST.partition(b"\n")[0] + b"\n"),),
        "unsafe",
    ),
    "S7 a barrier for the wait": (
        UNSHARE,
        ((TLB_H, LAST, LAST.replace(b"tlb_remove_table_sync_one", b"smp_mb")),),
        "unsafe",
    ),
    "S10 a grace period": (COLLAPSE, ((KHUGEPAGED, DONE, RANGE_END + b"\tsynchronize_rcu();\n"),), "safe"),
    "S10 the grace period comes first": (
        COLLAPSE,
        ((KHUGEPAGED, DONE, RANGE_END), (KHUGEPAGED, LOCKED, b"\tsynchronize_rcu();\n" + LOCKED)),
        "unsafe",
    ),
    "S10 freed without call_rcu()": (
        FREE,
        ((GATHER, DEFER, b"\ttlb_remove_table_rcu(&batch->rcu);\n"),),
        "unsafe",
    ),
    "S12 no flush": (RMAP, ((MEMORY, FLUSHED, b"\t\ttlb_flush_rmaps(tlb, vma);\n"),), "unsafe"),
    "S12 the flush comes late": (
        RMAP,
        ((MEMORY, FLUSHED, b"".join(reversed(FLUSHED.splitlines(keepends=True)))),),
        "unsafe",
    ),
}
OWN = rb"\b(gup_fast|gup_fast_p[um4g]*d_range|gup_fast_pte_range|collapse_huge_page|free_pte_range|zap_pte_range)\b"


def code_of(name: str) -> Sources:
    return changed(plain(), *ROWS[name][1])


@pytest.mark.parametrize("name", ROWS)
def test_a_change_of_the_wait(name: str) -> None:
    what, _, expected = ROWS[name]
    verdict = played(what, code_of(name)) if isinstance(what, str) else judged(code_of(name), what)
    assert verdict.verdict == expected, (verdict.reasons, verdict.litmus)
    assert turned_unsafe(verdict) if expected == "safe" else verdict.repair


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if isinstance(row[0], str)])
def test_other_names_keep_what_a_change_does(name: str) -> None:
    base = code_of(name)

    def read(path: str) -> bytes | None:
        text = base.read(path)
        return re.sub(OWN, rb"other_\1", text) if text is not None else None

    verdict = played(str(ROWS[name][0]), Sources(read, base.changed, base.defining, base.notes))
    assert any(function.startswith("other_") for _, function in verdict.functions)
    assert verdict.verdict == ROWS[name][2], verdict.reasons
