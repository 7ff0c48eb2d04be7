"""What every rule is written with: Rule, what it is asked of (Context, ChangedFile) and what it says."""

from collections.abc import Callable, Iterator

from patchscan.basics.record import frozen
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.finding import Evidence, Finding, Silence

__all__ = ["ChangedFile", "Context", "Evidence", "Finding", "Rule", "Silence"]


@frozen
class Rule:
    """A rule: its text and its check, a pure generator over one patch in its series.

    name: kebab-case, says what is wrong; summary: one line; why: the reason, for `explain`; source: the
    kernel document, commit or review it rests on; severity: "error", "warning" or "info"; confidence: "high",
    "medium" or "low"; bad, good: examples, see patchscan.testing for their form; cover: whether it judges
    cover letters too, which have a changelog and no files; default: whether it runs where nobody selects it.
    """

    name: str
    summary: str
    why: str
    source: str
    severity: str
    confidence: str
    check: Callable[[Context], Iterator[Finding | Silence]]
    bad: tuple[str, ...]
    good: tuple[str, ...]
    cover: bool = False
    default: bool = True
