"""The text of a licence stands beside the line that names it."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

TEXT = pattern(
    r"This (?:program|file|software|driver|code|library) is free software|"
    r"under the terms of (?:the )?(?:version \d+ of )?(?:the )?GNU (?:Lesser )?General Public|"
    r"WITHOUT ANY WARRANTY|received a copy of the GNU|Free Software Foundation, Inc|Redistribution and use in source"
)
LICENCES = ("LICENSES/", "Documentation/process/license-rules.rst", "COPYING")
# The line that names the licence is the first, or the second behind that of an interpreter.
FIRST = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a file, at the first line of the text."""
    for file in context.files:
        if file.change.kind != "create" or file.path.startswith(LICENCES):
            continue
        lines = [line for line in file.added if line.new is not None]
        if not any("SPDX-License-Identifier:" in line.text for line in lines[:FIRST]):
            continue
        found = next((line.new for line in lines if TEXT.search(line.text)), None)
        if found is not None:
            yield file.finding(
                file.source_line(found), "the SPDX line names the licence: its text need not be repeated"
            )


RULE = Rule(
    name="licence-text",
    summary="The text of a licence is repeated beside the SPDX line",
    why="The identifier stands for the text in LICENSES/, which programs can find; copies of it differ and grow old.",
    source="Documentation/process/license-rules.rst (License identifier syntax); LICENSES/",
    severity="info",
    confidence="high",
    check=check,
    wakes=("create ",),
    bad=(
        """
+// SPDX-License-Identifier: GPL-2.0
+/*
+ * This program is free software; you may hand it on. // want "the SPDX line names the licence"
+ */
+int x;
""",
    ),
    good=(
        """
+// SPDX-License-Identifier: GPL-2.0
+/*
+ * A driver for a part.
+ */
+int x;
""",
        """
+/*
+ * This program is free software; you may hand it on.
+ */
+int x;
""",
        """
 // SPDX-License-Identifier: GPL-2.0
 /*
+ * This program is free software; you may hand it on.
  */
 int x;
""",
    ),
)
