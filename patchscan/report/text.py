"""The report for a terminal: per patch the quoted line and the reason, then what was not checked."""

import os
from collections.abc import Iterator, Sequence

from patchscan.basics.printable import printable
from patchscan.finding import CHANGELOG, Finding, Silence
from patchscan.report.folded import Fold, folded, places
from patchscan.report.rows import INDENT, Row, coloured, quotation, row, wrapped
from patchscan.results import ModelResult, Report, VerdictWord
from patchscan.series import Patch
from patchscan.tree.overlay import FileState

VERDICTS: tuple[VerdictWord, ...] = ("unsafe", "unknown", "safe")
# How many places of one reason, and functions that do not parse, are named without being asked.
MOST_PLACES = 3
MOST_PARTIAL = 2


def render(report: Report, width: int = 80, colour: bool = False, detail: int = 0) -> str:
    """The report as lines of at most `width` columns where words allow, with ANSI colours if asked for.

    detail: -1 for the findings alone, 1 for what was set aside and why rules were silent as well.
    """
    rows = tuple(report_rows(report, width, detail, links=colour))
    if colour:
        return coloured(rows)
    return "".join("".join(text for text, _ in each.pieces).rstrip() + "\n" for each in rows)


def report_rows(report: Report, width: int, detail: int, links: bool = False) -> Iterator[Row]:
    """All lines of the report: the findings, how the series fits the tree, then what was asked for besides."""
    if detail >= 0:
        yield from header_rows(report, width)
    elif report.judged.lost and report.series is not None:
        yield from wrapped(report.judged.line, width, "", "warning")
    told = Told(report, width, detail, links)
    for patch in in_order(report):
        found = [each for each in report.shown if each.patch == patch.index and not each.preexisting]
        if found:
            yield row(printable(patch.subject), "title")
            yield row()
            for fold in folded(found):
                yield from told.finding_rows(fold)
    if detail >= 0:
        if report.remarks:
            from patchscan.report.answered import remark_lines

            lines = remark_lines(report.remarks)
            yield from section_rows("Review remarks on the previous revision", lines, width)
        reading = reading_lines(report, whole=detail > 0)
        yield from section_rows("How the patches were read", reading, width)
    if detail > 0:
        yield from told.other_models()
        yield from section_rows("Cost", cost_lines(report), width)
        yield from section_rows("There before the patch", before_lines(report), width)
        yield from section_rows("Not checked", unchecked_lines(report, whole=True), width)
        yield from section_rows("Set aside", suppressed_lines(report), width)
        yield from section_rows("Looked at and silent", silent_lines(report), width)
    yield from problem_rows(report, width, detail)
    seconds = [f"{each:8.3f} s  {name}" for name, each in report.timings]
    yield from section_rows("Time", seconds, width)
    if detail >= 0 and report.series is not None:
        for line in dict.fromkeys((report.base, *report.judged.reduced)):
            yield from wrapped(line, width, "")
    if detail == 0 and (more := more_lines(report)):
        yield from wrapped(f"with -v also: {', '.join(more)}", width, "", "quote")
    if detail >= 0 or report.series is None:
        yield row(summary(report), "title")


def more_lines(report: Report) -> tuple[str, ...]:
    """What the report holds that is not told unless it is asked for, in counts."""
    others = [model.verdict for model in without_finding(report)]
    verdicts = ", ".join(f"{count} {word}" for word in VERDICTS if (count := others.count(word)))
    counted = (
        (len(others), "model", f" ({verdicts})"),
        (len(report.costs), "cost", ""),
        (sum(each.preexisting for each in report.shown), "finding", " from before the series"),
        (len(unchecked_lines(report, whole=False)), "reason", " not to judge something"),
        (sum(each.suppressed is not None for each in report.findings), "finding", " set aside"),
    )
    return tuple(f"{number} {noun}{'s' * (number != 1)}{rest}" for number, noun, rest in counted if number)


