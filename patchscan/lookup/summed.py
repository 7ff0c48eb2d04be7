"""What a function of the tree does for its callers: kept by what its file holds, or computed where nothing is kept.

Only a store that is filled is asked: to compute all functions of a file costs more than the one that is wanted.
"""

import os
from collections.abc import Mapping
from typing import TypeVar

from patchscan.basics.keep import kept
from patchscan.c.source import Function, source_of
from patchscan.facts import of_effects, of_summaries
from patchscan.facts.kind import Kind
from patchscan.facts.of_effects import EffectFact, told_by
from patchscan.facts.of_summaries import SummaryFact, returns_pointer
from patchscan.flow.callee import CalleeSummary
from patchscan.flow.effects import may_change_context
from patchscan.flow.frees import frees_in
from patchscan.flow.resources import has_further_rows
from patchscan.flow.returns import Returns, returns_of
from patchscan.flow.summary import local_summaries, summarise
from patchscan.flow.wellknown import has_further_names
from patchscan.tree.overlay import View

Fact = TypeVar("Fact")


def returned(view: View, function: Function) -> Returns:
    """What a function of a state of the tree returns, by its own text."""
    if not returns_pointer(function.header, function.name):
        return returns_of(function)
    fact = _summaries(view, function.source.path).get((function.name, function.name_line))
    if fact is None:
        return returns_of(function)
    return Returns(fact.known, fact.signs, fact.told_at, fact.negative, tuple(fact.through.split()))


def freed(view: View, function: Function) -> tuple[int, ...]:
    """The numbers of the arguments that a function of a state of the tree frees."""
    known = _summaries(view, function.source.path)
    if known:
        fact = known.get((function.name, function.name_line))
        return tuple(map(int, fact.frees.split())) if fact is not None else ()
    return frees_in(source_of(function), function.name)


def effects(view: View, function: Function) -> CalleeSummary | None:
    """What a function of a state of the tree does to its caller's context; None where it could not be walked."""
    if may_change_context(function.name):
        fact = _effects(view, function.source.path).get((function.name, function.name_line))
        if fact is not None:
            return told_by(fact)
    return _computed_effects(function)


@kept
def _computed_effects(function: Function) -> CalleeSummary | None:
    return summarise(function, local_summaries(source_of(function)))


@kept
def _summaries(view: View, path: str) -> Mapping[tuple[str, int], SummaryFact]:
    return {(each.name, each.line): each for each in _kept(view, path, of_summaries.KIND)}


@kept
def _effects(view: View, path: str) -> Mapping[tuple[str, int], EffectFact]:
    return {(each.name, each.line): each for each in _kept(view, path, of_effects.KIND)}


def _kept(view: View, path: str, kind: Kind[Fact]) -> tuple[Fact, ...]:
    """The facts that are kept of a file that the series leaves alone; none where there are none, or not of it."""
    if view.tree is None or path in view.changed or has_further_rows() or has_further_names():
        return ()
    from patchscan.facts.store import store_of

    store = store_of(view.tree)
    content = view.read(path) if os.path.exists(store.path) else None
    return (store.known(kind, content) if content is not None else None) or ()
