"""The changelog leans on "the previous patch", which means nothing once the patch is a commit."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

REFERENCE = pattern(
    r"\b(?:(?:the|my|our|in|from|by|of|see|with|like|as|after|since|than)\s+"
    r"(?:previous|preceding|prior|last|earlier)\s+(?:patch|commit)(?:es|s)?|"
    r"(?:the|in|of)\s+(?:first|second|third|fourth)\s+patch\s+(?:of|in)\s+(?:the|this)\s+series|"
    r"the\s+patch(?:es)?\s+before\s+(?:this|it)|(?:in|from|by|of|see|with|after|than)\s+patch\s+#?\d+(?:/\d+)?)\b"
    r"(?!\s*(?:set|series|version|revision|iteration|description|message|log|block|record|transaction|id|hash|time|point|phase))",
    re.IGNORECASE,
)
NAMED = pattern(r"^\W*(?:commit\s+)?(?:[0-9a-f]{8,40}\b|\()", re.IGNORECASE)
QUOTED = pattern(r"^\s*(?:>|[A-Za-z-]+:\s)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding for each mention that is not followed by the commit's name."""
    lines = context.patch.changelog
    for number, line in enumerate(lines, 1):
        if QUOTED.match(line):
            continue
        following = lines[number] if number < len(lines) else ""
        # A mention may run over the end of the line: "... in the previous\npatch".
        for match in REFERENCE.finditer(f"{line} {following.lstrip()}"):
            if match.start() >= len(line):
                continue
            rest = f"{line} {following}"[match.end() :]
            if NAMED.match(rest):
                yield context.changelog_fine(number, "the commit is named right behind the mention")
                continue
            yield context.changelog_finding(
                number,
                f'"{match[0]}" means nothing once this is a commit: name the function or commit it '
                f"introduced, "
                "so that the description stands alone",
            )
            break


RULE = Rule(
    name="changelog-previous-patch",
    summary='The changelog refers to "the previous patch" instead of naming what it did',
    why=(
        "A changelog is read in `git log` and `git blame`, in backports and bisections, where there "
        "is no previous "
        "patch: the commit before it may be anything. Name the function or the commit that the "
        "earlier patch brought."
    ),
    source=(
        "Documentation/process/submitting-patches.rst (describe your changes so that the description "
        "stands alone); "
        'review of "x86/tlb: skip redundant sync IPIs for native TLB flush" v7 2/2, 2026-03-23'
    ),
    severity="warning",
    confidence="high",
    check=check,
    wakes=("patch", "commit"),
    bad=(
        """
>>> patch mm: use the new helper
Enable the helper introduced in the previous patch for x86. // want "previous patch"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: use the new helper
As the lock is gone since the last // want "last patch"
patch, take the other one.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: use the new helper
As in patch 2/3, call it with the lock held; like previous // want "in patch 2/3"
patches, this needs it. The second patch of this series // want "second patch of this series"
needs it, too.
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch mm: use the new helper
Patch the code with 2 calls, of patch size 3, after the first patching.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: use the new helper
Enable tlb_sync_fast() for x86. The previous patch set was larger.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: use the new helper
The previous commit 0123456789ab ("mm: add a helper") added the helper.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: use the new helper
> as said in the previous patch
The earlier version of this patch took the lock twice.
>>> file mm/example.c
+int x;
""",
    ),
)
