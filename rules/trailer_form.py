"""Lines that are meant as trailers and that no tool takes for one, and trailers that say nothing more."""

from collections.abc import Iterator
from itertools import pairwise

from patchscan.mail.trailerlines import TrailerLine, trailer_lines
from patchscan.rule import Context, Finding, Rule, Silence, pattern

KNOWN = (
    "signed-off-by",
    "reviewed-by",
    "acked-by",
    "tested-by",
    "reported-by",
    "suggested-by",
    "co-developed-by",
    "reported-and-tested-by",
)
# A word away from a known key and meant as it is.
MEANT = pattern(r"(?:nacked|backed|hacked|rested|posted|reposted|retested|rereviewed)-by")
NO_COLON = pattern(
    r"(?:(?P<fixes>Fixes)\s+(?:commit\s+)?[0-9a-f]{7,40}\b.*\(\"|"
    r"(?P<person>(?:Signed-off|Reviewed|Acked|Tested|Reported|Suggested|Co-developed)-by)\s+[^:\s][^<>]*<\S+@\S+>\s*$)"
)
PERSON = pattern(r"(?P<key>[A-Za-z][a-z]*(?:-[A-Za-z]+)*-[Bb][Yy]):\s+\S[^<>]*<?[^<>\s]+@[^<>\s]+>?")
UNCLOSED = pattern(r"[^<>]*<[^<>\s]+@[^<>\s]+\s*$")
UNOPENED = pattern(r"[^<>]*\s[^<>\s]+@[^<>\s]+>\s*$")
CHANGE_ID = pattern(r"Change-Id:\s*I[0-9a-f]{8,40}\s*$")
PLACEHOLDER = pattern(r"\*\*\* (?:SUBJECT|BLURB) HERE \*\*\*|^EDITME\b")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Each line whose form is wrong."""
    yield from placeholders(context)
    if not context.patch.files:
        return
    for number, line in enumerate(context.patch.changelog, 1):
        fault = fault_of(line)
        if fault:
            yield context.changelog_finding(number, fault)
    lines = [line for line in trailer_lines(context.patch.changelog) if line.kind != "note"]
    yield from wrapped(context, lines)
    yield from repeated(context, [line for line in lines if line.kind == "trailer"])


def placeholders(context: Context) -> Iterator[Finding]:
    """What git format-patch --cover-letter and b4 leave to be filled in."""
    lines = context.patch.changelog
    at = next((number for number, line in enumerate(lines, 1) if PLACEHOLDER.search(line)), 0)
    if PLACEHOLDER.search(context.patch.subject) or at:
        what = "cover letter" if context.patch.index == 0 else "changelog"
        yield context.changelog_finding(at or 1, f"the {what} still holds the text that was to be replaced")


def fault_of(line: str) -> str:
    """What is wrong with the form of one line, "" where nothing is."""
    without = NO_COLON.match(line)
    if without:
        key = without["fixes"] or without["person"]
        return f'"{key}" lacks its colon: without it no tool finds the trailer'
    if CHANGE_ID.match(line):
        return "a Change-Id: of Gerrit says nothing to others: it goes before the patch is sent"
    person = PERSON.match(line)
    if person is None:
        return ""
    key, value = person["key"], line.partition(":")[2]
    meant = next((known for known in KNOWN if is_slip(key.lower(), known)), "")
    if meant and key.lower() not in KNOWN and not MEANT.fullmatch(key.lower()):
        return f'"{key}:" is most likely meant as {meant.capitalize()}:'
    if UNCLOSED.fullmatch(value):
        return f"the address of {key}: lacks its closing >"
    return f"the address of {key}: lacks its opening <" if UNOPENED.fullmatch(value) else ""


def is_slip(word: str, known: str) -> bool:
    """Whether one letter was added, lost or changed, or two neighbours were swapped."""
    if abs(len(word) - len(known)) > 1 or word == known:
        return False
    start = next(
        (at for at, (one, other) in enumerate(zip(word, known, strict=False)) if one != other), len(word)
    )
    rest, known_rest = word[start:], known[start:]
    swapped = rest[1::-1] + rest[2:]
    return known_rest in (swapped, rest[1:]) or rest == known_rest[1:] or rest[1:] == known_rest[1:]


def wrapped(context: Context, lines: list[TrailerLine]) -> Iterator[Finding]:
    """The first trailer whose value begins or goes on in the next line, at its left edge."""
    for line, following in pairwise(lines):
        if (
            line.kind == "trailer"
            and following.kind == "continuation"
            and following.text[:1] not in (" ", "\t")
        ):
            if line.key == "fixes":
                continue  # the trailers rule speaks of it
            yield context.changelog_finding(
                line.number,
                f"{line.text.partition(':')[0]}: is wrapped: tools read one line, so keep it on one",
            )
            return


def repeated(context: Context, lines: list[TrailerLine]) -> Iterator[Finding]:
    """A trailer that stands twice; a sign-off may, where somebody received the patch back."""
    seen: set[str] = set()
    last = ""
    for line in lines:
        text = " ".join(line.text.lower().split())
        if text.endswith(":"):
            continue
        if text == last or (text in seen and line.key != "signed-off-by"):
            yield context.changelog_finding(line.number, "the same trailer stands above")
        seen.add(text)
        last = text


RULE = Rule(
    name="trailer-form",
    summary="A trailer is misspelt, wrapped or repeated, or a placeholder was left in",
    why=(
        "A trailer without its colon, with a slip in its key or on two lines is text: the commit that is fixed, the "
        "reviewer or the report is not found. A cover letter with the text of its template tells nothing."
    ),
    source=(
        "git-interpret-trailers(1); Documentation/process/submitting-patches.rst; git-format-patch(1) "
        "(--cover-letter)"
    ),
    severity="warning",
    confidence="high",
    check=check,
    cover=True,
    bad=(
        """
>>> cover *** SUBJECT HERE ***
*** BLURB HERE *** // want "text that was to be replaced"
>>> patch mm: repair the walk
The walk ends early.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Fixes 0123456789ab ("mm: walk") // want "lacks its colon"
Reveiwed-by: Another User <user@example.org> // want "meant as Reviewed-by"
Signed-of-by: A Developer <developer@example.org> // want "meant as Signed-off-by"
Acked-by Another User <user@example.org> // want "lacks its colon"
Tested-by: Another User <user@example.org // want "closing >"
Tested-by: Another User user@example.org> // want "opening <"
Change-Id: I0123456789abcdef0123456789abcdef01234567 // want "Gerrit"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Reported-by: Another User <user@example.org>
Closes: // want "is wrapped"
https://example.org/bug/1
Acked-by: Another User <user@example.org>
Acked-by:  another user <user@example.org> // want "stands above"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> cover mm: repair the walk
The template said where the subject goes; it is filled in.
>>> patch mm: repair the walk
The walk ends early.

Fixes: 0123456789ab ("mm: walk")
Signed-off-by: A Developer <developer@example.org>
Nacked-by: Another User <user@example.org>
Signed-off-by: A Maintainer <maintainer@example.org>
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
This fixes 0123456789ab ("mm: walk"), reported-by a user of <it@example.org>.
Fixes the walk, reviewed-by nobody.

Reported-by: Another User <user@example.org> # on arm64
Debugged-by: Another User <user@example.org>
Suggested-by: user@example.org
Link: https://example.org/bug/1
 # the same
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Link: https://example.org/bug/1
Link: https://example.org/bug/2
Cc: Another User <user@example.org>
Co-developed-by: Another User <user@example.org>
Signed-off-by: Another User <user@example.org>
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
    ),
)
