"""From everything a thread does to what the bad observation depends on, and the variants its choices leave."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import zip_longest

from patchscan.basics.budget import BUDGET
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.model.extraction.inside import first_choice, keys_in, values_written
from patchscan.model.extraction.signature import signature
from patchscan.model.lowering.abstract_values import Value
from patchscan.model.lowering.lowered import (
    NESTED,
    Body,
    Branch,
    Choice,
    Close,
    Deferred,
    Event,
    Fence,
    Hole,
    Lock,
    Open,
    Place,
    Thread,
    Wait,
    Write,
    rewrite,
    walk,
    with_arms,
    with_body,
    with_events,
)

_CAP = BUDGET.variants.most
_STEPS = BUDGET.choices.most
_SHARED = pattern(r"serial='(?:choice|name) ")


@frozen
class Taken:
    """How one choice was resolved in a variant."""

    text: str
    holds: bool
    place: Place


@frozen
class Variant:
    """One resolution of a thread's choices."""

    body: Body
    taken: tuple[tuple[str, Taken], ...]


def without_holes(body: Body) -> Body:
    """The body with holes that are barriers for certain made barriers, and the other holes left out."""

    def change(event: Event) -> Iterable[Event]:
        if isinstance(event, Hole):
            return (Fence("mb", event.place),) if "fence" in event.always else ()
        return (event,)

    return rewrite(body, change, frozenset({Hole}))


def without_locks(body: Body) -> Body:
    """The body without locks: weaker, so what never happens without them never happens with them."""
    return rewrite(body, lambda event: () if isinstance(event, Lock) else (event,), frozenset({Lock}))


def sections(threads: Iterable[Thread]) -> frozenset[tuple[str, int]]:
    """(domain, CPU) of every reader section with something in it."""
    return frozenset(
        (event.domain, event.cpu)
        for thread in threads
        for event in walk(thread.body)
        if isinstance(event, Open)
    )


def relevant_domains(threads: tuple[Thread, ...]) -> tuple[Thread, ...]:
    """The threads with the waits that wait for somebody, and the sections that somebody waits for.

    A wait for a whole domain becomes a wait for each CPU that has a section of it; RCU's stays what it is.
    """
    opened = frozenset[tuple[str, int]]().union(*map(_opened, threads))
    threads = tuple(_reaching(thread, opened) for thread in threads)
    waited = frozenset[tuple[str, int | None]]().union(*map(_waited, threads))
    return tuple(_waited_for(thread, waited) for thread in threads)


@lru_cache(maxsize=1024)
def _opened(thread: Thread) -> frozenset[tuple[str, int]]:
    return sections((thread,))


@lru_cache(maxsize=1024)
def _waited(thread: Thread) -> frozenset[tuple[str, int | None]]:
    """(domain, CPU) of what a thread waits for, the grace periods of its callbacks included."""
    events = tuple(walk(thread.body))
    deferred = any(isinstance(event, Deferred) for event in events)
    waits = frozenset((event.domain, event.cpu) for event in events if isinstance(event, Wait))
    return waits | {("rcu", None)} if deferred else waits


@lru_cache(maxsize=1024)
def _waited_for(thread: Thread, waited: frozenset[tuple[str, int | None]]) -> Thread:
    """A thread with those of its sections that somebody waits for."""

    def change(event: Event) -> Iterable[Event]:
        if (
            isinstance(event, (Open, Close))
            and not {(event.domain, event.cpu), (event.domain, None)} & waited
        ):
            return ()
        return (event,)

    return with_events(thread, rewrite(thread.body, change))


def loosened(threads: tuple[Thread, ...]) -> tuple[Thread, ...]:
    """The threads, without the sections of those that themselves wait for such sections on any CPU."""
    return tuple(with_events(thread, _without_own_sections(thread.body)) for thread in threads)


def _without_own_sections(body: Body) -> Body:
    waited = {
        event.domain
        for event in walk(body)
        if isinstance(event, Deferred) or (isinstance(event, Wait) and event.cpu is None)
    }
    if not waited:
        return body
    return rewrite(
        body,
        lambda event: () if isinstance(event, (Open, Close)) and event.domain in waited else (event,),
    )


@lru_cache(maxsize=1024)
def _reaching(thread: Thread, opened: frozenset[tuple[str, int]]) -> Thread:
    """A thread with its waits aimed at the CPUs of the other threads that have such sections."""

    def change(event: Event) -> Iterable[Event]:
        if not isinstance(event, Wait) or event.domain == "rcu":
            return (event,)
        cpus = sorted(cpu for domain, cpu in opened if domain == event.domain and cpu != thread.cpu)
        if event.cpu is not None:
            return (event,) if event.cpu in cpus else ()
        return tuple(replace(event, cpu=cpu) for cpu in cpus)

    return with_events(thread, rewrite(thread.body, change))


