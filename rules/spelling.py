"""Misspelt and repeated words in changelogs, comments, messages, help texts and documentation."""

import re
from collections.abc import Iterable, Iterator, Sequence

from patchscan.basics.buildfiles import is_kconfig
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, frozen, pattern
from patchscan.tree.spelling import Words, corrections

# A word of prose: not part of a name, a path, an address, an option or code.
WORD = pattern(r"(?<![\w./\-'`\"@#$%&<>=:~\\+])[A-Za-z][a-z]+(?:'[a-z]+)?(?![\w/\-@`\"(\[=<>+]|\.\w|:\w|->)")
IDENTIFIER = pattern(r"[A-Za-z_]\w*")
# What may stand before the capital that begins a sentence; elsewhere a capital makes a name.
STARTS = pattern(r"(?:^|[.!?:]\s+|^\W*\s|\*\s*|^\s*@[\w.\-]+:?\s+)$")
QUOTED = pattern(r"^(?:>|\s{4}|\t|\s*[|+$#]|\[ *\d+\.\d+\])")
TRAILER = pattern(r"^[A-Za-z][\w-]*:\s.*|^\[.*|^Fixes\b.*|^#.*")
# A patch that corrects mistakes names them.
CORRECTS = pattern(r"typo|spell|misspel|grammar|wording|s/\w+/", re.IGNORECASE)
REPEATED = pattern(
    r"(?<![\w.'\"-])(the|an|of|to|is|in|and|for|with|be|are|from|by|at|this|we|if)\s+\1(?![\w.'\"(-])"
)
# "fixed by initialize the data": after "by" a verb ends in -ing.
VERB_AFTER_BY = pattern(
    r"\bby (initiali[sz]e|allocate|introduce|remove|replace|ensure|avoid|convert|implement|provide|enable|disable|"
    r"delete|rename|extend|allow|add|use|move|call|check|make|set|skip|drop|create|update|modify|adjust|apply|"
    r"register|unregister|increase|decrease|reduce|switch|define|declare|read|write|split|merge|rework|improve|"
    r"correct|handle|invoke|clear|reorder|put|get|hold|take|free|release|return|pass|store) "
    r"(?:the|a|an|this|these|those|its|it|all|any|each|two|[a-z]+_\w+|\w+\(\))(?!\w)"
)
BLANKS = pattern(r"\s+")
PROSE_FILES = (".rst", ".txt")
MOST = 8


@frozen
class Prose:
    """Prose on one line: where it is, and its text, with blanks for what is code."""

    line: int
    text: str


def check(context: Context) -> Iterator[Finding | Silence]:
    """Each mistake once a patch; some, not all, where a patch holds many."""
    if CORRECTS.search(context.patch.title):
        return
    known = corrections(context.view.tree)
    seen: set[str] = set()
    for finding in (*of_changelog(context, known), *of_files(context, known)):
        if finding.message not in seen and len(seen) < MOST:
            seen.add(finding.message)
            yield finding


def of_changelog(context: Context, known: Words) -> Iterator[Finding]:
    """The mistakes of the text; names are those of code that the patch holds and of its people."""
    lines = [Prose(number, line) for number, line in enumerate(context.patch.changelog, 1) if is_prose(line)]
    if not lines:
        return
    people = " ".join([context.patch.author, *(each.value for each in context.patch.trailers)])
    names = {word.lower() for word in IDENTIFIER.findall(people)}
    for prose, word, meant in mistakes(lines, known):
        if word.lower() not in names and not in_code(context, word):
            yield context.changelog_finding(prose.line, said_of(word, likely(context, meant)))
    texts = {prose.line: prose.text for prose in lines}
    for prose in lines:
        for slip in slips(prose.text, texts.get(prose.line + 1, "")):
            yield context.changelog_finding(prose.line, slip)


def is_prose(line: str) -> bool:
    """Whether a line of a changelog is the author's own text."""
    return bool(line.strip()) and not QUOTED.match(line) and not TRAILER.match(line)


def mistakes(lines: Iterable[Prose], known: Words) -> Iterator[tuple[Prose, str, tuple[str, ...]]]:
    """(place, word, what it may stand for) of each misspelt word."""
    for prose in lines:
        for match in WORD.finditer(prose.text):
            word = match[0]
            meant = known.meant(word)
            if meant and (word.islower() or STARTS.search(prose.text[: match.start()])):
                yield prose, word, meant


def likely(context: Context, meant: Sequence[str]) -> Sequence[str]:
    """Of several words that one may stand for, those that the series uses itself; all where it uses none."""
    if len(meant) < 2:
        return meant
    patches = [other.patch for other in context.all]
    letters = (context.series.cover,) if context.series.cover else ()
    text = "\n".join(line for each in (*patches, *letters) for line in (each.title, *each.changelog))
    used = {word.lower() for word in IDENTIFIER.findall(text)}
    return [each for each in meant if each in used] or meant


def said_of(word: str, meant: Sequence[str]) -> str:
    """The remark on a misspelt word, as reviewers write it."""
    right = [each.capitalize() if word[0].isupper() else each for each in meant[:2]]
    return f"s/{word}/{right[0]}/" if len(right) == 1 else f'"{word}": {" or ".join(right)}?'


def slips(text: str, following: str = "") -> Iterator[str]:
    """Repeated words, also over the end of a line, and a verb after "by" that lacks its -ing."""
    joined = f"{text.rstrip()} {following.strip()}"
    verbs = VERB_AFTER_BY.finditer(joined) if "by " in joined else ()
    for match in (*REPEATED.finditer(joined), *verbs):
        if match.start() < len(text.rstrip()):
            word = match[1]
            yield (
                f'"by {word}": by {gerund(word)}' if match[0].startswith("by ") else f'"{word}" stands twice'
            )


