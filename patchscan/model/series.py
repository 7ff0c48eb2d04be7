"""The models that a series touches: which scenarios apply to a patch, and their verdicts before and after it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from weakref import WeakKeyDictionary

from patchscan.model.code import Codebase
from patchscan.model.config import Config, read_defconfig, read_selects
from patchscan.model.extract import extract
from patchscan.model.lift import lifted_files
from patchscan.model.scenario import Scenario, load_scenarios
from patchscan.model.stubs import load_stubs
from patchscan.model.verdict import Verdict, judge
from patchscan.overlay import PatchState, View

SCENARIOS = Path(__file__).parents[2] / "rules" / "scenarios"
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"/\*.*?\*/")
_REGISTER = re.compile(r"\b[rv]\d+\b")
Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Sources:
    """The code at one point of a series: how to read it, what the series changed, and how that was done."""

    read: Read
    changed: tuple[str, ...]
    listing: Callable[[str], Sequence[str]]
    notes: tuple[str, ...]


@cache
def shipped_scenarios() -> tuple[Scenario, ...]:
    """The scenarios that come with patchscan."""
    installed = Path(__file__).parents[1] / "rules" / "scenarios"
    return load_scenarios([path for path in (SCENARIOS, installed) if path.is_dir()][:1])


def verdicts_of_patch(
    states: tuple[PatchState, ...], index: int, scenarios: Sequence[Scenario] | None = None
) -> tuple[Verdict, ...]:
    """The verdicts of every model that patch `index` of a laid series changes, generic architecture first.

    `before` is the verdict without the patch, None where the model is not in the code then.
    """
    scenarios = shipped_scenarios() if scenarios is None else scenarios
    words = touched_words(states[index])
    applying = [scenario for scenario in scenarios if applies(scenario, words)]
    if not applying:
        return ()
    before, after = sources(states[:index], states[index].view), sources(states[: index + 1], states[index].view)
    return tuple(verdict for scenario in applying for verdict in compare(scenario, before, after))


def touched_words(state: PatchState) -> frozenset[str]:
    """The identifiers on the lines that a patch changes, and in what git says the hunks belong to."""
    words: set[str] = set()
    for file in state.files:
        for hunk in file.change.hunks:
            words.update(_WORD.findall(hunk.section))
            for line in hunk.lines:
                if line.kind != " ":
                    words.update(_WORD.findall(line.text))
    return frozenset(words)


def applies(scenario: Scenario, words: frozenset[str]) -> bool:
    """Whether a patch that touches these identifiers may concern a scenario."""
    return any(fnmatchcase(word, pattern) for pattern in scenario.when for word in words)


def sources(states: tuple[PatchState, ...], view: View) -> Sources:
    """The code after the patches of `states` (none: the tree itself)."""
    tree = view.tree
    contents, notes = lifted_files(states)

    def read(path: str) -> bytes | None:
        if path in contents:
            return contents[path]
        return tree.read(path) if tree is not None else None

    def listing(directory: str) -> Sequence[str]:
        if tree is None:
            return ()
        return [p for p in tree.files(directory) if p.endswith(".c") and p.rpartition("/")[0] == directory]

    return Sources(read, tuple(sorted(contents)), listing, notes)


def compare(scenario: Scenario, before: Sources, after: Sources) -> list[Verdict]:
    """The verdicts of one scenario's cases that differ between two states of the code."""
    found = []
    for functions in cases(scenario):
        generic: Verdict | None = None
        for column in scenario.columns:
            verdict = judge_case(scenario, functions, column, after)
            if verdict is None:
                continue
            earlier = judge_case(scenario, functions, column, before)
            if earlier is not None and _model(earlier) == _model(verdict):
                continue
            if generic is not None and _model(generic) == _model(verdict):
                continue
            generic = generic or verdict
            found.append(
                replace(
                    verdict,
                    before=earlier.verdict if earlier is not None else None,
                    assumptions=(*verdict.assumptions, *after.notes),
                )
            )
    return found


def cases(scenario: Scenario) -> list[tuple[tuple[str, str], ...]]:
    """Every way to give the scenario's roles to functions; roles with the same candidates take the same one."""
    pools = list(dict.fromkeys(role.functions for role in scenario.roles))
    return [
        tuple(dict(zip(pools, chosen, strict=True))[role.functions] for role in scenario.roles)
        for chosen in product(*pools)
    ]


def judge_case(
    scenario: Scenario, functions: tuple[tuple[str, str], ...], column: str, at: Sources
) -> Verdict | None:
    """The verdict of one case in one configuration; None when the code lacks one of its functions."""
    values = scenario.columns[column]
    config = Config({**base_config(at.read, column), **scenario.config, **values})
    chosen = {name: number for name, number in values.items() if not name.startswith("CONFIG_")}
    scenario = replace(scenario, choices={**scenario.choices, **chosen})
    arch = column if at.read(f"arch/{column}/Kconfig") is not None else "x86"
    code = Codebase(at.read, scenario.files, config, at.changed, arch, at.listing)
    extraction = extract(scenario, functions, code, load_stubs(scenario.stubs, config))
    if extraction is None:
        return None
    name = "-".join([scenario.name, *dict.fromkeys(function for function, _ in functions), column])
    verdict = judge(extraction, name, column)
    return replace(verdict, decided=_decided(code, verdict))


_CONFIGS: "WeakKeyDictionary[Read, dict[str, dict[str, int]]]" = WeakKeyDictionary()
_DEFCONFIG = {"arm64": "arch/arm64/configs/defconfig"}
_ROOTS = {"arm64": ("ARM64",)}


def base_config(read: Read, column: str) -> Mapping[str, int]:
    """The symbols of an architecture's defconfig, and those its Kconfig selects; x86's for the generic one."""
    known = _CONFIGS.setdefault(read, {})
    if column not in known:
        path = _DEFCONFIG.get(column, "arch/x86/configs/x86_64_defconfig")
        text = read(path)
        values = read_defconfig(text.decode("latin-1")) if text is not None else {}
        kconfig = read("arch/arm64/Kconfig" if column == "arm64" else "arch/x86/Kconfig")
        roots = _ROOTS.get(column, ("X86", "X86_64", "64BIT", "SMP", "PARAVIRT"))
        selected = read_selects(kconfig.decode("latin-1"), roots) if kconfig is not None else {}
        always = {"CONFIG_SMP": 1, "CONFIG_MMU": 1, "CONFIG_PGTABLE_LEVELS": 5, "CONFIG_64BIT": 1}
        known[column] = {**selected, **values, **always}
    return known[column]


def _decided(code: Codebase, verdict: Verdict) -> tuple[str, ...]:
    """The configuration symbols that the functions looked into ask for, with their values."""
    named: set[str] = set()
    for path, name in verdict.visited:
        definition = code.callee(name, path)
        named |= code.symbols_around(definition) if definition is not None else set()
    decided = code.config.decided
    return tuple(f"{symbol}={'y' if decided[symbol] else 'n'}" for symbol in sorted(named & decided.keys()))


def _model(verdict: Verdict) -> str:
    """What of a verdict does not depend on line numbers and names of registers."""
    names: dict[str, str] = {}

    def rename(found: "re.Match[str]") -> str:
        return names.setdefault(found.group(), f"%{len(names)}")

    litmus = "\n".join(_COMMENT.sub("", verdict.litmus).splitlines()[1:])
    return f"{verdict.verdict} {verdict.models} {_REGISTER.sub(rename, litmus)}"
