"""The axioms of the memory model for programs that have no events of some kinds: without what says nothing of them.

A set that no event of a program can be in is empty in each of its executions, and one that all of them are in holds
all; a base relation that nothing of the program makes is empty. What that decides is left out of the definitions, by
equations that hold of any relations:

    r & 0 = 0 & r = 0 - r = 0 ; r = r ; 0 = [0] ; r = r ; [0] = 0^-1 = 0        r | 0 = 0 | r = r - 0 = r
    r? = r* = id where r is 0                                                   id ; r = r ; id = [all] ; r = r

and the least r with r = f(r) is the least one with r = g(r) where f and g are equal by them for all r.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from patchscan.basics.record import replace
from patchscan.lkmm.memory import lkmm
from patchscan.lkmm.memory.events import Event
from patchscan.lkmm.memory.executions import sets_of
from patchscan.lkmm.memory.relations import (
    Base,
    Composition,
    Difference,
    EventSet,
    Fixpoint,
    Inverse,
    OfOne,
    OfTwo,
    Product,
    Relation,
    Restriction,
    Union,
    Variable,
)

Kind = tuple[str, ...]

_FROM_EVENTS = frozenset({"addr", "data", "ctrl", "rmw"})


def axioms_for(events: Iterable[Event]) -> tuple[lkmm.Axiom, ...]:
    """The axioms that executions of a program with these events can break, in their order."""
    alike: dict[tuple[str, str, bool], Event] = {}
    present = set[str]()
    for event in events:
        alike[event.kind, event.tag, event.rmw] = event
        if event.dependencies:
            present.update(kind for kind, _, _ in event.dependencies)
        if event.partner is not None:
            present.add("rmw")
    return _specialised(frozenset(map(sets_of, alike.values())), _FROM_EVENTS - present)


@lru_cache(maxsize=256)
def _specialised(kinds: frozenset[Kind], absent: frozenset[str]) -> tuple[lkmm.Axiom, ...]:
    without = _Without(kinds, absent)
    found = ((axiom, without.of(axiom.relation)) for axiom in lkmm.AXIOMS)
    return tuple(replace(axiom, relation=relation) for axiom, relation in found if relation is not None)


class _Without:
    """Relations over events of these kinds alone, where some base relations are empty; None stands for 0."""

    def __init__(self, kinds: frozenset[Kind], absent: frozenset[str]) -> None:
        self.kinds = kinds
        self.absent = absent
        self.known: dict[Relation, Relation | None] = {}
        self.held: dict[EventSet, frozenset[bool]] = {}

    def of(self, relation: Relation) -> Relation | None:
        """What is equal to a relation in every execution of such a program."""
        if relation not in self.known:
            self.known[relation] = self._of(relation)
        return self.known[relation]

    def _of(self, relation: Relation) -> Relation | None:
        if isinstance(relation, Base):
            known = lkmm.id_ if relation.name == "id" else relation
            return None if relation.name in self.absent else known
        if isinstance(relation, Product):
            return relation if self._some(relation.left) and self._some(relation.right) else None
        if isinstance(relation, Restriction):
            return self._restriction(relation)
        if isinstance(relation, OfTwo):
            return self._two(relation)
        if isinstance(relation, OfOne):
            return self._one(relation)
        if isinstance(relation, Fixpoint):
            return self._fixpoint(relation)
        assert isinstance(relation, Variable), "a variable is known from its fixpoint"
        return relation

    def _some(self, events: EventSet) -> bool:
        return True in self._held(events)

    def _all(self, events: EventSet | None) -> bool:
        return events is None or False not in self._held(events)

    def _held(self, events: EventSet) -> frozenset[bool]:
        """Whether a set holds events of these kinds: True where it holds some, False where it does not hold some."""
        if events not in self.held:
            self.held[events] = frozenset(map(events.holds, self.kinds))
        return self.held[events]

    def _restriction(self, relation: Restriction) -> Relation | None:
        left, inner, right = relation.left, self.of(relation.relation), relation.right
        if inner is None or not all(self._some(side) for side in (left, right) if side is not None):
            return None
        if self._all(left) and self._all(right):
            return inner
        return Restriction(None if self._all(left) else left, inner, None if self._all(right) else right)

    def _two(self, relation: OfTwo) -> Relation | None:
        left, right = self.of(relation.left), self.of(relation.right)
        if isinstance(relation, Union) and (left is None or right is None):
            return left or right
        if left is None:
            return None
        if right is None:
            return left if isinstance(relation, Difference) else None
        if isinstance(relation, Composition) and lkmm.id_ in (left, right):
            return right if left is lkmm.id_ else left
        return type(relation)(left, right)

    def _one(self, relation: OfOne) -> Relation | None:
        inner = self.of(relation.relation)
        if inner is None:
            return None if isinstance(relation, Inverse) else lkmm.id_
        return type(relation)(inner)

    def _fixpoint(self, relation: Fixpoint) -> Relation | None:
        def definition(own: Relation) -> Relation:
            self.known[relation.own] = own
            return self.of(relation.body) or own

        found = Fixpoint(definition)
        return None if found.body is found.own else found
