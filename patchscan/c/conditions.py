"""#define, #if and EXPORT_SYMBOL lines of a C text, found without a syntax tree."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.c import lexical

_EXPORT = pattern(rb"^[ \t]*(_*EXPORT_\w*SYMBOL\w*)\s*\(\s*(\w+)", re.M)
_MACRO_HEAD = pattern(rb"[ \t]+(\w+)(\([^)]*\))?")
_CONTINUATION = pattern(r"[ \t]*\\\r?\n[ \t]*")


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
class Condition:
    """A preprocessor condition that a line stands under.

    expression: as written ("defined(CONFIG_SMP)" for #ifdef CONFIG_SMP); negated: True in the branch for
    which it does not hold; line: of the directive that states it.
    """

    expression: str
    negated: bool
    line: int


# A condition, and those around it.
_Chain = tuple["_Chain | None", Condition]


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
    for match in re.finditer(rb"\"[^\"\n]*\"|'[^'\n]*'", code[start:end]):
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
        yield Directive(_decode(match.group(1)), _joined(match.group(2)), line, last)


class ConditionsByLine:
    """Which #if conditions enclose each line of a text; an include guard is none.

    The state after a directive is a chain (outer chain, condition), so that deep nesting costs no more than its length.
    """

    def __init__(self, lines: tuple[Directive, ...]) -> None:
        self._begins: list[int] = []
        self._chains: list[_Chain | None] = []
        # For each open #if the chain around it.
        opened: list[_Chain | None] = []
        chain: _Chain | None = None
        for index, directive in enumerate(lines):
            name = directive.name
            if name in ("if", "ifdef", "ifndef"):
                opened.append(chain)
                chain = chain if _is_include_guard(lines, index) else (chain, _condition(directive))
            elif name == "endif" and opened:
                chain = opened.pop()
            elif name.startswith("el") and opened:
                if chain is not None and chain is not opened[-1]:
                    chain = (chain[0], replace(chain[1], negated=not chain[1].negated))
                if name != "else":
                    chain = (chain, _condition(directive))
            else:
                continue
            self._begins.append(directive.line + (name == "endif"))
            self._chains.append(chain)

    def at(self, line: int) -> tuple[Condition, ...]:
        """The conditions that enclose the line, outermost first."""
        index = bisect_right(self._begins, line) - 1
        chain = self._chains[index] if index >= 0 else None
        found: list[Condition] = []
        while chain is not None:
            found.append(chain[1])
            chain = chain[0]
        return tuple(reversed(found))


def _condition(directive: Directive) -> Condition:
    if directive.name.endswith(("ifdef", "ifndef", "elifdef", "elifndef")):
        symbol = directive.text.split()[0] if directive.text else ""
        return Condition(f"defined({symbol})", "ndef" in directive.name, directive.line)
    return Condition(directive.text, False, directive.line)


def _is_include_guard(lines: tuple[Directive, ...], index: int) -> bool:
    """Whether `#ifndef X` is directly followed by `#define X` without a value, at the top of the file."""
    if lines[index].name != "ifndef" or index > 0 or index + 1 >= len(lines):
        return False
    following = lines[index + 1]
    return following.name == "define" and following.text.split() == lines[index].text.split()[:1]


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
