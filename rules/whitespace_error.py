"""White space that git warns of when it applies the patch: at the end of lines and of files, a blank before a tab."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

BLANKS = (" ", "\t")
BEFORE_TAB = pattern(r"\t* +\t")
NO_NEWLINE = "no newline at the end of the file"
LOUD = ("white space at the end of the line", NO_NEWLINE)
# What comes of it, where git says nothing when it applies the patch.
NOISE = {NO_NEWLINE: "whoever adds a line below must change this one, too"}
# Files in which white space at the end of a line means something, or that hold other programs' output.
MEANT = (".patch", ".diff", ".md", ".svg", ".txt", ".json", ".out", ".log")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a file, at its first such line."""
    for file in context.files:
        if not file.path.endswith(MEANT) and not file.change.repaired:
            yield from of_file(file)


def of_file(file: ChangedFile) -> Iterator[Finding]:
    """The lines of one file; what a link leads to is no line of a text."""
    if file.change.kind in ("symlink", "submodule"):
        return
    gone = {line.text for line in file.removed}
    faulty: list[tuple[int, str]] = []
    for line in file.added:
        if line.new is None or line.text in gone:
            continue
        if line.text.endswith(BLANKS):
            faulty.append((line.new, "white space at the end of the line"))
        elif BEFORE_TAB.match(line.text):
            faulty.append((line.new, "a blank before a tab in the indentation"))
    unended = {line.kind for hunk in file.change.hunks for line in hunk.lines if not line.newline}
    if unended == {"+"}:
        last = max(line.new or 0 for line in file.added)
        faulty.append((last, NO_NEWLINE))
    at_eof = blank_at_end(file)
    if at_eof:
        faulty.append((at_eof, "an empty line at the end of the file"))
    if faulty:
        number, what = faulty[0]
        more = f", and the same or the like in {len(faulty) - 1} more" if len(faulty) > 1 else ""
        line_number = file.source_line(number)
        text = file.text_at(line_number) if file.is_c else ""
        fix = None
        if len(faulty) == 1 and text.strip() and text.endswith(BLANKS):
            fix = file.replacement(line_number, line_number, text.rstrip(" \t"))
        yield file.finding(
            line_number,
            f"{what}{more}: {NOISE.get(what, 'git warns of it when it applies the patch')}",
            fix=fix,
            severity="" if any(each.startswith(LOUD) for _, each in faulty) else "info",
        )


def blank_at_end(file: ChangedFile) -> int:
    """The first of the empty lines that the patch adds at the end of a file, as the patch numbers it; 0 for none."""
    if not file.change.hunks:
        return 0
    last = file.change.hunks[-1]
    lines = [line for line in last.lines if line.kind != "-"]
    after = file.state.after
    ends_here = file.change.kind == "create" or (
        after is not None and file.source_line(last.new_start + last.new_count) > after.count(b"\n")
    )
    first = 0
    while ends_here and lines and lines[-1].kind == "+" and not lines[-1].text.strip():
        first = lines.pop().new or 0
    return first


RULE = Rule(
    name="whitespace-error",
    summary="White space at the end of a line or file, a blank before a tab, or no last newline",
    why="git am warns of it, some maintainers' scripts refuse it, and the next editor makes a needless change of it.",
    source="git-apply(1) (--whitespace), core.whitespace in git-config(1); Documentation/process/coding-style.rst (1)",
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/new.c
+int x;
+int y; // want "no newline at the end of the file: whoever"
\\ No newline at end of file
""",
        """
@@ -1,2 +1,3 @@
 int walk(void)
+ 	int x; // want "a blank before a tab"
 int y;
""",
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/new.c
+int x;
+  	int y; // want "a blank before a tab.*and the same or the like in 1 more"
+	int z;
+
""",
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/new.c
+int x;
+ // want "empty line at the end of the file"
+
""",
    ),
    good=(
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/example.c
 int x;
-int y;
\\ No newline at end of file
+int z;
\\ No newline at end of file
""",
        """
@@ -1,3 +1,5 @@
 int walk(void)
 	int x;
+	/*
+	 * 	a table
+
 int y;
""",
        """
>>> patch mm: move the walk
Move it down.
>>> file mm/example.c
- 	int x;
 int y;
+ 	int x;
""",
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/notes.txt
+  	as the program prints it
+
""",
    ),
)
