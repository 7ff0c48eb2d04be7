"""The extended dialect of litmus tests -> the plain one."""

from __future__ import annotations

from patchscan.basics.record import replace
from patchscan.lkmm.dialect.final_conditions import conjunction
from patchscan.lkmm.dialect.litmus_syntax import (
    Litmus,
    LitmusError,
    Thread,
)
from patchscan.lkmm.domains.domains import CALLS, Lowered, calls_in, note_targets
from patchscan.lkmm.domains.sections import ThreadLowering
from patchscan.lkmm.domains.waits import Site


def lower(litmus: Litmus) -> tuple[Litmus, list[Site], dict[int, set[str]]]:
    """A test of the plain dialect with the same executions; the places where threads wait, for the wait-for
    check; and per CPU the locks that are held with IRQs on.

    Raises LitmusError for what the extension does not know.
    """

    for thread in (*litmus.threads, *litmus.handlers.values()):
        _check_calls(thread)
    lowered = Lowered(litmus)
    for thread in litmus.threads:
        note_targets(lowered, thread)
    for thread in litmus.threads:
        lowered.threads.append(ThreadLowering(lowered, thread).run())
    threads = [*lowered.threads]
    for number, helper in enumerate(lowered.helpers, start=len(threads)):
        threads.append(replace(helper, number=number))
    plain = replace(
        litmus,
        threads=tuple(threads),
        filter=conjunction(litmus.filter, *lowered.filters),
        handlers={},
    )
    return plain, lowered.sites, lowered.interruptible


def _check_calls(thread: Thread) -> None:
    for call in calls_in(thread.body):
        wanted = CALLS.get(call.function)
        if wanted is not None and len(call.arguments) != wanted:
            raise LitmusError(
                f"{call.function}() takes {wanted} arguments, not {len(call.arguments)}", call.line
            )
