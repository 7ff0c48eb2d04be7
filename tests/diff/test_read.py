"""Diff text to file changes: every form git and others write (INPUT-TRAPS: diff)."""

import pytest
from patchscan.basics.problem import Problem
from patchscan.diff.names import unquote
from patchscan.diff.read import read_diff
from patchscan.series import FileChange, Line

from tests.mails import DIFF, added, diff_for, mail, only_patch

HUNK = "@@ -1,2 +1,3 @@\n one\n+two\n three\n"


def read(text: str) -> tuple[tuple[FileChange, ...], tuple[Problem, ...]]:
    return read_diff(text.split("\n"), "test")


def only(text: str) -> FileChange:
    files, problems = read(text)
    assert problems == ()
    assert len(files) == 1
    return files[0]


def names(text: str) -> tuple[str | None, str, str]:
    change = only(text)
    return change.old_path, change.path, change.kind


def test_plain_modification_with_line_numbers() -> None:
    change = only(DIFF)
    assert (change.old_path, change.path, change.kind) == ("mm/widget.c", "mm/widget.c", "modify")
    (hunk,) = change.hunks
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (10, 4, 10, 5)
    assert hunk.section == "int widget_count(void)"
    assert hunk.lines == (
        Line(" ", "\tint count;", 10, 10),
        Line(" ", "", 11, 11),
        Line(" ", "\tcount = widgets;", 12, 12),
        Line("+", "\tcount++;", None, 13),
        Line(" ", "\treturn count;", 13, 14),
    )


def test_counts_left_out_and_empty_ranges() -> None:
    (hunk,) = only("--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-old\n+new\n").hunks
    assert (hunk.old_count, hunk.new_count, hunk.section) == (1, 1, "")
    change = only("--- /dev/null\n+++ b/mm/x.c\n@@ -0,0 +1,3 @@\n+a\n+b\n+c\n")
    assert (change.kind, change.old_path, change.path) == ("create", None, "mm/x.c")
    assert [line.new for line in change.hunks[0].lines] == [1, 2, 3]
    change = only("--- a/mm/x.c\n+++ b/mm/x.c\n@@ -5,2 +4,0 @@\n-a\n-b\n")
    assert [line.old for line in change.hunks[0].lines] == [5, 6]


@pytest.mark.parametrize("section", ["out_unlock:", "#define WIDGET(x) \\", "static int", "@@ -1 +1 @@", ""])
def test_section_is_whatever_git_guessed(section: str) -> None:
    (hunk,) = only(f"--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@ {section}\n-old\n+new\n").hunks
    assert hunk.section == section


def test_changed_lines_that_look_like_headers() -> None:
    text = (
        "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1,4 +1,4 @@\n--- a/lib/y.c\n-- \n---\n-@@ -1 +1 @@\n"
        "+++ b/lib/y.c\n+diff --git a/z b/z\n+\n+-- \n-- \n2.49.0\n"
    )
    change = only(text)
    assert change.path == "mm/x.c"
    assert [line.kind + line.text for line in change.hunks[0].lines] == text.split("\n")[3:11]


def test_signatures_after_the_last_hunk() -> None:
    for signature in (
        "-- \n2.49.0\n",
        "--  \n2.49.0\n",
        "--\n2.49.0\n",
        "\n-- \n2.49.0\n\nbase-commit: 123\n",
        "",
    ):
        assert len(only(DIFF + signature).hunks) == 1


def test_removed_line_that_looks_like_a_signature() -> None:
    (hunk,) = only("--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1,3 +1,2 @@\n one\n-- x\n two\n-- \n2.49.0\n").hunks
    assert [line.kind + line.text for line in hunk.lines] == [" one", "-- x", " two"]


