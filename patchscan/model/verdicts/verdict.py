"""Models executed, and what may be said of the outcome: safe, unsafe or unknown, never more than is known."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.lkmm.answers.outcome import Outcome
from patchscan.model.extraction.extract import Extraction
from patchscan.model.extraction.mutate import at, mutations
from patchscan.model.extraction.slice import Taken
from patchscan.model.extraction.variants import Model, constants_of, prepare, resolved
from patchscan.model.lowering.lowered import (
    Branch,
    Choice,
    Event,
    Hole,
    Lock,
    Place,
    Thread,
    Update,
    Wait,
    Write,
    rewrite,
    walk,
)
from patchscan.model.lowering.meanwhile import CHANGED
from patchscan.model.lowering.memory import FREED, MASK
from patchscan.model.verdicts.case import Case, case_of, way_of
from patchscan.model.verdicts.checks import context_faults
from patchscan.model.verdicts.doubts import doubts_of_safe, taken_for_one
from patchscan.model.verdicts.gate import INCOMPLETE, Grounds, gate
from patchscan.model.verdicts.model_timeline import NOTHING, Interleaving, interleaving
from patchscan.model.verdicts.repairs import find_repair
from patchscan.results import VerdictWord

NO_REPAIR = "no repair of one or two changes was found"
_SET_ELSEWHERE = pattern(r"serial='(?:m\d|choice )")
_SWITCH = pattern(r"serial='choice (\w+)'|serial='m\d+', text='(?:[^'@]*[.>])?(\w+)(?:@\d+)?'")
_WAITS = pattern(r"wait|synchroni[sz]e|drain|quiesce|stop_machine|on_each_cpu|rendezvous")
_MASK = pattern(rf"serial='{MASK}")


@frozen
class Mutation:
    """What the outcome becomes when one wait or barrier is taken away."""

    text: str
    outcome: Outcome | Literal[""]


@frozen
class Verdict:
    """What executing the models of one case showed.

    name: scenario, functions and configuration; verdict: "safe", "unsafe" or "unknown"; outcome: herd7's word
    for the worst model; reasons: why it is unknown; repair: the smallest change that makes it safe; tried:
    smaller ones that do not; assumptions: what the verdict rests on; unmodelled: calls not looked into;
    complete: whether the models are all combinations of conditions; litmus: the worst model's test; branches: the
    choices taken on the way to it; decisive: those set elsewhere without which it is not unsafe; switches: the
    variables that those ask; turned: where one of them is turned on that the verdict rests on, with who does it;
    functions: (path, function) looked into; interrupts: the most calls that interrupt other CPUs on one path; notes:
    faults beside the bad observation; held: the verdict on the version in the tree, where none is on what was before.
    """

    name: str
    scenario: str
    why: str
    config: str
    functions: tuple[tuple[str, str], ...]
    verdict: VerdictWord
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    repair: str | None = None
    tried: tuple[str, ...] = ()
    mutations: tuple[Mutation, ...] = ()
    assumptions: tuple[str, ...] = ()
    unmodelled: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    decisive: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    turned: str = ""
    litmus: str = ""
    models: int = 0
    complete: bool = True
    interrupts: int = 0
    anchor: str = ""
    kept: frozenset[str] = frozenset()
    visited: frozenset[tuple[str, str]] = frozenset()
    decided: tuple[str, ...] = ()
    interleaving: Interleaving = NOTHING
    before: VerdictWord | None = None
    notes: tuple[str, ...] = ()
    held: VerdictWord | None = None


def turned_unsafe(verdict: Verdict) -> bool:
    """Whether a model is unsafe and nothing says that it was so before, or is so without this form of the patch."""
    return verdict.verdict == "unsafe" and "unsafe" not in (verdict.before, verdict.held)


def judge(extraction: Extraction, name: str, config: str, doubted: frozenset[str] = frozenset()) -> Verdict:
    """Execute an extraction's models and say what the gates allow.

    doubted: names on lines that a series changes; a call of one whose code was not found may do anything.

    Safe needs a wait or barrier whose removal makes the model unsafe; unsafe needs that no lock of the path
    orders it, that calls that were not found cannot change it by being barriers, and a repair.
    """
    cut = [hole for hole in extraction.holes() if hole.kind == "budget"]
    if cut:
        nothing = Case(extraction, name, [], False, extraction.threads)
        reason = f"there is more code than is followed: it was left at {at(cut[0].place)}"
        return replace(_blank(nothing, config, "", None), reasons=(reason,))
    case = replace(case_of(extraction, name, locks=False), doubted=doubted)
    outcome, worst = case.worst()
    verdict = _blank(case, config, outcome, worst)
    if worst is None:
        return replace(verdict, reasons=gate(Grounds((), ("Sometimes",), case.complete)))
    if outcome == "Never":
        return _judge_safe(case, verdict)
    if outcome == "Sometimes":
        return _judge_unsafe(case, verdict, worst)
    return replace(verdict, reasons=_unproven(case, worst))


def _unproven(case: Case, model: Model) -> tuple[str, ...]:
    """Why the outcome of a model is neither."""
    answer = case.answer(model)
    return gate(Grounds([answer] if answer is not None else [], ("Sometimes",)))


def _blank(case: Case, config: str, outcome: Outcome | Literal[""], worst: Model | None) -> Verdict:
    """A verdict of `unknown` with everything that does not depend on the outcome."""
    extraction = case.extraction
    holes = [hole for hole in extraction.holes() if hole.kind == "call"]
    unmodelled = [f"{hole.name}() at {at(hole.place)}" for hole in holes]
    unmodelled += [
        f"{hole.kind}: {hole.name} at {at(hole.place)}"
        for hole in extraction.holes()
        if hole.kind not in ("call", "sleep", "store", CHANGED)
    ]
    return Verdict(
        name=case.name,
        scenario=extraction.scenario.name,
        why=extraction.scenario.why,
        anchor=extraction.scenario.anchor,
        kept=extraction.kept,
        config=config,
        functions=tuple((thread.role, thread.function) for thread in extraction.threads),
        verdict="unknown",
        outcome=outcome or "Never",
        assumptions=tuple(sorted(extraction.assumptions | taken_for_one(extraction))),
        unmodelled=tuple(dict.fromkeys(unmodelled)),
        litmus=case.litmus(worst),
        models=len(case.models),
        complete=case.complete,
        interrupts=_interrupts(extraction),
        visited=extraction.visited,
        notes=context_faults(extraction.threads),
    )


def _interrupts(extraction: Extraction) -> int:
    """The most calls that interrupt other CPUs and wait for them on one path of a thread."""
    return max((len(_longest(thread.body)) for thread in extraction.threads), default=0)


def _longest(body: Sequence[Event]) -> frozenset[Place]:
    """Places of waits for IPIs, along the path that has most of them."""
    places: frozenset[Place] = frozenset()
    for event in body:
        if isinstance(event, (Branch, Choice)):
            places |= max(_longest(event.then), _longest(event.otherwise), key=len)
        elif isinstance(event, Wait) and event.domain == "irq":
            places |= {event.place}
    return places


def _judge_safe(case: Case, verdict: Verdict, without_locks: Outcome | Literal[""] = "") -> Verdict:
    """The verdict where no model does the bad thing; without_locks: the outcome without them, if they matter."""
    edits = [edit for edit in mutations(case.threads) if case.changes(edit)]
    results = [Mutation(edit.text, case.worst([edit])[0]) for edit in edits]
    if without_locks:
        results.append(Mutation("without the locks of the path", without_locks))
    elif not any(result.outcome == "Sometimes" for result in results):
        results.append(Mutation("without any wait or barrier", case.worst(edits)[0]))
    answers = [answer for answer in (case.answer(model) for model in case.models) if answer is not None]
    reasons = gate(Grounds(answers, [one.outcome for one in results], case.complete, doubts_of_safe(case)))
    return replace(
        verdict, verdict="unknown" if reasons else "safe", reasons=reasons, mutations=tuple(results)
    )


def _judge_unsafe(case: Case, verdict: Verdict, worst: Model) -> Verdict:
    locked = case_of(case.extraction, case.name, locks=True)
    outcome, with_locks = locked.worst()
    if outcome == "Never" or with_locks is None:
        return _ordered_by_locks(locked, verdict)
    if outcome != "Sometimes":
        return replace(verdict, outcome=outcome, reasons=_unproven(locked, with_locks))
    if _share_locks(with_locks):
        case, worst = replace(locked, doubted=case.doubted), with_locks
    else:
        worst = next((model for model in case.models if model.taken == with_locks.taken), worst)
    branches = tuple(_branch_text(choice) for _, _, choice in worst.taken)
    deciding = decisive_choices(locked, with_locks, _SET_ELSEWHERE)
    decisive = tuple(_branch_text(choice) for choice in deciding)
    litmus = case.litmus(worst)
    verdict = replace(
        verdict,
        outcome="Sometimes",
        litmus=litmus,
        branches=tuple(dict.fromkeys(branches)),
        decisive=tuple(dict.fromkeys(decisive)),
        switches=_switches(with_locks, deciding),
        interleaving=interleaving(
            litmus, worst.threads, constants_of(case.extraction.scenario, worst.threads)
        ),
    )
    reasons = _doubts(case, worst)
    # Of too many combinations those that were looked at say little of what all of them have in common.
    masks = (
        choice
        for choice in decisive_choices(locked, with_locks, _MASK)
        if locked.complete or not locked.unsafe_without(with_locks, choice)
    )
    reasons += [f"whether {_condition(choice)[0]} is not known" for choice in masks]
    repair, tried = find_repair(case, worst)
    if repair is None:
        reasons.append(NO_REPAIR)
    return replace(
        verdict,
        verdict="unknown" if reasons else "unsafe",
        reasons=tuple(reasons),
        repair=repair,
        tried=tuple(tried),
    )


def against(verdict: Verdict, before: Verdict | None) -> Verdict:
    """A verdict beside that on the code before: where that was safe it is the repair, though no other was found.

    What is unsafe in some of too many combinations may be so in one that never comes about, unless it was safe before.
    """
    unsure = verdict.verdict == "unsafe" and not verdict.complete
    if unsure and (before is None or before.verdict == "unknown"):
        verdict = replace(verdict, verdict="unknown", reasons=(INCOMPLETE,))
    if before is None:
        return verdict
    if before.verdict == "safe" and verdict.reasons == (NO_REPAIR,):
        verdict = replace(verdict, verdict="unsafe", reasons=())
    return replace(verdict, before=before.verdict)


def _share_locks(model: Model) -> bool:
    """Whether two threads of a model take the same lock; a lock of one alone only makes its test longer."""
    names = [{event.name for event in walk(t.body) if isinstance(event, Lock)} for t in model.threads]
    return any(one & other for index, one in enumerate(names) for other in names[index + 1 :])


def _ordered_by_locks(locked: Case, verdict: Verdict) -> Verdict:
    """Unsafe without the locks of the path, but not with them."""
    note = "ordered only by the locks that the path gives and takes in between"
    verdict = replace(
        verdict,
        outcome="Never",
        litmus=locked.litmus(locked.worst()[1]),
        assumptions=(*verdict.assumptions, note),
    )
    return _judge_safe(locked, verdict, without_locks="Sometimes")


def _branch_text(choice: Taken) -> str:
    text, holds = _condition(choice)
    return f"{at(choice.place)}: {text} is {'true' if holds else 'false'}"


def _condition(choice: Taken) -> tuple[str, bool]:
    """A condition as C has it, and whether it holds."""
    text, holds = choice.text, choice.holds
    if text.startswith("!(") and text.endswith(")"):
        text, holds = text[2:-1], not holds
    while text.startswith("(") and text.endswith(")") and text.count("(") == text.count(")"):
        text = text[1:-1]
    return text, holds


def decisive_choices(case: Case, worst: Model, what: re.Pattern[str]) -> tuple[Taken, ...]:
    """The choices without which no model is unsafe, of those whose key holds a pattern; what asks the same variable
    is one choice for all threads."""
    asked = [taken for taken in worst.taken if what.search(taken[1])]
    return tuple(
        choice for role, key, choice in asked if _is_decisive(case, _subject(role, key), key, choice)
    )


def _is_decisive(case: Case, subject: tuple[str, str], key: str, choice: Taken) -> bool:
    """Whether some model has a choice the other way round, and none that has not this one is unsafe."""
    answers = [
        [taken.holds == choice.holds for who, which, taken in model.taken if _subject(who, which) == subject]
        for model in case.models
    ]
    agrees = any if _switch(key) else all
    others = [model for model, same in zip(case.models, answers, strict=True) if not agrees(same)]
    others.sort(key=lambda model: not case.is_judged(model))
    possible = not all(map(all, answers))
    return possible and not any(case.outcome(model) == "Sometimes" for model in others)


def _subject(role: str, key: str) -> tuple[str, str]:
    """What a choice asks: a variable, or what only its thread knows."""
    switch = _switch(key)
    return ("", switch) if switch else (role, key)


def _switch(key: str) -> str:
    """The static key, variable or member that a choice asks, "" for anything else."""
    found = _SWITCH.search(key)
    return found[1] or found[2] if found is not None else ""


def _switches(model: Model, choices: Sequence[Taken]) -> tuple[str, ...]:
    """The static keys, variables and members that some choices of a model ask."""
    found = (_switch(key) for _, key, choice in model.taken if choice in choices)
    return tuple(dict.fromkeys(filter(None, found)))


def _doubts(case: Case, worst: Model) -> list[str]:
    """Why an unsafe outcome may be the model's fault: calls on the way that can wait, or be the missing barrier."""
    known = {(role, key): choice.holds for role, key, choice in worst.taken}
    reasons = []
    lost: list[Hole] = []
    for thread in case.extraction.threads:
        if not any(isinstance(event, Write) and event.value == FREED for event in walk(thread.body)):
            continue
        for hole in _holes_on_path(thread, known):
            if hole.kind in ("budget", "parse", "a way out that is not followed"):
                reasons.append(f"{hole.kind}: {hole.name} at {at(hole.place)}")
            elif "wait" in hole.may:
                reasons.append(f"{hole.name}() at {at(hole.place)} can wait, and was not looked into")
            elif hole.kind == "indirect call" or (not hole.known and _WAITS.search(hole.name)):
                reasons.append(f"{hole.name}() at {at(hole.place)} may wait, and is not known")
            elif not hole.known and hole.kind == "call":
                lost.append(hole)
    new = sorted({f"{hole.name}()" for hole in lost if hole.name in case.doubted})
    if new:
        reasons.append(
            f"the series touches calls on the way whose code was not found; they may wait: {', '.join(new)}"
        )
    elif lost and not reasons and not _unsafe_with_barriers(case, worst, lost):
        names = ", ".join(sorted({f"{hole.name}()" for hole in lost}))
        reasons.append(f"a full barrier in a call whose code was not found would make it safe: {names}")
    return list(dict.fromkeys(reasons))


