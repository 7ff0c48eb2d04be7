"""The members that an initialiser outside functions names, by bytes alone."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import Statement, outside_functions
from patchscan.c.source import Source

_MARK = pattern(rb"[(){}\[\],=.]")
_NAME = pattern(rb"\s*([A-Za-z_]\w*)\s*(?:=(?!=)|\.|\[)")
_VALUE = pattern(rb"\s*([A-Za-z_]\w*)\s*=\s*&?\s*([A-Za-z_]\w*)\s*[,}]")
_LOOKS_BACK = 400
_STRUCT = pattern(r"\b(?:struct|union)\s+(\w+)")


@frozen
class Designator:
    """A member named in an initialiser of a struct: value is the name that it is set to, "" where it is more."""

    struct: str
    member: str
    value: str
    line: int


def designators(source: Source, lines: frozenset[int] | None = None) -> Iterator[Designator]:
    """The members that the initialisers of a text name; lines: only those of initialisers that hold one of them."""
    for each in outside_functions(source.text):
        if each.kind != "variable" or each.body < 0:
            continue
        # What stands in the braces of a struct that is defined here is not its name.
        struct = _STRUCT.search(each.head(source.code).decode("latin-1").partition("{")[0])
        if struct is not None:
            span = range(source.line_at(each.body), source.line_at(each.end) + 1)
            if lines is None or not lines.isdisjoint(span):
                yield from _named(source, each, struct[1])


def _named(source: Source, variable: Statement, struct: str) -> Iterator[Designator]:
    """Those at the depth of the struct's own members; what stands in a macro's argument is left out."""
    code = source.code
    wanted = 2 if variable.array else 1
    braces = parentheses = 0
    last = b""
    for match in _MARK.finditer(code, variable.body, variable.end):
        mark = match[0]
        if mark in b"{}":
            braces += 1 if mark == b"{" else -1
        elif mark in b"()":
            parentheses += 1 if mark == b"(" else -1
        elif mark == b"." and braces == wanted and parentheses == 0 and last in (b"{", b","):
            between = code[max(0, match.start() - _LOOKS_BACK) : match.start()].rstrip()[-1:]
            name = _NAME.match(code, match.end())
            if name is not None and between in (b"{", b",", b")"):
                value = _VALUE.match(code, match.end())
                shown = value[2].decode() if value is not None else ""
                yield Designator(struct, name[1].decode(), shown, source.line_at(match.start()))
        last = mark
