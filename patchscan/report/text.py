"""The report for a terminal: per patch the quoted line and the reason, then what was not checked."""

import os
from collections.abc import Iterator, Sequence
from textwrap import wrap

from patchscan.basics.printable import printable
from patchscan.basics.record import frozen
from patchscan.finding import CHANGELOG, Silence
from patchscan.report.answered import remark_lines
from patchscan.report.folded import Fold, folded, places
from patchscan.report.models import facts, judged, proofs, timeline_lines, title, verdict
from patchscan.results import Report
from patchscan.series import Patch
from patchscan.tree.overlay import FileState

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan", "title": "bold", "quote": "dim", "": ""}
INDENT = "    "
# Prose wider than this is hard to read; interleavings use what there is.
WIDEST = 110
# How many places of one reason, and functions that do not parse, are named without being asked.
MOST_PLACES = 3
MOST_PARTIAL = 2


@frozen
class Row:
    """One line of output in pieces: (text, style) pairs, styles as in STYLES."""

    pieces: tuple[tuple[str, str], ...]


def row(text: str = "", style: str = "") -> Row:
    """A line of one piece."""
    return Row(((text, style),))


def render(report: Report, width: int = 80, colour: bool = False, detail: int = 0) -> str:
    """The report as lines of at most `width` columns where words allow, with ANSI colours if asked for.

    detail: -1 for the findings alone, 1 for what was set aside and why rules were silent as well.
    """
    rows = tuple(report_rows(report, width, detail))
    if colour:
        return coloured(rows)
    return "".join("".join(text for text, _ in each.pieces).rstrip() + "\n" for each in rows)


def coloured(rows: tuple[Row, ...]) -> str:
    """The rows with ANSI colours; what the mail holds is inert by now (see printable) and no markup to rich."""
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", soft_wrap=True, highlight=False)
    for each in rows:
        console.print(Text.assemble(*((text, STYLES.get(style, style)) for text, style in each.pieces)))
    return out.getvalue()


def report_rows(report: Report, width: int, detail: int) -> Iterator[Row]:
    """All lines of the report."""
    if detail >= 0:
        yield from header_rows(report, width)
    elif report.judged.lost and report.series is not None:
        yield from wrapped(report.judged.line, width, "", "warning")
    for patch in in_order(report):
        found = [each for each in report.shown if each.patch == patch.index and not each.preexisting]
        if found:
            yield row(printable(patch.subject), "title")
            yield row()
            for fold in folded(found):
                yield from finding_rows(fold, width, directory(report))
    if detail >= 0:
        yield from model_rows(report, width, detail)
        yield from section_rows("Cost", cost_lines(report), width)
        yield from section_rows(
            "Review remarks on the previous revision", remark_lines(report.remarks), width
        )
        yield from section_rows("There before the patch", before_lines(report), width)
        reading = reading_lines(report, whole=detail > 0)
        yield from section_rows("How the patches were read", reading, width)
        yield from section_rows("Not checked", unchecked_lines(report, whole=detail > 0), width)
    if detail > 0:
        yield from section_rows("Set aside", suppressed_lines(report), width)
        yield from section_rows("Looked at and silent", silent_lines(report), width)
    yield from problem_rows(report, width, detail)
    seconds = [f"{each:8.3f} s  {name}" for name, each in report.timings]
    yield from section_rows("Time", seconds, width)
    if detail >= 0 or report.series is None:
        yield row(summary(report), "title")


def in_order(report: Report) -> list[Patch]:
    """The patches with findings, in the order in which the report has these."""
    mails = {patch.index: patch for patch in (report.series.mails if report.series else ())}
    return [mails[index] for index in dict.fromkeys(each.patch for each in report.shown) if index in mails]


def problem_rows(report: Report, width: int, detail: int) -> Iterator[Row]:
    """The problems, a paragraph each; with their details where more is asked for."""
    if not report.problems:
        return
    yield row("Problems", "title")
    for each in report.problems:
        yield from wrapped(f"{each.where}: {each.message}", width, "  ")
        for line in each.details if detail > 0 else ():
            yield row(f"{INDENT}{printable(line)}", "quote")
    yield row()


