"""Two barriers that a comment pairs, as a model: what each orders, on the locations that they share."""

from collections.abc import Iterator, Sequence
from itertools import product

from patchscan.basics.record import frozen, replace
from patchscan.codebase.code import Codebase
from patchscan.lkmm.answers.outcome import Answer
from patchscan.model.extraction.mutate import apply, at, mutations
from patchscan.model.lowering.abstract_values import Const, Named
from patchscan.model.lowering.lowered import Body, Fence, Read, Thread, Update, Write
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.verdicts.gate import Grounds, execute, gate, outcome
from patchscan.model.verdicts.litmus import identifier, write_litmus
from patchscan.pairing.barriers import ONCE, Barrier
from patchscan.pairing.partners import Site
from patchscan.pairing.side import Access, Side, key, side

_SHAPES = {
    ("WW", "RR"): "message passing",
    ("WR", "WR"): "store buffering",
    ("RW", "RW"): "load buffering",
    ("WW", "WR"): "R",
    ("WW", "RW"): "S",
    ("WW", "WW"): "2+2W",
}
Cycle = tuple[Access, Access, Access, Access]


@frozen
class PairVerdict:
    """answer: whether it can happen; locations: the two, named: those of them that the comment names or that are a
    barrier's own operand; weakened: the outcome with either side's barrier taken away; plain: whether an access
    is not marked; locked: whether a lock is held on both sides."""

    answer: Answer
    shape: str
    locations: tuple[str, str]
    named: tuple[str, ...]
    weakened: tuple[str, ...]
    plain: bool
    locked: bool
    litmus: str

    @property
    def outcome(self) -> str:
        """herd7's word."""
        return outcome(self.answer)

    @property
    def safe(self) -> bool:
        """Whether "no execution of this model does it" may be said: it rests on both barriers, on named ground."""
        return (
            not gate(Grounds([self.answer], self.weakened))
            and bool(self.named)
            and not self.locked
            and len(self.weakened) == 2
            and all(outcome == "Sometimes" for outcome in self.weakened)
        )

    @property
    def unsafe(self) -> bool:
        """Whether "this may happen" may be said: of marked accesses to named ground, with no lock in common."""
        return bool(self.answer.held) and bool(self.named) and not self.locked and not self.plain


def judge(
    site: Site, partners: Sequence[Barrier], code: Codebase, stubs: Stubs
) -> tuple[str, PairVerdict | None]:
    """What a model says of a barrier and its partners: "safe" or "unsafe", or why nothing; the verdict it rests on."""
    located = [each for each in partners if each.line]
    if not located:
        outside = any(partner.place == "outside" for partner in site.partners)
        return ("partner outside the kernel" if outside else "partner not found"), None
    if all(site.barrier in ONCE and each.name in ONCE for each in located):
        return "marked accesses, which order nothing", None
    own = side(site.own, code, stubs)
    if own is None:
        return _lost(site.own, "own barrier"), None
    others = [other for other in (side(each, code, stubs) for each in located) if other is not None]
    if not others:
        return _lost(located[0], "partner"), None
    verdicts = [verdict for other in others for verdict in verdicts_of(own, other, site.comment)]
    unsafe = next((verdict for verdict in verdicts if verdict.unsafe), None)
    if unsafe is not None:
        return "unsafe", unsafe
    safe = next((verdict for verdict in verdicts if verdict.safe), None)
    if safe is not None:
        return "safe", safe
    return _why_not(own, others, verdicts), None


def _lost(barrier: Barrier, whose: str) -> str:
    """Why a barrier has no side of its own in a model."""
    if barrier.is_weak:
        return f"{whose} orders by a dependency only"
    if "wait" in barrier.name or "wake" in barrier.name or "lock" in barrier.name:
        return f"{whose} is implied by a lock, a wait or a wake-up"
    return f"{whose} not met on a path that was lowered"


def _why_not(own: Side, others: Sequence[Side], verdicts: Sequence[PairVerdict]) -> str:
    if any(verdict.outcome == "Never" and not verdict.named for verdict in verdicts):
        return "locations are not those that the comment means"
    if any(verdict.locked for verdict in verdicts):
        return "a lock is held on both sides"
    if verdicts:
        return "does not rest on both barriers"
    ours = {key(event) for event in (*own.before, *own.after)}
    shared = [len(ours & {key(event) for event in (*other.before, *other.after)}) for other in others]
    return "no cycle through what both access" if max(shared) > 1 else "fewer than two locations in common"


