"""Two functions that access two locations in opposite order, as one litmus test: what it comes to, and on what it
rests."""

from collections.abc import Iterator

from patchscan.basics.record import frozen, replace
from patchscan.lkmm.answers.outcome import Answer
from patchscan.lkmm.answers.outcome import Outcome as Word
from patchscan.model.lowering.abstract_values import (
    Address,
    Const,
    Named,
    Operation,
    Register,
    Through,
    Value,
)
from patchscan.model.lowering.lowered import (
    Access,
    Body,
    Branch,
    Event,
    Fence,
    Lock,
    Read,
    Thread,
    Update,
    Wait,
    Write,
)
from patchscan.model.verdicts.gate import execute, outcome
from patchscan.model.verdicts.litmus import write_litmus
from patchscan.model.verdicts.litmus_threads import identifier
from patchscan.model.verdicts.model_timeline import Interleaving, interleaving
from patchscan.pairing.steps import (
    Order,
    Step,
    Walk,
    common,
    held,
    is_kept,
    key,
    kinds_of,
    order_between,
    two_accesses,
)

SHAPES = {
    ("WW", "RR"): "message passing",
    ("WR", "WR"): "store buffering",
    ("RW", "RW"): "load buffering",
    ("WW", "WR"): "R",
    ("WW", "RW"): "S",
    ("WW", "WW"): "2+2W",
}
NO_ORDER = Order((), (), "", ())
_EMPTY = "&empty"


@frozen(eq=False)
class Half:
    """One side of a pair: two accesses of a function and what stands between them."""

    walk: Walk
    first: Step
    second: Step
    order: Order

    @property
    def accesses(self) -> tuple[Access, Access]:
        return two_accesses(self.first, self.second)

    @property
    def kinds(self) -> str:
        return kinds_of(self.accesses)

    @property
    def looks_first(self) -> bool:
        """Whether its first access gives what was there: a read, or an atomic that returns a value."""
        first = self.accesses[0]
        return isinstance(first, Read) or (isinstance(first, Update) and first.order != "noreturn")

    @property
    def is_kept(self) -> bool:
        """Whether something on every way keeps the two accesses in order."""
        one, two = self.accesses
        return is_kept(one, self.order, two, self.order.events)

    @property
    def is_plain(self) -> bool:
        return any(event.order == "plain" for event in self.accesses)

    def locks(self) -> frozenset[str]:
        """The locks held at one of its accesses."""
        return held(self.walk, self.first) | held(self.walk, self.second)


@frozen
class Outcome:
    """What one test shows: whether the outcome can come about, the shape, the two locations, and the test."""

    answer: Answer
    shape: str
    locations: tuple[str, str]
    litmus: str
    threads: tuple[Thread, ...]

    @property
    def word(self) -> Word:
        """herd7's word."""
        return outcome(self.answer)

    def interleaving(self) -> Interleaving:
        """A bad execution, where there is one."""
        return interleaving(self.litmus, self.threads)


def counterparts(first: str, second: str, kinds: str, partner: Walk) -> Iterator[Half]:
    """The halves of another function that access two locations the other way round, so that with accesses of these
    kinds an outcome comes about that no sequential execution has; those that are kept in order first."""
    accesses = list(partner.accesses())
    begins = [step for step, event in accesses if common(second, key(event))]
    ends = [step for step, event in accesses if common(first, key(event))]
    found: dict[tuple[object, ...], Half] = {}
    for one in begins:
        for two in ends:
            if two.number <= one.number or key_at(one) == key_at(two) or not one.meets(two):
                continue
            half = Half(partner, one, two, order_between(partner, one, two))
            if shape_of(kinds, half.kinds) is None:
                continue
            what = (half.kinds, half.is_kept)
            if what not in found:
                found[what] = half
    return iter(sorted(found.values(), key=lambda half: not half.is_kept))


def key_at(step: Step) -> str | None:
    """The location of a step."""
    return key(step.event) if isinstance(step.event, (Read, Write, Update)) else None


def shape_of(one: str, other: str) -> str | None:
    """The name of what two halves make; None where each outcome is a sequential one."""
    return SHAPES.get((one, other)) or SHAPES.get((other, one))


def shape_between(own: Half, partner: Half) -> str | None:
    """The name of what two halves make; an atomic that finds what the other side wrote is a read of it."""
    for one, other in ((own, partner), (partner, own)):
        if one.kinds == "WW" and other.kinds == "WR" and other.looks_first:
            return "message passing"
        if one.kinds == "WW" and other.kinds == "WW" and other.looks_first:
            return "S"
    return shape_of(own.kinds, partner.kinds)


