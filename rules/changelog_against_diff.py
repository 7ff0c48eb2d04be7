"""A changelog that says something else than its diff: names that are nowhere, or no change where there is one."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Line, Rule, Silence, pattern

CALL = pattern(r"(?<![\w.\->/])([a-z_]\w{7,})\(\)")
OPTION = pattern(r"\bCONFIG_([A-Z][A-Z0-9_]{3,})\b(?![*{<\[])(?<!X{3})(?<!_)")
# What may speak of an option that was, or that somebody else has.
GONE = pattern(
    r"\b(?:remov|delet|dropp|renam|gone|former|obsolete|used to|no longer|old|past|was|were|out[- ]of[- ]tree|vendor|"
    r"downstream|android|introduc|future|later)",
    re.IGNORECASE,
)
IDENTIFIER = pattern(r"[A-Za-z_]\w*")
TOKEN = pattern(
    r"[A-Za-z_]\w*|0[xX][0-9a-fA-F]+\w*|\d+\w*|\"[^\"]*\"|<<=?|>>=?|->|[-+*/%&|^=!<>]=|&&|\|\||\S"
)
NO_CHANGE = pattern(
    r"\b(?:no|without(?: any)?|not? intended)\s+(?:intended\s+)?(?:functional(?:ity)?|behaviou?ral|semantic)\s+"
    r"(?:changes?|differences?)\b|\bno change in (?:functionality|behaviou?r)\b|\bno functional(?:ity)? changes?\b",
    re.IGNORECASE,
)
# "No functional change for X" or "except" speaks of a part.
PART = pattern(
    r"^\W*(?:to|for|on|in|if|when|unless|except|apart|other than|as long)\b|\bexcept\b", re.IGNORECASE
)
COMPARISONS = frozenset(("<", ">", "<=", ">=", "==", "!="))
BOOLEAN = frozenset(("&&", "||"))
NUMBER = pattern(r"0[xX][0-9a-fA-F]+|\d+")
TAKES = pattern(
    r"\b(?:mutex_lock(?:_\w+)?|(?:raw_)?spin_lock(?:_\w+)?|down_(?:read|write)(?:_\w+)?|(?:read|write)_lock(?:_\w+)?|"
    r"(?:s?rcu)_read_lock(?:_\w+)?|scoped_guard|guard)\s*\("
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Names and claims of one changelog."""
    yield from unknown_options(context)
    if not context.files:
        return
    yield from unknown_names(context)
    yield from unclaimed_changes(context)


def unknown_options(context: Context) -> Iterator[Finding | Silence]:
    """The options that are neither in the series nor in the tree; one that is gone may be named as such."""
    named = {
        match[1]: number
        for number, line in reversed(tuple(enumerate(context.patch.changelog, 1)))
        if "CONFIG_" in line and not line.startswith((" ", "\t", ">")) and not GONE.search(line)
        for match in OPTION.finditer(line)
    }
    if not named or not context.has_tree:
        return
    here = frozenset[str]().union(*(words_of(each) for each in (context, *context.all)))
    for name in sorted(named):
        if name in here or f"CONFIG_{name}" in here or known_option(context, name):
            continue
        found = context.changelog_finding(
            named[name],
            f"there is no option CONFIG_{name} in the series and in {context.the_tree}",
        )
        if context.not_claimed:
            yield context.changelog_unchecked(named[name], context.not_claimed)
        else:
            yield context.claimed(found)


def known_option(context: Context, name: str) -> bool:
    """Whether a Kconfig has the option, or code uses it all the same."""
    if context.config_symbol(name) or context.config_symbol(name.removesuffix("_MODULE")):
        return True
    uses = context.uses(f"CONFIG_{name}")
    return bool(uses.uses) or not uses.complete


def unknown_names(context: Context) -> Iterator[Finding | Silence]:
    """Functions that are neither in the series nor in the tree, and differ by a letter from one that the patch has."""
    named = {
        match[1]: number
        for number, line in reversed(tuple(enumerate(context.patch.changelog, 1)))
        if not line.startswith((" ", "\t", ">"))
        for match in CALL.finditer(line)
    }
    if not named or not context.has_tree:
        return
    here = words_of(context)
    elsewhere: set[str] = set()
    for name in sorted(set(named) - here):
        near = sorted(each for each in here if is_slip(name, each))
        if not near:
            continue
        elsewhere = elsewhere or {word for other in context.all for word in words_of(other)}
        uses = context.uses(name)
        if name in elsewhere or uses.uses:
            yield context.changelog_fine(named[name], f"{name}() exists")
            continue
        if not uses.complete:
            yield context.changelog_unchecked(named[name], f"whether there is a {name}(): {uses.why}")
            continue
        yield context.changelog_finding(
            named[name], f"there is no {name}() in the patch and in the tree: is {near[0]}() meant?"
        )


