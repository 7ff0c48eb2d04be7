"""A tree that holds another version of a series: what the mail has is judged, laid over what stands there already."""

import os
import shutil
from pathlib import Path

import pytest
from patchscan.basics.record import replace
from patchscan.codebase.standing import functions_of, stands
from patchscan.commands.reading import read
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.model.verdicts.verdict import Verdict, turned_unsafe
from patchscan.tree import open_tree
from patchscan.tree.fit import place
from patchscan.tree.overlay import lay

from tests.diffs import change

FIXTURES = Path(__file__).parents[2] / "fixtures"
ORDERED = FIXTURES / "series" / "targeted-ipi-ordered" / "series.mbox"
FREEING, UNSHARING = "page-table-walk-against-freeing", "page-table-walk-against-unsharing"
TREE, SHARED = os.environ.get("PATCHSCAN_KERNEL_TREE", ""), os.environ.get("PATCHSCAN_SHARED", "")
HUGETLB = Path(SHARED) / "corpus" / "threads" / "verbatim-hugetlb-pmd-unshare-all.mbox"

BEFORE = "int f(int a)\n{\n\tint b;\n\n\tb = a;\n\ttwice(b);\n\treturn b;\n}\n"
AFTER = "int f(int a)\n{\n\tint b;\n\n\tb = a;\n\twait();\n\twait_more();\n\treturn b;\n}\n"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (AFTER, True),
        (AFTER.replace("\tb = a;\n", "\tb = a; /* all of it */\n\t/* then */\n"), True),
        (AFTER.replace("\tb = a;\n", ""), True),
        (BEFORE, False),
        (AFTER.replace("\twait_more();\n", "\twait_more();\n\tand_more();\n"), False),
        (AFTER.replace("\twait_more();\n", ""), False),
        (AFTER.replace("\twait();\n", "\ttwice(b);\n\twait();\n"), False),
    ],
    ids=["same", "comments", "less context", "before", "more in it", "less in it", "what goes is there"],
)
def test_whether_an_outcome_stands(file: str, expected: bool) -> None:
    (hunk,) = change("mm/a.c", BEFORE, AFTER).hunks
    assert stands(file.encode(), hunk) is expected


def test_the_functions_that_a_hunk_changes() -> None:
    old = BEFORE + "\n#define TWICE(x) \\\n\t(2 * (x))\n\nstatic inline long g(void)\n{\n\treturn 1;\n}\n"
    new = (
        AFTER
        + "\n#define TWICE(x) \\\n\t(3 * (x))\n\nstatic inline long g(void)\n{\n\t/* one */\n\treturn 1;\n}\n"
    )
    (hunk,) = change("mm/a.c", old, new).hunks
    assert functions_of(replace(hunk, section="int f(int a)")) == {"f", "TWICE"}


def judged(mbox: Path, tree: str, scenario: str) -> dict[str, Verdict]:
    """By the function that updates what is said of a scenario after the last patch."""
    states, _ = place(read([str(mbox)], None).series[0], open_tree(tree))
    models = SeriesModels(states, [each for each in shipped_scenarios() if each.name == scenario])
    return {each.functions[-1][1]: each for each in models.patch(len(states) - 1)}


# A version that differs where the series adds, so that it cannot be taken off.
OTHER = ("mm/mmu_gather.c", "\tsmp_mb();\n", "\tmight_sleep();\n\tsmp_mb();\n")
CALL = "tlb_remove_table_sync_walkers(mm);"
HELD = {
    "as it is": (OTHER, "", "", "safe", "safe"),
    "the mail lacks a barrier": (OTHER, "+\tsmp_mb();", "+\tbarrier();", "unsafe", "safe"),
    "the tree lacks it": (("mm/mmu_gather.c", "\tsmp_mb();\n", "\tbarrier();\n"), "", "", "safe", "unsafe"),
    "the call is written otherwise": (
        ("mm/khugepaged.c", f"\t{CALL}\n", "\ttlb_remove_table_sync_walkers(vma->vm_mm);\n"),
        "", "", "unknown", "safe",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_a_version_in_the_tree(name: str, tmp_path: Path) -> None:
    (path, there, otherwise), old, new, expected, held = HELD[name]
    tree, mbox = tmp_path / "tree", tmp_path / "series.mbox"
    shutil.copytree(FIXTURES / "tree", tree)
    for changed, content in lay(read([str(ORDERED)], None).series[0], open_tree(str(tree)))[
        -1
    ].view.changed.items():
        assert content is not None
        (tree / changed).write_bytes(content)
    text = (tree / path).read_text()
    assert text.count(there) == 1
    (tree / path).write_text(text.replace(there, otherwise))
    mail = ORDERED.read_text()
    assert not old or mail.count(old) == 1
    mbox.write_text(mail.replace(old, new) if old else mail)
    verdict = judged(mbox, str(tree), FREEING)["collapse_huge_page"]
    assert (verdict.verdict, verdict.held, verdict.before) == (expected, held, None), verdict.reasons
    assert turned_unsafe(verdict) == (expected == "unsafe")
    if expected == "unknown":
        assert "collapse_huge_page() fits nowhere" in verdict.reasons[0]


@pytest.mark.skipif(
    not (os.path.isdir(TREE) and HUGETLB.is_file()), reason="needs PATCHSCAN_KERNEL_TREE and PATCHSCAN_SHARED"
)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", "safe"),
        ("\n+\t\ttlb_remove_table_sync_one();\n", "\n+\t\tsmp_mb();\n", "unsafe"),
        ("\n+\ttlb_flush_unshared_tables(tlb);\n", "\n+\n", "unsafe"),
        ("\n+\t\ttlb_remove_table_sync_one();\n", "\n", "unknown"),
    ],
    ids=["as posted", "a barrier for the wait", "nobody completes", "a damaged hunk"],
)
def test_the_hugetlb_series_on_a_tree_that_holds_it(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    mail, mbox = HUGETLB.read_bytes(), tmp_path / "series.mbox"
    assert old.encode() in mail
    mbox.write_bytes(mail.replace(old.encode(), new.encode()) if old else mail)
    (verdict,) = judged(mbox, TREE, UNSHARING).values()
    assert (verdict.verdict, verdict.held) == (expected, "safe"), verdict.reasons
    if expected == "safe":
        lost = [one.text for one in verdict.mutations if one.outcome == "Sometimes"]
        assert any("wait at mm/mmu_gather.c" in one for one in lost)
        assert "without the locks of the path" in lost
