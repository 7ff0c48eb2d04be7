"""What a resident remembers: reports, each with every question that was put to the tree and its answer.

A report is given again to the same series, rules and settings where each question has the same answer now (a verifying
trace, as build systems have it). A scan that looked anywhere else, was cut short or lost anything is not remembered.
"""

import os
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, TypeVar

from patchscan.basics.record import frozen
from patchscan.context import Settings
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.series import Thread
from patchscan.serve.client import program
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.index.basis import Compared, compared, settled_listing, still_holds
from patchscan.tree.index.listing import Listing
from patchscan.tree.index.location import cache_directory
from patchscan.tree.index.lookup import Index, open_index

Answer = TypeVar("Answer")
Scan = Callable[[Thread, Tree | None, Sequence[Rule], Settings], Report]
# So many reports, until the process takes so many bytes.
MOST, LARGEST = 16, 1 << 30
# What a shell changes from one command line to the next, and no scan asks for.
_FLEETING = frozenset(("_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES"))
# What a process does to learn something from outside, of all that Python tells of.
_LOOKS = frozenset(
    ("open", "os.listdir", "os.scandir", "subprocess.Popen", "os.posix_spawn", "socket.connect")
)


class Notes:
    """Questions with their answers; steady: whether none had two; asking: how many are asked just now."""

    def __init__(self) -> None:
        self.asking = 0
        self.steady = True
        self.answers: dict[tuple[Hashable, ...], object] = {}

    def note(self, question: tuple[Hashable, ...], ask: Callable[[], Answer]) -> Answer:
        """The answer to a question, noted."""
        self.asking += 1
        try:
            answer = ask()
        finally:
            self.asking -= 1
        if self.answers.setdefault(question, answer) != answer:
            self.steady = False
        return answer


class NotingRevision(Notes, GitRevision):
    """A revision that notes what may have another answer one day: all else is fixed by its commit."""

    def __init__(self, tree: GitRevision) -> None:
        Notes.__init__(self)
        # As it was found: git is not asked for the commit again.
        self.__dict__.update(
            commit=tree.commit, name=tree.name, directory=tree.directory, _batch=None, _owner=0
        )

    def subject(self, commit: str) -> str | None:
        """See Tree.subject()."""
        return self.note(("subject", commit), lambda: GitRevision.subject(self, commit))


