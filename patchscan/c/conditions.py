"""#define, EXPORT_SYMBOL and other preprocessor lines of a C text, found without a syntax tree."""

import re
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c import lexical
from patchscan.c.branches import one_line

_EXPORT = pattern(rb"^[ \t]*(_*EXPORT_\w*SYMBOL\w*)\s*\(\s*(\w+)", re.M)
_MACRO_HEAD = pattern(rb"[ \t]+(\w+)(\([^)]*\))?")
_CONTINUATION = pattern(r"[ \t]*\\\r?\n[ \t]*")
_LITERAL = pattern(rb"\"[^\"\n]*\"|'[^'\n]*'")


@frozen
class Macro:
    """A #define: parameters is None for an object-like one; body with continuation lines joined."""

    name: str
    parameters: tuple[str, ...] | None
    body: str
    line: int


@frozen
class Export:
    """An EXPORT_*SYMBOL*(symbol) line; macro is the name used."""

    symbol: str
    macro: str
    line: int


@frozen
class Directive:
    """A preprocessor line: name without "#", its text with continuation lines joined, and its lines."""

    name: str
    text: str
    line: int
    last_line: int


def macros(text: bytes, code: bytes, first_line: int) -> Iterator[Macro]:
    """The #defines of the text, in order; code: the text with comments and strings blanked."""
    for match, line in _with_lines(lexical.directives(code), code, first_line):
        if match.group(1) != b"define":
            continue
        head = _MACRO_HEAD.match(code, match.start(2))
        if head is None:
            continue
        body = _joined(_keep_strings(text, code, head.end(), match.end()))
        yield Macro(_decode(head.group(1)), _parameters(head.group(2)), body, line)


def _parameters(text: bytes | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = (_joined(name) for name in text[1:-1].split(b","))
    return tuple(name for name in names if name)


def _keep_strings(text: bytes, code: bytes, start: int, end: int) -> bytes:
    """The text without its comments: where code is blank and no string holds it, it was a comment."""
    if text[start:end] == code[start:end]:
        return text[start:end]
    out = bytearray(code[start:end])
    for match in _LITERAL.finditer(code[start:end]):
        out[match.start() : match.end()] = text[start + match.start() : start + match.end()]
    return bytes(out)


def exports(code: bytes, first_line: int) -> Iterator[Export]:
    """The symbols the text exports, in order; code as for macros()."""
    for match, line in _with_lines(_EXPORT.finditer(code), code, first_line):
        yield Export(_decode(match.group(2)), _decode(match.group(1)), line)


def directives(code: bytes, first_line: int) -> Iterator[Directive]:
    """All preprocessor lines, in order; code as for macros()."""
    for match, line in _with_lines(lexical.directives(code), code, first_line):
        last = line + match.group().count(b"\n")
        yield Directive(_decode(match.group(1)), one_line(match.group(2)), line, last)


def _with_lines(
    matches: Iterator[re.Match[bytes]], code: bytes, first_line: int
) -> Iterator[tuple[re.Match[bytes], int]]:
    """Matches with the line each begins on."""
    line, position = first_line, 0
    for match in matches:
        line += code.count(b"\n", position, match.start(1))
        position = match.start(1)
        yield match, line


def _joined(text: bytes) -> str:
    return _CONTINUATION.sub(" ", _decode(text)).strip()


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
