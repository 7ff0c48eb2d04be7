"""Relations as rows of bits: bit j of row i says that i is related to j."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Rows = list[int]


def rows_of(pairs: Iterable[tuple[int, int]], size: int) -> Rows:
    rows = [0] * size
    for start, end in pairs:
        rows[start] |= 1 << end
    return rows


def bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def proper(rows: Rows) -> Rows:
    """The same without the steps from an event to itself."""
    return [row & ~(1 << index) for index, row in enumerate(rows)]


def compose(left: Rows, right: Rows, transitive: bool = False) -> Rows:
    """Rows of left ; right. transitive: right ; right is in right, and so what follows an event that another one leads
    to follows that one, too: of the events of a row those need not be asked."""
    if not any(left):
        return left
    starts = 0
    for index, row in enumerate(right):
        if row:
            starts |= 1 << index
    result = []
    known = {0: 0}  # many events have the same row
    for row in left:
        row &= starts
        reached = known.get(row)
        if reached is None:
            reached, rest = 0, row
            while rest:
                lowest = rest & -rest
                following = right[lowest.bit_length() - 1]
                reached |= following
                rest ^= lowest
                if transitive:
                    rest &= ~following
            known[row] = reached
        result.append(reached)
    return result


def closure(rows: Rows) -> Rows:
    """Rows of the transitive closure: event by event, those that it leads to first."""
    result = [0] * len(rows)
    left = sum(1 << event for event, row in enumerate(rows) if row)
    begun = 0
    while left:
        stack = [left.bit_length() - 1]
        while stack:
            event = stack[-1]
            bit, row = 1 << event, rows[event]
            waiting = row & left
            if not left & bit:
                stack.pop()
            elif waiting & (begun | bit):
                return _closure_with_cycles(rows)
            elif waiting:
                # What stands above an event on the stack is reached from it.
                begun |= bit
                stack += bits(waiting)
            else:
                result[event] = row | _reached(row, result)
                left ^= bit
                begun &= ~bit
                stack.pop()
    return result


def _reached(row: int, closed: Rows) -> int:
    """What the events of a row lead to."""
    reached = 0
    while row:
        lowest = row & -row
        following = closed[lowest.bit_length() - 1]
        reached |= following
        row &= ~(following | lowest)
    return reached


def _closure_with_cycles(rows: Rows) -> Rows:
    result = list(rows)
    starts = [event for event, row in enumerate(rows) if row]
    for middle in starts:
        row, bit = result[middle], 1 << middle
        for start in starts:
            if result[start] & bit:
                result[start] |= row
    return result


def on_cycles(rows: Rows) -> int:
    """The events from which a path leads back, and perhaps some on paths between such: 0 if there is no
    cycle.

    Events that lead nowhere are left out, again and again, and then those that nothing leads to.
    """
    leading_on = _without_ends(rows, (1 << len(rows)) - 1)
    return leading_on and _without_ends(transpose(rows), leading_on)


def _without_ends(rows: Rows, remaining: int) -> int:
    while True:
        before = remaining
        for event in reversed(range(len(rows))):
            if remaining >> event & 1 and not rows[event] & remaining:
                remaining ^= 1 << event
        if remaining == before:
            return remaining


def transpose(rows: Rows) -> Rows:
    result = [0] * len(rows)
    for index, row in enumerate(rows):
        bit = 1 << index
        for end in bits(row):
            result[end] |= bit
    return result


def shortest_path(rows: Rows, start: int, end: int) -> list[int]:
    """Events of a shortest path of at least one step; [] if there is none."""
    before: dict[int, int] = {}
    seen = 0
    frontier = [start]
    while frontier:
        following = []
        for event in frontier:
            fresh = rows[event] & ~seen
            if fresh >> end & 1:
                path = [end, event]
                while event != start:
                    event = before[event]
                    path.append(event)
                return path[::-1]
            seen |= fresh
            for reached in bits(fresh):
                before[reached] = event
                following.append(reached)
        frontier = following
    return []
