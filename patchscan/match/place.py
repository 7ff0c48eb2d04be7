"""A match where it stands: what a condition is asked about."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from patchscan.basics.record import frozen
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.match.answer import Answer
from patchscan.match.matches import Match
from patchscan.match.row import Wish

if TYPE_CHECKING:
    from tree_sitter import Node


@frozen(eq=False)
class Place:
    """A match, the file it stands in, and the patch."""

    match: Match
    file: ChangedFile
    context: Context

    def node(self, wish: Wish) -> "Node":
        """The node that a condition speaks of: what stands in its hole, or the first one of the match."""
        return self.match.nodes[0] if wish.hole == "in" else self.match.holes[wish.hole].node

    def text(self, wish: Wish) -> str:
        """The text that a condition speaks of."""
        if wish.hole != "in":
            return self.match.holes[wish.hole].text
        first, last = self.match.nodes[0], self.match.nodes[-1]
        return self.match.source.slice(first.start_byte, last.end_byte)


@frozen(eq=False)
class Condition:
    """A condition by its function; about: what it says, for the manual; takes_argument: `name: argument`."""

    ask: Callable[[Place, Wish], Answer]
    about: str
    takes_argument: bool = False
