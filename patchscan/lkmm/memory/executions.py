"""Executions: what the memory model's definitions are evaluated on.

A Path is what all executions share that take the same branches and touch the same variables: the events
that happen, program order, dependencies. An Execution adds where each read reads from and how the writes to
a variable are ordered. Events have a position 0..size-1 in a path; `numbers[position]` is the event's
number in the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from patchscan.lkmm.memory.events import INITIAL_THREAD, Event
from patchscan.lkmm.memory.relations import EventSet, Fixpoint, Relation, Variable
from patchscan.lkmm.memory.rows import Rows, rows_of

# Sets of the memory model that an event with a given tag belongs to, besides R, W, M, RMW, Marked and Plain.
_SETS_OF_TAG: Mapping[str, tuple[str, ...]] = {
    "once": (),
    "plain": (),
    "LF": (),
    "RU": (),
    "IW": ("IW",),
    "LKR": ("LKR", "Acquire"),
    "LKW": ("LKW",),
    "UL": ("UL", "Release"),
}


def sets_of(event: Event) -> tuple[str, ...]:
    """The names of the model's base sets that hold the event."""
    own = _SETS_OF_TAG.get(event.tag)
    names = (event.tag.capitalize(),) if own is None else own
    if event.kind in "RW":
        names += (event.kind, "M")
    if event.rmw:
        names += ("RMW",)
    return (*names, "Plain" if event.tag == "plain" else "Marked")


class Path:
    """The events that happen along one path, and every relation that follows from the path alone.

    events: in program order thread by thread, the initial writes last.
    locations: position -> variable.
    dependencies: (kind, read position, position) -> guard under which the dependency exists.
    """

    def __init__(
        self,
        events: Sequence[Event],
        locations: Mapping[int, str],
        dependencies: Mapping[tuple[str, int, int], frozenset[int]],
    ) -> None:
        self.events = events
        self.size = len(events)
        self.numbers = [event.number for event in events]
        self.position = {event.number: position for position, event in enumerate(events)}
        self.locations = locations
        self.dependencies = dependencies
        self.sets: dict[str, int] = {}
        for position, event in enumerate(events):
            for name in sets_of(event):
                self.sets[name] = self.sets.get(name, 0) | 1 << position
        self.base: dict[str, Rows] = {"id": [1 << position for position in range(self.size)]}
        self.memo: dict[Relation, Rows] = {}
        self.members: dict[EventSet, int] = {}
        self._threads()
        self._locations()
        for kind in ("addr", "data", "ctrl"):
            pairs = (key[1:] for key in dependencies if key[0] == kind)
            self.base[kind] = rows_of(pairs, self.size)
        self.base["rmw"] = rows_of(self._read_modify_writes(), self.size)
        self.sections, self.unmatched = self._read_side_sections()
        self.base["rcu-rscs"] = rows_of(self.sections, self.size)

    def _threads(self) -> None:
        size = self.size
        order, same, other = [0] * size, [0] * size, [0] * size
        everything = (1 << size) - 1
        self.threads: dict[int, list[int]] = {}
        for position, event in enumerate(self.events):
            if event.thread != INITIAL_THREAD:
                self.threads.setdefault(event.thread, []).append(position)
            else:
                same[position] = 1 << position
        for positions in self.threads.values():
            later = 0
            for position in reversed(positions):
                order[position] = later
                later |= 1 << position
            for position in positions:
                same[position] = later
        for position in range(size):
            other[position] = everything & ~same[position]
        self.base |= {"po": order, "int": same, "ext": other}

    def _locations(self) -> None:
        accesses: dict[str, int] = {}
        for position, name in self.locations.items():
            accesses[name] = accesses.get(name, 0) | 1 << position
        self.base["loc"] = [
            accesses[self.locations[position]] if position in self.locations else 0
            for position in range(self.size)
        ]
        writes = self.sets.get("W", 0)
        self.writes_to: dict[str, list[int]] = {name: [] for name in accesses}
        for position in sorted(self.locations):
            if writes >> position & 1:
                self.writes_to[self.locations[position]].append(position)

    def _read_modify_writes(self) -> Iterable[tuple[int, int]]:
        for position, event in enumerate(self.events):
            if event.partner is not None:
                yield self.position[event.partner], position

    def _read_side_sections(self) -> tuple[list[tuple[int, int]], dict[str, list[int]]]:
        """(rcu_read_lock, rcu_read_unlock) positions, innermost first, and those without a partner."""
        sections: list[tuple[int, int]] = []
        unmatched: dict[str, list[int]] = {"rcu-lock": [], "rcu-unlock": []}
        for positions in self.threads.values():
            open_locks: list[int] = []
            for position in positions:
                tag = self.events[position].tag
                if tag == "rcu-lock":
                    open_locks.append(position)
                elif tag == "rcu-unlock" and open_locks:
                    sections.append((open_locks.pop(), position))
                elif tag == "rcu-unlock":
                    unmatched[tag].append(position)
            unmatched["rcu-lock"] += open_locks
        return sections, unmatched


class Execution:
    """One candidate execution along a path, and the memo of what was evaluated on it.

    source: read position -> write position; co: rows; explained: why pairs are in a relation, as far as it was asked.
    """

    def __init__(self, path: Path, source: Mapping[int, int], co: Rows) -> None:
        self.path = path
        self.size = path.size
        self.source = source
        self.co = co
        self.memo: dict[Relation, Rows] = {}
        self.bound: dict[Variable, dict[Relation, Rows]] = {}
        self.explained: dict[tuple[Relation, int, int], set[int]] = {}
        self._iterations: dict[Fixpoint, list[dict[Relation, Rows]]] = {}
        reads_from, from_read = [0] * self.size, [0] * self.size
        for read, write in source.items():
            reads_from[write] |= 1 << read
            from_read[read] = co[write] & ~(1 << read)
        self._base = {"rf": reads_from, "co": co, "fr": from_read}

    def rows(self, relation: Relation) -> Rows:
        memo = self.path.memo if relation.static else self.memo
        if relation.variable is not None:
            memo = self.bound[relation.variable]
        found = memo.get(relation)
        if found is None:
            found = memo[relation] = relation.compute(self)
        return found

    def members(self, events: EventSet) -> int:
        found = self.path.members.get(events)
        if found is None:
            found = self.path.members[events] = events.compute(self)
        return found

    def base_rows(self, name: str) -> Rows:
        return self._base[name] if name in self._base else self.path.base[name]

    def base_members(self, name: str) -> int:
        return self.path.sets.get(name, 0)

    def reasons(self, name: str, start: int, end: int, found: set[int]) -> None:
        """Executions that were not chosen by a solver have no literals to give."""

    def iterations(self, relation: Fixpoint) -> list[dict[Relation, Rows]]:
        """Step k maps the fixpoint's variable, and all that depends on it, to its rows after k rounds."""
        steps = self._iterations.get(relation)
        if steps is None:
            steps = [{relation.own: [0] * self.size}]
            while True:
                self.bound[relation.own] = steps[-1]
                following = relation.body.compute(self)
                if following == steps[-1][relation.own]:
                    break
                steps.append({relation.own: following})
            self._iterations[relation] = steps
        return steps