def variants(
    body: Body,
    simplify: Callable[[Body], Body],
    matters: Callable[[Body], bool],
    lost: Callable[[Body], bool],
) -> tuple[list[Variant], bool]:
    """Every resolution of the body's choices that differs; True when there were too many to look at.

    simplify: applied after each choice; matters: a body for which it is False is dropped with all its variants; lost:
    whether a body will be none that matters, however simple it is made.
    Equal conditions are resolved alike; of those that other threads decide alike it is kept how they were resolved.
    Of too many come those with most conditions true, and those with most of them false, in turn.
    """
    found, cut = _variants(body, simplify, matters, lost, (False, True))
    if not cut:
        return found, False
    others, _ = _variants(body, simplify, matters, lost, (True, False))
    return [each for pair in zip_longest(found, others) for each in pair if each is not None], True


def _variants(
    body: Body,
    simplify: Callable[[Body], Body],
    matters: Callable[[Body], bool],
    lost: Callable[[Body], bool],
    order: tuple[bool, bool],
) -> tuple[list[Variant], bool]:
    """See variants(); order: how a condition holds, the case that is followed first last."""
    work: list[tuple[Body, dict[str, Taken]]] = [(simplify(body), {})]
    seen: set[object] = set()
    found: list[Variant] = []
    steps = 0
    while work:
        current, taken = work.pop()
        steps += 1
        if steps > _STEPS or len(found) > _CAP:
            return found, True
        choice = first_choice(current)
        if choice is None:
            found.append(Variant(current, tuple(sorted(taken.items()))))
            continue
        settled = [(holds, settle(current, choice.key, holds)) for holds in order]
        arms = [(holds, simplify(arm)) for holds, arm in settled if not lost(arm)]
        if len(arms) < 2 and not any(matters(arm) for _, arm in arms):
            arms = [(holds, simplify(arm)) for holds, arm in settled]
        signed = [(holds, arm, signature(arm)) for holds, arm in arms]
        if len(signed) == 2 and signed[0][2] == signed[1][2]:
            work.append((signed[0][1], taken))
            continue
        for holds, smaller, told in signed:
            now = {**taken, choice.key: Taken(choice.text, holds, choice.place)}
            known = told, shared_choices(now.items())
            if known not in seen and matters(smaller):
                seen.add(known)
                work.append((smaller, now))
    return found, False


def shared_choices(taken: Iterable[tuple[str, Taken]]) -> frozenset[tuple[str, bool]]:
    """How the conditions were resolved that are the same for every thread: static keys, and names of constants."""
    return frozenset((key, choice.holds) for key, choice in taken if _SHARED.search(key))


def settle(body: Body, key: str, holds: bool) -> Body:
    """The body with the choices of one key resolved."""

    out: list[Event] = []
    same = True
    for event in body:
        if type(event) not in NESTED or key not in keys_in(event):
            out.append(event)
            continue
        same = False
        if isinstance(event, Choice) and event.key == key:
            out.extend(settle(event.then if holds else event.otherwise, key, holds))
        elif isinstance(event, (Branch, Choice)):
            out.append(with_arms(event, settle(event.then, key, holds), settle(event.otherwise, key, holds)))
        elif isinstance(event, Deferred):
            out.append(with_body(event, settle(event.body, key, holds)))
    return body if same else tuple(out)


def writes_value(body: Body, value: Value) -> bool:
    """Whether some path of a body writes the value."""
    return any(value in values_written(event) for event in body)


def maybe_later(body: Body, value: Value) -> Body:
    """The body with each callback that writes the value as a choice, where the thread writes it elsewhere as well.

    A callback that has not run yet holds up nobody.
    """
    events = list(walk(body))
    writes = sum(isinstance(event, Write) and event.value == value for event in events)
    callbacks = [event for event in events if isinstance(event, Deferred) and writes_value(event.body, value)]
    if not callbacks or writes < 2:
        return body

    def change(event: Event) -> Iterable[Event]:
        if event in callbacks:
            key = f"callback at {event.place}"
            return (Choice(key, "the callback has run by then", (event,), (), event.place),)
        return (event,)

    return rewrite(body, change)


def until_write(body: Body, value: Value) -> Body:
    """The body up to and with the first write of a value on each path: what follows cannot undo it."""
    out: list[Event] = []
    same = True
    for event in body:
        if isinstance(event, Branch):
            out.append(with_arms(event, until_write(event.then, value), until_write(event.otherwise, value)))
            same = same and out[-1] is event
            continue
        out.append(event)
        if isinstance(event, Write) and event.value == value:
            break
        if isinstance(event, Deferred) and writes_value(event.body, value):
            break
    return body if same and len(out) == len(body) else tuple(out)
