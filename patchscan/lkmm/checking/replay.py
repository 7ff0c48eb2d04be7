"""A witness checked without the solver: the threads are run again on its values, and the axioms evaluated
anew.

Shared with the solver are the parser and the definitions of the memory model. The events come from
interpreter.py instead of the symbolic execution, the relations from pairs.py instead of rows of bits.
"""

from __future__ import annotations

from collections.abc import Mapping

from patchscan.lkmm.answers.outcome import Result, Witness, WitnessEvent
from patchscan.lkmm.checking.exhaustive import grounded, initial_step, path_of, shifted
from patchscan.lkmm.checking.interpreter import Held, Interpreter, Step, Stuck
from patchscan.lkmm.checking.pairs_of_events import PairEvaluation, Pairs, composed, transitive
from patchscan.lkmm.dialect.final_conditions import holds
from patchscan.lkmm.dialect.litmus_syntax import Litmus, Observed, Value
from patchscan.lkmm.memory import lkmm
from patchscan.lkmm.memory.events import INITIAL_THREAD
from patchscan.lkmm.memory.executions import Execution, sets_of
from patchscan.lkmm.memory.rows import rows_of

LARGEST_REPLAY = 150  # events; the replay is slow on purpose


def replayed(result: Result, unroll: int = 4) -> list[str] | None:
    """What an independent replay finds wrong with the witness; None where there is none, or too large a
    one.
    """
    if result.witness is None or result.litmus is None or len(result.witness.events) > LARGEST_REPLAY:
        return None
    return replay(result.litmus, result.witness, unroll)


def replay(litmus: Litmus, witness: Witness, unroll: int = 4) -> list[str]:
    """What is wrong with the witness as an execution of the test; [] when nothing is."""
    try:
        steps, registers = rerun(litmus, witness, unroll)
    except Stuck:
        return ["a thread cannot run on the values of the witness"]
    wrong = _different_events(steps, witness)
    if wrong:
        return wrong
    wrong = [*_wrong_sources(witness), *_wrong_coherence(witness)]
    if wrong:
        return wrong
    if not grounded(steps, _source(witness)):
        return ["a value comes from nowhere"]
    evaluation = PairEvaluation(len(steps), _sets(steps), _base(steps, witness))
    wrong = [f"{axiom.name} does not hold" for axiom in _broken(evaluation)]
    return wrong + _wrong_state(litmus, witness, registers)


def rerun(litmus: Litmus, witness: Witness, unroll: int = 4) -> tuple[list[Step], list[Mapping[str, Held]]]:
    """The steps of every thread on the witness's values, then the initial writes; and the final registers.

    Raises Stuck when a thread cannot run so.
    """
    steps: list[Step] = []
    registers: list[Mapping[str, Held]] = []
    for thread in litmus.threads:
        reads = [event for event in witness.events if event.thread == thread.number and event.kind == "R"]
        values = iter([event.value for event in reads])

        def read_value(variable: str, values: object = values) -> Value:
            value = next(values, None)  # type: ignore[call-overload]
            if value is None:
                raise Stuck
            return value  # type: ignore[no-any-return]

        interpreter = Interpreter(litmus, thread, read_value, unroll=unroll)
        interpreter.run()
        steps += shifted(interpreter.steps, len(steps))
        registers.append(interpreter.registers)
    for event in witness.events:
        if event.initial and event.variable is not None:
            steps.append(initial_step(litmus, event.variable, len(steps)))
    return steps, registers


def execution_of(litmus: Litmus, witness: Witness, unroll: int = 4) -> Execution:
    """The witness as an Execution on which definitions can be evaluated. Raises Stuck."""
    steps, _ = rerun(litmus, witness, unroll)
    path = path_of(steps)
    return Execution(path, _source(witness), rows_of(_co(witness), path.size))


def _source(witness: Witness) -> dict[int, int]:
    return {n: event.reads_from for n, event in enumerate(witness.events) if event.reads_from is not None}


def _different_events(steps: list[Step], witness: Witness) -> list[str]:
    if len(steps) != len(witness.events):
        return [f"{len(steps)} events happen, not {len(witness.events)}"]
    for number, (step, event) in enumerate(zip(steps, witness.events, strict=True)):
        happens = (step.event.thread, step.event.kind, step.event.tag, step.variable, step.value)
        if happens != (event.thread, event.kind, event.tag, event.variable, event.value):
            return [f"event {number} is {happens}"]
    return []


