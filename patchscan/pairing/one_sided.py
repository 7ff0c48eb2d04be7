"""Two functions that a comment of a patch pairs, of which one keeps its accesses in order and the other does not."""

from collections.abc import Iterator
from itertools import islice

from patchscan.basics.record import frozen, replace
from patchscan.changedfile import ChangedFile
from patchscan.model.lowering.lowered import Fence, Read, Update, Write
from patchscan.model.verdicts.gate import Grounds, gate
from patchscan.pairing.answers import Codes
from patchscan.pairing.barriers import COMMENT, Text, plain
from patchscan.pairing.clauses import PAIRS, named_partners
from patchscan.pairing.fitness import is_fit
from patchscan.pairing.pair_model import NO_ORDER, Half, Outcome, counterparts, run_pair
from patchscan.pairing.steps import Order, Step, Walk, key, order_between

_MOST_HALVES, _MOST_RUNS, _MOST_PAIRS = 150, 30, 8


@frozen(eq=False)
class OneSided:
    """Of two functions that pair, the side that nothing keeps in order; outcome: a test that shows what comes of it."""

    ordered: Half
    open: Half
    outcome: Outcome | None = None

    @property
    def halves(self) -> tuple[Half, Half]:
        """The two as a test has them: who finds the other's location by an address comes last."""
        return (
            (self.open, self.ordered)
            if self.ordered.order.depends == "address"
            else (self.ordered, self.open)
        )

    def run(self) -> Outcome | None:
        """Execute one test of the two."""
        return run_pair(*self.halves, f"{self.ordered.walk.function}-{self.open.walk.function}")


def told_pairs(file: ChangedFile, text: Text) -> list[tuple[str, str]]:
    """(function, function that it pairs with) as comments on added lines of a file say, each pair once."""
    found: dict[frozenset[str], tuple[str, str]] = {}
    for comment in COMMENT.finditer(text.text):
        first, last = text.line_at(comment.start()), text.line_at(comment.end())
        if "air" not in comment.group() or not any(n in file.added_numbers for n in range(first, last + 1)):
            continue
        said, own = plain(comment.group()), text.function_of(last)
        if not own or not PAIRS.search(said):
            continue
        for partner in named_partners(said, own):
            other = partner.function
            if other and other != own and text.defines(other):
                found.setdefault(frozenset({own, other}), (own, other))
    return list(found.values())[:_MOST_PAIRS]


def one_sided(codes: Codes, path: str, one: str, other: str) -> OneSided | None:
    """What is open between two functions of a file after a patch; None where both keep some other order, or where it is
    not known what the open side does."""
    first, second = codes.walk("after", one, path), codes.walk("after", other, path)
    if first is None or second is None or not (first.whole and second.whole):
        return None
    found: list[OneSided] = []
    kept: set[tuple[str, ...]] = set()
    for own, partner in ((first, second), (second, first)):
        for mine, theirs in islice(_cycles(own, partner), _MOST_RUNS):
            if theirs.is_kept:
                kept |= {_way(mine), _way(theirs)}
                continue
            if (
                not _is_open(theirs)
                or not kept <= {_way_back(mine), _way_back(theirs)}
                or not is_fit(mine, theirs, said=True)
            ):
                continue
            each = OneSided(mine, theirs)
            shown, mended = each.run(), OneSided(mine, _with_barrier(theirs)).run()
            if shown is None or mended is None or not shown.answer.held:
                continue
            if not gate(Grounds([mended.answer], [shown.word])):
                found.append(replace(each, outcome=shown))
    # What both keep may be all that the comment is about; but who takes by an acquire must give by a release.
    back = (each for each in found if kept <= {_way_back(each.ordered), _way_back(each.open)})
    return min(back, key=_rank, default=None)


def _way(half: Half) -> tuple[str, ...]:
    """The function of a half and its two locations, in the order in which it comes along them."""
    one, two = half.accesses
    return half.walk.function, str(key(one)), str(key(two))


def _way_back(half: Half) -> tuple[str, ...]:
    """The same the other way round."""
    function, one, two = _way(half)
    return function, two, one


def _rank(each: OneSided) -> tuple[bool, bool]:
    """Message passing and store buffering, on marked accesses, tell most."""
    assert each.outcome is not None
    return each.outcome.shape not in ("message passing", "store buffering"), each.open.is_plain


def _cycles(own: Walk, partner: Walk) -> Iterator[tuple[Half, Half]]:
    """The halves that one function keeps in order by a barrier, each with what the other function makes of it."""
    for half in islice(_kept_halves(own), _MOST_HALVES):
        one, two = half.accesses
        theirs = next(counterparts(str(key(one)), str(key(two)), half.kinds, partner), None)
        if theirs is not None:
            yield half, theirs


def _kept_halves(walk: Walk) -> Iterator[Half]:
    """The pairs of accesses of a function that a barrier of its own keeps in order."""
    accesses = [step for step, _ in walk.accesses()]
    for number, first in enumerate(accesses):
        for second in accesses[number + 1 :]:
            if key(_access(first)) == key(_access(second)) or not first.meets(second):
                continue
            half = Half(walk, first, second, order_between(walk, first, second))
            if half.is_kept and _by_barrier(half):
                yield half


def _access(step: Step) -> Read | Write | Update:
    assert isinstance(step.event, (Read, Write, Update))
    return step.event


def _by_barrier(half: Half) -> bool:
    """Whether fences, ordered accesses or a marked pointer that leads to the other keep a half in order, without locks
    and other dependencies."""
    if half.order.depends == "address" and half.accesses[0].order != "plain":
        return True
    fences = tuple(event for event in half.order.events if isinstance(event, (Fence, Update)))
    return replace(half, order=Order(fences, (), "", ())).is_kept


def _is_open(half: Half) -> bool:
    """Whether for certain nothing keeps a half in order, whichever way is taken."""
    order = half.order
    if any(not hole.known or hole.may & {"fence", "wait"} for hole in order.holes):
        return False
    return not replace(half, order=replace(order, events=(*order.events, *order.maybe))).is_kept


def _with_barrier(half: Half) -> Half:
    """The half with a full barrier between its accesses."""
    return replace(half, order=replace(NO_ORDER, events=(Fence("mb", half.accesses[1].place),)))
