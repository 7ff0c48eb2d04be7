"""Regular expressions that schemas hold: a mail may bring one that takes for ever, so only tame ones are tried."""

import re

from patchscan.basics.pattern import pattern

_LONGEST_EXPRESSION, _LONGEST_NAME = 200, 64
# A group that is repeated may hold what is repeated; more than three in a row are tried in each other's every way.
_REPEATED_GROUP = pattern(r"\)[*+{]")
_REPEATS = pattern(r"[*+{]")
_MOST_REPEATS = 3


def matches(expression: str, text: str, unsure: bool) -> bool:
    """Whether an expression is found in a text; unsure: the answer where that is not tried."""
    if len(expression) > _LONGEST_EXPRESSION or len(text) > _LONGEST_NAME:
        return unsure
    if _REPEATED_GROUP.search(expression) or len(_REPEATS.findall(expression)) > _MOST_REPEATS:
        return unsure
    try:
        return re.search(expression, text) is not None
    except (re.error, OverflowError, RecursionError):
        return unsure
