"""Comments, strings, brackets and directives of a C text, without a parser. Every result keeps offsets."""

import re
from collections.abc import Iterator
from functools import lru_cache

from patchscan.basics.pattern import pattern

# A comment, up to the end of the text where it is not closed; a backslash carries // on to the next line.
COMMENT = rb"/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/|\Z)|//[^\n\\]*(?:\\.[^\n\\]*)*"
_COMMENT_OR_STRING = pattern(
    COMMENT + rb"|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'",
    re.S,
)
_OPENING = frozenset((b"(", b"[", b"{"))
# How far most brackets are from the one that closes them.
_NEAR = 400
_BRACKET = pattern(rb"[()\[\]{}]")
_BRACKET_OR_COMMA = pattern(rb"[()\[\]{},]")
_DIRECTIVE = pattern(rb"#[ \t]*(\w*)([^\n\\]*(?:\\.[^\n\\]*)*)", re.S)
_SPACE = pattern(rb"(?:\s|\\\n)*")
_IDENTIFIER_BYTES = frozenset(
    byte for byte in map(bytes, zip(range(128))) if byte.isalnum() or byte in (b"_", b"$")
)
_BLANKED = bytes(byte if byte in b" \t\n\r\v\f" else 32 for byte in range(256))


def blank(text: bytes) -> bytes:
    """The text with every visible byte made a space; white space stays."""
    return text.translate(_BLANKED)


def offsets(text: bytes, word: bytes) -> list[int]:
    """Where word stands as a whole identifier; find() is many times faster than an expression."""
    found = []
    offset = text.find(word)
    while offset >= 0:
        end = offset + len(word)
        neighbours = text[max(0, offset - 1) : offset], text[end : end + 1]
        if _IDENTIFIER_BYTES.isdisjoint(neighbours):
            found.append(offset)
        offset = text.find(word, end)
    return found


def comments_blank(text: bytes) -> bytes:
    """The text with comments blank and strings as they are; same length, same newlines."""
    return _COMMENT_OR_STRING.sub(lambda found: blank(found[0]) if found[0][:1] == b"/" else found[0], text)


def without_comments(text: bytes) -> bytes:
    """The text with comments blank and the contents of strings made spaces; same length, same newlines."""

    def hide(match: re.Match[bytes]) -> bytes:
        found = match[0]
        if found[:1] == b"/":
            return found.translate(_BLANKED)
        return found[:1] + found[1:-1].translate(_BLANKED) + found[-1:]

    return _COMMENT_OR_STRING.sub(hide, text)


def directives(code: bytes) -> Iterator[re.Match[bytes]]:
    """Matches of the preprocessor lines, continuation lines included; group 1: name, 2: the rest."""
    for match in _DIRECTIVE.finditer(code):
        if begins_line(code, match.start()):
            yield match


def begins_line(code: bytes, position: int) -> bool:
    """Whether only white space stands before the position on its line."""
    return not code[code.rfind(b"\n", 0, position) + 1 : position].strip()


def closing(code: bytes, position: int) -> int:
    """The offset of the bracket that closes the one just before position, or -1; code without comments."""
    if code[position - 1 : position] not in _OPENING:
        return -1
    depth = 1
    for match in _BRACKET.finditer(code, position, position + _NEAR):
        depth += 1 if match[0] in _OPENING else -1
        if not depth:
            return match.start()
    return _pairs(code).get(position - 1, -1)


@lru_cache(maxsize=32)
def _pairs(code: bytes) -> dict[int, int]:
    """Closing offset of every opening bracket, found in one pass: hostile text must not cost its square."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACKET.finditer(code):
        if match[0] in _OPENING:
            opened.append(match.start())
        elif opened:
            found[opened.pop()] = match.start()
    return found


def follows(code: bytes, position: int) -> int:
    """The offset of the next byte that is no white space."""
    match = _SPACE.match(code, position)
    return match.end() if match else position


def next_byte(code: bytes, position: int) -> bytes:
    """The next byte from position on that is no white space, b"" at the end."""
    offset = follows(code, position)
    return code[offset : offset + 1]


def before(code: bytes, position: int) -> int:
    """The offset of the last byte before position that is no white space, -1 when there is none."""
    position -= 1
    while position >= 0 and code[position] in b" \t\n\r":
        position -= 1
    return position


def ends_name(code: bytes, position: int, others: bytes = b"") -> bool:
    """Whether the last byte before position that is no white space belongs to a name, or is one of the others."""
    last = before(code, position)
    return last >= 0 and (code[last : last + 1].isalnum() or code[last] in b"_" + others)


def parentheses(code: bytes, end: int) -> tuple[int, int]:
    """Offsets of the parentheses that follow a word, (-1, -1) where none do."""
    opening = follows(code, end)
    if code[opening : opening + 1] != b"(":
        return -1, -1
    close = closing(code, opening + 1)
    return (opening, close) if close > 0 else (-1, -1)


def hide(out: bytearray, start: int, end: int) -> None:
    """Make the bytes from start to end blank, in place."""
    out[start:end] = blank(bytes(out[start:end]))


def top_commas(code: bytes) -> list[int]:
    """Offsets of the commas that separate arguments: those inside no bracket; code without comments."""
    found: list[int] = []
    depth = 0
    for match in _BRACKET_OR_COMMA.finditer(code):
        token = match.group()
        if token == b",":
            if depth == 0:
                found.append(match.start())
        else:
            depth += 1 if token in b"([{" else -1
    return found


def without_defines(code: bytes) -> bytes:
    """The text with every #define blank: its body stands in no function."""
    out = bytearray(code)
    for match in directives(code):
        if match[1] == b"define":
            out[match.start() : match.end()] = blank(match[0])
    return bytes(out)
