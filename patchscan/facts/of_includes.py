"""The files that a text includes."""

from collections.abc import Iterator

from patchscan.basics.record import frozen
from patchscan.c.includes import includes
from patchscan.c.source import Source
from patchscan.facts.conditions_around import joined
from patchscan.facts.kind import Kind


@frozen
class IncludeFact:
    """An #include. name: as written, "" where a macro makes it; quoted: between quotes."""

    name: str
    quoted: bool
    line: int
    condition: str


def included(source: Source) -> Iterator[IncludeFact]:
    """The #include lines of a text, in order."""
    for each in includes(source.text):
        yield IncludeFact(each.name, each.quoted, each.line, joined(each.conditions))


KIND = Kind("includes", IncludeFact, included)
