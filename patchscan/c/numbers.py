"""The number that an expression plainly is."""

from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.function import Function
from patchscan.c.source import Source, source_of

if TYPE_CHECKING:
    from tree_sitter import Node

_NUMBER = pattern(r"\(*\s*(-?)\s*(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)[uU]?[lL]{0,2}[uU]?\s*\)*")
_BIT = pattern(r"\(*\s*BIT(?:_ULL)?\(\s*(\d+)\s*\)\s*\)*|\(*\s*1[uU]?[lL]{0,2}\s*<<\s*(\d+)\s*\)*")
_MASK = pattern(r"\(*\s*GENMASK(?:_ULL)?\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*\)*")
# A bit of an int, and of what is wider.
_LAST_OF_INT, _LAST = 30, 63


def number_of(function: Function, node: "Node") -> int | None:
    """The number that an expression is: written, a bit, a mask, or a macro of the file that is one of these."""
    text = function.source.text_of(node)
    if node.type == "identifier" and text.isupper():
        text = _constants(source_of(function)).get(text, "")
    return number_in(text.strip())


@kept
def _constants(source: Source) -> dict[str, str]:
    """What the macros of a text without parameters stand for; "" where one is defined twice."""
    found: dict[str, str] = {}
    for macro in source.macros():
        if macro.parameters is None:
            found[macro.name] = macro.body if found.get(macro.name, macro.body) == macro.body else ""
    return found


def number_in(text: str) -> int | None:
    """The number that a text is."""
    found = _NUMBER.fullmatch(text)
    if found:
        digits = found[2]
        value = int(digits, 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10)
        return -value if found[1] else value
    mask = _MASK.fullmatch(text)
    if mask:
        high, low = int(mask[1]), int(mask[2])
        return ((1 << (high - low + 1)) - 1) << low if low <= high <= _LAST else None
    bit = _BIT.fullmatch(text)
    if bit is None:
        return None
    shift, most = (int(bit[1]), _LAST) if bit[1] else (int(bit[2]), _LAST_OF_INT)
    return 1 << shift if shift <= most else None
