"""An answer to every barrier that a patch takes or weakens: what it leaves unordered, against whom, and how that is
known."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from patchscan.basics.record import frozen, record
from patchscan.c.source import Source
from patchscan.changedfile import ChangedFile
from patchscan.codebase.code import Codebase
from patchscan.codebase.sources import Sources, base_config
from patchscan.kconfig.configured import Config
from patchscan.model.lowering.stubs import Stubs, load_stubs
from patchscan.model.verdicts.gate import Grounds, gate
from patchscan.pairing.barriers import Barrier, Text
from patchscan.pairing.candidates import MOST, OWNED, Candidate, located
from patchscan.pairing.classes import cannot_pair
from patchscan.pairing.elsewhere import elsewhere
from patchscan.pairing.facing import Facing, facing
from patchscan.pairing.fitness import SPEAKING, holds, is_fit, nearest
from patchscan.pairing.losses import Loss, counting_on, losses, text_before, text_of
from patchscan.pairing.pair_model import Half, Outcome, counterparts, run_pair, shape_between, without_order
from patchscan.pairing.partners import Site, partners_of
from patchscan.pairing.reasons import is_stamp, needed, published, shared
from patchscan.pairing.sites import called_beside, site_at, speaking_of
from patchscan.pairing.steps import BUDGET, Walk, key, walk_of
from patchscan.pairing.surroundings import barrier_steps
from patchscan.pairing.unordered import Unordered, fence_beside, is_repeated, stands_in, unordered
from patchscan.tree.overlay import View

STUBS = ("generic.c", "cpu.c", "wait.c", "quiet.c", "shared.c")
_MOST_RUNS, _MOST_CALLERS, _MOST_SPOKEN_OF = 60, 4, 3
# Of all functions that are looked at for the barriers of a patch, about half a millisecond each.
_MOST_STATEMENTS = 3_000
# What the own file leaves of that to others.
_RESERVE = 600
# (value of configuration symbols nobody sets, how deep calls are looked into): the next where one sees too little.
_WAYS = ((1, 3), (1, 1), (0, 3))
Lookup = Callable[[str, str], Text | None]


@frozen(eq=False)
class Proof:
    """Two functions whose model is safe before the patch and unsafe after it, and rests on what both have."""

    own: Half
    partner: Half
    said: bool
    after: Outcome


@frozen(eq=False)
class Answer:
    """What is known of one barrier that a patch takes or weakens.

    kept: why nothing is lost, "" where something is or nobody can tell; proof: a model that shows it; site: the
    comment at the barrier, or at a partner that names its function; partner: the other side, where that warrants a
    warning; order: the accesses that are no longer in order, of several those that the partner is about, None where
    they are not seen; seen: functions that access both locations as well; facing: an ordered access to the location
    whose own access loses its order.
    """

    loss: Loss
    kept: str = ""
    proof: Proof | None = None
    site: Site | None = None
    partner: Barrier | None = None
    order: Unordered | None = None
    seen: tuple[Candidate, ...] = ()
    facing: Facing | None = None


@record
class Allowance:
    """How many statements may still be looked at for a patch."""

    left: int = _MOST_STATEMENTS


class Codes:
    """The code before and after a patch, in one configuration, and the functions lowered so far."""

    def __init__(
        self,
        before: Sources,
        after: Sources,
        default: int,
        depth: int,
        allowance: Allowance,
        stubs: Sequence[str] = STUBS,
    ) -> None:
        self.stubs: Stubs
        self._codes = {}
        for name, at in (("before", before), ("after", after)):
            config = Config(base_config(at.read, "generic"), default=default)
            self._codes[name] = Codebase(
                at.read, at.changed, config, at.changed, defining=at.defining, declaring=at.declaring
            )
            self.stubs = load_stubs(stubs, config)
        self.depth = depth
        self._allowance = allowance
        self._walks: dict[tuple[str, str, str, int], Walk | None] = {}
        self._stacks: dict[str, frozenset[str]] = {}

    @property
    def may_look(self) -> bool:
        """Whether the steps of yet another function may be asked for."""
        return self._allowance.left > 0

    def callers(self, function: str, path: str) -> tuple[str, ...]:
        """The first few functions of the same file that call a function, after the patch."""
        file = self._codes["after"].file(path)
        return file.calling(function)[:_MOST_CALLERS] if file is not None else ()

    def is_own(self, *halves: Half) -> bool:
        """Whether an access is to an object that a function has on its stack."""
        places = {
            (half.walk.path, str(key(event)).partition(".")[0]) for half in halves for event in half.accesses
        }
        return any(name in self._on_stack(path) for path, name in places)

    def _on_stack(self, path: str) -> frozenset[str]:
        """The structures that functions of a file declare variables of."""
        if path not in self._stacks:
            file = self._codes["after"].file(path)
            self._stacks[path] = file.on_stack if file is not None else frozenset()
        return self._stacks[path]

    def walk(self, when: str, function: str, path: str) -> Walk | None:
        """A function's steps; when: "before" or "after"; None where it is not there, or too much was looked at."""
        return self._walk(when, function, path, self.depth)

    def partner(self, function: str, path: str, reserve: int = 0) -> Walk | None:
        """The steps of what may be the other side, after the patch; without its callees where those are too many.

        reserve: what is left to be looked at by others.
        """
        if self._allowance.left <= reserve:
            return self._walks.get(("after", function, path, self.depth))
        found = self._walk("after", function, path, self.depth, BUDGET // 2)
        if found is None or found.whole or self.depth <= 1:
            return found
        return self._walk("after", function, path, 1) or found

    def _walk(self, when: str, function: str, path: str, depth: int, budget: int = BUDGET) -> Walk | None:
        what = (when, function, path, depth)
        if what not in self._walks and self._allowance.left <= 0:
            return None
        if what not in self._walks:
            found = walk_of(function, path, self._codes[when], self.stubs, depth, budget)
            cost = 0 if found is None else 2 * len(found.steps) if found.whole else budget
            # What it looks at is read and parsed already where the same function was walked before.
            known = any(each[1:3] == what[1:3] for each in self._walks)
            self._walks[what] = found
            self._allowance.left -= cost // 3 if known else cost
        return self._walks[what]


def ways(before: Sources, after: Sources, allowance: Allowance) -> tuple[Codes, ...]:
    """The ways to look at the code before and after a patch, the best first."""
    return tuple(Codes(before, after, default, depth, allowance) for default, depth in _WAYS)


def answers(
    file: ChangedFile, codes: Sequence[Codes], lookup: Lookup, view: View, known: Collection[int] = ()
) -> Iterator[Answer]:
    """An answer for each barrier that a file loses, but at lines of which enough is known.

    codes: the ways to look at the code; view: the tree as the whole series leaves it, for partners in other files.
    """
    text = text_before(file)
    if text is None or file.state.after is None:
        return
    for loss in losses(file):
        if loss.line not in known:
            yield _answer(file, loss, text, codes, lookup, view)


def _answer(
    file: ChangedFile, loss: Loss, text: Text, codes: Sequence[Codes], lookup: Lookup, view: View
) -> Answer:
    name = loss.function.name
    barrier = Barrier(file.path, loss.old, name, loss.barrier)
    site = site_at(text, loss.old)
    meant = partners_of(site, lookup) if site is not None else []
    partners = tuple(each for each in meant if each.line)
    back = () if partners else _named_back(file, loss, view)
    for each in codes:
        then = each.walk("before", name, file.path)
        if then is None or not barrier_steps(then, barrier):
            continue
        now = each.walk("after", name, file.path)
        if now is None:
            continue
        if stands_in(then, barrier, now):
            return Answer(loss, kept="what is left next to it keeps the same in order")
        lost, beside = unordered(then, barrier, now), fence_beside(then, barrier, now)
        if beside == "mb":
            return Answer(loss, kept="the fence next to it keeps the same in order")
        others = (*meant, *(back_site.own for back_site in back))
        named = [Candidate(other.path, other.function, True) for other in others]
        named += _spoken_of(text, loss, lookup)
        found = _candidates(file.before[0], name, named, lost)
        proof = _proof(each, then, now, lost, found) or _proof_by_callers(each, file, barrier, named)
        if proof is None and is_repeated(then, barrier):
            return Answer(loss, kept="an atomic next to it is a full barrier itself")
        if proof is None and not named and each.may_look:
            far = elsewhere(view, file.path, lost)
            proof = _proof(each, then, now, lost, far)
            found += far
        partner, order = _said(each, loss, text, lost, partners) if not beside else (None, None)
        teller = (
            next((other for other in back if needed(lost, other.own)), None)
            if partner is None and not beside
            else None
        )
        if teller is not None:
            site, partner = teller, teller.own
            order = _shared_with(each, needed(lost, partner), partner)
        seen = tuple(other for other in found if not other.said)
        alone = proof is None and partner is None and not (beside or _is_value_alone(loss, text))
        alone = alone and not _is_replaced(loss)
        faced = facing(view, file, loss) if alone else None
        return Answer(loss, "", proof, site, partner, order, seen, faced)
    partner, order = _said(codes[0], loss, text, (), partners)
    return Answer(loss, site=site, partner=partner)


def _spoken_of(text: Text, loss: Loss, lookup: Lookup) -> list[Candidate]:
    """The functions that the comment at a barrier speaks of, or at whose barriers a comment speaks of its function, but
    those that it calls or that call it."""
    beside = (name for name in called_beside(text, loss.old) if name not in loss.function.identifiers)
    names = list(dict.fromkeys((*speaking_of(text, loss.function.name), *beside)))
    found = ((name, lookup(name, text.path)) for name in names[:_MOST_SPOKEN_OF])
    return [
        Candidate(other.path, name, True)
        for name, other in found
        if other is not None and loss.function.name not in other.called_in(name)
    ]


def _proof_by_callers(
    codes: Codes, file: ChangedFile, barrier: Barrier, named: Sequence[Candidate]
) -> Proof | None:
    """A proof in which the function is part of one that calls it, against functions that comments name only: an access
    in a caller is further from the barrier, and one that sets an object up works on what nobody else knows."""
    callers = codes.callers(barrier.function, file.path) if named else ()
    for caller in (each for each in callers if OWNED.fullmatch(each) is None):
        then, now = codes.walk("before", caller, file.path), codes.walk("after", caller, file.path)
        if then is None or now is None:
            continue
        lost = [each for each in unordered(then, barrier, now) if _reaches_beyond(each, barrier.function)]
        proof = _proof(codes, then, now, lost, named)
        if proof is not None:
            return proof
    return None


def _reaches_beyond(each: Unordered, function: str) -> bool:
    return any(event.place.function != function for event in each.accesses)


def _said(
    codes: Codes, loss: Loss, text: Text, lost: Sequence[Unordered], partners: Sequence[Barrier]
) -> tuple[Barrier | None, Unordered | None]:
    """The partner that a comment names, where that alone warrants a warning, and the order that it is about.

    A barrier that is only weakened needs accesses on both sides that the weaker one does not order.
    """
    instead = _is_replaced(loss) or (loss.instead and Barrier("", 0, "", loss.barrier).is_fence)
    for partner in partners:
        wanted = needed(lost, partner)
        order = _shared_with(codes, wanted, partner) or published(wanted)
        if order is not None or not (instead or _is_value_alone(loss, text)):
            return partner, order
    return None, None


def _is_replaced(loss: Loss) -> bool:
    """Whether something that orders by itself takes the place of a barrier."""
    return bool(loss.instead) and not Barrier("", 0, "", loss.instead).is_weak


def _shared_with(codes: Codes, wanted: Sequence[Unordered], partner: Barrier) -> Unordered | None:
    """The first lost order whose two locations the function of a partner accesses the other way round."""
    walk = codes.walk("after", partner.function, partner.path)
    return shared(wanted, walk) if walk is not None else None


def _named_back(file: ChangedFile, loss: Loss, view: View) -> tuple[Site, ...]:
    """The barriers anywhere in the tree whose comment pairs them with a function that loses the only one that fits."""
    found, _ = counting_on(view, file, loss.function)
    fitting = [site for site in found if not cannot_pair(site.barrier, loss.barrier)]
    if not fitting or file.state.after is None:
        return ()
    fence, after = Barrier("", 0, "", loss.barrier).is_fence, text_of(file.path, file.state.after)
    left = [
        each
        for each in after.barriers
        if each.function == loss.function.name
        and not each.is_weak
        and (not fence or each.is_fence or each.line in file.added_numbers)
    ]
    return tuple(site for site in fitting if all(cannot_pair(site.barrier, each.name) for each in left))


def _is_value_alone(loss: Loss, text: Text) -> bool:
    """Whether a barrier is the store of a time."""
    return is_stamp(text.around(loss.old, 0, 1, text.code))


def _candidates(
    source: Source, own: str, named: Sequence[Candidate], lost: Sequence[Unordered]
) -> list[Candidate]:
    """The functions that comments name, then those of the file that access both."""
    likely = nearest(lost) or lost
    first = {str(key(each.accesses[0])) for each in likely}
    second = {str(key(each.accesses[1])) for each in likely}
    told = {(each.path, each.function) for each in named}
    rest = [each for each in located(source, own, first, second) if (each.path, each.function) not in told]
    return [*dict.fromkeys(named), *rest][: MOST + len(told)]


def _proof(
    codes: Codes, then: Walk, now: Walk, lost: Sequence[Unordered], candidates: Sequence[Candidate]
) -> Proof | None:
    """The first pair of functions whose model turns from safe to unsafe, and rests on both."""
    runs = islice(_pairs(codes, then, now, lost, candidates), _MOST_RUNS)
    for before, after, partner, said in runs:
        first = run_pair(before, partner, _name(before, partner))
        if first is None or first.word != "Never":
            continue
        bare = run_pair(before, without_order(partner), _name(before, partner))
        second = run_pair(after, partner, _name(before, partner))
        if bare is None or second is None or not second.answer.held:
            continue
        if bare.answer.held and not gate(Grounds([first.answer], [bare.word, second.word])):
            return Proof(after, partner, said, second)
    return None


def _name(own: Half, partner: Half) -> str:
    return f"{own.walk.function}-{partner.walk.function}"


def _pairs(
    codes: Codes, then: Walk, now: Walk, lost: Sequence[Unordered], candidates: Sequence[Candidate]
) -> Iterator[tuple[Half, Half, Half, bool]]:
    """The halves before and after, and the other function's, that are worth executing: what says most first."""
    for candidate in candidates:
        found = list(_pairs_with(codes, then, now, lost, candidate))
        yield from sorted(found, key=lambda each: shape_between(each[0], each[2]) not in SPEAKING)


def _pairs_with(
    codes: Codes, then: Walk, now: Walk, lost: Sequence[Unordered], candidate: Candidate
) -> Iterator[tuple[Half, Half, Half, bool]]:
    said = candidate.said
    wanted = lost if said else nearest(lost)
    for other in _walks_of(codes, then.path, candidate, lost):
        if (other.function, other.path) == (then.function, then.path) or (not said and holds(other, then)):
            continue
        for each in wanted:
            one, two = each.accesses
            before = Half(then, each.first, each.second, each.then)
            after = Half(now, each.first_now, each.second_now, each.now)
            for half in counterparts(str(key(one)), str(key(two)), each.kinds, other):
                own = other.function == candidate.function
                fit = half.is_kept and is_fit(before, half, said, own) and not _is_against_itself(each, half)
                if fit and (said or not codes.is_own(before, half)):
                    yield before, after, half, said


def _is_against_itself(lost: Unordered, partner: Half) -> bool:
    """Whether the other side comes through the very function that loses the barrier."""
    function = lost.function
    return any(event.place.function == function for event in partner.accesses)


def _walks_of(codes: Codes, path: str, candidate: Candidate, lost: Sequence[Unordered]) -> Iterator[Walk]:
    """A candidate's steps; those of its callers where a comment names it, and it accesses one of the two only."""
    near = not candidate.said and candidate.path == path
    own = codes.partner(candidate.function, candidate.path, _RESERVE if near else 0)
    if own is None:
        return
    yield own
    if not candidate.said or shared(lost, own) is not None:
        return
    for caller in codes.callers(candidate.function, candidate.path):
        walk = codes.walk("after", caller, candidate.path)
        if walk is not None:
            yield walk