def words_of(context: Context) -> frozenset[str]:
    """The identifiers of a patch: of its lines, and of what git shows as their surroundings."""
    return frozenset(
        word
        for file in context.files
        for hunk in file.change.hunks
        for text in (hunk.section, *(line.text for line in hunk.lines))
        for word in IDENTIFIER.findall(text)
    )


def is_slip(name: str, other: str) -> bool:
    """Whether one letter, no digit, was added, lost or changed inside, or two neighbours swapped."""
    if abs(len(name) - len(other)) > 1 or name.strip("_") == other.strip("_"):
        return False
    at = next((at for at, (one, two) in enumerate(zip(name, other, strict=False)) if one != two), len(name))
    rest, known = name[at:], other[at:]
    if not rest or not known or rest[0].isdigit() or known[0].isdigit():
        return False
    swapped = rest[1::-1] + rest[2:]
    return known in (swapped, rest[1:]) or rest == known[1:] or rest[1:] == known[1:]


def unclaimed_changes(context: Context) -> Iterator[Finding | Silence]:
    """What changes where the changelog says that nothing does."""
    lines = context.patch.changelog
    if not any(word in line.lower() for line in lines for word in ("change", "difference")):
        return
    claim = next(
        (
            (number, match)
            for number, line in enumerate(lines, 1)
            if (match := NO_CHANGE.search(line)) and not PART.search(rest_of(lines, number, match.end()))
        ),
        None,
    )
    if claim is None:
        return
    number, match = claim
    for file in context.c_files:
        for removed, added in replaced(file):
            what = change_in(removed.text, added.text)
            if what and added.new is not None:
                place = file.source_line(added.new)
                yield context.changelog_finding(
                    number,
                    f'"{" ".join(match[0].split())}", but {what} ({file.path}:{added.new})',
                    (file.evidence(place), Evidence(file.path, added.new, removed.text)),
                )
                return
    yield from locks_taken(context, number, match[0])


def rest_of(lines: Sequence[str], number: int, end: int) -> str:
    """What follows on a line of the changelog, and the line below."""
    return lines[number - 1][end:] + " " + (lines[number] if number < len(lines) else "")


def replaced(file: ChangedFile) -> Iterator[tuple[Line, Line]]:
    """Removed lines and the added ones in their place, where there are as many of each."""
    for hunk in file.change.hunks:
        pieces = [(kind, list(group)) for kind, group in groupby(hunk.lines, key=lambda line: line.kind)]
        for (kind, removed), (other, added) in pairwise(pieces):
            if kind == "-" and other == "+" and len(removed) == len(added):
                yield from zip(removed, added, strict=True)


def change_in(removed: str, added: str) -> str:
    """What one line does otherwise than another that differs in one token, "" where it may well do the same."""
    old, new = TOKEN.findall(removed), TOKEN.findall(added)
    if removed.strip().startswith(("*", "/*", "//")):
        return ""
    if len(new) != len(old):
        longer, shorter = (new, old) if len(new) > len(old) else (old, new)
        at = next((at for at, one in enumerate(shorter) if one != longer[at]), len(shorter))
        if longer[:at] + longer[at + 1 :] == shorter and longer[at] == "!":
            return "a condition is turned round"
        return ""
    pairs = [(one, two) for one, two in zip(old, new, strict=True) if one != two]
    if len(pairs) != 1:
        return ""
    one, two = pairs[0]
    if {one, two} <= COMPARISONS or {one, two} <= BOOLEAN:
        return f"{one} becomes {two}"
    if (
        NUMBER.fullmatch(one)
        and NUMBER.fullmatch(two)
        and int(one, 0 if "x" in one.lower() else 10) != int(two, 0 if "x" in two.lower() else 10)
    ):
        return f"{one} becomes {two}"
    if one.startswith("GFP_") and two.startswith("GFP_"):
        return f"{one} becomes {two}"
    if (
        TAKES.match(f"{one}(")
        and TAKES.match(f"{two}(")
        and "nested" not in one + two
        and "guard" not in one + two
    ):
        return f"{one}() becomes {two}()"
    return ""


