"""Where a switch says that a flush has interrupted every walker, the flush is followed: each way to set the switch,
each function behind a table of operations."""

import os
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from patchscan.codebase.code import Codebase
from patchscan.commands.reading import read
from patchscan.kconfig.configured import Config
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.scenarios.switched import Way, assigned, ways
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.model.verdicts.verdict import Verdict
from patchscan.tree import open_tree
from patchscan.tree.overlay import lay

FIXTURES = Path(__file__).parents[2] / "fixtures"
SKIP = FIXTURES / "series" / "skip-redundant-sync" / "series.mbox"
PROPERTY = FIXTURES / "real" / "flush-property.mbox"
TREE, SHARED = os.environ.get("PATCHSCAN_KERNEL_TREE", ""), os.environ.get("PATCHSCAN_SHARED", "")
V7 = Path(SHARED) / "corpus" / "threads" / "v7-skip-redundant-sync.mbox"
FREEING, UNSHARING = "page-table-walk-against-freeing", "page-table-walk-against-unsharing"
CHANGED = "secondary-tlb-against-changed-entry"

real = pytest.mark.skipif(
    not (os.path.isdir(TREE) and V7.is_file()), reason="needs PATCHSCAN_KERNEL_TREE and PATCHSCAN_SHARED"
)


def verdicts(mbox: Path, tree: str, scenario: str, updater: str = "") -> dict[str, Verdict]:
    """By configuration what is said of a scenario after the last patch."""
    states = lay(read([str(mbox)], None).series[0], open_tree(tree))
    models = SeriesModels(states, [each for each in shipped_scenarios() if each.name == scenario])
    found = models.patch(len(states) - 1)
    return {
        each.config: each for each in found if each.functions[-1][1] == (updater or each.functions[-1][1])
    }


def lost(verdict: Verdict) -> str:
    """The changes that turn a safe model unsafe, as one text."""
    return "; ".join(one.text for one in verdict.mutations if one.outcome == "Sometimes")


def miniature(tmp_path: Path, path: str = "", old: str = "", new: str = "") -> Path:
    tree = tmp_path / "tree"
    shutil.copytree(FIXTURES / "tree", tree)
    if path:
        text = (tree / path).read_text()
        assert old in text
        (tree / path).write_text(text.replace(old, new))
    return tree


