"""What the steps of a counter come to, in clauses."""

from __future__ import annotations

from patchscan.lkmm.dialect.litmus_syntax import Value
from patchscan.lkmm.memory.events import TooLarge
from patchscan.lkmm.solving.cnf import FALSE, TRUE, Formula
from patchscan.lkmm.solving.communication import Communication, WriteOrder
from patchscan.lkmm.solving.comparisons import Comparison, Match
from patchscan.lkmm.solving.counters import MOST_SUMS, Counter, Step

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
        if not step.first:
            continue
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


class Total:
    """What a counter ends with."""

    def __init__(self, counter: Counter, formula: Formula, executed: list[int]) -> None:
        self.counter = counter
        self.formula = formula
        self.parts = [(step.amount, executed[step.write]) for step in counter.steps]

    def is_(self, value: Value) -> int:
        """The literal of "it is this value"."""
        return self.compares(value, True) if isinstance(value, int) else FALSE

    def compares(self, bound: int, exactly: bool) -> int:
        return comes_to(self.formula, self.parts, bound - self.counter.initial, exactly)


def tell_comparison(
    communication: Communication, counter: Counter, comparison: Comparison, literal: int
) -> None:
    """The literal holds when what the read found compares so, if the read is executed."""
    literals = communication.literals
    formula, executed = literals.formula, literals.executed
    read = comparison.read
    step = next((each for each in counter.steps if each.read == read and each.first), None)
    if step is None or executed[step.write] != executed[read]:
        parts = _steps_seen(communication, counter, read)
    else:
        parts = _steps_before(formula, counter, step, executed, communication.co)
        total = Total(counter, formula, executed).compares(comparison.bound + step.amount, comparison.exactly)
        last = _last_of(communication, counter, step)
        formula.implies([last, literal], total)
        formula.implies([last, -literal], -total)
    wanted = comparison.bound - counter.initial
    holds = comes_to(formula, parts, wanted, comparison.exactly)
    formula.implies([executed[read], literal], holds)
    formula.implies([executed[read], -literal], -holds)


def tell_match(communication: Communication, match: Match, literal: int) -> None:
    """Of a counter that never comes back to a value two reads find the same where they see the same write."""
    formula, executed, rf = communication.formula, communication.literals.executed, communication.rf
    both = [executed[match.one], executed[match.other]]
    for source in communication.sources[match.one]:
        seen, same = rf[source, match.one], rf.get((source, match.other), FALSE)
        formula.implies([*both, seen, same], literal)
        formula.implies([*both, seen, -same], -literal)


def tell_ends(communication: Communication, counter: Counter) -> None:
    """Where a step is executed there is a first, and a last."""
    literals, co = communication.literals, communication.co
    formula, executed = literals.formula, literals.executed
    lasts = [_last_of(communication, counter, step) for step in counter.steps]
    firsts = []
    for step in counter.steps:
        before = _steps_before(formula, counter, step, executed, co)
        firsts.append(formula.all_of([executed[step.write], *(-literal for _, literal in before)]))
    for step in counter.steps:
        formula.implies([executed[step.write]], *lasts)
        formula.implies([executed[step.write]], *firsts)


def _last_of(communication: Communication, counter: Counter, step: Step) -> int:
    """The literal of "it is executed, and no other after it"."""
    formula, executed, co = communication.formula, communication.literals.executed, communication.co
    after = [
        formula.all_of([executed[other.write], co[step.write, other.write]])
        for other in counter.steps
        if other is not step
    ]
    return formula.all_of([executed[step.write], *(-literal for literal in after)])


def _steps_seen(communication: Communication, counter: Counter, read: int) -> list[tuple[int, int]]:
    """What each step adds, and the literal of "the read sees it", or one that came after it."""
    formula, co, rf = communication.formula, communication.co, communication.rf
    executed = communication.literals.executed
    parts = []
    for step in counter.steps:
        seen = formula.new_variable()
        for source in communication.sources[read]:
            order = TRUE if source == step.write else co[step.write, source]
            before = formula.all_of([executed[step.write], order])
            formula.implies([rf[source, read], before], seen)
            formula.implies([rf[source, read], -before], -seen)
        parts.append((step.amount, seen))
    return parts


def comes_to(formula: Formula, parts: list[tuple[int, int]], wanted: int, exactly: bool) -> int:
    """The literal of "the amounts whose literals hold come to what is wanted", or to more where not exactly.

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
        if missing > most[left] or (exactly and missing < least[left]):
            return FALSE
        if missing <= least[left] and (not exactly or not left):
            return TRUE
        if (place, missing) not in known:
            if len(known) > MOST_NODES:
                raise TooLarge(f"the sums of a counter are more than {MOST_NODES}")
            amount, literal = parts[place]
            with_it, without = rest(place + 1, missing - amount), rest(place + 1, missing)
            known[place, missing] = formula.choose(literal, with_it, without)
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