def without_finding(report: Report) -> list[ModelResult]:
    """The models that no finding rests on."""
    if not report.models:
        return []
    from patchscan.report.models import proofs

    proving = proofs(report)
    return [model for model in report.models if model.name not in proving]


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
    """What was scanned, below what could not be judged of it."""
    if report.series is None:
        return
    yield from wrapped(report.judged.line, width, "", "warning")
    yield row(f"{printable(report.series.title)} (v{report.series.revision})", "title")
    for left in report.thread.left_out:
        yield from wrapped(
            f"left out: {left.series.title} (v{left.series.revision}): {left.why}", width, "  "
        )
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


class Told:
    """Puts findings into rows, and tells each interleaving once, below the first finding that rests on it."""

    def __init__(self, report: Report, width: int, detail: int, links: bool) -> None:
        self.report = report
        self.width = width
        self.detail = detail
        self.top = directory(report) if links else ""
        self.pages = {rule.name: rule for rule in report.rules} if links else {}
        self.models: dict[str, str] = {}

    def finding_rows(self, fold: Fold) -> Iterator[Row]:
        """One finding: place, rule, the line it speaks of, the reason and the evidence; then where else it holds."""
        finding = fold.finding
        model = self.report.model_of(finding)
        place = (
            f"{finding.path}:{finding.line}"
            if finding.path != CHANGELOG
            else f"changelog line {finding.line}"
        )
        severity = (finding.severity, finding.severity)
        page = self.page_of(finding)
        rule = (finding.rule, f"link {page}" if page else "")
        yield Row(
            (
                ("  ", ""),
                (printable(place), linked(finding.path, self.top)),
                (": ", ""),
                severity,
                (" ", ""),
                rule,
            )
        )
        if finding.text:
            code = printable(finding.text.expandtabs(8))
            yield Row(((f"{INDENT}> ", "quote"), (code, quotation(finding.path))))
        message = finding.message
        if model is not None and self.detail <= 0:
            from patchscan.report.models import without_basis

            message = without_basis(message)
        yield from wrapped(message, self.width, INDENT)
        # The steps of a model stand in its timeline.
        for each in () if finding.model else finding.evidence:
            text = f"{each.path}:{each.line}" if each.line else each.path
            style = linked(each.path, self.top)
            quoted = (printable(each.text.strip()), quotation(each.path))
            yield Row(((f"{INDENT}  ", ""), (printable(text), style), (": ", ""), quoted))
        if model is not None:
            yield from self.model_rows(model, place, told=message)
        if finding.repaired_by is not None:
            yield row(f"{INDENT}(patch {finding.repaired_by} of the series repairs this)")
        for other in places(fold):
            yield from wrapped(f"the same: {other}", self.width, INDENT)
        yield row()

    def page_of(self, finding: Finding) -> str:
        """Where the manual tells of a finding's rule, "" where nothing is linked."""
        if finding.rule not in self.pages:
            return ""
        from patchscan.report.pages import page_of

        return page_of(self.pages[finding.rule])

    def model_rows(self, model: ModelResult, place: str, told: str = "") -> Iterator[Row]:
        """The interleaving and what it rests on; told: what was said of it, which is not said again."""
        from patchscan.report.models import facts, timeline_lines, title

        steps = "\n".join(timeline_lines(model.timeline, self.width, places=False)) or model.name
        if steps in self.models:
            yield from wrapped(
                f"the interleaving at {self.models[steps]} shows this, too", self.width, INDENT
            )
            return
        self.models[steps] = place
        if model.timeline:
            yield row()
            yield from wrapped(f"how it comes about ({title(model)}):", self.width, INDENT)
        for line in timeline_lines(model.timeline, self.width - len(INDENT)):
            yield row(INDENT + line, "missed" if "-> misses step" in line else "")
        if model.timeline:
            yield row()
        for name, text in facts(model, whole=self.detail > 0):
            if text not in told:
                yield from wrapped(f"{name}: {text}", self.width, INDENT)

    def other_models(self) -> Iterator[Row]:
        """What models showed that no finding rests on: a line each, then each with all that belongs to it."""
        if not self.report.models:
            return
        from patchscan.report.models import judged, title, verdict

        yield row("Models", "title")
        for model in self.report.models:
            yield from wrapped(f"{title(model)}: {judged(model)}", self.width, "  ")
        yield row()
        for model in without_finding(self.report):
            yield from wrapped(f"{title(model)}: {verdict(model)}", self.width, "  ")
            yield from self.model_rows(model, f"the model {title(model)}")
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