def judge_pair(own: Side, partner: Side, comment: str) -> PairVerdict | None:
    """The verdict on the best pair of locations that both barriers order; None where they share too little."""
    return next(verdicts_of(own, partner, comment), None)


def verdicts_of(own: Side, partner: Side, comment: str) -> Iterator[PairVerdict]:
    """The verdicts on all pairs of locations that both barriers order: those the comment names first."""
    verdicts = [_execute(own, partner, cycle, comment) for cycle in _cycles(own, partner)]
    found = [verdict for verdict in verdicts if verdict is not None]
    yield from sorted(found, key=lambda each: (-len(each.named), each.shape != "message passing", each.plain))


def _cycles(own: Side, partner: Side) -> Iterator[Cycle]:
    """x before y here against y before x there, where either barrier orders its two accesses."""
    for one, two in product(own.before, own.after):
        if None in (key(one), key(two)) or key(one) == key(two) or not _orders(own, one, two):
            continue
        for three, four in product(partner.before, partner.after):
            if key(three) == key(two) and key(four) == key(one) and _orders(partner, three, four):
                yield one, two, three, four


def _orders(side: Side, first: Access, second: Access) -> bool:
    """Whether a barrier is for two accesses: a read barrier for loads only, a write barrier for stores only."""
    if not isinstance(side.fence, Fence) or side.fence.kind not in ("rmb", "wmb"):
        return True
    # What an atomic writes is what a cycle goes through, and a read barrier does not order that.
    wanted = (Read,) if side.fence.kind == "rmb" else (Write, Update)
    return isinstance(first, wanted) and isinstance(second, wanted)


def _execute(own: Side, partner: Side, cycle: Cycle, comment: str) -> PairVerdict | None:
    """Run one cycle with the primitives that are in the code."""
    one, two, three, four = (
        _plain_values(event, value) for event, value in zip(cycle, (1, 1, 2, 2), strict=True)
    )
    shape, condition = _condition(one, two, three, four)
    if not condition:
        return None
    threads = (
        Thread("own", own.barrier.function, 0, _body(cycle[0], cycle[1], one, own, two)),
        Thread("partner", partner.barrier.function, 1, _body(cycle[2], cycle[3], three, partner, four)),
    )
    name = f"{own.barrier.function}-{own.barrier.line}"
    litmus = write_litmus(name, threads, {}, condition)
    places = {(0, at(own.place)), (1, at(partner.place))}
    edits = [edit for edit in mutations(threads) if (edit.thread, edit.text.rpartition(" at ")[2]) in places]
    weakened = tuple(
        outcome(execute(write_litmus(name, apply([edit], threads), {}, condition))) for edit in edits
    )
    locations = (str(key(one)), str(key(two)))
    return PairVerdict(
        answer=execute(litmus),
        shape=shape,
        locations=locations,
        named=tuple(each for each in locations if _is_meant(each, own, partner, comment)),
        weakened=weakened,
        plain=any(event.order == "plain" for event in cycle),
        locked=bool(
            (own.held(cycle[0]) | own.held(cycle[1])) & (partner.held(cycle[2]) | partner.held(cycle[3]))
        ),
        litmus=litmus,
    )


def _plain_values(event: Access, value: int) -> Access:
    """The access with a value of its own, on its location by type and field."""
    assert isinstance(event.location, Named)
    where = replace(event.location, name=event.location.name.partition("@")[0])
    if isinstance(event, Write):
        return replace(event, value=Const(value), location=where)
    if isinstance(event, Update):
        return replace(event, operation="xchg", operands=(Const(value),), location=where)
    return replace(event, location=where)


def _body(before: Access, after: Access, first: Access, side: Side, second: Access) -> Body:
    """The two accesses with the barrier between them, where it is neither of them."""
    if side.fence is None or side.fence is before or side.fence is after:
        return (first, second)
    between = _plain_values(side.fence, 3) if isinstance(side.fence, Update) else side.fence
    return (first, between, second)


def _is_meant(location: str, own: Side, partner: Side, comment: str) -> bool:
    """Whether the comment names a location, or a barrier works on it."""
    name = location.rpartition(".")[2].removesuffix("[]")
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
