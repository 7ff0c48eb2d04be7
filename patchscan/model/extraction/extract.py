"""Functions to threads: lower everything, find what is shared, keep what the bad observation needs, lower again."""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache

from patchscan.basics.budget import BUDGET
from patchscan.basics.keep import kept as kept_on
from patchscan.basics.record import field, frozen, once, replace
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition
from patchscan.codebase.remembered import Answers, Remembered
from patchscan.model.extraction.guarding import deciding_calls, guards, origins
from patchscan.model.lowering.abstract_values import Named, Through
from patchscan.model.lowering.lower_expressions import evaluate, location
from patchscan.model.lowering.lower_statements import lower_block, lower_function
from patchscan.model.lowering.lowered import (
    Body,
    Event,
    Hole,
    Read,
    Thread,
    Update,
    Write,
    location_key,
    rewrite,
    walk,
)
from patchscan.model.lowering.memory import Context
from patchscan.model.lowering.reach import Reach
from patchscan.model.lowering.replays import Replays
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.scenarios.scenario import Atom, Role, Scenario

_ROUNDS = 4
_BODIES = 250
_STATEMENTS = BUDGET.statements.most
_SPACE = "struct mm_struct *"
_SHORT = 400
_WAITS = frozenset({"wait", "free"})
_READS = frozenset({"open"})


@frozen
class Extraction:
    """The threads of one case, holes and choices still in them.

    functions: name and path a role; kept: the locations that are events; visited: (path, function) of every
    function looked into; names: those functions and what they call; assumptions: sentences that belong to a verdict;
    merged: names that stand for several objects, and one of them each; tables: the members of tables of operations that
    are called, of those whose function is given; answers: what was asked of the code.
    """

    scenario: Scenario
    threads: tuple[Thread, ...]
    kept: frozenset[str]
    visited: frozenset[tuple[str, str]]
    names: frozenset[str]
    assumptions: frozenset[str]
    merged: frozenset[tuple[str, str]] = frozenset()
    tables: frozenset[str] = frozenset()
    answers: Answers = field(default_factory=dict, compare=False)

    def same_in(self, code: Codebase) -> bool:
        """Whether all that the extraction asked of its code is in other code as well, be it on other lines."""
        return all(_same(code.answer(question), answer) for question, answer in self.answers.items())

    @once
    def holes(self) -> tuple[Hole, ...]:
        """What was not looked into, in the order of the threads, each place once."""
        found = [e for thread in self.threads for e in walk(thread.body) if isinstance(e, Hole)]
        return tuple(dict.fromkeys(found))


@frozen
class _Lowered:
    thread: Thread
    accesses: tuple[tuple[str, str, str], ...]
    visited: frozenset[tuple[str, str]]
    assumptions: frozenset[str]
    merged: frozenset[tuple[str, str]]
    tables: frozenset[str]


_LOWERED: Remembered[Context, _Lowered] = Remembered(1000, everything=False)


def _same(one: object, other: object) -> bool:
    """Whether two answers are the same code: lines do not matter."""
    if isinstance(one, Definition) and isinstance(other, Definition):
        return (one.path, one.parameters, one.text) == (other.path, other.parameters, other.text)
    return one == other


def extract(
    scenario: Scenario, functions: Sequence[tuple[str, str]], code: Codebase, stubs: Stubs
) -> Extraction | None:
    """The model's threads for one function a role; None when the code base lacks one of them.

    functions: (name, path) in the order of the scenario's roles.
    """
    with code.recording(everything=True) as answers:
        extraction = _extract(scenario, functions, code, stubs)
    return replace(extraction, answers=answers) if extraction is not None else None


def _extract(
    scenario: Scenario, functions: Sequence[tuple[str, str]], code: Codebase, stubs: Stubs
) -> Extraction | None:
    if any(find_function(name, path, code, stubs, scenario.look_into) is None for name, path in functions):
        return None
    seeds = scenario.keep | {atom.key for atom in scenario.bad}
    kept = candidates = frozenset(seeds)
    decides: frozenset[str] = frozenset()
    for _ in range(_ROUNDS):
        everything = _lower_all(scenario, functions, code, stubs, candidates, None)
        if any(is_cut(one.thread) for one in everything):
            # No verdict comes of it, however often it is lowered.
            return _extraction(scenario, everything, kept, code)
        calls = frozenset().union(*(deciding_calls(one.thread.body, kept | {"*"}) for one in everything))
        short = frozenset(name for name in calls if _is_short(name, functions, code))
        deciding, concurrent = _deciding(everything, kept | {"*"}), _concurrent(everything)
        decides |= {each.lstrip("*") or each for each in deciding}
        short |= _makers(deciding - concurrent, everything, code)
        deciding &= concurrent
        kept |= deciding & _shared(everything)
        if deciding <= candidates and short <= scenario.look_into:
            break
        candidates |= deciding
        scenario = replace(scenario, look_into=scenario.look_into | short)
    watched = tuple(sorted(decides - kept))
    return _extraction(
        scenario, _lower_all(scenario, functions, code, stubs, kept, kept, watched), kept, code
    )


