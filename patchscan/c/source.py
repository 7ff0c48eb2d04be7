"""C text to syntax trees, functions, calls, macros and exports. tree-sitter lives only here.

A Source is cheap: nothing is parsed until a node is asked for, and then only the function that holds it.
Nodes count bytes and rows in Source.text, so text_of() and line_of() speak of the original, unmasked text.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from patchscan.basics.keep import forget_all
from patchscan.basics.record import frozen
from patchscan.c.branches import Condition
from patchscan.c.conditions import Export, Macro
from patchscan.c.fragment import repair
from patchscan.c.function import Call, Control, Function, Variable
from patchscan.c.lexical import blank
from patchscan.c.mask import mask
from patchscan.c.outline import Span, function_spans
from patchscan.c.plaintext import FragmentEnds, Text
from patchscan.c.syntax import tree

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "Call",
    "Condition",
    "Control",
    "Export",
    "Function",
    "Macro",
    "Source",
    "Variable",
    "parse",
    "parse_fragment",
    "source_of",
]


@frozen(eq=False)
class Source(Text):
    """A C text with its functions."""

    @cached_property
    def _functions(self) -> tuple["Function", ...]:
        return tuple(self._function(span) for span in function_spans(self.code))

    def _function(self, span: Span) -> "Function":
        first = self._first_row_line + self.row_of(span.start)
        last = self._first_row_line + self.row_of(span.end - 1)
        name, has_head, has_tail = span.name, True, True
        if self.fragment:
            has_head = span.start >= self.fragment.head
            has_tail = span.end <= self.fragment.tail
            name = name if has_head else self.fragment.name
            first = max(first, self.first_line)
            last = min(last, self.fragment.last_line)
        return Function(
            name, self, span.start, span.name_start, span.brace, span.end, first, last, has_head, has_tail
        )

    def functions(self) -> tuple["Function", ...]:
        """The functions defined in the text, in order. Nothing is parsed yet."""
        return self._functions

    def function_at(self, line: int) -> "Function | None":
        """The function that holds the line, from the first of its header to its last brace."""
        index = bisect_left(self._last_lines, line)
        if index < len(self._functions) and self._functions[index].first_line <= line:
            return self._functions[index]
        return None

    @cached_property
    def _last_lines(self) -> list[int]:
        return [function.last_line for function in self._functions]

    def function_named(self, name: str) -> "Function | None":
        """The first function of that name."""
        return next((function for function in self._functions if function.name == name), None)

    @cached_property
    def partial(self) -> bool:
        """Whether some function could not be parsed cleanly."""
        return any(function.partial for function in self._functions)

    def gap_at(self, line: int) -> tuple[int, int] | None:
        """Start and end of the text between two functions that holds a line; None where a function holds it."""
        row = line - self._first_row_line
        if not 0 <= row <= len(self._newlines) or self.function_at(line) is not None:
            return None
        offset = self._newlines[row - 1] + 1 if row else 0
        above = bisect_right(self._ends, offset)
        start = self._ends[above - 1] if above else 0
        below = bisect_left(self._starts, start)
        return start, self._starts[below] if below < len(self._starts) else len(self.text)

    @cached_property
    def _ends(self) -> list[int]:
        return sorted(function.end for function in self._functions)

    @cached_property
    def _starts(self) -> list[int]:
        return sorted(function.start for function in self._functions)

    def outside_at(self, line: int) -> "Node":
        """The text between two functions that holds a line, as a syntax tree of its own."""
        start, end = self.gap_at(line) or (0, len(self.text))
        if start not in self._gaps:
            text = mask((self.repaired or self.text)[start:end])
            self._gaps[start] = tree(text, start, self.row_of(start))
        return self._gaps[start]

    @cached_property
    def _gaps(self) -> "dict[int, Node]":
        return {}


def source_of(function: Function) -> Source:
    """The text that a function was found in. Raises TypeError where it is none that knows its functions."""
    if not isinstance(function.source, Source):
        raise TypeError(f"{function.name} stands in no Source")
    return function.source


# What one patch of a series leaves is what the next begins with, and several rules look at the same other file. With
# its trees, and what is kept on it, a Source takes some thirty times its text; most are only divided into tokens.
_MOST_BYTES = 12_000_000


class _Parsed(OrderedDict[tuple[bytes, str, int], Source]):
    """The texts by what they were made of, and how many bytes they have."""

    held = 0

    def hold(self, source: Source) -> None:
        self[source.text, source.path, source.first_line] = source
        self.held += len(source.text)

    def let_go(self, key: tuple[bytes, str, int]) -> None:
        if self.pop(key, None) is not None:
            self.held -= len(key[0])


_PARSED = _Parsed()


def parse(text: bytes, path: str = "", first_line: int = 1) -> Source:
    """C text as a Source; nothing is parsed before it is asked for. Never raises: bad C is `partial`.

    The same text at the same place gives the same Source, as long as it was not the longest unasked of many.
    """
    key = (text, path, first_line)
    found = _PARSED.get(key)
    if found is not None:
        _PARSED.move_to_end(key)
        return found
    source = Source(path, text, first_line)
    _PARSED.hold(source)
    while _PARSED.held > _MOST_BYTES and len(_PARSED) > 1:
        _PARSED.let_go(next(iter(_PARSED)))
    return source


def let_go(source: Source) -> None:
    """Let go of a text; whoever holds it may go on with it, and who asks again gets it read anew."""
    _PARSED.let_go((source.text, source.path, source.first_line))


def take_apart(source: Source) -> None:
    """Let go of a text that nobody works with, and of all that was made of it."""
    let_go(source)
    for function in source.__dict__.get("_functions", ()):
        forget_all(function)
    forget_all(source)


def let_go_of_oldest(most: int, above: int = 0) -> bool:
    """Do so with the texts not asked for the longest, until those that are held have at most so many bytes.

    above: only where they have more bytes than that. Returns whether one was let go.
    """
    if _PARSED.held <= max(most, above) or len(_PARSED) < 2:
        return False
    while _PARSED.held > most and len(_PARSED) > 1:
        take_apart(next(iter(_PARSED.values())))
    return True


def parse_fragment(lines: Sequence[bytes], first_line: int, section: bytes, path: str = "") -> Source:
    """The lines of one side of a hunk (no newlines) as a Source.

    first_line: of the file, for the first of them; section: what stands after the second @@.
    """
    repaired = repair(lines, section)
    body = b"\n".join(lines)
    head = len(repaired.opening) + 1
    text = b" " * (head - 1) + b"\n" + body + b"\n" + blank(repaired.closing) + b"\n"
    parsed = repaired.opening + b"\n" + repaired.body + b"\n" + repaired.closing + b"\n"
    ends = FragmentEnds(head, head + len(body), repaired.name, first_line + max(len(lines), 1) - 1)
    return Source(path, text, first_line, ends, parsed)
