"""An object that whoever drops the last reference frees: whether another's last use may come after that, as a model."""

from collections.abc import Iterator

from patchscan.basics.record import frozen, replace
from patchscan.model.lowering.abstract_values import Named
from patchscan.model.lowering.lowered import Fence, Hole, Read, Update, Write
from patchscan.pairing.pair_model import NO_ORDER, Half, Outcome, run_pair
from patchscan.pairing.steps import WHOLE, Order, Step, Walk, depends, key, order_between
from patchscan.pairing.unpublished import freed_by


@frozen(eq=False)
class LastUse:
    """A use of an object, the drop of the reference that allowed it, and the free by who finds none left.

    look: what finds the count; free: the write that stands for what is freed.
    """

    walk: Walk
    use: Step
    drop: Step
    look: Step
    free: Step
    structure: str

    @property
    def what(self) -> tuple[str, str, type]:
        """Equal for the same use before and after a patch."""
        return str(key(self.drop.event)), str(key(self.use.event)), type(self.use.event)  # type: ignore[arg-type]

    @property
    def own(self) -> Half:
        """The use, then the drop."""
        return Half(self.walk, self.use, self.drop, order_between(self.walk, self.use, self.drop))

    @property
    def other(self) -> Half:
        """The look at the count, then the free of what was used."""
        where = self.use.event.location  # type: ignore[union-attr]
        assert isinstance(where, Named)
        event = self.free.event
        free = Write(replace(where, name=str(key(self.use.event))), event.value, "once", event.place)  # type: ignore
        step = replace(self.free, event=free)
        return Half(self.walk, self.look, step, order_between(self.walk, self.look, self.free))


def last_uses(walk: Walk) -> Iterator[LastUse]:
    """The uses of objects that a function drops a reference to, and frees where it was the last."""
    accesses = [step for step, _ in walk.accesses()]
    for free in walk.steps:
        where = freed_by(free.event)
        if where is None or not isinstance(free.event, Write):
            continue
        structure = where.name.removesuffix(WHOLE)
        for look in accesses:
            if look.number >= free.number or not look.meets(free) or not _counts(look, structure):
                continue
            if depends(walk, look, free) != "control":
                continue
            drop = _drop(accesses, look)
            if drop is None:
                continue
            for use in reversed(accesses[: accesses.index(drop)]):
                if _uses(use, structure, look) and use.meets(drop):
                    yield LastUse(walk, use, drop, look, free, structure)


def _counts(step: Step, structure: str) -> bool:
    """Whether a step gives what a counter of the object holds."""
    event = step.event
    gives = isinstance(event, Read) or (
        isinstance(event, Update) and event.operation == "sub" and event.order != "noreturn"
    )
    return gives and isinstance(event, (Read, Update)) and str(key(event)).startswith(f"{structure}.")


def _drop(accesses: list[Step], look: Step) -> Step | None:
    """What takes one from the count: the step that looks at it, or the last before it."""
    if isinstance(look.event, Update):
        return look
    before = (step for step in reversed(accesses) if step.number < look.number and step.meets(look))
    same = (step for step in before if key(step.event) == key(look.event))  # type: ignore[arg-type]
    last = next(same, None)
    return (
        last
        if last is not None and isinstance(last.event, Update) and last.event.operation == "sub"
        else None
    )


def _uses(step: Step, structure: str, look: Step) -> bool:
    name = str(key(step.event))  # type: ignore[arg-type]
    return (
        name.startswith(f"{structure}.")
        and not name.endswith(WHOLE)
        and not isinstance(step.event, Update)
        and name != str(key(look.event))  # type: ignore[arg-type]
    )


def run_last_use(each: LastUse, ordered: bool = False) -> Outcome | None:
    """Execute one test of a use against the free by another CPU; ordered: with a full barrier before the drop."""
    own = each.own
    if ordered:
        fence = Fence("mb", own.accesses[1].place)
        own = replace(own, order=replace(NO_ORDER, events=(fence,)))
    return run_pair(own, each.other, f"{each.walk.function}-twice")


def is_certain(each: LastUse) -> bool:
    """Whether nothing between the use and the drop may order the two that is not seen."""
    order: Order = each.own.order
    return not order.maybe and not any(_may_order(hole) for hole in order.holes)


def _may_order(hole: Hole) -> bool:
    return not hole.known or bool({"wait", "fence"} & (hole.may | hole.always))
