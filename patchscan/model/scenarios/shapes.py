"""Generic shapes: two functions of a series that share two locations, ordered on one side and not on the other.

A shape of a scenario file says what its roles do with its locations; here it is bound to functions and locations of a
series, and becomes a scenario like any other. Bound is only what the code evidently wants ordered: one side has a
barrier that speaks of a location (it is the access, or its comment names one). What may be ordered by other
means, or what nobody can tell, is left out: a false alarm costs more than a miss.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.c.source import Function, Source
from patchscan.changedfile import ChangedFile
from patchscan.codebase.code import Codebase
from patchscan.model.lowering.abstract_values import Const, Named
from patchscan.model.lowering.lower_statements import lower_alone
from patchscan.model.lowering.lowered import Access, Body, Branch, Choice, Event, Fence, Read, Update, Write
from patchscan.model.lowering.lowered import walk as walk_events
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.scenarios.ordered import Candidate, Side, has_other_partner, ordered_by_other_means
from patchscan.model.scenarios.scenario import Atom, Scenario, Step
from patchscan.tree.overlay import PatchState

_ANNOTATED = pattern(
    r"\b(?:READ_ONCE|WRITE_ONCE|smp_store_release|smp_load_acquire|smp_cond_load_\w+|smp_store_mb"
    r"|rcu_assign_pointer|rcu_dereference\w*)\s*\(([^;]*)"
)
_FIELD = pattern(r"[A-Za-z_]\w*")
_FENCES = ("mb", "rmb", "wmb")
_OPAQUE = ("<", "*", "?")
_BUDGET, _DEPTH = 4_000, 1
_MOST, _MOST_PAIRS, _MOST_ARMS = 6, 40, 4
Path = Mapping[int, bool]
Placed = tuple[int, Access, Path]


@frozen
class Bound:
    """A shape as a scenario; patch: position in the series of the last patch that touches one of its functions;
    lost: only that it was safe before shows that the two belong together."""

    scenario: Scenario
    patch: int
    lost: bool


def bind(
    shapes: Sequence[Scenario], states: Sequence[PatchState], code: Codebase, stubs: Stubs
) -> tuple[Bound, ...]:
    """The shapes that functions of a series make, as the whole series leaves them; code: after the series."""
    sides = _sides(states)
    found: dict[tuple[object, ...], Bound] = {}
    lowered: dict[Side, list[tuple[Event, Path]]] = {}
    for one, other in _pairs(sides)[:_MOST_PAIRS]:
        for side in (one, other):
            if side not in lowered:
                lowered[side] = _events(side, code, stubs)
        events = _shared({side: lowered[side] for side in (one, other)})
        for shape in shapes:
            for candidate in _candidates(shape, events):
                keys = frozenset(candidate.keys.values())
                name = (shape.name, frozenset(side.name for side in candidate.sides), keys)
                if name not in found and not ordered_by_other_means(candidate, code, stubs):
                    lost = not _belong(one, other) or has_other_partner(candidate, sides)
                    found[name] = Bound(_scenario(candidate, events), max(one.patch, other.patch), lost)
                if len(found) >= _MOST:
                    return tuple(found.values())
    return tuple(found.values())


def _sides(states: Sequence[PatchState]) -> tuple[Side, ...]:
    """The functions of the changed files that are touched or have annotated accesses, as the last patch leaves them."""
    touched: dict[tuple[str, str], int] = {}
    last: dict[str, Source] = {}
    for index, state in enumerate(states):
        for file in (ChangedFile(each) for each in state.files):
            if file.is_c and file.state.after is not None:
                touched.update(((file.path, function.name), index) for function in file.functions)
                last[file.path] = file.after[0]
    return tuple(
        Side(source, function, touched.get((path, function.name), -1), frozenset(_operands(function)))
        for path, source in sorted(last.items())
        for function in source.functions()
        if (path, function.name) in touched or _ANNOTATED.search(function.text)
    )


def _operands(function: Function) -> Iterator[str]:
    """The last name of the first argument of each annotated access."""
    for found in _ANNOTATED.finditer(function.text):
        names = _FIELD.findall(found[1].partition(",")[0].partition(")")[0])
        if names:
            yield names[-1]


def _pairs(sides: Sequence[Side]) -> list[tuple[Side, Side]]:
    """Two functions that share an annotated location, one with a barrier and one touched; those that belong together
    for certain come first."""
    found = [
        (one, other)
        for position, one in enumerate(sides)
        for other in sides[position + 1 :]
        if max(one.patch, other.patch) >= 0 and (one.orders(other) or other.orders(one))
    ]
    return sorted(found, key=lambda pair: not _belong(*pair))


def _belong(one: Side, other: Side) -> bool:
    """Whether both functions are touched, or a comment in one names the other."""
    return min(one.patch, other.patch) >= 0 or one.names(other) or other.names(one)


def _events(side: Side, code: Codebase, stubs: Stubs) -> list[tuple[Event, Path]]:
    """The events of a function in program order, each with the branches that lead to it."""
    definition = code.function(side.name, side.path)
    if definition is None:
        return []
    body = lower_alone(definition, code, stubs, frozenset(), _BUDGET, _DEPTH)
    if any(getattr(event, "kind", "") in ("budget", "parse") for event in walk_events(body)):
        return []
    return list(_in_order(body, {}))


def _in_order(body: Body, path: Path) -> Iterator[tuple[Event, Path]]:
    for event in body:
        if isinstance(event, (Branch, Choice)):
            yield from _in_order(event.then, {**path, id(event): True})
            yield from _in_order(event.otherwise, {**path, id(event): False})
        else:
            yield event, path


def key_of(event: Access) -> str:
    """The location by type and field, or the global's name; "" for one that cannot be told from others."""
    where = event.location
    if not isinstance(where, Named) or "[]" in where.name or "@" in where.name:
        return ""
    return "" if where.name.startswith(_OPAQUE) else where.name


