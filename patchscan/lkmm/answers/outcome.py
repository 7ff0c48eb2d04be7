"""What a run of one litmus test found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from patchscan.basics.record import field, frozen
from patchscan.lkmm.dialect.litmus_syntax import Litmus, Value
from patchscan.lkmm.memory.events import INITIAL_THREAD, Event, EventKind
from patchscan.lkmm.memory.states import State

Outcome = Literal["Never", "Sometimes", "Always", "Unknown"]


@frozen
class Result:
    """The answers for one test.

    outcome: "Never", "Sometimes" or "Always" the condition holds in a final state, as herd7 observes it;
    "Unknown" when a limit was met first.
    complete: every execution was looked at; otherwise `notes` says which limit was met.
    race: two accesses that race in some execution, "P0:12 *x = 1".
    states: the final states, as herd7 writes them, or None when they were not asked for.
    flags: "data-race", "unmatched-rcu-lock", "deadlock", "vacuous"..., sorted.
    witness: an execution in which the condition holds, None for Never; for `forall` one in which it does not.
    cycle: for Never, why the first execution with these values is none; see cycles.py.
    expected: the words of the test's own `Result:` line.
    litmus: the test that was run, reader domains already lowered to the plain dialect.
    undefined: what has no value, such as a sum of addresses; executions that come to it are left out.
    """

    name: str
    file: str
    outcome: Outcome
    complete: bool = True
    flags: tuple[str, ...] = ()
    race: tuple[str, str] | None = None
    states: tuple[str, ...] | None = None
    witness: Witness | None = None
    cycle: Cycle | None = None
    notes: tuple[str, ...] = ()
    condition: str = ""
    expected: tuple[str, ...] = ()
    litmus: Litmus | None = field(default=None, compare=False)
    undefined: tuple[str, ...] = ()


@frozen
class Answer:
    """Whether a condition can hold.

    held: None where that was not found out, `why` says why not; faults: why a "no" proves nothing, one phrase each;
    witness: an execution in which it holds.
    """

    held: bool | None
    why: str = ""
    faults: tuple[str, ...] = ()
    witness: Witness | None = field(default=None, compare=False)


@frozen
class WitnessEvent:
    """An event of a witness; its number is its place in `Witness.events`.

    kind: "R", "W" or "F"; tag: "once", "acquire", "plain", "mb"... ; thread: -1 for an initial write.
    variable, value: what is accessed, and the value read or written; None for a fence.
    reads_from: for a read, the number of the write.  line, text: the statement.
    """

    thread: int
    kind: EventKind
    tag: str
    variable: str | None
    value: Value | None
    reads_from: int | None
    line: int
    text: str

    @property
    def initial(self) -> bool:
        return self.thread == INITIAL_THREAD


@frozen
class Witness:
    """events: thread by thread in program order, the initial writes last.
    coherence: variable -> numbers of its writes, oldest first.  state: the final values asked about."""

    events: tuple[WitnessEvent, ...]
    coherence: Mapping[str, tuple[int, ...]]
    state: State


@frozen
class Edge:
    """One step of a cycle: `start` is related to `end` by `relation`, named as in the memory model."""

    relation: str
    start: Event
    end: Event


@frozen
class Cycle:
    """axiom: the one that is broken, "" when nothing writes the values that are asked for. edges: from
    event to event, the last ends where the first starts (for atomicity: a pair and its way around).
    """

    axiom: str
    edges: tuple[Edge, ...]
