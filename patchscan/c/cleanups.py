"""The variables of a function that are cleaned up where their block ends: guard(), CLASS() and __free()."""

from bisect import bisect_right
from collections.abc import Sequence

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.function import Function

MAKERS = ("guard(", "__free(", "__cleanup(", "CLASS(", "ACQUIRE(")
_MADE = pattern(
    rb"(?<=[;{}:])(\s*)(guard|CLASS|ACQUIRE)\s*\(|(?:\b(\w+)\s+)?\b__(?:free|cleanup)\s*\(\s*(\w+)\s*\)\s*(=?)\s*(NULL\s*;)?"
)
_BRACE = pattern(rb"[{}]")
# A function with more of them is none that somebody wrote.
_MOST = 200


@frozen
class Cleanup:
    """Such a variable: what makes it, its name and cleanup ("" where it is no __free()), how it begins, and its life.

    value: "none", "NULL" or "some"; at: where it is made, block and end: the braces of the block that it lives in.
    """

    maker: str
    name: str
    by: str
    value: str
    at: int
    block: int
    end: int

    def is_in_scope(self, offset: int) -> bool:
        """Whether the variable lives at an offset."""
        return self.at < offset < self.end


@kept
def cleanups_of(function: Function) -> tuple[Cleanup, ...]:
    """The variables with a cleanup that a whole function makes; none where an #if may leave out a brace."""
    code = function.source.code
    found = list(_MADE.finditer(code, function.brace, function.end))
    blocks = _blocks(function) if 0 < len(found) <= _MOST else []
    made = []
    for each in found:
        at = each.start(2) if each[2] else each.start()
        around = _innermost(blocks, at)
        if around is not None and not _is_in_parentheses(code, around[0], at):
            value = "none" if not each[5] else "NULL" if each[6] else "some"
            maker = "guard()" if each[2] == b"guard" else "the variable with a cleanup"
            name, by = (part.decode() if part else "" for part in (each[3], each[4]))
            made.append(Cleanup(maker, name, by, "some" if each[2] else value, at, *around))
    return tuple(made)


def _blocks(function: Function) -> list[tuple[int, int]]:
    """(opening brace, closing one) of each block, [] where they do not balance."""
    found: list[tuple[int, int]] = []
    opened: list[int] = []
    for brace in _BRACE.finditer(function.source.code, function.brace, function.end):
        if brace[0] == b"{":
            opened.append(brace.start())
        elif opened:
            found.append((opened.pop(), brace.start()))
    balanced = not opened and max((end for _, end in found), default=0) == function.end - 1
    return sorted(found) if balanced else []


def _innermost(blocks: Sequence[tuple[int, int]], at: int) -> tuple[int, int] | None:
    """The smallest block around an offset."""
    before = blocks[: bisect_right(blocks, (at, 0))]
    return next((each for each in reversed(before) if at < each[1]), None)


def _is_in_parentheses(code: bytes, opening: int, at: int) -> bool:
    """Whether an offset lies in the head of a for, whose variables live no longer than the loop."""
    text = code[opening:at]
    return text.count(b"(") > text.count(b")")
