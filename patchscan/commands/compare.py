"""`patchscan compare`: what changed between two revisions of a series, in findings and in answers to review."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from patchscan.basics.orders import inert
from patchscan.basics.printable import printable
from patchscan.basics.problem import Problem
from patchscan.basics.record import as_dict, frozen
from patchscan.finding import Finding
from patchscan.report.text import section_rows, summary
from patchscan.results import Answered, Report


@frozen
class Comparison:
    """Two reports; gone, kept, new: findings by fingerprint, the kept ones as the newer report has them."""

    old: Report
    new: Report
    gone: tuple[Finding, ...]
    kept: tuple[Finding, ...]
    added: tuple[Finding, ...]
    remarks: tuple[Answered, ...]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    from patchscan.commands.arguments import at_least_one, series_arguments

    command.add_argument(
        "old", metavar="OLD", help="the older revision, with its replies where they are at hand"
    )
    command.add_argument("new", metavar="NEW", help="the newer revision")
    series_arguments(command)
    command.add_argument("--old-revision", type=at_least_one, metavar="N", help="this revision of OLD")
    command.add_argument("--json", action="store_true", help="as one JSON object")
    command.add_argument(
        "--severity", choices=("info", "warning", "error"), default="warning", help="as for scan"
    )
    command.set_defaults(exit_zero=False)


def run(options: argparse.Namespace) -> int:
    """Compare and print; the exit status is that of a scan of NEW."""
    from patchscan.commands.loading import load_tools
    from patchscan.commands.output import output_width
    from patchscan.commands.reading import exit_status, read

    options.series = [options.new]
    tools = load_tools(options)
    old = tools.judge(read([options.old], options.old_revision, options), tools.tree)
    new = tools.judge(read([options.new], options.revision, options), tools.tree)
    comparison = compare(old, new)
    text = as_json(comparison) if options.json else as_text(comparison, output_width())
    sys.stdout.write(text)
    return 2 if old.series is None else exit_status(new, options)


def compare(old: Report, new: Report) -> Comparison:
    """Hold two reports against each other."""
    from patchscan.settling.remarks import answers

    before = {finding.fingerprint: finding for finding in old.findings if finding.counts}
    after = {finding.fingerprint: finding for finding in new.findings if finding.counts}
    return Comparison(
        old=old,
        new=new,
        gone=tuple(finding for key, finding in before.items() if key not in after),
        kept=tuple(finding for key, finding in after.items() if key in before),
        added=tuple(finding for key, finding in after.items() if key not in before),
        remarks=answers(old.thread, new.series) if new.series else (),
    )


def as_text(comparison: Comparison, width: int) -> str:
    """The comparison for a terminal."""
    from patchscan.report.answered import remark_lines

    sections = (
        ("Review remarks", remark_lines(comparison.remarks)),
        ("Findings gone", finding_lines(comparison.gone)),
        ("Findings kept", finding_lines(comparison.kept)),
        ("Findings new", finding_lines(comparison.added)),
        ("Problems", [f"{each.where}: {each.message}" for each in problems(comparison)]),
    )
    rows = [f"{heading(comparison.old)} -> {heading(comparison.new)}", ""]
    for title, lines in sections:
        for row in section_rows(title, lines, width):
            rows.append("".join(text for text, _ in row.pieces).rstrip())
    open_remarks = sum(remark.state == "unchanged" for remark in comparison.remarks)
    counts = f"{len(comparison.gone)} gone, {len(comparison.kept)} kept, {len(comparison.added)} new"
    rows.append(
        f"{len(comparison.remarks)} remarks, {open_remarks} on lines that are the same; findings: {counts}"
    )
    return inert("\n".join(rows) + "\n")


def heading(report: Report) -> str:
    """What is compared."""
    if report.series is None:
        return summary(report)
    return f"{printable(report.series.title)} (v{report.series.revision})"


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """A line a finding."""
    return [f"{each.path}:{each.line}: {each.severity} {each.rule}: {each.message}" for each in findings]


def problems(comparison: Comparison) -> Iterator[Problem]:
    """What could not be read of either."""
    yield from dict.fromkeys((*comparison.old.problems, *comparison.new.problems))


def as_json(comparison: Comparison) -> str:
    """The comparison as one JSON object."""
    from patchscan.report.json import finding_dict

    findings = {"gone": comparison.gone, "kept": comparison.kept, "new": comparison.added}
    data = {
        "schema": 1,
        "old": revision_dict(comparison.old),
        "new": revision_dict(comparison.new),
        "remarks": [as_dict(remark) for remark in comparison.remarks],
        "findings": {name: [finding_dict(each) for each in some] for name, some in findings.items()},
        "problems": [as_dict(each) for each in problems(comparison)],
    }
    return json.dumps(data, indent=2) + "\n"


def revision_dict(report: Report) -> dict[str, str | int] | None:
    """Which series, None where none was found."""
    series = report.series
    if series is None:
        return None
    return {"title": series.title, "revision": series.revision, "message_id": series.message_id}
