"""The schemes from real code: functions of a 6.12 tree, with the threads' patches laid over it."""

import os
import re
from functools import cache
from pathlib import Path

import pytest
from patchscan.codebase.sources import Sources, sources
from patchscan.mail import read_input
from patchscan.mail.thread import read_thread
from patchscan.model.scenarios.one_case import judge_case
from patchscan.model.scenarios.players import with_players
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.model.verdicts.verdict import Verdict
from patchscan.tree import open_tree
from patchscan.tree.overlay import View, lay

TREE, SHARED = os.environ.get("PATCHSCAN_KERNEL_TREE", ""), os.environ.get("PATCHSCAN_SHARED", "")
TARGETED = Path(SHARED) / "corpus" / "threads" / "v4-targeted-tlb-sync.mbox"

pytestmark = pytest.mark.skipif(
    not (os.path.isdir(TREE) and TARGETED.is_file()),
    reason="needs PATCHSCAN_KERNEL_TREE and PATCHSCAN_SHARED",
)

READER = ("gup_fast", "mm/gup.c")
COLLAPSE = ("collapse_huge_page", "mm/khugepaged.c")
FREE = ("free_pte_range", "mm/memory.c")
GATHER, MM = "mm/mmu_gather.c", "include/linux/mm.h"
LOOK = b"if (per_cpu(active_lockless_pt_walk_mm, cpu) == mm)"
ACQUIRE = b"if (smp_load_acquire(per_cpu_ptr(&active_lockless_pt_walk_mm, cpu)) == mm)"
COND = b"""static bool walks(int cpu, void *mm)
{
	return READ == mm;
}

void tlb_remove_table_sync_mm(struct mm_struct *mm)
{
	smp_mb();
	on_each_cpu_cond_mask(walks, tlb_remove_table_smp_sync, mm, 1, cpu_online_mask);
}
"""


@cache
def plain() -> Sources:
    messages, _ = read_input([str(TARGETED)], None)
    states = lay(read_thread(messages, ()).series[0], open_tree(TREE))
    return sources((), View(states[0].view.tree, {}))


@cache
def targeted() -> Sources:
    """After the first two patches, those that do not apply lifted from the patch text."""
    messages, _ = read_input([str(TARGETED)], None)
    states = lay(read_thread(messages, ()).series[0], open_tree(TREE))
    return sources(states[:2], states[1].view)


def changed(base: Sources, *edits: tuple[str, bytes, bytes]) -> Sources:
    """The code with some text replaced; each text must be there."""
    contents: dict[str, bytes | None] = {}
    for path, old, new in edits:
        text = contents.get(path, base.read(path))
        assert text is not None and old in text, (path, old)
        contents[path] = text.replace(old, new)

    def read(path: str) -> bytes | None:
        return contents[path] if path in contents else base.read(path)

    return Sources(read, base.changed, base.defining, base.notes)


def judged(code: Sources, updater: tuple[str, str], column: str = "generic") -> Verdict:
    scenario = next(each for each in shipped_scenarios() if each.name == "page-table-walk-against-freeing")
    return judge_case(scenario, (READER, updater), column, code)


def turned_unsafe(verdict: Verdict) -> str:
    """The changes that make a safe model unsafe, as one text."""
    return "; ".join(one.text for one in verdict.mutations if one.outcome == "Sometimes")


@pytest.mark.parametrize("updater", [COLLAPSE, FREE])
def test_broadcast_is_safe(updater: tuple[str, str]) -> None:
    verdict = judged(plain(), updater)
    assert verdict.verdict == "safe", verdict.reasons
    assert "wait at mm/mmu_gather.c" in turned_unsafe(verdict)


def test_collapse_without_sync_is_unsafe() -> None:
    before = b"mmu_notifier_invalidate_range_end(&range);\n\ttlb_remove_table_sync_one();\n\n\tpte ="
    after = b"mmu_notifier_invalidate_range_end(&range);\n\n\tpte ="
    verdict = judged(changed(plain(), ("mm/khugepaged.c", before, after)), COLLAPSE)
    assert verdict.verdict == "unsafe", verdict.reasons
    assert "an IPI with wait to every CPU before the write at mm/khugepaged.c" in (verdict.repair or "")
    told = "\n".join(verdict.interleaving.lines())
    assert "CPU 0: gup_fast()" in told and "CPU 1: collapse_huge_page()" in told and "freed memory" in told


def test_collapse_with_grace_period_is_safe() -> None:
    before = b"mmu_notifier_invalidate_range_end(&range);\n\ttlb_remove_table_sync_one();"
    after = b"mmu_notifier_invalidate_range_end(&range);\n\tsynchronize_rcu();"
    verdict = judged(changed(plain(), ("mm/khugepaged.c", before, after)), COLLAPSE)
    assert verdict.verdict == "safe", verdict.reasons
    assert "wait at mm/khugepaged.c" in turned_unsafe(verdict)


