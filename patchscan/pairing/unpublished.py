"""Memory that is taken out of where others find it and then freed: whether somebody may still use it, as a model."""

import re
from collections.abc import Iterator

from patchscan.basics.record import frozen, replace
from patchscan.model.lowering.abstract_values import Address, Named, Register, Through, leaves
from patchscan.model.lowering.lowered import (
    Body,
    Close,
    Deferred,
    Event,
    Fence,
    Hole,
    Open,
    Read,
    Thread,
    Update,
    Wait,
    Write,
    walk,
)
from patchscan.model.lowering.memory import FREED
from patchscan.model.lowering.type_names import pointee, structure_of
from patchscan.model.verdicts.gate import execute
from patchscan.model.verdicts.litmus import write_litmus
from patchscan.model.verdicts.litmus_threads import identifier
from patchscan.pairing.pair_model import Outcome
from patchscan.pairing.steps import WHOLE, Step, Walk, held, key

# What stubs/freed.c calls the member that an entry of a list is taken out by.
TAKEN_OUT = ".taken_out"
_WALKS_LIST = r"\bh?list_(?:for_each_entry|entry|first_or_null|next_or_null)\w*_rcu\w*\s*\([^;{]*\b%s\s*[,)]"
_GONE = Named("empty")
SHAPE = "use after free"


@frozen(eq=False)
class Freeing:
    """An object that a function takes out of a place and frees.

    store: what takes it out; free: what frees it, at once or later; place: the key of the pointer that led to it, of a
    list the member that links its entries; waits: the domains of reader sections that are waited for between the two;
    same: it is known to be the object that the pointer led to; maybe: on some ways there is another wait; sure: no call
    that is not looked into may wait there.
    """

    walk: Walk
    store: Step
    free: Step
    structure: str
    place: str
    waits: frozenset[str]
    same: bool
    maybe: bool
    sure: bool

    @property
    def is_list(self) -> bool:
        return self.place.startswith(f"{self.structure}.") and not isinstance(self.store.event, Update)


@frozen(eq=False)
class Use:
    """A use of such an object in a reader section; found: the read that leads to it, None for a list's."""

    walk: Walk
    found: Read | None
    step: Step
    domain: str
    section: Open


def freeings(steps: Walk) -> Iterator[Freeing]:
    """What a function takes out of a place and then frees."""
    for free in steps.steps:
        where = freed_by(free.event)
        if where is None:
            continue
        structure = where.name.removesuffix(WHOLE)
        for store in steps.steps[: free.number]:
            place = _taken_out(steps, store, where, structure)
            if place and store.meets(free):
                yield _freeing(steps, store, free, structure, place, bool(where.base))


def freed_by(event: Event) -> Named | None:
    """What an event frees, now or in a callback."""
    inner = walk(event.body) if isinstance(event, Deferred) else (event,)
    for each in inner:
        if isinstance(each, Write) and each.value == FREED and isinstance(each.location, Named):
            return each.location if each.location.name.endswith(WHOLE) else None
    return None


def _taken_out(steps: Walk, store: Step, freed: Named, structure: str) -> str:
    """The key of the place that a step takes an object out of, "" where it takes out no such object."""
    event = store.event
    if not isinstance(event, (Write, Update)) or not isinstance(event.location, Named):
        return ""
    name = str(key(event))
    if name.endswith(TAKEN_OUT):
        return name.removesuffix(TAKEN_OUT) if name.startswith(f"{structure}.") else ""
    kind = event.location.type
    if not kind.endswith("*") or structure_of(pointee(kind)) != structure:
        return ""
    given = event.operands if isinstance(event, Update) else (event.value,)
    if _registers(given) & set(freed.base):
        return ""
    if not freed.base:
        return name
    reads = (each.event for each in steps.steps[: store.number + 1])
    led = {each.register.name for each in reads if isinstance(each, (Read, Update)) and key(each) == name}
    return name if led & set(freed.base) else ""


def _registers(values: tuple[object, ...]) -> set[str]:
    return {leaf.name for value in values for leaf in leaves(value) if isinstance(leaf, Register)}  # type: ignore[arg-type]


def _freeing(steps: Walk, store: Step, free: Step, structure: str, place: str, same: bool) -> Freeing:
    ways = {**store.path, **free.path}
    waits, maybe, sure = set[str](), False, True
    if isinstance(free.event, Deferred):
        waits.add(free.event.domain)
    for step in steps.steps[store.number + 1 : free.number]:
        if not (step.meets(store) and step.meets(free)):
            continue
        if isinstance(step.event, Wait) and all(ways.get(branch) == way for branch, way in step.path.items()):
            waits.add(step.event.domain)
        elif isinstance(step.event, (Wait, Deferred)):
            maybe = True
        elif isinstance(step.event, Hole) and _may_wait(step.event):
            sure = False
    is_list = isinstance(store.event, Write) and str(key(store.event)).endswith(TAKEN_OUT)
    return Freeing(steps, store, free, structure, place, frozenset(waits), same or is_list, maybe, sure)


