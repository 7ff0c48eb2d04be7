"""All ways in which the reads and the writes of some threads may communicate, for the plain search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from patchscan.lkmm.checking.interpreter import Step
from patchscan.lkmm.memory.executions import Path
from patchscan.lkmm.memory.rows import rows_of


def choices_of(
    sources: Mapping[int, list[int]], reads: list[int], chosen: dict[int, int], halves: set[int | None]
) -> Iterator[dict[int, int]]:
    """A source for each read; two read-modify-writes never have the same."""
    if len(chosen) == len(reads):
        yield chosen
        return
    read = reads[len(chosen)]
    taken = {chosen[other] for other in chosen if other in halves} if read in halves else set()
    for write in sources[read]:
        if write not in taken:
            yield from choices_of(sources, reads, {**chosen, read: write}, halves)


def orders(path: Path, steps: list[Step], source: Mapping[int, int]) -> Iterator[list[int]]:
    """Every coherence order that keeps to program order, the initial write of each variable first."""
    choices = []
    for writes in path.writes_to.values():
        initial = [write for write in writes if steps[write].event.tag == "IW"]
        others = {write for write in writes if steps[write].event.tag != "IW"}
        choices.append(list(_orders_of(initial, others, steps, source)))
    for chosen in product(*choices):
        pairs = [
            (one, other)
            for order in chosen
            for place, one in enumerate(order)
            for other in order[place + 1 :]
        ]
        yield rows_of(pairs, path.size)


def _orders_of(
    order: list[int], others: set[int], steps: list[Step], source: Mapping[int, int]
) -> Iterator[list[int]]:
    """The orders of these writes that start so; that of a read-modify-write stands directly behind what it read."""
    if not others:
        yield order
    for write in sorted(others):
        read = steps[write].event.partner
        earlier = any(one < write and steps[one].event.thread == steps[write].event.thread for one in others)
        if not earlier and (read is None or source[read] == order[-1]):
            yield from _orders_of([*order, write], others - {write}, steps, source)
