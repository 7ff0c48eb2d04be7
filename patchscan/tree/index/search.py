"""Which source files of a tree hold a word, found by reading them: no index, nothing kept on disk."""

import contextlib
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

from patchscan.basics.buildfiles import is_kconfig
from patchscan.basics.git import GitError, run_git
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.index.parallel import in_parallel

SOURCE_SUFFIXES = (".c", ".h", ".S")
# Programs that run outside the kernel, and text: what stands there is no use of a kernel function.
NOT_KERNEL = ("Documentation", "scripts", "tools", "debian")
# Nearly every source fits the buffer, and to clear a larger one takes longer than most searches.
_BUFFER_SIZE = 1 << 20
_LARGEST = 1 << 26
_FEW_FILES = 2000
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$")


Pair = tuple[int, str]


def holding(tree: Tree, words: Sequence[str], under: Sequence[str] = ("",)) -> Mapping[str, tuple[str, ...]]:
    """For each word the source files below some directories that hold it, sorted.

    The tree is read once for all words; comments and strings count as well.
    """
    if isinstance(tree, GitRevision):
        return _sorted_by_word(
            words,
            [
                (index, path)
                for index, word in enumerate(words)
                for path in _git_grep(tree, word, under)
                if is_kernel_source(path)
            ],
        )
    if tuple(under) == ("",):
        return holding_in(tree, words, _all_sources(tree))
    paths = {path for directory in under for path in files_where(tree, is_source_name, directory)}
    return holding_in(tree, words, sorted(paths.union(filter(is_kernel_source, under))))


@lru_cache(maxsize=2)
def _all_sources(tree: Tree) -> tuple[str, ...]:
    return files_where(tree, is_source_name)


def holding_in(tree: Tree, words: Sequence[str], paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """For each word those of some files that hold it, sorted; they are read, many of them by two processes."""
    if not isinstance(tree, Directory):
        return _sorted_by_word(words, _pairs_in_tree(tree, words, paths))
    work = partial(_pairs_in_files, tree.root, [word.encode() for word in words])
    alone = len(paths) < _FEW_FILES or (os.cpu_count() or 1) < 2
    parts = [paths] if alone else [paths[::2], paths[1::2]]
    return _sorted_by_word(words, [pair for pairs in in_parallel(work, parts) for pair in pairs])


def _sorted_by_word(words: Sequence[str], pairs: Iterable[Pair]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {word: [] for word in words}
    for index, path in sorted(pairs):
        found[words[index]].append(path)
    return {word: tuple(paths) for word, paths in found.items()}


def _pairs_in_tree(tree: Tree, words: Sequence[str], paths: Iterable[str]) -> Iterator[Pair]:
    for path in paths:
        content = tree.read(path) or b""
        yield from ((index, path) for index, word in enumerate(words) if word.encode() in content)


def is_kernel_source(path: str) -> bool:
    """Whether a path is C or assembly text that becomes part of the kernel."""
    return is_source_name(path) and not is_outside(path)


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
        return tuple(sorted(walk(tree.root, under, wanted)))
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


def _pairs_in_files(root: str, needles: Sequence[bytes], paths: Sequence[str]) -> list[Pair]:
    """Which needle (by index) stands in which file."""
    # One buffer for all files: a fresh bytes object for each costs three times as much.
    buffer = bytearray(_BUFFER_SIZE)
    pairs = []
    prefix = root + "/"
    for path in paths:
        try:
            descriptor = os.open(prefix + path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            size = os.readv(descriptor, [buffer])
            text = buffer if size < _BUFFER_SIZE else _read_on(descriptor, bytes(buffer))
        except OSError:
            continue
        finally:
            os.close(descriptor)
        size = size if text is buffer else len(text)
        for index, needle in enumerate(needles):
            # What is larger still is left to the one who reads the hits.
            if size >= _LARGEST or _holds_identifier(text, needle, size):
                pairs.append((index, path))
    return pairs


def _read_on(descriptor: int, text: bytes) -> bytes:
    """A text with what follows it in a file, up to the largest that is searched."""
    parts = [text]
    left = _LARGEST - len(text)
    while left > 0 and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _holds_identifier(buffer: bytearray | bytes, needle: bytes, size: int) -> bool:
    position = buffer.find(needle, 0, size)
    while position >= 0:
        end = position + len(needle)
        inside = (position and buffer[position - 1] in _WORD_BYTES) or (
            end < size and buffer[end] in _WORD_BYTES
        )
        if not inside:
            return True
        position = buffer.find(needle, end, size)
    return False


def _git_grep(tree: GitRevision, word: str, under: Sequence[str]) -> Iterator[str]:
    paths = [path for path in under if path]
    command = ("grep", "--no-textconv", "--text", "-lzwF", "-e", word, tree.commit, "--", *paths)
    try:
        listing = run_git(tree.directory, *command)
    except GitError:
        return  # git grep fails where nothing is found
    for entry in listing.split(b"\0"):
        yield entry.partition(b":")[2].decode("utf-8", "surrogateescape")
