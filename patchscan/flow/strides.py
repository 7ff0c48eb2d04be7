"""What a walk has in common with every other walk of its graph: what is known behind points that change no token.

Which words the operations of a point name, and which may still be named behind it, tells a client whether anything of
its own can happen there.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from patchscan.basics.record import frozen
from patchscan.c.source import source_of
from patchscan.flow.actions import (
    Addressed,
    Assigned,
    Called,
    Declared,
    Dereferenced,
    Guarded,
    Operation,
    Read,
    Round,
    words_of,
)
from patchscan.flow.graph import Edge, Graph, Point
from patchscan.flow.knowing import Asked, Facts, Reading

# Beside the words of a text: a call of what the text itself defines, and one that makes another call later.
OWN, LATER = "own()", "later()"
# One set or two: a point that names none of one of them leaves a token as it is.
Words = tuple[frozenset[str]] | tuple[frozenset[str], frozenset[str]]
_MAKES_LATER = ("devm_add_action", "call_rcu", "kfree_rcu")


def call_word(offset: int) -> str:
    """What tells a call among the words of its point."""
    return f"@{offset}"


def name_word(name: str) -> str:
    """What tells the calls of one name."""
    return f"{name}("


def change_word(key: str) -> str:
    """What tells that a value is assigned, or handed to a round of a loop."""
    return f"={key}"


class Named:
    """The words that the points of a graph name."""

    def __init__(self, graph: Graph, straight: list[bool]) -> None:
        self.graph = graph
        self.straight = straight
        self._masks: dict[frozenset[str], int] = {}
        self._along: dict[int, frozenset[str]] = {}
        self._straight: dict[int, tuple[int, ...]] = {}
        self._on_way: dict[int, dict[str, list[int]]] = {}

    @cached_property
    def _defined(self) -> frozenset[str]:
        source = source_of(self.graph.function)
        functions = frozenset(each.name for each in source.functions())
        return functions.union(each.name for each in source.macros())

    @cached_property
    def at(self) -> list[frozenset[str]]:
        """Per point: the words that are named there."""
        return [frozenset(self._of_point(point)) for point in self.graph.points]

    @cached_property
    def where(self) -> Mapping[str, frozenset[int]]:
        """Where each word is named."""
        found: dict[str, set[int]] = {}
        for number, words in enumerate(self.at):
            for word in words:
                found.setdefault(word, set()).add(number)
        return {word: frozenset(numbers) for word, numbers in found.items()}

    @cached_property
    def into(self) -> list[list[int]]:
        """Per point: the points that lead to it."""
        into: list[list[int]] = [[] for _ in self.graph.points]
        for number, point in enumerate(self.graph.points):
            for edge in point.edges:
                into[edge.to].append(number)
        return into

    def _of_point(self, point: Point) -> Iterable[str]:
        for edge in point.edges:
            yield from words_of(edge.key)
        for each in point.operations:
            for text in _texts_of(each):
                yield from words_of(text)
            if isinstance(each, Assigned):
                yield from map(change_word, (each.key, each.source))
            elif isinstance(each, Round):
                yield from map(change_word, each.arguments)
            elif isinstance(each, Called):
                yield call_word(each.offset)
                yield name_word(each.name)
                if each.name in self._defined:
                    yield OWN
                if each.name.startswith(_MAKES_LATER):
                    yield LATER

    def along(self, number: int) -> frozenset[str]:
        """The words that are named at a point and on the straight way behind it."""
        found = self._along.get(number)
        if found is None:
            ways = (self.at[each] for each in self.straight_from(number))
            found = self._along[number] = self.at[number].union(*ways)
        return found

    def straight_from(self, number: int) -> tuple[int, ...]:
        """The points behind one that are gone through with it."""
        if number not in self._straight:
            self._straight[number] = self._straight_from(number)
        return self._straight[number]

    def leaves(self, number: int, words: Words) -> bool:
        """Whether a point, and the straight way behind it, name none of the first set or of the last."""
        along = self._along.get(number) or self.along(number)
        return along.isdisjoint(words[0]) or along.isdisjoint(words[-1])

    def next_on(self, number: int, at: int, words: Words) -> int | None:
        """Where on the straight way from a point, at a place or behind it, some of each set was named first."""
        if number not in self._on_way:
            places: dict[str, list[int]] = {}
            for place, each in enumerate((number, *self.straight_from(number))):
                for word in self.at[each]:
                    places.setdefault(word, []).append(place)
            self._on_way[number] = places
        first = [self._next_of(self._on_way[number], at, each) for each in words]
        return None if None in first else max(place for place in first if place is not None)

    def _next_of(self, places: Mapping[str, list[int]], at: int, words: frozenset[str]) -> int | None:
        found = (places.get(word, ()) for word in words)
        return min((each[k] for each in found if (k := bisect_left(each, at)) < len(each)), default=None)

    def _straight_from(self, number: int) -> tuple[int, ...]:
        found: list[int] = []
        while self.straight[number]:
            number = self.graph.points[number].edges[0].to
            if found[:1] == [number]:
                break
            found.append(number)
        return tuple(found)

    @cached_property
    def _bits(self) -> dict[str, int]:
        words = sorted(frozenset().union(*self.at))
        return {word: 1 << number for number, word in enumerate(words)}

    @cached_property
    def ahead(self) -> list[int]:
        """Per point: the words that are named there or at a point that it leads to, a bit each."""
        points = self.graph.points
        found = [sum(self._bits[word] for word in words) for words in self.at]
        # What comes last has the lowest number.
        work = list(range(len(points) - 1, -1, -1))
        queued = set(work)
        while work:
            number = work.pop()
            queued.discard(number)
            now = found[number]
            for edge in points[number].edges:
                now |= found[edge.to]
            if now != found[number]:
                found[number] = now
                waiting = [each for each in self.into[number] if each not in queued]
                queued.update(waiting)
                work += waiting
        return found

    def mask(self, words: frozenset[str]) -> int:
        """The bits of some words."""
        if words not in self._masks:
            self._masks[words] = sum(self._bits.get(word, 0) for word in words)
        return self._masks[words]

    @cached_property
    def _heads(self) -> dict[int, int]:
        return {
            point.edges[0].to: number
            for number, point in enumerate(self.graph.points)
            if self.straight[number]
        }

    @cached_property
    def _once(self) -> frozenset[int]:
        """The points that no way comes to twice: all that can be taken off one by one, from either end."""
        ahead = [[edge.to for edge in point.edges] for point in self.graph.points]
        return frozenset((*_taken_off(self.into, ahead), *_taken_off(ahead, self.into)))

    @cached_property
    def _places(self) -> dict[int, int]:
        return {call.offset: number for number, call in self.graph.calls}

    def only_place(self, offsets: Collection[int]) -> int | None:
        """The point with which a walk comes to the one call of some, None where it may come there again."""
        if len(offsets) != 1:
            return None
        (offset,) = offsets
        number = self._places.get(offset)
        if number is None or number not in self._once:
            return None
        while number in self._heads:
            number = self._heads[number]
        return number


def _texts_of(operation: Operation) -> Collection[str]:
    match operation:
        case Called():
            return (*operation.arguments, operation.result)
        case Assigned():
            return operation.key, operation.source, operation.value.copy
        case Dereferenced() | Addressed():
            return operation.key, operation.index
        case Declared() | Read() | Guarded():
            return (operation.key,)
        case Round():
            return operation.arguments
        case _:
            return ()


def _taken_off(before: list[list[int]], after: list[list[int]]) -> list[int]:
    """The points before which nothing is left, one after the other."""
    left = [len(each) for each in before]
    found = [number for number, count in enumerate(left) if not count]
    for number in found:
        for each in after[number]:
            left[each] -= 1
            if not left[each]:
                found.append(each)
    return found


@frozen(eq=False)
class Stride:
    """What follows on a point at which a token stays as it is. straight: the points gone through with it.

    out: (point, signs of what is returned, all that is known) of a way out; following: (point, the edge where something
    was decided, what is known there).
    """

    straight: tuple[int, ...]
    out: tuple[int, int | None, Facts] | None
    following: tuple[tuple[int, Edge | None, Facts], ...]


class Strides:
    """The strides of one graph, with what is live at its points; each is made once."""

    def __init__(self, asked: Asked, named: Named, live: list[frozenset[str]]) -> None:
        self.asked = asked
        self.named = named
        self.live = live
        self.doing = asked.doing(())
        self._made: dict[tuple[int, Facts], Stride] = {}
        self._courses: dict[tuple[int, Facts], list[Mapping[str, int] | None]] = {}

    def stride(self, number: int, facts: Facts) -> Stride:
        """The stride from a point."""
        key = number, facts
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._make(number, facts)
        return found

    def course(self, number: int, facts: Facts) -> list[Mapping[str, int] | None]:
        """What is known on the straight way from a point, before each of its points; None where no way comes."""
        key = number, facts
        if key not in self._courses:
            reading = Reading(self.asked, facts)
            found: list[Mapping[str, int] | None] = []
            goes = True
            for each in (number, *self.named.straight_from(number)):
                found.append(dict(reading.known) if goes else None)
                goes = goes and self._through(each, reading)
            self._courses[key] = found
        return self._courses[key]

    def _make(self, number: int, facts: Facts) -> Stride:
        reading = Reading(self.asked, facts)
        straight = self.named.straight_from(number)
        for each in (number, *straight):
            if not self._through(each, reading):
                return Stride((), None, ())
        point = self.asked.graph.points[straight[-1] if straight else number]
        if point.leaves:
            signs = reading.value(point.value) if point.value is not None else None
            out = (straight[-1] if straight else number, signs, tuple(sorted(reading.known.items())))
            return Stride(straight, out, ())
        following = []
        for edge in point.edges:
            branch = reading.along(edge)
            if branch is not None:
                following.append((edge.to, edge if edge.taken else None, branch.facts(self.live[edge.to])))
        return Stride(straight, None, tuple(following))

    def _through(self, number: int, reading: Reading) -> bool:
        """Take in what is done at a point; False where no way goes on."""
        for each, reach in self.doing[number]:
            if reach is None:
                reading.done(each)
                continue
            if reading.known:
                reading.reached(reach)
            signs = reach.signs if reach.steady is None else reach.signs & reading.of(reach.steady)
            if not signs:
                return False
            reading.set(reach.key, signs)
        return True
