"""Diffs as mailers leave them: what the hunk counts prove is repaired, the rest is isolated (traps 22 and 23)."""

from patchscan.basics.problem import Problem
from patchscan.diff.read import read_diff
from patchscan.series import FileChange

from tests.mails import DIFF, diff_for

SIGNATURE = "-- \n2.49.0\n"
# The tab-led context lines have lost their space.
DAMAGED = DIFF.replace("\n \t", "\n\t")


def read(text: str) -> tuple[tuple[FileChange, ...], tuple[Problem, ...]]:
    return read_diff(text.split("\n"), "test")


def test_lost_spaces_before_tabs_are_restored() -> None:
    for end in (SIGNATURE, "", "\n\nlist footer\n", diff_for("mm/other.c")):
        files, problems = read(DAMAGED + end)
        sound, _ = read(DIFF)
        assert files[0].hunks == sound[0].hunks
        assert files[0].repaired == "hunk 1: 3 context lines had lost their first space"
        assert files[0].damaged == ""
        assert [problem.message for problem in problems] == [
            "mm/widget.c: damaged in the mail, repaired by the hunk counts: "
            "hunk 1: 3 context lines had lost their first space"
        ]


def test_empty_context_line_without_its_space_is_no_damage() -> None:
    files, problems = read(DIFF.replace("\n \n", "\n\n"))
    assert files[0].repaired == ""
    assert problems == ()
    assert files == read(DIFF)[0]


def test_lost_spaces_are_not_restored_where_the_counts_do_not_prove_them() -> None:
    for more in ("\tone_line_more();\n", "+\tadded();\n", "\n\tafter_an_empty_line();\n"):
        files, problems = read(DAMAGED + more + SIGNATURE)
        assert files[0].hunks == ()
        assert "hunk 1 left out: it goes on after" in files[0].damaged
        assert len(problems) == 1


def test_hunk_cut_short_is_left_out_and_the_rest_is_read() -> None:
    short = DIFF.replace(" \treturn count;\n", "")
    files, problems = read(short + SIGNATURE + diff_for("mm/next.c"))
    assert [(change.path, len(change.hunks)) for change in files] == [("mm/widget.c", 0), ("mm/next.c", 1)]
    assert (
        files[0].damaged == "hunk 1 left out: its header says 4 lines before and 5 after, found are 4 and 4"
    )
    assert [problem.where for problem in problems] == ["test"]
    assert "mm/widget.c: hunk 1 left out" in problems[0].message


def test_next_file_is_not_swallowed_by_a_short_hunk_without_git_headers() -> None:
    short = "--- a/mm/one.c\n+++ b/mm/one.c\n@@ -1,9 +1,9 @@\n one\n-two\n+too\n"
    files, problems = read(short + "--- a/mm/two.c\n+++ b/mm/two.c\n@@ -1 +1 @@\n-x\n+y\n")
    assert [(change.path, len(change.hunks)) for change in files] == [("mm/one.c", 0), ("mm/two.c", 1)]
    assert len(problems) == 1


def test_other_hunks_of_a_damaged_file_are_kept_and_the_file_says_so() -> None:
    second = "@@ -30,2 +31,3 @@\n a\n+b\n c\n"
    files, _ = read(DIFF.replace("10,5", "10,9") + second)
    assert [hunk.old_start for hunk in files[0].hunks] == [30]
    assert files[0].damaged.startswith("hunk 1 left out")
    files, _ = read(DIFF + second.replace("31,3", "31,2"))
    assert [hunk.old_start for hunk in files[0].hunks] == [10]
    assert files[0].damaged.startswith("hunk 2 left out")


def test_wrapped_line_is_not_believed() -> None:
    files, problems = read(DIFF.replace("+\tcount++;", "+\tcount\n++;"))
    assert files[0].hunks == ()
    assert len(problems) == 1
