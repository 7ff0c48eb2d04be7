"""The failing ways out of a function as the rungs of a ladder: what one gives back, the next ones must, too.

No table is asked what was taken. A call that gives something back, and that a patch takes from one way out, is missed
where the way out before it makes it and nothing since did; where the next way out makes it and nothing is taken
between the two; and where no way leads to it any more.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, source_of
from patchscan.flow.actions import Assigned, Called, Round, root_of, words_of
from patchscan.flow.building import graph_of
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.keeping import HARMLESS, ends_inside
from patchscan.flow.resources import by_call, releasing
from patchscan.flow.signs import ZERO

_GIVES_BACK = pattern(
    r"\w*?(?:^|_)(?:k|v|kv)?(?:free|put|release|destroy|unregister|cleanup|remove|stop|disable|unlock|close|del|delete|unmap|iounmap"
    r"|detach|deinit|exit|teardown|unprepare|uninit|fini|unpin|unbind|dealloc)(?:_\w+)?"
)
_NOT_LOOKED_AT = pattern(
    r"\w*(print|err|warn|info|dbg|debug|trace|WARN|BUG)\w*|msleep|[num]delay|usleep_range|[A-Z][A-Z0-9_]*"
)
_MOST_POINTS = 1500


@frozen
class Rung:
    """A decision after which the function is left. gives: the calls that give something back, by their text.

    taken: what was decided where it is left.
    """

    point: int
    taken: str
    line: int
    leave: int
    go_on: int
    gives: dict[str, Called]


Sign = Literal["before", "after", "dead"]


@frozen
class Missing:
    """A call that a way out no longer makes. why: "before", "after" (another rung does), "dead"; other: that line."""

    call: Called
    line: int
    why: Sign
    other: int


class Ladder:
    """The rungs of a graph; points reachable are kept as the bits of a number."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.reach = _reach(graph)

    @cached_property
    def rungs(self) -> tuple[Rung, ...]:
        return tuple(self._rungs())

    def _rungs(self) -> Iterator[Rung]:
        for number, point in enumerate(self.graph.points):
            if len(point.edges) != 2 or not self.has(self.graph.entry, number):
                continue
            one, other = sorted(point.edges, key=lambda edge: edge.taken != "yes")
            leaving = one if self._leaves(number, one, other) else other
            if leaving is one or self._leaves(number, other, one):
                go_on = other if leaving is one else one
                gives = self._gives(leaving.to)
                yield Rung(number, leaving.taken, leaving.line, leaving.to, go_on.to, gives)

    def has(self, start: int, number: int) -> bool:
        """Whether a way leads from one point to another."""
        return bool(self.reach[start] >> number & 1)

    def _leaves(self, number: int, edge: Edge, other: Edge) -> bool:
        """Whether an edge leads out of the function, while the other goes on."""
        reach = self.reach[edge.to]
        if edge.taken not in ("yes", "no") or reach >> number & 1 or reach >> other.to & 1:
            return False
        at, seen = edge.to, set[int]()
        # What does nothing for ever never leaves.
        while len(self.graph.points[at].edges) == 1 and at not in seen:
            seen.add(at)
            (following,) = self.graph.points[at].edges
            if following.taken == "goto":
                return True
            at = following.to
        return self.graph.points[at].leaves

    def _gives(self, start: int) -> dict[str, Called]:
        return {
            call.key: call
            for number, call in self.graph.calls
            if self.has(start, number) and (call.name in releasing() or _GIVES_BACK.fullmatch(call.name))
        }

    def always(self, rung: Rung, key: str) -> bool:
        """Whether every way out from a rung makes a call, but for those on which there is nothing to give back."""
        makes = {number for number, call in self.graph.calls if call.key == key}
        what = {each for _, call in self.graph.calls if call.key == key for each in call.arguments[:1]}
        seen, work = {rung.leave}, [rung.leave]
        while work:
            number = work.pop()
            point = self.graph.points[number]
            if number in makes:
                continue
            if point.leaves:
                return False
            ahead = {edge.to for edge in point.edges if edge.key not in what or edge.signs != ZERO} - seen
            work.extend(ahead)
            seen |= ahead
        return True

    def took_nothing(self, rung: Rung, call: Called) -> bool:
        """Whether a way out is taken where what a call gives back could not be taken."""
        tested = {edge.key for edge in self.graph.points[rung.point].edges}
        return any(
            (made.result in tested or f"@{made.offset}" in tested)
            and self.has(number, rung.point)
            and made.arguments[:1] == call.arguments[:1]
            and made.line >= rung.line - 1
            and ((row := by_call().get(made.name)) is not None and call.name in row.release)
            and not row.held_on_failure
            for number, made in self.graph.calls
        )

    def between(self, first: Rung, second: Rung) -> list[Called]:
        """The calls on ways from one rung to another."""
        return [
            call
            for number, call in self.graph.calls
            if self.has(first.go_on, number) and self.has(number, second.point)
        ]

    def next_of(self, rung: Rung) -> tuple[Rung, list[Called]] | None:
        """The next rung where nothing is decided before it, and the calls on the way there."""
        at = {each.point: each for each in self.rungs}
        number, calls, seen = rung.go_on, [], set()
        while number not in seen:
            seen.add(number)
            point = self.graph.points[number]
            if any(isinstance(each, Round) for each in point.operations):
                return None
            calls += [each for each in point.operations if isinstance(each, Called)]
            if number in at:
                return at[number], calls
            if len(point.edges) != 1:
                return None
            number = point.edges[0].to
        return None


