"""The algebra in which the memory model is written: sets of events, and relations between events.

Expressions are built once, when lkmm.py is imported; an Execution (executions.py) evaluates them. A
relation over n events is n integers, its rows: bit j of row i says that i is related to j. A set is one
such integer.

    cat                 here
    r1 | r2, r1 & r2    r1 | r2, r1 & r2
    r1 \\ r2             r1 - r2
    r1 ; r2             r1 @ r2
    [S] ; r             S @ r          (and r @ S; alone: identity(S))
    S * T               S * T
    r?, r*, r^-1        maybe(r), star(r), inverse(r)
    let rec r = f(r)    fixpoint(f)

`explain` says why a pair is in a relation: it collects the choices of the execution (reads-from edges,
coherence edges, branches, addresses) that already put it there, so that the solver never offers them
together again. That is sound for everything that only grows when these choices are added; the right side of
`-` and of `Without` must therefore not depend on them, or the relation must not be explained.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import pairwise
from operator import and_, or_
from typing import Protocol

from patchscan.lkmm.memory.rows import Rows, bits, closure, compose, proper, shortest_path, transpose


class Execution(Protocol):
    """What the algebra needs to know about an execution; see executions.py."""

    size: int
    bound: dict[Variable, dict[Relation, Rows]]
    explained: dict[tuple[Relation, int, int], set[int]]

    def rows(self, relation: Relation) -> Rows: ...

    def members(self, events: EventSet) -> int: ...

    def base_rows(self, name: str) -> Rows: ...

    def base_members(self, name: str) -> int: ...

    def reasons(self, name: str, start: int, end: int, found: set[int]) -> None: ...

    def iterations(self, relation: Fixpoint) -> list[dict[Relation, Rows]]: ...


class EventSet:
    """A set of events: a base set such as R or Release, or a combination."""

    def __or__(self, other: EventSet) -> EventSet:
        return SetOperation("|", self, other)

    def __and__(self, other: EventSet) -> EventSet:
        return SetOperation("&", self, other)

    def __sub__(self, other: EventSet) -> EventSet:
        return SetOperation("-", self, other)

    def __invert__(self) -> EventSet:
        return SetOperation("~", self, self)

    def __mul__(self, other: EventSet) -> Relation:
        return Product(self, other)

    def __matmul__(self, other: Relation | EventSet) -> Relation:
        relation = identity(other) if isinstance(other, EventSet) else other
        return Restriction(self, relation, None)

    def compute(self, execution: Execution) -> int:
        raise NotImplementedError

    def holds(self, names: Collection[str]) -> bool:
        """Whether an event that is in the base sets with these names is in this set."""
        raise NotImplementedError


class BaseSet(EventSet):
    """All events with a given name in the model: "R", "Release", "Rcu-lock"..."""

    def __init__(self, name: str) -> None:
        self.name = name

    def compute(self, execution: Execution) -> int:
        return execution.base_members(self.name)

    def holds(self, names: Collection[str]) -> bool:
        return self.name in names


class SetOperation(EventSet):
    """left | right, left & right, left - right, or with the sign "~" all events but left."""

    def __init__(self, sign: str, left: EventSet, right: EventSet) -> None:
        self.sign, self.left, self.right = sign, left, right

    def compute(self, execution: Execution) -> int:
        left, right = execution.members(self.left), execution.members(self.right)
        match self.sign:
            case "|":
                return left | right
            case "&":
                return left & right
            case "-":
                return left & ~right
        return (1 << execution.size) - 1 & ~left

    def holds(self, names: Collection[str]) -> bool:
        left, right = self.left.holds(names), self.right.holds(names)
        return {"|": left or right, "&": left and right, "-": left and not right, "~": not left}[self.sign]


class Relation:
    """A relation between events.

    static: it does not depend on rf and co, so all executions along the same path share it.
    transitive, reflexive: in every execution two of its steps are one of it, every event is related to itself.
    variable: the variable of the fixpoint it is part of.
    """

    static = True
    transitive = reflexive = False
    variable: Variable | None = None

    def _depends_on(self, *parts: Relation) -> None:
        self.static = all(part.static for part in parts)
        self.variable = next((part.variable for part in parts if part.variable), None)

    def __or__(self, other: Relation) -> Relation:
        return Union(self, other)

    def __and__(self, other: Relation) -> Relation:
        return Intersection(self, other)

    def __sub__(self, other: Relation) -> Relation:
        return Difference(self, other)

    def __matmul__(self, other: Relation | EventSet) -> Relation:
        if isinstance(other, EventSet):
            return Restriction(None, self, other)
        return Composition(self, other)

    def compute(self, execution: Execution) -> Rows:
        raise NotImplementedError

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        """Add to `found` the literals that put (start, end) into this relation."""
        raise NotImplementedError


class Base(Relation):
    """po, rf, co... : given with the execution."""

    def __init__(self, name: str, static: bool = True, transitive: bool = False) -> None:
        self.name, self.static, self.transitive = name, static, transitive

    def compute(self, execution: Execution) -> Rows:
        return execution.base_rows(self.name)

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        execution.reasons(self.name, start, end, found)


class Product(Relation):
    """Every event of one set with every event of another."""

    def __init__(self, left: EventSet, right: EventSet) -> None:
        self.left, self.right = left, right

    def compute(self, execution: Execution) -> Rows:
        left, right = execution.members(self.left), execution.members(self.right)
        return [right if left >> index & 1 else 0 for index in range(execution.size)]

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        execution.reasons("id", start, start, found)
        execution.reasons("id", end, end, found)


class Restriction(Relation):
    """[left] ; relation ; [right], either side may be absent."""

    def __init__(self, left: EventSet | None, relation: Relation, right: EventSet | None) -> None:
        self.left, self.relation, self.right = left, relation, right
        self.transitive = relation.transitive
        self._depends_on(relation)

    def compute(self, execution: Execution) -> Rows:
        everything = (1 << execution.size) - 1
        left = everything if self.left is None else execution.members(self.left)
        right = everything if self.right is None else execution.members(self.right)
        if not left or not right:
            return [0] * execution.size
        rows = execution.rows(self.relation)
        if left == everything:
            return rows if right == everything else [row & right for row in rows]
        return [row & right if left >> index & 1 else 0 for index, row in enumerate(rows)]

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        self.relation.explain(execution, start, end, found)


class OfTwo(Relation):
    """A relation made of two."""

    def __init__(self, left: Relation, right: Relation) -> None:
        self.left, self.right = left, right
        self._depends_on(left, right)


class OfOne(Relation):
    """A relation made of another one."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self._depends_on(relation)


