"""What a walk has in common with every other walk of its graph: what is known behind points that change no token.

Which words the operations of a point name, and which may still be named behind it, tells a client whether anything of
its own can happen there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_

from patchscan.basics.budget import BUDGET
from patchscan.basics.keep import kept
from patchscan.basics.record import frozen
from patchscan.c.source import Source, source_of
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
from patchscan.flow.keeping import MAKES_LATER
from patchscan.flow.knowing import Asked, Doing, Facts, Reading
from patchscan.flow.stretches import Stretch

MAX_FACTS = BUDGET.facts.most
# Beside the words of a text: a call of what the text itself defines, and one that makes another call later.
OWN, LATER = "own()", "later()"
# Beside those of its conditions: that a goto leaves a point, and that something is decided there.
GOTO, DECIDES = "goto", "decides"


def call_word(offset: int) -> str:
    """What tells a call among the words of its point."""
    return f"@{offset}"


def name_word(name: str) -> str:
    """What tells the calls of one name."""
    return f"{name}("


def change_word(key: str) -> str:
    """What tells that a value is assigned, or handed to a round of a loop."""
    return f"={key}"


def test_word(key: str) -> str:
    """What tells that a value is tested."""
    return f"?{key}"


def handed_word(word: str) -> str:
    """What tells that a word stands in what is handed to a call or assigned, not only in what is tested or written."""
    return f"<{word}"


class Named:
    """The words that the points of a graph name."""

    def __init__(self, graph: Graph, straight: list[bool]) -> None:
        self.graph = graph
        self.straight = straight
        self._masks: dict[frozenset[str], int] = {}
        self._pairs: dict[tuple[tuple[frozenset[str], ...], ...], tuple[int, int]] = {}
        self._along: dict[int, int] = {}
        self._straight: dict[int, tuple[int, ...]] = {}
        self._on_way: dict[int, Stretch] = {}

    @cached_property
    def defined(self) -> frozenset[str]:
        """What the text of the function itself defines: functions and macros."""
        return _defined_in(source_of(self.graph.function))

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

    def _of_point(self, point: Point) -> Iterable[str]:
        for edge in point.edges:
            yield from words_of(edge.key)
            if edge.key:
                yield test_word(edge.key)
            if edge.taken:
                yield DECIDES
            if edge.taken == GOTO:
                yield GOTO
        for each in point.operations:
            for text in _texts_of(each):
                yield from words_of(text)
            if isinstance(each, Assigned):
                yield from map(change_word, (each.key, each.source))
                yield from map(handed_word, words_of(each.source))
            elif isinstance(each, Round):
                yield from map(change_word, each.arguments)
            elif isinstance(each, Called):
                yield from (handed_word(word) for text in each.arguments for word in words_of(text))
                yield call_word(each.offset)
                yield name_word(each.name)
                if each.name in self.defined:
                    yield OWN
                if each.name.startswith(MAKES_LATER):
                    yield LATER

    def along(self, number: int) -> int:
        """The words that are named at a point and on the straight way behind it, a bit each."""
        found = self._along.get(number)
        if found is None:
            found = self._bits_at[number]
            for each in self.straight_from(number):
                found |= self._bits_at[each]
            self._along[number] = found
        return found

    def along_place(self, place: "Place") -> int:
        """The words that are named at a place and on the straight way behind it."""
        found = place.along
        if found is None:
            found = place.along = self.along(place.number)
        return found

    def straight_from(self, number: int) -> tuple[int, ...]:
        """The points behind one that are gone through with it."""
        if number not in self._straight:
            self._straight[number] = self._straight_from(number)
        return self._straight[number]

    def next_on(self, number: int, at: int, first: int, last: int) -> int | None:
        """Where on the straight way from a point, at a place or behind it, both some of one and of another is named."""
        points = (number, *self.straight_from(number))
        if number not in self._on_way:
            self._on_way[number] = Stretch([self._bits_at[each] for each in points])
        return self._on_way[number].next_on(at, len(points), first, last)

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
    def _bits_at(self) -> list[int]:
        return [sum(self._bits[word] for word in words) for words in self.at]

    @cached_property
    def ahead(self) -> list[int]:
        """Per point: the words that are named there or at a point that it leads to, a bit each."""
        points, into = self.graph.points, self.graph.into
        found = list(self._bits_at)
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
                waiting = [each for each in into[number] if each not in queued]
                queued.update(waiting)
                work += waiting
        return found

    def mask(self, words: frozenset[str]) -> int:
        """The bits of some words."""
        if words not in self._masks:
            self._masks[words] = sum(self._bits.get(word, 0) for word in words)
        return self._masks[words]

    def masks(self, words: tuple[tuple[frozenset[str], ...], ...]) -> tuple[int, int]:
        """The bits of the first and of the last of some sets of words, each in parts."""
        if words not in self._pairs:
            found = [reduce(or_, map(self.mask, parts), 0) for parts in words]
            self._pairs[words] = found[0], found[-1]
        return self._pairs[words]

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
        into, ahead = self.graph.into, [[edge.to for edge in point.edges] for point in self.graph.points]
        return frozenset((*_taken_off(into, ahead), *_taken_off(ahead, into)))

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


@kept
def _defined_in(source: Source) -> frozenset[str]:
    return frozenset(each.name for each in source.functions()).union(each.name for each in source.macros())


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


def _taken_off(before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> list[int]:
    """The points before which nothing is left, one after the other."""
    left = [len(each) for each in before]
    found = [number for number, count in enumerate(left) if not count]
    for number in found:
        for each in after[number]:
            left[each] -= 1
            if not left[each]:
                found.append(each)
    return found


class Place:
    """A point with what is known there: what a way of any client comes to, one object for all of them.

    crowded: whether more is known than a way may know; along: the words named there and on the straight way behind
    it, None until they were asked for; stride: what follows where a token stays as it is, made when it is first gone.
    """

    __slots__ = ("along", "crowded", "facts", "number", "stride")

    def __init__(self, number: int, facts: Facts) -> None:
        self.number = number
        self.facts = facts
        self.crowded = len(facts) > MAX_FACTS
        self.along: int | None = None
        self.stride: Stride | None = None


@frozen(eq=False)
class Stride:
    """What follows on a place at which a token stays as it is. straight: the points gone through with it.

    out: (point, signs of what is returned, all that is known) of a way out; following: where it goes on, with the edge
    where something was decided.
    """

    straight: tuple[int, ...]
    out: tuple[int, int | None, Facts] | None
    following: tuple[tuple[Place, Edge | None], ...]


class Strides:
    """The places of one graph with their strides, and what is live at its points; each is made once."""

    def __init__(self, asked: Asked, named: Named, live: list[frozenset[str]]) -> None:
        self.asked = asked
        self.named = named
        self.live = live
        self._places: dict[tuple[int, Facts], Place] = {}
        self._courses: dict[Place, list[Mapping[str, int] | None]] = {}

    @cached_property
    def _doing(self) -> Doing:
        return self.asked.doing(())

    def place(self, number: int, facts: Facts) -> Place:
        """A point with what is known there."""
        key = number, facts
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = Place(number, facts)
        return found

    def stride(self, place: Place) -> Stride:
        """The stride from a place."""
        found = place.stride = place.stride or self._make(place.number, place.facts)
        return found

    def course(self, place: Place) -> list[Mapping[str, int] | None]:
        """What is known on the straight way from a place, before each of its points; None where no way comes."""
        if place not in self._courses:
            reading = Reading(self.asked, place.facts)
            found: list[Mapping[str, int] | None] = []
            goes = True
            for each in (place.number, *self.named.straight_from(place.number)):
                found.append(dict(reading.known) if goes else None)
                goes = goes and self._through(each, reading)
            self._courses[place] = found
        return self._courses[place]

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
            branch = reading.along(edge, self.live[edge.to])
            if branch is not None:
                after = self.place(edge.to, branch.facts(self.live[edge.to]))
                following.append((after, edge if edge.taken else None))
        return Stride(straight, None, tuple(following))

    def _through(self, number: int, reading: Reading) -> bool:
        """Take in what is done at a point; False where no way goes on."""
        for each, reach in self._doing[number]:
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