def run_pair(own: Half, partner: Half, name: str) -> Outcome | None:
    """Execute one test of two halves as they are in the code; None where there is no outcome to ask for."""
    one, two = own.accesses
    three, four = partner.accesses
    x, y = common(key(one), key(four)), common(key(two), key(three))
    shape = shape_between(own, partner)
    if x is None or y is None or shape is None or identifier(x) == identifier(y):
        return None
    published = (
        partner.order.depends == "address" and isinstance(four, Read) and isinstance(two, (Write, Update))
    )
    first, second = _at(one, x, Const(1)), _at(two, y, Address(Named(x)) if published else Const(1))
    third, fourth = _at(three, y, Const(2)), _at(four, x, Const(2))
    if published:
        assert isinstance(third, (Read, Update)) and isinstance(fourth, Read)
        fourth = replace(fourth, location=Through(third.register))
    condition = _condition(first, second, third, fourth, identifier(x) if published else "1")
    if not condition:
        return None
    threads = (
        Thread("own", own.walk.function, 0, _body(first, own.order, second, two, 0)),
        Thread("partner", partner.walk.function, 1, _body(third, partner.order, fourth, four, 1)),
    )
    litmus = write_litmus(name, threads, {y: _EMPTY} if published else {}, condition)
    return Outcome(execute(litmus), shape, (x, y), litmus, threads)


def without_order(half: Half) -> Half:
    """The half with nothing that orders it: fences, locks and dependencies gone, its accesses relaxed."""
    one, two = (relaxed(event) for event in half.accesses)
    return replace(
        half, first=replace(half.first, event=one), second=replace(half.second, event=two), order=NO_ORDER
    )


def relaxed(event: Access) -> Access:
    """An access without an order of its own."""
    if isinstance(event, Update):
        return replace(event, order="relaxed")
    return replace(event, order="once") if event.order != "plain" else event


def _at(event: Access, location: str, value: Value) -> Access:
    """The access with a value of its own; an atomic exchanges, and one that returns nothing is a write."""
    where = Named(location)
    if isinstance(event, Write):
        return replace(event, value=value, location=where)
    if isinstance(event, Update):
        return replace(event, operation="xchg", operands=(value,), location=where)
    return replace(event, location=where)


def _body(first: Access, order: Order, second: Access, coded: Access, thread: int) -> Body:
    """Two accesses with what stands between them on every way."""
    near_atomic = any(isinstance(event, Fence) and event.kind.endswith("atomic") for event in order.events)
    first, second = (_written(event, near_atomic) for event in (first, second))
    between = tuple(_apart(event, number, thread) for number, event in enumerate(order.events))
    if order.depends in ("", "address") or isinstance(second, Read) or not isinstance(first, (Read, Update)):
        return _locked((first, *between, second))
    condition = Operation("!=", first.register, Const(7))
    return _locked((first, *between, Branch(condition, (second,), (), coded.place)))


def _locked(body: Body) -> Body:
    """The body with each lock that it gives taken before, and each that it takes given in the end; without locks where
    none is given and then one taken, for a lock that is only given or only taken keeps no two others in order."""
    kinds = [event.kind for event in body if isinstance(event, Lock)]
    if "unlock" not in kinds or "lock" not in kinds[kinds.index("unlock") :]:
        return tuple(event for event in body if not isinstance(event, Lock))
    taken: list[Lock] = []
    missing: list[Event] = []
    for event in body:
        if isinstance(event, Lock) and event.kind == "lock":
            taken.append(event)
        elif isinstance(event, Lock):
            own = next((lock for lock in taken if lock.name == event.name), None)
            if own is not None:
                taken.remove(own)
            else:
                missing.append(replace(event, kind="lock"))
    return (*missing, *body, *(replace(lock, kind="unlock") for lock in reversed(taken)))


def _written(event: Access, near_atomic: bool) -> Access:
    if isinstance(event, Update) and event.order == "noreturn" and not near_atomic:
        return Write(event.location, event.operands[0], "once", event.place)
    return event


def _apart(event: Event, number: int, thread: int) -> Event:
    """An atomic between the accesses on a location of its own; a lock with a name of its own; a wait as a barrier."""
    if isinstance(event, Update):
        name = f"other_{thread}_{number}"
        return replace(
            event,
            register=Register(f"o{thread}_{number}"),
            location=Named(name),
            operation="xchg",
            operands=(Const(1),),
        )
    if isinstance(event, Wait):
        return Fence("mb", event.place)
    return event


def _condition(one: Access, two: Access, three: Access, four: Access, value: str) -> str:
    """The outcome that no sequential execution has, "" where there is none; value: what `two` writes."""
    first, second = _edge(two, three, 0, 1, value), _edge(four, one, 1, 0, "2")
    return f"{first} /\\ {second}" if first and second else ""


def _edge(source: Access, target: Access, source_thread: int, target_thread: int, value: str) -> str:
    """What must be seen for `source` to come before `target` on their location; value: what source writes."""
    if isinstance(source, (Write, Update)) and isinstance(target, Read):
        return f"{target_thread}:{target.register.name}={value}"
    if isinstance(source, Read) and isinstance(target, (Write, Update)):
        return f"{source_thread}:{source.register.name}=0"
    if isinstance(target, Update) and target.order != "noreturn":
        return f"{target_thread}:{target.register.name}={value}"
    if isinstance(target, (Write, Update)) and isinstance(target.location, Named):
        return f"{identifier(target.location.name)}={3 - int(value) if value in ('1', '2') else 2}"
    return ""
