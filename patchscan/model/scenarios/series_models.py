"""The models that a series touches: which scenarios apply to a patch, and their verdicts before and after it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from patchscan.basics.record import replace
from patchscan.codebase.changed_words import touched_words
from patchscan.codebase.code import Codebase
from patchscan.codebase.sources import Read, Sources, base_config, sources
from patchscan.kconfig.configured import Config, symbols_around
from patchscan.model.extraction.extract import Extraction, extract
from patchscan.model.extraction.signature import Signature, signature
from patchscan.model.extraction.slice import without_holes
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.players import plays, with_players
from patchscan.model.scenarios.scenario import DEFAULT_STUBS, Scenario
from patchscan.model.scenarios.touched import applies, shipped_scenarios
from patchscan.model.verdicts.verdict import Verdict, against, judge
from patchscan.tree.overlay import PatchState

if TYPE_CHECKING:
    from patchscan.model.scenarios.shapes import Bound

Functions = tuple[tuple[str, str], ...]
_Key = tuple[str, Functions, str, int]


class SeriesModels:
    """The models of one laid series; the code after a patch is looked at once, for it is what the next one finds.

    states: as patchscan.tree.overlay.lay() gives them.
    """

    def __init__(
        self,
        states: tuple[PatchState, ...],
        scenarios: Sequence[Scenario] | None = None,
        stub_directories: Sequence[Path] = (),
    ) -> None:
        self.states = states
        self._stub_directories = tuple(stub_directories)
        self.scenarios = shipped_scenarios() if scenarios is None else tuple(scenarios)
        self._sources: dict[int, Sources] = {}
        self._extractions: dict[_Key, Extraction | None] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._patches: dict[tuple[int, bool], tuple[Verdict, ...]] = {}
        self._news: set[str] = set()

    def concerns(self, index: int) -> bool:
        """Whether patch `index` touches code, and some scenario may apply to the series; costs nothing."""
        return bool(self._applying or self._bound) and bool(touched_words(self.states[index]))

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
        words = touched_words(self.states[index])
        if applies(scenario, words):
            return True
        before = self._extraction(scenario, functions, next(iter(scenario.columns)), index - 1)
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
        if (index, every_column) not in self._patches:
            named = (
                verdict
                for scenario in self._applying
                for functions in cases(scenario)
                if self._touches(scenario, functions, index)
                for verdict in self._case(scenario, functions, index, index - 1, every_column)
            )
            generic = (
                verdict
                for bound in self._bound
                if bound.patch == index
                for functions in cases(bound.scenario)
                for verdict in self._case(bound.scenario, functions, index, -1, every_column)
                if verdict.before == "safe" or not bound.lost
            )
            self._patches[index, every_column] = (*named, *generic)
        return self._patches[index, every_column]

    def first_unsafe(self, scenario: str) -> Verdict | None:
        """The first verdict of a scenario, in the order of the patches, that turned unsafe."""
        return next(
            (
                verdict
                for index in range(len(self.states))
                for verdict in self.patch(index)
                if verdict.scenario == scenario and verdict.verdict == "unsafe" and verdict.before != "unsafe"
            ),
            None,
        )

    def rule(self, verdict: Verdict) -> str:
        """The rule that a verdict's scenario names."""
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
        """The verdicts after patch `index` where it differs from the code after patch `earlier_index`."""
        seen: set[Signature] = set()
        for number, column in enumerate(scenario.columns):
            before = self._extraction(scenario, functions, column, earlier_index)
            if before is not None and before.same_in(codebase(scenario, column, self._at(index))):
                return
            after = self._extraction(scenario, functions, column, index)
            if after is None or (before is not None and shape(before) == shape(after)):
                return
            if shape(after) in seen:
                continue
            seen.add(shape(after))
            verdict = self._judge(scenario, functions, column, index, after)
            earlier = (
                self._judge(scenario, functions, column, earlier_index, before)
                if before is not None
                else None
            )
            verdict = against(verdict, earlier)
            yield replace(
                verdict,
                name=f"{verdict.name}-patch-{self.states[index].patch.index}",
                assumptions=(*verdict.assumptions, *self._at(index).notes),
            )
            if number == 0 and not every_column and not self._is_news(verdict, earlier):
                return

    def _is_news(self, verdict: Verdict, earlier: Verdict | None) -> bool:
        """Whether a verdict is the first of its scenario that turned unsafe: what architectures say is asked then."""
        if verdict.verdict != "unsafe" or (earlier is not None and earlier.verdict == "unsafe"):
            return False
        first = verdict.scenario not in self._news
        self._news.add(verdict.scenario)
        return first

    def _at(self, index: int) -> Sources:
        """The code after patch `index`; -1 is the tree."""
        if index not in self._sources:
            self._sources[index] = sources(self.states[: index + 1], self.states[max(index, 0)].view)
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


