"""The models that a series touches: which scenarios apply to a patch, and their verdicts before and after it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, count, product
from pathlib import Path
from typing import TYPE_CHECKING

from patchscan.basics.record import frozen, replace
from patchscan.codebase.changed_words import touched_words
from patchscan.codebase.code import Codebase
from patchscan.codebase.sources import Read, Sources, base_config, sources
from patchscan.kconfig.configured import Config
from patchscan.model.extraction.extract import Extraction, is_cut
from patchscan.model.extraction.signature import Signature
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.followed import followed
from patchscan.model.scenarios.kept_models import KeptModels
from patchscan.model.scenarios.one_case import (
    Functions,
    codebase,
    extract_case,
    follows,
    judge_case,
    lost_in,
    shape,
)
from patchscan.model.scenarios.players import plays, with_players
from patchscan.model.scenarios.scenario import DEFAULT_STUBS, Scenario
from patchscan.model.scenarios.touched import applies, shipped_scenarios
from patchscan.model.verdicts.verdict import Verdict, against, turned_unsafe
from patchscan.tree.overlay import PatchState, View

if TYPE_CHECKING:
    from patchscan.model.scenarios.shapes import Bound

_Key = tuple[str, Functions, str, int]
_AS_HELD = ("between the hunks of the series the code is that of the version in the tree",)
# What the verdicts of a series are kept as: with every column, or not.
_NAMES = {False: "models", True: "models of every column"}


@frozen
class _Said:
    """The verdicts of each patch, the rule that reports each scenario in them, and whether any scenario applies."""

    patches: tuple[tuple[Verdict, ...], ...]
    rules: Mapping[str, str]
    applies: bool


class SeriesModels:
    """The models of one laid series; the code after a patch is looked at once, for it is what the next one finds.

    states: as patchscan.tree.overlay.lay() gives them; kept: where what comes of them is kept.
    """

    def __init__(
        self,
        states: tuple[PatchState, ...],
        scenarios: Sequence[Scenario] | None = None,
        stub_directories: Sequence[Path] = (),
    ) -> None:
        self._stub_directories = tuple(stub_directories)
        self.scenarios = shipped_scenarios() if scenarios is None else tuple(scenarios)
        self.kept = KeptModels(states, self.scenarios, self._stub_directories)
        self.states = self.kept.states
        self._sources: dict[int, Sources] = {}
        self._extractions: dict[_Key, Extraction | None] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._patches: dict[tuple[int, bool], tuple[Verdict, ...]] = {}
        self._begun: list[tuple[int, bool]] = []
        self._recalled: dict[bool, _Said | None] = {}
        self._news: set[str] = set()
        self._follows: dict[tuple[str, Functions, tuple[str, ...], int], Mapping[str, Verdict]] = {}
        # Up to here the tree holds a version of the series: what was before it is not known.
        self._held = max((index for index, state in enumerate(states) if state.held), default=-1)

    def concerns(self, index: int) -> bool:
        """Whether patch `index` touches code, and some scenario may apply to the series; costs nothing."""
        return bool(touched_words(self.states[index])) and self._applies

    @cached_property
    def _applies(self) -> bool:
        """Whether some scenario applies to the series."""
        said = self._recall(False)
        if said is not None:
            return said.applies
        applies = bool(self._applying or self._bound)
        if not applies and not self._begun:
            self._keep(False, ((),) * len(self.states), False)
        return applies

    def _recall(self, every_column: bool) -> "_Said | None":
        """What is kept of all patches, asked for once, and only as long as no model was looked at."""
        if every_column not in self._recalled:
            said = self.kept.recall(_NAMES[every_column]) if not self._begun else None
            whole = said if isinstance(said, tuple) and len(said) == 3 else None
            self._recalled[every_column] = _Said(*whole) if whole is not None else None
        return self._recalled[every_column]

    def _keep(self, every_column: bool, patches: tuple[tuple[Verdict, ...], ...], applies: bool) -> None:
        rules = {verdict.scenario: self.rule(verdict) for verdict in chain.from_iterable(patches)}
        self.kept.remember(_NAMES[every_column], (patches, rules, applies))

    @cached_property
    def _applying(self) -> tuple[Scenario, ...]:
        """The scenarios that some patch of the series speaks of."""
        words = frozenset().union(*(touched_words(state) for state in self.states))
        found = (
            each
            for each in self.scenarios
            if not each.is_shape
            and (applies(each, words) or any(plays(each, state) for state in self.states))
        )
        read = self._at(len(self.states) - 1).read
        return tuple(with_players(each, self.states, read) for each in found)

    @cached_property
    def _bound(self) -> "tuple[Bound, ...]":
        """The generic shapes that functions of the series make with each other."""
        words = frozenset().union(*(touched_words(state) for state in self.states))
        shapes = [each for each in self.scenarios if each.is_shape and applies(each, words)]
        if not shapes:
            return ()
        from patchscan.model.scenarios.shapes import bind

        at = self._at(len(self.states) - 1)
        config = Config(base_config(at.read, "generic"), default=1)
        code = Codebase(at.read, at.changed, config, at.changed, defining=at.defining)
        return bind(shapes, self.states, code, load_stubs(DEFAULT_STUBS, config, self._stub_directories))

    def _touches(self, scenario: Scenario, functions: Functions, index: int) -> bool:
        """Whether a patch speaks of the scenario, or of a function that its model looks into."""
        first = 0 if index == self._held else index
        words = frozenset().union(*(touched_words(state) for state in self.states[first : index + 1]))
        if applies(scenario, words):
            return True
        earlier = -1 if index == self._held else index - 1
        before = self._extraction(scenario, functions, next(iter(scenario.columns)), earlier)
        return before is not None and bool(words & before.names)

    def reader(self, index: int) -> Read:
        """How to read the code after patch `index` as the models saw it."""
        return self._at(index).read

    def code_after(self, index: int) -> Sources:
        """The code after patch `index`, with what was lifted from patches that do not apply."""
        return self._at(index)

    def patch(self, index: int, every_column: bool = False) -> tuple[Verdict, ...]:
        """The verdicts of every model that patch `index` changes; `before` is the verdict without the patch.

        The generic architecture comes first, the others only where it is unsafe or where they are asked for.
        """
        if index < self._held:
            return ()
        if (index, every_column) not in self._patches:
            said = self._recall(every_column)
            if said is not None:
                self._patches[index, every_column] = said.patches[index]
            else:
                self._begun.append((index, every_column))
                self._patches[index, every_column] = tuple(self._verdicts_of(index, every_column))
                self._remember(every_column)
        return self._patches[index, every_column]

    def _verdicts_of(self, index: int, every_column: bool) -> Iterator[Verdict]:
        for scenario in self._applying:
            for functions in cases(scenario):
                if self._touches(scenario, functions, index):
                    yield from self._case(scenario, functions, index, index - 1, every_column)
        for bound in self._bound:
            for functions in cases(bound.scenario) if bound.patch == index else ():
                for verdict in self._case(bound.scenario, functions, index, -1, every_column):
                    if verdict.before == "safe" or not bound.lost:
                        yield verdict

    def _remember(self, every_column: bool) -> None:
        """Keep what was said where it is all of it, each patch looked at once and in order: what is said of one rests
        on what was said before."""
        whole = [(index, every_column) for index in range(max(self._held, 0), len(self.states))]
        if self._begun == whole and list(self._patches) == whole:
            patches = tuple(self._patches.get((index, every_column), ()) for index in range(len(self.states)))
            self._keep(every_column, patches, bool(self._applying or self._bound))

    def first_unsafe(self, scenario: str) -> Verdict | None:
        """The first verdict of a scenario, in the order of the patches, that turned unsafe."""
        return next(
            (
                verdict
                for index in range(len(self.states))
                for verdict in self.patch(index)
                if verdict.scenario == scenario and turned_unsafe(verdict)
            ),
            None,
        )

    def rule(self, verdict: Verdict) -> str:
        """The rule that a verdict's scenario names."""
        for said in self._recalled.values():
            if said is not None and verdict.scenario in said.rules:
                return said.rules[verdict.scenario]
        every = (*self.scenarios, *(bound.scenario for bound in self._bound))
        return next(scenario.rule for scenario in every if scenario.name == verdict.scenario)

    def seen(self) -> tuple[tuple[int, Verdict], ...]:
        """The verdicts given so far with the index of their patch, in the order of the patches."""
        return tuple(
            {v.name: (key[0], v) for key in sorted(self._patches) for v in self._patches[key]}.values()
        )

    def _case(
        self, scenario: Scenario, functions: Functions, index: int, earlier_index: int, every_column: bool
    ) -> Iterator[Verdict]:
        """The verdicts after patch `index` where it differs from the code after patch `earlier_index`.

        A configuration that looks into a flush is asked where the patch touches that, the others while they differ.
        """
        seen: set[Signature] = set()
        goes_on = True
        held = index == self._held
        earlier_index = -1 if held else max(earlier_index, self._held)
        for number, column in enumerate(scenario.columns):
            is_flush = bool(follows(scenario, column))
            if not (every_column or self._touches_flush(scenario, index) if is_flush else goes_on):
                continue
            before = self._extraction(scenario, functions, column, earlier_index)
            goes_by_shape = not held and not self._loses(scenario, column, index, earlier_index, before)
            is_same = (
                goes_by_shape
                and before is not None
                and before.same_in(codebase(scenario, column, self._at(index)))
            )
            after = None if is_same else self._extraction(scenario, functions, column, index)
            # What a patch changes may stand behind the place at which a model was left.
            goes_by_shape = goes_by_shape and not (after is not None and any(map(is_cut, after.threads)))
            if after is None or (goes_by_shape and before is not None and shape(before) == shape(after)):
                goes_on = goes_on and is_flush
                continue
            if shape(after) in seen:
                continue
            seen.add(shape(after))
            verdict = self._judge(scenario, functions, column, index, after)
            earlier = (
                self._judge(scenario, functions, column, earlier_index, before)
                if before is not None
                else None
            )
            others = self._followed(scenario, functions, index, verdict)
            known = self._followed(scenario, functions, earlier_index, earlier) if others else {}
            for label, each in (others or {column: verdict}).items():
                lost = lost_in(scenario, column, self._at(index), each.visited | after.visited)
                yield self._of_patch(against(each, known.get(label, earlier)), index, lost)
            verdict = against(verdict, earlier)
            if number == 0 and not every_column and not self._is_news(verdict, earlier):
                goes_on = False

    def _loses(
        self, scenario: Scenario, column: str, index: int, earlier: int, before: "Extraction | None"
    ) -> bool:
        """Whether what a patch changes in the code of a model fits nowhere: that it stays as it was says nothing."""
        lost = self._at(index).lost - self._at(earlier).lost
        if not lost or before is None:
            return False
        return bool(lost_in(scenario, column, replace(self._at(index), lost=lost), before.visited))

    def _of_patch(self, verdict: Verdict, index: int, lost: Sequence[str]) -> Verdict:
        """The verdict as one on patch `index`, with how its code came about; lost: see lost_in()."""
        at = self._at(index)
        if lost and verdict.verdict in ("safe", "unsafe"):
            reason = f"what the series changes in {', '.join(lost)} fits nowhere in this tree"
            verdict = replace(verdict, verdict="unknown", reasons=(reason,))
        return replace(
            verdict,
            name=f"{verdict.name}-patch-{self.states[index].patch.index}",
            before=verdict.before if index > self._held else None,
            held=verdict.before if index == self._held else None,
            assumptions=(*verdict.assumptions, *at.notes, *(_AS_HELD if index == self._held else ())),
        )

    def _touches_flush(self, scenario: Scenario, index: int) -> bool:
        """Whether a patch changes a file in which an architecture flushes."""
        files = {path for follow in scenario.follow for path in follow.files}
        return any(file.change.path in files for file in self.states[index].files)

    def _followed(
        self, scenario: Scenario, functions: Functions, index: int, verdict: Verdict | None
    ) -> Mapping[str, Verdict]:
        """By configuration the verdicts in place of one that rests on a switch; none where nobody sets it."""
        if verdict is None or not verdict.switches or not scenario.follow:
            return {}
        key = (scenario.name, functions, verdict.switches, index)
        if key not in self._follows:
            found = followed(scenario, functions, self._at(index), verdict.switches, self._stub_directories)
            self._follows[key] = _by_config(found)
        return self._follows[key]

    def _is_news(self, verdict: Verdict, earlier: Verdict | None) -> bool:
        """Whether a verdict is the first of its scenario that turned unsafe: what architectures say is asked then."""
        if verdict.verdict != "unsafe" or (earlier is not None and earlier.verdict == "unsafe"):
            return False
        first = verdict.scenario not in self._news
        self._news.add(verdict.scenario)
        return first

    def _at(self, index: int) -> Sources:
        """The code after patch `index`; -1 is that before the series, or with a version of it in the tree."""
        if index not in self._sources:
            first = self.states[0]
            start = None if self._held >= 0 else first.start
            before = start or View(first.view.tree, {})
            view = self.states[index].view if index >= 0 else before
            self._sources[index] = sources(self.states[: index + 1], view)
        return self._sources[index]

    def _extraction(
        self, scenario: Scenario, functions: Functions, column: str, index: int
    ) -> "Extraction | None":
        key = (scenario.name, functions, column, index)
        if key not in self._extractions:
            extraction, _ = extract_case(scenario, functions, column, self._at(index), self._stub_directories)
            self._extractions[key] = extraction
        return self._extractions[key]

    def _judge(
        self, scenario: Scenario, functions: Functions, column: str, index: int, extraction: Extraction
    ) -> Verdict:
        key = f"{scenario.name} {functions} {column} {extraction.threads!r}"
        if key not in self._verdicts:
            self._verdicts[key] = judge_case(scenario, functions, column, self._at(index), extraction)
        return self._verdicts[key]


def _by_config(verdicts: Iterable[Verdict]) -> Mapping[str, Verdict]:
    """Verdicts by configuration, a number added where two have the same."""
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        names = chain([verdict.config], (f"{verdict.config} ({number})" for number in count(2)))
        free = next(name for name in names if name not in found)
        found[free] = replace(verdict, config=free, name=verdict.name + free.removeprefix(verdict.config))
    return found


def cases(scenario: Scenario) -> list[Functions]:
    """Every way to give the scenario's roles to functions; roles with the same candidates take the same one."""
    pools = list(dict.fromkeys(role.functions for role in scenario.roles))
    return [
        tuple(dict(zip(pools, chosen, strict=True))[role.functions] for role in scenario.roles)
        for chosen in product(*pools)
    ]
