"""A line that a merge left behind."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

MARKER = pattern(r"(?:<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|) \S.*")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The added lines of any file that mark one side of a conflict; each of them once a file."""
    for file in context.files:
        for line in file.added:
            if line.new is not None and MARKER.fullmatch(line.text):
                yield file.finding(
                    file.source_line(line.new),
                    "a merge left this behind: choose a side, and take the marks away",
                )
                break


RULE = Rule(
    name="conflict-marker",
    summary="A mark of a merge conflict is added",
    why="The patch was made of a tree with a conflict that nobody solved: two texts stand where one is meant.",
    source="git diff --check (leftover conflict marker); one stood in a document of landlock signal scoping v3 6/6",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("<<<<<<< ", ">>>>>>> ", "||||||| "),
    bad=(
        """
 int x;
+<<<<<<< HEAD // want "a merge left this behind"
+int y;
+=======
 int z;
""",
        """
>>> patch docs: say more
More.
>>> file Documentation/mm/part.rst
 Part
 ====
+>>>>>>> patched // want "a merge left this behind"
""",
    ),
    good=(
        """
+int x = a << 7;
+/* <<<<<<< HEAD */
+int y;
""",
        """
>>> patch docs: say more
More.
>>> file Documentation/mm/part.rst
+Part
+=======
+
+<<<<<<<<<<<<<
+>>>>>>>
""",
        """
 int x;
-<<<<<<< HEAD
 int y;
""",
    ),
)
