"""A patch comes without a description."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

# Trailers, notes of who changed it on the way, and what divides paragraphs.
NO_PROSE = pattern(r"\s*(?:[A-Za-z][\w-]*:\s.*|\[.*|[-=*#.\s]*|\(cherry picked .*|Fixes\b.*)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding where nothing but trailers stands above the diff."""
    patch = context.patch
    lines = patch.changelog
    if not patch.files or not patch.trailers:
        return
    # A trailer may go on in the next line.
    prose = [line for line in lines if not NO_PROSE.fullmatch(line) and not line.startswith((" ", "\t"))]
    if not prose:
        yield context.changelog_finding(
            patch.trailers[0].line, "there is no description: why is this change wanted?"
        )


RULE = Rule(
    name="changelog-empty",
    summary="A patch has no description",
    why="Reviewers cannot judge a change whose purpose they must guess, and the history keeps only the subject.",
    source="Documentation/process/submitting-patches.rst (describe your changes)",
    severity="info",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch mm: walk the list once
Signed-off-by: A Developer <developer@example.org> // want "there is no description"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk the list once
Fixes: 0123456789ab ("mm: walk") // want "there is no description"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch mm: walk the list once
The list is walked twice.

Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk the list once
Twice is once too often.
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk the list once
>>> file mm/example.c
+int x;
""",
    ),
)
