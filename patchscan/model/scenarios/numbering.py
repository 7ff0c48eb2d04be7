"""Places of a verdict as the patches number them, where their hunks apply to our tree with an offset or were lifted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.changedfile import ChangedFile, encode
from patchscan.codebase.sources import Read
from patchscan.model.verdicts.model_timeline import Interleaving, Moment
from patchscan.model.verdicts.verdict import Mutation, Verdict
from patchscan.series import FileChange
from patchscan.tree.overlay import PatchState

_PLACE = pattern(r"([\w./-]+):(\d+)")
Numbers = Callable[[str, int], int]


def patch_numbers(states: Sequence[PatchState], index: int, read: Read) -> Numbers:
    """(path, line after patch `index` as models see it) -> the line in the last patch up to it that changes the file.

    read: path -> the content that the line counts in.
    """
    moved: dict[str, ChangedFile] = {}
    lifted: dict[str, dict[int, int]] = {}
    for file in (file for state in states[: index + 1] for file in state.files):
        path = file.change.path
        if file.used == "hunk" and path.endswith((".c", ".h")):
            # A line that a later patch does not show keeps the number that an earlier one gave it.
            lifted.setdefault(path, {}).update(_lifted_numbers(read(path) or b"", file.change))
        elif any(file.offsets):
            moved[path] = ChangedFile(file)
        else:
            moved.pop(path, None)

    def number(path: str, line: int) -> int:
        if line in lifted.get(path, {}):
            return lifted[path][line]
        return moved[path].patch_line(line) if path in moved else line

    return number


def _lifted_numbers(content: bytes, change: FileChange) -> Mapping[int, int]:
    """Line of a lifted file -> line of the patch: each hunk stands where most of its lines are found."""
    places: dict[bytes, list[int]] = {}
    lines = content.split(b"\n")
    for place, text in enumerate(lines, 1):
        places.setdefault(text, []).append(place)
    numbers: dict[int, int] = {}
    for hunk in change.hunks:
        after = [(line.new, encode(line.text)) for line in hunk.lines if line.new is not None]
        shifts = Counter(place - new for new, text in after if text.strip() for place in places.get(text, ()))
        if shifts:
            shift = max(sorted(shifts), key=shifts.__getitem__)
            numbers.update((new + shift, new) for new, text in after if new + shift in places.get(text, ()))
    return numbers


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
        turned=text(verdict.turned),
        litmus=text(verdict.litmus),
        interleaving=Interleaving(tuple(map(moment, steps.moments)), texts(steps.gaps)),
        notes=texts(verdict.notes),
    )