def _may_wait(hole: Hole) -> bool:
    return not hole.known or bool({"wait", "fence"} & (hole.may | hole.always))


def uses(steps: Walk, text: str, freeing: Freeing) -> Iterator[Use]:
    """Where a function uses such an object in a reader section; text: the function's own."""
    for step in steps.steps:
        event = step.event
        if not isinstance(event, (Read, Write, Update)) or not isinstance(event.location, Named):
            continue
        name = str(key(event))
        if not name.startswith(f"{freeing.structure}.") or name.startswith(f"{freeing.place}."):
            continue
        section = section_of(steps, step)
        if section is None or held(steps, step) & (
            held(freeing.walk, freeing.store) | held(freeing.walk, freeing.free)
        ):
            continue
        found = _found_by(steps, step, section, freeing.place)
        if found is not None or (freeing.is_list and _walks_list(text, freeing.place)):
            opened = section.event
            assert isinstance(opened, Open)
            yield Use(steps, found, step, opened.domain, opened)


def section_of(steps: Walk, at: Step) -> Step | None:
    """The outermost reader section that a step is in."""
    opened: list[Step] = []
    for step in steps.steps[: at.number]:
        if isinstance(step.event, Open) and step.meets(at):
            opened.append(step)
        elif isinstance(step.event, Close) and opened and step.meets(at):
            opened.pop()
    return opened[0] if opened else None


def _found_by(steps: Walk, use: Step, section: Step, place: str) -> Read | None:
    """The read, in the same section, of the pointer that a use goes through."""
    base = use.event.location.base if isinstance(use.event, (Read, Write, Update)) else ()  # type: ignore[union-attr]
    for step in steps.steps[section.number : use.number]:
        event = step.event
        if isinstance(event, Read) and key(event) == place and event.register.name in base:
            return event if event.order != "plain" else None
    return None


def _walks_list(text: str, place: str) -> bool:
    """Whether a function goes through a list by the member that links its entries."""
    member = re.escape(place.rpartition(".")[2])
    return re.search(_WALKS_LIST % member, text) is not None


def run_freeing(freeing: Freeing, use: Use, waits: bool, in_section: bool = True) -> Outcome:
    """Execute one test: whether the user may find the object and then read what was freed.

    waits: whether what frees it waits for the user's sections first.
    """
    place, structure = freeing.place, freeing.structure
    pointer, thing = Named(f"pointer_to_{identifier(place)}"), Named(identifier(structure))
    store, free = freeing.store.event, freeing.free.event
    assert isinstance(store, (Write, Update))
    if isinstance(store, Update):
        store = replace(store, location=pointer, operation="xchg", operands=(Address(_GONE),))
    else:
        store = replace(store, location=pointer, value=Address(_GONE))
    last = free.place if not isinstance(free, Deferred) else freeing.free.event.place  # type: ignore[union-attr]
    own: Body = (
        store,
        *((Wait(use.domain, None if use.domain == "rcu" else 1, last),) if waits else ()),
        *(event.event for event in _fences(freeing)),
        Write(thing, FREED, "once", last),
    )
    event = use.step.event
    assert isinstance(event, (Read, Write, Update))
    first = Register("found")
    read = Read(first, pointer, "once", use.found.place if use.found is not None else event.place)
    value = Read(Register("used"), Through(first), "once", event.place)
    other: Body = (read, value)
    if in_section:
        other = (use.section, *other, Close(use.domain, use.section.cpu, event.place))
    threads = (
        Thread("own", freeing.walk.function, 0, own),
        Thread("partner", use.walk.function, 1, tuple(_on_cpu(each) for each in other)),
    )
    name = f"{freeing.walk.function}-{use.walk.function}"
    init = {pointer.name: f"&{thing.name}"}
    litmus = write_litmus(name, threads, init, f"1:used={FREED.number}")
    return Outcome(execute(litmus), SHAPE, (place, str(key(event))), litmus, threads)


def _on_cpu(event: Event) -> Event:
    return replace(event, cpu=1) if isinstance(event, (Open, Close)) else event


def _fences(freeing: Freeing) -> Iterator[Step]:
    """The fences between the two: none of them waits for anybody."""
    for step in freeing.walk.steps[freeing.store.number + 1 : freeing.free.number]:
        if isinstance(step.event, Fence) and not step.path:
            yield step
