"""The changelog says "this patch does" instead of telling the code what to do."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

MENTION = pattern(r"\bthis (?:patch|commit)(?:[ -]?(?:set|series))?\b", re.IGNORECASE)
# A comparison of the state before with that after needs a name for the change.
COMPARED = pattern(
    r"\b(?:before|without|until|after|prior to|since|and|to|(?:after|before|by) (?:applying|having))\s+$",
    re.IGNORECASE,
)
# What the patch is, or what it does not do, is said of it: there is no order in its place.
SAID_OF_IT = pattern(
    r"\s+(?:only|just|alone|is(?! based)|was|does|did|can|could|should|may|might|has|builds|works|applies|relies|"
    r"depends|(?:does|is|did|wo|ca|was)n't|makes? no|cannot)\b",
    re.IGNORECASE,
)
NAMED_COMMIT = pattern(r"\bcommit [0-9a-f]{7,40}\b|^Fixes:", re.MULTILINE)
QUOTED = pattern(r"^(?:>|\s{4}|\t|[A-Z][A-Za-z-]+: )")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first mention in the changelog, and why others will do."""
    lines = context.patch.changelog
    names_commit = NAMED_COMMIT.search("\n".join(lines)) is not None
    for number, line in enumerate(lines, 1):
        if QUOTED.match(line):
            continue
        following = lines[number] if number < len(lines) else ""
        # A mention may run over the end of the line: "... this\npatch adds".
        text = f"{line} {following.lstrip()}"
        for match in MENTION.finditer(text):
            if match.start() >= len(line):
                continue
            before = f"{lines[number - 2]} " if number > 1 and not line[: match.start()].strip() else ""
            if COMPARED.search(before + text[: match.start()]):
                yield context.changelog_fine(
                    number, "the state with the change is compared with that without it"
                )
            elif not is_series(match[0]) and SAID_OF_IT.match(text, match.end()):
                yield context.changelog_fine(number, "something is said of the patch itself")
            elif "commit" in match[0].lower() and names_commit:
                yield context.changelog_fine(number, "it may mean the commit that the changelog names")
            else:
                yield context.changelog_finding(number, f'"{match[0]}" {advice(match[0])}')
                return


def is_series(mention: str) -> bool:
    """Whether the words mean all patches together."""
    return mention.lower().endswith(("set", "series"))


def advice(mention: str) -> str:
    """What to write in place of a mention."""
    if is_series(mention):
        return (
            "is not there any more once this is a commit: name what is meant, or leave it to the cover letter"
        )
    return (
        'can go: say what is wrong today, then tell the code what to do ("Add ...", "Make ..."), as the '
        "documentation asks"
    )


RULE = Rule(
    name="changelog-this-patch",
    summary='The changelog says "this patch does" instead of using the imperative mood',
    why=(
        'A changelog reads as an order to the code base: "make xyzzy do frotz", not "this patch makes xyzzy do '
        'frotz". In the history there is no patch any more, and the words carry nothing.'
    ),
    source=(
        "Documentation/process/submitting-patches.rst (describe your changes in imperative mood); "
        "Documentation/process/maintainer-tip.rst (changelog); "
        '"x86/tlb: skip redundant sync IPIs for native TLB flush" v7 2/2'
    ),
    severity="info",
    confidence="high",
    check=check,
    wakes=("patch", "commit"),
    bad=(
        """
>>> patch mm: track walks
Walks are not seen today. This patch adds a variable // want "imperative|can go"
that holds them. This patch also counts them.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: track walks
Walks are not seen today, so this // want "this patch"
patch adds a variable that holds them.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: keep entries in one place
Keep the entries side by side, for the index that comes
later in this patchset. // want "name what is meant"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: keep entries in one place
This patch is based on another series. // want "can go"
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch mm: track walks
Walks are not seen today. Add a variable that holds them.

Without this patch a run takes 3 s, with and without
this patch applied the result is the same. By itself, this patch does not
help much, and there is no difference to this patch.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
Since commit 0123456789ab ("mm: walk") walks end early. The idea of
this commit was to save a lookup.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: take the reviewer's variant
> this patch needs a comment
Add the comment. The patch that follows needs it.

Link: https://example.org/this patch
>>> file mm/example.c
+int x;
""",
    ),
)
