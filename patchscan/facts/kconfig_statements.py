"""The statements of a Kconfig file: kept as facts are, though it is no C text, and read when they are asked for."""

from collections.abc import Iterator

from patchscan.basics.record import frozen
from patchscan.c.source import Source
from patchscan.facts.infile import facts_in
from patchscan.facts.kind import Kind
from patchscan.kconfig.entries import statement_lines
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.overlay import View


@frozen
class Texts:
    """The statements of a file, one a line."""

    lines: str


def _texts(source: Source) -> Iterator[Texts]:
    yield Texts(statement_lines(source.text))


KIND = Kind("kconfig_statements", Texts, _texts)


def statements_of(view: View, path: str) -> str:
    """The statements of a Kconfig file of a view, one a line; kept for the next run where its tree has an index."""
    if view.tree is None or path in view.changed or not may_be_indexed(view.tree):
        return statement_lines(view.read(path) or b"")
    return "".join(found.lines for found in facts_in(view, KIND, path))
