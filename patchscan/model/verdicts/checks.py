"""What the memory model does not see: sleeping where one must not, and CPUs that wait for each other for ever."""

from collections.abc import Iterable, Iterator

from patchscan.model.extraction.mutate import at
from patchscan.model.lowering.lowered import (
    Body,
    Branch,
    Choice,
    Close,
    Deferred,
    Lock,
    Open,
    Thread,
    Wait,
    walk,
)

_SLEEPS = {"rcu": "synchronize_rcu()", "srcu": "synchronize_srcu()"}


def context_faults(threads: Iterable[Thread]) -> tuple[str, ...]:
    """Sentences on waits made where they must not be, from unsliced threads.

    A grace period is waited for by sleeping, so not in a section or under a spinlock; an IPI with wait needs
    IRQs on, and no lock that its target spins for with IRQs off (Documentation/core-api/... smp_call_function:
    "must not be called with interrupts disabled").
    """
    threads = tuple(threads)
    found: dict[str, None] = {}
    for thread in threads:
        spun = _taken_with_irqs_off(other for other in threads if other is not thread)
        for fault in _faults(thread.body, [], [], spun):
            found[fault] = None
    return tuple(found)


def _taken_with_irqs_off(threads: Iterable[Thread]) -> frozenset[str]:
    """Locks that some thread takes while its IRQs are off."""
    found: set[str] = set()
    for thread in threads:
        off = False
        for event in walk(thread.body):
            if isinstance(event, (Open, Close)) and event.domain == "irq":
                off = isinstance(event, Open)
            elif isinstance(event, Lock) and event.kind == "lock" and off:
                found.add(event.name)
    return frozenset(found)


def _faults(body: Body, opened: list[str], held: list[str], spun: frozenset[str]) -> Iterator[str]:
    """Faults of a body; opened, held: sections and locks at its start, changed as it goes on."""
    for event in body:
        if isinstance(event, Open):
            opened.append(event.domain)
        elif isinstance(event, Close) and event.domain in opened:
            opened.remove(event.domain)
        elif isinstance(event, Lock):
            if event.kind == "lock":
                held.append(event.name)
            elif event.name in held:
                held.remove(event.name)
        elif isinstance(event, Wait):
            yield from _judge(event, opened, held, spun)
        elif isinstance(event, (Branch, Choice)):
            yield from _faults(event.then, list(opened), list(held), spun)
            yield from _faults(event.otherwise, opened, held, spun)
        elif isinstance(event, Deferred):
            yield from _faults(event.body, [], [], spun)


def _judge(event: Wait, opened: list[str], held: list[str], spun: frozenset[str]) -> Iterator[str]:
    where = at(event.place)
    kind = event.domain.partition("_")[0]
    if kind in _SLEEPS and opened:
        what = (
            f"while {held[-1]} is held"
            if held
            else f"in a section with {' and '.join(sorted(set(opened)))} open"
        )
        yield f"{_SLEEPS[kind]} at {where} sleeps {what}"
    if event.domain == "irq" and "irq" in opened:
        yield f"deadlock: the IPI at {where} is waited for with IRQs off"
    elif event.domain == "irq" and spun & set(held):
        lock = min(spun & set(held))
        yield f"deadlock: the IPI at {where} is waited for under {lock}, for which its target spins with IRQs off"
