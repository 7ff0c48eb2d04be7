"""What reviewers said of real series, row by row, and what this tool says of series as they were sent.

concerns.tsv and reviewed.tsv: for each remark of the reference data that belongs to a rule, the series (below the
reference data, or a fixture of ours), the place, and the severity of our finding there with a tree and without one,
"-" for none; the reason says why not, or what is said instead. judged.tsv: every finding on series as sent, with a
judgement made by reading the mail and the code. PATCHSCAN_UPDATE=1 writes what is found today; judging is by hand.
"""

import csv
import os
import re
from collections.abc import Iterable
from difflib import unified_diff
from functools import cache
from pathlib import Path

import pytest
from patchscan.commands.reading import read
from patchscan.context import Settings
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import open_tree

TESTS = Path(__file__).parent
FIXTURES = TESTS.parent / "fixtures"
SHARED = Path(os.environ.get("PATCHSCAN_SHARED", ""))
KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
UPDATE = bool(os.environ.get("PATCHSCAN_UPDATE"))
RULES = tuple(rule for rule in load_rules()[0] if rule.default)
NAMES = {rule.name for rule in RULES}
LEVELS = {"-": 0, "info": 1, "warning": 2, "error": 3}
REMARKS = ("id", "rule", "series", "place", "tree", "hunks", "reason")
SENT = ("series", "patch", "place", "rule", "severity", "judgement", "reason")

with_shared = pytest.mark.skipif(not os.environ.get("PATCHSCAN_SHARED"), reason="PATCHSCAN_SHARED is not set")
with_both = pytest.mark.skipif(
    not (os.environ.get("PATCHSCAN_SHARED") and KERNEL),
    reason="the reference data or the tree is not at hand",
)


def rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    return list(csv.DictReader(path.read_text().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def write(path: Path, columns: tuple[str, ...], table: Iterable[dict[str, str]]) -> None:
    lines = ["\t".join(columns), *("\t".join(row[column] for column in columns) for row in table)]
    path.write_text("\n".join(lines) + "\n")


REMARKED = [(table, row) for table in ("concerns", "reviewed") for row in rows(TESTS / f"{table}.tsv")]


@cache
def judged(series: str, with_tree: bool) -> Report:
    """What is said of a series of the reference data or of ours."""
    ours = series.startswith("fixtures/")
    path = TESTS.parent / series / "series.mbox" if ours else SHARED / "corpus" / series
    tree = open_tree(str(FIXTURES / "tree") if ours else KERNEL) if with_tree else None
    return scan(read([str(path)], None), tree, RULES, Settings({}))


def severity(row: dict[str, str], with_tree: bool) -> str:
    """The highest severity of a row's rule at its place, "-" for none."""
    found = [
        each.severity
        for each in judged(row["series"], with_tree).findings
        if each.rule == row["rule"] and f"{each.path}:{each.line}" == row["place"]
    ]
    return max(found, key=LEVELS.__getitem__, default="-")


def usable(row: dict[str, str], with_tree: bool) -> bool:
    """Whether what a row speaks of is at hand."""
    if row["series"].startswith("fixtures/"):
        return True
    return row["series"] != "-" and bool(os.environ.get("PATCHSCAN_SHARED")) and bool(KERNEL or not with_tree)


@pytest.mark.skipif(UPDATE, reason="PATCHSCAN_UPDATE is set")
@pytest.mark.parametrize("with_tree", [True, False], ids=["tree", "hunks"])
@pytest.mark.parametrize(("table", "row"), REMARKED, ids=[row["id"] for _, row in REMARKED])
def test_what_is_said_of_a_remark(table: str, row: dict[str, str], with_tree: bool) -> None:
    if not usable(row, with_tree):
        pytest.skip("the series or the tree is not at hand")
    assert severity(row, with_tree) == row["tree" if with_tree else "hunks"], row["reason"]


@pytest.mark.skipif(not KERNEL, reason="PATCHSCAN_KERNEL_TREE is not set")
def test_shared_tables_are_waited_for(tmp_path: Path) -> None:
    """H03 as it was before its repair: the kernel's own code, with the wait for lockless walkers taken away."""
    path = "include/asm-generic/tlb.h"
    before = (Path(KERNEL) / path).read_text().splitlines(keepends=True)
    head = next((at for at, line in enumerate(before) if " tlb_flush_unshared_tables(" in line), None)
    if head is None:
        pytest.skip("this tree does not unshare tables through an mmu_gather")
    wait = next(at for at, line in enumerate(before) if at > head and "tlb_remove_table_sync_one();" in line)
    after = before[:wait] + before[wait + 1 :]
    diff = list(unified_diff(before, after, f"a/{path}", f"b/{path}"))
    diff[2] = diff[2].replace("@@\n", f"@@ {before[head]}")
    mail = tmp_path / "h03.patch"
    mail.write_text(
        "Subject: [PATCH] mm: wait less\nFrom: A <a@example.org>\n\nWait less.\n---\n" + "".join(diff)
    )
    report = scan(read([str(mail)], None), open_tree(KERNEL), RULES, Settings({}))
    assert ("table-free-without-sync", path, wait + 1) in [
        (each.rule, each.path, each.line) for each in report.findings
    ]


@with_shared
def test_every_remark_has_its_row() -> None:
    asked = {row["id"]: row["expected_rule"] for row in rows(SHARED / "concerns.tsv")}
    asked = {number: rule for number, rule in asked.items() if rule != "-"}
    asked |= {row["id"]: row["rule"] for row in rows(SHARED / "corpus/reviewed/comments.tsv")}
    assert asked
    ours = {row["id"]: row["rule"] for _, row in REMARKED}
    for number, rule in asked.items():
        assert ours.get(number) in (rule, "-") and (rule in NAMES or ours[number] == "-"), number


def test_silence_has_its_reason() -> None:
    assert REMARKED
    for table, row in REMARKED:
        assert row["tree"] in LEVELS and row["hunks"] in LEVELS, (table, row["id"])
        assert row["reason"] or (row["tree"] != "-" and row["hunks"] != "-"), (table, row["id"])


@pytest.mark.parametrize("table", ["concerns", "reviewed"])
def test_the_manual_tells_the_figures_of_the_table(table: str) -> None:
    page = " ".join((TESTS.parent / "docs" / "reviews.rst").read_text().split())
    told = page.split(f"``{table}.tsv``")[1].split(".tsv``")[0]
    mine = [row for name, row in REMARKED if name == table]
    with_tree, without = (sum(row[column] != "-" for row in mine) for column in ("tree", "hunks"))
    assert re.search(rf"\b{len(mine)} (belong to a rule|remarks)\b", told)
    assert f"{with_tree} are found at their place with a tree, {without} of them without one" in told
    assert all(row["tree"] != "-" for row in mine if row["hunks"] != "-")


def test_the_manual_tells_the_figures_of_the_record() -> None:
    page = " ".join((TESTS.parent / "docs" / "survey.rst").read_text().split())
    table = rows(TESTS.parent / "patchscan" / "settling" / "records.tsv")

    def counted(severity: str) -> tuple[int, int]:
        mine = [row for row in table if row["rule"] != "*" and row["severity"] == severity]
        changed = sum(int(row["changed"]) for row in mine)
        return changed + sum(int(row["unchanged"]) for row in mine), changed

    (lines, changed), (hints, others) = counted("warning"), counted("info")
    assert (
        f"Of {lines} lines with a warning {changed} were changed, of {hints} with an info {others};" in page
    )
    every = next(row for row in table if row["rule"] == "*")
    assert f"of {every['flagged']} added lines that have a next revision" in page
    assert f"of {int(every['merged']) + int(every['unmerged'])} that were merged" in page


@with_both
@pytest.mark.skipif(not UPDATE, reason="PATCHSCAN_UPDATE is not set")
@pytest.mark.parametrize("table", ["concerns", "reviewed"])
def test_the_table_is_written_anew(table: str) -> None:
    mine = [row for name, row in REMARKED if name == table]
    for row in mine:
        if usable(row, True):
            row |= {"tree": severity(row, True), "hunks": severity(row, False)}
    write(TESTS / f"{table}.tsv", REMARKS, mine)


def said(series: str) -> list[dict[str, str]]:
    """The findings on a series with the tree, as rows without a judgement."""
    return [
        {
            "series": series,
            "patch": str(each.patch),
            "place": f"{each.path}:{each.line}",
            "rule": each.rule,
            "severity": each.severity,
            "judgement": "",
            "reason": "",
        }
        for each in judged(series, True).findings
    ]


def identity(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[column] for column in SENT[:5])


SERIES_AS_SENT = sorted(
    f"{name}/{path.name}"
    for name in ("list-series", "queue", "reviewed")
    for path in (SHARED / "corpus" / name).glob("*.mbox")
    if os.environ.get("PATCHSCAN_SHARED")
)


@pytest.mark.slow
@with_both
@pytest.mark.parametrize("series", SERIES_AS_SENT)
def test_every_finding_was_judged(series: str) -> None:
    table = rows(TESTS / "judged.tsv")
    known = [row for row in table if row["series"] == series]
    found = said(series)
    if UPDATE:
        # A judgement is of what is said and stands where only the severity is another.
        judgements = {identity(row)[:4]: (row["judgement"], row["reason"]) for row in known}
        for row in found:
            row["judgement"], row["reason"] = judgements.get(identity(row)[:4], ("", ""))
        others = [row for row in table if row["series"] != series]
        write(TESTS / "judged.tsv", SENT, sorted([*others, *found], key=lambda row: row["series"]))
        return
    assert sorted(map(identity, known)) == sorted(map(identity, found))


def test_nine_of_ten_warnings_are_right() -> None:
    """At default severity: one of ten findings may be wrong; what is wrong or arguable has its reason."""
    table = rows(TESTS / "judged.tsv")
    shown = [row for row in table if row["severity"] != "info"]
    assert shown and {row["judgement"] for row in table} <= {"right", "arguable", "wrong"}
    assert all(row["reason"] for row in table)
    assert 10 * sum(row["judgement"] == "right" for row in shown) >= 9 * len(shown)


@pytest.mark.slow
@with_shared
def test_warnings_are_few() -> None:
    """At most 0.3 a patch at default severity, where series were not chosen for what is wrong with them."""
    patches = sum(
        len(series.patches)
        for name in SERIES_AS_SENT
        if not name.startswith("reviewed/")
        for series in read([str(SHARED / "corpus" / name)], None).series[:1]
    )
    shown = [
        row
        for row in rows(TESTS / "judged.tsv")
        if row["severity"] != "info" and row["series"].startswith(("list-series/", "queue/"))
    ]
    assert 10 * len(shown) <= 3 * patches
