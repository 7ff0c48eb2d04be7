"""What a patch changes in the cost of a scheme: the same case before and after, on one number of CPUs."""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from patchscan.basics.record import replace
from patchscan.codebase.changed_words import touched_words
from patchscan.codebase.code import Codebase
from patchscan.codebase.remembered import Asked, Remembered
from patchscan.codebase.sources import Sources, base_config
from patchscan.cost.constants import draw, load_constants
from patchscan.cost.operations import Program, lower_program
from patchscan.cost.schemes import READER, STUBS, UPDATER, Scheme
from patchscan.kconfig.configured import Config
from patchscan.model.extraction.signature import signature
from patchscan.model.lowering.stubs import Stubs, load_stubs
from patchscan.model.scenarios.one_case import Functions
from patchscan.model.scenarios.players import with_players
from patchscan.model.scenarios.scenario import Scenario
from patchscan.model.scenarios.series_models import SeriesModels, cases
from patchscan.model.scenarios.touched import applies
from patchscan.results import CaseCost, CostChange
from patchscan.tree.overlay import PatchState

if TYPE_CHECKING:
    from patchscan.cost.run import Outcome

CPUS, WALKERS, ISOLATED = 64, 1, 16
_WAITS = (
    ("IPIs sent", "IPI", "IPIs"),
    ("grace periods waited for", "grace period", "grace periods"),
    ("deferred frees", "deferred free", "deferred frees"),
)
_READ_SIDE = (
    ("full barriers", "full barrier", "full barriers"),
    ("atomics", "atomic operation", "atomic operations"),
    ("acquire or release", "acquire or release", "acquires or releases"),
)


class SeriesCosts:
    """The costs of one laid series; the code after a patch is counted once, for it is what the next one finds."""

    def __init__(self, models: SeriesModels, column: str = "x86") -> None:
        self._models, self._column = models, column
        self._cases: dict[str, list[Functions]] = {}
        self._schemes: dict[tuple[str, Functions, int], Scheme | None] = {}
        self._costs: dict[tuple[str, Functions, int], CaseCost | None] = {}

    def changes(self, index: int) -> tuple[CostChange, ...]:
        """What patch `index` changes, each sentence once; only scenarios that its changed lines speak of."""
        state = self._models.states[index]
        words = touched_words(state)
        found: dict[str, CostChange] = {}
        for scenario in self._models.scenarios:
            if not applies(scenario, words):
                continue
            for functions in self._cases_of(scenario):
                schemes = [self._scheme(scenario, functions, at) for at in (index - 1, index)]
                # Who does the same pays the same, and most patches change nothing that is counted.
                if None in schemes or _does(schemes[0]) == _does(schemes[1]):
                    continue
                before, after = (self._cost(scenario, functions, at) for at in (index - 1, index))
                if before is None or after is None:
                    continue
                # What the read side pays is said once, however many updaters there are.
                again = any(each.after.reader == after.reader for each in found.values())
                text = cost_line(before, replace(after, read=before.read) if again else after)
                if text is not None:
                    told = CostChange(scenario.name, state.patch.index, before, after, text, functions)
                    found.setdefault(text, told)
        return tuple(found.values())

    def all_changes(self) -> tuple[CostChange, ...]:
        """What each patch changes, in their order; taken from what is kept, or counted and then kept."""
        positions = range(len(self._models.states))
        what = f"costs on {self._column}"
        kept = self._models.kept.recall(what)
        if isinstance(kept, tuple) and len(kept) == len(positions):
            return tuple(self._executable(index, change) for index in positions for change in kept[index])
        found = tuple(self.changes(index) for index in positions)
        self._models.kept.remember(what, found)
        return tuple(chain.from_iterable(found))

    def _executable(self, index: int, change: CostChange) -> CostChange:
        """A change that was kept, with what gives its schemes: they are lowered where somebody wants to see more."""
        scenario = next(each for each in self._models.scenarios if each.name == change.scenario)
        scheme = partial(self._scheme, scenario, change.functions)
        before, after = (
            replace(side, made=partial(scheme, at))
            for side, at in ((change.before, index - 1), (change.after, index))
        )
        return replace(change, before=before, after=after)

    def _cases_of(self, scenario: Scenario) -> list[Functions]:
        """The cases of a scenario; one function of a file stands for all that play a role, for they pay the same."""
        if scenario.name not in self._cases:
            read = self._models.reader(len(self._models.states) - 1)
            self._cases[scenario.name] = cases(with_players(scenario, (), read))
        return self._cases[scenario.name]

    def _scheme(self, scenario: Scenario, functions: Functions, index: int) -> Scheme | None:
        key = (scenario.name, functions, index)
        if key not in self._schemes:
            # One set of files for the whole series, or a patch would seem to change what it only brings into view.
            changed = self._models.code_after(len(self._models.states) - 1).changed
            at = replace(self._models.code_after(index), changed=changed)
            self._schemes[key] = _scheme(scenario, functions, at, self._column)
        return self._schemes[key]

    def _cost(self, scenario: Scenario, functions: Functions, index: int) -> CaseCost | None:
        key = (scenario.name, functions, index)
        if key not in self._costs:
            scheme = self._scheme(scenario, functions, index)
            self._costs[key] = scheme_cost(scheme) if scheme else None
        return self._costs[key]


def cost_lines(states: tuple[PatchState, ...]) -> tuple[str, ...]:
    """What each patch of a laid series changes, a line each, for a report; nothing where models were not asked."""
    from patchscan.model.scenarios.findings import models_of

    changes = SeriesCosts(models_of(states)).all_changes() if states else ()
    return tuple(f"patch {change.patch}: {change.text}" for change in changes)


