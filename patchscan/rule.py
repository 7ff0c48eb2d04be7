"""What a rule is and what it says: Rule, Finding, Silence."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from patchscan.basics.record import frozen
from patchscan.finding import Finding, Silence

if TYPE_CHECKING:
    from patchscan.context import Context


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
    check: Callable[["Context"], Iterator[Finding | Silence]]
    bad: tuple[str, ...]
    good: tuple[str, ...]
    cover: bool = False
    default: bool = True
