"""Verdicts as text, as JSON and as files."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from patchscan.basics.fields import as_dict
from patchscan.basics.pattern import pattern
from patchscan.model.verdicts.verdict import Verdict
from patchscan.results import ModelResult, Step

# The end of the name of a verdict on a series (patchscan.model.scenarios.series_models).
_PATCH = pattern(r"-patch-(\d+)$")
_NAME = pattern(r"[^A-Za-z0-9_.+-]+")


def file_name(verdict: Verdict) -> str:
    """The verdict's name as that of a file, without suffix."""
    return _NAME.sub("_", verdict.name).strip("._") or "model"


def verdict_dict(verdict: Verdict) -> dict[str, Any]:
    """One verdict as plain data, as the report's schema has it."""
    return {
        "name": verdict.name,
        "scenario": verdict.scenario,
        "config": verdict.config,
        "functions": [{"role": role, "function": function} for role, function in verdict.functions],
        "verdict": verdict.verdict,
        "before": verdict.before,
        "outcome": verdict.outcome,
        "models": verdict.models,
        "interrupts": verdict.interrupts,
        "timeline": [as_dict(step) for step in verdict.interleaving.moments],
        "gaps": list(verdict.interleaving.gaps),
        "branches": list(verdict.branches),
        "repair": verdict.repair,
        "tried": list(verdict.tried),
        "mutations": [{"change": one.text, "outcome": one.outcome} for one in verdict.mutations],
        "assumptions": list(verdict.assumptions),
        "unmodelled": list(verdict.unmodelled),
        "reasons": list(verdict.reasons),
        "notes": list(verdict.notes),
        "decided": list(verdict.decided),
        "litmus": verdict.litmus,
    }


def model_result(verdict: Verdict, directory: str = "") -> ModelResult:
    """A verdict as the report formats take it; directory: where its litmus file is written."""
    steps = tuple(
        Step(one.thread, one.text, one.path if "/" in one.path else "", one.line, one.sees, one.misses)
        for one in verdict.interleaving.moments
    )
    return ModelResult(
        name=verdict.name,
        scenario=f"{verdict.scenario}: {' / '.join(function for _, function in verdict.functions)}",
        config=verdict.config,
        verdict=verdict.verdict,
        before=verdict.before,
        outcome=verdict.outcome,
        timeline=steps,
        repair=verdict.repair,
        assumptions=verdict.assumptions,
        unmodelled=verdict.unmodelled,
        litmus=verdict.litmus,
        replay=replay(verdict, directory) if verdict.litmus else "",
        patch=int(number[1]) if (number := _PATCH.search(verdict.name)) else 0,
        reasons=verdict.reasons,
    )


def replay(verdict: Verdict, directory: str = "") -> str:
    """The command that executes the model again."""
    place = directory.rstrip("/") + "/" if directory else ""
    return f"patchscan simulate --timeline {place}{file_name(verdict)}.litmus"


def write_models(directory: Path, verdicts: Iterable[Verdict]) -> list[Path]:
    """Write NAME.litmus and NAME.json for each verdict that has a model; gives the litmus files.

    Raises OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for verdict in verdicts:
        if not verdict.litmus:
            continue
        path = directory / f"{file_name(verdict)}.litmus"
        path.write_text(verdict.litmus, encoding="utf-8", errors="surrogateescape")
        text = json.dumps(verdict_dict(verdict), indent=2, ensure_ascii=True) + "\n"
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        written.append(path)
    return written


def verdict_text(verdict: Verdict, directory: str = "") -> str:
    """One verdict for a reader; directory: where its litmus file is, for the command that replays it."""
    before = f" (before the patch: {verdict.before})" if verdict.before else ""
    before += f" (in the version that the tree holds: {verdict.held})" if verdict.held else ""
    lines = [f"{verdict.name}: {verdict.verdict}{before}", f"  {verdict.why}"]
    lines += [f"  unknown because {reason}" for reason in verdict.reasons]
    lines += [f"  {step}" for step in verdict.interleaving.lines()]
    lines += [f"  branch {branch}" for branch in verdict.branches] if verdict.verdict == "unsafe" else []
    lines += [f"  {tried}" for tried in verdict.tried]
    if verdict.repair:
        lines.append(f"  safe with {verdict.repair}")
    matters = [one.text for one in verdict.mutations if one.outcome == "Sometimes"]
    lines += [f"  unsafe {text}" for text in matters]
    lines += [f"  note: {note}" for note in verdict.notes]
    for title, items in (
        ("assuming", verdict.assumptions),
        ("not looked into", verdict.unmodelled),
        ("configuration", verdict.decided),
    ):
        if items:
            lines.append(f"  {title}: {', '.join(items)}")
    if verdict.verdict == "unsafe" and verdict.litmus:
        lines.append(f"  replay: {replay(verdict, directory)}")
    return "\n".join(lines)


def matrix(verdicts: Sequence[Verdict]) -> list[str]:
    """Scheme by configuration: one line a case, its verdict in each configuration, "=" where as the generic one, "-"
    where neither was asked."""
    columns = list(dict.fromkeys(verdict.config for verdict in verdicts))
    cases = list(dict.fromkeys((verdict.scenario, verdict.functions) for verdict in verdicts))
    rows = []
    for scenario, functions in cases:
        cells = {v.config: v.verdict for v in verdicts if (v.scenario, v.functions) == (scenario, functions)}
        names = " / ".join(function for _, function in functions)
        missing = "=" if columns[0] in cells else "-"
        told = (cells.get(column, "-" if ":" in column else missing) for column in columns)
        rows.append([f"{scenario}: {names}", *told])
    table = [["model", *columns], *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns) + 1)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
