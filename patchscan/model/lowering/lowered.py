"""Events of a behavioural model: a tree a thread, each event with the place in the C code it comes from."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from patchscan.basics.record import frozen
from patchscan.model.lowering.abstract_values import Location, Named, Register, Through, Value


@frozen
class Place:
    """Where an event comes from: the file and line a developer would look at, and the function there."""

    path: str
    line: int
    function: str


@frozen
class Read:
    """order: "once", "plain", "acquire"."""

    register: Register
    location: Location
    order: str
    place: Place


@frozen
class Write:
    """order: "once", "plain", "release"."""

    location: Location
    value: Value
    order: str
    place: Place


@frozen
class Update:
    """A read-modify-write; operation: "xchg", "cmpxchg" or an atomic operation ("add", "or", ...).

    operands: the new value, for cmpxchg the expected and the new one; order: "full", "relaxed", "acquire",
    "release", or "noreturn" for one that returns nothing and orders nothing.
    """

    register: Register
    location: Location
    operation: str
    operands: tuple[Value, ...]
    order: str
    place: Place


@frozen
class Fence:
    """kind: "mb", "rmb", "wmb", "before_atomic", "after_atomic", "after_spinlock", ..."""

    kind: str
    place: Place


@frozen
class Open:
    """A reader section begins; domain: "irq", "rcu", "tlb", ...; cpu: where."""

    domain: str
    cpu: int
    place: Place


@frozen
class Close:
    """A reader section ends."""

    domain: str
    cpu: int
    place: Place


@frozen
class Wait:
    """Wait until every section of the domain that was open has closed; cpu: None for a system-wide domain.

    single: it reaches one CPU only, where `cpu` stands for several that are alike.
    """

    domain: str
    cpu: int | None
    place: Place
    single: bool = False


LockKind = Literal["lock", "unlock"]


@frozen
class Lock:
    """kind: "lock" or "unlock"; name: what stands for the lock."""

    kind: LockKind
    name: str
    place: Place


@frozen
class Branch:
    """An if on a condition over registers."""

    condition: Value
    then: "Body"
    otherwise: "Body"
    place: Place


@frozen
class Choice:
    """An if on a condition that the model does not follow: each resolution is a model of its own.

    key: equal for conditions that are equal; text: the C condition.
    """

    key: str
    text: str
    then: "Body"
    otherwise: "Body"
    place: Place


@frozen
class Assign:
    """A register that is set, where two branches left different values."""

    register: Register
    value: Value


@frozen
class Assume:
    """Executions in which the condition does not hold are not looked at (a spin loop that ended)."""

    condition: Value
    place: Place


@frozen
class Deferred:
    """A callback that runs after a wait on the domain: call_rcu()."""

    domain: str
    body: "Body"
    place: Place


HoleKind = Literal[
    "call",
    "indirect call",
    "loop",
    "goto",
    "parse",
    "sleep",
    "assembly",
    "budget",
    "free of an object the model lost",
    "a way out of a loop over CPUs",
    "store",
    "a write for some CPU",
    "freed in a later round",
    "writes before",
    "called from inside of it",
    "a way out that is not followed",
    "changed by others meanwhile",
]


@frozen
class Hole:
    """What the model did not look into.

    name: the call; kind: what it is, "budget" where there was no time to look; always: effects it has on
    each of its paths ("fence", "wait"); may: effects it can have ("fence", "wait", "write"); known: False when
    its body was not found.
    """

    name: str
    kind: HoleKind
    always: frozenset[str]
    may: frozenset[str]
    known: bool
    place: Place


Event = (
    Read
    | Write
    | Update
    | Fence
    | Open
    | Close
    | Wait
    | Lock
    | Branch
    | Choice
    | Assign
    | Assume
    | Deferred
    | Hole
)
Body = tuple[Event, ...]
Access = Read | Write | Update


@frozen
class Thread:
    """One thread of a model: its role in the scenario ("reader", "updater"), its CPU, its function and events."""

    role: str
    function: str
    cpu: int
    body: Body


# Most events hold no others: one look at the type is quicker than asking for each of these.
NESTED = frozenset({Branch, Choice, Deferred})


def walk(body: Body) -> Iterator[Event]:
    """Every event, those inside branches and callbacks included, in program order."""
    left = list(reversed(body))
    while left:
        event = left.pop()
        yield event
        if type(event) in NESTED:
            if isinstance(event, (Branch, Choice)):
                left += reversed(event.otherwise)
                left += reversed(event.then)
            elif isinstance(event, Deferred):
                left += reversed(event.body)


def rewrite(
    body: Body, change: Callable[[Event], Iterable[Event]], kinds: frozenset[type] | None = None
) -> Body:
    """The body with each event replaced by what `change` gives for it, innermost first.

    What does not change stays the same object, so that comparing is cheap. kinds: which events that hold no others
    `change` is asked of, None for all.
    """
    if not body:
        return body
    out: list[Event] = []
    same = True
    for event in body:
        inner = event
        if type(event) in NESTED:
            if isinstance(event, (Branch, Choice)):
                arms = rewrite(event.then, change, kinds), rewrite(event.otherwise, change, kinds)
                inner = with_arms(event, *arms)
            elif isinstance(event, Deferred):
                inner = with_body(event, rewrite(event.body, change, kinds))
        elif kinds is not None and type(event) not in kinds:
            out.append(event)
            continue
        before = len(out)
        out.extend(change(inner))
        same = same and len(out) == before + 1 and out[-1] is event
    return body if same else tuple(out)


def with_arms(event: Branch | Choice, then: Body, otherwise: Body) -> Branch | Choice:
    """A branch or choice with other arms; itself where they are its own."""
    if then is event.then and otherwise is event.otherwise:
        return event
    if isinstance(event, Branch):
        return Branch(event.condition, then, otherwise, event.place)
    return Choice(event.key, event.text, then, otherwise, event.place)


def with_body(event: Deferred, body: Body) -> Deferred:
    """A callback with another body; itself where it is its own."""
    return event if body is event.body else Deferred(event.domain, body, event.place)


def with_events(thread: Thread, body: Body) -> Thread:
    """A thread with other events; itself where they are its own."""
    return thread if body is thread.body else Thread(thread.role, thread.function, thread.cpu, body)


def location_key(location: Location) -> str | None:
    """The name by which two accesses are the same location; "*" through a pointer; None when not memory."""
    if isinstance(location, Named):
        return location.name
    return "*" if isinstance(location, Through) else None
