"""Comparisons of a tree with its index that need not be made again: a process that stays may know that nothing changed.

Nobody knows that by itself: each comparison is made then.
"""

from collections.abc import Callable, Hashable
from typing import Protocol

from patchscan.tree.index.comparison import Difference


class Watcher(Protocol):
    """What sees each change below a directory."""

    def settled(self, root: str, question: Hashable, compare: Callable[[], Difference]) -> Difference:
        """A difference, taken again where nothing has changed since it was found."""


class _Alone:
    """Nobody watches."""

    def settled(self, root: str, question: Hashable, compare: Callable[[], Difference]) -> Difference:
        """What comparing gives."""
        return compare()


watcher: list[Watcher] = [_Alone()]


def settled(root: str, question: Hashable, compare: Callable[[], Difference]) -> Difference:
    """How a tree differs from its index, by the watcher of this process; question: what is compared with what."""
    return watcher[0].settled(root, question, compare)
