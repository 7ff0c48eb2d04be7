"""What every rule is written with: Rule, what it is asked of (a Context) and what it says (a Finding).

Beside them stand the values that these hand out (files, lines, functions, calls) and the words to write a check with
(frozen, pattern). What one rule alone asks, it imports from the room that knows.
"""

from collections.abc import Callable, Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.c.source import (
    Call,
    Condition,
    Control,
    Export,
    Function,
    Macro,
    Source,
    Variable,
    parse,
    source_of,
)
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.finding import Confidence, Evidence, Finding, Fix, GivenSeverity, Severity, Silence
from patchscan.series import Hunk, Line, Patch, Series, Trailer

__all__ = [
    "Call",
    "ChangedFile",
    "Condition",
    "Context",
    "Control",
    "Evidence",
    "Export",
    "Finding",
    "Fix",
    "Function",
    "GivenSeverity",
    "Hunk",
    "Line",
    "Macro",
    "Patch",
    "Rule",
    "Series",
    "Silence",
    "Source",
    "Trailer",
    "Variable",
    "frozen",
    "parse",
    "pattern",
    "replace",
    "source_of",
]


@frozen
class Rule:
    """A rule: its text and its check, a pure generator over one patch in its series.

    name: kebab-case, says what is wrong; summary: one line; why: the reason, for `explain`; source: the
    kernel document, commit or review it rests on; severity: "error", "warning" or "info"; confidence: "high",
    "medium" or "low"; bad, good: examples, see patchscan.testing for their form; cover: whether it judges
    cover letters too, which have a changelog and no files; default: whether it runs where nobody selects it.

    What a patch can need is told before a rule's code is loaded: wakes: texts in lower case, one of which must occur
    in what the patch says and changes (Context.changed_text) for the check to say anything; none: it is always asked;
    in_code: texts one of which must stand in the code at hand for it to say anything, in the C files of the series
    as far as they are known; a tree holds them all; needs_tree: whether without a tree it has nothing to say, which
    makes it blind there; added: words one of which must stand on an added line of a C file.

    by_file: whether it judges each file by what that file holds, whatever else the patch changes: of a patch of many
    files it is then asked some at a time. What it asks of the others it asks of Context.whole.

    by_effect: whether, judging by file, it also heeds only what code does, not how it is written and named: of what a
    patch only renames it is then not asked (see patchscan.renaming).
    """

    name: str
    summary: str
    why: str
    source: str
    severity: Severity
    confidence: Confidence
    check: Callable[[Context], Iterator[Finding | Silence]]
    bad: tuple[str, ...]
    good: tuple[str, ...]
    cover: bool = False
    default: bool = True
    wakes: tuple[str, ...] = ()
    needs_tree: bool = False
    in_code: tuple[str, ...] = ()
    added: frozenset[str] = frozenset()
    by_file: bool = False
    by_effect: bool = False

    def sleeps_on(self, context: Context) -> bool:
        """Whether the rule has nothing to say of a patch, by what it tells beforehand."""
        if self.added and self.added.isdisjoint(context.raw_words):
            return True
        if self.needs_tree and not context.has_tree:
            return True
        text = context.changed_text if self.wakes else ""
        if self.wakes and not any(word in text for word in self.wakes):
            return True
        return bool(self.in_code) and not context.may_hold(self.in_code)
