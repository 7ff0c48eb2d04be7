"""What a run of one litmus test found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from patchscan.basics.record import field, frozen
from patchscan.lkmm.dialect.litmus_syntax import Litmus, Observed, Value
from patchscan.lkmm.memory.arithmetic import UNKNOWN

if TYPE_CHECKING:
    from patchscan.lkmm.answers.cycles import Cycle
    from patchscan.lkmm.answers.witness import Witness

State = Mapping[Observed, Value]


@frozen
class Result:
    """The answers for one test.

    outcome: "Never", "Sometimes" or "Always" the condition holds in a final state, as herd7 observes it;
    "Unknown"
        when a limit was met first.
    complete: every execution was looked at; otherwise `notes` says which limit was met.
    race: two accesses that race in some execution, "P0:12 *x = 1".
    states: the final states, as herd7 writes them, or None when they were not asked for.
    flags: "data-race", "unmatched-rcu-lock", "deadlock", "vacuous"..., sorted.
    witness: an execution in which the condition holds, None for Never; for `forall` one in which it does not.
    cycle: for Never, why the first execution with these values is none; see cycles.py.
    expected: the words of the test's own `Result:` line.
    litmus: the test that was run, reader domains already lowered to the plain dialect.
    """

    name: str
    file: str
    outcome: str
    complete: bool = True
    flags: tuple[str, ...] = ()
    race: tuple[str, str] | None = None
    states: tuple[str, ...] | None = None
    witness: Witness | None = None
    cycle: Cycle | None = None
    notes: tuple[str, ...] = ()
    condition: str = ""
    expected: tuple[str, ...] = ()
    litmus: Litmus | None = field(default=None, compare=False)


def state_text(state: State) -> str:
    """A final state as herd7 writes it: "0:r1=1; 1:r2=x; [y]=2;"."""
    parts = []
    for observed in sorted(state, key=observed_order):
        parts.append(f"{observed}={shown(state[observed])};")
    return " ".join(parts)


def shown(value: Value) -> Value:
    """A value as herd7 writes it: a value from nowhere is a symbol."""
    return "S1" if value == UNKNOWN else value


def observed_order(observed: Observed) -> tuple[bool, int, str]:
    """Registers by thread and name, then variables by name."""
    return (observed.thread is None, observed.thread or 0, observed.name)
