"""A commit that the changelog names by its number alone, where readers need its subject."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

MENTION = pattern(
    r"\bcommit:?\s+`?(?P<commit>(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40})\b", re.IGNORECASE
)
SUBJECT = pattern(r"^[`'\])]*[\s,:]*(?:\([\"'“]|[\"'“(\[])")
# What git, stable and cherry-picking write.
MADE = pattern(
    r"^This reverts commit|^This reapplies commit|\bupstream\b|\(cherry picked from|^\s*(?:Fixes|Link|Closes)\b|"
    r"^(?:>|\s{4}|\t)",
    re.IGNORECASE,
)
SHORTEST = 12


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first such commit of a changelog; one whose subject stands elsewhere in it will do."""
    if not context.patch.files:
        return
    lines = context.patch.changelog
    text = "\n".join(lines)
    for number, line in enumerate(lines, 1):
        following = lines[number] if number < len(lines) else ""
        if MADE.search(line):
            continue
        # The number may stand on the line below, and the subject below that.
        joined = f"{line} {following.lstrip()}"
        for mention in MENTION.finditer(joined):
            if mention.start() >= len(line):
                continue
            commit = mention["commit"]
            after = (
                f"{joined[mention.end() :]} {lines[number + 1].lstrip() if number + 1 < len(lines) else ''}"
            )
            named = re.search(rf"{commit[:7]}[0-9a-f]*[`'\])]*[\s,:]*\([\"'“]", text)
            if SUBJECT.match(after) or named:
                if len(commit) < SHORTEST:
                    yield context.changelog_finding(
                        number,
                        f"{commit} is too short to stay unambiguous: give at least 12 digits of the commit",
                    )
                    return
                yield context.changelog_fine(number, "the commit's subject is given")
                continue
            yield context.changelog_finding(
                number,
                f'what is {commit[:SHORTEST]}? Name the commit with its subject: commit {commit[:SHORTEST]} ("...")',
            )
            return


RULE = Rule(
    name="commit-without-subject",
    summary="A changelog names a commit by its number alone",
    why=(
        "The number says nothing to who reads the mail, and in a backport or a rebased tree it names nothing; the "
        "subject can be found."
    ),
    source="Documentation/process/submitting-patches.rst (describe your changes: refer to a specific commit)",
    severity="info",
    confidence="high",
    check=check,
    wakes=("commit",),
    bad=(
        """
>>> patch mm: walk
Since commit 0123456789abcdef the walk ends early. // want "what is 0123456789ab"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk
The walk ends early, which came with commit // want "what is 1234567abc"
1234567abc when entries were added.
>>> file mm/example.c
+int x;
>>> patch mm: walk again
Since commit 012345abc ("mm: walk") the walk ends early. // want "too short"
>>> file mm/example.c
+int y;
""",
    ),
    good=(
        """
>>> patch mm: walk
Since commit 0123456789ab ("mm: walk") the walk ends early; commit 0123456789abcdef0123
changed nothing else.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk
The walk ends early since commit 0123456789ab
("mm: walk").

    commit 0a23456789ab
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk
This reverts commit 0123456789abcdef0123456789abcdef01234567.

It also names no commit 20240101 and commit deadlock.
>>> file mm/example.c
+int x;
>>> patch mm: walk again
commit 0123456789abcdef0123456789abcdef01234567 upstream.

Walk again, as commit 0a23456789ab does.

Fixes: 0a23456789ab ("mm: walk")
>>> file mm/example.c
+int y;
""",
    ),
)
