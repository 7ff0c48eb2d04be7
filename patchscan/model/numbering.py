"""Places of a verdict as the patches number them, where their hunks apply to our tree with an offset."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from patchscan.changedfile import ChangedFile
from patchscan.model.timeline import Interleaving, Moment
from patchscan.model.verdict import Mutation, Verdict
from patchscan.tree.overlay import PatchState

_PLACE = re.compile(r"([\w./-]+):(\d+)")
Numbers = Callable[[str, int], int]


def patch_numbers(states: Sequence[PatchState], index: int) -> Numbers:
    """(path, line after patch `index` in our tree) -> the line in the last patch up to it that changes the file."""
    last = {file.change.path: file for state in states[: index + 1] for file in state.files}
    moved = {path: ChangedFile(file) for path, file in last.items() if any(file.offsets)}
    return lambda path, line: moved[path].patch_line(line) if path in moved else line


def renumbered(verdict: Verdict, number: Numbers) -> Verdict:
    """The verdict with every place that it names under another number."""

    def text(told: str) -> str:
        return _PLACE.sub(lambda found: f"{found[1]}:{number(found[1], int(found[2]))}", told)

    def texts(told: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(text, told))

    def moment(step: Moment) -> Moment:
        return replace(step, line=number(step.path, step.line))

    steps = verdict.interleaving
    return replace(
        verdict,
        reasons=texts(verdict.reasons),
        repair=text(verdict.repair) if verdict.repair is not None else None,
        tried=texts(verdict.tried),
        mutations=tuple(Mutation(text(each.text), each.outcome) for each in verdict.mutations),
        unmodelled=texts(verdict.unmodelled),
        branches=texts(verdict.branches),
        decisive=texts(verdict.decisive),
        litmus=text(verdict.litmus),
        interleaving=Interleaving(tuple(map(moment, steps.moments)), texts(steps.gaps)),
        notes=texts(verdict.notes),
    )
