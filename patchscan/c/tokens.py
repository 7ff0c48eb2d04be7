"""C text with comments, strings and directives told apart, every offset kept."""

import re
from bisect import bisect_right
from functools import cached_property, lru_cache
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c import lexical
from patchscan.c.branches import Branches, Condition, branches

_HIDDEN = pattern(
    lexical.COMMENT + rb'|"(?:[^"\\\n]|\\.)*"?'
    rb"|'(?:[^'\\\n]|\\.)*'?",
    re.S,
)
_NEGATED = pattern(r"!\w+(\s*\(\s*\w+\s*\))?")
_ONE_QUESTION = pattern(r"\w+(\s*\(\s*\w+\s*\))?")
_BLANK = bytes(byte if byte == 10 else 32 for byte in range(256))


Hidden = Literal["comment", "string"]


@frozen
class Directive:
    """A preprocessor line with its continuation lines, comments blanked."""

    start: int
    text: bytes


@frozen
class Lexed:
    """A text and its parts, each of its length: masked without comments and strings, code without directives, too.

    hidden: (start, end, "comment" or "string") of what was blanked, in order.
    """

    text: bytes
    code: bytes
    masked: bytes
    hidden: tuple[tuple[int, int, Hidden], ...]
    directives: tuple[Directive, ...]

    def hidden_at(self, offset: int) -> Hidden | Literal[""]:
        """ "comment" or "string" where the offset stands in one, else ""."""
        index = bisect_right(self._hidden_starts, offset) - 1
        return self.hidden[index][2] if index >= 0 and offset < self.hidden[index][1] else ""

    def directive_at(self, offset: int) -> Directive | None:
        """The directive in which an offset stands."""
        index = bisect_right(self._directive_starts, offset) - 1
        if index < 0:
            return None
        directive = self.directives[index]
        return directive if offset < directive.start + len(directive.text) else None

    def conditions_at(self, offset: int) -> tuple[str, ...]:
        """The #if conditions that hold at an offset, outermost first; an include guard is none."""
        return tuple(_shown(block) for block in self._branches.at_offset(offset) if block)

    @cached_property
    def _hidden_starts(self) -> list[int]:
        return [start for start, _, _ in self.hidden]

    @cached_property
    def _directive_starts(self) -> list[int]:
        return [directive.start for directive in self.directives]

    @cached_property
    def _branches(self) -> Branches:
        return branches(self.masked)


# Of a file several symbols are asked for, one after the other.
@lru_cache(maxsize=32)
def lex(text: bytes) -> Lexed:
    """Tell the parts of a text apart; never raises, an open comment or string ends with the text or line."""
    hidden: list[tuple[int, int, Hidden]] = []
    directives: list[Directive] = []

    def hide(match: re.Match[bytes]) -> bytes:
        found = match.group()
        hidden.append((*match.span(), "comment" if found.startswith(b"/") else "string"))
        return found.translate(_BLANK)

    masked = _HIDDEN.sub(hide, text)
    code = bytearray(masked)
    for match in lexical.directives(masked):
        directives.append(Directive(match.start(), match.group()))
        code[match.start() : match.end()] = match.group().translate(_BLANK)
    return Lexed(text, bytes(code), masked, tuple(hidden), tuple(directives))


def _shown(block: tuple[Condition, ...]) -> str:
    """The conditions of one #if as one expression."""
    return " && ".join(_negated(each.expression) if each.negated else each.expression for each in block)


def _negated(condition: str) -> str:
    if _NEGATED.fullmatch(condition):
        return condition[1:]
    return "!" + condition if _ONE_QUESTION.fullmatch(condition) else f"!({condition})"
