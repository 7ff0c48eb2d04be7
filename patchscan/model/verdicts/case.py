"""The models of one extraction, executed as they are and with changes made to them."""

from collections.abc import Sequence
from functools import cached_property, lru_cache

from patchscan.basics.record import field, record
from patchscan.model.extraction.extract import Extraction
from patchscan.model.extraction.mutate import Edit, apply
from patchscan.model.extraction.variants import Model, litmus_of, models, prepare
from patchscan.model.lowering.lowered import Thread


@lru_cache(maxsize=4096)
def execute(text: str) -> str:
    """What one test's condition comes to: "Never", "Sometimes" (or always), or "Unknown"."""
    from patchscan.lkmm import Limits, LitmusError, can_hold

    try:
        held = can_hold(text, Limits(seconds=10.0))
    except LitmusError:
        return "Unknown"
    return "Unknown" if held is None else "Sometimes" if held else "Never"


@record
class Case:
    """The models of one extraction, and the outcomes of what was executed so far."""

    extraction: Extraction
    name: str
    models: list[Model]
    complete: bool
    threads: tuple[Thread, ...]
    doubted: frozenset[str] = frozenset()
    outcomes: dict[str, str] = field(default_factory=dict)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The litmus test of each model."""
        return tuple(self.text(model) or "" for model in self.models)

    def text(self, model: Model, edits: Sequence[Edit] = ()) -> str | None:
        return litmus_of(self.extraction.scenario, apply(edits, model.threads), self.name)

    def outcome(self, model: Model, edits: Sequence[Edit] = ()) -> str:
        """The outcome of one model with edits made; "" when the bad observation cannot come about in it."""
        text = self.text(model, edits)
        if text is None:
            return ""
        if text not in self.outcomes:
            self.outcomes[text] = execute(text)
        return self.outcomes[text]

    def worst(self, edits: Sequence[Edit] = ()) -> tuple[str, Model | None]:
        """The worst outcome of all models, and the first model that has it."""
        worst, found = "", None
        for model in self.models:
            result = self.outcome(model, edits)
            if result == "Sometimes":
                return "Sometimes", model
            if found is None or (result == "Unknown" != worst):
                worst, found = result, model
            elif worst == result and len(self.litmus(model)) > len(self.litmus(found)):
                found = model
        return worst, found

    def changes(self, edit: Edit) -> bool:
        """Whether an edit makes any difference to what is executed."""
        return any(
            self.text(model, [edit]) != text for model, text in zip(self.models, self.texts, strict=True)
        )

    def litmus(self, model: Model | None) -> str:
        return self.texts[self.models.index(model)] if model is not None else ""


def case_of(extraction: Extraction, name: str, locks: bool) -> Case:
    threads = prepare(extraction, locks)
    found, complete = models(extraction.scenario, threads)
    return Case(extraction, name, found, complete, threads)
