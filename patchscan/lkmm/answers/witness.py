"""A witness: one execution as plain data, for people, for JSON and for the replay."""

from __future__ import annotations

from collections.abc import Mapping

from patchscan.basics.record import frozen
from patchscan.lkmm.answers.results import State, shown, state_text
from patchscan.lkmm.dialect.litmus_syntax import Value
from patchscan.lkmm.memory.events import INITIAL_THREAD
from patchscan.lkmm.solving.solving import Candidate


@frozen
class WitnessEvent:
    """An event of a witness; its number is its place in `Witness.events`.

    kind: "R", "W" or "F"; tag: "once", "acquire", "plain", "mb"... ; thread: -1 for an initial write.
    variable, value: what is accessed, and the value read or written; None for a fence.
    reads_from: for a read, the number of the write.  line, text: the statement.
    """

    thread: int
    kind: str
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


def witness_of(candidate: Candidate) -> Witness:
    """What happens in the candidate execution."""
    encoding, path = candidate.encoding, candidate.path
    events = []
    for position, event in enumerate(path.events):
        value: Value | None = None
        if event.kind == "R":
            value = candidate.value(encoding.read[event.number])
        elif event.kind == "W":
            value = candidate.value(encoding.written[event.number])
        events.append(
            WitnessEvent(
                thread=event.thread,
                kind=event.kind,
                tag=event.tag,
                variable=path.locations.get(position),
                value=value,
                reads_from=candidate.source.get(position),
                line=event.line,
                text=event.text,
            )
        )
    coherence = {
        name: tuple(sorted(writes, key=lambda write: -candidate.co[write].bit_count()))
        for name, writes in sorted(path.writes_to.items())
        if writes
    }
    state = {one: candidate.value(literals) for one, literals in encoding.final.items()}
    return Witness(tuple(events), coherence, state)


def witness_json(witness: Witness) -> dict[str, object]:
    """The witness as JSON values."""
    return {
        "events": [
            {
                "id": number,
                "thread": None if event.initial else event.thread,
                "kind": event.kind,
                "tag": event.tag,
                "variable": event.variable,
                "value": None if event.value is None else shown(event.value),
                "reads_from": event.reads_from,
                "line": event.line,
                "text": event.text,
            }
            for number, event in enumerate(witness.events)
        ],
        "coherence": {name: list(writes) for name, writes in witness.coherence.items()},
        "state": state_text(witness.state),
    }
