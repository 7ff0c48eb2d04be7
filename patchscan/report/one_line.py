"""The formats of one line a finding: concise, github and the line protocol of b4. They differ in a template only."""

from collections.abc import Callable, Iterable, Iterator

from patchscan.basics.printable import printable
from patchscan.basics.record import replace
from patchscan.finding import CHANGELOG, Finding
from patchscan.report.tip import at_tip, place_at_tip
from patchscan.results import Report

GITHUB_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, form: str) -> str:
    """The findings in one of the line formats, problems after them where the format has a place for them."""
    return "".join(f"{line}\n" for line in LINES[form](report))


def concise(report: Report) -> Iterator[str]:
    """`path:line: severity: rule: message [patch N]`, as compilers write and editors read it; lines of the tip."""
    yield from (f"patchscan: {printable(line)}" for line in report.judged.lines)
    for finding in report.shown:
        note = f", repaired by patch {finding.repaired_by}" if finding.repaired_by else ""
        note += ", there before" if finding.preexisting else ""
        path, line = at_tip(report, finding.patch, finding.path, finding.line)
        where = place(replace(finding, path=path, line=line))
        said_of = "" if report.coverage.files else f" [patch {finding.patch}{note}]"
        yield f"{where}: {finding.severity}: {said(finding)}{said_of}"
    for problem in report.problems:
        yield f"{printable(problem.where)}: problem: {printable(problem.message)}"


def github(report: Report) -> Iterator[str]:
    """Workflow commands, which GitHub shows beside the code; a changelog's at the first file of its patch."""
    if report.judged.lost:
        yield f"::warning title=not fully judged::{escaped(report.judged.line)}"
    for each in report.judged.reduced:
        yield f"::notice title=judged with less::{escaped(each)}"
    for finding in report.shown:
        if finding.preexisting:
            continue
        path, line = place_at_tip(report, finding)
        properties = {"file": path, "line": str(line), "title": f"{finding.rule} (patch {finding.patch})"}
        fields = ",".join(f"{name}={escaped(value, ',:')}" for name, value in properties.items())
        yield f"::{GITHUB_LEVELS[finding.severity]} {fields}::{escaped(finding.message)}"


def b4(report: Report) -> Iterator[str]:
    """The line protocol of b4's per-patch checks: a line with ERROR: fails, any other warns."""
    if report.judged.lost:
        yield f"patchscan: WARNING:{' '.join(printable(report.judged.line).split())}"
    for finding in failing(report.findings):
        level = "ERROR" if finding.severity == "error" else "WARNING"
        yield f"{place(finding)}: {level}:{said(finding)}"


def failing(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings that a check should complain about: no hints, nothing old, repaired or suppressed."""
    return (finding for finding in findings if finding.counts and finding.severity != "info")


def place(finding: Finding) -> str:
    """Where a finding stands, as `path:line`."""
    path = "changelog" if finding.path == CHANGELOG else finding.path
    return f"{printable(path)}:{finding.line}"


def said(finding: Finding) -> str:
    """`rule: message` on one line."""
    return f"{finding.rule}: {printable(' '.join(finding.message.split()))}"


def escaped(text: str, more: str = "") -> str:
    """Text for a workflow command, where % and line ends (and in properties : and ,) have their own form."""
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + more else char for char in printable(text))


LINES: dict[str, Callable[[Report], Iterator[str]]] = {"concise": concise, "github": github, "b4": b4}