def section_rows(title: str, lines: Sequence[str], width: int) -> Iterator[Row]:
    """A title and its lines, nothing where there are none."""
    if lines:
        yield row(title, "title")
        for line in lines:
            yield from wrapped(line, width, "  ")
        yield row()


def header_rows(report: Report, width: int) -> Iterator[Row]:
    """What was scanned, and on what."""
    if report.series is None:
        return
    yield from wrapped(report.judged.line, width, "", "warning")
    yield row(f"{printable(report.series.title)} (v{report.series.revision})", "title")
    for left in report.thread.left_out:
        yield from wrapped(
            f"left out: {left.series.title} (v{left.series.revision}): {left.why}", width, "  "
        )
    for line in dict.fromkeys((report.base, *report.judged.reduced)):
        yield from wrapped(line, width, "  ")
    yield row()


def reading_lines(report: Report, whole: bool) -> list[str]:
    """How each file was read, one line a file of which there is something to say.

    whole: also what the line on the tree says of all of them together: which hunks did not fit, and why.
    """
    return [
        f"patch {state.patch.index}, {file.change.path}: {file.used}: {reason}"
        for state in report.states
        for file in state.files
        if (
            reason := "; ".join(
                each
                for each in (file.why if told_apart(file, whole) else "", file.change.repaired)
                if each and each != "no tree"
            )
        )
    ]


def told_apart(file: FileState, whole: bool) -> bool:
    """Whether the way a file was read is told even where no details are wanted: a hunk was lost, or is no text."""
    return whole or file.used == "text" or bool(file.change.damaged)


def directory(report: Report) -> str:
    """The tree as an absolute path, "" where it is no directory at hand."""
    tree = report.states[-1].view.tree if report.states else None
    return os.path.abspath(tree.name) if tree is not None and os.path.isdir(tree.name) else ""


def linked(path: str, top: str) -> str:
    """The style of a link to a file of the tree, for a terminal that knows links; "" where there is no such file."""
    if not top:
        return ""
    # Takes a hundredth of the start-up time, and a plain text has no links.
    from urllib.parse import quote

    whole = os.path.join(top, path)
    inside = os.path.realpath(whole).startswith(os.path.realpath(top) + os.sep)
    return f"link file://{quote(whole)}" if inside and os.path.isfile(whole) else ""


def finding_rows(fold: Fold, width: int, top: str = "") -> Iterator[Row]:
    """One finding: place, rule, the line it speaks of, the reason and the evidence; then where else it holds."""
    finding = fold.finding
    place = (
        f"{finding.path}:{finding.line}" if finding.path != CHANGELOG else f"changelog line {finding.line}"
    )
    link = linked(finding.path, top)
    severity = (finding.severity, finding.severity)
    yield Row((("  ", ""), (printable(place), link), (": ", ""), severity, (f" {finding.rule}", "")))
    if finding.text:
        yield row(f"{INDENT}> {printable(finding.text.expandtabs(8))}", "quote")
    yield from wrapped(finding.message, width, INDENT)
    # The steps of a model stand in its timeline.
    for each in () if finding.model else finding.evidence:
        text = f"{each.path}:{each.line}" if each.line else each.path
        yield row(f"{INDENT}  {printable(text)}: {printable(each.text.strip())}", "quote")
    if finding.model:
        yield row(f"{INDENT}(the interleaving is below, under Models)")
    if finding.repaired_by is not None:
        yield row(f"{INDENT}(patch {finding.repaired_by} of the series repairs this)")
    for other in places(fold):
        yield from wrapped(f"the same: {other}", width, INDENT)
    yield row()


def model_rows(report: Report, width: int, detail: int) -> Iterator[Row]:
    """What models showed: a line each; for those that a finding rests on the interleaving and what it assumes."""
    if report.models:
        yield row("Models", "title")
    whole = proofs(report) if detail < 1 else {model.name for model in report.models}
    for model in sorted(report.models, key=lambda each: each.name in whole):
        if model.name in whole:
            yield row()
        told = verdict(model) if model.name in whole else judged(model)
        yield from wrapped(f"{title(model)}: {told}", width, "  ")
        if model.name in whole:
            for line in timeline_lines(model.timeline, width - len(INDENT)):
                yield row(INDENT + line)
            for name, text in facts(model, whole=detail > 0):
                yield from wrapped(f"{name}: {text}", width, INDENT)
    if report.models:
        yield row()