def _shared(lowered: Mapping[Side, list[tuple[Event, Path]]]) -> dict[Side, list[tuple[Event, Path]]]:
    """The fences of two functions, and their accesses to what both access; in many arms the first few."""
    keys = [{_key(event) for event, _ in events} for events in lowered.values()]
    common = (keys[0] & keys[1]) - {""}
    found: dict[Side, list[tuple[Event, Path]]] = {}
    for side, events in lowered.items():
        seen: dict[object, int] = {}
        found[side] = []
        for event, path in events:
            what = (type(event), _key(event), getattr(event, "place", None))
            seen[what] = seen.get(what, 0) + 1
            if seen[what] <= _MOST_ARMS and (isinstance(event, Fence) or _key(event) in common):
                found[side].append((event, path))
    return found


def _key(event: Event) -> str:
    return key_of(event) if isinstance(event, (Read, Write, Update)) else ""


def _candidates(shape: Scenario, events: Mapping[Side, list[tuple[Event, Path]]]) -> Iterator[Candidate]:
    """Every way in which two functions play a shape with a barrier on one side at least."""
    for sides in permutations(events):
        first, second = (role.does for role in shape.roles)
        for one in _made(shape, first, sides[0], events[sides[0]], {}):
            keys = {step.location: key_of(event) for step, event in zip(first, one, strict=True)}
            for other in _made(shape, second, sides[1], events[sides[1]], keys):
                accesses = (one, other)
                barriers = tuple(
                    _barrier(shape, side, pair, events[side], set(keys.values()), partner.name)
                    for side, pair, partner in zip(sides, accesses, reversed(sides), strict=True)
                )
                if any(barriers):
                    yield Candidate(shape, sides, accesses, keys, barriers)


def _made(
    shape: Scenario,
    does: tuple[Step, ...],
    side: Side,
    events: Sequence[tuple[Event, Path]],
    keys: Mapping[str, str],
) -> Iterator[tuple[Access, Access]]:
    """The two accesses of a role in a function; keys: the locations that are settled."""
    first, second = does
    for start, one, path in _accesses(shape, first, side, events, keys):
        for later, two, other in _accesses(shape, second, side, events, keys):
            follows = later > start and _together(path, other) and key_of(one) != key_of(two)
            if follows and _is_clear(events, (start, one, path), two):
                yield one, two


def _together(path: Path, other: Path) -> bool:
    """Whether one execution can come along both paths."""
    return all(path.get(branch, arm) == arm for branch, arm in other.items())


def _is_clear(events: Sequence[tuple[Event, Path]], first: Placed, two: Access) -> bool:
    """Whether no other access of the function could be the one that is meant, or make the outcome a plain one.

    A second write may say what is not valid yet, with a constant of its own; a second read may follow.
    """
    start, one, path = first
    for position, (event, other) in enumerate(events):
        key = _key(event)
        if key not in (key_of(one), key_of(two)) or not isinstance(event, (Read, Write, Update)):
            continue
        elsewhere = key == key_of(one) and isinstance(event, Read) and event.place != one.place
        if isinstance(event, Update) or (isinstance(one, Read) and elsewhere):
            return False
        if key != key_of(two) or type(event) is not type(two):
            continue
        if isinstance(two, Read) and position < start and _together(path, other):
            return False
        if isinstance(event, Write) and event.place != two.place and not _differ(event, two):
            return False
    return True


