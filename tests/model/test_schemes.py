"""Every scheme of the threads, on a miniature tree: its verdict, what the verdict rests on, and the repair; the same
whatever its functions are called."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from patchscan.basics.record import replace
from patchscan.c.source import parse
from patchscan.codebase.code import Codebase
from patchscan.kconfig.configured import Config
from patchscan.model.extraction.extract import Extraction, extract
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.players import with_players
from patchscan.model.scenarios.scenario import Scenario, load_scenarios
from patchscan.model.verdicts.verdict import Verdict, judge

ROOT = Path(__file__).parents[2]
SCHEMES = ROOT / "fixtures" / "schemes"
ROWS = tomllib.loads((SCHEMES / "rows.toml").read_text())["row"]


@cache
def scenarios() -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in load_scenarios([ROOT / "rules" / "scenarios"])}


@cache
def texts() -> dict[str, bytes]:
    """The files of the miniature tree."""
    tree = SCHEMES / "tree"
    return {str(path.relative_to(tree)): path.read_bytes() for path in sorted(tree.rglob("*.[ch]"))}


@cache
def renaming() -> dict[bytes, bytes]:
    """New names for the functions that the tree defines and that nobody outside it has to know.

    What stubs stand for and what a row or a scenario looks into or looks for is the kernel's, and known by its name.
    """
    known = set().union(*(load_stubs(each.stubs, Config({})).definitions for each in scenarios().values()))
    for scenario in scenarios().values():
        known |= {
            *scenario.look_into,
            *(name for role in scenario.roles for each in role.calls for name in each),
        }
    known |= {name for row in ROWS for name in row.get("look_into", ())}
    defined = {function.name for path, text in texts().items() for function in parse(text, path).functions()}
    return {name.encode(): f"other_{number}".encode() for number, name in enumerate(sorted(defined - known))}


def renamed(text: bytes) -> bytes:
    return re.sub(rb"\b\w+\b", lambda found: renaming().get(found.group(), found.group()), text)


def extracted(row: dict[str, Any], tree: Mapping[str, bytes]) -> Extraction:
    scenario = scenarios()[row["scenario"]]
    look_into = scenario.look_into | set(row.get("look_into", ()))
    choices = {**scenario.choices, **row.get("choices", {})}
    scenario = replace(
        scenario, look_into=look_into, choices=choices, files=(*scenario.files, "arch/x86/mm/tlb.c")
    )
    values = {
        **scenario.config,
        **dict.fromkeys(row["config"], 1),
        **dict.fromkeys(row.get("without", ()), 0),
    }
    config = Config(values)
    scenario = with_players(scenario, (), tree.get)
    functions = [role.functions[-1] for role in scenario.roles]
    if "updater" in row:
        functions[-1] = next(each for each in scenario.roles[-1].functions if each[1] == row["updater"])
    code = Codebase(tree.get, scenario.files, config)
    extraction = extract(scenario, functions, code, load_stubs(scenario.stubs, config))
    assert extraction is not None, functions
    return extraction


def run(row: dict[str, Any], tree: Mapping[str, bytes]) -> Verdict:
    return judge(extracted(row, tree), row["name"], "fixture")


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_scheme(row: dict[str, Any]) -> None:
    verdict = run(row, texts())
    assert verdict.verdict == row["verdict"], (verdict.reasons, verdict.unmodelled, verdict.litmus)
    if row["verdict"] == "safe":
        turned = [result.text for result in verdict.mutations if result.outcome == "Sometimes"]
        assert any(row["mutation"] in text for text in turned), verdict.mutations
    else:
        assert row["repair"] in (verdict.repair or ""), verdict.repair
    if "interrupts" in row:
        assert verdict.interrupts == row["interrupts"]
    assert any(row["note"] in note for note in verdict.notes) if "note" in row else not verdict.notes


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_other_names_keep_the_verdict(row: dict[str, Any]) -> None:
    verdict = run(row, {path: renamed(text) for path, text in texts().items()})
    assert verdict.verdict == row["verdict"], (verdict.functions, verdict.reasons)
    assert {name for _, name in verdict.functions} & {name.decode() for name in renaming().values()}


def test_no_scenario_names_a_function_of_the_kernel_for_a_role() -> None:
    """A role is a part of the hardware or of a caller, which a stub writes down, or whoever does what it does."""
    for scenario in scenarios().values():
        for role in scenario.roles:
            assert role.does or role.calls or role.functions
            assert all(path.startswith("stubs/") for _, path in role.functions), (scenario.name, role.name)
