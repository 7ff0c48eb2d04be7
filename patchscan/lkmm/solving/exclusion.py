"""Critical sections of one lock follow each other as wholes.

That they do follows from the memory model, but only cycle by cycle: one for each pair of accesses and each row of
sections that the lock may pass through between them. Said beforehand, it is one clause a pair of accesses.

Where every write of a lock variable takes or releases the lock, and each executed release has a take of its own before
it in its thread, coherence and atomicity make the writes of the lock alternate: a take that anything follows is
directly followed by its own release, and the next take reads from that. So from the release of an earlier section to
the take of a later one there is a chain of reads-from and release order, in `cumul-fence`, and what comes before the
release, and what comes after the take, stand in the order of the two: in happens-before where both are marked, in the
visibility that plain-coherence asks for where one is plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from patchscan.lkmm.memory.events import INITIAL_THREAD, Event
from patchscan.lkmm.solving.cnf import FALSE, TRUE
from patchscan.lkmm.solving.turns import Section

if TYPE_CHECKING:
    from patchscan.lkmm.solving.communication import Communication
    from patchscan.lkmm.solving.literals import Literals

MOST_CLAUSES = 400_000  # beyond them the solver learns the order where it needs it

Clause = tuple[list[int], int]  # when all of these hold, this does


def order_sections(communication: Communication, sections: dict[str, list[Section]]) -> None:
    """Add the clauses of all pairs of sections of one lock in different threads."""
    literals = communication.literals
    accesses: dict[int, list[Event]] = {}
    for event in literals.events:
        if event.kind in "RW" and event.thread != INITIAL_THREAD:
            accesses.setdefault(event.thread, []).append(event)
    left = MOST_CLAUSES
    for lock, of_lock in sections.items():
        for one, other in combinations(of_lock, 2):
            for first, second in ((one, other), (other, one)):
                for conditions, result in _clauses(communication, lock, first, second, accesses):
                    literals.formula.implies(conditions, result)
                    left -= 1
                if left < 0:
                    return


def _clauses(
    communication: Communication, lock: str, first: Section, second: Section, accesses: dict[int, list[Event]]
) -> Iterator[Clause]:
    literals = communication.literals
    if first.take.thread == second.take.thread:
        return
    order = communication.co[first.take.number, second.take.number]
    for release in first.releases:
        before = others(literals, lock, accesses[first.take.thread])
        for one in before:
            if one.number > release.number:
                break
            for other in others(literals, lock, accesses[second.take.thread]):
                if other.number < second.take.number:
                    continue
                given = {order, literals.executed[release.number], *communication.meeting(one, other)}
                if FALSE not in given:
                    yield from still_ordered(communication, one, other, sorted(given - {TRUE}))


def others(literals: Literals, lock: str, events: Iterable[Event]) -> list[Event]:
    """The accesses to anything but the lock itself."""
    return [event for event in events if lock not in literals.address[event.number]]


def still_ordered(
    communication: Communication, earlier: Event, later: Event, given: list[int]
) -> Iterator[Clause]:
    """`later` is not before `earlier` in the life of their variable. Of two reads it is left to be learnt."""
    co, rf = communication.co, communication.rf
    if earlier.kind == "W" == later.kind:
        yield given, co[earlier.number, later.number]
    elif earlier.kind == "W":
        for source in communication.sources[later.number]:
            if source != earlier.number:
                order = co.get((earlier.number, source), FALSE)
                yield [*given, rf[source, later.number]], order
    elif later.kind == "W":
        for source in communication.sources[earlier.number]:
            if source == later.number:
                yield [*given, rf[source, earlier.number]], FALSE
            elif _seen_in_order(communication.literals.events[source], earlier, later):
                order = co.get((source, later.number), FALSE)
                yield [*given, rf[source, earlier.number]], order


def _seen_in_order(source: Event, read: Event, write: Event) -> bool:
    """Whether the read hands the order of its source on: not where one of the three is plain, and the source in a
    third thread."""
    if source.thread in (read.thread, write.thread):
        return True
    return all(event.tag != "plain" for event in (source, read, write))
