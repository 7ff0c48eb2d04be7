"""The algebra once more, as sets of pairs: slow and obvious, to check the rows of bits against.

Nothing here is shared with rows.py; only the definitions in lkmm.py are.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from patchscan.lkmm.memory.relations import (
    Base,
    BaseSet,
    Composition,
    Difference,
    EventSet,
    Fixpoint,
    Intersection,
    Inverse,
    Maybe,
    Product,
    Relation,
    Restriction,
    SetOperation,
    Star,
    Union,
    Variable,
)

Pairs = frozenset[tuple[int, int]]


class PairEvaluation:
    """Evaluates definitions of the memory model on an execution given as sets.

    size: how many events there are.  sets: name -> events.  base: name -> pairs.
    """

    def __init__(
        self, size: int, sets: Mapping[str, Set[int]], base: Mapping[str, Set[tuple[int, int]]]
    ) -> None:
        self.everything = frozenset(range(size))
        self.given_sets = sets
        self.base = base
        self._known: dict[Relation, Pairs] = {}
        self._variables: dict[Variable, Pairs] = {}

    def members(self, events: EventSet) -> frozenset[int]:
        match events:
            case BaseSet():
                return frozenset(self.given_sets.get(events.name, ()))
            case SetOperation():
                left, right = self.members(events.left), self.members(events.right)
                match events.sign:
                    case "|":
                        return left | right
                    case "&":
                        return left & right
                    case "-":
                        return left - right
                return self.everything - left
        raise TypeError(events)

    def pairs(self, relation: Relation) -> Pairs:
        if relation.variable is not None:
            return self._evaluate(relation)
        if relation not in self._known:
            self._known[relation] = self._evaluate(relation)
        return self._known[relation]

    def _evaluate(self, relation: Relation) -> Pairs:
        match relation:
            case Base():
                return frozenset(self.base.get(relation.name, ()))
            case Variable():
                return self._variables[relation]
            case Product():
                right = self.members(relation.right)
                return frozenset((one, other) for one in self.members(relation.left) for other in right)
            case Restriction():
                return self._restriction(relation)
            case Union():
                return self.pairs(relation.left) | self.pairs(relation.right)
            case Intersection():
                return self.pairs(relation.left) & self.pairs(relation.right)
            case Difference():
                return self.pairs(relation.left) - self.pairs(relation.right)
            case Composition():
                return composed(self.pairs(relation.left), self.pairs(relation.right))
            case Maybe():
                return self.pairs(relation.relation) | self._identity()
            case Star():
                return transitive(self.pairs(relation.relation)) | self._identity()
            case Inverse():
                return frozenset((end, start) for start, end in self.pairs(relation.relation))
            case Fixpoint():
                return self._least(relation)
        raise TypeError(relation)

    def _identity(self) -> Pairs:
        return frozenset((event, event) for event in self.everything)

    def _restriction(self, relation: Restriction) -> Pairs:
        left = self.everything if relation.left is None else self.members(relation.left)
        right = self.everything if relation.right is None else self.members(relation.right)
        inside = self.pairs(relation.relation)
        return frozenset((start, end) for start, end in inside if start in left and end in right)

    def _least(self, relation: Fixpoint) -> Pairs:
        current: Pairs = frozenset()
        while True:
            self._variables[relation.own] = current
            following = self._evaluate(relation.body)
            if following == current:
                return current
            current = following


def composed(left: Pairs, right: Pairs) -> Pairs:
    following: dict[int, list[int]] = {}
    for start, end in right:
        following.setdefault(start, []).append(end)
    return frozenset((start, end) for start, middle in left for end in following.get(middle, ()))


def transitive(pairs: Pairs) -> Pairs:
    reached = pairs
    while True:
        longer = reached | composed(reached, pairs)
        if longer == reached:
            return reached
        reached = longer
