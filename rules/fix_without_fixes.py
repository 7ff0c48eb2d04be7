"""A fix, by what its subject says, that does not name the commit it repairs."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

# The verb at the start of what follows the prefixes of a subject.
FIX = pattern(r"(?:^|:\s+)(?:bug-?)?fix(?:es)?\s+(?P<what>[^:]+)$", re.IGNORECASE)
# Nobody needs to know how long these were wrong.
HARMLESS = pattern(
    r"typos?\b|spelling|grammar|misspell|comments?\b|documentation|\bdocs?\b|kernel-?doc|warnings?\b|indent|"
    r"white-?space|coding style|\bstyle\b|checkpatch|sparse|coccinelle|coccicheck|smatch|"
    r"format(?:ting)?\b|alignment|includes?\b|copyright|licen[cs]e|spdx|maintainers|links?\b|url|wording|"
    r"naming|\bnames?\b|lint|self-?tests?|kunit|address spaces?|headers?\b|dts|node names?|bindings?",
    re.IGNORECASE,
)
NOT_CODE = ("Documentation/", "tools/", "samples/", "scripts/", "MAINTAINERS")
NAMED = pattern(
    r"^fixes:? |\bcommit [0-9a-f]{7,40} upstream|\[ ?upstream commit|^this reverts commit|^\(cherry picked",
    re.IGNORECASE | re.MULTILINE,
)
COMMIT = pattern(r"\b(?:commit|in|by|since|from)\s+([0-9a-f]{10,40})\b(?:\s+\(\"|,|\.|\s)")
SIGNED = ("signed-off-by", "reported-by", "reviewed-by", "acked-by", "tested-by", "cc", "link", "closes")


def check(context: Context) -> Iterator[Finding | Silence]:
    """A question where no Fixes: is there."""
    patch = context.patch
    fix = FIX.search(patch.title)
    if fix is None or not any(file.path.endswith((".c", ".h", ".S", ".rs")) for file in context.files):
        return
    line = next(
        (each.line for each in patch.trailers if each.key.lower() in SIGNED), max(len(patch.changelog), 1)
    )
    if NAMED.search("\n".join(patch.changelog)):
        yield context.changelog_fine(line, "the commit is named")
    elif HARMLESS.search(fix["what"]) or all(file.path.startswith(NOT_CODE) for file in context.files):
        yield context.changelog_fine(line, "what is wrong harms no running kernel")
    elif own := introduced(context):
        yield context.changelog_fine(line, f"patch {own} of the series brings the file")
    elif culprit := COMMIT.search("\n".join(patch.changelog)):
        yield context.changelog_finding(
            line, f"this fixes something: is {culprit[1][:12]} the commit for a Fixes: trailer?"
        )
    else:
        yield context.changelog_finding(
            line, "this fixes something: since which commit is it wrong? Name it with Fixes:"
        )


def introduced(context: Context) -> int:
    """The patch of the series that creates a file repaired here, 0 where none does."""
    paths = {file.path for file in context.files}
    return next(
        (
            other.patch.index
            for other in context.earlier
            for file in other.files
            if file.path in paths and file.change.kind == "create"
        ),
        0,
    )


RULE = Rule(
    name="fix-without-fixes",
    summary="A fix does not name the commit that it repairs",
    why=(
        "Stable trees and distributions learn from Fixes: which kernels need a fix; reviewers find out what the "
        "code was meant to do."
    ),
    source=(
        'Documentation/process/submitting-patches.rst (Fixes:); review of "iio: mma8452: Fix probe failing when '
        'an i2c_device_id is used" v2, 2022-02'
    ),
    severity="info",
    confidence="low",
    check=check,
    wakes=("fix",),
    bad=(
        """
>>> patch mm: walk: fix a NULL pointer dereference
The walk goes on behind the last entry.

Signed-off-by: A Developer <developer@example.org> // want "since which commit"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: Fix the end of a walk
Since commit 0123456789ab ("mm: walk") the last entry is left out.

Cc: Another User <user@example.org> // want "is 0123456789ab the commit"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch mm: fix the end of a walk
The last entry is left out.

Fixes: 0123456789ab ("mm: walk")
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: fix typos in comments
Correct two words.
>>> file mm/example.c
+int x;
>>> patch mm: use fixed slots
A table of fixed slots needs no lock.
>>> file mm/example.c
+int y;
""",
        """
>>> patch mm: add a walk
Walk all entries.
>>> file mm/new.c
+int x;
>>> patch mm: fix the end of a walk
The last entry is left out.
>>> file mm/new.c
 int x;
+int y;
""",
        """
>>> patch mm: fix the end of a walk
commit 0123456789abcdef0123456789abcdef01234567 upstream.

The last entry is left out.
>>> file mm/example.c
+int x;
""",
    ),
)
