"""What the functions of a text do to the context of their callers: locks, interrupts, preemption, sleep."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from patchscan.basics.record import frozen
from patchscan.c.source import Source
from patchscan.facts.kind import Kind

if TYPE_CHECKING:
    from patchscan.flow.callee import CalleeSummary


@frozen
class EffectFact:
    """A function with a body whose name says that it may change the context. line: of its name; told: see told_by()."""

    name: str
    line: int
    told: str


def effects(source: Source) -> Iterator[EffectFact]:
    """The functions of a text of which other texts ask what they do to the context, in order."""
    # Imported here: who asks for other kinds walks no function.
    from patchscan.flow.effects import may_change_context
    from patchscan.flow.summary import local_summaries, summarise

    known = local_summaries(source)
    for function in source.functions():
        if may_change_context(function.name):
            yield EffectFact(function.name, function.name_line, _as_text(summarise(function, known)))


def _as_text(summary: "CalleeSummary | None") -> str:
    if summary is None:
        return ""
    fields: tuple[str, ...] = getattr(type(summary), "__match_args__", ())
    return json.dumps([getattr(summary, name) for name in fields], separators=(",", ":"))


def told_by(fact: EffectFact) -> "CalleeSummary | None":
    """The summary that a fact holds; None where the function could not be walked."""
    from patchscan.flow.callee import CalleeSummary

    return CalleeSummary(*map(_as_it_was, json.loads(fact.told))) if fact.told else None


def _as_it_was(value: Any) -> Any:
    return tuple(map(_as_it_was, value)) if isinstance(value, list) else value


KIND = Kind("effects", EffectFact, effects)
