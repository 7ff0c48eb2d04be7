"""Which context every statement and call of a function runs in: a client of patchscan.flow.ways.

What is not known stays unknown: on entry, where different ways meet, after a call that could change the context.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from patchscan.basics.record import field, frozen
from patchscan.c.source import Call, Function
from patchscan.flow.actions import Called, Failed, Guarded, Operation, Unguarded
from patchscan.flow.building import graph_of_part
from patchscan.flow.calleffects import Summaries, after_call, enter_guard, leave_guards
from patchscan.flow.effects import PREDICATES, effect_of, guard_effect, may_change_context
from patchscan.flow.graph import Point
from patchscan.flow.joining import JoinedClient, JoinedWalk
from patchscan.flow.knowing import Reading
from patchscan.flow.signs import ANY
from patchscan.flow.sleeping import sleeps
from patchscan.flow.state import UNKNOWN, State, forget_context, lock_name, merge, widen
from patchscan.flow.ways import ways_of

if TYPE_CHECKING:
    from tree_sitter import Node


@frozen
class FlowStates:
    """The states of a function. complete: False when it could not be walked, why says so; all is unknown then.

    entry: the state where the function begins, which is that of all that is not told apart; exits: at the ways out.
    quiet: the function where nothing in it changes the state, so that it was not walked.
    """

    complete: bool
    why: str
    exits: tuple[State, ...] = ()
    entry: State = UNKNOWN
    quiet: Function | None = None
    _starts: Mapping[int, State | None] = field(default_factory=dict)
    _calls: Mapping[int, State] = field(default_factory=dict)

    def at(self, node: "Node") -> State:
        """What is known where the node is evaluated (of a call: after its arguments, before it is made)."""
        return self._found(node) or UNKNOWN

    def reached(self, node: "Node") -> bool:
        """False for code that no path leads to."""
        if self.quiet is not None:
            return _walked(self.quiet, self.entry, None).reached(node)
        return not self.complete or self._found(node) is not None

    def _found(self, node: "Node") -> State | None:
        found: Node | None = node if self._starts or self._calls else None
        while found is not None:
            if found.type == "call_expression" and found.start_byte in self._calls:
                return self._calls[found.start_byte]
            if found.id in self._starts:
                return self._starts[found.id]
            found = found.parent
        return self.entry


def states(function: Function, entry: State = UNKNOWN, summaries: Summaries | None = None) -> FlowStates:
    """Walk a function; entry: what its callers guarantee; summaries: what is known of a callee by its name."""
    if function.partial:
        return FlowStates(False, "the function could not be parsed cleanly")
    if _is_quiet(function, summaries):
        return FlowStates(True, "", (entry,), entry, quiet=function)
    return _walked(function, entry, summaries)


def _walked(function: Function, entry: State, summaries: Summaries | None) -> FlowStates:
    graph = graph_of_part(function)
    if graph is None:
        return FlowStates(False, "the function nests too deeply or is too large")
    running = Running(entry, summaries)
    walk = JoinedWalk(ways_of(graph), running)
    if not walk.complete:
        return FlowStates(False, "the function has too many ways")
    exits = tuple(each.token for each in walk.exits)
    starts = {node: running.at_points.get(graph.points[point]) for node, point in graph.starts.items()}
    return FlowStates(True, "", exits, entry, None, starts, running.at_calls)


def _is_quiet(function: Function, summaries: Summaries | None) -> bool:
    """Whether nothing that a function calls can change the context it runs in."""
    if "guard" in function.text:
        return False
    return all(
        not call.name or _leaves_alone(call.name, _texts(function, call), summaries)
        for call in function.calls()
    )


def _leaves_alone(name: str, texts: tuple[str, ...], summaries: Summaries | None) -> bool:
    if name in PREDICATES or effect_of(name) is not None or sleeps(name, texts):
        return False
    summary = summaries(name) if summaries else None
    return not may_change_context(name) if summary is None else summary.leaves_alone


def _texts(function: Function, call: Call) -> tuple[str, ...]:
    return tuple(function.source.text_of(each) for each in call.arguments)


class Running(JoinedClient):
    """Its token is the state."""

    heeds = (Guarded, Unguarded, Failed)

    def __init__(self, entry: State, summaries: Summaries | None) -> None:
        self.entry = entry
        self.summaries = summaries
        self.at_points: dict[Point, State | None] = {}
        self.at_calls: dict[int, State] = {}

    def start(self) -> State:
        return self.entry

    def entered(self, point: Point, token: State) -> None:
        self.at_points[point] = merge(self.at_points.get(point), token)

    def merged(self, one: State, other: State) -> State:
        return widen(one, other) or other

    def called(self, call: Called, token: State, facts: Reading) -> Iterable[tuple[State, int]]:
        before = self.at_calls.get(call.offset)
        if before is not token:
            self.at_calls[call.offset] = merge(before, token) or token
        if not call.name:
            return ((token, ANY),)
        outcomes = after_call(call.name, call.arguments, token, call.line, call.result, self.summaries)
        return outcomes if call.sure else (*outcomes, (token, ANY))

    def other(self, operation: Operation, token: State, facts: Reading) -> State | None:
        if isinstance(operation, Guarded):
            return _guarded(operation, token)
        if isinstance(operation, Unguarded):
            return leave_guards(token, operation.count)
        # What an assertion says holds behind it.
        return None if isinstance(operation, Failed) else token


def _guarded(guard: Guarded, state: State) -> State:
    """The state in the scope of a guard; one that is not known may do anything."""
    effect = guard_effect(guard.kind)
    if effect is None:
        return forget_context(state)
    return enter_guard(state, effect, lock_name(guard.key), guard.place, guard.line)