def _extraction(
    scenario: Scenario, lowered: Sequence[_Lowered], kept: frozenset[str], code: Codebase
) -> Extraction:
    visited = frozenset().union(*(one.visited for one in lowered))
    return Extraction(
        scenario,
        tuple(one.thread for one in lowered),
        kept,
        visited,
        _names(visited, code),
        frozenset(scenario.assumptions).union(*(one.assumptions for one in lowered)),
        frozenset().union(*(one.merged for one in lowered)),
        frozenset().union(*(one.tables for one in lowered)),
    )


@once
def is_cut(thread: Thread) -> bool:
    """Whether there was more code than is followed."""
    return any(isinstance(event, Hole) and event.kind == "budget" for event in walk(thread.body))


def _names(visited: frozenset[tuple[str, str]], code: Codebase) -> frozenset[str]:
    """The names of functions, and of what they call."""
    found: set[str] = set()
    for path, name in visited:
        definition = code.callee(name, path)
        found |= {name, *(definition.called if definition is not None else ())}
    return frozenset(found)


def _lower_all(
    scenario: Scenario,
    functions: Sequence[tuple[str, str]],
    code: Codebase,
    stubs: Stubs,
    kept: frozenset[str],
    keep: frozenset[str] | None,
    watched: tuple[str, ...] = (),
) -> tuple[_Lowered, ...]:
    cpus = tuple(sorted({role.cpu for role in scenario.roles}))
    observers = {atom.role for atom in scenario.bad}
    return tuple(
        _lower(scenario, role, function, code, stubs, kept, keep, cpus, role.name in observers, watched)
        for role, function in zip(scenario.roles, functions, strict=True)
    )


def _lower(
    scenario: Scenario,
    role: Role,
    function: tuple[str, str],
    code: Codebase,
    stubs: Stubs,
    kept: frozenset[str],
    keep: frozenset[str] | None,
    cpus: tuple[int, ...],
    observes: bool,
    watched: tuple[str, ...],
) -> _Lowered:
    """One role's function lowered; what was lowered before is taken where all that it asked is answered as then."""
    spaces = {each.cpu: each.instances[_SPACE] for each in scenario.roles if _SPACE in each.instances}
    translates = _translates(scenario, stubs)
    made_of = (translates, keep is None, observes, scenario.marked)
    key = (made_of, role.after, role.name, role.cpu, function, frozenset(role.own.items()))
    typed = frozenset(each for each in kept if each.startswith("<"))
    effects = typed | (_READS if observes else _WAITS)
    names = frozenset(_identifier(each) for each in kept - typed)

    def begin() -> Context:
        return Context(
            code,
            stubs,
            Reach(code, stubs, effects, names),
            role.cpu,
            cpus,
            keep,
            role.instances,
            scenario.look_into,
            lower_block,
            evaluate,
            location,
            scenario.choices,
            spaces,
            given=scenario.given,
            budget=_STATEMENTS,
            marked=scenario.marked,
            acting=None if translates else Reach(code, stubs, effects - {"wait"}, names),
            watched=watched if keep is not None else None,
            again=_replays(made_of).run,
        )

    def lower(context: Context) -> _Lowered:
        name, path = function
        definition = context.stub(name) if path.startswith("stubs/") else code.function(name, path)
        assert definition is not None
        body = lower_function(context, definition)
        last = context.stub(role.after[0]) if role.after is not None else None
        body = (*body, *lower_function(context, last)) if last is not None else body
        thread = Thread(role.name, function[0], role.cpu, rename(body, role.own))
        accesses = tuple((role.own.get(where, where), kind, order) for where, kind, order in context.accesses)
        return _Lowered(
            thread,
            accesses,
            frozenset(context.visited),
            frozenset(context.assumptions),
            frozenset(context.merged),
            frozenset(context.tables),
        )

    given = (role.instances, spaces, scenario.choices, scenario.given)
    exactly = (
        key,
        stubs,
        effects,
        names,
        keep,
        watched,
        cpus,
        scenario.look_into,
        *(frozenset(e.items()) for e in given),
    )
    known = _lowered_of(code)
    if exactly not in known:
        with code.recording(everything=True) as answers:
            known[exactly] = (_LOWERED.get(key, code, begin, lower), answers)
    lowered, answers = known[exactly]
    code.note(answers)
    return lowered


