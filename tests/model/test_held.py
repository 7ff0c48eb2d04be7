"""A tree that holds another version of a series: what the mail has is judged, laid over what stands there already."""

import os
import shutil
from pathlib import Path

import pytest
from patchscan.basics.record import replace
from patchscan.cli import main
from patchscan.codebase.lift import lift
from patchscan.codebase.standing import functions_of, owners, stands
from patchscan.commands.reading import read
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.model.verdicts.verdict import Verdict, turned_unsafe
from patchscan.tree import open_tree
from patchscan.tree.fit import place
from patchscan.tree.overlay import lay

from tests.diffs import change, diff_text

FIXTURES = Path(__file__).parents[2] / "fixtures"
ORDERED = FIXTURES / "series" / "targeted-ipi-ordered" / "series.mbox"
FREEING, UNSHARING = "page-table-walk-against-freeing", "page-table-walk-against-unsharing"
TREE, SHARED = os.environ.get("PATCHSCAN_KERNEL_TREE", ""), os.environ.get("PATCHSCAN_SHARED", "")
HUGETLB = Path(SHARED) / "corpus" / "threads" / "verbatim-hugetlb-pmd-unshare-all.mbox"

MAIL = (
    "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom: A Person <a@example.org>\n"
    "Date: Tue, 3 Feb 2026 07:05:01 +0000\nMessage-ID: <1@example.org>\nSubject: [PATCH] mm: wait less\n\n"
    "It is slow.\n\nSigned-off-by: A Person <a@example.org>\n---\n"
)

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


# Another function that has the outcome, with as much beside it as a diff shows least.
BESIDE = "\nint g(int a)\n{\n\tint b;\n\n\tb = a;\n\twait();\n\twait_more();\n\treturn b;\n}\n"
GONE = (
    "int f(int a)\n{\n\tif (a) {\n\t\tif (a > 1)\n\t\t\ta--;\n\t}\n\tif (!a)\n\t\treturn 1;\n\treturn a;\n}\n"
)
ADDED = BEFORE.replace("\ttwice", "\twait();\n\ttwice")
GOES = GONE.replace("\t}\n\tif", "\t}\n\twait();\n\tif")


@pytest.mark.parametrize(
    ("before", "after", "file", "expected"),
    [
        (BEFORE, AFTER, BEFORE + BESIDE, False),
        (BEFORE, AFTER, AFTER + BESIDE, True),
        (BEFORE, AFTER, AFTER.replace("f(", "h("), False),
        (BEFORE, AFTER, BEFORE[:-2] + AFTER[AFTER.index("\tint b") :], False),
        (BEFORE, ADDED, ADDED, True),
        (BEFORE, ADDED, ADDED.replace("\twait", "\tcond();\n\twait"), False),
        (GOES, GONE, GONE, True),
        (GOES, GONE, GOES, False),
        (GOES, GONE, GONE.replace("\tif (!a)", "\twait_otherwise();\n\tif (!a)"), False),
        (GOES, GONE, GOES.replace("\twait", "\twait_otherwise") + GONE.replace("f(", "g("), False),
    ],
    ids=[
        "another function", "both", "another name", "both forms in one",
        "added", "more is added", "went", "still there",
        "another one in its place", "went from another function",
    ],
)  # fmt: skip
def test_an_outcome_stands_in_its_own_function(before: str, after: str, file: str, expected: bool) -> None:
    (hunk,) = change("mm/a.c", before, after).hunks
    assert stands(file.encode(), replace(hunk, section="int f(int a)")) is expected


def test_a_hunk_is_laid_into_the_function_that_it_names_only() -> None:
    (hunk,) = change("mm/a.c", BEFORE, AFTER).hunks
    inside = replace(hunk, lines=hunk.lines[2:], section="int f(int a)")
    whole = replace(change("mm/a.c", BEFORE, AFTER), hunks=(inside,))
    for text in (BEFORE, "\n\n" + BEFORE, BEFORE.replace("\treturn b;", "\treturn -b;")):
        found = lift(text.encode(), whole)
        assert b"wait();\n\twait_more" in found.content and not found.lost, text
        other = lift(text.replace("f(", "g(").encode(), whole)
        assert b"wait" not in other.content and other.lost == {"f", "mm/a.c"}, text


def test_another_form_of_what_a_hunk_adds_does_not_stay_beside_it() -> None:
    whole = change("mm/a.c", BEFORE, ADDED)
    otherwise = ADDED.replace("\twait();", "\tcond();\n\tother_wait();")
    whole = replace(whole, hunks=tuple(replace(each, section="int f(int a)") for each in whole.hunks))
    inside = replace(whole, hunks=tuple(replace(each, lines=each.lines[2:-1]) for each in whole.hunks))
    for form in (whole, inside):
        found = lift(otherwise.encode(), form, held=True)
        assert found.content == otherwise.encode() and found.lost == {"f"}


@pytest.mark.parametrize("known", [True, False])
def test_what_lies_between_two_hunks_of_a_function_is_known_or_lost(known: bool) -> None:
    between = "".join(f"\tstep({number});\n" for number in range(9))
    old = f"int f(int a)\n{{\n\tone();\n\ttwo();\n{between}\tthree();\n\treturn a;\n}}\n"
    whole = change("mm/a.c", old, old.replace("one", "begin").replace("three", "end"))
    assert len(whole.hunks) == 2
    found = lift((old if known else BEFORE).replace("one()", "1").replace("three()", "3").encode(), whole)
    assert b"\tbegin();\n\ttwo();\n" in found.content and b"\tend();\n\treturn a;\n}" in found.content
    assert (b"step(4)" in found.content, found.lost) == (known, frozenset(() if known else ("f",)))


