"""A file that nobody executes is given the mode of a program."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence

# What is compiled, read or included; a script may have any name.
READ_ONLY = (".c", ".h", ".S", ".dts", ".dtsi", ".dtso", ".rst", ".txt", ".yaml", ".json", ".lds", ".rs")
NAMES = ("Makefile", "Kbuild", "Kconfig", "MAINTAINERS")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first such file of a patch, which names the others: one setting of the author's machine made them all."""
    found = [
        file
        for file in context.files
        if file.change.mode == "100755"
        and file.change.kind != "delete"
        and (file.path.endswith(READ_ONLY) or file.path.rpartition("/")[2].startswith(NAMES))
    ]
    if found:
        first, *others = found
        more = f"; so is {', '.join(each.path for each in others)}" if others else ""
        yield first.finding(1, f"this file is made executable (mode 100755): source has mode 100644{more}")


RULE = Rule(
    name="executable-source",
    summary="A source file is made executable",
    why=(
        "The mode comes from a file system or an editor that knows no modes. It stays in the history, and tools that "
        "look for programs find it."
    ),
    source="git-diff(1) (new file mode); scripts/checkpatch.pl (EXECUTE_PERMISSIONS)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("100755",),
    bad=(
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/walk.c 100755
+int walk; // want "made executable .mode 100755.*; so is mm/Kconfig.walk"
>>> file mm/Kconfig.walk 100755
+config WALK
>>> file mm/walk.h
+extern int walk;
""",
        """
>>> patch mm: add a field
Add it.
>>> file mm/walk.c 100755
 int walk; // want "made executable"
+int field;
""",
    ),
    good=(
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/walk.c 100644
+int walk;
""",
        """
>>> patch scripts: add a walk
Walk all entries.
>>> file scripts/walk.py 100755
+print("walk")
>>> file scripts/walk 100755
+print("walk")
""",
        """
>>> patch mm: add a field
Add it to a file that has the mode of a program.
>>> file mm/walk.c
 int walk;
+int field;
""",
    ),
)