@kept_on
def _lowered_of(code: Codebase) -> dict[Hashable, tuple[_Lowered, Answers]]:
    """What was lowered of one code base, and what it was asked for it; by all else that a Context is made with, and
    what its result is made of: whoever has the same is told the same, without a question."""
    return {}


@lru_cache(maxsize=32)
def _replays(made_of: Hashable) -> Replays:
    """The bodies lowered in one way; made_of: all that it rests on beside what is asked and the CPU."""
    return Replays(_BODIES)


def _translates(scenario: Scenario, stubs: Stubs) -> bool:
    """Whether some role is hardware that uses translations: only then it matters what a TLB flush does where."""
    written_down = (
        name for role in scenario.roles for name, path in role.functions if path.startswith("stubs/")
    )
    return any("translate" in stubs.effects.get(name, ()) for name in written_down)


def find_function(
    name: str, path: str, code: Codebase, stubs: Stubs, look_into: frozenset[str]
) -> Definition | None:
    """The function a role names, in the code or in a stub file; there only where the code has what it calls."""
    if not path.startswith("stubs/"):
        return code.function(name, path)
    definition = stubs.get(name)
    if definition is None:
        return None
    missing = [
        callee
        for callee in definition.called
        if callee in look_into and stubs.get(callee) is None and code.callee(callee, definition.path) is None
    ]
    return None if missing else definition


def rename(body: Body, own: Mapping[str, str]) -> Body:
    """The body with named locations called as `own` says."""

    def change(event: Event) -> tuple[Event, ...]:
        if isinstance(event, (Read, Write, Update)) and isinstance(event.location, Named):
            location = replace(event.location, name=own.get(event.location.name, event.location.name))
            return (replace(event, location=location),)
        return (event,)

    return rewrite(body, change) if own else body


def _identifier(key: str) -> str:
    """The C identifier in a location's key: variable of "var@0", field of "struct.field"."""
    return key.partition("@")[0].rpartition(".")[2].removesuffix("[]")


def _shared(lowered: Sequence[_Lowered]) -> frozenset[str]:
    """Locations that two threads access and one of them writes."""
    users: dict[str, set[int]] = {}
    written: set[str] = set()
    for index, one in enumerate(lowered):
        for key, kind, _ in one.accesses:
            users.setdefault(key, set()).add(index)
            if kind == "W":
                written.add(key)
    return frozenset(key for key, threads in users.items() if len(threads) > 1 and key in written)


def _is_short(name: str, functions: Sequence[tuple[str, str]], code: Codebase) -> bool:
    """Whether a function is small enough to look into only because its result decides something."""
    found = next(filter(None, (code.callee(name, path) for _, path in functions)), None)
    if found is None:
        found = next(filter(None, (code.callee(name, path) for path in code.scope)), None)
    return found is not None and len(found.text) < _SHORT


def _makers(fields: frozenset[str], lowered: Sequence[_Lowered], code: Codebase) -> frozenset[str]:
    """Functions called that fill in and return an object one of whose fields decides."""
    wanted: dict[str, set[str]] = {}
    for structure, _, name in (key.partition("@")[0].rpartition(".") for key in fields):
        wanted.setdefault(structure, set()).add(name)
    found: set[str] = set()
    for path, name in frozenset().union(*(one.visited for one in lowered)) if fields else ():
        definition = code.callee(name, path)
        for called in definition.called if definition is not None else ():
            maker = code.callee(called, path)
            names = wanted.keys() & maker.identifiers if maker is not None and not maker.by_name else ()
            if maker is not None and any(
                wanted[each] & maker.identifiers and maker.result == f"struct {each} *" for each in names
            ):
                found.add(called)
    return frozenset(found)


def _concurrent(lowered: Sequence[_Lowered]) -> frozenset[str]:
    """Locations that may be meant to be shared: variables, and fields with an annotated access.

    Fields that are only accessed plainly are mostly those of an object that one caller owns.
    """
    keys = {key for one in lowered for key, _, order in one.accesses if "." not in key or order != "plain"}
    return frozenset(keys)


def _deciding(lowered: Sequence[_Lowered], observed: frozenset[str]) -> frozenset[str]:
    """Locations that decide whether a thread waits or makes an observed access."""
    return frozenset().union(*(guards(one.thread.body, observed) for one in lowered))


def observed_registers(thread: Thread, atom: Atom) -> tuple[str, ...]:
    """The registers of a thread that an atom of the bad observation speaks of, in program order."""
    found = []
    for event in walk(thread.body):
        if not isinstance(event, (Read, Update)):
            continue
        if atom.through:
            where = event.location
            if isinstance(where, Through) and atom.key in origins(thread.body, where.register.name):
                found.append(event.register.name)
        elif location_key(event.location) == atom.key:
            found.append(event.register.name)
    return tuple(dict.fromkeys(found))
