"""Threads that are copies of each other may be told apart by us in any way: half the search is saved at
each pair.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from patchscan.lkmm.dialect.litmus_syntax import Assign, Thread
from patchscan.lkmm.solving.cnf import TRUE

if TYPE_CHECKING:
    from patchscan.lkmm.memory.events import Event
    from patchscan.lkmm.solving.communication import WriteOrder
    from patchscan.lkmm.solving.literals import Literals


def order_identical_threads(literals: Literals, co: WriteOrder) -> None:
    """Let identical threads make one of their writes in the order of their numbers, those that do not make it last.

    Only for threads whose registers nobody looks at; the write must be to one known variable.
    """
    executed = literals.executed
    for threads in _identical_threads(literals):
        writes = [_telling_write(literals, thread) for thread in threads]
        for one, other in pairwise(write for write in writes if write is not None):
            literals.formula.implies([executed[other.number]], executed[one.number])
            order = co.get((one.number, other.number))
            if order is not None:
                literals.formula.implies([executed[one.number], executed[other.number]], order)


def _identical_threads(literals: Literals) -> list[list[int]]:
    litmus = literals.program.litmus
    named = {observed.thread for observed in literals.observed()}
    named |= {thread for thread, _ in litmus.registers}
    unnamed = [thread for thread in litmus.threads if thread.number not in named]
    # Most differ at first sight.
    seen = Counter((thread.parameters, len(thread.body)) for thread in unnamed)
    groups: dict[object, list[int]] = {}
    for thread in unnamed:
        if seen[thread.parameters, len(thread.body)] > 1:
            groups.setdefault(_without_names(thread), []).append(thread.number)
    return [group for group in groups.values() if len(group) > 1]


def _without_names(thread: Thread) -> object:
    """The thread, its registers numbered as they come."""
    numbers: dict[str, int] = {}

    def form(node: object) -> object:
        if isinstance(node, str) and node in registers:
            return numbers.setdefault(node, len(numbers))
        if isinstance(node, tuple):
            return tuple(form(part) for part in node)
        fields = getattr(node, "__fields__", None)
        if fields is None:
            return node
        return type(node).__name__, *(form(getattr(node, name)) for name in fields if fields[name].compare)

    registers = {*thread.locals, *_assigned(thread.body)} - {*thread.parameters}
    return thread.parameters, form(thread.body)


def _assigned(node: object) -> set[str]:
    """The registers that are set somewhere in it."""
    if isinstance(node, tuple):
        return set().union(*map(_assigned, node))
    fields = getattr(node, "__fields__", {})
    inner = set().union(*(_assigned(getattr(node, name)) for name in fields))
    return inner | ({node.register} if isinstance(node, Assign) else set())


def _telling_write(literals: Literals, thread: int) -> Event | None:
    """The first write to one known variable that always happens, else the first that may."""
    writes = [
        event
        for event in literals.events
        if event.thread == thread and event.kind == "W" and len(literals.address[event.number]) == 1
    ]
    certain = [write for write in writes if literals.executed[write.number] == TRUE]
    return next(iter([*certain, *writes]), None)
