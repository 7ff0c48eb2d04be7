"""What the functions of a text do for their callers: what they return, and which arguments they free."""

from collections.abc import Iterator

from patchscan.basics.record import frozen
from patchscan.c.source import Source
from patchscan.facts.kind import Kind


@frozen
class SummaryFact:
    """A function with a body. line: of its name; signs, told_at, negative, known: see patchscan.flow.returns.

    through: the functions whose value it returns, with spaces between; frees: the numbers of the arguments that it
    frees, likewise.
    """

    name: str
    line: int
    known: bool
    signs: int
    told_at: int
    negative: bool
    through: str
    frees: str


def summaries(source: Source) -> Iterator[SummaryFact]:
    """The functions of a text that return a pointer or free something, in order."""
    # Imported here: who asks for other kinds walks no function.
    from patchscan.flow.frees import frees_in
    from patchscan.flow.returns import returns_of

    for function in source.functions():
        frees = " ".join(map(str, frees_in(source, function.name))) if function.name else ""
        if frees or returns_pointer(function.header, function.name):
            own = returns_of(function)
            yield SummaryFact(
                function.name,
                function.name_line,
                own.known,
                own.signs,
                own.line,
                own.negative,
                " ".join(own.through),
                frees,
            )


def returns_pointer(header: str, name: str) -> bool:
    """Whether a function returns a pointer, by what stands before its name."""
    return "*" in header.partition(name)[0]


KIND = Kind("summaries", SummaryFact, summaries)