class Union(OfTwo):
    def compute(self, execution: Execution) -> Rows:
        left, right = execution.rows(self.left), execution.rows(self.right)
        return list(map(or_, left, right)) if any(left) and any(right) else left if any(left) else right

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        """Prefer the side that needs no rf or co: the explanation is shorter."""
        sides = sorted((self.left, self.right), key=lambda side: not side.static)
        for side in sides:
            if execution.rows(side)[start] >> end & 1:
                side.explain(execution, start, end, found)
                return
        raise AssertionError("the pair is not in the relation")


class Intersection(OfTwo):
    def compute(self, execution: Execution) -> Rows:
        left = execution.rows(self.left)
        if not any(left):
            return left
        return list(map(and_, left, execution.rows(self.right)))

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        self.left.explain(execution, start, end, found)
        self.right.explain(execution, start, end, found)


class Difference(OfTwo):
    def compute(self, execution: Execution) -> Rows:
        left = execution.rows(self.left)
        if not any(left):
            return left
        return [a & ~b for a, b in zip(left, execution.rows(self.right), strict=True)]

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        assert self.right.static, "what is absent because of rf or co cannot be explained"
        self.left.explain(execution, start, end, found)


class Composition(OfTwo):
    def __init__(self, left: Relation, right: Relation) -> None:
        super().__init__(left, right)
        self.reflexive = left.reflexive and right.reflexive

    def compute(self, execution: Execution) -> Rows:
        """(l | id) ; (r | id) is l ; r | l | r | id: the steps from an event to itself are not looked at one by one."""
        first, second = (self.right, self.left) if self.right.static else (self.left, self.right)
        rows = execution.rows(first)
        if not any(rows):
            return rows
        other = execution.rows(second)
        left, right = (other, rows) if first is self.right else (rows, other)
        one = proper(left) if self.left.reflexive else left
        two = proper(right) if self.right.reflexive else right
        found = compose(one, two, self.right.transitive)
        if self.left.reflexive:
            found = list(map(or_, found, right))
        return list(map(or_, found, left)) if self.right.reflexive else found

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        """Through the event in the middle that gives the shortest explanation; a few are tried."""
        known, key = execution.explained if self.variable is None else {}, (self, start, end)
        if key not in known:
            known[key] = self._explained(execution, start, end)
        found |= known[key]

    def _explained(self, execution: Execution, start: int, end: int) -> set[int]:
        left, right = execution.rows(self.left)[start], execution.rows(self.right)
        middles = [middle for middle in bits(left) if right[middle] >> end & 1]
        near = [middle for middle in middles if middle in (start, end)]
        best: set[int] | None = None
        for middle in (near or middles)[:3]:
            reasons: set[int] = set()
            self.left.explain(execution, start, middle, reasons)
            self.right.explain(execution, middle, end, reasons)
            if best is None or len(reasons) < len(best):
                best = reasons
        assert best is not None, "the pair is not in the relation"
        return best


