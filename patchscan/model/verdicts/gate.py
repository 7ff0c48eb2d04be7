"""The gate that every verdict passes: "safe" is said only of what was positively shown, never of what was not seen.

A model that cannot do the bad thing may also be one that does nothing: no execution comes to its end, its sections do
not match, or the bad write and the bad read are never reached. The gate asks for all of it, whoever judges.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from patchscan.basics.budget import BUDGET
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.lkmm.answers.outcome import Answer, Outcome, Result

if TYPE_CHECKING:
    from patchscan.lkmm import Limits
    from patchscan.lkmm.answers.outcome import Witness
    from patchscan.lkmm.dialect.litmus_syntax import Litmus

# The programs whose answer is remembered.
_MOST_KNOWN = 4096
_KNOWN: dict[str, Answer] = {}
# The executions that were found last, by program: some are told of.
_MOST_SHOWN = 64
_SHOWN: "dict[str, Witness]" = {}
_COMMENT = pattern(r"[ \t]*/\*.*?\*/", re.S)
_NUMBERED = pattern(r"\b[rv]\d+\b")
_STUCK = ("vacuous", "deadlock")
_UNREADABLE = "its test cannot be read"
INCOMPLETE = "there are more combinations of conditions than were looked at"
_HARMLESS = (*_STUCK, "data-race", "mixed-accesses")


@frozen
class Grounds:
    """What a claim that nothing bad can happen rests on.

    answers: to "can it happen?", one a model; weakened: outcomes with a wait, a barrier or a lock taken away; complete:
    whether the models are all there are; doubts: what was not looked into and may undo the claim.
    """

    answers: Sequence[Answer]
    weakened: Sequence[str]
    complete: bool = True
    doubts: Sequence[str] = ()


def gate(grounds: Grounds) -> tuple[str, ...]:
    """Why "safe" may not be said, each reason once; () where it may.

    That some weakened model does the bad thing shows that the bad write and the bad read can be reached, and that the
    claim rests on what was taken away.
    """
    return tuple(dict.fromkeys(_reasons(grounds)))


def _reasons(grounds: Grounds) -> Iterable[str]:
    if not grounds.answers:
        yield "the model never gets to the bad write or the bad read"
    for answer in grounds.answers:
        if answer.held is None:
            yield f"the model was not judged: {answer.why}"
        elif answer.held:
            yield "a model of it does the bad thing"
        yield from (f"the model proves nothing: {fault}" for fault in answer.faults)
    if "Sometimes" not in grounds.weakened:
        yield "no wait or barrier of the model matters, so the model shows nothing"
    if not grounds.complete:
        yield INCOMPLETE
    yield from grounds.doubts


def outcome(answer: Answer) -> Outcome:
    """herd7's word for an answer: "Sometimes" (or always), "Never" where that is proven, else "Unknown"."""
    if answer.held:
        return "Sometimes"
    return "Never" if answer.held is False and not answer.faults else "Unknown"


def answer_of(result: Result) -> Answer:
    """The answer that running a test came to, with what its flags say of it."""
    faults = [f"it computes {operation}" for operation in result.undefined]
    faults += [f"no execution of it comes to its end ({flag})" for flag in result.flags if flag in _STUCK]
    faults += [f"its sections do not match ({flag})" for flag in result.flags if flag not in _HARMLESS]
    faults += ["it has a data race, so it promises nothing"] if "data-race" in result.flags else []
    why = "; ".join(result.notes) or "a limit was met"
    held = {"Never": False, "Unknown": None}.get(result.outcome, True)
    return Answer(held, why if held is None else "", tuple(faults))


def unproven(result: Result) -> tuple[str, ...]:
    """Why a test that never shows its condition proves nothing; () where it does, and for any other outcome."""
    answer = answer_of(result)
    return gate(Grounds([answer], ["Sometimes"])) if answer.held is False else ()


def limits() -> "Limits":
    """How far a model is followed."""
    from patchscan.lkmm import Limits

    return Limits(
        BUDGET.engine_seconds.most,
        events=BUDGET.events.most,
        effort=BUDGET.effort.most,
        variables=BUDGET.variables.most,
    )


@lru_cache(maxsize=4096)
def execute(text: str) -> Answer:
    """Whether the condition of a litmus test can hold; what only differs in names and places is executed once."""
    program, _ = _numbered(text)
    if program not in _KNOWN:
        answer = _ask(f"C program\n{program}")
        if answer.witness is not None:
            answer = _kept(program, answer, answer.witness)
        if answer.faults or answer.why.startswith(_UNREADABLE):
            # What is said speaks of lines and registers of this very test.
            return _ask(text)
        if answer.held is None:
            return answer
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[program] = answer
    return _KNOWN[program]


def _kept(program: str, answer: Answer, witness: "Witness") -> Answer:
    """The answer without its execution, which is remembered for a while."""
    if len(_SHOWN) >= _MOST_SHOWN:
        del _SHOWN[next(iter(_SHOWN))]
    _SHOWN[program] = witness
    return replace(answer, witness=None)


def shown(text: str, test: "Litmus") -> "Witness | None":
    """The execution in which the condition of a test holds, if the search for one is remembered and would do the same
    for this test, which is the text, read.

    What was searched is program_of() the test: the same events on the same lines, in which only registers have other
    names. The search takes them in the order of the events, but for those of the final state, which are sorted: as long
    as their order is the same, it is the same search, step by step.
    """
    from patchscan.lkmm.dialect.litmus_syntax import TRUE, observed_in

    program, names = _numbered(text)
    witness = _SHOWN.get(program)
    shared = {*test.initial, *(name for thread in test.threads for name in thread.parameters)}
    if witness is None or program.count("\n") + 1 != text.count("\n"):
        return None
    if test.filter != TRUE or test.locations or any(map(_NUMBERED.search, shared)):
        return None
    asked = sorted({(one.thread or 0, one.name) for one in observed_in(test.condition)})
    renamed = [(thread, names.get(name, name)) for thread, name in asked]
    return _renamed(witness, names) if renamed == sorted(renamed) else None


def _renamed(witness: "Witness", names: Mapping[str, str]) -> "Witness":
    """An execution of program_of() a test as one of the test; names: what its registers are called there."""
    own = {number: name for name, number in names.items()}

    def name(found: re.Match[str]) -> str:
        return own[found[0]]

    return replace(
        witness,
        events=tuple(replace(event, text=_NUMBERED.sub(name, event.text)) for event in witness.events),
        state={replace(one, name=own.get(one.name, one.name)): value for one, value in witness.state.items()},
    )


def _ask(text: str) -> Answer:
    from patchscan.lkmm import LitmusError, ask

    try:
        return ask(text, limits())
    except LitmusError as error:
        return Answer(None, f"{_UNREADABLE}: {error.message}")


def program_of(text: str) -> str:
    """A litmus test without its name and comments, its numbered registers numbered in the order of the text: equal
    for tests that are executed alike."""
    return _numbered(text)[0]


def _numbered(text: str) -> tuple[str, dict[str, str]]:
    """See program_of(), with the number of each register of the test."""
    names: dict[str, str] = {}

    def renumbered(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"{found[0][0]}{len(names)}")

    return _NUMBERED.sub(renumbered, _COMMENT.sub("", text.partition("\n")[2])), names
