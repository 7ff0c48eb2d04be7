"""The final states of a program: every combination of observed values that some execution ends with."""

from __future__ import annotations

from patchscan.lkmm.dialect.litmus_syntax import Observed, observed_in
from patchscan.lkmm.memory.arithmetic import UNKNOWN
from patchscan.lkmm.memory.states import State, observed_order
from patchscan.lkmm.solving.cnf import TRUE, LimitReached
from patchscan.lkmm.solving.solving import Solver


def reported(solver: Solver) -> list[Observed]:
    """What herd7 shows of a final state: what the condition and `locations` name."""
    litmus = solver.encoding.program.litmus
    return sorted(observed_in(litmus.condition) | set(litmus.locations), key=observed_order)


def final_states(solver: Solver, at_most: int) -> tuple[list[State], bool]:
    """The states in order, and whether they are all: at most `at_most` are collected."""
    encoding = solver.encoding
    observed = reported(solver)
    asking = encoding.formula.new_variable()
    states: list[State] = []
    complete = True
    try:
        while candidate := solver.find([encoding.filter, asking], lemmas_at_once=8):
            if len(states) >= at_most:
                complete = False
                break
            state = {one: candidate.value(encoding.final[one]) for one in observed}
            states.append(state)
            chosen = (encoding.final[one][state[one]] for one in observed)
            solver.forbid([asking, *(literal for literal in chosen if literal != TRUE)])
    except LimitReached:
        complete = False
    return sorted(states, key=_in_order), complete


def _in_order(state: State) -> list[tuple[bool, bool, int, str]]:
    """Integers before addresses before the unknown value, observed by observed."""
    key = []
    for observed in sorted(state, key=observed_order):
        value = state[observed]
        number = value if isinstance(value, int) else 0
        key.append((value == UNKNOWN, isinstance(value, str), number, str(value)))
    return key
