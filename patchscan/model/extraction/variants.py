"""An extraction to models that can be executed: one for each resolution of its choices."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

from patchscan.basics.budget import BUDGET
from patchscan.basics.record import frozen, replace
from patchscan.model.extraction.clean import clean
from patchscan.model.extraction.extract import Extraction, observed_registers
from patchscan.model.extraction.signature import Signature, signature
from patchscan.model.extraction.slice import (
    Taken,
    maybe_later,
    relevant_domains,
    settle,
    shared_choices,
    until_write,
    variants,
    without_holes,
    without_locks,
    writes_value,
)
from patchscan.model.lowering.lowered import Assume, Body, Branch, Choice, Event, Thread, walk, with_events
from patchscan.model.lowering.memory import FREED
from patchscan.model.scenarios.scenario import Atom, Scenario
from patchscan.model.verdicts.litmus import constants, write_litmus
from patchscan.model.verdicts.litmus_threads import UNREAD

_CAP = BUDGET.models.most


@frozen
class Model:
    """One executable model: threads without choices; taken: the choices behind it, by role and key."""

    threads: tuple[Thread, ...]
    taken: tuple[tuple[str, str, Taken], ...]


def prepare(extraction: Extraction, locks: bool) -> tuple[Thread, ...]:
    """The threads without holes, and without locks unless they are asked for, sliced."""
    threads = []
    for thread in extraction.threads:
        body = maybe_later(without_holes(thread.body), FREED)
        body = body if locks else without_locks(body)
        threads.append(_sliced(extraction.scenario.bad, with_events(thread, body)))
    return tuple(threads)


@lru_cache(maxsize=512)
def _sliced(bad: tuple[Atom, ...], thread: Thread) -> Thread:
    """A thread without what has no influence; remembered, for most cases share threads with others."""
    return with_events(thread, clean(thread.body, _observed(bad, thread)))


def _observed(bad: tuple[Atom, ...], thread: Thread) -> frozenset[str]:
    return _registers(bad, thread) if any(atom.role == thread.role for atom in bad) else frozenset()


@lru_cache(maxsize=1024)
def _registers(bad: tuple[Atom, ...], thread: Thread) -> frozenset[str]:
    atoms = [atom for atom in bad if atom.role == thread.role]
    return frozenset(register for atom in atoms for register in observed_registers(thread, atom))


def models(scenario: Scenario, threads: tuple[Thread, ...]) -> tuple[list[Model], bool]:
    """The distinct models of sliced threads, and whether they are all of them.

    Left out are those in which the bad write or the bad read cannot come about.
    """
    complete, ways = True, []
    for thread in threads:
        found, all_of_them = _thread_variants(scenario.bad, thread)
        complete &= all_of_them
        ways.append(found)
    unique: dict[Signature, Model] = {}
    for combination in product(*ways) if complete else _in_turn(ways):
        if len(unique) >= _CAP:
            return list(unique.values()), False
        if not _agree([taken for _, taken in combination]):
            continue
        single = tuple(thread for thread, _ in combination)
        sliced = slice_for(scenario, single)
        if sliced is not None:
            taken = tuple(choice for _, choices in combination for choice in choices)
            unique.setdefault(tuple(map(_signed, sliced)), Model(single, taken))
    return list(unique.values()), complete


@lru_cache(maxsize=1024)
def _signed(thread: Thread) -> Signature:
    return signature(thread.body)


def turned(
    scenario: Scenario, threads: tuple[Thread, ...], model: Model, choice: Taken
) -> tuple[list[Model], bool]:
    """The models that resolve every condition as one model of the threads does, but for one, and see models()."""
    ways = []
    for thread in threads:
        body = thread.body
        for role, key, taken in model.taken:
            if role == thread.role:
                body = settle(body, key, taken.holds != (taken == choice))
        ways.append(with_events(thread, body))
    return models(scenario, tuple(ways))


def _in_turn(ways: list[tuple["ThreadVariant", ...]]) -> Iterator[tuple["ThreadVariant", ...]]:
    """Combinations of some variants of each thread, the first ones of all threads first."""
    for most in range(max(map(len, ways), default=0)):
        for chosen in product(*(range(min(len(way), most + 1)) for way in ways)):
            if max(chosen) == most:
                yield tuple(way[index] for way, index in zip(ways, chosen, strict=True))


def _agree(ways: list[tuple[tuple[str, str, Taken], ...]]) -> bool:
    """Whether no two threads resolve a condition differently that is one for all of them."""
    decided: dict[str, bool] = {}
    shared = (shared_choices((key, choice) for _, key, choice in way) for way in ways)
    return all(decided.setdefault(key, holds) == holds for choices in shared for key, holds in choices)


ThreadVariant = tuple[Thread, tuple[tuple[str, str, Taken], ...]]


@lru_cache(maxsize=512)
def _thread_variants(bad: tuple[Atom, ...], thread: Thread) -> tuple[tuple[ThreadVariant, ...], bool]:
    """The variants of one thread that differ in what matters, and whether they are all of them."""

    def simplify(body: Body) -> Body:
        return _simple(bad, thread, body)

    def matters(body: Body) -> bool:
        if observes:
            return bool(_observed(bad, with_events(thread, body)))
        return not frees_here or writes_value(body, FREED)

    def lost(body: Body) -> bool:
        return frees_here and not observes and not writes_value(body, FREED)

    observes = any(atom.role == thread.role for atom in bad)
    frees_here = _frees(bad) and writes_value(thread.body, FREED)
    found, cut = variants(thread.body, simplify, matters, lost)
    unique: dict[object, ThreadVariant] = {}
    for variant in found:
        one = replace(thread, body=simplify(_conditional(variant.body)))
        taken = tuple((thread.role, key, choice) for key, choice in variant.taken)
        unique.setdefault((signature(one.body), shared_choices(variant.taken)), (one, taken))
    return tuple(unique.values()), not cut


def _simple(bad: tuple[Atom, ...], thread: Thread, body: Body) -> Body:
    """A body of a thread up to what is bad in it, without what has no influence."""
    body = until_write(body, FREED) if _frees(bad) else body
    return clean(body, _observed(bad, with_events(thread, body)))


def resolved(scenario: Scenario, threads: tuple[Thread, ...], model: Model) -> Model | None:
    """The model of sliced threads in which each choice is as in another model; None where that leaves choices."""
    bodies = []
    for thread in threads:
        body = _simple(scenario.bad, thread, thread.body)
        for role, key, choice in model.taken:
            if role == thread.role:
                body = _simple(scenario.bad, thread, settle(body, key, choice.holds))
        if any(isinstance(event, Choice) for event in walk(body)):
            return None
        bodies.append(_simple(scenario.bad, thread, _conditional(body)))
    return Model(tuple(map(with_events, threads, bodies)), model.taken)


def _frees(bad: tuple[Atom, ...]) -> bool:
    return any(atom.value == "FREED" for atom in bad)


def slice_for(scenario: Scenario, threads: tuple[Thread, ...]) -> tuple[Thread, ...] | None:
    """The threads with only the sections and waits that meet; None when the bad observation is not in them."""
    threads = relevant_domains(threads)
    threads = tuple(_sliced(scenario.bad, thread) for thread in threads)
    if _frees(scenario.bad) and not any(writes_value(thread.body, FREED) for thread in threads):
        return None
    return threads if bad_condition(scenario, threads) is not None else None


def litmus_of(scenario: Scenario, threads: tuple[Thread, ...], name: str) -> str | None:
    """The test of a model's threads; None when the bad observation cannot come about in them."""
    sliced = slice_for(scenario, threads)
    condition = bad_condition(scenario, sliced) if sliced is not None else None
    if sliced is None or condition is None:
        return None
    return write_litmus(name, sliced, scenario.init, condition, _unread(scenario, sliced))


