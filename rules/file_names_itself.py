"""A new file whose first comment says how the file is called."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

# Where the comment with the title of a file stands.
HEAD = 12
COMMENT = pattern(
    r"\s*(?:/\*+|\*+|//+)\s*(?:@?[Ff]ile(?:name)?\s*:)?\s*(?P<name>[\w./-]+\.[chS])\b(?P<more>.*)"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The line of the first comment that begins with the file's own name."""
    for file in context.c_files:
        if file.change.kind != "create":
            continue
        own = file.path.rpartition("/")[2]
        for line in file.added[:HEAD]:
            found = COMMENT.match(line.text)
            if found and found["name"].rpartition("/")[2] == own and line.new is not None:
                yield file.finding(
                    file.source_line(line.new),
                    f"{own} names itself, which goes wrong when it is moved: say what it is, without its name",
                )
                break


RULE = Rule(
    name="file-names-itself",
    summary="The first comment of a new file gives the name of the file",
    why="The reader knows where he reads; when the file is moved or renamed nobody thinks of the comment.",
    source="scripts/checkpatch.pl (EMBEDDED_FILENAME)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("create ",),
    bad=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+// SPDX-License-Identifier: GPL-2.0
+/*
+ * part.c - driver for a part // want "part.c names itself"
+ */
+int x;
""",
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.h
+/* SPDX-License-Identifier: GPL-2.0 */
+/* drivers/misc/part.h */ // want "part.h names itself"
+int x;
""",
    ),
    good=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+// SPDX-License-Identifier: GPL-2.0
+/*
+ * Driver for a part, made from other.c
+ */
+int x;
""",
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+// SPDX-License-Identifier: GPL-2.0
+/*
+ * other/part.h - what the part shares
+ */
+int x;
""",
        """
 // SPDX-License-Identifier: GPL-2.0
+/* example.c - an example */
 int x;
""",
    ),
)
