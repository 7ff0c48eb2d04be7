"""Two barriers that a comment pairs, as a model: what each orders, on the locations that they share."""

from collections.abc import Iterator, Sequence
from itertools import islice

from patchscan.basics.record import frozen, replace
from patchscan.codebase.code import Codebase
from patchscan.model.lowering.lowered import Fence
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.verdicts.gate import Grounds, gate
from patchscan.pairing.barriers import ONCE, Barrier
from patchscan.pairing.pair_model import NO_ORDER, Half, Outcome, relaxed, run_pair
from patchscan.pairing.partners import Site
from patchscan.pairing.steps import Order, key, walk_of
from patchscan.pairing.surroundings import Around, around, barrier_steps, location_of, pairs_around

_BUDGET, _DEPTH = 20_000, 2
_MOST = 200


@frozen
class PairVerdict:
    """outcome: what the model comes to; named: those of its two locations that the comment names or that are a
    barrier's own operand; weakened: herd7's word with either side's barrier taken away; plain: whether an access
    is not marked; locked: whether a lock is held on both sides."""

    outcome: Outcome
    named: tuple[str, ...]
    weakened: tuple[str, ...]
    plain: bool
    locked: bool

    @property
    def safe(self) -> bool:
        """Whether "no execution of this model does it" may be said: it rests on both barriers, on named ground."""
        return (
            not gate(Grounds([self.outcome.answer], self.weakened))
            and bool(self.named)
            and not self.locked
            and len(self.weakened) == 2
            and all(word == "Sometimes" for word in self.weakened)
        )

    @property
    def unsafe(self) -> bool:
        """Whether "this may happen" may be said: of marked accesses to named ground, with no lock in common."""
        return bool(self.outcome.answer.held) and bool(self.named) and not self.locked and not self.plain


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
    own = surroundings(site.own, code, stubs)
    if own is None:
        return _lost(site.own, "own barrier"), None
    others = [other for other in (surroundings(each, code, stubs) for each in located) if other is not None]
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


def _why_not(own: Around, others: Sequence[Around], verdicts: Sequence[PairVerdict]) -> str:
    if any(verdict.outcome.word == "Never" and not verdict.named for verdict in verdicts):
        return "locations are not those that the comment means"
    if any(verdict.locked for verdict in verdicts):
        return "a lock is held on both sides"
    if verdicts:
        return "does not rest on both barriers"
    ours = {location_of(step) for step in (*own.before, *own.after)}
    shared = [len(ours & {location_of(step) for step in (*other.before, *other.after)}) for other in others]
    return "no cycle through what both access" if max(shared) > 1 else "fewer than two locations in common"


def surroundings(barrier: Barrier, code: Codebase, stubs: Stubs) -> Around | None:
    """What a barrier stands between in its function; None when it is lost on the way."""
    walk = walk_of(barrier.function, barrier.path, code, stubs, _DEPTH, _BUDGET)
    steps = barrier_steps(walk, barrier) if walk is not None else ()
    return around(walk, barrier, steps[0], every=True) if walk is not None and steps else None


def verdicts_of(own: Around, partner: Around, comment: str) -> Iterator[PairVerdict]:
    """The verdicts on all pairs of locations that both barriers order: those the comment names first."""
    verdicts = [
        _execute(own, partner, mine, theirs, comment) for mine, theirs in islice(_cycles(own, partner), _MOST)
    ]
    found = [verdict for verdict in verdicts if verdict is not None]
    yield from sorted(
        found, key=lambda each: (-len(each.named), each.outcome.shape != "message passing", each.plain)
    )


def _cycles(own: Around, partner: Around) -> Iterator[tuple[Half, Half]]:
    """x before y here against y before x there, where either barrier orders its two accesses."""
    for mine in _halves(own):
        for theirs in _halves(partner):
            if _locations(theirs) == _locations(mine)[::-1]:
                yield mine, theirs


def _halves(each: Around) -> list[Half]:
    """What a barrier orders, with nothing between the accesses but itself."""
    found = []
    for one, two in pairs_around(each):
        between = (each.fence,) if each.fence is not None and each.step not in (one, two) else ()
        half = Half(each.walk, one, two, Order(between, (), "", ()))
        if _orders(each, half):
            found.append(half)
    return found


def _locations(half: Half) -> tuple[str, str]:
    one, two = half.accesses
    return str(key(one)), str(key(two))


def _orders(each: Around, half: Half) -> bool:
    """Whether a barrier is for two accesses: a read barrier for loads only, a write barrier for stores only."""
    if not isinstance(each.fence, Fence) or each.fence.kind not in ("rmb", "wmb"):
        return True
    # What an atomic writes is what a cycle goes through, and a read barrier does not order that.
    return half.kinds == ("RR" if each.fence.kind == "rmb" else "WW")


def _execute(own: Around, partner: Around, mine: Half, theirs: Half, comment: str) -> PairVerdict | None:
    """Run one cycle with the primitives that are in the code."""
    name = f"{own.barrier.function}-{own.barrier.line}"
    found = run_pair(mine, theirs, name)
    if found is None:
        return None
    bare = run_pair(_without(mine, own), theirs, name), run_pair(mine, _without(theirs, partner), name)
    return PairVerdict(
        outcome=found,
        named=tuple(each for each in found.locations if _is_meant(each, own, partner, comment)),
        weakened=tuple(each.word for each in bare if each is not None),
        plain=mine.is_plain or theirs.is_plain,
        locked=bool(mine.locks() & theirs.locks()),
    )


def _without(half: Half, each: Around) -> Half:
    """A half whose barrier is gone: nothing between its accesses, or the access that was it relaxed."""
    if each.step not in (half.first, half.second):
        return replace(half, order=NO_ORDER)
    step = replace(each.step, event=relaxed(half.accesses[each.step is half.second]))
    return replace(half, first=step) if each.step is half.first else replace(half, second=step)


def _is_meant(location: str, own: Around, partner: Around, comment: str) -> bool:
    """Whether the comment names a location, or a barrier works on it."""
    name = location.rpartition(".")[2].removesuffix("[]")
    operands = {own.barrier.operand, partner.barrier.operand}
    return name in operands or f" {name}" in f" {comment}"
