"""Text of a litmus test -> tokens that know their line.

The C part has C comments, everything around it has OCaml comments `(* *)` as well (litmus-tests.txt,
"Comments").
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.lkmm.dialect.litmus_syntax import LitmusError

_COMMENT_OR_BRACE = pattern(r'/\*|//|\(\*|"[^"\n]*"|[{}]')
_OCAML_BRACKET = pattern(r"\(\*|\*\)")
_TOKEN = pattern(
    r"""\s*(?:
        (?P<name>[A-Za-z_]\w*)
      | (?P<number>0[xX][0-9a-fA-F]+|\d+)
      | (?P<sign>/\\|\\/|==|!=|<=|>=|=>|&&|\|\||\+\+|--|\+=|-=|->|[-+*/&|^~!<>=(){};,:\[\].%])
    )""",
    re.VERBOSE,
)
_VISIBLE = pattern(r"[^\n]")


def without_comments(text: str) -> str:
    """The same text with every comment blanked; offsets and line breaks stay where they were."""
    pieces: list[str] = []
    position = depth = blocks = 0
    while found := _COMMENT_OR_BRACE.search(text, position):
        start, opener = found.start(), found.group()
        in_thread = depth > 0 and blocks > 1
        if opener in "{}":
            depth += 1 if opener == "{" else -1
            blocks += opener == "{" and depth == 1
        if opener in "{}" or opener[0] == '"' or (opener == "(*" and in_thread):
            end = start + 1 if opener == "(*" else found.end()
            # A quoted line in the header is a comment too.
            keep = opener[0] != '"'
        else:
            end, keep = _comment_end(text, start, opener), False
        pieces.append(text[position:start])
        pieces.append(text[start:end] if keep else _VISIBLE.sub(" ", text[start:end]))
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _comment_end(text: str, start: int, opener: str) -> int:
    if opener == "//":
        end = text.find("\n", start)
        return len(text) if end < 0 else end
    if opener == "/*":
        end = text.find("*/", start + 2)
        if end >= 0:
            return end + 2
    else:
        depth = 0
        for bracket in _OCAML_BRACKET.finditer(text, start):
            depth += 1 if bracket.group() == "(*" else -1
            if depth == 0:
                return bracket.end()
    raise LitmusError(f"comment {opener} has no end", text.count("\n", 0, start) + 1)


_LONGEST_NUMBER = 80


_SHORT_LINE = 300


def _tokens_of(line: str) -> tuple[list[str], list[str], list[int], str]:
    """The kinds, texts and offsets of the tokens of a line, and what is none."""
    kinds, texts, starts = list[str](), list[str](), list[int]()
    position = 0
    for found in iter(_TOKEN.scanner(line).match, None):  # type: ignore[attr-defined]
        kind = found.lastgroup
        kinds.append(kind)
        texts.append(found.group(kind))
        starts.append(found.start(kind))
        position = found.end()
    return kinds, texts, starts, line[position:].lstrip()[:1]


# One test is much like another.
_remembered = lru_cache(maxsize=4096)(_tokens_of)


class Tokens:
    """A cursor over the tokens of a text whose comments are blanked.

    `kind` is "name", "number", "sign" or "end" (after the last token); `text` is the token itself.
    """

    def __init__(self, text: str) -> None:
        self.source = text
        self._line_starts = [0]
        self.kinds: list[str] = []
        self.texts: list[str] = []
        self.starts: list[int] = []
        self.index = 0
        self._read()

    def _read(self) -> None:
        start = 0
        for number, line in enumerate(self.source.split("\n"), start=1):
            read = _remembered if len(line) < _SHORT_LINE else _tokens_of
            kinds, texts, starts, rest = read(line)
            if rest:
                raise LitmusError(f"unexpected character {rest!r}", number)
            self.kinds += kinds
            self.texts += texts
            self.starts += [start + offset for offset in starts]
            start += len(line) + 1
            self._line_starts.append(start)
        self._line_starts.pop()
        self.kinds.append("end")
        self.texts.append("end of file")
        self.starts.append(len(self.source.rstrip()))

    def line_of(self, offset: int) -> int:
        return bisect_right(self._line_starts, offset)

    @property
    def kind(self) -> str:
        return self.kinds[self.index]

    @property
    def text(self) -> str:
        return self.texts[self.index] if self.kinds[self.index] != "end" else ""

    @property
    def start(self) -> int:
        return self.starts[self.index]

    @property
    def line(self) -> int:
        return self.line_of(self.starts[self.index])

    def ahead(self, distance: int = 1) -> str:
        """The text of a later token, "" past the end."""
        index = self.index + distance
        return self.texts[index] if index < len(self.texts) - 1 else ""

    def take(self) -> str:
        text = self.text
        if self.kinds[self.index] == "end":
            raise self.error("the file ends too early")
        self.index += 1
        return text

    def accept(self, text: str) -> bool:
        """Take the next token if it is `text`."""
        if self.texts[self.index] == text and self.kinds[self.index] != "end":
            self.index += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.error(f"expected '{text}', found '{self.texts[self.index]}'")

    def take_number(self) -> int:
        """An integer as C writes it: 0x is hexadecimal, a leading 0 octal."""
        text = self.text
        if self.kind != "number":
            raise self.error(f"expected a number, found '{self.texts[self.index]}'")
        if len(text) > _LONGEST_NUMBER:
            raise self.error(f"a number of {len(text)} digits fits no variable")
        self.index += 1
        if text[:2] in ("0x", "0X"):
            return int(text, 16)
        return (
            int(text, 8) if len(text) > 1 and text[0] == "0" and text.strip("01234567") == "" else int(text)
        )

    def take_name(self, what: str) -> str:
        if self.kind != "name":
            raise self.error(f"expected {what}, found '{self.texts[self.index]}'")
        return self.take()

    def error(self, message: str) -> LitmusError:
        return LitmusError(message, self.line)

    def source_since(self, start: int, squeezed: bool = True) -> str:
        """The source from offset `start` up to the last token taken, blanks squeezed."""
        last = self.index - 1
        source = self.source[start : self.starts[last] + len(self.texts[last])]
        return " ".join(source.split()) if squeezed else source

    def source_up_to(self, end: str) -> str:
        """The source from the next token up to this text and with it, "" where that does not follow."""
        found = self.source.find(end, self.start)
        return self.source[self.start : found + len(end)] if found >= 0 else ""
