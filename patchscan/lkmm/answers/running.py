"""One litmus test from its text to its Result."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patchscan.basics.budget import BUDGET
from patchscan.basics.limits import meets
from patchscan.basics.record import frozen
from patchscan.lkmm.answers.final_states import final_states
from patchscan.lkmm.answers.flags import flags, section_flags
from patchscan.lkmm.answers.outcome import Answer, Outcome, Result
from patchscan.lkmm.dialect.litmus_syntax import Litmus
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.dialect.primitives import PRIMITIVES
from patchscan.lkmm.memory.events import Event, Program, TooLarge
from patchscan.lkmm.memory.states import state_text
from patchscan.lkmm.solving.candidate import Candidate
from patchscan.lkmm.solving.cnf import LimitReached
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.solving import Solver
from patchscan.lkmm.solving.unfold import unfold

if TYPE_CHECKING:
    from patchscan.lkmm.answers.outcome import Cycle, Witness

DEEPEST = BUDGET.calls.most
TOO_DEEP = "the test is nested too deeply"


@frozen
class Limits:
    """seconds: of CPU time a test, so that a busy machine changes nothing, None for no limit.  unroll: how often a
    loop is entered.  states: how many final states are collected.  events: how many events a program may have.
    effort: how many candidate executions, or rounds of conflicts, are looked at; variables: of the formula;
    None for no limit."""

    seconds: float | None = 60.0
    unroll: int = 4
    states: int = 100_000
    events: int = 5_000
    effort: int | None = None
    variables: int | None = None


def run(
    text: str,
    name: str = "",
    *,
    states: bool = False,
    witness: bool = True,
    cycle: bool = False,
    flags: bool = True,
    limits: Limits | None = None,
) -> Result:
    """Execute a litmus test under the Linux kernel memory model.

    text: the test.  name: its file, for messages.  states: collect the final states.  witness: keep an
    execution in which the condition holds.  cycle: for Never, say what forbids it.  flags: look for data
    races and the like.

    Raises LitmusError when the test is not of the dialect.
    """
    return run_parsed(parse(text, name), name, states, witness, cycle, flags, limits)


def ask(text: str, limits: Limits) -> Answer:
    """Whether some execution of a litmus test satisfies its condition, and whether a "no" proves anything.

    Asks one question where `run` asks two and looks at what it found. Raises LitmusError as `run` does.
    """
    with _deep_recursion():
        return _Run(parse(text, ""), "", limits).answer()


def execution(litmus: Litmus, limits: Limits) -> Witness | None:
    """The execution that shows the condition of a test, the one that `run` keeps; None where none was found."""
    with _deep_recursion():
        return _Run(litmus, "", limits).execution()


def run_parsed(
    litmus: Litmus,
    name: str = "",
    states: bool = False,
    witness: bool = True,
    cycle: bool = False,
    flags: bool = True,
    limits: Limits | None = None,
) -> Result:
    """As `run`, for a test that is already parsed."""
    with _deep_recursion():
        return _Run(litmus, name, limits or Limits()).result(states, witness, cycle, flags)


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Long loops are nested ifs, and long chains of grace periods are explained link by link."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


class _Run:
    def __init__(self, litmus: Litmus, file: str, limits: Limits) -> None:
        self.litmus, self.file, self.limits = litmus, file, limits
        self.deadline = None if limits.seconds is None else time.process_time() + limits.seconds
        self.notes: list[str] = []
        self.deadlocks: list[str] = []
        self.complete = True

    def result(self, states: bool, witness: bool, cycle: bool, with_flags: bool) -> Result:
        """All that was asked for; what a limit cut off is missing, and said in the notes."""
        outcome: Outcome = "Unknown"
        found: tuple[str, ...] = ()
        texts: tuple[str, ...] | None = None
        race: tuple[Event, Event] | None = None
        positive: Candidate | None = None
        negative: Candidate | None = None
        forbidden: Cycle | None = None
        undefined: tuple[str, ...] = ()
        try:
            program = self._unfold()
            solver = self._solver(program)
            positive, negative = self._both(solver)
            outcome = self._outcome(solver, program, positive, negative)
            some = positive or negative
            if some is None:
                found = (self._why_none(program),)
            elif with_flags:
                found, race = flags(solver, some)
            undefined = tuple(sorted(solver.encoding.undefined))
            if cycle and outcome == "Never" and some is not None:
                forbidden = self._cycle(program)
            if states:
                texts = self._states(program)
        except LimitReached as error:
            self._incomplete(str(error) or self._out_of_time())
        except TooLarge as error:
            self._incomplete(error.message)
        except RecursionError:
            meets("stack")
            self._incomplete(TOO_DEEP)
        return Result(
            name=self.litmus.name,
            file=self.file,
            outcome=outcome,
            complete=self.complete,
            flags=tuple(sorted({*found, "deadlock"})) if self.deadlocks else found,
            race=None if race is None else (race[0].place, race[1].place),
            states=texts,
            witness=self._witness(positive, negative) if witness else None,
            cycle=forbidden,
            notes=tuple(self.notes),
            condition=self.litmus.condition_text,
            expected=self.litmus.expected,
            litmus=self.litmus,
            undefined=undefined,
        )

    def answer(self) -> Answer:
        """Whether the condition holds in some execution, and what makes a "no" worthless."""
        try:
            program = self._unfold()
            solver = self._solver(program)
            found = solver.find([solver.encoding.condition, solver.encoding.filter])
            if found is not None:
                return Answer(True, witness=self._witness(found, None))
            if self._outcome(solver, program, None, None) != "Never":
                return Answer(None, self.notes[-1])
            return Answer(False, faults=self._faults(solver, program))
        except LimitReached as error:
            return Answer(None, str(error) or self._out_of_time())
        except TooLarge as error:
            return Answer(None, error.message)
        except RecursionError:
            meets("stack")
            return Answer(None, TOO_DEEP)

    def execution(self) -> Witness | None:
        """The first execution in which the condition holds."""
        try:
            solver = self._solver(self._unfold())
            return self._witness(solver.find([solver.encoding.condition, solver.encoding.filter]), None)
        except (LimitReached, TooLarge):
            return None
        except RecursionError:
            meets("stack")
            return None

    def _faults(self, solver: Solver, program: Program) -> tuple[str, ...]:
        """Why the absence of an execution proves nothing: there is none at all, or they make no sense."""
        found = [f"it computes {operation}" for operation in sorted(solver.encoding.undefined)[:2]]
        found += [f"deadlock: {line}" for line in self.deadlocks]
        some = solver.find([solver.encoding.filter])
        if some is None:
            return (*found, f"no execution of it comes to its end ({self._why_none(program)})")
        return (*found, *(f"its sections do not match ({flag})" for flag in section_flags(solver, some)))

    def _solver(self, program: Program) -> Solver:
        encoding = Encoding(program, deadline=self.deadline, largest=self.limits.variables, asked=True)
        return Solver(encoding, self.deadline, self.limits.effort)

    def _out_of_time(self) -> str:
        return f"the time limit of {self.limits.seconds:g} s was met"

    def _incomplete(self, why: str) -> None:
        self.complete = False
        if why not in self.notes:
            self.notes.append(why)

    def _unfold(self) -> Program:
        from patchscan.lkmm.dialect.litmus_syntax import LitmusError

        try:
            self._lower_domains()
            program = unfold(self.litmus, self.limits.unroll, self.deadline)
        except LitmusError as error:
            error.file = error.file or self.file
            raise
        if len(program.events) > self.limits.events:
            raise TooLarge(f"{len(program.events)} events are more than the limit of {self.limits.events}")
        return program

    def _lower_domains(self) -> None:
        """A test with reader domains is run in its plain form; deadlocks outside the memory model are
        noted.
        """
        if self.litmus.functions <= PRIMITIVES.keys() and not self.litmus.handlers:
            return
        from patchscan.lkmm.domains.lower import lower
        from patchscan.lkmm.domains.waits import deadlocks

        self.litmus, sites, interruptible = lower(self.litmus)
        self.deadlocks = deadlocks(sites, interruptible)
        self.notes += [f"deadlock: {line}" for line in self.deadlocks]

    def _both(self, solver: Solver) -> tuple[Candidate | None, Candidate | None]:
        """An execution in which the condition holds, and one in which it does not."""
        encoding = solver.encoding
        return (
            solver.find([encoding.condition, encoding.filter]),
            solver.find([-encoding.condition, encoding.filter]),
        )

    def _outcome(
        self, solver: Solver, program: Program, positive: Candidate | None, negative: Candidate | None
    ) -> Outcome:
        if positive and negative:
            return "Sometimes"
        for cut, (line, times) in zip(program.cuts, program.loops, strict=True):
            if solver.find([solver.encoding.branch(cut)]):
                self._incomplete(f"the loop at line {line} was followed {times} times only")
        if not self.complete:
            return "Unknown"
        return "Always" if positive else "Never"

    def _why_none(self, program: Program) -> str:
        """No execution at all: the filter refuses them all, or every one gets stuck."""
        encoding = Encoding(program, deadline=self.deadline)
        if Solver(encoding, self.deadline).find():
            return "vacuous"
        waits = {"LKR", "sync-rcu", "sync-srcu"}
        return "deadlock" if any(event.tag in waits for event in program.events) else "vacuous"

    def _states(self, program: Program) -> tuple[str, ...]:
        solver = Solver(Encoding(program, deadline=self.deadline), self.deadline)
        found, complete = final_states(solver, self.limits.states)
        if not complete:
            self._incomplete(f"only the first {len(found)} final states were collected")
        return tuple(map(state_text, found))

    def _cycle(self, program: Program) -> Cycle:
        from patchscan.lkmm.answers.cycles import forbidding_cycle

        return forbidding_cycle(program, self.deadline)

    def _witness(self, positive: Candidate | None, negative: Candidate | None) -> Witness | None:
        """The execution that decides: one with the condition, or for `forall` rather one without it."""
        from patchscan.lkmm.answers.witness import witness_of

        chosen = negative or positive if self.litmus.quantifier == "forall" else positive
        return witness_of(chosen) if chosen else None