def _differ(one: Write, two: Access) -> bool:
    """Whether two writes are of different constants."""
    values = (one.value, two.value if isinstance(two, Write) else None)
    return all(isinstance(value, Const) for value in values) and values[0] != values[1]


def _accesses(
    shape: Scenario, step: Step, side: Side, events: Sequence[tuple[Event, Path]], keys: Mapping[str, str]
) -> list[Placed]:
    """The accesses that a step can be: the function's own, annotated where the shape asks for it."""
    wanted = Read if step.kind == "reads" else Write
    plain = bool({step.location, f"{step.kind} {step.location}"} & shape.plain)
    return [
        (position, event, path)
        for position, (event, path) in enumerate(events)
        if isinstance(event, wanted)
        and key_of(event)
        and keys.get(step.location, key_of(event)) == key_of(event)
        and (event.place.path, event.place.function) == (side.path, side.name)
        and (plain or event.order != "plain")
    ]


def _barrier(
    shape: Scenario,
    side: Side,
    accesses: tuple[Access, Access],
    events: Sequence[tuple[Event, Path]],
    keys: set[str],
    partner: str,
) -> int:
    """The line of the barrier between two accesses that speaks of a location; 0 where there is none."""
    one, two = accesses
    if shape.barrier == "access":
        if isinstance(one, Read) and one.order == "acquire":
            return one.place.line
        return two.place.line if isinstance(two, Write) and two.order == "release" else 0
    order = [event for event, _ in events]
    names = {key.rpartition(".")[2] for key in keys}
    between = order[order.index(one) : order.index(two)]
    lines = [event.place.line for event in between if isinstance(event, Fence) and event.kind in _FENCES]
    return next((line for line in lines if _speaks_of(side.words_of_comment(line), names, partner)), 0)


def _speaks_of(words: frozenset[str], names: set[str], partner: str) -> bool:
    """Whether a comment means these locations: "data" alone may be a word, beside the partner's name it is none."""
    named = names & words
    return named == names or any("_" in name or partner in words for name in named)


def _scenario(candidate: Candidate, events: Mapping[Side, list[tuple[Event, Path]]]) -> Scenario:
    """The shape with its functions and locations filled in."""
    shape, keys = candidate.shape, candidate.keys
    first = {key: _initial(key, events.values()) for key in keys.values()}
    bad = tuple(
        replace(atom, value=_value(atom, candidate, first[keys[atom.key]]), key=keys[atom.key])
        for atom in shape.bad
    )
    roles = tuple(
        replace(role, functions=((side.name, side.path),), does=())
        for role, side in zip(shape.roles, candidate.sides, strict=True)
    )
    kinds = sorted({key.rpartition(".")[0] for key in keys.values()} - {""})
    one = tuple(f"both work on the same {kind}" for kind in kinds)
    return replace(
        shape,
        name="-".join([shape.name, *keys.values()]),
        roles=roles,
        bad=bad,
        keep=frozenset(keys.values()),
        init={key: str(value) for key, value in first.items()},
        when=tuple(side.name for side in candidate.sides),
        assumptions=(*shape.assumptions, *one),
    )


def _value(atom: Atom, candidate: Candidate, first: int) -> str:
    """What an atom's OLD and NEW are: how the location begins, and the constant written there, or anything else."""
    if atom.value != "NEW":
        return str(first)
    key = candidate.keys[atom.key]
    written = [
        event.value.number
        for pair in candidate.accesses
        for event in pair
        if isinstance(event, Write) and key_of(event) == key and isinstance(event.value, Const)
    ]
    return str(written[0]) if written else f"!{first}"


def _initial(key: str, threads: Iterable[Sequence[tuple[Event, Path]]]) -> int:
    """A value that a location can begin with: 0, or the first number that no function writes there."""
    written = {
        event.value.number
        for thread in threads
        for event, _ in thread
        if isinstance(event, Write) and key_of(event) == key and isinstance(event.value, Const)
    }
    return next(number for number in range(len(written) + 1) if number not in written)