def gerund(verb: str) -> str:
    """The form of a verb after "by"."""
    if verb in ("set", "skip", "drop", "put", "get", "split"):
        return f"{verb}{verb[-1]}ing"
    return f"{verb[:-1]}ing" if verb.endswith("e") and verb not in ("free",) else f"{verb}ing"


def in_code(context: Context, word: str) -> bool:
    """Whether the word is a name, or a part of one, in the lines of the patch."""
    part = re.compile(rf"(?<![A-Za-z]){re.escape(word.lower())}_|_{re.escape(word.lower())}(?![a-z])")
    return any(
        (file.path.endswith((".c", ".h")) and word in file.added_words)
        or any(part.search(line.text.lower()) for line in (*file.added, *file.removed))
        for file in context.files
    )


def of_files(context: Context, known: Words) -> Iterator[Finding]:
    """The mistakes in what the patch adds to files."""
    for file in context.files:
        if "/translations/" in file.path or file.change.kind in ("rename", "copy", "binary"):
            continue
        if not any(suspicious(line.text, known) for line in file.added):
            continue
        lines = tuple(prose_of(file))
        found = tuple(mistakes(lines, known))
        crowded = {
            prose.line
            for at, (prose, _, _) in enumerate(found)
            if prose.line in {one[0].line for one in found[:at]}
        }
        for prose, word, candidates in found:
            if not in_code(context, word):
                meant = likely(context, candidates)
                right = meant[0].capitalize() if word[0].isupper() else meant[0]
                fix = (
                    file.substitution(prose.line, word, right)
                    if len(meant) == 1 and prose.line not in crowded
                    else None
                )
                yield file.finding(prose.line, said_of(word, meant), fix=fix)
        for prose in lines:
            for slip in slips(prose.text):
                yield file.finding(prose.line, slip)


def suspicious(text: str, known: Words) -> bool:
    """The cheap question: whether a line may hold a mistake at all."""
    return any(known.meant(word) for word in WORD.findall(text)) or any(True for _ in slips(text))


def prose_of(file: ChangedFile) -> Iterator[Prose]:
    """Comments and messages of C, help texts of Kconfig, and the text of documentation, on added lines."""
    for line in file.added:
        number = file.source_line(line.new or 0)
        if file.path.endswith((".c", ".h")):
            text = beside_code(line.text, file.code_at(number))
        elif file.path.startswith("Documentation/ABI/") or file.path.endswith(PROSE_FILES):
            text = "" if "::" in line.text or line.text.startswith(("\t\t\t", "$")) else line.text
        elif is_kconfig(file.path):
            text = line.text if line.text.startswith("\t  ") else ""
        else:
            text = ""
        if " " in text.strip() and not file.takes_away(line.text):
            yield Prose(number, text)


def beside_code(text: str, code: str) -> str:
    """A line of C without its code: comments, and strings that hold a blank."""
    found = [" "] * len(text)
    for gap in BLANKS.finditer(code.ljust(len(text))):
        piece = text[gap.start() : gap.end()]
        if " " in piece.strip():
            found[gap.start() : gap.end()] = piece
    return "".join(found)


RULE = Rule(
    name="spelling",
    summary="A word is misspelt or stands twice, or a verb has the wrong form",
    why=(
        "Mistakes stay: a changelog cannot be corrected, and comments and messages are searched for by what they "
        "should say."
    ),
    source=(
        "scripts/spelling.txt of the tree, and the dictionary of codespell where it is installed; review of "
        '"acpi/hmat: Fix lockdep warning for hmem_register_resource()" v4, 2025-11 (s/envokes/invokes/)'
    ),
    severity="info",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree scripts/spelling.txt
# a comment
lenght||length
teh||the
abov||above
loging||logging, lodging,
comparible||compatible, comparable,
>>> tree mm/example.c
int walk(void)
{
	return 0;
}
>>> patch mm: walk
Look at the lenght of the list and at // want "s/lenght/length/" "at. stands twice"
at the end of it, and in in the list. Fix it // want "in. stands twice"
by initialize the list first, and by use of it. // want "by initializing"
The logging is not lost: loging goes on below it. // want "s/loging/logging/"
And comparible with that. // want "comparible.: compatible or comparable"

    the log tells teh lenght
>>> file mm/example.c
 int walk(void)
 {
+	/* Abov the head teh entries are lost */ // want "s/Abov/Above/" "s/teh/the/"
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree scripts/spelling.txt
lenght||length
teh||the
>>> tree mm/example.c
int walk(void)
{
	return 0;
}
>>> patch mm: walk
Call walk_lenght() with teh_list, as Another Teh asked. She had had it that that works.

Suggested-by: Another Teh <teh@example.org>
>>> file mm/example.c
 int walk(void)
 {
+	int lenght = walk_lenght("teh", 'teh'); /* lenght */
+	long long the, the_two;
 	return 0;
 }
""",
        """
>>> tree scripts/spelling.txt
lenght||length
>>> tree mm/example.c
/* The lenght of it */
int walk(void);
>>> patch mm: fix a typo
It said lenght.
>>> file mm/example.c
-/* The lenght of it */
+/* The length of it */
 int walk(void);
>>> patch mm: move the comment
Move it.
>>> file mm/other.c
-/* The lenght of it */
 int walk(void);
+/* The lenght of it */
""",
        """
>>> tree scripts/spelling.txt
lenght||length
>>> patch mm: walk
Do it by default, by design and by the use of lists: by return value, by hold time.
>>> file mm/example.c
+int x;
""",
    ),
)
