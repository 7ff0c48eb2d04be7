"""The report as Markdown, for a web forge or a wiki."""

import re
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.printable import printable
from patchscan.finding import CHANGELOG
from patchscan.report.answered import remark_lines
from patchscan.report.folded import Fold, folded, places
from patchscan.report.models import facts, judged, proofs, timeline_lines, title, verdict
from patchscan.report.text import before_lines, cost_lines, summary, unchecked_lines
from patchscan.results import Report

WORDS = pattern(r"\s+|\S+")
CALLS = pattern(r"@|://|www\.|[#!]\d|GH-\d", re.I)
SPECIAL = pattern(r"([\\`*_{}\[\]<>#|~&!])")
_BACKTICKS = pattern("`+")


def render(report: Report) -> str:
    """A heading a patch, an item a finding with its line quoted, then what was not checked."""
    return "\n".join(lines(report)) + "\n"


def lines(report: Report) -> Iterator[str]:
    """All lines of the document."""
    if report.series is not None:
        yield f"# {escaped(report.series.title)} (v{report.series.revision})"
        yield ""
        yield escaped(report.base)
        yield ""
        more = [line for line in report.judged.lines if line != report.base]
        yield from (f"- {escaped(line)}" for line in more)
        if more:
            yield ""
    yield f"**{escaped(summary(report))}**"
    for patch in report.series.mails if report.series else ():
        found = [each for each in report.shown if each.patch == patch.index and not each.preexisting]
        if found:
            yield ""
            yield f"## {escaped(patch.subject)}"
            for fold in folded(found):
                yield ""
                yield from finding_lines(fold)
    yield from model_lines(report)
    yield from section("Review remarks on the previous revision", remark_lines(report.remarks))
    yield from section("There before the patch", before_lines(report))
    yield from section("Not checked", unchecked_lines(report, whole=True))
    yield from section("Problems", [f"{each.where}: {each.message}" for each in report.problems])


def finding_lines(fold: Fold) -> Iterator[str]:
    """One finding as a list item, with the places where else it holds."""
    finding = fold.finding
    place = "changelog" if finding.path == CHANGELOG else finding.path
    yield f"- **{finding.severity}** {code(f'{place}:{finding.line}')} {code(finding.rule)}"
    if finding.text:
        yield ""
        yield f"      {printable(finding.text.expandtabs(8))}"
    yield ""
    yield f"  {escaped(finding.message)}"
    for each in finding.evidence:
        yield f"  - {code(f'{each.path}:{each.line}')} {code(each.text.strip())}"
    if finding.repaired_by is not None:
        yield f"  - patch {finding.repaired_by} of the series repairs this"
    yield from (f"  - the same: {code(each)}" for each in places(fold))


def model_lines(report: Report) -> Iterator[str]:
    """A list of the models; for those that a finding rests on a heading, the timeline and what it assumes."""
    shown = proofs(report)
    yield from section("Models", [f"{title(model)}: {judged(model)}" for model in report.models])
    yield from section("Cost", cost_lines(report))
    for model in report.models:
        if model.name not in shown:
            continue
        yield from ("", f"## Model: {escaped(title(model))}", "", escaped(verdict(model)))
        if model.timeline:
            yield ""
            yield from (f"    {line}".rstrip() for line in timeline_lines(model.timeline, 100))
        yield ""
        yield from (f"- {name}: {escaped(text)}" for name, text in facts(model))


def section(title: str, entries: list[str]) -> Iterator[str]:
    """A heading and a list, nothing where the list is empty."""
    if entries:
        yield ""
        yield f"## {title}"
        yield ""
        yield from (f"- {escaped(entry)}" for entry in entries)


def escaped(text: str) -> str:
    """Text of a mail that must be neither markup nor HTML, and call nobody.

    A forge makes links and notifications of @names, addresses, URLs and numbers of issues, backslash or not, but not
    in code.
    """
    return "".join(
        code(piece) if CALLS.search(piece) else SPECIAL.sub(r"\\\1", piece)
        for piece in WORDS.findall(printable(text))
    )


def code(text: str) -> str:
    """Text as code, fenced with more backquotes than it holds."""
    plain = printable(text)
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(plain)), default=0) + 1)
    return f"{fence} {plain} {fence}" if "`" in plain else f"`{plain}`"
