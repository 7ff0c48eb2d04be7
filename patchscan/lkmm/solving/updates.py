"""Atomic updates of one variable hand order on, from each to all that come behind it.

Where every write of a variable is that of a read-modify-write, each reads from the one directly before it in the order
of the writes. So from one update to the read of any later one leads a chain of reads-from and read-modify-writes, an
`rmw-sequence`. What stands before the first behind a full fence or with its release is ordered before what stands
behind a full fence after the last, or after its acquire: in happens-before where both are marked, in the visibility
that plain-coherence asks for where one is plain. As with the sections of a lock that follows cycle by cycle, one for
each row of updates in between; said beforehand, it is one clause a pair of accesses.

An acquire counts in the first update of its thread only: where the one before it in the chain is of the same thread,
only a full fence orders what comes after that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import TYPE_CHECKING

from patchscan.basics.record import frozen
from patchscan.lkmm.memory.events import INITIAL_THREAD, Event
from patchscan.lkmm.solving.cnf import FALSE, TRUE
from patchscan.lkmm.solving.exclusion import MOST_CLAUSES, Clause, others, still_ordered

if TYPE_CHECKING:
    from patchscan.lkmm.solving.communication import Communication

NEVER = -1


@frozen
class Update:
    """The write of one, the accesses of its thread that stand ordered before it, and those that stand ordered after
    its read."""

    write: Event
    before: tuple[Event, ...]
    after: tuple[Event, ...]


def order_updates(communication: Communication) -> None:
    """Add the clauses of all pairs of updates of one variable in different threads."""
    literals = communication.literals
    threads: dict[int, list[Event]] = {}
    for event in literals.events:
        if event.thread != INITIAL_THREAD:
            threads.setdefault(event.thread, []).append(event)
    left = MOST_CLAUSES
    for name, writes in communication.writes_to.items():
        found = _updates(communication, name, writes, threads)
        for first, second in permutations(found, 2):
            for conditions, result in _clauses(communication, first, second):
                literals.formula.implies(conditions, result)
                left -= 1
            if left < 0:
                return


def _updates(
    communication: Communication, name: str, writes: Sequence[Event], threads: dict[int, list[Event]]
) -> list[Update]:
    """The updates of a variable, none where something else may write to it."""
    literals = communication.literals
    made = [write for write in writes if write.tag != "IW"]
    if len(made) < 2 or not all(write.rmw and len(literals.address[write.number]) == 1 for write in made):
        return []
    found = []
    first: set[int] = set()
    for write in made:
        events = threads[write.thread]
        accesses = others(literals, name, (event for event in events if event.kind in "RW"))
        start = _fenced_before(write, events)
        end = _fenced_after(write, events, literals.events, write.thread not in first)
        first.add(write.thread)
        found.append(
            Update(
                write,
                tuple(event for event in accesses if event.number < start),
                tuple(event for event in accesses if end != NEVER and event.number > end),
            )
        )
    return found


def _fenced_before(write: Event, events: Iterable[Event]) -> int:
    """The number up to which what its thread does is ordered before the write."""
    assert write.partner is not None
    if write.tag == "release":
        return write.partner
    fences = _fences(write, events, "before-atomic")
    return max((number for number in fences if number < write.number), default=NEVER)


def _fenced_after(write: Event, events: Iterable[Event], all_events: Sequence[Event], first: bool) -> int:
    """The number from which on what its thread does is ordered after the read; NEVER if nothing is."""
    assert write.partner is not None
    if first and all_events[write.partner].tag == "acquire":
        return write.number
    fences = _fences(write, events, "after-atomic")
    return min((number for number in fences if number > write.number), default=NEVER)


def _fences(write: Event, events: Iterable[Event], tag: str) -> Iterator[int]:
    """The full fences of its thread that are executed whenever the write is."""
    for event in events:
        if event.kind == "F" and event.tag in ("mb", tag) and event.guard <= write.guard:
            yield event.number


def _clauses(communication: Communication, first: Update, second: Update) -> Iterator[Clause]:
    executed = communication.literals.executed
    one, other = first.write, second.write
    if one.thread == other.thread:
        return
    both = {communication.co[one.number, other.number], executed[one.number], executed[other.number]}
    for earlier in first.before:
        for later in second.after:
            given = {*both, *communication.meeting(earlier, later)}
            if FALSE not in given:
                yield from still_ordered(communication, earlier, later, sorted(given - {TRUE}))
