"""The sections of a lock, in the text of the threads: which write takes it, and which releases it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from patchscan.basics.record import frozen
from patchscan.lkmm.memory.events import Event


@frozen
class Section:
    """take: the write that takes the lock; releases: the writes that may release it, one in an execution at most."""

    take: Event
    releases: tuple[Event, ...]


def sections_by_lock(
    events: Iterable[Event], names: Mapping[int, Collection[str]]
) -> dict[str, list[Section]]:
    """The sections of each lock that is only taken and released in turn; names: the variables an access may touch."""
    writes: dict[str, list[Event]] = {}
    for event in events:
        if event.kind == "W" and event.tag != "IW":
            for name in names[event.number]:
                writes.setdefault(name, []).append(event)
    found = {}
    for name, to_lock in writes.items():
        if all(write.tag in ("LKW", "UL") and len(names[write.number]) == 1 for write in to_lock):
            sections = _sections(to_lock)
            if sections:
                found[name] = sections
    return found


def _sections(writes: list[Event]) -> list[Section] | None:
    """Each take with its releases; None if a release may have no take of its own."""
    releases: dict[int, list[Event]] = {write.number: [] for write in writes if write.tag == "LKW"}
    for place, release in enumerate(writes):
        if release.tag == "UL":
            take = _take_of(release, writes[:place])
            if take is None or not all(_exclusive(release, other) for other in releases[take.number]):
                return None
            releases[take.number].append(release)
    return [Section(write, tuple(releases[write.number])) for write in writes if write.tag == "LKW"]


def _take_of(release: Event, earlier: list[Event]) -> Event | None:
    """The nearest take before it that happens whenever the release does."""
    for write in reversed(earlier):
        if write.tag == "LKW" and write.thread == release.thread and write.guard <= release.guard:
            return write
    return None


def _exclusive(one: Event, other: Event) -> bool:
    return any(-branch in other.guard for branch in one.guard)
