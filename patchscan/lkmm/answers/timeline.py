"""A witness as an interleaving that a person can follow.

The steps stand in an order in which every read comes after the write it reads from, in program order where
that can be, and so that as few reads as possible return something already overwritten. What then remains
strange is what the memory model allows and people do not expect, and is said at the step: a write not yet
visible, a step ahead of its turn. Last come the places where program order is not kept, with the barrier
that would keep it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from patchscan.basics.record import frozen
from patchscan.lkmm.answers.outcome import Witness, WitnessEvent
from patchscan.lkmm.checking.replay import execution_of
from patchscan.lkmm.dialect.litmus_syntax import Litmus, Value
from patchscan.lkmm.memory import lkmm
from patchscan.lkmm.memory.executions import Execution
from patchscan.lkmm.memory.rows import Rows, bits, shortest_path, transpose
from patchscan.lkmm.memory.states import shown, state_text

# What it costs to show an event before one that ought to come first.
_AHEAD_OF_PROGRAM_ORDER, _AHEAD_OF_COHERENCE, _STALE_READ = 100, 10, 1


@frozen
class Gap:
    """Two accesses of one thread whose order matters here and is not kept.

    too_weak: there is some ordering between them, but not a strong fence, which it would take.
    """

    thread: int
    earlier: WitnessEvent
    later: WitnessEvent
    too_weak: bool


def timeline(litmus: Litmus, witness: Witness, unroll: int = 4) -> tuple[str, ...]:
    """The lines of the interleaving, without indentation or colour."""
    execution = execution_of(litmus, witness, unroll)
    order = interleaving(witness, execution)
    step = {number: place for place, number in enumerate(order, start=1)}
    width = max((len(_where(witness.events[number])) for number in order), default=0)
    texts = max((len(witness.events[number].text) for number in order), default=0)
    lines = []
    for number in order:
        event = witness.events[number]
        notes = "; ".join(_notes(witness, execution, number, step))
        line = f"{step[number]:3}  {_where(event):{width}}  {event.text:{texts}}  {notes}"
        lines.append(line.rstrip())
    lines.append(f"     final state: {state_text(witness.state)}")
    missing = gaps(witness, execution)
    lines += [gap_line(gap) for gap in missing]
    if not missing:
        lines.append("Nothing is reordered: the threads simply take turns like this.")
    return tuple(lines)


# The order of the steps


def interleaving(witness: Witness, execution: Execution) -> list[int]:
    """The numbers of all events but the initial writes, in the order in which they are shown."""
    waiting = [number for number, event in enumerate(witness.events) if not event.initial]
    before = _predecessors(execution)
    shown: list[int] = []
    done = sum(1 << number for number, event in enumerate(witness.events) if event.initial)
    while waiting:
        last = witness.events[shown[-1]].thread if shown else None
        ready = [number for number in waiting if not before["rf"][number] & ~done] or waiting
        number = min(
            ready,
            key=lambda one: (
                _cost(one, before, done),
                witness.events[one].thread != last,
                one,
            ),
        )
        waiting.remove(number)
        shown.append(number)
        done |= 1 << number
    return shown


def _predecessors(execution: Execution) -> dict[str, Rows]:
    """For each relation, the events that come before each event."""
    return {
        "rf": transpose(execution.rows(lkmm.rf)),
        "po": transpose(execution.rows(lkmm.po)),
        "co": transpose(execution.rows(lkmm.co)),
        "fr": transpose(execution.rows(lkmm.fr)),
    }


def _cost(number: int, before: Mapping[str, Rows], done: int) -> int:
    def missing(name: str) -> int:
        return (before[name][number] & ~done).bit_count()

    return (
        _AHEAD_OF_PROGRAM_ORDER * missing("po")
        + _AHEAD_OF_COHERENCE * missing("co")
        + _STALE_READ * missing("fr")
    )


# What is said of a step


def _where(event: WitnessEvent) -> str:
    return f"P{event.thread}:{event.line}"


def _notes(witness: Witness, execution: Execution, number: int, step: Mapping[int, int]) -> Iterator[str]:
    event = witness.events[number]
    if event.kind == "W":
        yield f"{event.variable} = {_value(event)}"
        yield from _late_write(execution, number, step)
    elif event.kind == "R":
        yield f"{event.variable} is {_value(event)}, {_source(witness, number, step)}"
        yield from _not_visible(witness, execution, number, step)
    later = [
        other
        for other in bits(execution.rows(lkmm.po)[number])
        if step[other] < step[number] and witness.events[other].variable
    ]
    if later and event.variable:
        places = ", ".join(f"step {step[other]}" for other in later)
        yield f"takes effect after {places}, although it stands before in the program"


def _value(event: WitnessEvent) -> Value:
    return 0 if event.value is None else shown(event.value)


def _source(witness: Witness, number: int, step: Mapping[int, int]) -> str:
    source = witness.events[number].reads_from
    assert source is not None
    write = witness.events[source]
    if write.initial:
        return "the initial value"
    own = ", its own" if write.thread == witness.events[number].thread else ""
    return f"from step {step[source]} of P{write.thread}{own}"


def _not_visible(
    witness: Witness, execution: Execution, number: int, step: Mapping[int, int]
) -> Iterator[str]:
    """Writes that were already made but not seen by this read."""
    thread = witness.events[number].thread
    for write in bits(execution.rows(lkmm.fr)[number]):
        if step[write] < step[number] and witness.events[write].thread != thread:
            event = witness.events[write]
            yield f"step {step[write]} ({event.variable} = {_value(event)}) is not yet visible to P{thread}"


def _late_write(execution: Execution, number: int, step: Mapping[int, int]) -> Iterator[str]:
    """Writes shown before this one that nevertheless overwrite it."""
    for write in bits(execution.rows(lkmm.co)[number]):
        if step[write] < step[number]:
            yield f"overwritten at once: it comes before step {step[write]} in coherence order"


# Where order is missing


def gaps(witness: Witness, execution: Execution) -> list[Gap]:
    """The program-order steps of a smallest cycle of program order and communication that are not ordered.

    Only such a cycle sets an execution apart from an interleaving. If all its steps are ordered somehow,
    then those that no strong fence orders are named: the order between two writes that a third thread sees
    needs one.
    """
    cycle = _smallest_cycle(execution)
    inside = [(one, other) for one, other in pairwise(cycle) if execution.rows(lkmm.po)[one] >> other & 1]
    ordered = execution.rows(lkmm.ppo | lkmm.cumul_fence | lkmm.fence)
    strong = execution.rows(lkmm.strong_fence)
    unordered = [pair for pair in inside if not ordered[pair[0]] >> pair[1] & 1]
    weak = [pair for pair in inside if not strong[pair[0]] >> pair[1] & 1]
    events = witness.events
    return [
        Gap(events[one].thread, events[one], events[other], not unordered) for one, other in unordered or weak
    ]


def _smallest_cycle(execution: Execution) -> list[int]:
    """A smallest cycle of po and communication between threads, through accesses only; [] for none."""
    accesses = lkmm.M @ lkmm.po @ lkmm.M
    rows = execution.rows(accesses | (lkmm.com & lkmm.ext))
    cycles = [shortest_path(rows, number, number) for number in range(execution.size)]
    return min((cycle for cycle in cycles if cycle), key=len, default=[])


def gap_line(gap: Gap) -> str:
    """Where order is missing: "P0: nothing keeps line 7 (write of x) before line 8 (write of y)"."""
    between = f"line {gap.earlier.line} ({_access(gap.earlier)}) before line {gap.later.line} ({_access(gap.later)})"
    if gap.too_weak:
        return f"P{gap.thread}: what keeps {between} is not a full barrier"
    return f"P{gap.thread}: nothing keeps {between}"


def _access(event: WitnessEvent) -> str:
    return f"{'write' if event.kind == 'W' else 'read'} of {event.variable}"