@pytest.mark.parametrize("updater", [COLLAPSE, FREE])
def test_targeted_as_posted_is_unsafe(updater: tuple[str, str]) -> None:
    verdict = judged(targeted(), updater)
    assert verdict.verdict == "unsafe", verdict.reasons
    assert "smp_mb() in place of smp_rmb()" in (verdict.repair or "")
    assert "smp_load_acquire()" in (verdict.repair or "")
    assert any("smp_mb() in place" in tried and "still unsafe" in tried for tried in verdict.tried)
    assert any("taken from the patch text" in note for note in targeted().notes)


MB = (GATHER, b"\tsmp_rmb();", b"\tsmp_mb();")
EDITS: dict[str, tuple[tuple[tuple[str, bytes, bytes], ...], str, str]] = {
    "smp_mb()": ((MB,), "unsafe", "smp_load_acquire()"),
    "smp_mb() and acquire": (
        (MB, (GATHER, LOOK, ACQUIRE)),
        "safe",
        "ordering of the access at mm/mmu_gather.c",
    ),
    "smp_mb() before and after": (
        (
            MB,
            (
                GATHER,
                b"\t/* Only send IPIs to CPUs actually",
                b"\tsmp_mb();\n\t/* Only send IPIs to CPUs actually",
            ),
        ),
        "safe",
        "smp_mb() at mm/mmu_gather.c",
    ),
    "xchg() on the walker's side": (
        (
            MB,
            (GATHER, LOOK, ACQUIRE),
            (
                MM,
                b"\tthis_cpu_write(active_lockless_pt_walk_mm, mm);\n\tsmp_mb();",
                b"\txchg(this_cpu_ptr(&active_lockless_pt_walk_mm), mm);",
            ),
        ),
        "safe",
        "ordering of the access at include/linux/mm.h",
    ),
    "walker clears its flag without release": (
        (
            MB,
            (GATHER, LOOK, ACQUIRE),
            (
                MM,
                b"smp_store_release(this_cpu_ptr(&active_lockless_pt_walk_mm), NULL);",
                b"this_cpu_write(active_lockless_pt_walk_mm, NULL);",
            ),
        ),
        "unsafe",
        "smp_store_release()",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_targeted_changed(name: str) -> None:
    edits, expected, text = EDITS[name]
    verdict = judged(changed(targeted(), *edits), FREE)
    assert verdict.verdict == expected, (verdict.reasons, verdict.litmus)
    assert text in (turned_unsafe(verdict) if expected == "safe" else verdict.repair or "")


def test_locks_of_the_collapse_order_what_the_look_does_not() -> None:
    """With smp_mb() alone the look at the flag is ordered before the reuse only by unlock and lock."""
    verdict = judged(changed(targeted(), MB), COLLAPSE)
    assert verdict.verdict == "safe"
    assert any("only by the locks" in each for each in verdict.assumptions)
    assert "without the locks of the path" in turned_unsafe(verdict)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (b"smp_load_acquire(per_cpu_ptr(&active_lockless_pt_walk_mm, cpu))", "safe"),
        (b"per_cpu(active_lockless_pt_walk_mm, cpu)", "unsafe"),
    ],
)
def test_condition_callback(read: bytes, expected: str) -> None:
    text = targeted().read(GATHER)
    assert text is not None
    start = text.index(b"void tlb_remove_table_sync_mm(struct mm_struct *mm)")
    body = text[start : text.index(b"\n}\n", start) + 3]
    verdict = judged(changed(targeted(), (GATHER, body, COND.replace(b"READ", read))), FREE)
    assert verdict.verdict == expected, verdict.reasons


def test_architectures_differ_where_the_clearing_is_a_full_barrier() -> None:
    """On x86 the entry is cleared by an exchange; what is missing there is only the acquire."""
    verdict = judged(targeted(), COLLAPSE, "x86")
    assert verdict.verdict == "safe"
    assert any("only by the locks" in each for each in verdict.assumptions)


