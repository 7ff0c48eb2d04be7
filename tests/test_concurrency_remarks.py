"""What reviewers said of real series about concurrency, where they said it; without a tree and with one."""

import csv
import os
from functools import cache
from pathlib import Path

import pytest
from patchscan.context import Settings
from patchscan.job import read
from patchscan.registry import load_rules
from patchscan.rule import Finding
from patchscan.scan import scan
from patchscan.tree import open_tree

SHARED = Path(os.environ.get("PATCHSCAN_SHARED", ""))
TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
THREADS = {
    "v4-targeted-ipis.txt": "threads/v4-patches-only.mbox",
    "rfc-v7-deferred-kernel-flush.txt": "threads/repaired-rfcv7-whole-series.mbox",
}
NAMES = (
    *("barrier-comment", "store-then-mb", "hot-path-barrier", "open-coded-ipi-cond", "missing-read-once"),
    *("unordered-ipi-condition", "ipi-preemption", "ipi-irqs-off", "ipi-in-loop", "sleep-in-atomic"),
    *("barrier-before-bitop", "raw-this-cpu-preemptible", "sync-rcu-then-free", "boot-time-bool"),
    *("unshare-before-finish", "secondary-tlb", "barrier-pairing"),
)
RULES = tuple(rule for rule in load_rules()[0] if rule.name in NAMES)
# A remark stands below what it speaks of, a rule at it.
REACH = 3

with_shared = pytest.mark.skipif(not os.environ.get("PATCHSCAN_SHARED"), reason="PATCHSCAN_SHARED is not set")


def rows(name: str) -> list[dict[str, str]]:
    path = SHARED / name
    if not os.environ.get("PATCHSCAN_SHARED") or not path.is_file():
        return []
    return list(csv.DictReader(path.read_text().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def remarks() -> list[tuple[str, str, str, str]]:
    """(id, mbox, rule, place) of the remarks that these rules are there for, as far as their patch is at hand."""
    found = [
        (row["id"], THREADS.get(row["thread"], ""), row["expected_rule"], row["new_side_line"] or "")
        for row in rows("concerns.tsv")
    ]
    found += [
        (row["id"], f"reviewed/{row['patch_file']}", row["rule"], row["place"])
        for row in rows("corpus/reviewed/comments.tsv")
        if row["patch_file"]
    ]
    return [each for each in found if each[1] and each[2] in NAMES and each[3]]


@cache
def findings(mbox: str, with_tree: bool) -> tuple[Finding, ...]:
    thread = read([str(SHARED / "corpus" / mbox)], None)
    return tuple(scan(thread, open_tree(TREE) if with_tree else None, RULES, Settings({})).findings)


@with_shared
def test_there_are_remarks() -> None:
    assert {rule for _, _, rule, _ in remarks()} >= {
        "barrier-comment",
        "ipi-preemption",
        "barrier-before-bitop",
    }


@with_shared
@pytest.mark.parametrize("with_tree", [False, True], ids=["hunks", "tree"])
@pytest.mark.parametrize(
    ("mbox", "rule", "place"), [each[1:] for each in remarks()], ids=lambda each: str(each)
)
def test_the_remark_is_made(mbox: str, rule: str, place: str, with_tree: bool) -> None:
    if with_tree and not TREE:
        pytest.skip("PATCHSCAN_KERNEL_TREE is not set")
    path, _, line = place.rpartition(":")
    lines = [each.line for each in findings(mbox, with_tree) if (each.rule, each.path) == (rule, path)]
    assert any(abs(each - int(line)) <= REACH for each in lines), lines


@with_shared
@pytest.mark.parametrize("name", ["list-series", "queue"])
def test_nothing_wrong_is_said_of_series_as_sent(name: str) -> None:
    """The barriers, cross calls, locks and allocations that these add were looked at: none is at fault."""
    for path in sorted((SHARED / "corpus" / name).glob("*.mbox")):
        said = findings(f"{name}/{path.name}", False)
        assert [each for each in said if each.severity != "info"] == [], path.name