def cost_lines(report: Report) -> list[str]:
    """What each patch changes in the cost of a scheme, counted."""
    return [f"patch {change.patch}: {change.text}" for change in report.costs]


def unchecked_lines(report: Report, whole: bool) -> list[str]:
    """What was not checked, one line a reason, with the rules and its places; whole: with all of them."""
    groups: dict[str, list[Silence]] = {}
    for silence in report.unchecked:
        groups.setdefault(silence.reason, []).append(silence)
    lines = [
        f"{', '.join(dict.fromkeys(each.rule for each in places))}: {reason} ({places_of(places, whole)})"
        for reason, places in groups.items()
    ]
    partial = report.coverage.partial
    if whole or len(partial) <= MOST_PARTIAL:
        return lines + [f"{each}: not parsed cleanly, no claim on its structure" for each in partial]
    named = f"{partial[0]} and {len(partial) - 1} more functions"
    return [*lines, f"{named}: not parsed cleanly, no claim on their structure"]


def places_of(several: Sequence[Silence], whole: bool) -> str:
    """Where a reason holds: the first places and how many more there are."""
    places = list(dict.fromkeys(f"{each.path}:{each.line}" for each in several))
    more = 0 if whole else len(places) - MOST_PLACES
    return ", ".join(places[:MOST_PLACES] if more > 0 else places) + (f" and {more} more" if more > 0 else "")


def before_lines(report: Report) -> list[str]:
    """The findings on what the series did not bring; they fail nothing."""
    old = folded(each for each in report.shown if each.preexisting)
    return [
        f"{each.finding.path}:{each.finding.line}: {each.finding.severity} {each.finding.rule}: {each.finding.message}"
        + "".join(f"; the same: {place}" for place in places(each))
        for each in old
    ]


def suppressed_lines(report: Report) -> list[str]:
    """The findings that were set aside, each with the reason."""
    return [
        f"patch {each.patch}, {each.path}:{each.line}: {each.rule}: {each.suppressed}"
        for each in report.findings
        if each.suppressed is not None
    ]


def silent_lines(report: Report) -> list[str]:
    """Where a rule looked and found nothing wrong, with its reason."""
    return [
        f"patch {each.patch}, {each.path}:{each.line}: {each.rule}: {each.reason}"
        for each in report.silences
        if each.checked
    ]


def summary(report: Report) -> str:
    """One line: what was scanned and how much was found."""
    if report.series is None:
        return "not judged" if report.ended else "no patch found"
    count = report.coverage.files or len(report.states)
    one, more = ("file", "files") if report.coverage.files else ("patch", "patches")
    told = folded(each for each in report.shown if not each.preexisting)
    counts = [
        f"{number} {severity}{'s' if number != 1 and severity != 'info' else ''}"
        for severity in ("error", "warning", "info")
        if (number := sum(each.finding.severity == severity for each in told))
    ]
    before = sum(each.preexisting for each in report.shown)
    counts += [f"{before} there before"] if before else []
    aside = sum(each.suppressed is not None and not each.stands for each in report.findings)
    counts += [f"{aside} set aside"] if aside else []
    return (
        f"{count} {one if count == 1 else more}, {report.coverage.functions} functions, "
        f"{len(report.coverage.rules_run)} rules: {', '.join(counts) or 'nothing found'}"
        f"{'' if report.judged.word == 'fully' else ', not fully judged'}"
    )


def wrapped(text: str, width: int, indent: str, style: str = "") -> Iterator[Row]:
    """Text broken at words, indented; continuation lines two columns deeper when the indent is small."""
    deeper = indent + ("  " if len(indent) < len(INDENT) else "")
    lines = wrap(
        printable(text),
        min(width, WIDEST),
        initial_indent=indent,
        subsequent_indent=deeper,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (row(line, style) for line in lines)