def constants_of(scenario: Scenario, threads: tuple[Thread, ...]) -> Mapping[int, str]:
    """What numbers in the test of a model's threads stand for, where that has a name."""
    sliced = slice_for(scenario, threads)
    return constants(sliced, scenario.init) if sliced is not None else {}


def _conditional(body: Body) -> Body:
    """Assumptions as branches around what follows them."""
    out: list[Event] = []
    for index, event in enumerate(body):
        if isinstance(event, Assume):
            rest = _conditional(body[index + 1 :])
            return (*out, Branch(event.condition, rest, (), event.place)) if rest else tuple(out)
        if isinstance(event, (Branch, Choice)):
            event = replace(event, then=_conditional(event.then), otherwise=_conditional(event.otherwise))
        out.append(event)
    return tuple(out)


def bad_condition(scenario: Scenario, threads: tuple[Thread, ...]) -> str | None:
    """The bad observation over the threads' registers; None when a thread no longer makes it."""
    parts = []
    for atom in scenario.bad:
        value = str(FREED.number) if atom.value == "FREED" else atom.value
        terms = [
            _term(f"{index}:{register}", value)
            for index, thread in enumerate(threads)
            if thread.role == atom.role
            for register in observed_registers(thread, atom)
        ]
        if not terms:
            return None
        parts.append(terms[0] if len(terms) == 1 else "(" + " \\/ ".join(terms) + ")")
    return " /\\ ".join(parts)


def _term(register: str, value: str) -> str:
    """A register's value, of "!N" any that a read gave but N; a read that is not made leaves UNREAD."""
    if not value.startswith("!"):
        return f"{register}={value}"
    return f"(~({register}={value[1:]}) /\\ ~({register}={UNREAD}))"


def _unread(scenario: Scenario, threads: tuple[Thread, ...]) -> frozenset[str]:
    """The registers that must show whether their read was made: those of whose values any may be the bad one."""
    if not scenario.barrier:
        return frozenset()
    return frozenset().union(*(_observed(scenario.bad, thread) for thread in threads))
