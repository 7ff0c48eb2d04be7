"""Where the index of a tree lies, and whether there may be one: what is asked before anything of it is loaded."""

import os
from functools import lru_cache

from patchscan.tree import Directory, GitRevision, Tree

SEAL = "seal.json"


def cache_directory() -> str:
    """Where patchscan keeps what it can make again: $XDG_CACHE_HOME/patchscan or ~/.cache/patchscan."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "patchscan")


def index_directory(tree: Tree) -> str:
    """The directory of the index of a tree, whether there is one or not."""
    return os.path.join(cache_directory(), f"index-{_name(identity(tree))}")


@lru_cache(maxsize=8)
def _name(identity: str) -> str:
    # Most scans ask only where an index would lie that is not there.
    from hashlib import sha256

    return sha256(os.fsencode(identity)).hexdigest()[:16]


def identity(tree: Tree) -> str:
    """What an index belongs to: a directory as it stands, or the history of a repository."""
    if isinstance(tree, GitRevision):
        return "git:" + os.path.realpath(tree.directory)
    return "directory:" + tree.root if isinstance(tree, Directory) else ""


def may_be_indexed(tree: Tree) -> bool:
    """Whether there is an index of a tree, of whatever format and state."""
    return bool(identity(tree)) and os.path.exists(os.path.join(index_directory(tree), SEAL))
