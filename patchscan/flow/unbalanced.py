"""Which ways out of a function hold what they should have given back; the state before a patch beside that after it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.c.source import Function, source_of
from patchscan.flow.building import graph_of
from patchscan.flow.held import GIVEN, GONE, HELD, Holding, Holdings, Taken, Way
from patchscan.flow.jumpedpast import jumped_past
from patchscan.flow.keeping import cleaned_up_by_callers, has_counterpart, keeps_inside
from patchscan.flow.owned import Defined, is_owned
from patchscan.flow.signs import ANY
from patchscan.flow.taking import given_back
from patchscan.flow.trails import lines_of, steps_of
from patchscan.flow.wayouts import holdings

_STORED = pattern(r"(?:^|;)[\w.]+->[\w.>-]*=\w")
_HOLDS = pattern(r"[A-Z]\w*_LOCKED(_\w+)?")
_DATA = pattern(r"\w*get_drvdata")
# What tells a resource in another state of the function (Resource.identity).
Identity = tuple[str, str]


Why = Literal["was given back", "others give it back", "nobody gives it back"]


@frozen
class Leak:
    """A way out that holds something. why: "was given back", "others give it back", "nobody gives it back".

    other: a way out that gives it back, None where there is none (any more); decisions: the lines of the way on which
    something is decided, and its last one; owned: whether it is another's to give back (see patchscan.flow.owned);
    jump: the line of the jump that goes past what gives it back, 0 where it is no such.
    """

    holding: Holding
    way: Way
    why: Why
    other: Way | None = None
    decisions: tuple[int, ...] = ()
    owned: bool = False
    jump: int = 0


def new_leaks(
    function: Function,
    before: Function | None,
    words: frozenset[str] | None,
    loses: bool,
    kept: Callable[[int], int | None],
    defined: Defined,
) -> list[Leak] | None:
    """The ways out of a function that hold something, and did not before; None where its ways cannot be read.

    words: of the lines that changed, None for all resources; loses: whether a call is gone; kept: see leaks();
    defined: what functions of other texts are.
    """
    graph = graph_of(function)
    if graph is None:
        return None
    old = graph_of(before) if before is not None else None
    given: Mapping[str, str] = given_back(old, graph) if loses and old is not None else {}

    def held_before(identities: Collection[Identity]) -> Holdings | None:
        if old is None:
            return None
        calls = frozenset(call.name for call in function.calls())
        return holdings(old, lambda resource: resource.identity in identities, calls, given)

    old_calls = frozenset(call.name for call in before.calls()) if before is not None else frozenset()
    after = holdings(graph, lambda resource: words is None or resource.concerned_by(words), old_calls, given)
    return [
        replace(
            leak,
            decisions=tuple(line for line, _ in lines_of(graph, way.trail, way.point)),
            owned=not leak.way.again and is_owned(graph, leak.holding, leak.way, defined),
        )
        for leak in leaks(after, held_before, kept)
        for way in (leak.way.exit,)
    ]


def leaks(
    after: Holdings,
    before: Callable[[Collection[Identity]], Holdings | None],
    kept: Callable[[int], int | None],
) -> Iterator[Leak]:
    """The ways out that hold something, and did not before.

    before: what some resources were held before, None where that state is not known; only asked for what is held now;
    kept: where a line from before stands now, None where it is taken away.
    """
    suspected = [
        identity
        for identity, now in after.items()
        if any(each.at(HELD) or each.kept() or each.again for each in now)
    ]
    known = before(suspected) if suspected else None
    for identity in suspected:
        old = known.get(identity, ()) if known is not None else ()
        said = Counter(key_of(each) for holding in old for each in _suspects(holding))
        for holding in after[identity]:
            if not holding.complete:
                continue
            for each in _judged(holding, old, kept):
                key = key_of(each.way)
                if said[key] > 0 and each.why != "was given back":
                    said[key] -= 1
                else:
                    yield each


def key_of(way: Way) -> tuple[str, str]:
    """What tells a way out in another state of the function."""
    return way.category, way.returned


def _suspects(holding: Holding) -> Iterator[Way]:
    """Ways out that were held before, one a place."""
    seen = set()
    for each in holding.at(HELD):
        if (each.line, each.category) not in seen:
            seen.add((each.line, each.category))
            yield each


def _judged(holding: Holding, old: Sequence[Holding], kept: Callable[[int], int | None]) -> Iterator[Leak]:
    seen = set()
    ways = (*holding.at(HELD), *holding.kept()) if old or _may_be_told(holding) else ()
    for way in sorted(ways, key=lambda each: (each.line, len(str(each.category)))):
        if (way.line, way.category) in seen or _is_known_less(way, holding, old, kept):
            continue
        leak = _was_given_back(holding, way, old) or _was_given_back_here(holding, way, old, kept)
        if leak is None and way.token.state == HELD:
            leak = _strict(holding, way)
        if leak is not None:
            seen.add((way.line, way.category))
            yield leak
    was = [way for each in old for way in each.again]
    if was and all(each.complete for each in old) and all(each.token.state == GIVEN for each in was):
        lost = (
            way
            for way in holding.again
            if way.token.state == HELD
            or (
                way.token.state == GONE
                and way.token.via
                and all(way.token.is_kept_as(each.token) for each in was)
            )
        )
        yield from (Leak(holding, way, "was given back") for way in list(lost)[:1])


def _is_known_less(
    way: Way, holding: Holding, old: Sequence[Holding], kept: Callable[[int], int | None]
) -> bool:
    """Whether it was held on this way out before, where what is returned was still known to succeed, or to fail.

    That is less known where a patch calls something unknown in the place of what our tables know.
    """
    if way.category != "open" or way.token.state != HELD:
        return False
    here = {
        each.category
        for one in old
        for each in one.at(HELD)
        if kept(each.line) == way.line and each.returned == way.returned
    }
    now = {each.category for each in holding.at(HELD) if each.line == way.line}
    return bool(here - now) and "open" not in here


def _was_given_back(holding: Holding, way: Way, old: Sequence[Holding]) -> Leak | None:
    """A way out of a category in which before the patch all gave it back."""
    if not old or not all(each.complete for each in old):
        return None
    ways = [way for each in old for way in each.ways]
    held = [
        each for each in ways if each.token.state == HELD or (each.token.state == GONE and each.token.via)
    ]
    given = [each for each in ways if each.token.state == GIVEN]
    dropped = way.category == "open" and not holding.at(GIVEN) and not holding.at(GONE)
    covers = (way.category, "open")
    if not given or (not dropped and any(each.category in covers for each in held)):
        return None
    if not any(each.category in covers for each in given) and way.category != "open":
        return None
    if way.token.state == GONE and not any(
        each.category in covers and each.token.is_kept_as(way.token) for each in given
    ):
        # The patch lets something keep it.
        return None
    stored = not holding.resource.named and _is_stored(holding, way.token)
    if stored and any(each.category != "fails" for each in given):
        # What it stores it may not give back where it succeeds: the patch lets it live as long as what holds it.
        return None
    here = [each for each in holding.ways if each.category == way.category]
    left = [each for each in here if each.token.state in (GIVEN, GONE)]
    elsewhere = {each.category for each in holding.at(GIVEN)}
    if (
        way.category != "fails"
        and not left
        and elsewhere == {"fails"}
        and holding.resource.row.kind != "reference"
    ):
        # It is handed on where the function succeeds, and given back where it fails.
        return None
    return Leak(holding, way, "was given back", next(iter(holding.at(GIVEN)), None))


def _is_stored(holding: Holding, token: Taken) -> bool:
    """Whether something was stored where others find it, here or by a function of the text."""
    if token.state != GONE:
        return False
    source = source_of(holding.function)
    return _STORED.search(token.via) is not None or any(
        keeps_inside(source, each.partition("(")[0], frozenset()) for each in token.via.split(";")
    )


def _was_given_back_here(
    holding: Holding, way: Way, old: Sequence[Holding], kept: Callable[[int], int | None]
) -> Leak | None:
    """A way out at a statement, or after a decision, where before the patch all ways had given it back."""
    if way.token.state != HELD or not old or not all(each.complete for each in old):
        return None
    before = [each for one in old for each in one.ways]
    decided = _last_decision(way)
    pairs = (
        (
            [each for each in before if kept(each.line) == way.line],
            [each for each in holding.ways if each.line == way.line],
        ),
        (
            [each for each in before if (last := _last_decision(each)) and _kept(last, kept) == decided],
            [each for each in holding.ways if _last_decision(each) == decided],
        ),
    )
    for was, now in pairs:
        if (
            was
            and all(each.token.state == GIVEN for each in was)
            and all(each.token.state == HELD for each in now)
        ):
            return Leak(holding, way, "was given back", next(iter(holding.at(GIVEN)), None))
    return None


def _last_decision(way: Way) -> tuple[int | None, str] | None:
    """(line, how it was decided) of what was decided last on a way, None where nothing was."""
    edges = (edge for _, edge in reversed(steps_of(way.exit.trail)) if edge is not None)
    return next(((edge.line, edge.taken) for edge in edges if edge.taken in ("yes", "no")), None)


def _kept(decision: tuple[int | None, str], kept: Callable[[int], int | None]) -> tuple[int | None, str]:
    """A decision from before where its line stands now."""
    line, taken = decision
    return (kept(line) if line is not None else None), taken


def _may_be_told(holding: Holding) -> bool:
    """Whether a way out may be told from the code as it stands: by itself, or by one that gives it back."""
    return bool(holding.resource.loops or holding.resource.row.alone or holding.at(GIVEN))


def _strict(holding: Holding, way: Way) -> Leak | None:
    """A way out that is told from the code as it stands: beside others at its place that give back, by a jump alone."""
    if not any(each.token.state in (GIVEN, GONE) for each in holding.beside(way)):
        return _unlike_others(holding, way)
    row = holding.resource.row
    jump = jumped_past(holding.function, way, row.release) if row.kind == "lock" else 0
    leak = _unlike_others(holding, way) if jump else None
    return replace(leak, jump=jump) if leak is not None else None


def _unlike_others(holding: Holding, way: Way) -> Leak | None:
    """A way out that holds what other ways out give back."""
    row, key = holding.resource.row, holding.resource.key
    if way.token.by in row.weak or (row.kind == "lock" and _says_that_it_holds(holding.function, way)):
        return None
    if row.kind == "memory" and key.isidentifier() and not holding.resource.local:
        # Whoever cleans up finds it in a variable of the file.
        return None
    root, _, member = key.removeprefix("&").rpartition("->")
    may_be_left = root.isidentifier() and way.category == "fails" and row.kind != "lock"
    if may_be_left and cleaned_up_by_callers(holding.function, member, frozenset(row.release)):
        return None
    # Who gives back what a call left behind when it failed tells nothing of where it did not.
    given = holding.at(GIVEN) if way.token.failed else holding.given
    if holding.resource.loops:
        if way.category == "succeeds" or holding.at(GONE):
            return None
        return Leak(
            holding,
            way,
            "nobody gives it back" if not given else "others give it back",
            next(iter(given), None),
        )
    if way.token.failed and row.alone and way.category == "fails" and (given or not holding.resource.handed):
        return Leak(holding, way, "nobody gives it back", next(iter(given), None))
    if way.category == "fails" and given:
        failing = [each for each in given if each.category == "fails"]
        if failing or not any(
            each.category != "fails" and each.token.state in (HELD, GONE) for each in holding.ways
        ):
            return Leak(holding, way, "others give it back", (failing or given)[0])
    if (
        row.kind == "reference"
        and row.alone
        and holding.resource.local
        and not given
        and not holding.at(GONE)
        and not _goes_with_data(holding, way)
    ):
        return Leak(holding, way, "nobody gives it back")
    if way.category == "fails" or row.kind not in ("lock", "state", "reference") or holding.resource.named:
        return None
    kept = [each for each in holding.ways if each.category != "fails" and each.token.state in (HELD, GONE)]
    fine = [each for each in given if each.category != "fails" and _may_be_told_by(each, way)]
    places = {each.line for each in kept if each.token.state == HELD}
    if (
        fine
        and not any(each.token.state == GONE for each in kept)
        and len(places) == 1
        and row.kind == "lock"
        and not has_counterpart(holding.function, row.release, frozenset(row.calls))
    ):
        return Leak(holding, way, "others give it back", fine[0])
    return None


def _says_that_it_holds(function: Function, way: Way) -> bool:
    """Whether a function is marked as one that takes a lock, or returns a code that says so: VM_FAULT_LOCKED."""
    head = function.source.text[function.start : function.body.start_byte]
    return b"__acquires" in head or _HOLDS.fullmatch(way.returned) is not None


def _goes_with_data(holding: Holding, way: Way) -> bool:
    """Whether the data of what is held is returned, by which the caller can give it back."""
    graph = graph_of(holding.function)
    return graph is not None and any(
        call.result == way.returned and _DATA.fullmatch(call.name) and holding.resource.key in call.arguments
        for _, call in graph.calls
    )


def _may_be_told_by(one: Way, other: Way) -> bool:
    """Whether a way out returns all that another may return: one that returns something else may hold it on purpose."""
    mine, its = ((ANY if each.exit.signs is None else each.exit.signs & ANY) for each in (one, other))
    return one.void or mine | its == mine
