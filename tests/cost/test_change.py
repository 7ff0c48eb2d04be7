"""What a patch changes in the cost of a scheme: IPIs before and after, what the read side gains."""

import os
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.commands.reading import read
from patchscan.cost.change import SeriesCosts, cost_line, cost_lines
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.results import CaseCost
from patchscan.tree import open_tree
from patchscan.tree.overlay import lay

FIXTURES = Path(__file__).parents[2] / "fixtures"
TREE, SHARED = os.environ.get("PATCHSCAN_KERNEL_TREE", ""), os.environ.get("PATCHSCAN_SHARED", "")
ON_64 = "on 64 CPUs, of which 1 CPU walks: "


def changes(series: str, tree: str) -> list[tuple[int, str]]:
    laid = lay(read([series], None).series[0], open_tree(tree))
    found = SeriesCosts(SeriesModels(laid)).all_changes()
    return [(change.patch, change.text.removeprefix(ON_64).removesuffix(" (counted)")) for change in found]


def fixture(name: str) -> list[tuple[int, str]]:
    return changes(str(FIXTURES / "series" / name / "series.mbox"), str(FIXTURES / "tree"))


def test_targeted_ipis() -> None:
    """The walker pays a barrier and a release; an update interrupts the one walker in place of 63 CPUs."""
    found = fixture("targeted-ipi")
    assert found[:3] == [
        (1, "a call of gup_fast() changes by +1 full barrier and +1 acquire or release"),
        (2, "one collapse_huge_page() makes 1 IPI (63 before)"),
        (2, "one free_pte_range() makes 1 IPI (63 before)"),
    ]


def test_lines_for_a_report() -> None:
    series = read([str(FIXTURES / "series" / "rcu-fallback" / "series.mbox")], None).series[0]
    (line,) = cost_lines(lay(series, open_tree(str(FIXTURES / "tree"))))
    assert line.startswith(f"patch 1: {ON_64}one free_pte_range() makes 0 IPIs (63 before)")


def test_a_grace_period_in_place_of_ipis() -> None:
    assert fixture("rcu-fallback") == [
        (1, "one free_pte_range() makes 0 IPIs (63 before) and 1 grace period (0 before)")
    ]


@pytest.mark.parametrize("name", ["clean", "look-alikes", "config-coverage", "hugetlb-unshare"])
def test_patches_that_change_no_scheme_say_nothing(name: str) -> None:
    assert fixture(name) == []


def test_one_sentence() -> None:
    before = CaseCost("free_table", "walk", {"IPIs sent": 7}, {"full barriers": 1.0, "atomics": 0.0})
    after = CaseCost("free_table", "walk", {"IPIs sent": 1}, {"full barriers": 0.0, "atomics": 2.0})
    assert cost_line(before, before) is None
    assert cost_line(before, after, cpus=8, walkers=2) == (
        "on 8 CPUs, of which 2 CPUs walk: one free_table() makes 1 IPI (7 before); "
        "a call of walk() changes by -1 full barrier and +2 atomic operations (counted)"
    )


def test_a_side_with_a_call_that_was_not_seen_is_left_out() -> None:
    before = CaseCost("free_table", "walk", {"IPIs sent": 7}, {"atomics": 0.0})
    after = CaseCost("free_table", "walk", {}, {"atomics": 1.0}, not_seen=(frozenset({"flush"}), frozenset()))
    assert cost_line(before, after) == (
        "on 64 CPUs, of which 1 CPU walks: a call of walk() changes by +1 atomic operation (counted)"
    )


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(FIXTURES / "series" / "rcu-fallback" / "series.mbox"), "--tree", str(FIXTURES / "tree")]
    assert main(["cost", *words]) == 0
    assert capsys.readouterr().out.startswith(f"patch 1: {ON_64}one free_pte_range() makes 0 IPIs")


def test_what_was_not_counted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    series = FIXTURES / "series" / "rcu-fallback" / "series.mbox"
    torn = tmp_path / "torn.mbox"
    torn.write_bytes(series.read_bytes()[: series.read_bytes().rindex(b"@@") + 60])
    assert main(["cost", str(torn), "--tree", str(FIXTURES / "tree")]) == 3
    assert "not fully judged" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert main(["cost", str(series)]) == 3
    assert capsys.readouterr() == (
        "",
        "patchscan: no kernel tree, so nothing was counted: name one with --tree\n",
    )
    monkeypatch.chdir(FIXTURES / "tree")
    assert main(["cost", str(series)]) == 0
    assert capsys.readouterr().out.startswith(f"patch 1: {ON_64}one free_pte_range() makes 0 IPIs")


@pytest.mark.slow
@pytest.mark.skipif(not (TREE and SHARED), reason="needs PATCHSCAN_KERNEL_TREE and PATCHSCAN_SHARED")
def test_the_series_that_started_it() -> None:
    """v4 on 6.12: its authors measured three per cent on GUP-fast, and meant to spare 62 of 63 CPUs."""
    found = changes(f"{SHARED}/corpus/threads/v4-patches-only.mbox", TREE)
    assert (1, "a call of gup_fast() changes by +1 full barrier and +1 acquire or release") in found
    assert (2, "one collapse_huge_page() makes 1 IPI (63 before)") in found
