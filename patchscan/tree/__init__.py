"""A kernel tree: a directory or a revision of a git repository. Nothing outside it is ever read."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import weakref
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Protocol

from patchscan.basics.files import MOST_OF_TREE, Unreadable, read_file
from patchscan.basics.git import GitError, commit_of, git_command, git_environment, run_git, subject_of

if TYPE_CHECKING:
    import subprocess


_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


class TreeError(Exception):
    """The tree cannot be used; the text is one line that says why."""


class Tree(Protocol):
    """A kernel tree. Paths are relative to its top, with "/" (surrogateescape where not UTF-8)."""

    @property
    def name(self) -> str:
        """How the user named it, for reports."""

    @property
    def commit(self) -> str | None:
        """The full name of the commit it stands on, None where there is no git."""

    def read(self, path: str) -> bytes | None:
        """The content of a regular file, None where there is none (or it lies outside the tree)."""

    def exists(self, path: str) -> bool:
        """Whether read() would give something."""

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """The regular files below a directory of the tree, sorted by path; symbolic links are left out.

        deep=False: only those directly in it.
        """

    def subject(self, commit: str) -> str | None:
        """The subject of a commit of its history, None where there is none (or no git)."""

    def __hash__(self) -> int:
        """By identity: look-ups are kept for each tree."""


def safe_path(path: str) -> str | None:
    """The path in plain form, or None where it is absolute, climbs out ("..") or enters ".git"."""
    if not path or path.startswith("/") or "\0" in path:
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or any(part == ".." or part.lower() == ".git" for part in parts):
        return None
    return "/".join(parts)


def read_regular(path: str) -> bytes | None:
    """The content of a regular file, None for anything else and what is larger than any file of a kernel tree."""
    try:
        return read_file(path, MOST_OF_TREE)
    except Unreadable:
        return None


class Directory:
    """A tree in a directory, as it stands there now."""

    def __init__(self, path: str) -> None:
        self.name = path
        self.root = os.path.realpath(path)
        self._commit: str | None = None
        self._commit_known = False
        # Where each directory really is: resolving every path anew costs more than reading the file.
        self._directories: dict[str, str] = {}

    @property
    def commit(self) -> str | None:
        """HEAD of the repository whose top this directory is; local changes are not looked for."""
        if not self._commit_known:
            self._commit_known = True
            if os.path.lexists(os.path.join(self.root, ".git")):
                with contextlib.suppress(GitError):
                    self._commit = commit_of(self.root, "HEAD")
        return self._commit

    def _locate(self, path: str) -> str | None:
        plain = safe_path(path)
        if plain is None:
            return None
        directory, _, name = plain.rpartition("/")
        if directory not in self._directories:
            self._directories[directory] = os.path.realpath(os.path.join(self.root, directory))
        real = os.path.join(self._directories[directory], name)
        if os.path.islink(real):
            real = os.path.realpath(real)
        return real if real.startswith(self.root.rstrip("/") + "/") else None

    def read(self, path: str) -> bytes | None:
        """See Tree.read(); a symbolic link is followed as long as it stays inside the tree."""
        real = self._locate(path)
        return read_regular(real) if real else None

    def exists(self, path: str) -> bool:
        """See Tree.exists()."""
        real = self._locate(path)
        return real is not None and os.path.isfile(real)

    def refusal(self, path: str) -> str:
        """Why a file of the tree cannot be read, although it is there or nobody may know; "" where that is not so."""
        real = self._locate(path)
        try:
            if real is not None:
                os.close(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))
        except OSError as error:
            return "" if error.errno in _NOT_THERE else error.strerror or str(error)
        return ""

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """See Tree.files()."""
        plain = safe_path(under)
        if under and (plain is None or self._locate(plain) != os.path.join(self.root, plain)):
            return
        yield from _files_below(self.root, plain or "", deep)

    def listed(
        self, under: str, wanted: Callable[[str], bool], walked: Callable[[], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """What a walk of its own below a directory finds for names that are wanted: a question like the others."""
        return walked()

    def subject(self, commit: str) -> str | None:
        """See Tree.subject()."""
        return subject_of(self.root, commit) if self.commit else None


def _files_below(root: str, directory: str, deep: bool) -> Iterator[str]:
    try:
        with os.scandir(os.path.join(root, directory)) as entries:
            kinds = [(entry.name, entry.is_dir(follow_symlinks=False), entry) for entry in entries]
    except OSError:
        return
    prefix = directory + "/" if directory else ""
    for name, is_directory, entry in sorted(kinds, key=lambda kind: kind[0] + "/" * kind[1]):
        if name.lower() == ".git":
            continue
        if is_directory:
            if deep:
                yield from _files_below(root, prefix + name, deep)
        elif entry.is_file(follow_symlinks=False):
            yield prefix + name


class GitRevision:
    """A tree as a commit of a git repository holds it; the work tree is not looked at."""

    def __init__(self, directory: str, revision: str) -> None:
        try:
            self.commit = commit_of(directory, revision)
        except GitError as error:
            raise TreeError(f"{directory}: {error}") from error
        self.name = f"{directory} at {revision}"
        self.directory = directory
        self._batch: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        # A forked worker must not share the pipes of its parent.
        if self._batch is None or self._owner != os.getpid():
            import subprocess

            self._batch = subprocess.Popen(
                git_command(self.directory, ("cat-file", "--batch", "--follow-symlinks")),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=git_environment(),
            )
            self._owner = os.getpid()
            weakref.finalize(self, _end, self._batch, self._owner)
        assert self._batch.stdin and self._batch.stdout
        return self._batch.stdin, self._batch.stdout

    def read(self, path: str) -> bytes | None:
        """See Tree.read(); git follows a link inside the revision and reports one that leaves it."""
        plain = safe_path(path)
        if plain is None or "\n" in plain:
            return None
        try:
            question = f"{self.commit}:{plain}\n".encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return None
        try:
            content = self._answer(question)
        except OSError:
            content = None
        except BaseException:
            # The half of an answer must not stand before the next one.
            self._forget()
            raise
        return content

    def _answer(self, question: bytes) -> bytes | None:
        to_git, from_git = self._pipes()
        to_git.write(question)
        to_git.flush()
        answer = from_git.readline().split()
        if len(answer) < 2 or not answer[-1].isdigit():
            return None  # "... missing"
        size = int(answer[-1])
        if size > MOST_OF_TREE:
            # What git has begun to write cannot be called back: another one takes over.
            self._forget()
            return None
        content = from_git.read(size + 1)[:-1]
        # The other answers ("symlink", "dangling", "loop", a tree) only say where a path would lead.
        return content if answer[-2] == b"blob" else None

    def _forget(self) -> None:
        if self._batch is not None:
            _end(self._batch, self._owner)
        self._batch = None

    def exists(self, path: str) -> bool:
        """See Tree.exists()."""
        return self.read(path) is not None

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """See Tree.files()."""
        plain = safe_path(under)
        if under and plain is None:
            return
        below = ("--", plain + "/") if plain else ()
        how = ("-r", "-z", "--full-tree") if deep else ("-z", "--full-tree")
        try:
            listing = run_git(self.directory, "ls-tree", *how, self.commit, *below)
        except GitError:
            return
        entries = (entry.partition(b"\t") for entry in listing.split(b"\0"))
        yield from sorted(
            path.decode("utf-8", "surrogateescape") for mode, _, path in entries if mode.startswith(b"100")
        )

    def subject(self, commit: str) -> str | None:
        """See Tree.subject()."""
        return subject_of(self.directory, commit)


def _end(batch: subprocess.Popen[bytes], owner: int) -> None:
    if owner != os.getpid():
        return
    for stream in (batch.stdin, batch.stdout):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
    batch.wait()


def open_tree(path: str, revision: str | None = None) -> Tree:
    """The tree at a path: the directory as it stands, or a revision of the repository there.

    A bare repository without a revision means its HEAD. Raises TreeError.
    """
    if not os.path.isdir(path):
        raise TreeError(f"{path}: no such directory")
    if revision is not None:
        return GitRevision(path, revision)
    if _is_bare(path):
        return GitRevision(path, "HEAD")
    return Directory(path)


def _is_bare(path: str) -> bool:
    return all(os.path.exists(os.path.join(path, name)) for name in ("HEAD", "objects", "refs"))


def find_tree(directory: str) -> str | None:
    """The top of the kernel tree that a directory lies in, None where it lies in none."""
    here = os.path.realpath(directory)
    while not _is_kernel_top(here):
        parent = os.path.dirname(here)
        if parent == here:
            return None
        here = parent
    return here


def _is_kernel_top(directory: str) -> bool:
    if not os.path.isfile(os.path.join(directory, "Kconfig")):
        return False
    makefile = read_regular(os.path.join(directory, "Makefile"))
    return makefile is not None and _version_field(makefile[:4096], b"PATCHLEVEL") is not None


def kernel_version(tree: Tree) -> str | None:
    """The version the top Makefile states, e.g. "6.12.0" or "6.13.0-rc2"; None where it states none."""
    makefile = tree.read("Makefile") or b""
    fields = [_version_field(makefile, name) for name in (b"VERSION", b"PATCHLEVEL", b"SUBLEVEL")]
    if not fields[0] or not fields[1]:
        return None
    extra = _version_field(makefile, b"EXTRAVERSION") or ""
    return ".".join(field for field in fields if field) + extra


def _version_field(makefile: bytes, name: bytes) -> str | None:
    found = re.search(rb"^" + name + rb"[ \t]*=[ \t]*([\w.-]*)", makefile, re.M)
    return found.group(1).decode("ascii", "replace") if found else None
