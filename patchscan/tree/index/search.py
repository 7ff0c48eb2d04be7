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
# Of more words than these it is cheaper to look at every word of a text.
_MANY_WORDS = 24
# What a word is made of in a text of small letters, as the tokenizer of an index has it.
_WORD_BYTES = frozenset((*b"abcdefghijklmnopqrstuvwxyz0123456789_", *range(0x80, 0x100)))
_AS_WORDS = bytes(byte if byte in _WORD_BYTES else 32 for byte in bytes(range(256)).lower())


Pair = tuple[int, str]


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
    """For each word those of some files that hold it, sorted; they are read, many of them by two processes."""
    if not isinstance(tree, Directory):
        return _sorted_by_word(words, _pairs_in_tree(tree, words, paths))
    work = partial(_pairs_in_files, tree.root, words)
    alone = len(paths) < _FEW_FILES or (os.cpu_count() or 1) < 2
    parts = [paths] if alone else [paths[::2], paths[1::2]]
    return _sorted_by_word(words, [pair for pairs in in_parallel(work, parts) for pair in pairs])


def _sorted_by_word(words: Sequence[str], pairs: Iterable[Pair]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {word: [] for word in words}
    for index, path in sorted(pairs):
        found[words[index]].append(path)
    return {word: tuple(paths) for word, paths in found.items()}


def _pairs_in_tree(tree: Tree, words: Sequence[str], paths: Iterable[str]) -> Iterator[Pair]:
    finder = _Needles(words)
    for path in paths:
        yield from ((index, path) for index in finder.standing_in(tree.read(path) or b""))


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


def _pairs_in_files(root: str, words: Sequence[str], paths: Sequence[str]) -> list[Pair]:
    """Which word (by index) stands in which file."""
    # One buffer for all files: a fresh bytes object for each costs three times as much.
    buffer = bytearray(_BUFFER_SIZE)
    view = memoryview(buffer)
    pairs = []
    prefix = root + "/"
    needles = _Needles(words)
    for path in paths:
        try:
            descriptor = os.open(prefix + path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            size = os.readv(descriptor, [buffer])
            text = bytes(view[:size])
            if size == _BUFFER_SIZE:
                text = _read_on(descriptor, text)
        except OSError:
            continue
        finally:
            os.close(descriptor)
        # What is larger still no reader takes, nor does an index.
        if len(text) < _LARGEST:
            pairs += [(index, path) for index in needles.standing_in(text)]
    return pairs


def _read_on(descriptor: int, text: bytes) -> bytes:
    """A text with what follows it in a file, up to the largest that is searched."""
    parts = [text]
    left = _LARGEST - len(text)
    while left > 0 and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


class _Needles:
    """Words that are looked for in texts: a few one by one, many by cutting the text into its words."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = [word.lower().encode() for word in words]
        self._numbers: dict[bytes, list[int]] = {}
        for index, word in enumerate(self._words):
            self._numbers.setdefault(word, []).append(index)

    def standing_in(self, text: bytes) -> list[int]:
        """The numbers of the words that a text holds."""
        if len(self._words) > _MANY_WORDS:
            held = self._numbers.keys() & text.translate(_AS_WORDS).split()
            return [index for word in held for index in self._numbers[word]]
        text = text.lower()
        return [index for index, word in enumerate(self._words) if _holds_word(text, word)]


def _holds_word(text: bytes, word: bytes) -> bool:
    position = text.find(word)
    while position >= 0:
        end = position + len(word)
        inside = (position and text[position - 1] in _WORD_BYTES) or (
            end < len(text) and text[end] in _WORD_BYTES
        )
        if not inside:
            return True
        position = text.find(word, position + 1)
    return False


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