def _reach(graph: Graph) -> list[int]:
    """Per point: the points that ways lead to from it, itself included."""
    reach = [1 << number for number in range(len(graph.points))]
    changed = True
    while changed:
        changed = False
        # Points are made from the end of a function to its beginning.
        for number, point in enumerate(graph.points):
            found = reach[number]
            for edge in point.edges:
                found |= reach[edge.to]
            if found != reach[number]:
                reach[number] = found
                changed = True
    return reach


def newly_missing(
    function: Function, before: Function, kept: Callable[[int], int | None]
) -> Iterator[Missing]:
    """What missing() gives of a function and what it was; kept: where a line from before stands now."""
    after, old = graph_of(function), graph_of(before)
    if after is not None and old is not None:
        lines = {edge.line for point in old.points for edge in point.edges if edge.taken in ("yes", "no")}
        yield from missing(
            after, old, [(line, new) for line in sorted(lines) if (new := kept(line)) is not None]
        )


def missing(after: Graph, before: Graph, lines: Sequence[tuple[int, int]]) -> Iterator[Missing]:
    """The calls that ways out made before a change and should make after it.

    lines: (line before, line after) of decisions to compare.
    """
    if max(len(after.points), len(before.points)) > _MOST_POINTS:
        return
    now, then = Ladder(after), Ladder(before)
    said: set[tuple[int, str]] = set()
    for old_line, line in lines:
        pairs = zip(
            (each for each in then.rungs if each.line == old_line),
            (each for each in now.rungs if each.line == line),
            strict=False,
        )
        for old, new in pairs:
            # Where both sides led out, the one that gave back may be what goes on now.
            lost = old.gives.keys() - new.gives.keys() if old.taken == new.taken else ()
            for key in sorted(lost, key=lambda each: old.gives[each].offset):
                found = _missed(now, new, key, old.gives[key], then.always(old, key))
                if found is not None and (line, key) not in said:
                    said.add((line, key))
                    yield found


