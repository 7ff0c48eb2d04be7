"""A reference taken on an object that was found without one: whether its count may be at zero by then, as a model."""

import re
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.model.lowering.abstract_values import Const, Named, Operation, Register
from patchscan.model.lowering.lowered import (
    Branch,
    Close,
    Deferred,
    Hole,
    Open,
    Read,
    Thread,
    Update,
    Wait,
    Write,
)
from patchscan.model.lowering.memory import FREED
from patchscan.model.verdicts.gate import execute
from patchscan.model.verdicts.litmus import write_litmus
from patchscan.pairing.pair_model import Outcome
from patchscan.pairing.steps import WHOLE, Step, Walk, depends, held, key
from patchscan.pairing.unpublished import TAKEN_OUT, freed_by, section_of

# The member of refcount_t, and of a kref, that holds the count: of other counters nobody knows what zero means.
_COUNT = ".refs"
_LISTED = pattern(r"\bh?list_for_each_entry\w*_rcu\w*\s*\(\s*(\w+)\s*,[^,;{]+,\s*(\w+)\s*[,)]")
SHAPE = "reference after the last"


@frozen(eq=False)
class Taking:
    """A reference that a reader takes on what it found, whatever the count was.

    found: the read that leads to it, None for an entry of a list; place: that of the pointer to it, of a list the
    member that links its entries.
    """

    walk: Walk
    found: Read | None
    step: Step
    section: Open
    place: str

    @property
    def count(self) -> str:
        """The key of the counter."""
        return str(key(_update(self.step)))


@frozen(eq=False)
class Dropping:
    """Who takes the object out of that place and drops its reference: store, drop, and what frees it if it was the
    last."""

    walk: Walk
    store: Step
    drop: Step
    free: Step


def takings(walk: Walk, text: str) -> Iterator[Taking]:
    """Where a function takes a reference, in a reader section, on an object that a pointer or a list led to there.

    text: the function's own.
    """
    for step in walk.steps:
        event = step.event
        if not isinstance(event, Update) or (event.operation, event.order) != ("add", "noreturn"):
            continue
        where, section = event.location, section_of(walk, step)
        if section is None or not isinstance(where, Named) or not str(key(event)).endswith(_COUNT):
            continue
        assert isinstance(section.event, Open)
        for led in walk.steps[section.number : step.number]:
            found = led.event
            if not isinstance(found, Read) or key(found) is None or found.order == "plain":
                continue
            if found.register.name in where.base:
                yield Taking(walk, found, step, section.event, str(key(found)))
        structure = str(key(event)).partition(".")[0]
        for cursor, member in _LISTED.findall(text):
            if re.search(rf"\bstruct\s+{structure}\s+(?:\*\s*\w+\s*,\s*)*\*\s*{cursor}\b", text):
                yield Taking(walk, None, step, section.event, f"{structure}.{member}")


def droppings(walk: Walk, taking: Taking) -> Iterator[Dropping]:
    """Where a function takes such an object out of its place and then, without any wait, drops its reference."""
    for drop in walk.steps:
        event = drop.event
        if not isinstance(event, Update) or event.operation != "sub" or key(event) != taking.count:
            continue
        free = next(
            (step for step in walk.steps[drop.number + 1 :] if _frees(walk, drop, step, taking)), None
        )
        if free is None or held(walk, drop) & held(taking.walk, taking.step):
            continue
        for store in walk.steps[: drop.number]:
            if held(walk, store) & held(taking.walk, taking.step):
                continue
            if _takes_out(walk, store, drop, taking) and not _may_wait(walk, store, drop):
                yield Dropping(walk, store, drop, free)


def _frees(walk: Walk, drop: Step, step: Step, taking: Taking) -> bool:
    """Whether a step frees the object because the drop found that it was the last reference."""
    where = freed_by(step.event)
    if where is None or not step.meets(drop):
        return False
    if where.name.removesuffix(WHOLE) != taking.count.partition(".")[0]:
        return False
    place = step.event.place  # type: ignore[union-attr]
    return depends(walk, drop, replace(step, event=Write(where, FREED, "once", place))) == "control"


def _takes_out(walk: Walk, store: Step, drop: Step, taking: Taking) -> bool:
    """Whether a step stores to the place that the dropped object was read from, or takes it out of the list."""
    where = _update(drop).location
    if taking.found is None:
        return (
            isinstance(store.event, Write)
            and key(store.event) == f"{taking.place}{TAKEN_OUT}"
            and store.meets(drop)
            and isinstance(where, Named)
            and getattr(store.event.location, "base", None) == where.base
        )
    if (
        not isinstance(store.event, (Write, Update))
        or key(store.event) != taking.place
        or not store.meets(drop)
    ):
        return False
    led = {
        step.event.register.name
        for step in walk.steps[: drop.number]
        if isinstance(step.event, (Read, Update)) and key(step.event) == taking.place
    }
    return isinstance(where, Named) and bool(led & set(where.base))


def _may_wait(walk: Walk, store: Step, drop: Step) -> bool:
    """Whether a grace period may lie between the two, on some way or in a call that is not looked into."""
    return any(
        isinstance(step.event, (Wait, Deferred))
        or (
            isinstance(step.event, Hole)
            and (not step.event.known or bool({"wait", "fence"} & step.event.may))
        )
        for step in walk.steps[store.number + 1 : drop.number]
    )


def run_taking(taking: Taking, dropping: Dropping, waits: bool = False) -> Outcome:
    """Execute one test: whether the reader may find the object and take a reference when none is left.

    waits: with a grace period between the two steps of who drops it.
    """
    pointer, count = Named("published"), Named("count")
    store, drop, take = dropping.store.event, _update(dropping.drop), _update(taking.step)
    domain, found = taking.section.domain, Register("found")
    look = taking.found or Read(found, pointer, "once", take.place)
    wait = Wait(domain, None if domain == "rcu" else 1, drop.place)
    threads = (
        Thread(
            "own",
            dropping.walk.function,
            0,
            (
                Write(pointer, Const(0), "once", store.place),  # type: ignore[union-attr]
                *((wait,) if waits else ()),
                replace(drop, location=count, register=Register("left")),
            ),
        ),
        Thread(
            "partner",
            taking.walk.function,
            1,
            (
                replace(taking.section, cpu=1),
                replace(look, register=found, location=pointer, order="once"),
                Branch(
                    Operation("==", found, Const(1)),
                    (replace(take, location=count, register=Register("had"), order="relaxed"),),
                    (),
                    take.place,
                ),
                Close(domain, 1, take.place),
            ),
        ),
    )
    name = f"{dropping.walk.function}-{taking.walk.function}"
    litmus = write_litmus(name, threads, {"published": "1", "count": "1"}, "1:found=1 /\\ 1:had=0")
    return Outcome(execute(litmus), SHAPE, (taking.place, taking.count), litmus, threads)


def _update(step: Step) -> Update:
    assert isinstance(step.event, Update)
    return step.event