def _holes_on_path(thread: Thread, known: dict[tuple[str, str], bool]) -> list[Hole]:
    """Holes between the thread's first write and its freeing write, on the branches that were taken."""

    def settle(event: Event) -> Sequence[Event]:
        if isinstance(event, Choice):
            holds = known.get((thread.role, event.key))
            if holds is not None:
                return event.then if holds else event.otherwise
        return (event,)

    found: list[Hole] = []
    started = False
    for event in walk(rewrite(thread.body, settle)):
        if isinstance(event, Write) and event.value == FREED:
            break
        started = started or isinstance(event, (Write, Update))
        if started and isinstance(event, Hole):
            found.append(event)
    return found


def _unsafe_with_barriers(case: Case, worst: Model, lost: Sequence[Hole]) -> bool:
    """Whether the outcome stays when each call whose code was not found is a full barrier; the model that was worst
    without them is asked first."""
    places = {hole.place for hole in lost}

    def change(event: Event) -> Sequence[Event]:
        if isinstance(event, Hole) and event.place in places:
            return (replace(event, always=event.always | {"fence"}),)
        return (event,)

    threads = tuple(replace(t, body=rewrite(t.body, change)) for t in case.extraction.threads)
    extraction = replace(case.extraction, threads=threads)
    # Its way first: there is less to slice on one way than on all of them.
    sliced = prepare(replace(extraction, threads=tuple(map(partial(way_of, worst), threads))), locks=False)
    same = resolved(extraction.scenario, sliced, worst)
    if same is not None and Case(extraction, case.name, [same], False, sliced).outcome(same) == "Sometimes":
        return True
    return case_of(extraction, case.name, locks=False).worst()[0] == "Sometimes"