def _missed(ladder: Ladder, rung: Rung, key: str, call: Called, always: bool) -> Missing | None:
    """Why a call is missed at a rung, None where the code does not tell; always: whether it made it on every way."""
    still = [(number, each) for number, each in ladder.graph.calls if each.key == key]
    if not still or not call.sure or ladder.took_nothing(rung, call) or _ends_with_others(ladder, rung, call):
        return None
    if not any(ladder.has(ladder.graph.entry, number) for number, _ in still):
        return Missing(call, rung.line, "dead", still[0][1].line)
    # What is only given back under a condition has one place where it is, which asks for the condition.
    one_place = len(still) == 1
    for other in reversed(ladder.rungs):
        if other is rung or other.line >= rung.line or not ladder.has(other.go_on, rung.point):
            continue
        if key in other.gives and ladder.always(other, key) is always and (always or one_place):
            if not _ends(ladder.graph, call, ladder.between(other, rung)):
                return Missing(call, rung.line, "before", other.line)
            return None
    for other in ladder.rungs:
        if other.line <= rung.line or key not in other.gives or not ladder.always(other, key):
            continue
        if always and _made_before(ladder, rung, other, call):
            return Missing(call, rung.line, "after", other.line)
    following = ladder.next_of(rung)
    if following is not None:
        other, calls = following
        taken = [each for each in calls if not _NOT_LOOKED_AT.fullmatch(each.name)]
        if (
            key in other.gives
            and ladder.always(other, key)
            and _only_tested(ladder.graph, other, taken, call)
        ):
            return Missing(call, rung.line, "after", other.line)
    return None


def _ends_with_others(ladder: Ladder, rung: Rung, call: Called) -> bool:
    """Whether the text tells that what a way out calls now makes such a call: kref_put() with a function that does."""
    source, release = source_of(ladder.graph.function), frozenset((call.name,))
    return any(ends_inside(source, each, call.arguments, release) for each in rung.gives.values())


def _made_before(ladder: Ladder, rung: Rung, other: Rung, call: Called) -> bool:
    """Whether what a call gives back was there at a rung: made by a call before it, and left alone up to another."""
    what = call.arguments[0] if call.arguments else ""
    made = [
        number
        for number, point in enumerate(ladder.graph.points)
        for each in point.operations
        if isinstance(each, Assigned) and each.key == what and each.value.copy.startswith("@")
    ]
    tested = any(edge.key == what for edge in ladder.graph.points[rung.point].edges)
    if not made or tested or any(ladder.has(rung.go_on, number) for number in made):
        return False
    if not all(ladder.has(number, rung.point) for number in made) or not ladder.has(rung.go_on, other.point):
        return False
    return not any(
        one == what or one.startswith(f"&{what}")
        for each in ladder.between(rung, other)
        if not HARMLESS.fullmatch(each.name)
        for one in each.arguments
    )


def _ends(graph: Graph, call: Called, between: Sequence[Called]) -> bool:
    """Whether a call between gives back, or hands on, what a call would give back."""
    what = call.arguments[0] if call.arguments else ""
    made = any(
        isinstance(each, Assigned) and each.key == what and each.value.copy.startswith("@")
        for point in graph.points
        for each in point.operations
    )
    for each in between:
        if each.key == call.key:
            return True
        gives = each.name in releasing() or _GIVES_BACK.fullmatch(each.name) is not None
        if gives and what in each.arguments:
            return True
        if (
            made
            and not HARMLESS.fullmatch(each.name)
            and any(what in words_of(one) for one in each.arguments)
        ):
            return True
    return False


def _only_tested(graph: Graph, rung: Rung, calls: Sequence[Called], call: Called) -> bool:
    """Whether nothing is called before a rung but what it tests, which took nothing that this call gives back."""
    if not calls:
        return True
    (*others, last) = calls
    row = by_call().get(last.name)
    if others or not last.name or (row is not None and row.held_on_failure):
        return False
    tested = {edge.key for edge in graph.points[rung.point].edges}
    looked_at = last.result.isidentifier() and any(last.result in words_of(key) for key in tested)
    if f"@{last.offset}" not in tested and last.result not in tested and not looked_at:
        return False
    own = {graph.function.name.split("_")[0], root_of(call.arguments[0]) if call.arguments else ""}
    return not (set(call.name.split("_")) - own) & (set(last.name.split("_")) - own)
