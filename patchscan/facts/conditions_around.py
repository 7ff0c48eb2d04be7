"""The #if conditions around a line as one text."""

from collections.abc import Iterable

from patchscan.c.source import Condition, Source


def around(source: Source, line: int) -> str:
    """The conditions around a line, joined by "&&", "" where there are none; an include guard is none."""
    return joined(source.conditions_at(line))


def joined(conditions: Iterable[Condition]) -> str:
    """Conditions as one text."""
    return " && ".join(_shown(each) for each in conditions if not _is_guard(each))


def _is_guard(one: Condition) -> bool:
    return one.negated and one.expression.startswith("defined(_") and one.expression.endswith("_H)")


def _shown(one: Condition) -> str:
    # These bind less than "!".
    several = any(mark in one.expression for mark in "&|=<>+-?")
    return f"{'!' * one.negated}{f'({one.expression})' if several else one.expression}"
