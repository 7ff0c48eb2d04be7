"""What is known on a way: the signs of the values that are asked for later."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.flow.actions import (
    Addressed,
    Assigned,
    Called,
    Declared,
    Dereferenced,
    Operation,
    Round,
    Value,
    words_of,
)
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.signs import ANY, NEGATIVE, NOT_NEGATIVE, POSITIVE, STALE, STORED, ZERO, negated
from patchscan.flow.wellknown import signs_of

# Two calls of such a function one after the other tell the same.
_STEADY = frozenset(("IS_ENABLED", "IS_BUILTIN", "IS_MODULE", "IS_REACHABLE"))
# How one of the words of such a name ends, or the name itself.
_STEADY_WORDS = (
    *(
        "is",
        "has",
        "have",
        "can",
        "need",
        "needs",
        "support",
        "supports",
        "test",
        "should",
        "enabled",
        "disabled",
    ),
    *("valid", "present", "same"),
)
_STEADY_ENDS = ("_empty", "_get_drvdata")
_UNSTEADY = ("test_and", "cmp", "try", "xchg", "read", "poll", "wait", "signal", "need_resched", "timeout")
_EQUALS = pattern(r"(.+)==([A-Z][A-Z0-9_]*|\d+)")
Facts = tuple[tuple[str, int], ...]


def _is_steady(name: str) -> bool:
    """Whether a function of this name says the same again."""
    if any(each in name for each in _UNSTEADY):
        return False
    if name.endswith(_STEADY_ENDS) or "_gfp_" in name or name in _STEADY:
        return True
    return any(each.endswith(_STEADY_WORDS) for each in name.split("_"))


@frozen(eq=False)
class Reach:
    """What a call does to what is known: its own key and signs, and the text that tells its value where that is steady.

    forgotten: the values of which nothing is known behind it; touched: those of which nothing is sure.
    """

    key: str
    steady: str | None
    signs: int
    forgotten: frozenset[str]
    touched: frozenset[str]


# Per point: the operations that a walk comes to, with the reach of each call.
Doing = list[tuple[tuple[Operation, Reach | None], ...]]


class Asked:
    """What is asked for in one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._told: dict[str, tuple[str, ...]] = {}
        self._parts: dict[str, frozenset[str]] = {}
        self._doing: dict[tuple[type[Operation], ...], Doing] = {}

    @cached_property
    def _reaches(self) -> list[tuple[Reach | None, ...]]:
        """The reach of each operation of each point, None where it is no call."""
        return [
            tuple(self._reach(each) if isinstance(each, Called) else None for each in point.operations)
            for point in self.graph.points
        ]

    def _reach(self, call: Called) -> Reach:
        key = f"@{call.offset}"
        addressed = (each[1:] for each in call.arguments if each.startswith("&"))
        return Reach(
            key,
            self.steady_calls.get(key),
            NOT_NEGATIVE if signs_of(call.name) == NOT_NEGATIVE else ANY,
            frozenset(other for each in addressed for other in self.told_by(each)),
            frozenset().union(*(self.parts_of(each) for each in (*call.arguments, ""))),
        )

    def doing(self, heeds: tuple[type[Operation], ...]) -> Doing:
        """What is done at each point that changes what is known, or is of a kind that is heeded."""
        if heeds not in self._doing:
            kinds = (Called, Assigned, Declared, Round, *heeds)
            self._doing[heeds] = [
                tuple(
                    (each, reach)
                    for each, reach in zip(point.operations, reaches, strict=True)
                    if isinstance(each, kinds)
                )
                for point, reaches in zip(self.graph.points, self._reaches, strict=True)
            ]
        return self._doing[heeds]

    @cached_property
    def steady_calls(self) -> dict[str, str]:
        """Calls by "@" and offset whose value stays the same -> the text that tells it."""
        found: dict[str, str] = {}
        for point in self.graph.points:
            for each in point.operations:
                if isinstance(each, Called) and _is_steady(each.name):
                    found[f"@{each.offset}"] = each.key
        return found

    @cached_property
    def straight(self) -> list[bool]:
        """Per point: whether it leads to one point only, to which nothing else leads, and nothing is decided."""
        into = [0] * len(self.graph.points)
        for point in self.graph.points:
            for edge in point.edges:
                into[edge.to] += 1
        into[self.graph.entry] += 1
        return [
            len(point.edges) == 1
            and not point.leaves
            and not point.edges[0].key
            and not point.edges[0].taken
            and into[point.edges[0].to] == 1
            for point in self.graph.points
        ]

    @cached_property
    def keys(self) -> frozenset[str]:
        """The values of which something is known on some way, for they are tested, copied or returned."""
        return frozenset(key for reads, _ in self._reads for key in reads)

    @cached_property
    def _reads(self) -> list[tuple[frozenset[str], frozenset[str]]]:
        """(keys asked for, keys assigned) of each point."""
        found = []
        for point in self.graph.points:
            reads = {self.steady_calls.get(edge.key, edge.key) for edge in point.edges if edge.key}
            writes = set()
            for each in point.operations:
                if isinstance(each, Assigned):
                    writes.add(each.key)
                    if each.value.copy:
                        reads.add(each.value.copy)
                elif isinstance(each, Called) and f"@{each.offset}" in self.steady_calls:
                    reads.add(each.key)
            if point.value is not None and point.value.copy:
                reads.add(point.value.copy)
            found.append((frozenset(key for key in reads if not key.startswith("@")), frozenset(writes)))
        return found

    @cached_property
    def _writes(self) -> list[frozenset[str]]:
        """Per point: the values of which nothing that was known before is known behind it."""
        return [keys.union(*map(self.told_by, keys)) if keys else keys for _, keys in self._reads]

    @cached_property
    def live(self) -> list[frozenset[str]]:
        """Per point: the values that are asked for at it or later."""
        return self._live([reads for reads, _ in self._reads])

    @cached_property
    def live_with_uses(self) -> list[frozenset[str]]:
        """Like live, where a pointer is asked for also by its use."""
        found = []
        for point, (reads, _) in zip(self.graph.points, self._reads, strict=True):
            uses: set[str] = set()
            for each in point.operations:
                if isinstance(each, Called):
                    uses.update(each.arguments)
                elif isinstance(each, Dereferenced | Addressed):
                    uses.add(each.key)
                    if each.index:
                        starts = tuple(
                            f"{word}{operator}"
                            for word in words_of(each.index)
                            for operator in ("<", ">", "==")
                        )
                        uses.update(key for key in self.keys if key.startswith(starts))
            found.append(reads | (uses & self.keys))
        return self._live(found)

    def _live(self, asked: list[frozenset[str]]) -> list[frozenset[str]]:
        points, into = self.graph.points, self.graph.into
        live = list(asked)
        # What comes last has the lowest number: it is taken first, for what is asked for is carried from there.
        work = list(range(len(points) - 1, -1, -1))
        queued = set(work)
        while work:
            number = work.pop()
            queued.discard(number)
            reads, writes = asked[number], self._writes[number]
            after = frozenset().union(*(live[edge.to] for edge in points[number].edges))
            now = reads | (after - writes)
            if now != live[number]:
                live[number] = now
                waiting = [each for each in into[number] if each not in queued]
                queued.update(waiting)
                work += waiting
        return live

    @cached_property
    def _keys_by_word(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for other in self.keys:
            for word in set(words_of(other)):
                found.setdefault(word, []).append(other)
        return found

    def told_by(self, key: str) -> tuple[str, ...]:
        """The known values that change when one is assigned: those that name it."""
        if key not in self._told:
            if key.isidentifier():
                found = tuple(self._keys_by_word.get(key, ()))
            else:
                found = tuple(other for other in self.keys if key in other)
            self._told[key] = found
        return self._told[key]

    def rivals(self, key: str) -> frozenset[str]:
        """The comparisons with constants of the value that one compares, itself among them."""
        found = _EQUALS.fullmatch(key)
        return self._compared.get(found[1], frozenset()) if found else frozenset()

    @cached_property
    def _compared(self) -> dict[str, frozenset[str]]:
        """The comparisons of each value with constants."""
        compared: dict[str, list[str]] = {}
        for key in self.keys:
            found = _EQUALS.fullmatch(key)
            if found:
                compared.setdefault(found[1], []).append(key)
        return {value: frozenset(keys) for value, keys in compared.items()}

    @cached_property
    def _mine(self) -> frozenset[str]:
        return self.graph.locals | {each.name for each in self.graph.function.parameters}

    def parts_of(self, key: str) -> frozenset[str]:
        """The known values that what a call is given reaches; of "" those that every call may reach."""
        if key not in self._parts:
            bare = key.lstrip("&*")
            reached = pattern(rf"\*{re.escape(bare)}\b") if bare.isidentifier() else None
            mine = self._mine
            words = words_of(bare)
            keys = self._keys_by_word.get(words[0], ()) if words else self.keys
            self._parts[key] = frozenset(
                other
                for other in keys
                if other.startswith((f"{bare}->", f"{bare}.", f"{bare}["))
                or (bare and reached and reached.match(other))
                or (not bare and ("->" in other or (other.isidentifier() and other not in mine)))
            )
        return self._parts[key]


class Reading:
    """The facts of a way as they can be asked and changed."""

    def __init__(self, ways: Asked, facts: Facts | Mapping[str, int]) -> None:
        self.ways = ways
        self.known = dict(facts)
        self.trail: Any = None
        self.coarse = False

    def of(self, key: str) -> int:
        """The signs that a value may have, for leaving a way out."""
        return self.known.get(key, ANY) & ANY

    def sure(self, key: str) -> int:
        """The signs that a value may have, for sure: nothing ran since that may have changed it."""
        found = self.known.get(key, ANY)
        return ANY if found & STALE else found & ANY

    def value(self, value: Value) -> int:
        """The signs of a value."""
        if not value.copy:
            return value.signs
        signs = self.of(value.copy)
        if value.through == "minus":
            return negated(signs)
        if value.through == "or zero":
            return (signs & NEGATIVE) | (ZERO if signs & (ZERO | POSITIVE) else 0)
        return signs

    def set(self, key: str, signs: int) -> None:
        """A value is now this; what was known of values that are told by it is forgotten."""
        for other in self.ways.told_by(key):
            self.known.pop(other, None)
        if signs != ANY and (key in self.ways.keys or key.startswith("@")):
            self.known[key] = signs | (STORED if "->" in key else 0)

    def done(self, operation: Operation) -> int:
        """Take in an operation that is no call; the signs of what it assigns."""
        if isinstance(operation, Assigned):
            signs = self.value(operation.value)
            self.set(operation.key, signs)
            return signs
        if isinstance(operation, Round):
            points = "list_for_each" in operation.macro
            for number, argument in enumerate(operation.arguments):
                if argument.isidentifier() and not operation.ended:
                    self.set(argument, POSITIVE if points and not number else ANY)
        elif isinstance(operation, Declared):
            self.set(operation.key, ANY)
        return ANY

    def along(self, edge: Edge, live: frozenset[str]) -> "Reading | None":
        """What is known where a way goes on by an edge, None where it cannot; live: what is asked for there."""
        if not edge.key:
            return self
        if not self.of(edge.key) & edge.signs:
            return None
        branch = type(self)(self.ways, self.known)
        branch.trail, branch.coarse = self.trail, self.coarse
        if not branch.test(edge.key, edge.signs, live):
            return None
        steady = self.ways.steady_calls.get(edge.key)
        return branch if steady is None or branch.test(steady, edge.signs, live) else None

    def reached(self, reach: Reach) -> None:
        """A call was made: what is known of what it reaches is no longer sure."""
        known = self.known
        for other in reach.forgotten.intersection(known):
            del known[other]
        for other in reach.touched.intersection(known):
            if known[other] & STORED:
                del known[other]
            else:
                known[other] |= STALE

    def test(self, key: str, signs: int, live: frozenset[str]) -> bool:
        """Keep that a value has these signs, and what of those asked for follows; False where it cannot."""
        if not key:
            return True
        left = self.of(key) & signs
        if left:
            self.known[key] = left
            if left & ZERO == 0:
                # What equals one constant equals no other.
                equal = self.ways.rivals(key) & live
                self.known.update((other, ZERO) for other in equal if other != key)
        return left != 0

    def facts(self, live: frozenset[str]) -> Facts:
        """What is known of the values that are asked for later."""
        if not self.known:
            return ()
        return tuple(sorted([each for each in self.known.items() if each[0] in live]))


class SureReading(Reading):
    """Facts of which only what holds for sure rules a way out: nothing ran since, and no name was taken for a value."""

    def of(self, key: str) -> int:
        return self.sure(key)

    def test(self, key: str, signs: int, live: frozenset[str]) -> bool:
        left = self.of(key) & signs
        if key and left:
            self.known[key] = left
        return not key or left != 0
