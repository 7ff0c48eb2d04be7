"""Which source files of a tree hold a word, found by reading them: no index, nothing kept on disk."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from patchscan.git import GitError, run_git
from patchscan.tree import Directory, GitRevision, Tree

SOURCE_SUFFIXES = (".c", ".h", ".S")
# Programs that run outside the kernel, and text: what stands there is no use of a kernel function.
NOT_KERNEL = ("Documentation", "scripts", "tools", "debian")
_BUFFER_SIZE = 1 << 26
_FEW_FILES = 2000
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$")


Pair = tuple[int, str]


def holding(tree: Tree, words: Sequence[str], under: Sequence[str] = ("",)) -> Mapping[str, tuple[str, ...]]:
    """For each word the source files below some directories that hold it, sorted.

    The tree is read once for all words; comments and strings count as well.
    """
    if isinstance(tree, Directory):
        paths = sorted(set(_listed(tree, under)))
        pairs = _pairs_in_files(tree.root, paths, [word.encode() for word in words])
    elif isinstance(tree, GitRevision):
        pairs = [(index, path) for index, word in enumerate(words) for path in _git_grep(tree, word, under)]
    else:
        pairs = list(_pairs_in_tree(tree, words, under))
    found: dict[str, list[str]] = {word: [] for word in words}
    for index, path in sorted(pairs):
        if is_kernel_source(path):
            found[words[index]].append(path)
    return {word: tuple(paths) for word, paths in found.items()}


def _pairs_in_tree(tree: Tree, words: Sequence[str], under: Sequence[str]) -> Iterator[Pair]:
    for path in sorted({path for directory in under for path in tree.files(directory)}):
        content = tree.read(path) or b""
        yield from ((index, path) for index, word in enumerate(words) if word.encode() in content)


def is_kernel_source(path: str) -> bool:
    """Whether a path is C or assembly text that becomes part of the kernel."""
    return path.endswith(SOURCE_SUFFIXES) and path.partition("/")[0] not in NOT_KERNEL


def _is_source_name(name: str) -> bool:
    return name.endswith(SOURCE_SUFFIXES)


def files_where(tree: Tree, wanted: Callable[[str], bool], under: str = "") -> tuple[str, ...]:
    """The files of the kernel itself below a directory whose name is wanted, sorted by path."""
    if isinstance(tree, Directory):
        return tuple(sorted(_walk(tree.root, under, wanted)))
    paths = (path for path in tree.files(under) if path.partition("/")[0] not in NOT_KERNEL)
    return tuple(path for path in paths if wanted(path.rpartition("/")[2]))


def _walk(root: str, under: str, wanted: Callable[[str], bool]) -> Iterator[str]:
    """Files with a wanted name below a directory, in no order; symbolic links are not followed."""
    pending = [under]
    while pending:
        directory = pending.pop()
        prefix = directory + "/" if directory else ""
        with contextlib.suppress(OSError), os.scandir(os.path.join(root, directory)) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git" and (prefix or entry.name not in NOT_KERNEL):
                        pending.append(prefix + entry.name)
                elif wanted(entry.name) and entry.is_file(follow_symlinks=False):
                    yield prefix + entry.name


def _listed(tree: Directory, under: Iterable[str]) -> Iterator[str]:
    for directory in under:
        if is_kernel_source(directory):
            yield directory
        elif directory.partition("/")[0] not in NOT_KERNEL:
            yield from files_where(tree, _is_source_name, directory)


def _pairs_in_files(root: str, paths: Sequence[str], needles: Sequence[bytes]) -> list[Pair]:
    """Which needle (by index) stands in which file; a second process reads half of many files."""
    if len(paths) < _FEW_FILES or (os.cpu_count() or 1) < 2:
        return list(_read_and_look(root, paths, needles))
    from_child, to_parent = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(to_parent, _read_and_look(root, paths[1::2], needles))
    os.close(to_parent)
    pairs = list(_read_and_look(root, paths[::2], needles))
    with open(from_child, "rb") as stream:
        answer = stream.read().split(b"\0")
    _, status = os.waitpid(child, 0)
    if status:
        return pairs + list(_read_and_look(root, paths[1::2], needles))
    return pairs + [
        (int(index), os.fsdecode(path)) for index, path in zip(answer[::2], answer[1::2], strict=False)
    ]


def _answer(to_parent: int, pairs: Iterable[Pair]) -> None:
    """In the child: write the pairs and leave, running nothing of what the parent has still to run."""
    status = 1
    try:
        with open(to_parent, "wb") as stream:
            for index, path in pairs:
                stream.write(b"%d\0%s\0" % (index, os.fsencode(path)))
        status = 0
    finally:
        os._exit(status)


def _read_and_look(root: str, paths: Iterable[str], needles: Sequence[bytes]) -> Iterator[Pair]:
    # One buffer for all files: a fresh bytes object for each costs three times as much.
    buffer = bytearray(_BUFFER_SIZE)
    for path in paths:
        try:
            descriptor = os.open(os.path.join(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            size = os.readv(descriptor, [buffer])
        except OSError:
            continue
        finally:
            os.close(descriptor)
        for index, needle in enumerate(needles):
            # A file larger than the buffer is left to the one who reads the hits.
            if size == _BUFFER_SIZE or _holds_identifier(buffer, needle, size):
                yield index, path


def _holds_identifier(buffer: bytearray, needle: bytes, size: int) -> bool:
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
    command = ("grep", "--no-textconv", "--text", "-lzF", "-e", word, tree.commit, "--", *paths)
    try:
        listing = run_git(tree.directory, *command)
    except GitError:
        return  # git grep fails where nothing is found
    for entry in listing.split(b"\0"):
        yield entry.partition(b":")[2].decode("utf-8", "surrogateescape")
