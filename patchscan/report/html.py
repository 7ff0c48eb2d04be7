"""The report as one page: no network, works from a file, light and dark, on paper and on a phone.

Everything that comes from mail goes through Jinja2's escaping and through `printable`; the page's own policy
forbids it to load or to run anything but the one script it holds.
"""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from patchscan.basics.pattern import pattern
from patchscan.basics.printable import printable
from patchscan.basics.record import frozen
from patchscan.basics.usage import LEVELS
from patchscan.diff.write import diff_of
from patchscan.finding import CHANGELOG, Finding
from patchscan.report.answered import remark_lines
from patchscan.report.models import proofs, timeline_lines, title, verdict, without_basis
from patchscan.report.picture import picture
from patchscan.report.prose import shown
from patchscan.report.text import reading_lines, summary, unchecked_lines
from patchscan.results import ModelResult, Report
from patchscan.series import Patch
from patchscan.tree.overlay import FileState

TEMPLATES = Path(__file__).parent
# A picture higher than this does not fit a sheet of paper; so many columns have paper and a phone for steps as lines.
HIGHEST = 1300
PAPER = 92
PHONE = 38
_HEIGHT = pattern(r' height="(\d+)"')
WORST_FIRST = ("unsafe", "unknown", "safe")


@frozen
class ShownLine:
    """A line of a diff or changelog: its number, what it is ("+", "-", " ", "@" or ""), its text and its findings."""

    number: int | None
    kind: str
    text: str
    findings: tuple[Finding, ...] = ()


# The findings by (path, line).
OnLines = dict[tuple[str, int | None], list[Finding]]


@frozen
class ShownFile:
    """A file of a patch: its lines and whether a finding stands on one of them."""

    state: FileState
    lines: tuple[ShownLine, ...]

    @property
    def remarked(self) -> bool:
        return any(line.findings for line in self.lines)


@frozen
class ShownPatch:
    """A patch: its changelog and files as lines, and the findings on what it does not show."""

    patch: Patch
    findings: tuple[Finding, ...]
    changelog: tuple[ShownLine, ...]
    files: tuple[ShownFile, ...]
    elsewhere: tuple[Finding, ...]


def render(report: Report) -> str:
    """The page, ending in a newline."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    page = (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            summary=summary(report),
            gravest=sorted(report.findings, key=lambda each: (not each.counts, -LEVELS.index(each.severity))),
            severities=[
                each for each in reversed(LEVELS) if any(f.severity == each for f in report.findings)
            ],
            rule_names=sorted({each.rule for each in report.findings}),
            patch_numbers=sorted({each.patch for each in report.findings}),
            patches=shown_patches(report),
            matrix=matrix(report.models),
            models=sorted(report.models, key=lambda each: each.name not in proofs(report)),
            proofs=proofs(report),
            model_number=[model.name for model in report.models].index,
            picture=lambda model: Markup(picture(model.timeline)),
            costs=costs(report),
            remarks=remark_lines(report.remarks),
            reading=reading_lines(report, whole=True),
            unchecked=unchecked_lines(report, whole=True),
            style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
            script=Markup(script),
            script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        )
    )
    return page.rstrip("\n") + "\n"


def costs(report: Report) -> Markup:
    """The section on cost; its module is loaded only where there is something to say."""
    if not report.costs:
        return Markup("")
    from patchscan.cost.page import cost_section

    return Markup(cost_section(report.costs))


def environment() -> Environment:
    """Jinja2 with escaping on, names checked, and no character that hides or commands in any text."""

    def harmless(value: Any) -> Any:
        return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["code"] = code
    made.filters["said"] = said
    made.filters["steps"] = lambda model, width: "\n".join(timeline_lines(model.timeline, width))
    made.globals.update(PAPER=PAPER, PHONE=PHONE)
    made.tests["tall"] = is_tall
    made.filters["diff"] = diff_of
    made.filters["place"] = place
    made.filters["verdict"] = verdict
    made.filters["title_of"] = title
    return made


def said(finding: Finding) -> str:
    """The message; what a model's claim rests on stands with the model."""
    return without_basis(finding.message) if finding.model else finding.message


def is_tall(model: ModelResult) -> bool:
    """Whether the picture of a model is too high for a sheet of paper."""
    height = _HEIGHT.search(picture(model.timeline))
    return height is not None and int(height[1]) > HIGHEST


def code(text: str) -> Markup:
    """Text of several lines, tabs and line ends kept."""
    return Markup("\n").join(escape(shown(line)) for line in text.split("\n"))


def place(finding: Finding) -> str:
    """Where a finding stands, in words."""
    if finding.path == CHANGELOG:
        return f"changelog, line {finding.line}"
    return f"{finding.path}:{finding.line}"


def shown_patches(report: Report) -> list[ShownPatch]:
    """Every patch, and the cover letter where something is said of it."""
    files = {state.patch.index: state.files for state in report.states}
    mails = report.series.mails if report.series else ()
    by_patch: dict[int, list[Finding]] = {}
    for finding in report.findings:
        by_patch.setdefault(finding.patch, []).append(finding)
    return [
        shown_patch(mail, by_patch.get(mail.index, ()), files.get(mail.index, ()))
        for mail in mails
        if mail.index or 0 in by_patch
    ]


def shown_patch(patch: Patch, findings: Sequence[Finding], states: Sequence[FileState]) -> ShownPatch:
    """One patch with each finding at its line."""
    on: OnLines = {}
    for each in findings:
        on.setdefault((each.path, each.line), []).append(each)
    changelog = tuple(
        ShownLine(number, "", text, tuple(on.get((CHANGELOG, number), ())))
        for number, text in enumerate(patch.changelog, 1)
    )
    files = tuple(shown_file(state, on) for state in states)
    lines = [*changelog, *(line for file in files for line in file.lines)]
    placed = {id(finding) for line in lines for finding in line.findings}
    elsewhere = tuple(finding for finding in findings if id(finding) not in placed)
    return ShownPatch(patch, tuple(findings), changelog, files, elsewhere)


def shown_file(state: FileState, on: OnLines) -> ShownFile:
    """The hunks of one file, each below its head."""
    lines = []
    for hunk in state.change.hunks:
        sides = f"-{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count}"
        lines.append(ShownLine(None, "@", f"@@ {sides} @@ {hunk.section}"))
        lines += [
            ShownLine(line.new, line.kind, line.text, tuple(on.get((state.change.path, line.new), ())))
            for line in hunk.lines
        ]
    return ShownFile(state, tuple(lines))


def matrix(models: Sequence[ModelResult]) -> tuple[list[str], list[tuple[str, list[list[ModelResult]]]]]:
    """(configurations, (scheme, its models under each configuration, by patch)), in the order of the report."""
    configs = list(dict.fromkeys(model.config for model in models))
    rows = []
    for scheme in dict.fromkeys(model.scenario for model in models):
        cells = [
            [each for each in models if (each.scenario, each.config) == (scheme, config)]
            for config in configs
        ]
        rows.append(
            (
                scheme,
                [
                    sorted(cell, key=lambda each: (each.patch, WORST_FIRST.index(each.verdict)))
                    for cell in cells
                ],
            )
        )
    return configs, rows
