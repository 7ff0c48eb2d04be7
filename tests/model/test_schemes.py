"""Every scheme of the threads, on a miniature tree: its verdict, what the verdict rests on, and the repair."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from patchscan.basics.record import replace
from patchscan.codebase.code import Codebase
from patchscan.kconfig.configured import Config
from patchscan.model.extraction.extract import extract
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.scenario import Scenario, load_scenarios
from patchscan.model.verdicts.verdict import Verdict, judge

ROOT = Path(__file__).parents[2]
SCHEMES = ROOT / "fixtures" / "schemes"
ROWS = tomllib.loads((SCHEMES / "rows.toml").read_text())["row"]


@cache
def scenarios() -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in load_scenarios([ROOT / "rules" / "scenarios"])}


def read(path: str) -> bytes | None:
    file = SCHEMES / "tree" / path
    return file.read_bytes() if file.is_file() else None


def run(row: dict[str, Any]) -> Verdict:
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
    functions = [role.functions[-1] for role in scenario.roles]
    if "updater" in row:
        path, _, name = row["updater"].rpartition(":")
        functions[-1] = (name, path)
    code = Codebase(read, scenario.files, config)
    extraction = extract(scenario, functions, code, load_stubs(scenario.stubs, config))
    assert extraction is not None, functions
    return judge(extraction, row["name"], "fixture")


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_scheme(row: dict[str, Any]) -> None:
    verdict = run(row)
    assert verdict.verdict == row["verdict"], (verdict.reasons, verdict.unmodelled, verdict.litmus)
    if row["verdict"] == "safe":
        turned = [result.text for result in verdict.mutations if result.outcome == "Sometimes"]
        assert any(row["mutation"] in text for text in turned), verdict.mutations
    else:
        assert row["repair"] in (verdict.repair or ""), verdict.repair
    if "interrupts" in row:
        assert verdict.interrupts == row["interrupts"]
    assert any(row["note"] in note for note in verdict.notes) if "note" in row else not verdict.notes