TLB, TLBFLUSH = "arch/x86/mm/tlb.c", "arch/x86/include/asm/tlbflush.h"
MUTATIONS = {
    "as it is": ("", "", "", "safe"),
    "the flush waits for nobody": (TLB, "\t\t\t      true, cpus);", "\t\t\t      false, cpus);", "unsafe"),
    "lazy CPUs are left out": (TLBFLUSH, "PAGE_SHIFT, true)", "PAGE_SHIFT, false)", "unsafe"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_flush_that_a_switch_vouches_for(name: str, tmp_path: Path) -> None:
    path, old, new, expected = MUTATIONS[name]
    found = verdicts(SKIP, str(miniature(tmp_path, path, old, new)), FREEING, "collapse_huge_page")
    assert {config: each.verdict for config, each in found.items()} == {"x86": expected}
    verdict = found["x86"]
    assert any(
        "tlb_flush_interrupts is on, as native_tlb_init() sets it" in one for one in verdict.assumptions
    )
    if expected == "safe":
        assert lost(verdict) == f"without the wait at {TLB}:52"


def test_other_names_of_the_functions_on_the_way_keep_the_verdict(tmp_path: Path) -> None:
    flush = "native_flush_tlb_multi|cpu_wants_flush|flush_tlb_func"
    names = rf"\b({flush}|native_tlb_init|tlb_flush_interrupts|tlb_flush_waited)\b"
    tree, mbox = miniature(tmp_path), tmp_path / "series.mbox"
    for each in sorted(tree.rglob("*.[ch]")):
        each.write_text(re.sub(names, r"other_\1", each.read_text()))
    mbox.write_text(re.sub(names, r"other_\1", SKIP.read_text()))
    found = verdicts(mbox, str(tree), FREEING, "collapse_huge_page")
    assert {config: each.verdict for config, each in found.items()} == {"x86": "safe"}
    assert "other_native_tlb_init" in " ".join(found["x86"].assumptions)


SETTERS = b"""
void __init boots(void)
{
	if (ops.mmu.flush != plain_flush || feature_is_off())
		return;
	if (cpu_feature_enabled(X86_FEATURE_INVLPGB))
		return;
	static_branch_enable(&waits_key);
}

void guest(void)
{
	ops.mmu.other = NULL;
	ops.mmu.flush = guest_flush;
	if (!boot_cpu_has(X86_FEATURE_INVLPGB) && here)
		ops.mmu.waits = true;
	else
		ops.mmu.waits = false;
}

static const struct ops them = {
	.mmu = {
		.lazy = { .enter = begin, .flush = lazy_flush },
		.flush = table_flush,
		.waits = false,
	},
};
static void plain_flush(void) { }
static void guest_flush(void) { }
static void table_flush(void) { }
static void lazy_flush(void) { }
"""


def setters() -> Codebase:
    return Codebase(lambda path: SETTERS if path == "a.c" else None, ["a.c"], Config({}))


def test_what_holds_where_a_static_key_is_turned_on() -> None:
    assert ways(setters(), "waits_key", ["a.c"]) == (
        Way("boots", "a.c", 1, {"X86_FEATURE_INVLPGB": 0}, {"flush": ("plain_flush", "a.c")}, True),
    )


def test_what_holds_where_a_member_is_set() -> None:
    on, off, table = ways(setters(), "waits", ["a.c"])
    guest = {"flush": ("guest_flush", "a.c")}
    assert on == Way("guest", "a.c", 1, {"X86_FEATURE_INVLPGB": 0}, guest, False)
    # The condition has two parts: that it does not hold says nothing of either.
    assert off == Way("guest", "a.c", 0, {}, guest, False)
    assert (table.number, table.members) == (0, {"flush": ("table_flush", "a.c")})


@pytest.mark.parametrize(
    "line",
    [
        b"DEFINE_STATIC_KEY_TRUE(waits_key);",
        b"struct static_key_true *all[] = { &waits_key };",
        b"struct static_key *key(void) { return &waits_key; }",
        b"void any(void) { turn_on(&waits_key); }",
    ],
)
def test_a_switch_that_others_may_turn_on_has_no_known_ways(line: bytes) -> None:
    text = SETTERS + line + b"\n"
    code = Codebase(lambda path: text if path == "a.c" else None, ["a.c"], Config({}))
    assert ways(code, "waits_key", ["a.c"]) == ()


def test_a_member_that_gets_what_is_computed_may_be_on() -> None:
    text = b"void __init boots(void) { ops.mmu.flush = plain_flush; ops.mmu.waits = computed(); }\n"
    code = Codebase(lambda path: text if path == "a.c" else None, ["a.c"], Config({}))
    assert [way.number for way in ways(code, "waits", ["a.c"])] == [1]


def test_a_switch_that_another_architecture_turns_on_decides_nothing(tmp_path: Path) -> None:
    tree, mbox = miniature(tmp_path), tmp_path / "series.mbox"
    (tree / "arch/arm64/mm").mkdir(parents=True, exist_ok=True)
    mbox.write_text(SKIP.read_text().replace("arch/x86/mm/tlb.c", "arch/arm64/mm/tlb.c"))
    (tree / "arch/arm64/mm/tlb.c").write_text((tree / TLB).read_text())
    found = verdicts(mbox, str(tree), FREEING, "collapse_huge_page")
    assert {each.verdict for each in found.values()} == {"unknown"}


def test_every_function_that_a_member_is_given() -> None:
    assert [name for name, _ in assigned(setters(), "flush", ["a.c"])] == [
        "guest_flush",
        "lazy_flush",
        "table_flush",
    ]


@cache
def property_of_the_flush(scenario: str = FREEING) -> dict[str, Verdict]:
    return verdicts(PROPERTY, TREE, scenario, "free_pte_range" if scenario == FREEING else "")


@real
@pytest.mark.parametrize("scenario", [FREEING, UNSHARING])
def test_each_kind_of_flush_keeps_its_promise_or_not(scenario: str) -> None:
    found = property_of_the_flush(scenario)
    assert {config: each.verdict for config, each in found.items()} == {
        "x86: native_flush_tlb_multi": "safe",
        "x86: kvm_flush_tlb_multi": "unsafe",
        "x86: hyperv_flush_tlb_multi": "safe",
        "x86: xen_flush_tlb_multi": "safe",
    }


@real
def test_what_a_safe_flush_rests_on() -> None:
    found = property_of_the_flush()
    assert "wait at arch/x86/mm/tlb.c" in lost(found["x86: native_flush_tlb_multi"])
    for guest in ("hyperv", "xen"):
        assert "wait at mm/mmu_gather.c" in lost(found[f"x86: {guest}_flush_tlb_multi"])


@real
@pytest.mark.parametrize("scenario", [FREEING, UNSHARING])
def test_a_preempted_virtual_cpu_gets_no_interrupt(scenario: str) -> None:
    verdict = property_of_the_flush(scenario)["x86: kvm_flush_tlb_multi"]
    assert any("KVM_VCPU_PREEMPTED is true" in branch for branch in verdict.branches)
    assert "kvm_guest_init() turns flush_interrupts_walkers on" in verdict.turned
    assert "an IPI with wait to every CPU" in (verdict.repair or "")


SET = "\t\t\tpv_ops.mmu.flush_interrupts_walkers = true;"
FOR_XEN = "\t\t.flush_interrupts_walkers = false,"


@real
@pytest.mark.parametrize(
    ("old", "new", "guest", "expected"),
    [
        (SET, SET.replace("true", "false"), "kvm", "safe"),
        (FOR_XEN, FOR_XEN.replace("false", "true"), "xen", "unsafe"),
    ],
    ids=["not promised under KVM", "promised under Xen"],
)
def test_a_promise_that_is_made_or_not(old: str, new: str, guest: str, expected: str, tmp_path: Path) -> None:
    text, mbox = PROPERTY.read_text(), tmp_path / "series.mbox"
    assert text.count(f"\n+{old}\n") == 1
    mbox.write_text(text.replace(f"\n+{old}\n", f"\n+{new}\n"))
    found = verdicts(mbox, TREE, FREEING, "free_pte_range")
    assert found[f"x86: {guest}_flush_tlb_multi"].verdict == expected


UNSHARED, PASSED = "tlb->freed_tables || tlb->unshared_tables);", "tlb->freed_tables);"
GUARD, WEAKER = (
    "if (pv_ops.mmu.flush_tlb_multi != native_flush_tlb_multi)",
    "if (!pv_ops.mmu.flush_tlb_multi)",
)


@real
@pytest.mark.parametrize(
    ("old", "new", "scenario", "expected"),
    [
        ("", "", UNSHARING, {"native": "safe"}),
        (UNSHARED, PASSED, UNSHARING, {"native": "unsafe"}),
        (GUARD, WEAKER, FREEING, {"native": "safe", "kvm": "unsafe", "xen": "unsafe", "hyperv": "unsafe"}),
    ],
    ids=["as posted", "unshared tables not passed on", "turned on under every guest"],
)
def test_the_static_key_of_v7(
    old: str, new: str, scenario: str, expected: dict[str, str], tmp_path: Path
) -> None:
    text = V7.read_text()
    assert old in text
    mbox = tmp_path / "series.mbox"
    mbox.write_text(
        text.replace(f"+{old}", f"+{new}")
        .replace(f"+\t{old}", f"+\t{new}")
        .replace(f"\t   {old}", f"\t   {new}")
    )
    found = verdicts(mbox, TREE, scenario, "free_pte_range" if scenario == FREEING else "")
    told = {config: each.verdict for config, each in found.items()}
    assert told == {f"x86: {each}_flush_tlb_multi": verdict for each, verdict in expected.items()}


NOTIFIER = FIXTURES / "real" / "notifier-lost.mbox"


@real
def test_devices_are_told_of_entries_that_change() -> None:
    """Permission is taken by KSM and by the cleaning of pages, another page put in place by a fault."""
    states = lay(read([str(NOTIFIER)], None).series[0], open_tree(TREE))
    models = SeriesModels(states, [each for each in shipped_scenarios() if each.name == CHANGED])
    found = models.patch(0)
    assert {(each.functions[-1][1], each.before, each.verdict) for each in found} == {
        ("write_protect_page", "safe", "unsafe"),
        ("page_vma_mkclean_one", "safe", "unsafe"),
        ("wp_page_copy", "safe", "unsafe"),
    }
    assert all("mmu notifier" in (each.repair or "") for each in found)


@real
@pytest.mark.parametrize(
    ("name", "branch"), [("flush-without-tables", "is_lazy, cpu) is true"), ("flush-without-wait", "")]
)
def test_without_a_wait_of_its_own_a_walk_is_waited_for_by_the_flush(name: str, branch: str) -> None:
    """Without PARAVIRT x86 has no other wait: what frees is safe by the interrupts of the flush alone."""
    found = verdicts(FIXTURES / "real" / f"{name}.mbox", TREE, FREEING, "collapse_huge_page")
    verdict = found["x86 without PARAVIRT"]
    assert (verdict.before, verdict.verdict) == ("safe", "unsafe"), verdict.reasons
    assert any(branch in each for each in verdict.branches)
    assert "an IPI with wait to every CPU" in (verdict.repair or "")
