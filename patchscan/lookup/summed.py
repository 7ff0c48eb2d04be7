"""What a function of the tree does for its callers: kept by what its file holds, or computed where nothing is kept.

Only a store that is filled is asked: to compute all functions of a file costs more than the one that is wanted.
"""

import os
from collections.abc import Mapping

from patchscan.basics.keep import kept
from patchscan.c.source import Function, source_of
from patchscan.facts.of_summaries import KIND, SummaryFact, returns_pointer
from patchscan.flow.frees import frees_in
from patchscan.flow.resources import has_further_rows
from patchscan.flow.returns import Returns, returns_of
from patchscan.flow.wellknown import has_further_names
from patchscan.tree.overlay import View


def returned(view: View, function: Function) -> Returns:
    """What a function of a state of the tree returns, by its own text."""
    if not returns_pointer(function.header, function.name):
        return returns_of(function)
    fact = _kept(view, function.source.path).get((function.name, function.name_line))
    if fact is None:
        return returns_of(function)
    return Returns(fact.known, fact.signs, fact.told_at, fact.negative, tuple(fact.through.split()))


def freed(view: View, function: Function) -> tuple[int, ...]:
    """The numbers of the arguments that a function of a state of the tree frees."""
    known = _kept(view, function.source.path)
    if known:
        fact = known.get((function.name, function.name_line))
        return tuple(map(int, fact.frees.split())) if fact is not None else ()
    return frees_in(source_of(function), function.name)


@kept
def _kept(view: View, path: str) -> Mapping[tuple[str, int], SummaryFact]:
    """The summaries that are kept of a file that the series leaves alone; none where there are none, or not of it."""
    if view.tree is None or path in view.changed or has_further_rows() or has_further_names():
        return {}
    from patchscan.facts.store import store_of

    store = store_of(view.tree)
    content = view.read(path) if os.path.exists(store.path) else None
    facts = store.known(KIND, content) if content is not None else None
    return {(each.name, each.line): each for each in facts or ()}
