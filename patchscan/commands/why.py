"""What every rule made of one line of a series."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from textwrap import wrap

from patchscan.basics.orders import inert
from patchscan.basics.printable import printable
from patchscan.basics.usage import CLEAN, UNUSABLE, UsageError
from patchscan.finding import CHANGELOG, Finding, Silence
from patchscan.results import Report
from patchscan.tree import Tree


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `patchscan why`."""
    from patchscan.commands.arguments import series_arguments

    text = "as for scan, then the line to explain, by its number in the file after the patch"
    command.add_argument("series", nargs="+", metavar="SERIES PATH:LINE", help=text)
    series_arguments(command)


def run(options: argparse.Namespace) -> int:
    """What every rule makes of one line; raises UsageError where the series does not show that line."""
    from patchscan.commands.loading import load_tools
    from patchscan.commands.naming import default_series
    from patchscan.commands.scan import report_on

    *options.series, place = options.series
    path, _, line = place.rpartition(":")
    if not path or not (line.isdecimal() and len(line) < 10):
        raise UsageError("why takes a series and PATH:LINE, e.g. `patchscan why v2.mbox mm/gup.c:120`")
    options.series = options.series or default_series(options.tree)
    tools = load_tools(options)
    report = report_on(options.series, options, tools)
    if report.series is not None:
        check_there(report, path, int(line), tools.tree)
    sys.stdout.write(explain_line(report, path, int(line)))
    return CLEAN if report.series else UNUSABLE


def check_there(report: Report, path: str, line: int, tree: Tree | None) -> None:
    """Raise UsageError for a line that the series does not show, unless the file in the tree has it."""
    said: tuple[Finding | Silence, ...] = (*report.findings, *report.silences)
    assert report.series is not None
    if any((each.path, each.line) == (path, line) for each in said):
        return
    if path == CHANGELOG:
        lengths = [len(mail.changelog) for mail in report.series.mails]
        if not 1 <= line <= max(lengths):
            raise UsageError(
                f"{CHANGELOG}:{line}: the longest changelog of the series has {max(lengths)} lines"
            )
        return
    files = [change for patch in report.series.patches for change in patch.files if change.path == path]
    if not files:
        from patchscan.basics.nearest import did_you_mean

        paths = {change.path for patch in report.series.patches for change in patch.files}
        near = did_you_mean(path, paths) or f"; it changes {', '.join(sorted(paths)[:3])}"
        raise UsageError(f"{path}: the series does not change this file{near}")
    content = tree.read(path) if tree else None
    if content is not None:
        grown = sum(hunk.new_count - hunk.old_count for one in files for hunk in one.hunks)
        length = content.count(b"\n") + max(grown, 0)
        if not 1 <= line <= length:
            raise UsageError(f"{path}:{line}: this file has about {length} lines")
        return
    spans = [(hunk.new_start, hunk.new_start + hunk.new_count - 1) for one in files for hunk in one.hunks]
    if not any(first <= line <= last for first, last in spans):
        raise UsageError(f"{path}:{line}: no hunk of the series shows this line; it shows {spelled(spans)}")


def spelled(spans: Iterable[tuple[int, int]]) -> str:
    """Lines as one says them, of many hunks the first ones."""
    kept = sorted({span for span in spans if span[0] <= span[1]})
    words = [f"{first}-{last}" for first, last in kept[:8]]
    return ", ".join(words) + (" and others" if len(kept) > 8 else "") or "none"


def explain_line(report: Report, path: str, line: int) -> str:
    """A line a rule that looked there: its finding, or why it was silent; then the rules that had nothing to judge.

    path, line: as in a finding, "(changelog)" for a changelog; the answer covers every patch of the series.
    """
    said: tuple[Finding | Silence, ...] = (*report.findings, *report.silences)
    there = [each for each in said if (each.path, each.line) == (path, line)]
    rows = [f"{printable(path)}:{line}"]
    rows += [
        f"  {each.rule}: {described(each)}"
        for each in sorted(there, key=lambda each: (each.rule, each.patch))
    ]
    spoke = {each.rule for each in there}
    rest = ", ".join(rule.name for rule in report.rules if rule.name not in spoke)
    if rest:
        text = f"nothing on this line that these rules judge: {rest}"
        rows += wrap(text, 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return inert("\n".join(rows) + "\n")


def described(remark: Finding | Silence) -> str:
    """One remark in words."""
    where = f"(patch {remark.patch})"
    if isinstance(remark, Finding):
        return f"{remark.severity}: {printable(remark.message)} {where}"
    return f"{'silent' if remark.checked else 'not checked'}: {printable(remark.reason)} {where}"
