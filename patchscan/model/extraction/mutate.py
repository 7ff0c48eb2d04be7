"""Changes to a model: what is taken away to see that a verdict rests on it, and what is added to repair it."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from patchscan.basics.record import frozen, replace
from patchscan.model.lowering.abstract_values import Const, Named
from patchscan.model.lowering.lowered import (
    Deferred,
    Event,
    Fence,
    Open,
    Place,
    Read,
    Thread,
    Update,
    Wait,
    Write,
    rewrite,
    walk,
    with_events,
)
from patchscan.model.lowering.memory import FREED

_WAYS_TO_WAIT = {
    "irq": "an IPI with wait to every CPU",
    "rcu": "synchronize_rcu()",
    "srcu": "synchronize_srcu()",
    "tlb": "a TLB flush that reaches every CPU",
    "secondary_tlb": "the mmu notifier's invalidation of secondary TLBs",
}


@frozen
class ModelEdit:
    """One change to a thread; text: as a developer would say it; kind: "wait", "barrier", or "order" for what only adds
    order, and so allows no execution that there was not before."""

    text: str
    kind: str
    thread: int
    change: Callable[[Event], Iterable[Event]]


def apply(edits: Sequence[ModelEdit], threads: tuple[Thread, ...]) -> tuple[Thread, ...]:
    """The threads with the edits made, in order."""
    for edit in edits:
        changed = [
            with_events(thread, rewrite(thread.body, edit.change)) if index == edit.thread else thread
            for index, thread in enumerate(threads)
        ]
        threads = tuple(changed)
    return threads


def at(place: Place) -> str:
    """A place as text: "mm/mmu_gather.c:278"."""
    return f"{place.path}:{place.line}"


def mutations(threads: tuple[Thread, ...]) -> list[ModelEdit]:
    """Each wait and each barrier taken away, those of one place together."""
    found: dict[tuple[int, str, Place], ModelEdit] = {}
    for index, thread in enumerate(threads):
        for event in walk(thread.body):
            if isinstance(event, (Wait, Deferred)):
                key = (index, "wait", event.place)
                text = f"without the wait at {at(event.place)}"
                found.setdefault(key, ModelEdit(text, "wait", index, _drop_waits(event.place)))
            elif isinstance(event, Fence):
                key = (index, "barrier", event.place)
                text = f"without smp_{event.kind}() at {at(event.place)}"
                found.setdefault(key, ModelEdit(text, "barrier", index, _drop_fences(event.place)))
            elif _is_ordered(event):
                assert isinstance(event, (Read, Write, Update))
                key = (index, "barrier", event.place)
                text = f"without the ordering of the access at {at(event.place)}"
                found.setdefault(key, ModelEdit(text, "barrier", index, _weaken(event.place)))
    return list(found.values())


def _is_ordered(event: Event) -> bool:
    if isinstance(event, Update):
        return event.order in ("full", "acquire", "release")
    return isinstance(event, (Read, Write)) and event.order in ("acquire", "release")


def _drop_waits(place: Place) -> Callable[[Event], Iterable[Event]]:
    def change(event: Event) -> Iterable[Event]:
        if isinstance(event, Wait) and event.place == place:
            return ()
        if isinstance(event, Deferred) and event.place == place:
            return event.body
        return (event,)

    return change


def _drop_fences(place: Place) -> Callable[[Event], Iterable[Event]]:
    return lambda event: () if isinstance(event, Fence) and event.place == place else (event,)


def _weaken(place: Place) -> Callable[[Event], Iterable[Event]]:
    def change(event: Event) -> Iterable[Event]:
        if (
            isinstance(event, (Read, Write))
            and event.place == place
            and event.order in ("acquire", "release")
        ):
            return (replace(event, order="once"),)
        if isinstance(event, Update) and event.place == place:
            return (replace(event, order="relaxed"),)
        return (event,)

    return change


def repairs(
    threads: tuple[Thread, ...], keys: frozenset[str], observers: frozenset[str]
) -> tuple[list[ModelEdit], list[ModelEdit], list[ModelEdit]]:
    """(barriers to add or strengthen, writes to move, waits to add) that a developer might try, slightest first.

    keys: the locations that the model keeps; new barriers go between accesses to them; observers: the roles that
    are waited for, which do not wait themselves.
    """
    strengthen, insert, waits = list[ModelEdit](), list[ModelEdit](), list[ModelEdit]()
    moves = [edit for index, thread in enumerate(threads) for edit in _earlier(index, thread, keys)]
    for index, thread in enumerate(threads):
        others = [event for other in threads if other is not thread for event in walk(other.body)]
        domains = sorted({event.domain for event in others if isinstance(event, Open)})
        seen: set[tuple[str, Place]] = set()
        for event in walk(thread.body):
            for edit, place in _stronger(index, event):
                if (edit.text, place) not in seen:
                    seen.add((edit.text, place))
                    strengthen.append(edit)
            if isinstance(event, (Read, Write, Update)) and _is_kept(event, keys):
                text = f"smp_mb() after the access at {at(event.place)}"
                if (text, event.place) not in seen:
                    seen.add((text, event.place))
                    insert.append(ModelEdit(text, "order", index, _fence_after(event)))
            if isinstance(event, (Write, Update)) and thread.role not in observers:
                waits += list(_waits_before(index, event, domains, seen))
    return strengthen + insert, moves, waits


def _earlier(index: int, thread: Thread, keys: frozenset[str]) -> Iterator[ModelEdit]:
    """A write that depends on nothing moved before an earlier read of another location, with a full barrier."""
    reads: list[Read] = []
    for event in walk(thread.body):
        if isinstance(event, Read) and _is_kept(event, keys):
            reads.append(event)
        elif isinstance(event, Write) and _is_kept(event, keys) and isinstance(event.value, Const):
            for read in reads:
                if read.location != event.location:
                    text = (
                        f"the write at {at(event.place)}, then smp_mb(), before the read at {at(read.place)}"
                    )
                    yield ModelEdit(text, "barrier", index, _move(event, read))


def _move(write: Write, read: Read) -> Callable[[Event], Iterable[Event]]:
    def change(event: Event) -> Iterable[Event]:
        if event == write:
            return ()
        return (write, Fence("mb", write.place), read) if event == read else (event,)

    return change


def _is_kept(event: Read | Write | Update, keys: frozenset[str]) -> bool:
    return isinstance(event.location, Named) and event.location.name in keys


def _stronger(index: int, event: Event) -> Iterator[tuple[ModelEdit, Place]]:
    """The event made stronger in its place."""
    if isinstance(event, Fence) and event.kind in ("rmb", "wmb"):
        text = f"smp_mb() in place of smp_{event.kind}() at {at(event.place)}"
        change = _replace_event(event, replace(event, kind="mb"))
        yield ModelEdit(text, "order", index, change), event.place
    elif isinstance(event, Read) and event.order in ("once", "plain") and isinstance(event.location, Named):
        text = f"smp_load_acquire() for the read{_of(event)} at {at(event.place)}"
        yield ModelEdit(text, "order", index, _order(event, "acquire")), event.place
    elif isinstance(event, Write) and event.order in ("once", "plain") and event.value != FREED:
        text = f"smp_store_release() for the write{_of(event)} at {at(event.place)}"
        yield ModelEdit(text, "order", index, _order(event, "release")), event.place


def _of(event: Read | Write) -> str:
    """What an access is of, by its key, where it has one."""
    return f" of {event.location.name}" if isinstance(event.location, Named) else ""


def _replace_event(old: Event, new: Event) -> Callable[[Event], Iterable[Event]]:
    return lambda event: (new,) if event == old else (event,)


def _order(old: Read | Write, order: str) -> Callable[[Event], Iterable[Event]]:
    """Every access at the place of `old`, to its location, with another order."""

    def change(event: Event) -> Iterable[Event]:
        if isinstance(event, (Read, Write)) and _same_access(event, old):
            return (replace(event, order=order),)
        return (event,)

    return change


def _same_access(event: Read | Write | Update, old: Read | Write | Update) -> bool:
    """The same kind of access at the same place, to the same location."""
    return type(event) is type(old) and event.place == old.place and event.location == old.location


def _fence_after(old: Read | Write | Update) -> Callable[[Event], Iterable[Event]]:
    def change(event: Event) -> Iterable[Event]:
        if isinstance(event, (Read, Write, Update)) and _same_access(event, old):
            return (event, Fence("mb", event.place))
        return (event,)

    return change


def _waits_before(
    index: int, old: Write | Update, domains: Sequence[str], seen: set[tuple[str, Place]]
) -> Iterator[ModelEdit]:
    """A wait for each reader domain before a write."""
    for domain in domains:
        way = _WAYS_TO_WAIT.get("srcu" if domain.startswith("srcu_") else domain, f"a wait for {domain}")
        text = f"{way} before the write at {at(old.place)}"
        if (text, old.place) in seen:
            continue
        seen.add((text, old.place))
        yield ModelEdit(text, "wait", index, _wait_before(old, domain))


def _wait_before(old: Write | Update, domain: str) -> Callable[[Event], Iterable[Event]]:
    def change(event: Event) -> Iterable[Event]:
        if type(event) is type(old) and isinstance(event, (Write, Update)) and event.place == old.place:
            return (Wait(domain, None, event.place), event)
        return (event,)

    return change
