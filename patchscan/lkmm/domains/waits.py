"""Deadlocks that the memory model does not see: who waits for whom, with what in hand.

Two CPUs that send each other IPIs with IRQs off, an IPI sent under a lock that its target spins on with
IRQs off, a handler that spins on a lock that the interrupted code holds: no execution of the memory model
is missing for it. So the places where threads wait are collected when a test is lowered (sections.py), and
a circle among them is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patchscan.basics.record import field, frozen, record
from patchscan.lkmm.dialect.litmus_syntax import Call
from patchscan.lkmm.dialect.printing import expression_text


@frozen
class Site:
    """A place where a thread waits.

    waits_for, holds: resources, "lock l", "irq 1" (CPU 1 taking an interrupt), "rcu", "srcu s".
    handler: it is in an IPI handler on the CPU of the thread.
    """

    thread: int
    line: int
    doing: str
    waits_for: frozenset[str]
    holds: frozenset[str]
    irqs_off: bool
    handler: bool = False

    def __str__(self) -> str:
        where = f"P{self.thread}:{self.line} {self.doing}"
        return f"{where} with IRQs off" if self.irqs_off and not self.handler else where


@record
class Waiting:
    """Follows what one thread holds, and records where it waits.

    sites: of all threads.  interruptible: CPU -> the locks that it holds at some time with IRQs on.
    """

    thread: int
    sites: list[Site]
    interruptible: dict[int, set[str]]
    locks: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)

    def note(self, call: Call, line: int, irqs_off: bool) -> None:
        """Take a call of a plain primitive into account."""
        name = call.function.removeprefix("raw_")
        target = expression_text(call.arguments[0]) if call.arguments else ""
        lock = f"lock {target}"
        if name == "spin_lock":
            self.wait(f"spins on {target}", {lock}, line, irqs_off)
            self.locks.append(lock)
            if not irqs_off:
                self.interruptible.setdefault(self.thread, set()).add(lock)
        elif name == "spin_unlock" and lock in self.locks:
            self.locks.remove(lock)
        elif name in ("rcu_read_lock", "srcu_read_lock"):
            self.sections.append(f"{name.removesuffix('_read_lock')} {target}".strip())
        elif name in ("rcu_read_unlock", "srcu_read_unlock"):
            section = f"{name.removesuffix('_read_unlock')} {target}".strip()
            if section in self.sections:
                self.sections.remove(section)
        elif name.startswith("synchronize_"):
            kind = "srcu" if "srcu" in name else "rcu"
            self.wait(f"waits in {name}()", {f"{kind} {target}".strip()}, line, irqs_off)

    def wait(self, doing: str, waits_for: set[str], line: int, irqs_off: bool) -> None:
        holds = {*self.locks, *self.sections}
        if irqs_off:
            holds |= {f"irq {self.thread}", "rcu"}
        self.sites.append(Site(self.thread, line, doing, frozenset(waits_for), frozenset(holds), irqs_off))


def deadlocks(sites: Sequence[Site], interruptible: Mapping[int, set[str]]) -> list[str]:
    """The circles of waiting, one line each, the smallest ones first; [] if there is none."""
    found = []
    for site in sites:
        if site.handler and site.waits_for & interruptible.get(site.thread, set()):
            found.append(f"{site}, which the code it interrupts on CPU {site.thread} may hold")
        elif not site.handler and site.waits_for & site.holds:
            found.append(f"{site}, which it keeps waiting itself")
    for circle in _circles(sites):
        found.append("; ".join(map(str, circle)))
    return list(dict.fromkeys(found))


def _circles(sites: Sequence[Site]) -> list[tuple[Site, ...]]:
    """Each circle of sites of different threads once, beginning with the lowest thread."""
    circles: list[tuple[Site, ...]] = []

    def extend(path: tuple[Site, ...]) -> None:
        for site in sites:
            if not path[-1].waits_for & site.holds:
                continue
            if site == path[0] and len(path) > 1:
                circles.append(path)
            elif site.thread > path[0].thread and all(_together(site, other) for other in path):
                extend((*path, site))

    for site in sites:
        extend((site,))
    return sorted(circles, key=len)


def _together(one: Site, other: Site) -> bool:
    """Whether two threads can be at these places at once."""
    held_by_both = {name for name in one.holds & other.holds if name.startswith("lock ")}
    return one.thread != other.thread and not held_by_both