def _wrong_sources(witness: Witness) -> list[str]:
    wrong = []
    for number, event in enumerate(witness.events):
        if event.kind == "R":
            source = None if event.reads_from is None else witness.events[event.reads_from]
            if source is None or not _may_read(source, event):
                wrong.append(f"event {number} cannot read what it does")
    return wrong


def _may_read(write: WitnessEvent, read: WitnessEvent) -> bool:
    return write.kind == "W" and (write.variable, write.value) == (read.variable, read.value)


def _wrong_coherence(witness: Witness) -> list[str]:
    writes: dict[str, set[int]] = {}
    for number, event in enumerate(witness.events):
        if event.kind == "W" and event.variable is not None:
            writes.setdefault(event.variable, set()).add(number)
    if {name: sorted(order) for name, order in witness.coherence.items()} != {
        name: sorted(numbers) for name, numbers in writes.items()
    }:
        return ["coherence does not order exactly the writes of each variable"]
    if any(not witness.events[order[0]].initial for order in witness.coherence.values()):
        return ["coherence does not begin with the initial value"]
    return []


def _co(witness: Witness) -> Pairs:
    return frozenset(
        (one, other)
        for order in witness.coherence.values()
        for place, one in enumerate(order)
        for other in order[place + 1 :]
    )


def _sets(steps: list[Step]) -> dict[str, set[int]]:
    sets: dict[str, set[int]] = {}
    for number, step in enumerate(steps):
        for name in sets_of(step.event):
            sets.setdefault(name, set()).add(number)
    return sets


def _base(steps: list[Step], witness: Witness) -> dict[str, Pairs]:
    numbers = range(len(steps))
    thread = [step.event.thread for step in steps]
    same_thread = {
        (a, b) for a in numbers for b in numbers if a == b or (thread[a] == thread[b] != INITIAL_THREAD)
    }
    rf = frozenset(
        (event.reads_from, n) for n, event in enumerate(witness.events) if event.reads_from is not None
    )
    co = _co(witness)
    base: dict[str, Pairs] = {
        "id": frozenset((a, a) for a in numbers),
        "po": frozenset((a, b) for a, b in same_thread if a < b),
        "int": frozenset(same_thread),
        "ext": frozenset((a, b) for a in numbers for b in numbers if (a, b) not in same_thread),
        "loc": frozenset(
            (a, b)
            for a in numbers
            for b in numbers
            if steps[a].variable is not None and steps[a].variable == steps[b].variable
        ),
        "rf": rf,
        "co": co,
        "fr": composed(frozenset((read, write) for write, read in rf), co) - {(a, a) for a in numbers},
        "rmw": frozenset((s.event.partner, n) for n, s in enumerate(steps) if s.event.partner is not None),
        "rcu-rscs": _sections(steps),
    }
    for kind in ("addr", "data", "ctrl"):
        base[kind] = frozenset(
            (read, n) for n, step in enumerate(steps) for k, read, _ in step.event.dependencies if k == kind
        )
    return base


def _sections(steps: list[Step]) -> Pairs:
    """Each rcu_read_lock() with the first later rcu_read_unlock() that leaves as few open as before it."""
    sections = set()
    for start, step in enumerate(steps):
        depth = 0
        for end in range(start, len(steps)) if step.event.tag == "rcu-lock" else ():
            if steps[end].event.thread != step.event.thread:
                break
            depth += (steps[end].event.tag == "rcu-lock") - (steps[end].event.tag == "rcu-unlock")
            if depth == 0:
                sections.add((start, end))
                break
    return frozenset(sections)


def _broken(evaluation: PairEvaluation) -> list[lkmm.Axiom]:
    broken = []
    for axiom in (*lkmm.COHERENCE, *lkmm.AXIOMS):
        pairs = evaluation.pairs(axiom.relation)
        if axiom.demand == "acyclic":
            pairs = transitive(pairs)
        if pairs if axiom.demand == "empty" else any(start == end for start, end in pairs):
            broken.append(axiom)
    return broken


def _wrong_state(litmus: Litmus, witness: Witness, registers: list[Mapping[str, Held]]) -> list[str]:
    state: dict[Observed, Value] = {}
    for one in witness.state:
        if one.thread is None:
            last = witness.events[witness.coherence[one.name][-1]] if one.name in witness.coherence else None
            found = litmus.initial.get(one.name, 0) if last is None else last.value
            state[one] = 0 if found is None else found
        else:
            held = registers[one.thread].get(one.name) if one.thread < len(registers) else None
            state[one] = 0 if held is None else held.value
    if state != dict(witness.state):
        return ["the final state is another one"]
    return [] if holds(litmus.filter, state) else ["the filter refuses the final state"]
