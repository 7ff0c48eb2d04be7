"""A subject without the prefix of its subsystem, or that tells too little."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

# What git or a maintainer makes of it.
MADE = pattern(r"(?:Revert|Reapply|Merge|Linux|Documentation|MAINTAINERS)\b|\[")
PREFIX = pattern(r"^[^\s:][^:]*:\s*\S")
VAGUE = pattern(
    r"(?::|^)\s*(?:(?:some |various |misc(?:ellaneous)? |minor |small |trivial |a few )?"
    r"(?:bug ?fix(?:es)?|fix(?:es)?|fixups?|clean-?ups?|updates?|changes|improvements?|patch(?:es)?|"
    r"fix (?:a |the |some )?(?:bugs?|issues?|errors?|warnings?|problems?)))$",
    re.IGNORECASE,
)
# How a subject ends that VAGUE knows, and what one names that TOOL does: asked first, for few do.
ENDS = (
    *(
        "fix",
        "fixes",
        "ups",
        "up",
        "update",
        "updates",
        "changes",
        "improvement",
        "improvements",
        "patch",
        "patches",
    ),
    *("bug", "bugs", "issue", "issues", "error", "errors", "warning", "warnings", "problem", "problems"),
)
NAMES = ("checkpatch", "cocci", "coverity", "cppcheck", "sparse", "smatch", "clang-tidy")
TOOL = pattern(
    r":\s*(?:fix(?:es|ed)?|address|resolve|silence|clear|remove)\s+(?:\w+\s+){0,2}(?:checkpatch(?:\.pl)?|coccicheck|"
    r"coccinelle|coverity|cppcheck|sparse|smatch|clang-tidy)\s+(?:\w+\s+){0,2}"
    r"(?:warnings?|errors?|issues?|complaints?|reports?|problems?|defects?)$",
    re.IGNORECASE,
)
TOOLS = ("scripts/", "tools/", "Documentation/")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark on a subject."""
    patch = context.patch
    title = patch.title.strip()
    if not patch.files or not title or MADE.match(title):
        return
    fault, lower = "", title.lower()
    if not PREFIX.match(title):
        fault = (
            "which subsystem? A subject begins with its prefix: git log --oneline -- FILE shows those in use"
        )
    elif lower.endswith(ENDS) and VAGUE.search(title):
        fault = f'"{title}" says too little: which fault or what change is it? The subject is all that a log shows'
    elif (
        any(name in lower for name in NAMES)
        and TOOL.search(title)
        and not all(file.path.startswith(TOOLS) for file in patch.files)
    ):
        fault = "the subject names the tool that found it: say what is changed"
    if fault:
        yield context.changelog_finding(1, fault)


RULE = Rule(
    name="subject-form",
    summary="A subject lacks its prefix or tells too little",
    why=(
        "Subjects are read in long lists: the prefix says whose patch it is, the rest what it does. Who cannot tell "
        "from the subject does not open the mail, and does not find the commit later."
    ),
    source=(
        "Documentation/process/submitting-patches.rst (the canonical patch format); "
        "Documentation/process/5.Posting.rst (patch formatting and changelogs)"
    ),
    severity="info",
    confidence="medium",
    check=check,
    bad=(
        """
>>> patch Add a walk over all entries
Walk all entries. // want "which subsystem"
>>> file mm/example.c
+int x;
>>> patch mm: walk: various fixes
Walk all entries. // want "says too little"
>>> file mm/example.c
+int z;
>>> patch mm: walk: fix checkpatch warnings
Walk all entries. // want "names the tool"
>>> file mm/example.c
+int a;
""",
    ),
    good=(
        """
>>> patch mm: walk: fix the last entry, to silence sparse warnings.
Walk all entries.
>>> file mm/example.c
+int x;
>>> patch Revert "Add a walk"
It breaks the list.
>>> file mm/example.c
-int x;
""",
        """
>>> patch x86/mm, walk: take all entries ...
Walk all entries.
>>> file mm/example.c
+int x;
>>> patch checkpatch: know walks, fix errors
Walk all entries.
>>> file scripts/checkpatch.pl
+int x;
""",
        """
>>> patch mm/walk: fix a warning of -Wunused on 32 bits
Walk all entries.
>>> file mm/example.c
+int x;
""",
    ),
)
