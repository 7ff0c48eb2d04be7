"""A new version of a series does not tell what changed since the last one."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Series, Silence, pattern

TELLS = pattern(
    r"\b(?:rfc|patch)?[ -]?v\d+\b|\bchange-?(?:s|log)\b|\b(?:previous|last|earlier|first|prior|old) "
    r"(?:version|revision|posting|series|submission|iteration|patch ?set|round)|\bversion \d|\brebase|\bresen[dt]|"
    r"\bno (?:functional )?changes?\b|\bsince (?:the )?rfc\b|\brange-diff\b|\binterdiff\b|\brevisions?\b|"
    r"\bchanged?\b.*:$",
    re.IGNORECASE | re.MULTILINE,
)
AGAIN = pattern(r"resend|repost|stable|\b\d+\.\d+\b", re.IGNORECASE)


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a series, on its cover letter or its only patch; of others not all mails are at hand."""
    series, patch = context.series, context.patch
    first = series.mails[0]
    if patch.index != first.index or series.revision < 2:
        return
    prefix = first.subject.partition("]")[0]
    line = max(len(patch.changelog), 1)
    if AGAIN.search(prefix):
        yield context.changelog_fine(line, "it is sent again, or to another tree")
    elif series.missing or (series.cover is None and patch.total > 1):
        yield context.changelog_unchecked(line, "a mail that did not arrive may tell what changed")
    elif TELLS.search(told_in(series)):
        yield context.changelog_fine(line, "it tells what changed")
    else:
        where = "in the cover letter" if series.cover else "below the ---"
        yield context.changelog_finding(
            line,
            f"what changed since v{series.revision - 1}? A list {where} spares reviewers a second reading",
        )


def told_in(series: Series) -> str:
    """What the author writes, but for the diffs."""
    return "\n".join(line for mail in series.mails for line in (*mail.changelog, *mail.notes))


RULE = Rule(
    name="version-without-changes",
    summary="A new version does not tell what changed since the last one",
    why="Who reviewed the last one looks for what was asked for; without a list all must be read again.",
    source="Documentation/process/submitting-patches.rst (the canonical patch format: patch changelogs)",
    severity="info",
    confidence="high",
    check=check,
    cover=True,
    bad=(
        """
>>> patch v2 mm: walk the list once
The list is walked twice.

Signed-off-by: A Developer <developer@example.org> // want "what changed since v1. A list below the ---"
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch v2 mm: walk the list once
The list is walked twice.

Signed-off-by: A Developer <developer@example.org>
---
v2: keep the order
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk the list once
The list is walked twice.

Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch v3 mm: walk the list once
The list is walked twice.

Signed-off-by: A Developer <developer@example.org>
---
Changes since the previous version: none, sent to the right list.
>>> file mm/example.c
+int x;
""",
    ),
)
