"""What the steps of a counter come to, in clauses."""

from __future__ import annotations

from patchscan.lkmm.dialect.litmus_syntax import Value
from patchscan.lkmm.solving.cnf import FALSE, TRUE, Formula
from patchscan.lkmm.solving.communication import Communication
from patchscan.lkmm.solving.counters import MOST_SUMS, Counter

MOST_STEPS = 100  # the clauses of their sums grow with the third power


def last_sums(formula: Formula, counter: Counter, executed: list[int]) -> dict[Value, int] | None:
    """Value -> literal of what it ends with; None where these are too many."""
    return _sums(formula, counter.initial, [(step.amount, executed[step.write]) for step in counter.steps])


def tell_sums(communication: Communication, counter: Counter) -> None:
    """What each step finds is the sum of the steps before it."""
    literals, co = communication.literals, communication.co
    formula, executed = literals.formula, literals.executed
    if len(counter.steps) > MOST_STEPS:
        return
    for step in counter.steps:
        others = [other for other in counter.steps if other is not step]
        parts = [
            (other.amount, formula.all_of([executed[other.write], co[other.write, step.write]]))
            for other in others
        ]
        sums = _sums(formula, counter.initial, parts)
        if sums is None:
            return
        found = literals.read[step.read]
        for value in sums.keys() | found.keys():
            given = [executed[step.write]]
            formula.implies([*given, sums.get(value, FALSE)], found.get(value, FALSE))
            formula.implies([*given, found.get(value, FALSE)], sums.get(value, FALSE))


def _sums(formula: Formula, initial: int, parts: list[tuple[int, int]]) -> dict[Value, int] | None:
    """Value -> literal of "the amounts whose literals hold come to it"."""
    known: dict[int, int] = {initial: TRUE}
    for amount, literal in parts:
        reasons: dict[int, list[int]] = {}
        for value, reached in known.items():
            reasons.setdefault(value, []).append(formula.all_of([reached, -literal]))
            reasons.setdefault(value + amount, []).append(formula.all_of([reached, literal]))
        known = {value: formula.any_of(reached) for value, reached in reasons.items()}
        known = {value: reached for value, reached in known.items() if reached != FALSE}
        if len(known) > MOST_SUMS:
            return None
    return {value: known[value] for value in known}
