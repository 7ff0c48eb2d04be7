"""Paragraphs of a changelog whose lines were not wrapped."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

# git log indents by four columns: what is wrapped at 75 fits into 80. A few more harm nobody.
WIDEST = 90
NOT_PROSE = pattern(
    r"^(?:\s{2,}|\t|>|[|+$#]|\[|[A-Za-z][\w-]*: |\*\s*(?:\w+-)+|[-=~*]{4,})|https?://|\"|'|`|\S{45,}|\s{3,}|[{}|;\\]|=>|"
    r"\b0x[0-9a-f]+\b|\w\+0x|\w:\d+\b"
)
WORD = pattern(r"\b[a-z]+\b")
FEWEST_WORDS = 8


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first wide line of prose."""
    for number, line in enumerate(context.patch.changelog, 1):
        if len(line) > WIDEST and not NOT_PROSE.search(line) and len(WORD.findall(line)) >= FEWEST_WORDS:
            yield context.changelog_finding(
                number, f"this line has {len(line)} columns: wrap the text at 75, for git log and mail do not"
            )
            return


RULE = Rule(
    name="changelog-unwrapped",
    summary="A paragraph of the changelog is not wrapped",
    why="git log and most mail readers show lines as they are; a long one runs out of the window or breaks anywhere.",
    source="Documentation/process/submitting-patches.rst (the canonical patch format: the body, wrapped at 75 columns)",
    severity="info",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch mm: walk
The walk ends early where the list has an entry that was added while the walk was on its way to it. // want "99 columns"
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch mm: walk
The walk ends early where the list has an entry that was added while the walk was on it.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk
  The walk ends early where the list has an entry that was added while the walk was on its way to it.
Fixes: 0123456789ab ("mm: the walk ends early where the list has an entry that was added while the walk was on")
[ 12.345] the walk ends early where the list has an entry that was added while the walk was on its way to it
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk
mm/walk.c:17:3: warning: the walk ends early where the list has an entry that was added while the walk was on
See https://example.org/the-walk-ends-early where the list has an entry that was added while the walk was on
>>> file mm/example.c
+int x;
""",
    ),
)
