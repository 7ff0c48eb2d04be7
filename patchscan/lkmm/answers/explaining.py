"""What `--timeline` prints: an execution that shows the condition, or why there is none."""

from __future__ import annotations

from patchscan.lkmm.answers.cycles import cycle_lines
from patchscan.lkmm.answers.outcome import Result
from patchscan.lkmm.answers.running import Limits
from patchscan.lkmm.answers.strengthening import find_repair, repair_line
from patchscan.lkmm.answers.timeline import timeline


def explain(result: Result, limits: Limits) -> tuple[str, ...]:
    """Lines for people: the timeline of the witness with the barriers that would forbid it, or the cycle."""
    if result.cycle is not None:
        return tuple(cycle_lines(result.cycle))
    litmus = result.litmus
    if result.witness is None or litmus is None:
        return ()
    lines = list(timeline(litmus, result.witness, limits.unroll))
    if result.outcome == "Sometimes" and litmus.quantifier != "forall":
        lines.append(repair_line(find_repair(litmus, limits)))
    return tuple(lines)
