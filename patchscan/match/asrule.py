"""A row as a rule. What matches and judges is loaded by the first patch that wakes a row."""

from collections.abc import Iterator
from functools import partial

from patchscan.context import Context
from patchscan.finding import Finding, Silence
from patchscan.match.row import Row
from patchscan.match.waking import woken_files
from patchscan.rule import Rule


def rule_of(row: Row) -> Rule:
    """The row as a rule."""
    return Rule(
        row.name,
        row.summary,
        row.why,
        row.source,
        row.severity,
        row.confidence,
        partial(check, row),
        row.bad,
        row.good,
        False,
        row.default != "off",
    )


def check(row: Row, context: Context) -> Iterator[Finding | Silence]:
    """Every new place in the patch that fits the row and where its conditions hold."""
    files = woken_files(row, context)
    if files:
        from patchscan.match.check import check_files

        yield from check_files(row, context, files)
