"""What herd7 flags: data races, plain and marked accesses mixed, read-side sections and locks that do not
match.

A flag is raised when some execution (that passes the filter) shows it, so each one is a question to the
solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from patchscan.lkmm.memory import lkmm
from patchscan.lkmm.memory.events import Event
from patchscan.lkmm.memory.executions import sets_of
from patchscan.lkmm.memory.relations import Relation
from patchscan.lkmm.memory.rows import bits
from patchscan.lkmm.solving.candidate import Candidate
from patchscan.lkmm.solving.cnf import FALSE, TRUE
from patchscan.lkmm.solving.solving import Solver

_LOCK_TAGS = frozenset(("LKR", "LKW", "UL", "LF", "RU", "srcu-lock", "srcu-unlock", "sync-srcu"))
_SECTION_TAGS = frozenset(("rcu-lock", "rcu-unlock", "srcu-lock", "srcu-unlock", "sync-srcu", "LKW", "UL"))

_SLEEPS = lkmm.rcu_rscs & (lkmm.po @ lkmm.Sync_srcu @ lkmm.po)
_MOST_WAYS = 64


def flags(solver: Solver, some: Candidate) -> tuple[tuple[str, ...], tuple[Event, Event] | None]:
    """The flags of the program, sorted, and two accesses that race. some: any of its executions."""
    race: tuple[Event, Event] | None = None
    found = set(_section_flags(solver, some)) | set(_lock_flags(solver))
    if any(event.tag == "plain" for event in solver.encoding.events):
        racing = find_data_race(solver, some)
        if racing is not None:
            found.add("data-race")
            race = racing_accesses(racing)
        if _has_mixed_accesses(solver):
            found.add("mixed-accesses")
    return tuple(sorted(found)), race


def section_flags(solver: Solver, some: Candidate) -> tuple[str, ...]:
    """The flags that speak of sections and locks which do not match, sorted."""
    groups = _section_literals(solver)
    sections = set[str]() if groups and _all_match(solver, groups) else _section_flags(solver, some)
    return tuple(sorted({*sections, *_lock_flags(solver)}))


# Data races


def find_data_race(solver: Solver, some: Candidate) -> Candidate | None:
    """An execution with a data race; asks for each pair of conflicting accesses, and for each order they
    may have.
    """
    if any(some.rows(lkmm.data_race)):
        return some
    for first, second in _conflicts(solver):
        racing = _race_between(solver, first, second)
        if racing is not None:
            return racing
    return None


def racing_accesses(candidate: Candidate) -> tuple[Event, Event]:
    """The first two accesses that race in the execution."""
    rows = candidate.rows(lkmm.data_race)
    start = next(event for event, row in enumerate(rows) if row)
    return candidate.path.events[start], candidate.path.events[next(bits(rows[start]))]


def _conflicts(solver: Solver) -> Iterator[tuple[Event, Event]]:
    """Pairs of accesses that pre_race can relate, the earlier one first, at least one of them a write."""
    encoding = solver.encoding
    accesses = [event for event in encoding.events if event.kind in "RW"]
    for first in accesses:
        for second in accesses:
            if first.thread == second.thread or second.tag == "IW" or first.kind == second.kind == "R":
                continue
            plain = first.tag == "plain" or (second.tag == "plain" and first.tag != "IW")
            if plain and not encoding.address[first.number].keys().isdisjoint(
                encoding.address[second.number]
            ):
                yield first, second


def _race_between(solver: Solver, first: Event, second: Event) -> Candidate | None:
    """An execution in which `first` comes before `second` (by co, co?;rf or fr) and a race is seen."""
    encoding = solver.encoding
    together = [
        encoding.executed[first.number],
        encoding.executed[second.number],
        encoding.same_variable(first.number, second.number),
        _comes_before(solver, first, second),
    ]
    if FALSE in together:
        return None
    asking = encoding.formula.new_variable()
    while candidate := solver.find([encoding.filter, *together, asking]):
        if any(candidate.rows(lkmm.data_race)):
            return candidate
        ordering, start, end = _what_orders(candidate, first, second)
        reasons: set[int] = set()
        ordering.explain(candidate, start, end, reasons)
        solver.forbid({asking, *reasons})
    return None


def _comes_before(solver: Solver, first: Event, second: Event) -> int:
    encoding = solver.encoding
    communication, formula = encoding.communication, encoding.formula
    if first.kind == second.kind == "W":
        return communication.co[first.number, second.number]
    read = second if second.kind == "R" else first
    chains = []
    for write in communication.sources[read.number]:
        if first.kind == "W":
            order = TRUE if write == first.number else communication.co.get((first.number, write), FALSE)
        else:
            order = communication.co.get((write, second.number), FALSE)
        chains.append(formula.all_of((communication.rf[write, read.number], order)))
    return formula.any_of(chains)


def _what_orders(candidate: Candidate, first: Event, second: Event) -> tuple[Relation, int, int]:
    """The relation that keeps these two from racing, and the pair in it."""
    start, end = candidate.path.position[first.number], candidate.path.position[second.number]
    if first.kind == second.kind == "W":
        return lkmm.ww_nonrace, start, end
    if first.kind == "R":
        return lkmm.rw_xbstar, start, end
    if candidate.rows(lkmm.wr_vis)[start] >> end & 1:
        return lkmm.wr_vis, start, end
    return lkmm.rw_xbstar, end, start


def _has_mixed_accesses(solver: Solver) -> bool:
    """A plain write and a marked access of one thread to one variable, and nothing the compiler respects
    between.
    """
    encoding = solver.encoding
    if not any(event.kind == "W" and event.tag == "plain" for event in encoding.events):
        return False
    for earlier, later in _same_thread_pairs(encoding.events):
        plain = [event for event in (earlier, later) if event.tag == "plain"]
        if len(plain) != 1 or plain[0].kind != "W":
            continue
        if lkmm.Release.holds(sets_of(later)) or lkmm.Acquire.holds(sets_of(earlier)):
            continue
        between = encoding.events[earlier.number + 1 : later.number]
        absent = [-encoding.executed[e.number] for e in between if lkmm.compiler_barriers.holds(sets_of(e))]
        if _happen_together(solver, earlier, later, absent):
            return True
    return False


def _same_thread_pairs(events: list[Event]) -> Iterator[tuple[Event, Event]]:
    accesses = [event for event in events if event.kind in "RW" and event.tag != "IW"]
    for index, later in enumerate(accesses):
        for earlier in accesses[:index]:
            if earlier.thread == later.thread:
                yield earlier, later


def _happen_together(solver: Solver, one: Event, other: Event, also: Iterable[int] = ()) -> bool:
    """Whether both can be executed, on one variable."""
    encoding = solver.encoding
    if encoding.address[one.number].keys().isdisjoint(encoding.address[other.number]):
        return False
    together = [encoding.executed[one.number], encoding.executed[other.number], *also]
    together.append(encoding.same_variable(one.number, other.number))
    return solver.find([encoding.filter, *together]) is not None


# Read-side critical sections and locks


def _section_flags(solver: Solver, some: Candidate) -> set[str]:
    """Flags that depend on which locks and unlocks are executed: ask for every combination of those of a thread."""
    relevant = _section_literals(solver)
    if not relevant:
        return _flags_of_sections(some)
    return set().union(*map(_flags_of_sections, _combinations(solver, relevant, solver.find)))


def _all_match(solver: Solver, groups: Sequence[Sequence[int]]) -> bool:
    """Whether sections match in all that the clauses allow: it is more than the memory model does, and found sooner;
    False where that is too much."""
    ways = _combinations(solver, groups, solver.candidate)
    match = not any(map(_flags_of_sections, islice(ways, _MOST_WAYS)))
    return match and next(ways, None) is None


def _combinations(
    solver: Solver, groups: Sequence[Sequence[int]], find: Callable[[Sequence[int]], Candidate | None]
) -> Iterator[Candidate]:
    """Candidates with each way in which the literals of a group come out."""
    formula = solver.encoding.formula
    asking = formula.new_variable()
    unseen = {formula.new_variable(): group for group in groups or [()]}
    formula.implies([asking], *unseen)
    while (candidate := find([solver.encoding.filter, asking])) is not None:
        yield candidate
        for new, group in unseen.items():
            solver.forbid([new, *(lit if candidate.chosen(lit) else -lit for lit in group)])


def _section_literals(solver: Solver) -> list[list[int]]:
    """The literals that decide how sections match: thread by thread, but all together where an srcu_read_unlock()
    takes its index from memory.
    """
    encoding = solver.encoding
    sections = [event for event in encoding.events if event.tag in _SECTION_TAGS]
    literals: dict[int, set[int]] = {}
    for event in sections:
        of_thread = literals.setdefault(event.thread, set())
        of_thread.add(encoding.executed[event.number])
        of_thread.update(encoding.address.get(event.number, {}).values())
    carried = {
        read
        for event in sections
        if event.tag == "srcu-unlock"
        for kind, read, _ in event.dependencies
        if kind == "data" and encoding.events[read].tag != "srcu-lock"
    }
    groups = list(literals.values())
    if carried:
        groups = [set().union(*groups, encoding.communication.rf.values())]
    chosen = [sorted(group - {TRUE, FALSE}) for group in groups]
    return [group for group in chosen if group]


def _flags_of_sections(candidate: Candidate) -> set[str]:
    path = candidate.path
    found = {f"unmatched-{tag}" for tag, positions in path.unmatched.items() if positions}
    if any(candidate.rows(_SLEEPS)):
        found.add("invalid-sleep")
    if path.sets.get("Srcu-lock") or path.sets.get("Srcu-unlock"):
        found |= _flags_of_srcu(candidate)
    if _unmatched_unlock(candidate):
        found.add("unmatched-unlock")
    return found


def _flags_of_srcu(candidate: Candidate) -> set[str]:
    encoding, path = candidate.encoding, candidate.path
    found: set[str] = set()
    pairs = [
        (lock, unlock) for lock, row in enumerate(candidate.rows(lkmm.srcu_rscs)) for unlock in bits(row)
    ]
    locks, unlocks = [lock for lock, _ in pairs], [unlock for _, unlock in pairs]
    if set(bits(path.sets.get("Srcu-lock", 0))) - set(locks):
        found.add("unmatched-srcu-lock")
    if set(bits(path.sets.get("Srcu-unlock", 0))) - set(unlocks):
        found.add("unmatched-srcu-unlock")
    if len(set(locks)) < len(locks):
        found.add("multiple-srcu-matches")
    for lock, unlock in pairs:
        returned = candidate.value(encoding.read[path.numbers[lock]])
        if returned != candidate.value(encoding.written[path.numbers[unlock]]):
            found.add("srcu-bad-value-match")
    return found


def _unmatched_unlock(candidate: Candidate) -> bool:
    """A spin_unlock() of a lock that its thread does not hold."""
    path = candidate.path
    for positions in path.threads.values():
        held: set[str] = set()
        for position in positions:
            tag = path.events[position].tag
            if tag == "LKW":
                held.add(path.locations[position])
            elif tag == "UL":
                if path.locations[position] not in held:
                    return True
                held.discard(path.locations[position])
    return False


def _lock_flags(solver: Solver) -> Iterator[str]:
    encoding = solver.encoding
    locks = [event for event in encoding.events if event.tag in _LOCK_TAGS]
    tested = {observed.name for observed in encoding.observed() if observed.thread is None}
    if any(not tested.isdisjoint(encoding.address[lock.number]) for lock in locks):
        yield "lock-final"
    names = frozenset().union(*(encoding.address[lock.number] for lock in locks))
    others = [
        each
        for each in encoding.events
        if each.kind in "RW" and each.tag not in _LOCK_TAGS and each.tag != "IW"
        if not names.isdisjoint(encoding.address[each.number])
    ]
    if any(_happen_together(solver, access, lock) for lock in locks for access in others):
        yield "mixed-lock-accesses"