def test_no_newline_at_the_end_of_either_side() -> None:
    text = "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-old\n\\ No newline at end of file\n+new\n"
    assert [line.newline for line in only(text).hunks[0].lines] == [False, True]
    text += "\\ No newline at end of file\n"
    assert [line.newline for line in only(text).hunks[0].lines] == [False, False]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "similarity index 90%\nrename from mm/a.c\nrename to lib/b.c\n--- a/mm/a.c\n+++ b/lib/b.c\n"
            + HUNK,
            "rename",
        ),
        ("similarity index 100%\nrename from mm/a.c\nrename to lib/b.c\n", "rename"),
        ("similarity index 100%\ncopy from mm/a.c\ncopy to lib/b.c\n", "copy"),
    ],
)
def test_renames_and_copies(header: str, expected: str) -> None:
    assert names("diff --git a/mm/a.c b/lib/b.c\n" + header) == ("mm/a.c", "lib/b.c", expected)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("old mode 100644\nnew mode 100755\n", ("mm/x.c", "mm/x.c", "mode")),
        (
            "old mode 100644\nnew mode 100755\nindex 1..2\n--- a/mm/x.c\n+++ b/mm/x.c\n" + HUNK,
            ("mm/x.c", "mm/x.c", "modify"),
        ),
        ("new file mode 100644\nindex 000..e69\n", (None, "mm/x.c", "create")),
        ("deleted file mode 100644\nindex e69..000\n", ("mm/x.c", "mm/x.c", "delete")),
        (
            "deleted file mode 100644\nindex e69..000\n--- a/mm/x.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
            ("mm/x.c", "mm/x.c", "delete"),
        ),
        (
            "new file mode 120000\nindex 000..e69\n--- /dev/null\n+++ b/mm/x.c\n@@ -0,0 +1 @@\n+../y\n"
            "\\ No newline at end of file\n",
            (None, "mm/x.c", "symlink"),
        ),
        (
            "index 1..2 160000\n--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
            ("mm/x.c", "mm/x.c", "submodule"),
        ),
        (
            "index 1..2 100644\nGIT binary patch\nliteral 3\nKcmZQz\n\nliteral 0\nHcmV?d\n\n",
            ("mm/x.c", "mm/x.c", "binary"),
        ),
        ("index 1..2 100644\nBinary files a/mm/x.c and b/mm/x.c differ\n", ("mm/x.c", "mm/x.c", "binary")),
    ],
)
def test_kinds_by_git_header(header: str, expected: tuple[str | None, str, str]) -> None:
    files, problems = read("diff --git a/mm/x.c b/mm/x.c\n" + header + diff_for("mm/after.c"))
    assert problems == ()
    assert (files[0].old_path, files[0].path, files[0].kind) == expected
    assert files[1].path == "mm/after.c"


@pytest.mark.parametrize(
    "header",
    [
        "diff --git mm/x.c mm/x.c\nindex 1..2 100644\n--- mm/x.c\n+++ mm/x.c\n",
        "diff --git i/mm/x.c w/mm/x.c\n--- i/mm/x.c\n+++ w/mm/x.c\n",
        "--- linux.orig/mm/x.c\n+++ linux/mm/x.c\n",
        "--- linux-6.12.orig/mm/x.c\t2024-01-01 10:00:00.000000000 +0100\n+++ linux-6.12/mm/x.c\t2024-01-02 10:00:00\n",
        "--- linux-6.12/mm/x.c  2024-01-01 10:00:00 +0100\n+++ linux-6.12/mm/x.c  2024-01-02 10:00:00 +0100\n",
        "Index: linux/mm/x.c\n===================================================================\n"
        "--- linux.orig/mm/x.c\n+++ linux/mm/x.c\n",
        "Index: mm/x.c\n=====\n--- mm/x.c\t(revision 1)\n+++ mm/x.c\t(working copy)\n",
        "--- a/mm/x.c~queue-name\n+++ a/mm/x.c\n",
        "--- mm/x.c.orig\n+++ mm/x.c\n",
        '--- "a/mm/x.c"\n+++ "b/mm/x.c"\n',
    ],
)
def test_prefixes_and_suffixes_are_taken_off(header: str) -> None:
    assert names(header + HUNK) == ("mm/x.c", "mm/x.c", "modify")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--- /dev/null\n+++ mm/new.c\n@@ -0,0 +1 @@\n+x\n", (None, "mm/new.c", "create")),
        ("--- /dev/null\n+++ linux/mm/new.c\n@@ -0,0 +1 @@\n+x\n", (None, "mm/new.c", "create")),
        (
            "--- linux.orig/mm/new.c\t1970-01-01 01:00:00\n+++ linux/mm/new.c\n@@ -0,0 +1 @@\n+x\n",
            (None, "mm/new.c", "create"),
        ),
        (
            "--- linux.orig/mm/old.c\n+++ linux/mm/old.c\t1970-01-01 00:00:00\n@@ -1 +0,0 @@\n-x\n",
            ("mm/old.c", "mm/old.c", "delete"),
        ),
        (
            "diff --git a/Makefile b/Makefile\n--- a/Makefile\n+++ b/Makefile\n" + HUNK,
            ("Makefile", "Makefile", "modify"),
        ),
        (
            "diff --git Makefile Makefile\n--- Makefile\n+++ Makefile\n" + HUNK,
            ("Makefile", "Makefile", "modify"),
        ),
        (
            "diff --git a/mm/a b.c b/mm/a b.c\nold mode 100644\nnew mode 100755\n",
            ("mm/a b.c", "mm/a b.c", "mode"),
        ),
        (
            "diff --git a/mm/a b.c b/mm/a b.c\n--- a/mm/a b.c\t\n+++ b/mm/a b.c\t\n" + HUNK,
            ("mm/a b.c", "mm/a b.c", "modify"),
        ),
        (
            "diff --git a/lib/mm/x.c b/lib/mm/x.c\n--- a/lib/mm/x.c\n+++ b/lib/mm/x.c\n" + HUNK,
            ("lib/mm/x.c", "lib/mm/x.c", "modify"),
        ),
        (
            "diff --git tools/mm/x.c tools/mm/x.c\n--- tools/mm/x.c\n+++ tools/mm/x.c\n" + HUNK,
            ("tools/mm/x.c", "tools/mm/x.c", "modify"),
        ),
    ],
)
def test_names_without_a_common_prefix(text: str, expected: tuple[str | None, str, str]) -> None:
    assert names(text) == expected


