"""Verdicts as findings: what a rule says of the models that a patch changes, at a line the patch adds."""

import re
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from patchscan.context import ChangedFile, Context
from patchscan.model.report import model_result
from patchscan.model.series import SeriesModels
from patchscan.model.verdict import Verdict
from patchscan.overlay import PatchState, View
from patchscan.report import ModelResult
from patchscan.rule import Evidence, Finding, Silence

_PLACE = re.compile(r"([\w./-]+):(\d+)")
_MODELS: "WeakKeyDictionary[View, SeriesModels]" = WeakKeyDictionary()


def models_of(states: tuple[PatchState, ...]) -> SeriesModels:
    """The models of a laid series, one object for all who ask."""
    view = states[0].view
    if view not in _MODELS:
        _MODELS[view] = SeriesModels(states)
    return _MODELS[view]


def check_models(context: Context, rule: str) -> Iterator[Finding | Silence]:
    """What one rule has to say of the models that this patch changes."""
    models = models_of(context.states)
    if not models.concerns(context.states.index(context.state)):
        return
    told: set[tuple[str, int]] = set()
    for verdict in models.patch(context.states.index(context.state)):
        if rule_of(models, verdict) != rule:
            continue
        anchor = _anchor(context, verdict)
        if anchor is None or anchor in told:
            continue
        told.add(anchor)
        yield _say(verdict, *anchor)


def results_of(states: tuple[PatchState, ...]) -> tuple[ModelResult, ...]:
    """The models that rules have asked for so far, as a report shows them."""
    models = _MODELS.get(states[0].view) if states else None
    return tuple(model_result(verdict) for verdict in models.seen()) if models is not None else ()


def rule_of(models: SeriesModels, verdict: Verdict) -> str:
    """The rule that reports a verdict: the scenario's, or ipi-misses-reader where the updater does send IPIs."""
    rule = next(scenario.rule for scenario in models.scenarios if scenario.name == verdict.scenario)
    targeted = verdict.interrupts > 0 or any("@" in key for key in verdict.kept)
    return "ipi-misses-reader" if rule == "table-free-without-sync" and targeted else rule


def _say(verdict: Verdict, path: str, line: int) -> Finding | Silence:
    """Unsafe and not so before: a finding; everything else is said when somebody asks."""
    roles = " against ".join(f"{function}()" for _, function in reversed(verdict.functions))
    if verdict.verdict == "unsafe" and verdict.before != "unsafe":
        return Finding(
            path,
            line,
            message(verdict, roles),
            tuple(_evidence(verdict)),
            model=verdict.name,
            severity="error" if verdict.before == "safe" else "warning",
        )
    if verdict.verdict == "safe":
        return Silence(path, line, f"no execution of the model of {roles} does it", checked=True)
    if verdict.verdict == "unsafe":
        return Silence(path, line, f"the model of {roles} is unsafe before the patch, too", checked=True)
    return Silence(path, line, f"the model of {roles} decides nothing: {verdict.reasons[0]}", checked=False)


def message(verdict: Verdict, roles: str) -> str:
    """The sentences of a finding: what goes wrong, why, what would repair it, and what it rests on."""
    parts = [
        f"{roles}: {verdict.why} - but an execution of this code under the kernel's memory model does just that"
    ]
    parts += verdict.interleaving.gaps[:1]
    if verdict.before == "safe":
        parts.append("the code before this patch is safe")
    for tried in verdict.tried[:2]:
        parts.append(f"tried: {tried}")
    if verdict.repair:
        parts.append(f"with {verdict.repair} no execution does it")
    if verdict.assumptions:
        parts.append("assuming " + ", ".join(verdict.assumptions[:4]))
    return "; ".join(parts)


def _evidence(verdict: Verdict) -> Iterator[Evidence]:
    """The steps of the interleaving as evidence, each at its line."""
    for number, step in enumerate(verdict.interleaving.moments, 1):
        if "/" in step.path:
            yield Evidence(step.path, step.line, f"{number}. {step.thread}: {step.text}")


def _anchor(context: Context, verdict: Verdict) -> tuple[str, int] | None:
    """The added line that the finding stands on: one the repair names, one of the model, or the first of a file
    that the model looked into."""
    wanted = [*_places(verdict.repair or ""), *_places(verdict.litmus)]
    texts = _texts(context, verdict)
    for path, line in wanted:
        text = texts.get((path, line), "")
        for file in context.c_files:
            if file.path == path and text:
                for added in file.added:
                    if added.new is not None and added.text.strip() == text:
                        return path, added.new
    visited = {path for path, _ in verdict.visited}
    for file in (*(f for f in context.c_files if f.path in visited), *context.c_files):
        number = _first_line(file)
        if number is not None:
            return file.path, number
    return None


def _places(text: str) -> list[tuple[str, int]]:
    return [(found.group(1), int(found.group(2))) for found in _PLACE.finditer(text)]


def _texts(context: Context, verdict: Verdict) -> dict[tuple[str, int], str]:
    """The text of each line that the model names, in the code as the model saw it."""
    read = models_of(context.states).reader(context.states.index(context.state))
    texts: dict[tuple[str, int], str] = {}
    for path, line in dict.fromkeys([*_places(verdict.repair or ""), *_places(verdict.litmus)]):
        content = read(path)
        lines = content.split(b"\n") if content is not None else []
        if 0 < line <= len(lines):
            texts[path, line] = lines[line - 1].decode("utf-8", "surrogateescape").strip()
    return texts


def _first_line(file: ChangedFile) -> int | None:
    """The first added line with code on it, or the line after a removal."""
    for line in file.added:
        if line.new is not None and line.text.strip().rstrip("{}*/"):
            return line.new
    for hunk in file.change.hunks:
        for before, after in zip(hunk.lines, hunk.lines[1:], strict=False):
            if before.kind == "-" and after.new is not None:
                return after.new
    return None
