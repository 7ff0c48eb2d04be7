"""Why there is no such execution: the cycle of the memory model that forbids it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from patchscan.lkmm.answers.outcome import Cycle, Edge
from patchscan.lkmm.memory import lkmm
from patchscan.lkmm.memory.events import Event, Program
from patchscan.lkmm.memory.executions import Execution
from patchscan.lkmm.memory.relations import (
    Base,
    Composition,
    Difference,
    Fixpoint,
    Intersection,
    Inverse,
    Maybe,
    Relation,
    Restriction,
    Star,
    Union,
    Variable,
)
from patchscan.lkmm.memory.rows import bits, shortest_path
from patchscan.lkmm.solving.candidate import Candidate
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.solving import Solver, broken_at

_NAMES: Mapping[Relation, str] = {
    lkmm.mb: "mb",
    lkmm.wmb: "wmb",
    lkmm.rmb: "rmb",
    lkmm.gp: "gp",
    lkmm.po_rel: "po-rel",
    lkmm.acq_po: "acq-po",
    lkmm.po_unlock_lock_po: "po-unlock-lock-po",
    lkmm.po_loc: "po-loc",
    lkmm.srcu_rscs: "srcu-rscs",
}
_COMMUNICATION = ("rf", "co", "fr")


def forbidding_cycle(program: Program, deadline: float | None) -> Cycle:
    """What forbids the condition, shown on one candidate in which it holds. Raises LimitReached."""
    for coherent in (True, False):
        encoding = Encoding(program, coherent, deadline, consequences=False)
        solver = Solver(encoding, deadline)
        candidate = solver.candidate([encoding.condition, encoding.filter])
        if candidate is not None:
            axioms = lkmm.AXIOMS if coherent else lkmm.COHERENCE
            return _first_broken(candidate, axioms)
    return Cycle("", ())


def _first_broken(candidate: Candidate, axioms: tuple[lkmm.Axiom, ...]) -> Cycle:
    for axiom in axioms:
        for events in broken_at(candidate, axiom, 1):
            if axiom.demand == "empty":
                return Cycle(axiom.name, tuple(_there_and_back(axiom.relation, candidate, *events)))
            edges = [
                edge
                for start, end in pairwise(events)
                for edge in steps_of(axiom.relation, candidate, start, end)
            ]
            return Cycle(axiom.name, tuple(edges))
    return Cycle("", ())


def _there_and_back(relation: Relation, candidate: Candidate, start: int, end: int) -> list[Edge]:
    """A pair that ought not to be in `there & back^-1`, or in `rmw & there`, as a cycle."""
    while isinstance(relation, Union):
        left = candidate.rows(relation.left)[start] >> end & 1
        relation = relation.left if left else relation.right
    assert isinstance(relation, Intersection)
    if isinstance(relation.right, Inverse):
        there = steps_of(relation.left, candidate, start, end)
        return there + steps_of(relation.right.relation, candidate, end, start)
    events = candidate.path.events
    back = Edge("rmw^-1", events[end], events[start])
    return [*steps_of(relation.right, candidate, start, end), back]


def steps_of(relation: Relation, execution: Execution, start: int, end: int) -> list[Edge]:
    """The named relations that lead from `start` to `end`."""
    events = execution.path.events

    def edge(name: str) -> list[Edge]:
        return [Edge(name, events[start], events[end])]

    def both(left: Relation, right: Relation, middle: int) -> list[Edge]:
        return steps_of(left, execution, start, middle) + steps_of(right, execution, middle, end)

    if relation in _NAMES:
        return edge(_NAMES[relation])
    match relation:
        case Base():
            return (
                [] if relation.name == "id" else edge(_base_name(relation.name, events[start], events[end]))
            )
        case Restriction():
            return steps_of(relation.relation, execution, start, end)
        case Union():
            sides = sorted((relation.left, relation.right), key=lambda side: not side.static)
            side = next(side for side in sides if execution.rows(side)[start] >> end & 1)
            return steps_of(side, execution, start, end)
        case Intersection() | Difference():
            telling = relation.right if relation.left.static and not relation.right.static else relation.left
            return steps_of(telling, execution, start, end)
        case Composition():
            right = execution.rows(relation.right)
            middles = [m for m in bits(execution.rows(relation.left)[start]) if right[m] >> end & 1]
            near = [middle for middle in middles if middle in (start, end)]
            ways = [both(relation.left, relation.right, middle) for middle in (near or middles)[:3]]
            return min(ways, key=len)
        case Maybe():
            return [] if start == end else steps_of(relation.relation, execution, start, end)
        case Star():
            path = [] if start == end else shortest_path(execution.rows(relation.relation), start, end)
            return [
                edge
                for one, other in pairwise(path)
                for edge in steps_of(relation.relation, execution, one, other)
            ]
        case Inverse():
            names = [step.relation for step in steps_of(relation.relation, execution, end, start)]
            return edge(f"{'; '.join(names)}^-1")
        case Fixpoint():
            return _through_fixpoint(relation, execution, start, end)
        case Variable():
            return _through_fixpoint(relation.owner, execution, start, end)
    return edge(type(relation).__name__.lower())


def _through_fixpoint(relation: Fixpoint, execution: Execution, start: int, end: int) -> list[Edge]:
    with relation.as_of_first(execution, start, end):
        return steps_of(relation.body, execution, start, end)


def _base_name(name: str, start: Event, end: Event) -> str:
    """rf, co and fr between threads are rfe, coe and fre."""
    if name in _COMMUNICATION:
        return name + ("i" if start.thread == end.thread else "e")
    return name


def cycle_lines(cycle: Cycle) -> list[str]:
    """The cycle for people."""
    if not cycle.axiom:
        return ["No write has the value that the condition asks for."]
    lines = [f"Every such execution breaks {cycle.axiom}; the first one by this cycle:"]
    width = max((len(edge.start.place) for edge in cycle.edges), default=0)
    for edge in cycle.edges:
        lines.append(f"  {edge.start.place:{width}}  --{edge.relation}-->  {edge.end.place}")
    return lines


def cycle_json(cycle: Cycle) -> dict[str, object]:
    """The cycle as JSON values."""
    edges = [
        {"relation": edge.relation, "from": _event_json(edge.start), "to": _event_json(edge.end)}
        for edge in cycle.edges
    ]
    return {"axiom": cycle.axiom, "edges": edges}


def _event_json(event: Event) -> dict[str, object]:
    return {"thread": event.thread if event.line else None, "line": event.line, "text": event.text}
