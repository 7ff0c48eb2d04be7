"""A new file that does not name its licence."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

SOURCES = pattern(r"\.(?:[chS]|rs|py|sh|pl|dtsi?|dtso)$")
# Not a Makefile: of 3029 in 6.12 198 name no licence, for a list of objects holds nothing to be licensed.
DOCUMENTS = pattern(r"^Documentation/.*\.(?:rst|yaml)$")
# Behind the line of an interpreter, or inside an opened comment.
FIRST = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a file."""
    for file in context.files:
        if file.change.kind != "create" or file.change.damaged or not file.added:
            continue
        source = SOURCES.search(file.path) is not None
        if not source and not DOCUMENTS.search(file.path):
            continue
        if any("SPDX-License-Identifier:" in line.text for line in file.added[:FIRST]):
            continue
        below = any("SPDX-License-Identifier:" in line.text for line in file.added)
        yield file.finding(
            1,
            "the SPDX line belongs into the first line of the file"
            if below
            else "which licence has this file? An SPDX-License-Identifier: in its first line names it",
            severity="warning" if source and not below else "info",
        )


RULE = Rule(
    name="licence-missing",
    summary="A new file does not name its licence",
    why="Programs that gather licences find the identifier only; a file without one is under GPL-2.0 by default, which "
    "may not be what its author means.",
    source="Documentation/process/license-rules.rst (License identifier syntax, placement)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("create ",),
    bad=(
        """
>>> patch mm: add a walk
Walk.
>>> file mm/new.c
+int x; // want "which licence"
>>> file Documentation/mm/walk.rst
+Walks // want "which licence"
+=====
""",
        """
>>> patch mm: add a walk
Walk.
>>> file mm/new.c
+/* // want "belongs into the first line"
+ * Walks.
+ *
+ * SPDX-License-Identifier: GPL-2.0
+ */
+int x;
""",
    ),
    good=(
        """
>>> patch mm: add a walk
Walk.
>>> file mm/new.c
+// SPDX-License-Identifier: GPL-2.0
+int x;
>>> file scripts/walk.sh
+#!/bin/sh
+# SPDX-License-Identifier: GPL-2.0
+walk
""",
        """
>>> patch mm: walk
Walk.
>>> file mm/example.c
+int x;
 int y;
""",
        """
>>> patch mm: add a table
Walk.
>>> file mm/table.txt
+1 2 3
>>> file mm/walk/Makefile
+obj-y += walk.o
""",
    ),
)
