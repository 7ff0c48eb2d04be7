"""Ways out that tell success although something failed, and codes of what did not fail."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.flow.actions import Assigned, Called
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.heeding import Client, Token, Trail, Words
from patchscan.flow.knowing import Reading
from patchscan.flow.resources import returns_null
from patchscan.flow.signs import ANY, NEGATIVE, POSITIVE, ZERO
from patchscan.flow.strides import DECIDES, GOTO, change_word, name_word
from patchscan.flow.trails import steps_of
from patchscan.flow.ways import ways_of
from patchscan.flow.wellknown import listed

_ERROR = pattern(r"(_?dev|netdev|pr|pci|net|drm|hid|wiphy|ibdev|batadv|xhci|en|mlx5_core|ath\w*)_err(_\w+)?")


@frozen
class Decision:
    """The last decision of a way: what was tested, how it ended, and what was done since.

    printed: the line of an error message since then, 0 for none; set: whether a number was given to what is returned;
    left: whether a goto led on from it; zero: whether the 0 that was found was given; rest: the variable that holds how
    much a call did not copy.
    """

    line: int = 0
    key: str = ""
    signs: int = ANY
    printed: int = 0
    set: bool = False
    left: bool = False
    zero: bool = False
    rest: str = ""


Why = Literal["printed", "failed", "code", "null", "rest", "unset"]


@frozen
class Wrong:
    """A way out. why: "printed" (an error was), "failed" (a call had), "code" (of something else: other), "null" (the
    code of what was found to be NULL: other), "rest" (how much was not copied), "unset" (nothing)."""

    why: Why
    line: int
    decision: Decision
    returned: str
    trail: Trail
    tested: int = 0
    other: str = ""


class _Deciding(Client):
    heeds = ()

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.codes: dict[int, Wrong] = {}
        self.returned = {point.value.copy for point in graph.points if point.value is not None}
        self.allocated = _allocated(graph)
        self.zeros = {call.result for _, call in graph.calls if listed(call.name) == "zero"}
        self.made = {call.result for _, call in graph.calls if listed(call.name) in ("null", "error")}
        self.copies = {f"@{call.offset}" for _, call in graph.calls if listed(call.name) == "remainder"}
        self._words = frozenset(self._words_of_all())

    def _words_of_all(self) -> Iterator[str]:
        """The words without which nothing but another decision changes one, whatever it was."""
        yield GOTO
        yield from map(change_word, self.returned)
        yield from (name_word(call.name) for _, call in self.graph.calls if _ERROR.fullmatch(call.name))
        for point in self.graph.points:
            for each in point.operations:
                if isinstance(each, Assigned) and each.value.copy in self.copies:
                    yield change_word(each.key)

    def named(self, token: Decision) -> Words:
        changes = frozenset(map(change_word, (token.key, token.rest)))
        # What is asked behind a goto is no other decision.
        return ((self._words, changes if token.left else changes | {DECIDES}),)

    def start(self) -> Token:
        return Decision()

    def decided(self, edge: Edge, token: Token, facts: Reading) -> Token:
        if edge.taken == "goto":
            forward = self.graph.points[edge.to].line > edge.line
            return replace(token, left=forward and self.had_nothing(token))
        if token.left:
            # What is asked on the way out is no reason to leave.
            return token
        if edge.taken in ("yes", "no") and edge.key:
            return Decision(edge.line, edge.key, facts.of(edge.key) & edge.signs, rest=token.rest)
        return Decision(rest=token.rest)

    def had_nothing(self, token: Decision) -> bool:
        """Whether a decision found that a call had failed."""
        return token.key in self.allocated and token.signs in (ZERO, NEGATIVE)

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        if _ERROR.fullmatch(call.name):
            token = replace(token, printed=call.line)
        return ((token, ANY),)

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        if operation.value.copy in self.copies or operation.key == token.rest:
            token = replace(token, rest=operation.key if operation.value.copy in self.copies else "")
        if operation.key in self.returned:
            if operation.source.startswith("PTR_ERR(") and facts.trail is not None:
                other = operation.value.copy
                why: Why | None = "null" if is_null(other, token) else None
                if self.is_other(other, token, facts):
                    why = "code"
                if why:
                    wrong = Wrong(why, operation.line, token, operation.key, facts.trail, 0, other)
                    self.codes.setdefault(operation.line, wrong)
            # What was found to be 0 is no code.
            nothing = operation.value.copy == token.key and token.signs == ZERO and not token.set
            if nothing and token.key in self.zeros:
                return replace(token, zero=True)
            return replace(token, set=True)
        if operation.key == token.key:
            # What was found is true of what it was before.
            return replace(token, key="", signs=ANY)
        return token

    def is_pointer(self, key: str) -> bool:
        """Whether a key is surely a pointer that a call made."""
        return key in self.graph.pointers or key in self.made

    def is_other(self, key: str, token: Decision, facts: Reading) -> bool:
        """Whether the code is taken from another pointer than the one that was found to be an error."""
        if token.signs != NEGATIVE or token.key == key or not key or facts.coarse or token.set:
            return False
        return (
            facts.of(key) & NEGATIVE == 0 and token.key in self.graph.pointers and key in self.graph.pointers
        )


def unset_codes(graph: Graph) -> Mapping[tuple[str, int], Wrong]:
    """Where a pointer was found to be NULL or an error and what is returned was not set since: by what was found.

    A pointer that the function itself sets to NULL, when it has handed on what it was, tells no failure by that.
    """
    emptied = {
        (each.key, ZERO)
        for point in graph.points
        for each in point.operations
        if isinstance(each, Assigned) and each.source == "NULL" and not each.declared
    }
    every = _by_found(graph).items()
    return {found: way for found, ways in every if found not in emptied for way in ways if way is not None}


def set_codes(graph: Graph) -> frozenset[tuple[str, int]]:
    """What was found of pointers on ways that all return a negative code then."""
    return frozenset(found for found, ways in _by_found(graph).items() if all(way is None for way in ways))


def _by_found(graph: Graph) -> Mapping[tuple[str, int], list[Wrong | None]]:
    """(pointer, signs found) -> the ways out, None for those that surely return a negative code."""
    client = _Deciding(graph)
    walk = ways_of(graph).walk(client)
    found: dict[tuple[str, int], list[Wrong | None]] = {}
    for way in walk.exits if walk.complete else ():
        decision: Decision = way.token
        point = graph.points[way.point]
        if decision.signs in (ZERO, NEGATIVE) and client.is_pointer(decision.key) and not way.coarse:
            unset = point.returned.isidentifier() and not decision.set and way.signs != NEGATIVE
            here = Wrong("unset", point.line, decision, point.returned, way.trail)
            found.setdefault((decision.key, decision.signs), []).append(here if unset else None)
    return found


def is_null(key: str, decision: Decision) -> bool:
    """Whether the last decision found a pointer to be NULL, which has no code."""
    return bool(key) and decision.key == key and decision.signs == ZERO and not decision.set


def wrong_returns(graph: Graph) -> Iterator[Wrong]:
    """The ways out of a function that returns numbers which tell something else than happened."""
    client = _Deciding(graph)
    walk = ways_of(graph).walk(client)
    if not walk.complete:
        return
    yield from client.codes.values()
    fails = any(way.signs == NEGATIVE for way in walk.exits)
    # What is never negative is an answer, and no code.
    may_fail = any(way.signs is None or way.signs & NEGATIVE for way in walk.exits)
    printed_failures = any(way.token.printed and way.signs == NEGATIVE for way in walk.exits)
    by_decision: dict[tuple[int, str, int, int], list[Wrong | None]] = {}
    for way in walk.exits:
        decision: Decision = way.token
        point = graph.points[way.point]
        place = (decision.line, decision.key, decision.signs, way.point)
        said: Wrong | None = None
        if point.value is not None and "PTR_ERR(" in point.returned and is_null(point.value.copy, decision):
            said = Wrong("null", point.line, decision, "", way.trail, 0, point.value.copy)
        plain = point.returned.isidentifier() and point.returned not in ("NULL", "true", "false")
        zero = decision.key in client.zeros and decision.signs == ZERO
        nothing = client.had_nothing(decision) or (zero and (decision.zero or decision.key == point.returned))
        rest = point.value.copy if point.value is not None else ""
        if fails and way.signs is not None and rest and (rest == decision.rest or rest in client.copies):
            if way.signs & ANY in (POSITIVE, POSITIVE | ZERO):
                copied = next((call.line for _, call in graph.calls if call.result == rest != ""), 0)
                said = Wrong("rest", point.line, decision, point.returned, way.trail, copied)
        elif (
            way.signs == ZERO
            and plain
            and not way.coarse
            and not decision.set
            and (decision.key != point.returned or nothing)
        ):
            tested = _tested(way.trail, point.returned)
            if decision.printed and (tested or printed_failures):
                said = Wrong("printed", point.line, decision, point.returned, way.trail, tested)
            elif nothing and may_fail:
                said = Wrong("failed", point.line, decision, point.returned, way.trail, tested)
        by_decision.setdefault(place, []).append(said)
    for found in by_decision.values():
        first = found[0]
        if first is not None and all(found):
            yield first


def _tested(trail: Trail, key: str) -> int:
    """The line of the last test of a value on a way, 0 where there is none."""
    return next(
        (edge.line for _, edge in reversed(steps_of(trail)) if edge is not None and edge.key == key), 0
    )


def _allocated(graph: Graph) -> frozenset[str]:
    """What is returned by calls that are known to return NULL when they fail, and by nothing else."""
    mine: set[str] = set()
    others: set[str] = set()
    for point in graph.points:
        for each in point.operations:
            if isinstance(each, Called) and each.result:
                (mine if returns_null(each.name) else others).add(each.result)
            elif isinstance(each, Assigned) and each.source == "NULL" and not each.declared:
                # It was handed on: that it is NULL then is no failure.
                others.add(each.key)
    return frozenset(mine - others)
