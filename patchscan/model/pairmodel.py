"""Two barriers that a comment pairs, as a model: what each orders, on the locations that they share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from patchscan.model.case import execute
from patchscan.model.code import Codebase
from patchscan.model.events import (
    Body,
    Branch,
    Choice,
    Event,
    Fence,
    Read,
    Thread,
    Update,
    Write,
)
from patchscan.model.expressions import evaluate, location
from patchscan.model.litmus import identifier, write_litmus
from patchscan.model.lower import lower_block, lower_function
from patchscan.model.memory import Context
from patchscan.model.mutate import apply, mutations
from patchscan.model.pairs import Barrier
from patchscan.model.reach import Reach
from patchscan.model.stubs import Stubs
from patchscan.model.values import Const, Named

Access = Read | Write | Update
Path = Mapping[int, bool]
_SHAPES = {
    ("WW", "RR"): "message passing",
    ("WR", "WR"): "store buffering",
    ("RW", "RW"): "load buffering",
    ("WW", "WR"): "R",
    ("WW", "RW"): "S",
    ("WW", "WW"): "2+2W",
}
_BUDGET, _DEPTH = 20_000, 2
_OPAQUE = ("<", "*")


@dataclass(frozen=True)
class Side:
    """One barrier with the accesses that it stands between; fence: None where an access is the barrier."""

    barrier: Barrier
    before: tuple[Access, ...]
    after: tuple[Access, ...]
    fence: Fence | None

    def loads(self) -> set[str | None]:
        """The locations that are read after the barrier."""
        return {_key(event) for event in self.after if isinstance(event, Read)} - {None}

    def stores(self) -> set[str | None]:
        """The locations that are written before the barrier."""
        return {_key(event) for event in self.before if isinstance(event, Write)} - {None}


@dataclass(frozen=True)
class PairVerdict:
    """outcome: herd7's word; locations: the two, named: those of them that the comment names or that are a
    barrier's own operand; weakened: the outcome with either side's barrier taken away."""

    outcome: str
    shape: str
    locations: tuple[str, str]
    named: tuple[str, ...]
    weakened: tuple[str, ...]
    litmus: str

    @property
    def safe(self) -> bool:
        """Whether "no execution of this model does it" may be said: it rests on both barriers, on named ground."""
        return (
            self.outcome == "Never"
            and bool(self.named)
            and bool(self.weakened)
            and all(outcome == "Sometimes" for outcome in self.weakened)
        )


def side(barrier: Barrier, code: Codebase, stubs: Stubs) -> Side | None:
    """The accesses around a barrier in its function; None when it is lost on the way."""
    definition = code.function(barrier.function, barrier.path)
    if definition is None:
        return None
    reach = Reach(code, stubs, frozenset({"access", "order"}), frozenset())
    context = Context(
        code=code,
        stubs=stubs,
        reach=reach,
        cpu=0,
        cpus=(0, 1),
        keep=None,
        instances={},
        look_into=frozenset(),
        lower_block=lower_block,
        evaluate=evaluate,
        location=location,
        budget=_BUDGET,
        depth=_DEPTH,
        by_field=True,
    )
    events = list(_flat(lower_function(context, definition), {}))
    last = barrier.line + 3
    for index, (event, path) in enumerate(events):
        if not isinstance(event, (Fence, Read, Write, Update)):
            continue
        if not barrier.line <= event.place.line <= last or event.place.function != barrier.function:
            continue
        if isinstance(event, Fence) or _is_ordered(event):
            return _around(barrier, events, index, event, path)
    return None


def _is_ordered(event: Access) -> bool:
    return event.order in ("acquire", "release", "full")


def _flat(body: Body, path: Path) -> Iterator[tuple[Event, Path]]:
    """Events in program order, each with the branches that lead to it."""
    for event in body:
        if isinstance(event, (Branch, Choice)):
            yield from _flat(event.then, {**path, id(event): True})
            yield from _flat(event.otherwise, {**path, id(event): False})
        else:
            yield event, path


def _around(barrier: Barrier, events: list[tuple[Event, Path]], at: int, event: Event, path: Path) -> Side:
    """The first access to each location before and after, on paths that go through the barrier."""

    def reachable(other: Path) -> bool:
        return all(path.get(branch, taken) == taken for branch, taken in other.items())

    before = [e for e, p in events[:at] if isinstance(e, (Read, Write, Update)) and reachable(p)]
    after = [e for e, p in events[at + 1 :] if isinstance(e, (Read, Write, Update)) and reachable(p)]
    if isinstance(event, Fence):
        return Side(barrier, _distinct(reversed(before)), _distinct(after), event)
    assert isinstance(event, (Read, Write, Update))
    own = (event,)
    if event.order == "acquire":
        return Side(barrier, own, _distinct(after), None)
    if event.order == "release":
        return Side(barrier, _distinct(reversed(before)), own, None)
    return Side(barrier, own + _distinct(reversed(before)), own + _distinct(after), None)


def _distinct(events: "Iterator[Access] | list[Access]") -> tuple[Access, ...]:
    found: dict[tuple[str, type], Access] = {}
    for event in events:
        key = _key(event)
        if key is not None:
            found.setdefault((key, type(event)), event)
    return tuple(found.values())


def _key(event: Access) -> str | None:
    """The location by type and field; None for one that cannot be told from others."""
    where = event.location
    if not isinstance(where, Named) or where.name.startswith(_OPAQUE) or "?" in where.name:
        return None
    return where.name.partition("@")[0]


def judge_pair(own: Side, partner: Side, comment: str) -> PairVerdict | None:
    """The verdict on the best pair of locations that both barriers order; None where they share too little."""
    best: tuple[tuple[int, ...], PairVerdict] | None = None
    for one, two, three, four in _cycles(own, partner):
        verdict = _execute(own, partner, (one, two, three, four), comment)
        if verdict is None:
            continue
        plain = sum(each.order == "plain" for each in (one, two, three, four))
        rank = (-len(verdict.named), verdict.shape != "message passing", plain)
        if best is None or rank < best[0]:
            best = (rank, verdict)
    return best[1] if best is not None else None


Cycle = tuple[Access, Access, Access, Access]


def _cycles(own: Side, partner: Side) -> Iterator[Cycle]:
    """x before y here against y before x there."""
    for one, two in product(own.before, own.after):
        if None in (_key(one), _key(two)) or _key(one) == _key(two):
            continue
        for three, four in product(partner.before, partner.after):
            if _key(three) == _key(two) and _key(four) == _key(one):
                yield one, two, three, four


def _execute(own: Side, partner: Side, cycle: Cycle, comment: str) -> PairVerdict | None:
    """Run one cycle with the primitives that are in the code."""
    one, two, three, four = (
        _plain_values(event, value) for event, value in zip(cycle, (1, 1, 2, 2), strict=True)
    )
    shape, condition = _condition(one, two, three, four)
    if not condition:
        return None
    threads = (
        Thread("own", own.barrier.function, 0, _body(one, own.fence, two)),
        Thread("partner", partner.barrier.function, 1, _body(three, partner.fence, four)),
    )
    name = f"{own.barrier.function}-{own.barrier.line}"
    litmus = write_litmus(name, threads, {}, condition)
    outcome = execute(litmus)
    weakened = tuple(
        execute(write_litmus(name, apply([edit], threads), {}, condition)) for edit in mutations(threads)
    )
    x, y = str(_key(one)), str(_key(two))
    named = tuple(key for key in (x, y) if _is_meant(key, own, partner, comment))
    return PairVerdict(outcome, shape, (x, y), named, weakened, litmus)


def _plain_values(event: Access, value: int) -> Access:
    """The access with a value of its own, on its location by type and field."""
    assert isinstance(event.location, Named)
    where = replace(event.location, name=event.location.name.partition("@")[0])
    if isinstance(event, Write):
        return replace(event, value=Const(value), location=where)
    if isinstance(event, Update):
        return replace(event, operation="xchg", operands=(Const(value),), location=where)
    return replace(event, location=where)


def _body(first: Access, fence: Fence | None, second: Access) -> Body:
    return (first, fence, second) if fence is not None else (first, second)


def _is_meant(key: str, own: Side, partner: Side, comment: str) -> bool:
    """Whether the comment names a location, or a barrier works on it."""
    name = key.rpartition(".")[2].removesuffix("[]")
    operands = {own.barrier.operand, partner.barrier.operand}
    return name in operands or f" {name}" in f" {comment}"


def _condition(one: Access, two: Access, three: Access, four: Access) -> tuple[str, str]:
    """(shape, the outcome that no sequential execution has), both empty where there is none."""
    kinds = [_kind(event) for event in (one, two, three, four)]
    shape = _SHAPES.get((kinds[0] + kinds[1], kinds[2] + kinds[3])) or _SHAPES.get(
        (kinds[2] + kinds[3], kinds[0] + kinds[1])
    )
    if shape is None:
        return "", ""
    first, second = _edge(two, three, 0, 1, 1), _edge(four, one, 1, 0, 2)
    return (shape, f"{first} /\\ {second}") if first and second else ("", "")


def _kind(event: Access) -> str:
    return "R" if isinstance(event, Read) else "W"


def _edge(source: Access, target: Access, source_thread: int, target_thread: int, value: int) -> str:
    """What must be seen for `source` to come before `target` on their location; value: what source writes."""
    if isinstance(source, (Write, Update)) and isinstance(target, Read):
        return f"{target_thread}:{target.register.name}={value}"
    if isinstance(source, Read) and isinstance(target, (Write, Update)):
        return f"{source_thread}:{source.register.name}=0"
    if isinstance(target, Update):
        return f"{target_thread}:{target.register.name}={value}"
    if isinstance(target, Write) and isinstance(target.location, Named):
        return f"{identifier(target.location.name)}={3 - value}"
    return ""
