"""The functions that a text defines."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, Source
from patchscan.facts.conditions_around import around
from patchscan.facts.kind import Kind

_WEAK = pattern(r"\b(?:__)?weak\b")


@frozen
class FunctionFact:
    """A function with a body.

    line: of its name; last_line: of its closing brace; parameters: as written, on one line; condition: the #if around
    it; exported: the macro that exports it in the same text, "" where none does.
    """

    name: str
    line: int
    last_line: int
    static: bool
    inline: bool
    weak: bool
    parameters: str
    condition: str
    exported: str


def functions(source: Source) -> Iterator[FunctionFact]:
    """The functions of a text, in order."""
    exported = {export.symbol: export.macro for export in source.exports()}
    for function in source.functions():
        yield FunctionFact(
            function.name,
            function.name_line,
            function.last_line,
            function.is_static,
            function.is_inline,
            _WEAK.search(function.header) is not None,
            parameters(source, function),
            around(source, function.name_line),
            exported.get(function.name, ""),
        )


def parameters(source: Source, function: Function) -> str:
    """The parameter list of a function as written, without comments, on one line."""
    head = source.code[function.name_start : function.brace].decode("utf-8", "surrogateescape")
    opening = head.find("(")
    closing = head.rfind(")")
    return " ".join(head[opening + 1 : closing].split()) if 0 <= opening < closing else ""


KIND = Kind("functions", FunctionFact, functions)
