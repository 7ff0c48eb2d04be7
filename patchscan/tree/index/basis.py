"""What answers about a directory rest on: how it compared with its index, or the marks of all its sources.

Who keeps an answer asks whether its basis holds before it is given again: that looks at each file as the first time.
"""

import contextlib
import os
import sqlite3
from collections.abc import Mapping

from patchscan.basics.record import frozen
from patchscan.tree import Directory
from patchscan.tree.index.comparison import RACY, RACY_NANOSECONDS, Difference, Mark, mark
from patchscan.tree.index.listing import Listing, list_tree
from patchscan.tree.index.lookup import Index, Kind, open_index


@frozen
class Compared:
    """What was compared with an index, and came of it; marks: of the files that the index does not know as they are."""

    seal: Mapping[str, object]
    kinds: Mapping[Kind, Difference]
    shared: Difference | None
    directories: Mapping[str, frozenset[str]]
    marks: Mapping[str, Mark | None]


def compared(index: Index, root: str, begun: int) -> Compared | None:
    """What answers of an index rest on; None where a file that was read in its place may have changed since then.

    begun: a time before the first answer (ns).
    """
    kinds, shared, directories = index.comparisons()
    found = [*kinds.values(), *([shared] if shared is not None else [])]
    stale = frozenset().union(*(each.stale for each in found), *directories.values())
    marks = {path: mark_in(root, path) for path in sorted(stale)}
    if any(each is None or max(each[1:]) > begun - RACY_NANOSECONDS for each in marks.values()):
        return None
    return Compared(index.seal, kinds, shared, directories, marks)


def still_holds(known: Compared, tree: Directory) -> bool:
    """Whether the index of a tree is that one, and comparing it gives the same now."""
    index = open_index(tree)
    if index is None or index.seal != known.seal:
        return False
    try:
        # Shared sources first, if they were looked at alone: what is looked at for all sources then is the rest.
        return (
            (known.shared is None or index.difference_of_shared() == known.shared)
            and all(index.difference(kind) == each for kind, each in known.kinds.items())
            and all(index.stale_in(each) == stale for each, stale in known.directories.items())
            and all(mark_in(tree.root, path) == each for path, each in known.marks.items())
        )
    except sqlite3.Error:
        return False


def mark_in(root: str, path: str) -> Mark | None:
    """The mark of a file as it is now, None where there is none."""
    with contextlib.suppress(OSError):
        return mark(os.lstat(os.path.join(root, path)))
    return None


def settled_listing(tree: Directory) -> Listing | None:
    """The sources of a tree without an index; None where one is so new that a change might not show."""
    listing = list_tree(tree)
    racy = "{:x}.{:x}.{:x}".format(*RACY)
    fresh = any(text == racy for text, _ in listing.files.values()) or RACY in listing.directories.values()
    return None if fresh else listing
