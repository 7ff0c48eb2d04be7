"""What is known of a resource on a way: whether it is held, and the ways out that tell so."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function
from patchscan.flow.actions import words_of
from patchscan.flow.heeding import Exit
from patchscan.flow.taking import Resource

_CALL = pattern(r"\w+\(")
# Behind more calls that may keep a resource it is no longer told which, nor behind more sets of them in a function:
# each set is another way.
MOST_KEEPERS, MOST_SETS, MANY = 3, 16, "many"
HELD, GIVEN, GONE, FAILED = "held", "given", "gone", "failed"


@frozen
class Taken:
    """The token: its state, the names that mean it, the line where it was taken, and whether that call failed.

    via: of what is gone, or was given back after that, the calls or the assignment that may have kept it; MANY: too
    many to tell.
    """

    state: str = ""
    names: frozenset[str] = frozenset()
    line: int = 0
    failed: bool = False
    by: str = ""
    via: str = ""

    def kept_by(self, call: str) -> "Taken":
        """What it is behind another call that may have kept it; another round of a loop tells nothing new."""
        known = self.via.split(";")
        if self.via == MANY or call in known:
            return self
        return self.kept_via(f"{self.via};{call}" if len(known) < MOST_KEEPERS else MANY)

    def kept_via(self, via: str) -> "Taken":
        """What it is where some calls, or an assignment, may have kept it."""
        return Taken(GONE, self.names, self.line, self.failed, self.by, via)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the names that mean it."""
        return frozenset(word for each in self.names for word in words_of(each))

    @property
    def heeded(self) -> str:
        """The state by which calls do something to it; what many may have kept is one of its own."""
        return MANY if self.state == GONE and self.via == MANY else self.state

    def is_kept_as(self, other: "Taken") -> bool:
        """Whether the same may have kept both."""
        return self.via == other.via != MANY


class Keepers:
    """The sets of calls that may have kept one resource, told apart until there are too many."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def told(self, via: str) -> str:
        """What is told of such a set."""
        if len(self._known) < MOST_SETS:
            self._known.add(via)
        return via if via in self._known else MANY


@frozen
class Way:
    """A way out with what it holds; failing: True, False or None (see fails); void, pointer: what is returned.

    again: whether it is none, but a way to where the same is taken anew.
    """

    exit: Exit
    token: Taken
    failing: bool | None
    void: bool
    line: int
    returned: str
    pointer: bool = False
    again: bool = False

    @property
    def category(self) -> str:
        """Ways out of one category are compared."""
        return (
            "void"
            if self.void
            else "fails"
            if self.failing
            else "succeeds"
            if self.failing is False
            else "open"
        )


@frozen
class Holding:
    """One resource of a function, and all ways out after it was taken; again: those to where it is taken anew."""

    function: Function
    resource: Resource
    ways: tuple[Way, ...]
    complete: bool
    again: tuple[Way, ...] = ()

    def kept(self) -> tuple[Way, ...]:
        """The ways out on which something may have kept it."""
        return tuple(each for each in self.at(GONE) if each.token.via and each.token.names)

    def at(self, state: str) -> tuple[Way, ...]:
        """The ways out in one state."""
        return self._by_state.get(state, ())

    def beside(self, way: Way) -> Sequence[Way]:
        """The ways out of its category at the same place, itself among them."""
        return self._by_exit[way.exit.point, way.category]

    @cached_property
    def _by_state(self) -> Mapping[str, tuple[Way, ...]]:
        found: dict[str, list[Way]] = {}
        for each in self.ways:
            found.setdefault(each.token.state, []).append(each)
        return {state: tuple(ways) for state, ways in found.items()}

    @cached_property
    def _by_exit(self) -> Mapping[tuple[int, str], Sequence[Way]]:
        found: dict[tuple[int, str], list[Way]] = {}
        for each in self.ways:
            found.setdefault((each.exit.point, each.category), []).append(each)
        return found

    @cached_property
    def given(self) -> Sequence[Way]:
        """The ways out on which it was given back that a call had not failed to take."""
        return [each for each in self.at(GIVEN) if not each.token.failed]


Holdings = Mapping[tuple[str, str], Sequence[Holding]]


def hands_out(returned: str, token: Taken, pointer: bool) -> bool:
    """Whether what is returned is the resource or a part of it."""
    bare = returned.lstrip("&")
    if returned in token.names or any(
        bare.startswith(f"{name}->") for name in token.names if returned.startswith("&")
    ):
        return True
    return (
        pointer
        and bool(_CALL.match(returned))
        and any(
            name in words_of(returned)
            for name in token.names
            if not returned.startswith(("PTR_ERR", "ERR_", "dev_err"))
        )
    )
