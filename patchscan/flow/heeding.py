"""What follows a token on the ways through a function: a walk asks its client how the token changes."""

from collections.abc import Iterable
from typing import Any

from patchscan.basics.record import frozen
from patchscan.flow.actions import (
    Addressed,
    Assigned,
    Called,
    Dereferenced,
    Failed,
    Guarded,
    Operation,
    Read,
    Unguarded,
)
from patchscan.flow.graph import Edge
from patchscan.flow.knowing import Facts, Reading
from patchscan.flow.signs import ANY
from patchscan.flow.strides import call_word

Token = Any
# A way as it came about: (what came before, the point, the edge that was taken).
Trail = tuple[Any, int, "Edge | None"]
# One set of words or two, each in parts: a point that names none of one of them leaves a token as it is.
Words = tuple[tuple[frozenset[str], ...], ...]


@frozen
class Exit:
    """A way out: where, with which token, what is known of the value returned (None: none), and how it came about."""

    point: int
    token: Token
    signs: int | None
    trail: Trail
    facts: Facts
    coarse: bool = False


class Client:
    """What a walk follows. A token of None ends a way: nothing more is to be learnt on it.

    uses: whether what is known of a pointer is kept until its last use, not only until it is last tested.
    awaits: the calls (by offset) without which a way is of no interest; empty where every way is.
    outs: whether the ways out are asked for, and not only what the client notes on the way there.
    heeds: the operations that it wants to be told of by other(), beside those that change what is known.
    """

    uses = False
    outs = True
    heeds: tuple[type[Operation], ...] = (Dereferenced, Addressed, Read, Guarded, Unguarded, Failed)
    awaits: frozenset[int] = frozenset()

    def named(self, token: Token) -> Words | None:
        """Words without any of which nothing changes a token, in one set or two; None: whatever is done may do so."""
        return None

    def waits(self, token: Token) -> bool:
        """Whether a token still waits for one of these calls."""
        return False

    def start(self) -> Token:
        """The token on entry."""
        return ()

    def called(self, call: Called, token: Token, facts: "Reading") -> Iterable[tuple[Token, int]]:
        """The tokens after a call, each with what the call then returns."""
        return ((token, ANY),)

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: "Reading") -> Token:
        """The token after an assignment of a value with these signs."""
        return token

    def other(self, operation: Operation, token: Token, facts: "Reading") -> Token:
        """The token after a dereference, a use, a declaration or a round of a loop."""
        return token

    def decided(self, edge: Edge, token: Token, facts: "Reading") -> Token:
        """The token after a decision."""
        return token


class AfterCall(Client):
    """Follows what one call brings; its token is empty until then."""

    def __init__(self, call: Called) -> None:
        self.call = call
        self.awaits = frozenset((call.offset,))
        self.awaited = frozenset((call_word(call.offset),))

    def waits(self, token: Token) -> bool:
        return not token


class Anywhere(Client):
    """Follows nothing."""

    def __init__(self, uses: bool) -> None:
        self.uses = uses

    def named(self, token: Token) -> Words:
        return ((),)