DEFERRED = Path(SHARED) / "corpus" / "threads" / "repaired-rfcv7-whole-series.mbox"
ENTRY, TLB = "arch/x86/entry/calling.h", "arch/x86/mm/tlb.c"
FLAG = b"\tmovl     $1, PER_CPU_VAR(kernel_cr3_loaded)\n"
BEFORE_FLUSH = b'\tALTERNATIVE "jmp .Lcr4_\\@", "", X86_FEATURE_INVPCID\n'
FLAG_FIRST = ((ENTRY, FLAG, b""), (ENTRY, BEFORE_FLUSH, FLAG + BEFORE_FLUSH))
CR4 = b"\tmovq \\scratch_reg, %cr4\n"
LOOK_AT_CR3 = b"per_cpu(kernel_cr3_loaded, cpu)"
LOOK_ORDERED = b"smp_load_acquire(per_cpu_ptr(&kernel_cr3_loaded, cpu))"
CALL_DEFERRED = b"\t__flush_tlb_kernel_range(flush_tlb_kernel_cond, start, end);"
REMOTE_ORDERED = ((TLB, LOOK_AT_CR3, LOOK_ORDERED), (TLB, CALL_DEFERRED, b"\tsmp_mb();\n" + CALL_DEFERRED))


@cache
def deferred() -> Sources:
    """RFC v7 28 to 30 of 31: the entry code is assembly, two hunks of tlb.c are lifted from the patch text."""
    messages, _ = read_input([str(DEFERRED)], None)
    states = lay(read_thread(messages, ()).series[0], open_tree(TREE))
    return sources(states[:3], states[2].view)


@pytest.mark.parametrize(
    ("edits", "expected", "text"),
    [
        ((), "unsafe", ""),
        (FLAG_FIRST, "unsafe", ""),
        ((*FLAG_FIRST, (ENTRY, CR4, b""), *REMOTE_ORDERED), "unsafe", "smp_mb()"),
        ((*FLAG_FIRST, *REMOTE_ORDERED), "safe", "smp_mb() at arch/x86/entry/calling.h"),
    ],
    ids=["as posted", "flag first, remote side unordered", "flag first, no barrier", "flag, barrier, flush"],
)
def test_deferred_kernel_flush(edits: tuple[tuple[str, bytes, bytes], ...], expected: str, text: str) -> None:
    scenario = next(each for each in shipped_scenarios() if each.name == "deferred-kernel-tlb-flush")
    functions = (scenario.roles[0].functions[0], scenario.roles[1].functions[0])
    verdict = judge_case(scenario, functions, "generic", changed(deferred(), *edits))
    assert verdict.verdict == expected, (verdict.reasons, verdict.litmus)
    assert text in (turned_unsafe(verdict) if expected == "safe" else verdict.repair or "")
    assert any("taken from the patch text" in note for note in deferred().notes)


def played(name: str, code: Sources) -> Verdict:
    """The verdict of a scenario, its roles played by whoever does in the code what they do."""
    scenario = next(each for each in shipped_scenarios() if each.name == name)
    roles = with_players(scenario, (), code.read).roles
    return judge_case(scenario, tuple(role.functions[0] for role in roles), "generic", code)


def unsharing(code: Sources) -> Verdict:
    return played("page-table-walk-against-unsharing", code)


def test_hugetlb_unsharing_waits_for_walkers_of_every_address_space() -> None:
    verdict = unsharing(plain())
    assert verdict.verdict == "safe", verdict.reasons
    assert "wait at mm/mmu_gather.c" in turned_unsafe(verdict)


def test_hugetlb_unsharing_with_ipis_for_the_own_address_space_only() -> None:
    """The walker's flag is ordered as it should be, but it names an address space that shared the table before."""
    verdict = unsharing(changed(targeted(), MB, (GATHER, LOOK, ACQUIRE)))
    assert verdict.verdict == "unsafe", verdict.reasons
    assert "an IPI with wait to every CPU" in (verdict.repair or "")


def test_rmap_is_removed_after_the_flush() -> None:
    verdict = played("rmap-removal-against-dirty-data", plain())
    assert verdict.verdict == "safe", verdict.reasons
    at_once = changed(plain(), ("mm/memory.c", b"if (tlb_delay_rmap(tlb)) {", b"if (0) {"))
    verdict = played("rmap-removal-against-dirty-data", at_once)
    assert verdict.verdict == "unsafe", verdict.reasons
    assert "TLB flush" in (verdict.repair or "")


RENAMED = {
    "page-table-walk-against-freeing": rb"\b(gup_fast|collapse_huge_page)\b",
    "page-table-walk-against-unsharing": rb"\b(gup_fast)\b",
    "rmap-removal-against-dirty-data": rb"\b(zap_pte_range|zap_present_ptes|zap_present_folio_ptes)\b",
}


@pytest.mark.parametrize("scenario", sorted(RENAMED))
def test_other_names_for_the_functions_of_a_scenario_keep_its_verdict(scenario: str) -> None:
    def read(path: str) -> bytes | None:
        text = plain().read(path)
        return re.sub(RENAMED[scenario], rb"other_\1", text) if text is not None else None

    verdict = played(scenario, Sources(read, plain().changed, plain().defining, plain().notes))
    assert any(name.startswith("other_") for _, name in verdict.functions)
    assert verdict.verdict == "safe", verdict.reasons