class NotingDirectory(Notes, Directory):
    """A directory that notes each question."""

    def __init__(self, tree: Directory) -> None:
        Notes.__init__(self)
        Directory.__init__(self, tree.name)

    @property
    def commit(self) -> str | None:
        """See Tree.commit."""
        return self.note(("commit",), lambda: super(NotingDirectory, self).commit)

    def read(self, path: str) -> bytes | None:
        """See Tree.read()."""
        return self.note(("read", path), lambda: Directory.read(self, path))

    def exists(self, path: str) -> bool:
        """See Tree.exists()."""
        return self.note(("exists", path), lambda: Directory.exists(self, path))

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """See Tree.files()."""
        yield from self.note(("files", under, deep), lambda: tuple(Directory.files(self, under, deep)))

    def listed(
        self, under: str, wanted: Callable[[str], bool], walked: Callable[[], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """See Directory.listed()."""
        return self.note(("listed", under, wanted), walked)

    def subject(self, commit: str) -> str | None:
        """See Tree.subject()."""
        return self.note(("subject", commit), lambda: Directory.subject(self, commit))


Noting = NotingDirectory | NotingRevision


def noting(tree: Tree | None) -> Noting | None:
    """A tree that notes; None where there is none, or of a kind that cannot."""
    if isinstance(tree, GitRevision):
        return NotingRevision(tree)
    return NotingDirectory(tree) if isinstance(tree, Directory) else None


def same_answer(tree: Tree, question: tuple[Any, ...], answer: object) -> bool:
    """Whether a question has the same answer now."""
    kind, *words = question
    if kind == "listed":
        from patchscan.tree.index.search import files_where

        return files_where(tree, words[1], words[0]) == answer
    if kind == "files":
        return tuple(tree.files(*words)) == answer
    if kind == "commit":
        return tree.commit == answer
    return bool(getattr(tree, kind)(*words) == answer)


@frozen(eq=False)
class Remembered:
    """A report with what it rests on.

    tree: what was asked, which goes on noting while the report is rendered; index, listing: what answers of an index
    rest on, or those of a search without one.
    """

    thread: Thread
    rules: tuple[Rule, ...]
    settings: Settings
    tree: Noting | None
    index: Index | None
    listing: Listing | None
    begun: int
    report: Report

    def is_for(self, thread: Thread, rules: tuple[Rule, ...], settings: Settings) -> bool:
        """Whether the same is asked."""
        return self.rules == rules and self.settings == settings and self.thread == thread

    def holds(self, tree: Tree | None) -> bool:
        """Whether each question has the same answer now."""
        if self.tree is None or tree is None:
            return self.tree is tree
        return (
            self.tree.steady
            and all(same_answer(tree, question, answer) for question, answer in self.tree.answers.items())
            and self.finds_the_same(tree)
        )

    def finds_the_same(self, tree: Tree) -> bool:
        """Whether a search of the tree gives the same now."""
        if isinstance(tree, GitRevision):
            index = open_index(tree)
            return (index.seal if index else None) == (self.index.seal if self.index else None)
        if not isinstance(tree, Directory):
            return False
        basis = self.basis()
        if basis is not None:
            return still_holds(basis, tree)
        return self.index is None and open_index(tree) is None and settled_listing(tree) == self.listing

    def basis(self) -> Compared | None:
        """What the answers of the index of a directory rest on."""
        if self.index is None or not isinstance(self.tree, Directory):
            return None
        return compared(self.index, self.tree.root, self.begun)

    @property
    def lasts(self) -> bool:
        """Whether what it rests on can be asked for again."""
        if not isinstance(self.tree, Directory):
            return self.tree is None or self.tree.steady
        return self.tree.steady and (self.listing if self.index is None else self.basis()) is not None


class Memory:
    """The reports that are remembered, the latest last; scan: what judges."""

    def __init__(self, scan: Scan) -> None:
        self.scan_anew = scan
        self.kept: dict[tuple[Hashable, ...], Remembered] = {}
        self.watching: Noting | None = None
        self.allowed: tuple[str, ...] = ()
        self.strange = False
        self.active = False
        sys.addaudithook(self.heard)

    def scan(
        self,
        thread: Thread,
        tree: Tree | None,
        rules: Sequence[Rule],
        settings: Settings,
        named: tuple[Rule, ...],
    ) -> Report:
        """Judge a thread, or give the report again; named: the rules by which it is remembered."""
        if not thread.series or not (tree is None or isinstance(tree, Directory | GitRevision)):
            return self.scan_anew(thread, tree, rules, settings)
        key = place_of(thread, tree)
        known = self.kept.pop(key, None)
        if known is None or not known.is_for(thread, named, settings) or not known.holds(tree):
            made = self.judged(thread, tree, rules, settings, named)
            if isinstance(made, Report):
                return made
            known = made
        self.kept[key] = known
        while len(self.kept) > MOST or (len(self.kept) > 1 and size() > LARGEST):
            del self.kept[next(iter(self.kept))]
        return known.report

    def judged(
        self,
        thread: Thread,
        tree: Tree | None,
        rules: Sequence[Rule],
        settings: Settings,
        named: tuple[Rule, ...],
    ) -> Remembered | Report:
        """A report that may be remembered, or one that may not."""
        begun = time.time_ns()
        plain = isinstance(tree, Directory) and open_index(tree) is None
        listing = settled_listing(tree) if plain and isinstance(tree, Directory) else None
        notes = noting(tree)
        self.begin(notes)
        try:
            report = self.scan_anew(thread, notes, rules, settings)
        finally:
            self.active = False
        index = open_index(notes) if notes is not None else None
        made = Remembered(thread, named, settings, notes, index, listing, begun, report)
        return made if made.lasts and not self.strange and not report.judged.lost else report

    def begin(self, tree: Noting | None) -> None:
        """Watch where the scan looks from now on."""
        package = program()[2]
        rules = os.path.join(os.path.dirname(package), "rules")
        ours = (os.devnull, sys.prefix, sys.base_prefix, package, rules, cache_directory())
        asked = [tree.root] if isinstance(tree, Directory) else []
        self.allowed = tuple(each.rstrip("/") + "/" for each in (*ours, *asked))
        self.watching, self.strange, self.active = tree, False, True

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python tells of before it is done: a look at something that no question is of."""
        if not self.active or event not in _LOOKS or (self.watching is not None and self.watching.asking):
            return
        place = arguments[0] if arguments else ""
        # A number is that of a file that was opened by name before.
        if isinstance(place, int) and event != "subprocess.Popen":
            return
        # Where modules are looked for, which the resident watches.
        if event == "os.listdir" and place in sys.path:
            return
        # What git says of a commit it says for ever, but for what is noted.
        if isinstance(self.watching, GitRevision) and is_git_in(self.watching.directory, event, arguments):
            return
        if isinstance(place, bytes | str) and event in ("open", "os.listdir", "os.scandir"):
            text = os.fsdecode(place).removeprefix("file:")
            self.strange = self.strange or not f"{text}/".startswith(self.allowed)
        else:
            self.strange = True


def is_git_in(directory: str, event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a process is git, asked of a repository."""
    if event != "subprocess.Popen":
        return False
    words = [os.fsdecode(word) for word in arguments[1]]
    return words[:1] == ["git"] and directory in words


def place_of(thread: Thread, tree: Tree | None) -> tuple[Hashable, ...]:
    """What tells most scans apart: the series, the tree, and the environment."""
    series = thread.series[0]
    environment = frozenset(item for item in os.environ.items() if item[0] not in _FLEETING)
    where: tuple[Hashable, ...] = ()
    if isinstance(tree, Directory):
        where = tree.name, tree.root
    elif isinstance(tree, GitRevision):
        where = tree.name, os.path.realpath(tree.directory), tree.commit
    return series.message_id, series.title, len(series.patches), where, environment


def size() -> int:
    """How many bytes of memory this process takes now."""
    with open("/proc/self/statm", "rb") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
