"""The final states of an execution, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping

from patchscan.lkmm.dialect.litmus_syntax import Observed, Value
from patchscan.lkmm.memory.arithmetic import UNKNOWN

State = Mapping[Observed, Value]


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
