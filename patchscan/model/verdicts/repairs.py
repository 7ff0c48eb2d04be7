"""The search for the smallest change that makes an unsafe case safe."""

from collections.abc import Iterator, Sequence
from itertools import islice

from patchscan.model.extraction.mutate import ModelEdit, repairs
from patchscan.model.extraction.variants import Model
from patchscan.model.verdicts.case import Case
from patchscan.model.verdicts.model_timeline import interleaving, places_between

NO_ORDER = "a barrier or acquire at every access"
_PAIRS = 150


def find_repair(case: Case, worst: Model) -> tuple[str | None, list[str]]:
    """The smallest change that makes every model safe, and smaller ones that do not."""
    observers = frozenset(atom.role for atom in case.extraction.scenario.bad)
    barriers, moves, waits = repairs(case.threads, case.extraction.kept, observers)
    tried: list[str] = []
    if _helps(case, worst, barriers, all_models=False):
        for edit in _closing(barriers, case.litmus(worst)):
            if _helps(case, worst, [edit]):
                return edit.text, tried
            tried.append(f"{edit.text} -> still unsafe")
        for pair in islice(_pairs(case, worst, barriers), _PAIRS):
            if _helps(case, worst, pair):
                for edit in pair:
                    if not any(text.startswith(edit.text) for text in tried):
                        tried.append(f"{edit.text} -> still unsafe")
                alone = [text for edit in pair for text in tried if text.startswith(edit.text)]
                return " and ".join(edit.text for edit in pair), alone
    elif barriers:
        tried.append(f"{NO_ORDER} -> still unsafe")
    for edit in (*moves, *waits):
        if _helps(case, worst, [edit]):
            return edit.text, tried[:1]
    return None, tried[:4]


def _closing(edits: Sequence[ModelEdit], litmus: str) -> list[ModelEdit]:
    """The edits between accesses that a bad execution of a test reorders: no other can forbid it."""
    places = places_between(litmus, interleaving(litmus, ()).gaps)
    return [edit for edit in edits if any(edit.text.endswith(place) for place in places)]


def _pairs(case: Case, worst: Model, barriers: Sequence[ModelEdit]) -> Iterator[tuple[ModelEdit, ModelEdit]]:
    """Two edits that together may help: one against what is reordered now, one against what is then."""
    seen: set[frozenset[str]] = set()
    for first in _closing(barriers, case.litmus(worst)):
        for second in _closing(barriers, case.text(worst, [first]) or ""):
            key = frozenset({first.text, second.text})
            if len(key) == 2 and key not in seen:
                seen.add(key)
                yield (first, second) if barriers.index(first) < barriers.index(second) else (second, first)


def _helps(case: Case, worst: Model, edits: Sequence[ModelEdit], all_models: bool = True) -> bool:
    """Whether edits make the worst model safe, and then all of them."""
    if case.outcome(worst, edits) != "Never":
        return False
    return not all_models or case.worst(edits)[0] == "Never"
