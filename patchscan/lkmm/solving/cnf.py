"""A propositional formula in clauses, as the SAT solver takes it.

A literal is a non-zero integer, -x is the negation of x. TRUE is a literal that always holds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from patchscan.basics.limits import meets

TRUE = 1
FALSE = -1
MOST_IN_PAIRS = 20


class LimitReached(Exception):
    """A limit was met before the answer was known; the message says which, "" for the time limit."""


def check_time(deadline: float | None) -> None:
    """Raises LimitReached when time.process_time() is beyond the deadline."""
    if deadline is not None and time.process_time() > deadline:
        meets("clock")
        raise LimitReached


class Formula:
    """Clauses under construction; `clauses` and `variables` may be read at any time.

    deadline: time.process_time() at which LimitReached is raised, or None; largest: so many variables at most.
    """

    def __init__(self, deadline: float | None = None, largest: int | None = None) -> None:
        self.deadline = deadline
        self.largest = largest
        self.variables = 1
        self.clauses: list[list[int]] = [[TRUE]]
        self._conjunctions: dict[tuple[int, ...], int] = {}
        self._choices: dict[tuple[int, int, int], int] = {}

    def new_variable(self) -> int:
        self.variables += 1
        if self.largest is not None and self.variables > self.largest:
            raise LimitReached(f"more than {self.largest} variables")
        if self.variables % 256 == 0:
            check_time(self.deadline)
        return self.variables

    def add(self, *literals: int) -> None:
        """One of the literals holds."""
        if TRUE in literals:
            return
        self.clauses.append([literal for literal in literals if literal != FALSE])

    def implies(self, conditions: Iterable[int], *literals: int) -> None:
        """When all conditions hold, one of the literals does."""
        self.add(*(-condition for condition in conditions), *literals)

    def all_of(self, literals: Iterable[int]) -> int:
        """A literal that holds exactly when all of these do."""
        needed = sorted({literal for literal in literals if literal != TRUE})
        if not needed:
            return TRUE
        if len(needed) == 1:
            return needed[0]
        if FALSE in needed:
            return FALSE
        key = tuple(needed)
        both = self._conjunctions.get(key)
        if both is None:
            both = self._conjunctions[key] = self.new_variable()
            self.clauses.extend([-both, literal] for literal in key)
            self.clauses.append([both, *(-literal for literal in key)])
        return both

    def any_of(self, literals: Iterable[int]) -> int:
        """A literal that holds exactly when one of these does."""
        return -self.all_of(-literal for literal in literals)

    def choose(self, condition: int, then: int, otherwise: int) -> int:
        """A literal that is `then` where the condition holds, and `otherwise` where it does not."""
        if condition in (TRUE, FALSE) or then == otherwise:
            return otherwise if condition == FALSE else then
        if FALSE in (then, otherwise):
            return self.all_of([-condition, otherwise] if then == FALSE else [condition, then])
        if TRUE in (then, otherwise):
            return self.any_of([condition, otherwise] if then == TRUE else [-condition, then])
        key = (condition, then, otherwise)
        chosen = self._choices.get(key)
        if chosen is None:
            chosen = self._choices[key] = self.new_variable()
            self.clauses += ([-condition, -then, chosen], [-condition, then, -chosen])
            self.clauses += ([condition, -otherwise, chosen], [condition, otherwise, -chosen])
            # What both say holds, whatever the condition.
            self.clauses += ([-then, -otherwise, chosen], [then, otherwise, -chosen])
        return chosen

    def at_most_one(self, literals: list[int]) -> None:
        """Pair by pair; of many, one after the other, each with "there was one before"."""
        if len(literals) > MOST_IN_PAIRS:
            self._one_after_the_other(literals)
            return
        for index, one in enumerate(literals):
            for other in literals[:index]:
                self.clauses.append([-one, -other])

    def _one_after_the_other(self, literals: list[int]) -> None:
        before = FALSE
        for literal in literals:
            self.add(-before, -literal)
            so_far = self.new_variable()
            self.add(-before, so_far)
            self.add(-literal, so_far)
            before = so_far
