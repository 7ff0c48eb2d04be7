"""Sums that may get lost: variables whose writes are constants, or sums of a constant and what the thread found there.

What comes between the two halves of a sum is lost, so that the writes are no chain. But what a read finds still is the
first value and all that was added on the way to it: by the write that it sees, by the one that this sum starts from,
and so on, back to a constant. Each of them stands before the next in the order of the writes: none is met twice.
Told which writes these are, read by read, the solver needs no values where these are only compared with constants.
"""

from __future__ import annotations

from patchscan.lkmm.dialect.litmus_syntax import Value
from patchscan.lkmm.memory.events import Event
from patchscan.lkmm.solving.cnf import FALSE, TRUE
from patchscan.lkmm.solving.communication import Communication
from patchscan.lkmm.solving.counters import Counter
from patchscan.lkmm.solving.sums import comes_to


class History:
    """What led to the values of one loose counter.

    behind[read]: write -> literal of "what the read sees goes back to this write, or is it".
    """

    def __init__(self, communication: Communication, counter: Counter) -> None:
        self.communication = communication
        self.formula = communication.formula
        self.counter = counter
        self.steps = {step.write: step for step in counter.steps}
        self.bases = dict(counter.bases)
        self.behind: dict[int, dict[int, int]] = {}
        reads = sorted({step.read for step in counter.steps})
        for read in reads:
            self.behind[read] = self._open(read)
        for read in reads:
            self._tell(read)
        for step in counter.steps:
            for write, literal in self.behind[step.read].items():
                order = communication.co.get((write, step.write), FALSE)
                self.formula.implies([literal, communication.literals.executed[step.write]], order)

    def compares(self, read: int, bound: int, exactly: bool) -> int:
        """The literal of "what the read found is the bound", or at least that."""
        if read not in self.behind:
            self.behind[read] = self._open(read)
            self._tell(read)
        counter = self.counter
        added = self.bases | {write: step.amount + counter.initial for write, step in self.steps.items()}
        parts = [(added[write] - counter.initial, literal) for write, literal in self.behind[read].items()]
        return comes_to(self.formula, parts, bound - counter.initial, exactly)

    def written(self, write: Event, value: Value) -> int:
        """The literal of "the write makes it this value"."""
        if not isinstance(value, int):
            return FALSE
        step = self.steps.get(write.number)
        if step is None:
            return TRUE if value == self.bases.get(write.number, self.counter.initial) else FALSE
        return self.compares(step.read, value - step.amount, True)

    def _open(self, read: int) -> dict[int, int]:
        """Nothing that comes later in its own thread is behind what a read sees."""
        events = self.communication.literals.events
        return {
            write: self.formula.new_variable()
            for write in (*self.steps, *self.bases)
            if events[write].thread != events[read].thread or write < read
        }

    def _tell(self, read: int) -> None:
        for source in self.communication.sources[read]:
            seen = self.communication.rf[source, read]
            step = self.steps.get(source)
            further = {} if step is None else self.behind[step.read]
            for write, literal in self.behind[read].items():
                there = TRUE if write == source else further.get(write, FALSE)
                self.formula.implies([seen, there], literal)
                self.formula.implies([seen, -there], -literal)