def cases(scenario: Scenario) -> list[Functions]:
    """Every way to give the scenario's roles to functions; roles with the same candidates take the same one."""
    pools = list(dict.fromkeys(role.functions for role in scenario.roles))
    return [
        tuple(dict(zip(pools, chosen, strict=True))[role.functions] for role in scenario.roles)
        for chosen in product(*pools)
    ]


def extract_case(
    scenario: Scenario,
    functions: Functions,
    column: str,
    at: Sources,
    stub_directories: Sequence[Path] = (),
) -> tuple[Extraction | None, Codebase]:
    """The threads of one case in one configuration (None when the code lacks one of its functions)."""
    code = codebase(scenario, column, at)
    values = scenario.columns[column]
    chosen = {name: number for name, number in values.items() if not name.startswith("CONFIG_")}
    scenario = replace(scenario, choices={**scenario.choices, **chosen})
    # The usual end, without a tree always: asked before the stubs are read.
    if any(code.function(name, path) is None for name, path in functions if not path.startswith("stubs/")):
        return None, code
    stubs = load_stubs(scenario.stubs, code.config, stub_directories)
    return extract(scenario, functions, code, stubs), code


def codebase(scenario: Scenario, column: str, at: Sources) -> Codebase:
    """The code at one point of a series as a scenario sees it in one configuration."""
    config = Config({**base_config(at.read, column), **scenario.config, **scenario.columns[column]})
    arch = column if at.read(f"arch/{column}/Kconfig") is not None else "x86"
    return Codebase(at.read, scenario.files, config, at.changed, arch, at.defining)


def judge_case(
    scenario: Scenario, functions: Functions, column: str, at: Sources, extraction: Extraction | None = None
) -> Verdict:
    """The verdict of one case in one configuration; raises ValueError when the code lacks one of its functions."""
    if extraction is None:
        extraction, _ = extract_case(scenario, functions, column, at)
    if extraction is None:
        raise ValueError(f"{scenario.name}: not all of {functions} are in the code")
    name = "-".join([scenario.name, *dict.fromkeys(function for function, _ in functions), column])
    verdict = judge(extraction, name, column, at.words)
    if verdict.verdict == "unsafe" and verdict.decisive and scenario.doubt:
        verdict = _with_doubt(scenario, functions, column, at, verdict)
    return replace(
        verdict, decided=_decided(at, verdict, {**base_config(at.read, column), **scenario.config})
    )


def _with_doubt(
    scenario: Scenario, functions: Functions, column: str, at: Sources, verdict: Verdict
) -> Verdict:
    """An unsafe verdict that rests on a condition nobody here decides, unknown where the doubt makes it safe."""
    columns = {column: {**scenario.columns[column], **scenario.doubt}}
    extraction, _ = extract_case(replace(scenario, columns=columns), functions, column, at)
    if extraction is None or judge(extraction, verdict.name, column).verdict != "safe":
        return verdict
    symbols = ", ".join(sorted(scenario.doubt))
    reason = f"safe where {symbols} holds whenever {verdict.decisive[0]}; the model does not know"
    return replace(verdict, verdict="unknown", reasons=(reason,))


def _decided(at: Sources, verdict: Verdict, values: Mapping[str, int]) -> tuple[str, ...]:
    """The configuration symbols that the functions looked into stand under or ask for, with their values."""
    named: set[str] = set()
    code = Codebase(at.read, (), Config(values), at.changed)
    for path, name in sorted(verdict.visited):
        definition, text = code.callee(name, path), at.read(path)
        if definition is not None and text is not None:
            last = definition.first_line + definition.text.count(b"\n")
            named |= symbols_around(text, definition.first_line, last)
    return tuple(f"{symbol}={values.get(symbol, 0) or 'n'}".replace("=1", "=y") for symbol in sorted(named))


def shape(extraction: Extraction) -> Signature:
    """Equal for extractions that do the same in the same functions, whatever their lines are."""
    return tuple(signature(without_holes(thread.body)) for thread in extraction.threads)
