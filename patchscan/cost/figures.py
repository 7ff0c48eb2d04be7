"""Figures of a scheme: exact counts from held walks, times and their spread from several seeded runs."""

from collections.abc import Mapping, Sequence

from patchscan.basics.record import frozen, replace
from patchscan.cost.constants import COUNTED, Constant, draw, kind_of
from patchscan.cost.run import Outcome, Workload, run_once
from patchscan.cost.schemes import READER, Scheme

_STEADY_UPDATES = 10
_PER_UPDATE = (
    "IPIs sent",
    "isolated task interrupted",
    "reads of other CPUs",
    "grace periods waited for",
    "deferred frees",
    "flushes without an interrupt",
)
_PER_CALL = ("full barriers", "other fences", "atomics", "acquire or release")


@frozen
class Figure:
    """A range; low equals high where every run gave the same. kind: "counted", "calibrated" or "estimated".

    unit: "" for a number, "ns" for a time; per: "update", "call" of a reader, "run" or "wait".
    """

    name: str
    low: float
    high: float
    kind: str
    per: str
    unit: str = ""


@frozen
class SchemeCost:
    """What a scheme costs on one number of CPUs; problems: IPIs that were lost, tasks that wait for ever."""

    scheme: str
    about: str
    cpus: int
    figures: tuple[Figure, ...]
    assumptions: tuple[str, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]

    def figure(self, name: str) -> Figure | None:
        return next((figure for figure in self.figures if figure.name == name), None)


def cost_of(
    scheme: Scheme, workload: Workload, constants: Mapping[str, Constant], runs: int = 5, seed: int = 1
) -> SchemeCost:
    """The figures of a scheme; runs: how many steady runs, 0 for the counts alone.

    The first of them has every constant at its low end, the second at its high end, the others draw by the seed.
    """
    held = run_once(scheme, replace(workload, steady=False), draw(constants, 0, seed), seed)
    steady_workload = replace(workload, steady=True, updates=workload.updates and _STEADY_UPDATES)
    steady = [
        run_once(scheme, steady_workload, draw(constants, number, seed), seed + number)
        for number in range(runs)
    ]
    figures = (*counts(held, workload), *steady_figures(steady, constants))
    return SchemeCost(
        scheme.name,
        scheme.about,
        workload.cpus,
        figures,
        tuple(dict.fromkeys(text for program in scheme.programs for text in program.assumptions)),
        tuple(dict.fromkeys(text for program in scheme.programs for text in program.missing)),
        tuple(dict.fromkeys(text for outcome in (held, *steady) for text in _problems(outcome))),
    )


def counts(outcome: Outcome, workload: Workload) -> tuple[Figure, ...]:
    """Exact counts of a run with held walks: per update, per reader call, and of the whole run."""
    updates = max(1, len(outcome.latencies))
    found = [_same(name, outcome.count(name) / updates, "update") for name in _PER_UPDATE]
    found.append(_same("CPUs interrupted", outcome.interrupted, "run"))
    found += [_same(f"{name} per call", outcome.per_call(name), "call") for name in _PER_CALL]
    waits = sum(outcome.count(name) for name in ("IPI calls", "grace periods waited for", "deferred frees"))
    tables = workload.tables * len(outcome.latencies)
    if waits:
        found.append(_same("tables per wait", tables / waits, "wait"))
    return tuple(found)


def steady_figures(outcomes: Sequence[Outcome], constants: Mapping[str, Constant]) -> tuple[Figure, ...]:
    """What varies from run to run: IPIs per update and those that were spurious, and the times."""
    found: list[Figure] = []
    finished = [outcome for outcome in outcomes if outcome.latencies]
    for name in ("IPIs sent", "spurious IPIs", "isolated task interrupted"):
        values = [outcome.count(name) / len(outcome.latencies) for outcome in finished]
        found += _range(f"{name}, steady", values, COUNTED, "update")
    used = frozenset[str]().union(*(outcome.used for outcome in outcomes))
    kind = kind_of(set(used), constants)
    latencies = [sum(outcome.latencies) / len(outcome.latencies) for outcome in finished]
    found += _range("update takes", latencies, kind, "update", "ns")
    calls = [outcome.call for outcome in outcomes if outcome.call is not None]
    if outcomes and outcomes[0].count("calls", READER):
        found += _range("reader call takes", calls, kind, "call", "ns")
    return tuple(found)


def _same(name: str, number: float, per: str) -> Figure:
    return Figure(name, number, number, COUNTED, per)


def _range(name: str, values: Sequence[float], kind: str, per: str, unit: str = "") -> list[Figure]:
    return [Figure(name, min(values), max(values), kind, per, unit)] if values else []


def _problems(outcome: Outcome) -> list[str]:
    """What breaks conservation: every IPI sent is handled once, nobody waits for ever."""
    lost = [f"{outcome.in_flight} IPIs were never handled"] if outcome.in_flight else []
    return [*lost, *(f"{text} for ever" for text in outcome.stuck)]
