"""A row as a rule. What matches and judges is loaded by the first patch that wakes a row."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from patchscan.context import Context
from patchscan.finding import Finding, Silence
from patchscan.match.row import PLACES, Row, row_from
from patchscan.match.waking import woken_files
from patchscan.rule import Rule

_TEXTS = tuple(PLACES[name] for name in ("name", "summary", "why", "source", "severity", "confidence"))
_BAD, _GOOD, _DEFAULT, _WORDS = (PLACES[name] for name in ("bad", "good", "default", "words"))


def rule_of(kept: tuple[Any, ...]) -> Rule:
    """What is kept of a row (see patchscan.match.row.plain_of) as a rule."""
    texts = [kept[place] for place in _TEXTS]
    asked = partial(check, kept, [])
    # All fields, for a record is made much sooner where none is left to its default.
    default = kept[_DEFAULT] != "off"
    values = (*texts, asked, kept[_BAD], kept[_GOOD], False, default, (), False, (), kept[_WORDS], True)
    return Rule(*values)


def check(kept: tuple[Any, ...], made: list[Row], context: Context) -> Iterator[Finding | Silence]:
    """Every new place in the patch that fits the row and where its conditions hold; made: the row, once it was."""
    if not made:
        made.append(row_from(kept))
    row = made[0]
    files = woken_files(row, context)
    if files:
        from patchscan.match.check import check_files

        yield from check_files(row, context, files)
