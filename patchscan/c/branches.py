"""The one reader of C's #if: which directives belong together, and the conditions that hold at every place."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import Final

from patchscan.basics.formula import Formula, all_of, read_condition
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.lexical import blank, directives

OPENS: Final = ("if", "ifdef", "ifndef")
_NAMES: Final = frozenset((*OPENS, "elif", "elifdef", "elifndef", "else", "endif"))
_CONTINUED = pattern(rb"\\\r?\n")
_GUARDED = pattern(r"!\s*defined\s*\(?\s*(\w+)\s*\)?$")


@frozen
class Condition:
    """A preprocessor condition that a line stands under.

    expression: as written ("defined(CONFIG_SMP)" for #ifdef CONFIG_SMP); negated: True in the branch for
    which it does not hold; line: of the directive that states it.
    """

    expression: str
    negated: bool
    line: int


@frozen
class Branch:
    """A conditional directive: its offsets, its line, its name without "#", and the text behind that on one line.

    opener: the number among the text's conditional directives of the #if that it belongs to, its own for one that
    opens, -1 where that stands above the text.
    """

    start: int
    end: int
    line: int
    name: str
    text: str
    opener: int


@frozen(eq=False)
class Held:
    """What holds at a place: a condition, those outside of it, and how many #if stand around its own."""

    outer: "Held | None"
    condition: Condition
    depth: int


@frozen(eq=False)
class Branches:
    """The conditional directives of a text, in order; guard: whether the first is an include guard."""

    found: tuple[Branch, ...]
    guard: bool

    @cached_property
    def closed(self) -> frozenset[int]:
        """The numbers of the #if whose #endif stands in the text."""
        return frozenset(each.opener for each in self.found if each.name == "endif")

    @cached_property
    def behind(self) -> tuple[Held | None, ...]:
        """What holds behind each directive, None where nothing is asked. An include guard is none."""
        outside: list[Held | None] = []
        held: Held | None = None
        found: list[Held | None] = []
        for number, each in enumerate(self.found):
            if each.name in OPENS:
                outside.append(held)
                if number or not self.guard:
                    held = Held(held, _condition(each), len(outside))
            elif outside and each.name == "endif":
                held = outside.pop()
            elif outside and held is not outside[-1] and held is not None:
                last = held.condition
                refused = Condition(last.expression, not last.negated, last.line)
                held = Held(held.outer, refused, held.depth)
                if each.name != "else":
                    held = Held(held, _condition(each), held.depth)
            found.append(held)
        return tuple(found)

    def at_line(self, line: int) -> tuple[Condition, ...]:
        """The conditions around a line, outermost first; a directive's own line stands under what it states."""
        number = bisect_right(self._lines, line)
        return tuple(each.condition for each in _outermost_first(self.behind[number - 1] if number else None))

    @cached_property
    def _lines(self) -> list[int]:
        return [each.line + (each.name == "endif") for each in self.found]

    def at_offset(self, offset: int) -> tuple[tuple[Condition, ...], ...]:
        """The conditions of each #if around an offset, outermost first; a directive stands under those before it."""
        number = bisect_right(self._ends, offset)
        held = _outermost_first(self.behind[number - 1] if number else None)
        return tuple(
            tuple(each.condition for each in block) for _, block in groupby(held, lambda each: each.depth)
        )

    @cached_property
    def _ends(self) -> list[int]:
        return [each.end for each in self.found]


def _outermost_first(held: Held | None) -> list[Held]:
    found = []
    while held is not None:
        found.append(held)
        held = held.outer
    return found[::-1]


def branches(code: bytes, first_line: int = 1) -> Branches:
    """The conditional directives of a text; code: C with comments blank, first_line: the line it begins with."""
    return of_directives(tuple(directives(code)), code, first_line)


def of_directives(lines: Sequence[re.Match[bytes]], code: bytes, first_line: int = 1) -> Branches:
    """As branches(), where the preprocessor lines are found already; lines: those of lexical.directives()."""
    found: list[Branch] = []
    opened: list[int] = []
    line, counted = first_line, 0
    for match in lines:
        name = match[1].decode("ascii", "replace")
        if name not in _NAMES:
            continue
        line += code.count(b"\n", counted, match.start())
        counted = match.start()
        if name in OPENS:
            opened.append(len(found))
        opener = opened[-1] if opened else -1
        found.append(Branch(*match.span(), line, name, one_line(match[2]), opener))
        if name == "endif" and opened:
            opened.pop()
    return Branches(tuple(found), _begins_with_guard(lines, found))


def _begins_with_guard(lines: Sequence[re.Match[bytes]], found: Sequence[Branch]) -> bool:
    """Whether the text begins with #ifndef X, #define X, and what that opens is closed last if it is closed."""
    if not found or len(lines) < 2 or lines[1][1] != b"define" or lines[0].start() != found[0].start:
        return False
    condition = _condition(found[0])
    asked = f"!{condition.expression}" if condition.negated else condition.expression
    guarded = _GUARDED.match(asked)
    if guarded is None or one_line(lines[1][2]).split()[:1] != [guarded[1]]:
        return False
    return all(each.name != "endif" or each.opener for each in found[:-1])


def _condition(each: Branch) -> Condition:
    """What a directive states."""
    if each.name.endswith("def"):
        word = each.text.split()[0] if each.text else ""
        return Condition(f"defined({word})", each.name.endswith("ndef"), each.line)
    return Condition(each.text, False, each.line)


def when(conditions: Iterable[Condition]) -> Formula:
    """All the conditions hold."""
    return all_of(read_condition(each.expression, each.negated) for each in conditions)


def one_line(text: bytes) -> str:
    """What stands behind the name of a directive, with continuation lines joined and one space between words."""
    return " ".join(_CONTINUED.sub(b" ", text).decode("utf-8", "surrogateescape").split())


def first_branches(text: bytes) -> bytes:
    """Keep only the first branch of every #if (the #else branch of `#if 0`); the rest becomes blank."""
    out = bytearray(text)
    for start, end, kept in _stretches(text):
        if not kept:
            out[start:end] = blank(text[start:end])
    return bytes(out)


def _stretches(text: bytes) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether a first branch) of what stands between the conditional directives, and of those."""
    chosen: list[bool] = []
    done: list[bool] = []
    start = 0
    for each in branches(text).found:
        yield start, each.start, all(chosen)
        yield each.start, each.end, False
        start = each.end
        if each.name in OPENS:
            chosen.append(each.text != "0")
            done.append(chosen[-1])
        elif chosen and each.name == "endif":
            chosen.pop()
            done.pop()
        elif chosen:
            chosen[-1] = not done[-1]
            done[-1] = True
    yield start, len(text), all(chosen)