def cost_line(before: CaseCost, after: CaseCost, cpus: int = CPUS, walkers: int = WALKERS) -> str | None:
    """One sentence on what became cheaper or dearer; None when no count differs.

    cpus, walkers: those that the counts were made with. A side that makes a call on one point only whose code
    was not seen is left out: what it does is in neither count.
    """
    parts = []
    waits = list(_differences(before.update, after.update, _WAITS))
    if waits and before.not_seen[0] == after.not_seen[0]:
        parts.append(f"one {after.updater}() makes {' and '.join(waits)}")
    reads = list(_gained(before.read, after.read))
    if reads and before.not_seen[1] == after.not_seen[1]:
        parts.append(f"a call of {after.reader}() changes by {' and '.join(reads)}")
    walking = "1 CPU walks" if walkers == 1 else f"{walkers} CPUs walk"
    whose = f"{ISOLATED} are isolated and in user space" if after.isolates else walking
    return f"on {cpus} CPUs, of which {whose}: {'; '.join(parts)} (counted)" if parts else None


def as_dict(change: CostChange) -> dict[str, object]:
    """A change as plain data for JSON."""
    sides = {
        name: {"updater": side.updater, "reader": side.reader, "update": side.update, "read": side.read}
        for name, side in (("before", change.before), ("after", change.after))
    }
    return {"scenario": change.scenario, "patch": change.patch, "text": change.text, **sides}


def _differences(
    before: Mapping[str, float], after: Mapping[str, float], names: tuple[tuple[str, str, str], ...]
) -> Iterator[str]:
    for name, one, many in names:
        old, new = before.get(name, 0), after.get(name, 0)
        if old != new:
            yield f"{new:g} {one if new == 1 else many} ({old:g} before)"


def _gained(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[str]:
    for name, one, many in _READ_SIDE:
        more = after.get(name, 0) - before.get(name, 0)
        if more:
            yield f"{more:+g} {one if abs(more) == 1 else many}"


def scheme_cost(scheme: Scheme, cpus: int = CPUS, walkers: int = WALKERS) -> CaseCost | None:
    """The counts of one case at one point of a series; None when it cannot be executed."""
    # Imported here: few patches change what must be counted, and the event loop takes its time to load.
    from patchscan.cost.run import Workload, run_once

    isolates = scheme.where == "isolated"
    workload = Workload(cpus, walkers=0 if isolates else walkers, isolated=ISOLATED if isolates else 0)
    try:
        outcome = run_once(scheme, workload, draw(load_constants(), 0, 0), 0)
    except ValueError:
        return None
    if outcome.stuck or not outcome.latencies:
        return None
    reader = scheme.reader.name if scheme.reader else ""
    return CaseCost(
        scheme.name, reader, _update(outcome), _read(outcome), isolates, _not_seen(scheme), lambda: scheme
    )


def _does(scheme: Scheme | None) -> tuple[object, ...]:
    """Equal for schemes whose programs do the same, places and names of registers left out."""
    if scheme is None:
        return ()
    programs = [(each.name, each.states, each.looks_at, signature(each.body)) for each in scheme.programs]
    return (scheme.where, *programs, *_not_seen(scheme))


def _not_seen(scheme: Scheme) -> tuple[frozenset[str], frozenset[str]]:
    update, read = (
        frozenset(text.partition("()")[0] for program in programs for text in program.missing)
        for programs in (scheme.update, (scheme.reader,) if scheme.reader else ())
    )
    return update, read


def _update(outcome: "Outcome") -> dict[str, int]:
    return {name: outcome.count(name, UPDATER) for name, _, _ in _WAITS}


def _read(outcome: "Outcome") -> dict[str, float]:
    return (
        {name: outcome.per_call(name) for name, _, _ in _READ_SIDE} if outcome.count("calls", READER) else {}
    )


def _scheme(scenario: Scenario, functions: Functions, at: Sources, column: str) -> Scheme | None:
    """The case as a scheme: who observes is the reader, the last other role updates."""
    column = column if column in scenario.columns else next(iter(scenario.columns))
    config = Config({**base_config(at.read, column), **scenario.config, **scenario.columns[column]})
    code = Codebase(at.read, scenario.files, config, at.changed, "x86", at.defining)
    stubs = load_stubs((*scenario.stubs, "machine.c"), config, [STUBS])
    observers = {atom.role for atom in scenario.bad}

    def lower(observes: bool, names: frozenset[str] = frozenset()) -> Program | None:
        for role, (name, path) in reversed(list(zip(scenario.roles, functions, strict=True))):
            if (role.name in observers) == observes:
                return _program(name, path, code, stubs, scenario, names)
        return None

    updater = lower(False)
    if updater is None:
        return None
    reader = lower(True, frozenset(updater.looks_at))
    where = "isolated" if "housekeeping" in updater.looks_at else "walkers"
    return replace(_EMPTY, name=updater.name, reader=reader, update=(updater,), where=where)


def _program(
    name: str, path: str, code: Codebase, stubs: Stubs, scenario: Scenario, names: frozenset[str]
) -> Program | None:
    choices = {key: value for key, value in scenario.choices.items() if key != "housekeeping"}

    def lower(_: Asked) -> Program | None:
        try:
            return lower_program(name, path, code, stubs, choices, scenario.look_into, names)
        except ValueError:
            return None

    key = (name, path, stubs, code.config, tuple(sorted(choices.items())), scenario.look_into, names)
    return _PROGRAMS.get(key, code, Asked, lower)


_PROGRAMS: Remembered[Asked, Program | None] = Remembered(200)
_EMPTY = Scheme("", "", None, (), (), {}, {})