def locks_taken(context: Context, number: int, claim: str) -> Iterator[Finding]:
    """A lock that the patch takes although it takes none away."""
    removed = any(TAKES.search(line.text) for file in context.c_files for line in file.removed)
    if removed:
        return
    for file in context.c_files:
        for line in file.added:
            place = file.source_line(line.new or 0)
            if TAKES.search(line.text) and TAKES.search(file.code_at(place)):
                yield context.changelog_finding(
                    number,
                    f'"{" ".join(claim.split())}", but a lock is taken that was not ({file.path}:{line.new})',
                    (file.evidence(place),),
                    confidence="low",
                )
                return


RULE = Rule(
    name="changelog-against-diff",
    summary="The changelog says something else than the diff",
    why=(
        'A name that is nowhere sends the reader searching; who trusts "no functional change" does not test, and '
        "does not look there in a bisection."
    ),
    source=(
        "Documentation/process/submitting-patches.rst (describe your changes); review of "
        '"virtio_pmem: initialize provider_data through nd_region_desc", 2022-06'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    cover=True,
    bad=(
        """
>>> tree mm/Kconfig
config WALK_LIST
	bool "Walk lists"
>>> cover mm: walk lists
Walk with CONFIG_WALK_LISTS=y. // want "there is no option CONFIG_WALK_LISTS in the series"
>>> patch mm: walk lists
This needs CONFIG_WALK_LIST.
>>> file mm/example.c
+int x;
""",
        """
>>> tree mm/example.c
int walk_entries(int count)
{
	if (count < 3)
		return 0;
	return 1;
}
>>> patch mm: walk
Call wakl_entries() earlier. // want "is walk_entries.. meant"

No functional change intended. // want "but < becomes <= .mm/example.c:3"
>>> file mm/example.c
 int walk_entries(int count)
 {
-	if (count < 3)
+	if (count <= 3)
 		return 0;
 	return 1;
 }
""",
        """
>>> patch mm: tidy the walk
There are no functional changes. // want "a condition is turned round"
>>> file mm/example.c
 int walk(int count)
 {
-	if (count)
+	if (!count)
 		return 0;
 	return 1;
 }
>>> patch mm: tidy it again
Without functional changes. // want "a lock is taken that was not"
>>> file mm/other.c
 int walk(int count)
 {
+	mutex_lock(&list_lock);
 	return 1;
 }
""",
    ),
    good=(
        """
>>> tree mm/Kconfig
config WALK_LIST
	bool "Walk lists"
>>> patch mm: walk lists
With CONFIG_WALK_LIST=y, CONFIG_WALK_NEW=m and CONFIG_WALK_*, CONFIG_WALK_{A,B}
and CONFIG_WALK_XXX. CONFIG_WALK_GONE was removed long ago. A machine says:

  CONFIG_WALK_OF_A_VENDOR=y
>>> file mm/Kconfig
 config WALK_LIST
 	bool "Walk lists"
+
+config WALK_NEW
+	tristate "Walk anew"
""",
        """
>>> tree mm/example.c
int walk_entries(int count)
{
	return walk_entry(count);
}
>>> patch mm: walk
Call walk_entry1() and __walk_entries() and walk_entry().

No functional change for those who walk once.
>>> file mm/example.c
 int walk_entries(int count)
 {
-	return walk_entry(count);
+	return !walk_entry(count);
 }
""",
        """
>>> patch mm: tidy the walk
No functional change.
>>> file mm/example.c
 int walk(int count)
 {
-	mutex_lock(&list_lock);
-	if (count < 0x10)
+	guard(mutex)(&list_lock);
+	if (count < 16)
 		return 0;
-	return walk_all(count, 3);
+	return walk_all(count, MOST);
 }
""",
        """
>>> patch mm: walk all
Walk all, which is a functional change.
>>> file mm/example.c
 int walk(int count)
 {
-	if (count < 3)
+	if (count < 4)
 		return 0;
 }
""",
    ),
)
