"""What is at hand of many things that can be read again: as many of them as there is room for."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
# Of a patch of more files than these the code is not held as a whole, but of so many files at once.
MANY_FILES = 64
HELD_FILES = 32


class Shelf(Generic[Thing]):
    """Holds so many things; the one that was put there first goes when another comes.

    leaving: told of each thing that goes, which then lets go of what was made of it.
    """

    def __init__(self, room: int, leaving: Callable[[Thing], None]) -> None:
        self.room = room
        self.leaving = leaving
        self._held: OrderedDict[Thing, None] = OrderedDict()

    def put(self, thing: Thing) -> None:
        """Have a thing at hand, as the one that goes last."""
        self._held[thing] = None
        self._held.move_to_end(thing)
        if len(self._held) > self.room:
            self.leaving(self._held.popitem(last=False)[0])