def test_quoted_names_are_decoded() -> None:
    assert unquote('"a/mm/\\303\\244\\t\\"\\\\.c"') == 'a/mm/ä\t"\\.c'
    assert unquote('"\\377"').encode("utf-8", "surrogateescape") == b"\xff"
    assert unquote("plain") == "plain"
    header = 'diff --git "a/mm/\\303\\244.c" "b/mm/\\303\\244.c"\n'
    assert names(header + "old mode 100644\nnew mode 100755\n") == ("mm/ä.c", "mm/ä.c", "mode")
    assert names(header + 'rename from "mm/\\303\\244.c"\nrename to mm/a.c\n') == (
        "mm/ä.c",
        "mm/a.c",
        "rename",
    )


@pytest.mark.parametrize(
    "name",
    [
        "a/../../etc/passwd",
        "/etc/passwd",
        "a/mm/../../../x",
        "a/.git/config",
        "a//etc/passwd",
        '"a/\\056\\056/x"',
        "..",
        "a/" + "x/" * 3000 + "y",
    ],
)
def test_paths_that_leave_the_tree_are_left_out(name: str) -> None:
    files, problems = read(f"--- {name}\n+++ {name}\n{HUNK}{diff_for('mm/good.c')}")
    assert [change.path for change in files] == ["mm/good.c"]
    assert ["leaves the kernel tree" in problem.message for problem in problems] == [True]


@pytest.mark.parametrize(
    "name",
    ["a/x\0y", '"a/x\\ny"', '"a/x\\ty"', '"a/x\\033[2J"', "a/x\u2028y", "a/x\u202ey", '"a/x\\302\\205y"'],
)
def test_names_with_control_characters_are_refused(name: str) -> None:
    files, problems = read(f"--- {name}\n+++ {name}\n{HUNK}{diff_for('mm/good.c')}")
    assert [change.path for change in files] == ["mm/good.c"]
    assert ["holds control characters" in each.message and each.lost for each in problems] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "--- /dev/null\n+++ /dev/null\n" + HUNK,
        "diff --git \n" + HUNK,
        "diff --git a\n",
        "--- \n+++ \n" + HUNK,
    ],
)
def test_files_without_a_name_are_left_out(text: str) -> None:
    files, problems = read(text + diff_for("mm/good.c"))
    assert files[-1].path == "mm/good.c"
    assert len(files) + len(problems) == 2


def test_rename_out_of_the_tree_is_left_out() -> None:
    files, problems = read("diff --git a/mm/a.c b/x\nrename from mm/a.c\nrename to ../../x\n")
    assert files == ()
    assert len(problems) == 1


@pytest.mark.parametrize("word", ["--cc", "--combined"])
def test_combined_diff_is_refused_by_name(word: str) -> None:
    text = f"diff {word} mm/merge.c\nindex 1,2..3\n--- a/mm/merge.c\n+++ b/mm/merge.c\n@@@ -1 -1 +1,2 @@@\n  a\n++b\n"
    files, problems = read(text + diff_for("mm/good.c"))
    assert [change.path for change in files] == ["mm/good.c"]
    assert [problem.message for problem in problems] == [
        "mm/merge.c: a combined diff (of a merge) cannot be read; left out"
    ]


def test_binary_files_without_git_header_and_stray_hunks_are_reported() -> None:
    _, problems = read("Binary files linux.orig/logo.gif and linux/logo.gif differ\n")
    assert len(problems) == 1
    files, problems = read(HUNK + diff_for("mm/good.c"))
    assert [change.path for change in files] == ["mm/good.c"]
    assert "no file above it" in problems[0].message


def test_file_touched_twice_is_two_changes() -> None:
    files, _ = read(DIFF + DIFF)
    assert [change.path for change in files] == ["mm/widget.c"] * 2


def test_added_lines_reach_the_patch() -> None:
    assert added(only_patch(mail("[PATCH] one"))) == ["\tcount++;"]
