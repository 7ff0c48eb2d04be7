"""The models of one extraction, executed as they are and with changes made to them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from patchscan.basics.record import field, record
from patchscan.lkmm.answers.outcome import Answer, Outcome
from patchscan.model.extraction.extract import Extraction
from patchscan.model.extraction.mutate import ModelEdit, apply
from patchscan.model.extraction.slice import Taken, loosened, settle
from patchscan.model.extraction.variants import Model, litmus_of, models, prepare, turned
from patchscan.model.lowering.lowered import Thread, with_events
from patchscan.model.verdicts.gate import execute, outcome


@record
class Case:
    """The models of one extraction, and the outcomes of what was executed so far."""

    extraction: Extraction
    name: str
    models: list[Model]
    complete: bool
    threads: tuple[Thread, ...]
    doubted: frozenset[str] = frozenset()
    answers: dict[str, Answer] = field(default_factory=dict)
    told: dict[tuple[Thread, ...], str | None] = field(default_factory=dict)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The litmus test of each model."""
        return tuple(self.text(model) or "" for model in self.models)

    def text(self, model: Model, edits: Sequence[ModelEdit] = ()) -> str | None:
        """The litmus test of one model with edits made; None when the bad observation cannot come about in it."""
        return self._told(apply(edits, model.threads))

    def _told(self, threads: tuple[Thread, ...]) -> str | None:
        if threads not in self.told:
            self.told[threads] = litmus_of(self.extraction.scenario, threads, self.name)
        return self.told[threads]

    def outcome(self, model: Model, edits: Sequence[ModelEdit] = ()) -> Outcome | Literal[""]:
        """The outcome of one model with edits made; "" when the bad observation cannot come about in it."""
        answer = self.answer(model, edits)
        return outcome(answer) if answer is not None else ""

    def answer(self, model: Model, edits: Sequence[ModelEdit] = ()) -> Answer | None:
        """Whether one model with edits made does the bad thing; None when that cannot come about in it.

        A thread that waits for sections and has some of its own counts as if it had none: what is waited for inside
        one would otherwise seem never to happen, and so would all that follows it.
        """
        text = self.text(model, edits)
        if text is None:
            return None
        if text not in self.answers and edits and all(edit.kind == "order" for edit in edits):
            # What does not happen does not happen with more order either, and what has a fault is asked.
            known = self.answers.get(self.text(model) or "")
            if known is not None and outcome(known) == "Never":
                return known
        if text not in self.answers:
            answer = execute(text)
            threads = apply(edits, model.threads)
            if answer.held is False and loosened(threads) != threads:
                loose = self._told(loosened(threads))
                answer = execute(loose) if loose is not None else answer
                if answer.held:
                    answer = Answer(False, faults=("only a wait inside a section of its own orders it",))
            self.answers[text] = answer
        return self.answers[text]

    def is_judged(self, model: Model) -> bool:
        """Whether the answer of a model is known."""
        return self.text(model) in self.answers

    def worst(self, edits: Sequence[ModelEdit] = ()) -> tuple[Outcome | Literal[""], Model | None]:
        """The worst outcome of all models, "" where there is none, and the first model that has it."""
        worst: Outcome | Literal[""] = ""
        found = None
        for model in self.models:
            result = self.outcome(model, edits)
            if result == "Sometimes":
                return "Sometimes", model
            if found is None or (result == "Unknown" != worst):
                worst, found = result, model
            elif worst == result and len(self.litmus(model)) > len(self.litmus(found)):
                found = model
        return worst, found

    def unsafe_without(self, model: Model, choice: Taken) -> bool:
        """Whether what an unsafe model does comes about if one of its conditions is the other way round, too."""
        found, _ = turned(self.extraction.scenario, self.threads, model, choice)
        return any(self.outcome(each) == "Sometimes" for each in found)

    def changes(self, edit: ModelEdit) -> bool:
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


def way_of(model: Model, thread: Thread) -> Thread:
    """A thread with its choices made as in a model."""
    body = thread.body
    for role, key, choice in model.taken:
        body = settle(body, key, choice.holds) if role == thread.role else body
    return with_events(thread, body)
