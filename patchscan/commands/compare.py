"""`patchscan compare`: what changed between two revisions of a series, in findings and in answers to review."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from patchscan.basics.fields import as_dict
from patchscan.basics.orders import inert
from patchscan.basics.printable import printable
from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen
from patchscan.basics.usage import UsageError
from patchscan.finding import Finding
from patchscan.report.rows import coloured
from patchscan.report.text import section_rows, summary
from patchscan.results import Answered, Report
from patchscan.series import Thread


@frozen
class Comparison:
    """Two reports; gone, kept, new: findings by fingerprint, the kept ones as the newer report has them.

    patches, trailers, draft: lines of patchscan.settling.changes.
    """

    old: Report
    new: Report
    gone: tuple[Finding, ...]
    kept: tuple[Finding, ...]
    added: tuple[Finding, ...]
    remarks: tuple[Answered, ...]
    patches: tuple[str, ...]
    trailers: tuple[str, ...]
    draft: tuple[str, ...]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    from patchscan.commands.arguments import at_least_one, colour_arguments, series_arguments

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
    colour_arguments(command)
    command.set_defaults(exit_zero=False)


def run(options: argparse.Namespace) -> int:
    """Compare and print; the exit status is that of a scan of NEW, the worst where archives hold several."""
    from patchscan.basics.usage import WORST_LAST
    from patchscan.commands.ending import tell
    from patchscan.commands.loading import load_tools
    from patchscan.commands.output import output_width, use_colour
    from patchscan.commands.reading import exit_status

    options.series = [options.new]
    tools = load_tools(options)
    colour = use_colour(None, options.color)
    done: list[Comparison] = []
    for older, newer in revisions(options):
        done.append(compare(tools.judge(older, tools.tree), tools.judge(newer, tools.tree)))
        if not options.json:
            before = "\n" if len(done) > 1 else ""
            sys.stdout.write(before + as_text(done[-1], output_width(), colour))
    if options.json:
        sys.stdout.write(as_json(done))
    tell(list(dict.fromkeys(line for one in done for line in lost_lines(one))))
    each = (2 if one.old.series is None else exit_status(one.new, options) for one in done)
    return max(each, key=WORST_LAST.index)


def revisions(options: argparse.Namespace) -> list[tuple[Thread, Thread]]:
    """What to compare: the series of NEW, each with its older revision in OLD. Raises UsageError where none has one."""
    from patchscan.basics.streams import say
    from patchscan.commands.reading import read_all
    from patchscan.settling.revisions import pairs_of

    newer = read_all([options.new], options)
    older = read_all([options.old], argparse.Namespace(**{**vars(options), "revision": options.old_revision}))
    if options.old_revision is not None and len(older) == len(newer) == 1:
        return [(older[0], newer[0])]
    found = pairs_of(older, newer)
    if not found:
        raise UsageError(
            f"{options.new} holds {len(newer)} series and {options.old} {len(older)}, none of them a later revision "
            "of another: name an mbox of one series each"
        )
    if left := len(newer) - len(found):
        what = f"{left} of {len(newer)} series in {options.new}"
        say(f"patchscan: {what}: no older revision in {options.old}; left out")
    return found


def compare(old: Report, new: Report) -> Comparison:
    """Hold two reports against each other."""
    from patchscan.settling.alignment import Alignment
    from patchscan.settling.changes import draft, patch_changes, trailer_changes
    from patchscan.settling.remarks import answers

    before = {finding.fingerprint: finding for finding in old.findings if finding.counts}
    after = {finding.fingerprint: finding for finding in new.findings if finding.counts}
    remarks = answers(old.thread, new.series) if new.series else ()
    alignment = Alignment(old.series, new.series) if old.series and new.series else None
    patches = tuple(patch_changes(alignment)) if alignment else ()
    return Comparison(
        old=old,
        new=new,
        gone=tuple(finding for key, finding in before.items() if key not in after),
        kept=tuple(finding for key, finding in after.items() if key in before),
        added=tuple(finding for key, finding in after.items() if key not in before),
        remarks=remarks,
        patches=patches,
        trailers=tuple(dict.fromkeys(trailer_changes(old.thread, alignment))) if alignment else (),
        draft=tuple(draft(alignment, remarks, patches)) if alignment else (),
    )


def as_text(comparison: Comparison, width: int, colour: bool = False) -> str:
    """The comparison for a terminal; colour: with findings and verdicts as tables."""
    from patchscan.report.answered import STATES, is_open, remark_lines

    parts: list[str] = [f"{heading(comparison.old)} -> {heading(comparison.new)}\n\n"]

    def tell(title: str, lines: Sequence[str]) -> None:
        rows = tuple(section_rows(title, lines, width))
        plain = ("".join(text for text, _ in row.pieces).rstrip() + "\n" for row in rows)
        parts.append(coloured(rows) if colour and rows else "".join(plain))

    tell("Lost", list(lost_lines(comparison)))
    tell("Patches", comparison.patches)
    tell("Trailers", comparison.trailers)
    for title, findings in (
        ("Findings gone", comparison.gone),
        ("Findings kept", comparison.kept),
        ("Findings new", comparison.added),
    ):
        if colour and findings:
            parts.append(finding_table(title, findings, width))
        else:
            tell(title, finding_lines(findings))
    if colour and (changed := verdict_changes(comparison)):
        from patchscan.basics.columns import drawn

        rows = [[printable(each) for each in row] for row in changed]
        parts.append(drawn(("model", "before", "now"), rows, width, title="Verdicts", whole=(1, 2)))
    else:
        tell("Verdicts", verdict_lines(comparison))
    tell("Problems", [f"{each.where}: {each.message}" for each in problems(comparison)])
    tell("A draft of what changed", comparison.draft)
    tell("Review remarks, open ones last", remark_lines(comparison.remarks))
    open_remarks = sum(map(is_open, comparison.remarks))
    counts = f"{len(comparison.gone)} gone, {len(comparison.kept)} kept, {len(comparison.added)} new"
    states = Counter(remark.state for remark in comparison.remarks)
    each = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    count = len(comparison.remarks)
    remarks = f"{count} remark{'s' * (count != 1)}{f' ({each})' if each else ''}, {open_remarks} of them open"
    parts.append(f"{remarks}; findings: {counts}\n")
    return inert("".join(parts))


def finding_table(title: str, findings: Sequence[Finding], width: int) -> str:
    """Findings as a table."""
    from patchscan.basics.columns import drawn

    rows = [
        [
            printable(text)
            for text in (
                f"{each.path}:{each.line}",
                str(each.patch),
                each.severity,
                each.rule,
                each.message,
            )
        ]
        for each in findings
    ]
    return drawn(("where", "patch", "severity", "rule", "what"), rows, width, title=title, whole=(1, 2))


def verdict_lines(comparison: Comparison) -> list[str]:
    """A line for each model whose verdict differs between the revisions, or that only one of them has."""
    return [f"{name}: {before} -> {after}" for name, before, after in verdict_changes(comparison)]


def verdict_changes(comparison: Comparison) -> list[tuple[str, str, str]]:
    """(model, verdict on the older revision, that on the newer one) where these differ."""
    before, after = (
        {model.name: model.verdict for model in report.models} for report in (comparison.old, comparison.new)
    )
    return [
        (name, before.get(name, "not there"), after.get(name, "not there"))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def heading(report: Report) -> str:
    """What is compared."""
    if report.series is None:
        return summary(report)
    return f"{printable(report.series.title)} (v{report.series.revision})"


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """A line a finding."""
    return [
        f"{each.path}:{each.line}: {each.severity} {each.rule}: {each.message} [patch {each.patch}]"
        for each in findings
    ]


def lost_lines(comparison: Comparison) -> Iterator[str]:
    """What was not judged of either revision: what is said to be gone or new may be there all the same."""
    for which, report in (("older", comparison.old), ("newer", comparison.new)):
        if report.judged.lost:
            yield f"{which}: {report.judged.line}"


def problems(comparison: Comparison) -> Iterator[Problem]:
    """What could not be read of either."""
    yield from dict.fromkeys((*comparison.old.problems, *comparison.new.problems))


def as_json(comparisons: Sequence[Comparison]) -> str:
    """One JSON object: the comparison, or "comparisons" where archives hold several."""
    each = [comparison_dict(one) for one in comparisons]
    return json.dumps(each[0] if len(each) == 1 else {"schema": 1, "comparisons": each}, indent=2) + "\n"


def comparison_dict(comparison: Comparison) -> dict[str, object]:
    """A comparison as plain data."""
    from patchscan.report.json import finding_dict

    findings = {"gone": comparison.gone, "kept": comparison.kept, "new": comparison.added}
    return {
        "schema": 1,
        "old": revision_dict(comparison.old),
        "new": revision_dict(comparison.new),
        "remarks": [as_dict(remark) for remark in comparison.remarks],
        "patches": list(comparison.patches),
        "trailers": list(comparison.trailers),
        "verdicts": verdict_lines(comparison),
        "draft": list(comparison.draft),
        "not_judged": {
            "old": [as_dict(each) for each in comparison.old.judged.lost],
            "new": [as_dict(each) for each in comparison.new.judged.lost],
        },
        "findings": {name: [finding_dict(each) for each in some] for name, some in findings.items()},
        "problems": [as_dict(each) for each in problems(comparison)],
    }


def revision_dict(report: Report) -> dict[str, str | int] | None:
    """Which series, None where none was found."""
    series = report.series
    if series is None:
        return None
    return {"title": series.title, "revision": series.revision, "message_id": series.message_id}
