"""A C text: its bytes, its lines, and what can be said of them without functions."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, count
from operator import add
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import Branches, Condition, branches
from patchscan.c.conditions import Directive, Export, Macro, directives, exports, macros
from patchscan.c.lexical import without_comments
from patchscan.c.mask import mask
from patchscan.c.syntax import tree

if TYPE_CHECKING:
    from tree_sitter import Node

_QUOTED = pattern(r"\"[^\"]*\"|'[^']*'")


@frozen
class FragmentEnds:
    """What repair added: bytes before `head` and after `tail` are not in the file.

    name: of the function whose head is missing, "" when unknown; last_line: of the fragment, in the file.
    """

    head: int
    tail: int
    name: str
    last_line: int


@frozen(eq=False)
class Text:
    """A C text.

    text: the bytes that nodes index. Of a fragment it begins with one blank line that is not in the file and
    may end with another, where the missing openers and closers stand in `repaired`.
    first_line: the line of the file that the text (of a fragment: its second row) begins with.
    """

    path: str
    text: bytes
    first_line: int = 1
    fragment: FragmentEnds | None = None
    repaired: bytes | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r}, line {self.first_line})"

    @cached_property
    def code(self) -> bytes:
        """What is parsed, with comments and the contents of strings blank; it has the length of text."""
        return without_comments(self.repaired or self.text)

    @property
    def _first_row_line(self) -> int:
        return self.first_line - (1 if self.fragment else 0)

    @property
    def lines(self) -> range:
        """The lines of the file that it shows, a fragment's row before the first with them."""
        return range(self._first_row_line, self._first_row_line + len(self._newlines) + 1)

    def line_at(self, offset: int) -> int:
        """The line of the file that holds a byte offset of the text."""
        return self.row_of(offset) + self._first_row_line

    def text_of(self, node: "Node") -> str:
        """The original text of a node."""
        return self.slice(node.start_byte, node.end_byte)

    def slice(self, start: int, end: int) -> str:
        """The original text between two byte offsets."""
        return self.text[start:end].decode("utf-8", "surrogateescape")

    def line_of(self, node: "Node") -> int:
        """The line of the file on which a node begins."""
        return node.start_point[0] + self._first_row_line

    def last_line_of(self, node: "Node") -> int:
        """The line of the file on which a node ends."""
        return node.end_point[0] + self._first_row_line

    def line_text(self, line: int) -> str:
        """The original text of a line of the file, without newline; "" where the text does not hold it."""
        return self._row(self.text, line - self._first_row_line)

    def code_text(self, line: int) -> str:
        """Like line_text, with comments and the contents of strings blank."""
        return self._row(self.code, line - self._first_row_line)

    def _row(self, text: bytes, row: int) -> str:
        """A row of the text, or of the code, which has its length and its newlines."""
        newlines = self._newlines
        if not 0 <= row <= len(newlines):
            return ""
        start = newlines[row - 1] + 1 if row else 0
        end = newlines[row] if row < len(newlines) else len(text)
        return text[start:end].decode("utf-8", "surrogateescape")

    def numbered(self) -> Iterator[tuple[int, str, str]]:
        """(line of the file, line_text, code_text) of every line of the text."""
        rows = zip(self.text.split(b"\n"), self.code.split(b"\n"), strict=False)
        for line, (text, code) in enumerate(rows, self._first_row_line):
            shown = text.decode("utf-8", "surrogateescape")
            yield line, shown, shown if code == text else code.decode("utf-8", "surrogateescape")

    def comment_text(self, line: int) -> str:
        """The comment on a line of the file, markers included, or what of one runs over it; "" where none does."""
        text, code = self.line_text(line), self.code_text(line)
        if text == code:
            return ""
        code = _QUOTED.sub(lambda match: "x" * len(match[0]), code)
        return "".join(char if mark == " " else " " for char, mark in zip(text, code, strict=False)).strip()

    @cached_property
    def _newlines(self) -> Sequence[int]:
        ends = accumulate(map(len, self.text.split(b"\n")))
        found = array("I", map(add, ends, count()))
        found.pop()
        return found

    def row_of(self, offset: int) -> int:
        """The row of the text (counted from 0) that holds the byte offset."""
        return bisect_left(self._newlines, offset)

    @cached_property
    def root(self) -> "Node":
        """The whole text as one syntax tree; prefer functions, which parse cleaner and one at a time."""
        return tree(mask(self.repaired or self.text), 0, 0)

    @cached_property
    def _macros(self) -> tuple[Macro, ...]:
        return tuple(macros(self.text, self.code, self._first_row_line))

    def macros(self) -> tuple[Macro, ...]:
        """The #defines, in order."""
        return self._macros

    def exports(self) -> tuple[Export, ...]:
        """The EXPORT_SYMBOL lines, in order."""
        return tuple(exports(self.code, self._first_row_line))

    @cached_property
    def directives(self) -> tuple[Directive, ...]:
        """All preprocessor lines, in order."""
        return tuple(directives(self.code, self._first_row_line))

    def conditions_at(self, line: int) -> tuple[Condition, ...]:
        """The #if conditions that enclose a line, outermost first; of a fragment only those it shows."""
        return self._branches.at_line(line)

    @cached_property
    def _branches(self) -> Branches:
        return branches(self.code, self._first_row_line)
