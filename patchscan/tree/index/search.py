"""Which source files of a tree hold a word, found by reading them: no index, nothing kept on disk."""

import contextlib
import mmap
import os
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain

from patchscan.basics.buildfiles import is_kconfig
from patchscan.basics.git import GitError, run_git
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.index.needles import Finder, finder_of
from patchscan.tree.index.parallel import in_parallel

SOURCE_SUFFIXES = (".c", ".h", ".S")
# Programs that run outside the kernel, and text: what stands there is no use of a kernel function.
NOT_KERNEL = ("Documentation", "scripts", "tools", "debian")
_LARGEST = 1 << 26
_FEW_FILES = 2000


def holding(tree: Tree, words: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """For each word the source files that hold it, sorted: what an index of the tree says, by reading it once.

    Comments and strings count as well, upper and lower case alike, as they do in an index.
    """
    paths = _held_in_git(tree, words) if isinstance(tree, GitRevision) else all_sources(tree)
    return holding_in(tree, words, paths)


@lru_cache(maxsize=2)
def all_sources(tree: Tree) -> tuple[str, ...]:
    """The sources of a tree, sorted; listed once."""
    return files_where(tree, is_source_name)


def holding_in(tree: Tree, words: Sequence[str], paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """For each word those of some files that hold it, in their order; many files are read by two processes."""
    work = partial(_places_of, len(words), finder_of(words, len(paths)), tree, paths)
    alone = not isinstance(tree, Directory) or len(paths) < _FEW_FILES or (os.cpu_count() or 1) < 2
    parts = [range(len(paths))] if alone else [range(0, len(paths), 2), range(1, len(paths), 2)]
    places = zip(*in_parallel(work, parts), strict=True)
    return {
        word: tuple(paths[place] for place in sorted(chain(*each)))
        for word, each in zip(words, places, strict=True)
    }


def _places_of(
    words: int, find: Finder, tree: Tree, paths: Sequence[str], places: Sequence[int]
) -> list["array[int]"]:
    """For each word the places, in the list of paths, of the files that hold it."""
    found = [array("I") for _ in range(words)]
    for place, text in _texts(tree, paths, places):
        for number in find(text):
            found[number].append(place)
    return found


def _texts(tree: Tree, paths: Sequence[str], places: Iterable[int]) -> Iterator[tuple[int, memoryview]]:
    """The texts at some places of a list of paths; each is there until the next one is asked for."""
    if not isinstance(tree, Directory):
        yield from ((place, memoryview(tree.read(paths[place]) or b"")) for place in places)
        return
    # One buffer for all files, of which no more is touched than the largest fills: to make one for each takes longer.
    buffer = mmap.mmap(-1, _LARGEST)
    view = memoryview(buffer)
    prefix = tree.root + "/"
    for place in places:
        try:
            descriptor = os.open(prefix + paths[place], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            size = os.readv(descriptor, [buffer])
        except OSError:
            continue
        finally:
            os.close(descriptor)
        # What is larger still no reader takes, nor does an index.
        if size < _LARGEST:
            yield place, view[:size]


def is_kernel_source(path: str) -> bool:
    """Whether a path is C or assembly text that becomes part of the kernel."""
    return is_source_name(path) and not is_outside(path)


def is_shared(path: str) -> bool:
    """Whether a path stands where a tree has the headers that it shares: in a directory of the name include."""
    return path.startswith("include/") or "/include/" in path


def is_source_name(name: str) -> bool:
    """Whether a file of that name is C or assembly text."""
    return name.endswith(SOURCE_SUFFIXES)


def is_kernel_kconfig(path: str) -> bool:
    """Whether a path is a Kconfig file of the kernel itself."""
    return is_kconfig(path) and not is_outside(path)


def files_where(tree: Tree, wanted: Callable[[str], bool], under: str = "") -> tuple[str, ...]:
    """The files of the kernel itself below a directory whose name is wanted, sorted by path."""
    if under.partition("/")[0] in NOT_KERNEL:
        return ()
    if isinstance(tree, Directory):
        return tree.listed(under, wanted, lambda: tuple(sorted(walk(tree.root, under, wanted))))
    return tuple(
        path for path in tree.files(under) if wanted(path.rpartition("/")[2]) and not is_outside(path)
    )


def is_outside(path: str) -> bool:
    """Whether a path is of NOT_KERNEL."""
    return path.partition("/")[0] in NOT_KERNEL


def walk(root: str, under: str, wanted: Callable[[str], bool], skip: Container[str] = ()) -> Iterator[str]:
    """Files with a wanted name below a directory, in no order; links are not followed, nor skipped paths."""
    pending = [under]
    while pending:
        directory = pending.pop()
        prefix = directory + "/" if directory else ""
        with contextlib.suppress(OSError), os.scandir(os.path.join(root, directory)) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git" and path not in NOT_KERNEL and path not in skip:
                        pending.append(path)
                elif wanted(entry.name) and entry.is_file(follow_symlinks=False):
                    yield path


def _held_in_git(tree: GitRevision, words: Sequence[str]) -> list[str]:
    """Every source of a revision that holds one of some words, and perhaps some that do not."""
    patterns = [part for word in words for part in ("-e", word)]
    try:
        listing = run_git(
            tree.directory, "grep", "--no-textconv", "--text", "-lziwF", *patterns, tree.commit, "--"
        )
    except GitError:
        return []  # git grep fails where nothing is found
    names = (entry.partition(b":")[2].decode("utf-8", "surrogateescape") for entry in listing.split(b"\0"))
    return sorted(path for path in names if is_kernel_source(path))
