"""A witness: one execution as plain data, for people, for JSON and for the replay."""

from __future__ import annotations

from patchscan.lkmm.answers.outcome import Witness, WitnessEvent
from patchscan.lkmm.memory.states import shown, state_text
from patchscan.lkmm.solving.candidate import Candidate


def witness_of(candidate: Candidate) -> Witness:
    """What happens in the candidate execution."""
    path = candidate.path
    events = []
    values = candidate.values()
    for position, event in enumerate(path.events):
        events.append(
            WitnessEvent(
                thread=event.thread,
                kind=event.kind,
                tag=event.tag,
                variable=path.locations.get(position),
                value=values.get(position),
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
    return Witness(tuple(events), coherence, candidate.state())


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
