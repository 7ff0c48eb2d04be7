"""One case of a scenario in one configuration: its threads, and the verdict on them."""

from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from pathlib import Path

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.codebase.code import Codebase
from patchscan.codebase.sources import Sources, base_config
from patchscan.codebase.treefiles import Texts
from patchscan.kconfig.configured import Config, symbols_around
from patchscan.model.extraction.extract import Extraction, extract
from patchscan.model.extraction.signature import Signature, signature
from patchscan.model.extraction.slice import without_holes
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.scenario import Scenario
from patchscan.model.verdicts.kept_verdicts import judged
from patchscan.model.verdicts.verdict import Verdict

Functions = tuple[tuple[str, str], ...]
_WORD = pattern(r"[A-Za-z_]\w*")


def extract_case(
    scenario: Scenario,
    functions: Functions,
    column: str,
    at: Sources,
    stub_directories: Sequence[Path] = (),
) -> tuple[Extraction | None, Codebase]:
    """The threads of one case in one configuration (None when the code lacks one of its functions)."""
    scenario = in_column(scenario, column)
    code = codebase(scenario, column, at)
    values = scenario.columns[column]
    chosen = {name: number for name, number in values.items() if not name.startswith("CONFIG_")}
    scenario = replace(scenario, choices={**scenario.choices, **chosen})
    # The usual end, without a tree always: asked before the stubs are read.
    if any(code.function(name, path) is None for name, path in functions if not path.startswith("stubs/")):
        return None, code
    stubs = load_stubs(scenario.stubs, code.config, stub_directories)
    return extract(scenario, functions, code, stubs), code


def in_column(scenario: Scenario, column: str) -> Scenario:
    """The scenario as it is in one configuration: in some an architecture's flush is looked into."""
    follow = next((each for each in scenario.follow if each.arch == follows(scenario, column)), None)
    if follow is None:
        return scenario
    files = dict.fromkeys((*scenario.files, *follow.files))
    return replace(scenario, look_into=scenario.look_into | follow.look_into, files=tuple(files), doubt={})


def follows(scenario: Scenario, column: str) -> str:
    """The architecture whose flush a configuration looks into, "" for none."""
    return column.partition(" ")[0] if "FOLLOW" in scenario.columns[column] else ""


def codebase(scenario: Scenario, column: str, at: Sources) -> Codebase:
    """The code at one point of a series as a scenario sees it in one configuration."""
    scenario = in_column(scenario, column)
    config = _once(Config({**base_config(at.read, column), **scenario.config, **scenario.columns[column]}))
    arch = column if at.read(f"arch/{column}/Kconfig") is not None else "x86"
    return _codebase(at, scenario.files, config, arch)


@lru_cache(maxsize=64)
def _once(config: Config) -> Config:
    """Equal configurations as one object: to compare two of them takes a look at each symbol."""
    return config


@kept
def _codebase(at: Sources, files: tuple[str, ...], config: Config, arch: str) -> Codebase:
    """One code base for all who see the code alike: what one of them looked up is known to the others."""
    return Codebase(_texts(at), files, config, at.changed, arch, at.defining)


@kept
def _texts(at: Sources) -> Texts:
    """The texts of one point, shared by its code bases."""
    return Texts(at.read)


def judge_case(
    scenario: Scenario, functions: Functions, column: str, at: Sources, extraction: Extraction | None = None
) -> Verdict:
    """The verdict of one case in one configuration; raises ValueError when the code lacks one of its functions."""
    if extraction is None:
        extraction, _ = extract_case(scenario, functions, column, at)
    if extraction is None:
        raise ValueError(f"{scenario.name}: not all of {functions} are in the code")
    name = "-".join([scenario.name, *dict.fromkeys(function for function, _ in functions), column])
    verdict = judged(extraction, name, column, at.words, at.tree)
    if verdict.verdict == "unsafe" and verdict.decisive and scenario.doubt:
        verdict = _with_doubt(scenario, functions, column, at, verdict)
    values = {**base_config(at.read, column), **scenario.config, **scenario.columns[column]}
    return replace(verdict, decided=_decided(at, verdict, values))


def _with_doubt(
    scenario: Scenario, functions: Functions, column: str, at: Sources, verdict: Verdict
) -> Verdict:
    """An unsafe verdict that rests on a condition nobody here decides, unknown where the doubt makes it safe."""
    columns = {column: {**scenario.columns[column], **scenario.doubt}}
    extraction, _ = extract_case(replace(scenario, columns=columns), functions, column, at)
    doubted: frozenset[str] = frozenset()
    if extraction is None or judged(extraction, verdict.name, column, doubted, at.tree).verdict != "safe":
        return verdict
    symbols = ", ".join(sorted(scenario.doubt))
    reason = f"safe where {symbols} holds whenever {verdict.decisive[0]}; the model does not know"
    return replace(verdict, verdict="unknown", reasons=(reason,))


def _decided(at: Sources, verdict: Verdict, values: Mapping[str, int]) -> tuple[str, ...]:
    """The configuration symbols that the functions looked into stand under or ask for, with their values."""
    named: set[str] = set()
    code = Codebase(_texts(at), (), Config(values), at.changed)
    for path, name in sorted(verdict.visited):
        definition, text = code.callee(name, path), at.read(path)
        if definition is not None and text is not None:
            last = definition.first_line + definition.text.count(b"\n")
            named |= symbols_around(text, definition.first_line, last)
    return tuple(f"{symbol}={values.get(symbol, 0) or 'n'}".replace("=1", "=y") for symbol in sorted(named))


def lost_in(scenario: Scenario, column: str, at: Sources, visited: Set[tuple[str, str]]) -> tuple[str, ...]:
    """Of what the series changes and could not be laid, what some functions are, stand in or name."""
    if not at.lost:
        return ()
    code, named = codebase(scenario, column, at), set[str]()
    for path, name in visited:
        definition = code.callee(name, path)
        text = definition.text.decode("latin-1") if definition is not None else ""
        named |= {path, name, *_WORD.findall(text)}
    return tuple(f"{name}()" if "/" not in name else name for name in sorted(at.lost & named))


@kept
def shape(extraction: Extraction) -> Signature:
    """Equal for extractions that do the same in the same functions, whatever their lines are."""
    return tuple(signature(without_holes(thread.body)) for thread in extraction.threads)
