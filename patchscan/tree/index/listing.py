"""What an index is made of: the files of a tree that it takes in, and marks by which a change shows."""

import os
import time
from collections.abc import Mapping

from patchscan.basics.git import GitError, run_git
from patchscan.basics.record import frozen
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.index.comparison import RACY, RACY_NANOSECONDS, Mark, mark
from patchscan.tree.index.lookup import KINDS
from patchscan.tree.index.search import NOT_KERNEL, is_outside


@frozen
class Listing:
    """The files of a tree that an index takes in, path -> (mark, size), and its directories, path -> mark.

    The mark of a file is its blob in git, in a directory what mark_of_text() reads.
    """

    files: Mapping[str, tuple[str, int]]
    directories: Mapping[str, Mark]


def list_tree(tree: Tree) -> Listing:
    """The listing of a tree as it stands now. Raises GitError."""
    if isinstance(tree, Directory):
        return _list_directory(tree.root)
    assert isinstance(tree, GitRevision)
    return _list_revision(tree)


def _is_wanted(name: str) -> bool:
    return any(kind.has_name(name) for kind in KINDS)


def _list_revision(tree: GitRevision) -> Listing:
    try:
        listing = run_git(tree.directory, "ls-tree", "-r", "-l", "-z", "--full-tree", tree.commit)
    except GitError as error:
        raise GitError(f"{tree.name}: {error}") from error
    files = {}
    for entry in listing.split(b"\0"):
        about, _, name = entry.partition(b"\t")
        path = os.fsdecode(name)
        if about.startswith(b"100") and _is_wanted(path.rpartition("/")[2]) and not is_outside(path):
            _, _, blob, size = about.split()
            files[path] = (blob.decode(), int(size))
    return Listing(files, {})


def _list_directory(root: str) -> Listing:
    files: dict[str, tuple[str, int]] = {}
    directories: dict[str, Mark] = {}
    pending = [""]
    while pending:
        directory = pending.pop()
        prefix = directory + "/" if directory else ""
        try:
            directories[directory] = _mark(os.lstat(os.path.join(root, directory)))
            with os.scandir(os.path.join(root, directory)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git" and prefix + entry.name not in NOT_KERNEL:
                            pending.append(prefix + entry.name)
                    elif _is_wanted(entry.name) and entry.is_file(follow_symlinks=False):
                        stat = entry.stat(follow_symlinks=False)
                        files[prefix + entry.name] = (_text(_mark(stat)), stat.st_size)
        except OSError:
            continue
    return Listing(files, directories)


def _mark(stat: os.stat_result) -> Mark:
    racy = stat.st_mtime_ns > time.time_ns() - RACY_NANOSECONDS
    return RACY if racy else mark(stat)


def _text(one: Mark) -> str:
    return "{:x}.{:x}.{:x}".format(*one)


def mark_of_text(text: str) -> Mark:
    """The mark of a file in a directory."""
    size, modified, changed = (int(number, 16) for number in text.split("."))
    return size, modified, changed
