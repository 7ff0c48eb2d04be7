"""Trailers apart from the block at the end, where git and the tools that read commits look for them."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from patchscan.mail.trailerlines import TrailerLine, trailer_lines
from patchscan.rule import Context, Finding, Rule, Silence, pattern

# Those that make a block; a Link: or Cc: alone may belong to the text.
STRONG = pattern(
    r"signed-off-by|reviewed-by|acked-by|tested-by|reported-by|suggested-by|co-developed-by|fixes"
)
FROM = pattern(r"From:\s+\S.*<[^<>\s]+@[^<>\s]+>\s*$")
HEADER = pattern(r"(?:From|Date|Subject|To|Cc|Message-I[Dd]|Sent|Author|Commit):\s")
# The changelog of another commit is repeated in such a patch, its trailers included.
REPEATED = pattern(
    r"(?m)^\(cherry picked from|^commit [0-9a-f]{12,40} upstream|\[ ?Upstream commit|^This reverts commit"
)
DASHES = pattern(r"-{2,}\s*$")


def check(context: Context) -> Iterator[Finding | Silence]:
    """A remark on each place where the block is broken."""
    changelog = context.patch.changelog
    if not context.patch.files or REPEATED.search("\n".join(changelog)):
        return
    yield from authors_inside(context)
    lines = [line for line in trailer_lines(changelog) if line.kind not in ("continuation", "note")]
    pieces = [tuple(group) for _, group in groupby(lines, key=lambda line: line.kind)]
    strong = [at for at, piece in enumerate(pieces) if any(STRONG.fullmatch(line.key) for line in piece)]
    if not strong:
        return
    for at in strong[:-1]:
        yield from apart(context, pieces[at], pieces[at + 1 : strong[strong.index(at) + 1]])
    yield from below(context, pieces[strong[-1] + 1 :])
    if len(strong) == 1 and strong[0] == len(pieces) - 1:
        yield context.changelog_fine(pieces[strong[0]][0].number, "the trailers are one block at the end")


def authors_inside(context: Context) -> Iterator[Finding]:
    """A From: that git am takes for text, because it does not stand at the top."""
    lines = ("", *context.patch.changelog, "")
    for number in range(1, len(lines) - 1):
        around = lines[number - 1], lines[number + 1]
        if FROM.match(lines[number]) and not any(HEADER.match(line) for line in around):
            yield context.changelog_finding(
                number,
                "git am reads From: only in the first line of the mail's body: here it is text, "
                "and the commit names the sender as its author",
            )


def apart(
    context: Context, block: Sequence[TrailerLine], between: Sequence[Sequence[TrailerLine]]
) -> Iterator[Finding]:
    """What divides a piece of the block from the next one."""
    line = block[0]
    kinds = [piece[0].kind for piece in between]
    if "text" in kinds and "blank" in kinds:
        yield context.changelog_finding(
            line.number,
            f"{name_of(line)} stands above text: git reads trailers from the last paragraph only, so it belongs there",
        )
    elif "blank" in kinds:
        blank = between[kinds.index("blank")][0].number
        yield context.changelog_finding(
            blank,
            "a blank line divides the trailers: git reads those of the last paragraph only, "
            f"and misses {name_of(block[-1])}",
            severity="info",
        )


def below(context: Context, rest: Sequence[Sequence[TrailerLine]]) -> Iterator[Finding]:
    """What stands below the last trailers."""
    kinds = {piece[0].kind: piece[0] for piece in reversed(rest)}
    if "text" in kinds and "blank" not in kinds and not DASHES.match(kinds["text"].text):
        return
    if "text" in kinds:
        yield context.changelog_finding(
            kinds["text"].number,
            "what stands below the trailers becomes part of the commit and hides them from git: "
            "what is only for reviewers goes below a line of exactly ---",
        )
    elif "footnote" in kinds:
        yield context.changelog_finding(
            kinds["footnote"].number,
            "a footnote below the trailers hides them from git: it belongs above them, with the text",
            severity="info",
        )


def name_of(line: TrailerLine) -> str:
    """A trailer's key as it is written."""
    return line.text.partition(":")[0] + ":"


RULE = Rule(
    name="trailer-block",
    summary="Trailers stand apart from the block at the end of the changelog",
    why=(
        "git, b4 and the scripts of stable take trailers from the last paragraph of a changelog. One that stands "
        "above text, or a block that a blank line divides, is text to them: a sign-off or a Fixes: is lost. A From: "
        "that is not the first line of a mail's body does not make its author the author of the commit."
    ),
    source=(
        "git-interpret-trailers(1); git-am(1); Documentation/process/submitting-patches.rst (the canonical patch "
        "format; From line)"
    ),
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch mm: repair the walk
Fixes: 0123456789ab ("mm: walk") // want "Fixes: stands above text"

The walk ends early.

From: Another Developer <another@example.com> // want "only in the first line"
Signed-off-by: Another Developer <another@example.com>
 // want "blank line divides.*Signed-off-by"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Signed-off-by: A Developer <developer@example.org>

v2: look at the last entry, too // want "becomes part of the commit"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Signed-off-by: A Developer <developer@example.org>
---- // want "exactly ---"
Changes in v2:
  look at the last entry, too
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early, as was told before [1].

Signed-off-by: A Developer <developer@example.org>

[1] https://example.org/told // want "footnote"
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch mm: repair the walk
The walk ends early [1].

[1] https://example.org/told

Link: https://example.org/earlier

Fixes: 0123456789ab ("mm: walk")
Reported-by: Another User <user@example.org>
Closes:
https://example.org/bug/1
[another: said it in fewer words,
and tested it]
Signed-off-by: A Developer <developer@example.org>
# a comment
Signed-off-by: A Maintainer <maintainer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
commit 0123456789abcdef0123456789abcdef01234567 upstream.

Signed-off-by: A Developer <developer@example.org>

The context differs.

Signed-off-by: A Maintainer <maintainer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The mail that told of it:

  From: Another User <user@example.org>
  Signed-off-by: nobody

> Reviewed-by: Another User <user@example.org>

From: Another User <user@example.org>
Subject: it ends early

Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

v2: look at the last entry, too
Reviewed-by: Another User <user@example.org>
v3: and at the first
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
    ),
)
