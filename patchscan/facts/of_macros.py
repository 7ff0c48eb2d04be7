"""The macros that a text defines."""

from collections.abc import Iterator

from patchscan.basics.record import frozen
from patchscan.c.source import Source
from patchscan.facts.conditions_around import around
from patchscan.facts.kind import Kind

_LONGEST = 200


@frozen
class MacroFact:
    """A #define. arity: how many parameters it has, -1 for one without a list; variadic: whether the last is "..."."""

    name: str
    line: int
    arity: int
    variadic: bool
    condition: str
    body: str


def macros(source: Source) -> Iterator[MacroFact]:
    """The #defines of a text, in order; a long body is cut."""
    for macro in source.macros():
        parameters = macro.parameters
        yield MacroFact(
            macro.name,
            macro.line,
            -1 if parameters is None else len(parameters),
            bool(parameters) and parameters is not None and parameters[-1].endswith("..."),
            around(source, macro.line),
            macro.body[:_LONGEST],
        )


KIND = Kind("macros", MacroFact, macros)
