"""The facts of a file as some patches of a series leave it."""

from typing import TypeVar

from patchscan.c.source import parse
from patchscan.facts.kind import Kind
from patchscan.tree.overlay import View

Fact = TypeVar("Fact")


def facts_in(view: View, kind: Kind[Fact], path: str) -> tuple[Fact, ...]:
    """The facts of a kind of a file; none where there is no such file.

    Of a file of the tree they are kept for the next run; of one that the series changes they are not.
    """
    content = view.read(path)
    if content is None:
        return ()
    if view.tree is None or path in view.changed:
        return kind.facts(kind.rows(parse(content, path)))
    # Imported here: sqlite3 takes its time.
    from patchscan.facts.store import store_of

    return store_of(view.tree).facts(kind, content, path)