class Maybe(OfOne):
    """relation? : itself, or no step."""

    reflexive = True

    def __init__(self, relation: Relation) -> None:
        super().__init__(relation)
        self.transitive = relation.transitive

    def compute(self, execution: Execution) -> Rows:
        return [row | 1 << index for index, row in enumerate(execution.rows(self.relation))]

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        if start != end:
            self.relation.explain(execution, start, end, found)


class Star(OfOne):
    """relation* : any number of steps."""

    transitive = reflexive = True

    def compute(self, execution: Execution) -> Rows:
        rows = execution.rows(self.relation)
        reached = closure(rows) if any(rows) else rows
        return [row | 1 << index for index, row in enumerate(reached)]

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        if start != end:
            path = shortest_path(execution.rows(self.relation), start, end)
            for one, other in pairwise(path):
                self.relation.explain(execution, one, other, found)


class Inverse(OfOne):
    def compute(self, execution: Execution) -> Rows:
        return transpose(execution.rows(self.relation))

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        self.relation.explain(execution, end, start, found)


class Variable(Relation):
    """The relation that a fixpoint is defining."""

    static = False

    def __init__(self, owner: Fixpoint) -> None:
        self.owner = owner
        self.variable = self

    def compute(self, execution: Execution) -> Rows:
        return execution.bound[self][self]

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        self.owner.explain(execution, start, end, found)


class Fixpoint(Relation):
    """The least relation r with r = definition(r), reached from the empty one step by step."""

    static = False

    def __init__(self, definition: Callable[[Relation], Relation]) -> None:
        self.own = Variable(self)
        self.body = definition(self.own)

    def compute(self, execution: Execution) -> Rows:
        return execution.iterations(self)[-1][self.own]

    def explain(self, execution: Execution, start: int, end: int, found: set[int]) -> None:
        """By the first round that has the pair, so that the explanation ends."""
        with self.as_of_first(execution, start, end):
            self.body.explain(execution, start, end, found)

    @contextmanager
    def as_of_first(self, execution: Execution, start: int, end: int) -> Iterator[None]:
        """The variable stands for the round before the first one that has the pair."""
        steps = execution.iterations(self)
        first = next(step for step, rows in enumerate(steps) if rows[self.own][start] >> end & 1)
        outside = execution.bound[self.own]
        execution.bound[self.own] = steps[first - 1]
        yield
        execution.bound[self.own] = outside


def identity(events: EventSet) -> Relation:
    """[events]"""
    return Restriction(events, Base("id"), None)


maybe, star, inverse, fixpoint = Maybe, Star, Inverse, Fixpoint
