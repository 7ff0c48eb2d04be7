"""What rows say of real mail: what reviewers asked for, and next to nothing of what was accepted or read through."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from patchscan.commands.reading import read
from patchscan.context import Settings
from patchscan.finding import Finding
from patchscan.match.row import Row
from patchscan.match.rowfile import read_rows
from patchscan.match.tablefiles import with_rows
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.settling.together import told_together
from patchscan.tree import open_tree

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PATCHSCAN_SHARED", "/nowhere"))
KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
TABLES = with_rows(str(ROOT / "rules" / "tables"))
NAMES = {row.name for path in TABLES for row in read_rows(path) if isinstance(row, Row)}
ROWS = tuple(rule for rule in load_rules()[0] if rule.name in NAMES and rule.default)
with_both = pytest.mark.skipif(
    not (SHARED.is_dir() and KERNEL), reason="the reference data or the tree is not at hand"
)
# A remark of the reference data, and the row that says it at its place.
SAID = {
    "R092": "bit-field-flag",
    "R095": "spi-message-with-transfers",
    "R114": "sysfs-emit",
    "R116": "division-by-64-bits",
    "R127": "error-on-fallback",
    "R132": "overwritten-initialiser",
    "R197": "null-operations",
    "S025": "variable-for-test",
    "S028": "drvdata-of-platform-device",
    "S052": "union-of-one-type",
    "S109": "legacy-gpio-header",
    "S141": "null-check-before-free",
}
REMARKS = SHARED / "corpus" / "remarks"
TABLE = (REMARKS / "remarks.tsv").read_text().splitlines()[1:] if REMARKS.is_dir() else []
PLACES = {line.split("\t")[0]: line.split("\t")[2:4] for line in TABLE}
# A row may stand a few lines above what the reviewer put the remark below.
_NEAR = 4


def told(box: Path) -> Iterator[Finding]:
    """What the rows say of a series, one cause once."""
    report = scan(read([str(box)], None), open_tree(KERNEL), ROWS, Settings({}))
    for each in told_together(report.findings):
        if not each.preexisting and each.suppressed is None:
            yield each


@with_both
@pytest.mark.parametrize("remark", SAID)
def test_a_row_says_what_the_reviewer_said(remark: str) -> None:
    path, line = PLACES[remark]
    found = {
        (each.rule, each.path)
        for each in told(REMARKS / f"{remark}.mbox")
        if abs(each.line - int(line)) <= _NEAR
    }
    assert (SAID[remark], path) in found


@pytest.mark.slow
@with_both
def test_rows_say_next_to_nothing_of_what_was_accepted_or_read_through() -> None:
    """Four infos, all right: a flag of one bit, a memset() of a local, and initialisers that are overwritten."""
    corpus = SHARED / "corpus"
    found: Counter[str] = Counter()
    for place in ("ordinary", "fixes/fixed", "judged"):
        for box in sorted((corpus / place).glob("*.mbox")):
            found.update(each.rule for each in told(box) if place == "judged" or each.patch == 2)
    assert found == {"overwritten-initialiser": 2, "bit-field-flag": 1, "memset-of-local": 1}
