"""Which barriers would forbid the condition of a test: found by looking at witnesses, checked by running."""

from __future__ import annotations

from collections.abc import Sequence

from patchscan.basics.record import frozen, replace
from patchscan.lkmm.answers.running import Limits, run_parsed
from patchscan.lkmm.answers.timeline import Gap, gaps
from patchscan.lkmm.checking.replay import execution_of
from patchscan.lkmm.dialect.litmus_syntax import Call, Evaluate, If, Litmus, Loop, Statement, Thread

ROUNDS = 4


@frozen
class Barrier:
    """`fence()` put directly before the statement at `line` of `thread`."""

    thread: int
    line: int
    fence: str

    def __str__(self) -> str:
        return f"{self.fence}() before P{self.thread}:{self.line}"


def find_repair(litmus: Litmus, limits: Limits) -> tuple[Barrier, ...] | None:
    """Barriers with which the condition never holds, none of them superfluous or stronger than need be.

    None when the condition cannot be forbidden like this, or not found to be within the limits.
    """
    barriers: set[Barrier] = set()
    for _ in range(ROUNDS):
        result = run_parsed(with_barriers(litmus, barriers), limits=limits, flags=False)
        if result.outcome == "Never":
            return _weakened(litmus, barriers, limits) if barriers else None
        if result.witness is None:
            return None
        repaired = with_barriers(litmus, barriers)
        missing = gaps(result.witness, execution_of(repaired, result.witness, limits.unroll))
        added = {_barrier(gap) for gap in missing if gap.earlier.line != gap.later.line}
        if added <= barriers:
            return None
        barriers |= added
    return None


def _place(barrier: Barrier) -> tuple[int, int, str]:
    return barrier.thread, barrier.line, barrier.fence


def _barrier(gap: Gap) -> Barrier:
    return Barrier(gap.thread, gap.later.line, "smp_mb")


def _weakened(litmus: Litmus, barriers: set[Barrier], limits: Limits) -> tuple[Barrier, ...]:
    """Leave out or weaken one barrier after the other as long as the condition stays forbidden."""
    current = sorted(barriers, key=_place)
    for barrier in current.copy():
        others = [other for other in current if other != barrier]
        for choice in ([], *([replace(barrier, fence=fence)] for fence in ("smp_wmb", "smp_rmb"))):
            if _forbids(litmus, [*others, *choice], limits):
                current = [*others, *choice]
                break
    return tuple(sorted(current, key=_place))


def _forbids(litmus: Litmus, barriers: Sequence[Barrier], limits: Limits) -> bool:
    repaired = with_barriers(litmus, barriers)
    return run_parsed(repaired, limits=limits, flags=False, witness=False).outcome == "Never"


def with_barriers(litmus: Litmus, barriers: Sequence[Barrier] | set[Barrier]) -> Litmus:
    """The same test with the barriers put in."""
    return replace(litmus, threads=tuple(_in_thread(thread, barriers) for thread in litmus.threads))


def _in_thread(thread: Thread, barriers: Sequence[Barrier] | set[Barrier]) -> Thread:
    fences = {barrier.line: barrier.fence for barrier in barriers if barrier.thread == thread.number}
    return replace(thread, body=_in_block(thread.body, fences)) if fences else thread


def _in_block(statements: tuple[Statement, ...], fences: dict[int, str]) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for statement in statements:
        if statement.line in fences:
            fence = fences[statement.line]
            result.append(Evaluate(Call(fence, (), statement.line), statement.line, f"{fence}()"))
        if isinstance(statement, If):
            then, otherwise = _in_block(statement.then, fences), _in_block(statement.otherwise, fences)
            result.append(replace(statement, then=then, otherwise=otherwise))
        elif isinstance(statement, Loop):
            result.append(replace(statement, body=_in_block(statement.body, fences)))
        else:
            result.append(statement)
    return tuple(result)


def repair_line(repair: tuple[Barrier, ...] | None) -> str:
    """The repair in words."""
    if repair is None:
        return "No barriers between the statements were found that forbid it."
    return f"With {' and '.join(map(str, repair))} it never happens."
