"""What the steps of a counter come to, in clauses."""

from __future__ import annotations

from collections.abc import Iterable

from patchscan.lkmm.dialect.litmus_syntax import Value
from patchscan.lkmm.memory.events import TooLarge
from patchscan.lkmm.solving.cnf import FALSE, TRUE, Formula
from patchscan.lkmm.solving.communication import Communication, WriteOrder
from patchscan.lkmm.solving.counters import MOST_SUMS, Counter, Found, Step

OTHER = "*"  # any value that is not asked about; no identifier is spelled like it
MOST_NODES = 50_000
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
        sums = _sums(formula, counter.initial, _steps_before(formula, counter, step, executed, co))
        if sums is None:
            return
        found = literals.read[step.read]
        for value in sums.keys() | found.keys():
            given = [executed[step.write]]
            formula.implies([*given, sums.get(value, FALSE)], found.get(value, FALSE))
            formula.implies([*given, found.get(value, FALSE)], sums.get(value, FALSE))


def _steps_before(
    formula: Formula, counter: Counter, step: Step, executed: list[int], co: WriteOrder
) -> list[tuple[int, int]]:
    """What each other step adds, and the literal of "it is executed, and before this one"."""
    return [
        (other.amount, formula.all_of([executed[other.write], co[other.write, step.write]]))
        for other in counter.steps
        if other is not step
    ]


def found_values(
    formula: Formula, found: Found, asked: Iterable[Value], executed: list[int], co: WriteOrder
) -> dict[Value, int]:
    """Value -> literal of what the register holds: of the values asked about, and OTHER for all else."""
    counter, step = found.counter, found.step
    parts = _steps_before(formula, counter, step, executed, co)
    values: dict[Value, int] = {
        value: _comes_to(formula, parts, value - counter.initial - found.more)
        for value in asked
        if isinstance(value, int)
    }
    values[OTHER] = -formula.any_of(values.values())
    return values


def _comes_to(formula: Formula, parts: list[tuple[int, int]], wanted: int) -> int:
    """The literal of "the amounts whose literals hold come to what is wanted".

    From the largest amount on, only what the rest can still make up for is followed.
    """
    parts = sorted(parts, key=lambda part: -abs(part[0]))
    least, most = [0], [0]
    for amount, _ in reversed(parts):
        least.append(least[-1] + min(amount, 0))
        most.append(most[-1] + max(amount, 0))
    known: dict[tuple[int, int], int] = {}

    def rest(place: int, missing: int) -> int:
        left = len(parts) - place
        if not least[left] <= missing <= most[left]:
            return FALSE
        if not left:
            return TRUE
        if (place, missing) not in known:
            if len(known) > MOST_NODES:
                raise TooLarge(f"the sums of a counter are more than {MOST_NODES}")
            amount, literal = parts[place]
            with_it = formula.all_of([literal, rest(place + 1, missing - amount)])
            without = formula.all_of([-literal, rest(place + 1, missing)])
            known[place, missing] = formula.any_of([with_it, without])
        return known[place, missing]

    return rest(0, wanted)


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