@pytest.mark.parametrize("known", [True, False])
def test_what_an_option_that_the_file_does_not_know_hides_is_not_lost(known: bool) -> None:
    between = "".join(f"\tstep({number});\n" for number in range(9))
    option = f"#ifdef CONFIG_LATER\nstatic void f(int a)\n{{\n\tlater();\n\ttwo();\n{between}\tthree();\n}}\n"
    old = f"{option}#else\nstatic void f(int a)\n{{\n\tone();\n}}\n#endif /* CONFIG_LATER */\n"
    new = old.replace("later", "begin").replace("three", "end").replace("one", "all")
    whole = change("mm/a.c", old, new)
    assert len(whole.hunks) == 2
    found = lift(BEFORE.encode() + b"// CONFIG_LATER\n" * known, whole)
    assert b"#else\nstatic void f(int a)\n{\n\tall();\n}\n" in found.content
    assert found.lost == frozenset(("f",) if known else ())


@pytest.mark.parametrize(
    ("section", "line", "lost"),
    [
        ("out_unlock:", "\tgone();", {"mm/a.c"}),
        ("", "\tgone();", {"mm/a.c"}),
        ("", "#include <linux/mm.h>", set()),
        ("", "int declared(struct page *page);", set()),
        ("", "#define F(x) gone(x)", {"F", "mm/a.c"}),
    ],
)
def test_what_is_lost_of_a_hunk_in_no_known_function(section: str, line: str, lost: set[str]) -> None:
    whole = change("mm/a.c", f"\tone();\n{line}\n\ttwo();\n", "\tone();\n\ttwo();\n")
    (hunk,) = whole.hunks
    assert lift(b"int f;\n", replace(whole, hunks=(replace(hunk, section=section),))).lost == lost


def test_a_macro_ends_where_its_lines_do() -> None:
    lines = ["int f(void)", "{", "#define A(x) \\", "\t(x)", "\tb();", "}", "#define C 1", "int d;"]
    assert list(owners(lines, "")) == ["f", "f", "A", "A", "f", "", "C", ""]


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


# What the mail wants of the tree's collapse_huge_page() stands in another function.
TWIN = """
static void twin(spinlock_t *pmd_ptl, pmd_t old)
{
\tspin_unlock(pmd_ptl);
\tsmp_mb();

\tresult = copy_small_pages(vma, old, address, large);
}
"""


@pytest.mark.parametrize(
    ("there", "expected"), [(CALL, "unknown"), ("tlb_remove_table_sync_one();", "unsafe")]
)
def test_the_same_lines_in_another_function(there: str, expected: str, tmp_path: Path) -> None:
    tree, mbox = tmp_path / "tree", tmp_path / "series.mbox"
    shutil.copytree(FIXTURES / "tree", tree)
    for changed, content in lay(read([str(ORDERED)], None).series[0], open_tree(str(tree)))[
        -1
    ].view.changed.items():
        (tree / changed).write_bytes(content or b"")
    path, old, new = OTHER
    (tree / path).write_text((tree / path).read_text().replace(old, new))
    khugepaged = tree / "mm" / "khugepaged.c"
    khugepaged.write_text(khugepaged.read_text().replace(CALL, there) + TWIN)
    mbox.write_text(ORDERED.read_text().replace(f"+\t{CALL}", "+\tsmp_mb();"))
    verdict = judged(mbox, str(tree), FREEING)["collapse_huge_page"]
    assert (verdict.verdict, verdict.held) == (expected, "safe"), verdict.reasons


WAIT = "tlb_remove_table_sync_one();"
MACRO = "#define sync_walkers() tlb_remove_table_sync_one()"


@pytest.mark.parametrize(
    "section", ["static enum collapse_result collapse_huge_page(struct mm_struct *mm,", "out:"]
)
@pytest.mark.parametrize("what", ["wait", "macro"])
def test_what_fits_nowhere_is_not_judged(
    what: str, section: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree, mbox = tmp_path / "tree", tmp_path / "series.mbox"
    shutil.copytree(FIXTURES / "tree", tree)
    if what == "wait":
        diff = diff_text(
            "mm/khugepaged.c",
            f"\tother_lock(ptl);\n\t(void){WAIT}\n\tr = 1;\n",
            "\tother_lock(ptl);\n\tr = 1;\n",
        )
        diff = diff.replace(" @@\n", f" @@ {section}\n")
    else:
        for name, old, new in (
            ("khugepaged.c", WAIT, "sync_walkers();"),
            ("internal.h", "\n#endif", f"\n{MACRO}\n#endif"),
        ):
            text = (tree / "mm" / name).read_text()
            assert text.count(old) == 1, name
            (tree / "mm" / name).write_text(text.replace(old, new))
        diff = diff_text("mm/internal.h", f"{MACRO} /* all */\n", "#define sync_walkers() smp_mb()\n")
    mbox.write_text(MAIL + diff + "-- \nmini\n")
    assert main(["model", str(mbox), "--tree", str(tree)]) == 3
    out, told = capsys.readouterr()
    assert "collapse_huge_page-generic-patch-1: unknown (before the patch: safe)" in out
    assert "fits nowhere in this tree" in out and "safe before the patch, unknown after it" in told


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
