"""The chain of sign-offs does not end with whoever sends the series."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

# A mailing list or a relay sent it in the author's name, with an address of its own.
RELAYED = pattern(r" via |devnull\+|\bnoreply\b", re.IGNORECASE)
# What is carried to a stable tree keeps the chain that it had: "[PATCH 6.1 1/3]", "commit 0123 upstream".
CARRIED = pattern(
    r"\[[^\]]*(?:\b\d+\.\d+(?:\.y)?\b|stable)[^\]]*\]|\bcommit [0-9a-f]{12,40} upstream|"
    r"\[ ?upstream commit [0-9a-f]{12,40}",
    re.IGNORECASE,
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The last sign-off against the sender, whom the cover letter tells: a patch alone may have any author."""
    from patchscan.mail.persons import same_person
    from patchscan.mail.plainmail import name_and_address

    patch, cover = context.patch, context.series.cover
    signed = [each for each in patch.trailers if each.key.lower() == "signed-off-by"]
    if cover is None or not signed or RELAYED.search(cover.author):
        return
    own = [each for each in signed if same_person(each.value, cover.author)]
    last, name = (name_and_address(each)[0] or each for each in (signed[-1].value, cover.author))
    if not own:
        return
    if own[-1] == signed[-1]:
        yield context.changelog_fine(own[-1].line, "the sender signed off last")
    elif CARRIED.search("\n".join((patch.subject, *patch.changelog))):
        yield context.changelog_fine(
            signed[-1].line, "it is carried to a stable tree with the chain that it had"
        )
    else:
        yield context.changelog_finding(
            signed[-1].line,
            f"the last Signed-off-by is {last}'s, but {name} sends the series: the sender's comes last in the chain",
        )


RULE = Rule(
    name="sign-off-order",
    summary="The last Signed-off-by is not that of the sender",
    why=(
        "The sign-offs tell in their order through whose hands a patch went; a co-author signs off above who sends it. "
        "Where the last is not the sender's, somebody else seems to have taken the patch already."
    ),
    source=(
        "Documentation/process/submitting-patches.rst (Co-developed-by: the last Signed-off-by is always that of the "
        "developer who submits the patch)"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
>>> cover mm: walks
Walk.
>>> patch mm: walk
Walk all entries.

Signed-off-by: A Developer <developer@example.org>
Signed-off-by: Another Developer <another@example.com> // want "is Another Developer.s, but A Developer sends"
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> cover mm: walks
Walk.
>>> patch mm: walk together
Walk together.

Co-developed-by: Another Developer <another@example.com>
Signed-off-by: Another Developer <another@example.com>
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> cover mm: walks
Repair the walk.
>>> patch mm: walk as before
commit 0123456789abcdef0123456789abcdef01234567 upstream.

Signed-off-by: A Developer <developer@example.org>
Signed-off-by: A Maintainer <maintainer@example.com>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk
Walk all entries; sent by nobody knows whom.

Signed-off-by: A Developer <developer@example.org>
Signed-off-by: Another Developer <another@example.com>
>>> file mm/example.c
+int x;
""",
    ),
)
