"""Findings in the words of a reply: whole sentences, a question where there is no proof, no line numbers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from patchscan.basics.pattern import pattern
from patchscan.basics.printable import printable
from patchscan.diff.write import rows_of
from patchscan.finding import CHANGELOG, Evidence, Finding
from patchscan.report.models import without_basis, without_tried

WIDTH = 72
_LONGEST_QUOTED = 72
# Asked in turn where the finding is no proof, so that a mail does not repeat itself.
QUESTIONS = (
    "Or am I missing something?",
    "Is there a reason against it?",
    "What do you think?",
    "Did you look into that?",
)
_LINE_NUMBER = r"lines? \d+(?:(?:, | and | to |-)\d+)*"
_ASIDE = pattern(rf"\s*\((?:at |on |in )?{_LINE_NUMBER}\)")
_FROM_THERE = pattern(rf"\bfrom {_LINE_NUMBER} on\b")
_THERE = pattern(rf"\b(?:at|on|in) {_LINE_NUMBER}")
_BARE = pattern(rf"\b{_LINE_NUMBER}\b")
_PLACE = pattern(
    r"((?:\b[\w./-]+\.(?:[chS]|rst|py|txt|dts[i]?|rs)|\b[\w./-]*(?:Kconfig|Makefile|MAINTAINERS)|\bchangelog)):\d+"
)
_QUESTION = pattern(r"\?(?=\s|$)")
_OF_PATCH = pattern(r"(patch \d+): (.*)")
_FIRST_WORD = pattern(r"[a-z]+(?=[ ,:;]|$)")


def sentences(finding: Finding, turn: int, doubted: bool = False, told: bool = False) -> str:
    """What a person would write of a finding.

    turn: how many questions the mail holds already, which chooses the next one; doubted: it is told as an info only
    because something on it is not known, so it is no nit; told: its model follows, with what it rests on.
    """
    said = (without_basis if told else without_tried)(" ".join(printable(finding.message).split()))
    text = without_line_numbers(with_places(with_lines_quoted(said, finding), finding))
    nit = finding.severity == "info" and not doubted and not _QUESTION.search(text)
    text = f"Nit: {text}" if nit else opened(text, finding.text)
    if text[-1:] not in ".?!":
        text += "."
    if not asks(finding, doubted):
        return text
    question = QUESTIONS[0 if finding.path == CHANGELOG else turn % len(QUESTIONS)]
    return f"{text} {question}"


def asks(finding: Finding, doubted: bool = False) -> bool:
    """Whether a question follows: the finding is no proof, more than taste, and asks none already."""
    unproven = doubted or (finding.confidence != "high" and finding.severity != "info")
    return unproven and not _QUESTION.search(finding.message)


def opened(text: str, quoted: str) -> str:
    """The text with a capital letter, unless it begins with a name of the code."""
    word = _FIRST_WORD.match(text)
    if not word or re.search(rf"\b{word[0]}\b", quoted):
        return text
    return text[0].upper() + text[1:]


def with_lines_quoted(text: str, finding: Finding) -> str:
    """A text with the code in place of the number of a line that it rests on, where that is short and one of a kind."""
    proofs = [each for each in finding.evidence if each.path == finding.path]
    for each in proofs:
        code = printable(each.text.strip())
        alike = [other for other in proofs if other.text.strip() == each.text.strip()]
        if 0 < len(code) <= _LONGEST_QUOTED and len(alike) == 1 and each.line != finding.line:
            text = with_line_quoted(text, each.line, code)
    return text


def with_line_quoted(text: str, line: int, code: str) -> str:
    """A text with the code of one line: in place of a call that it says is there, else as an aside or as what acts."""
    number = rf"line {line}\b(?!\s*(?:,|and|to|-)\s*\d)"
    quoted = f'"{code.removesuffix(";")}"'

    def as_call(found: re.Match[str]) -> str:
        return quoted if f"{found[1]}(" in code else f"{found[1]}() ({quoted})"

    made = re.sub(rf"\b(\w+)\(\) (?:at|on|in) {number}", as_call, text)
    made = re.sub(rf"\b(?:at|on|in) {number}", lambda _: f"({quoted})", made)
    made = re.sub(rf"\b{number}", lambda _: quoted, made)
    return made if made == text else made.replace(f": {code}", "")


def with_places(text: str, finding: Finding) -> str:
    """A text with the other places of the finding's own file as who reads the quoted line would point at them.

    A model may be that of the code after another patch, whose lines have other numbers.
    """
    path = re.escape(printable(finding.path))
    text = re.sub(rf"(\bof (?:the )?[^\s,;]+(?:, \d+\))?) (?:at|on|in) {path}:\d+\b", r"\1", text)
    if finding.model:
        return text
    number = r"(\d+)\b(?!\s*(?:,|and|to|-)\s*\d)"
    return re.sub(
        rf"\b(?:at|on|in) (?:line |{path}:){number}",
        lambda found: pointed(int(found[1]), finding.line),
        text,
    )


def pointed(line: int, here: int) -> str:
    """Where a line stands, seen from another one."""
    return "here" if line == here else "further up" if line < here else "further down"


def without_line_numbers(text: str) -> str:
    """A reader of mail sees no line numbers: they go, or become words."""
    text = _ASIDE.sub("", text)
    text = _FROM_THERE.sub("from there on", text)
    text = _THERE.sub("there", text)
    text = _BARE.sub(lambda found: "those lines" if found[0].startswith("lines") else "that line", text)
    return _PLACE.sub(r"\1", text)


def evidence_lines(path: str, evidence: Iterable[Evidence]) -> Iterator[str]:
    """The lines that support a finding in `path`, each place named once, the code indented."""
    by_place: dict[str, list[str]] = {}
    for each in evidence:
        later = _OF_PATCH.fullmatch(each.text.strip())
        place = "Elsewhere in this file" if each.path == path else f"In {printable(each.path)}"
        by_place.setdefault(f"In {later[1]}" if later else place, []).append(later[2] if later else each.text)
    for named, lines in by_place.items():
        yield from ("", f"{named}:", "")
        yield from (f"\t{shown(text.strip())}" for text in lines)


def suggestion_lines(finding: Finding) -> Iterator[str]:
    """What a mechanical fix makes of the lines it changes, with those between; as a diff where that says nothing."""
    seen = [
        edit for edit in finding.fix or () if [*map(str.rstrip, edit.old)] != [*map(str.rstrip, edit.new)]
    ]
    changed = [changed_lines(rows_of(edit)) for edit in seen]
    made = [line[1:] for lines in changed for line in lines if not line.startswith("-")]
    says = any(char.isalnum() for line in made for char in line) and not made[-1].rstrip().endswith("{")
    shown_lines = made if says else [line for lines in changed for line in lines]
    # "s/one/other/" says it all.
    if shown_lines and not finding.message.startswith("s/"):
        yield ""
        yield "Like this:"
        yield ""
        yield from (shown(line) for line in shown_lines)


def changed_lines(lines: Sequence[str]) -> Sequence[str]:
    """The lines of a hunk from the first that is changed to the last."""
    at = [number for number, line in enumerate(lines) if line.startswith(("+", "-"))]
    return lines[at[0] : at[-1] + 1] if at else ()


def wrapped(text: str) -> list[str]:
    """Text as lines of at most 72 columns; names are never broken."""
    return wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def shown(line: str) -> str:
    """A line of the patch as mail may carry it: tabs stay, what could command a terminal does not."""
    return "\t".join(printable(part) for part in line.split("\t"))
