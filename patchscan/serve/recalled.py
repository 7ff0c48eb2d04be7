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
from patchscan.tree import Directory, Tree
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


class Noting(Directory):
    """A directory that notes each question with its answer; steady: whether none had two answers."""

    def __init__(self, tree: Directory) -> None:
        super().__init__(tree.name)
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

    @property
    def commit(self) -> str | None:
        """See Tree.commit."""
        return self.note(("commit",), lambda: super(Noting, self).commit)

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


def same_answer(tree: Directory, question: tuple[Any, ...], answer: object) -> bool:
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

    def holds(self, tree: Directory | None) -> bool:
        """Whether each question has the same answer now."""
        if self.tree is None or tree is None:
            return self.tree is tree
        if not self.tree.steady:
            return False
        basis = self.basis()
        return (
            all(same_answer(tree, question, answer) for question, answer in self.tree.answers.items())
            and (still_holds(basis, tree) if basis else open_index(tree) is None)
            and (basis is not None or settled_listing(tree) == self.listing)
        )

    def basis(self) -> Compared | None:
        """What the answers of the index rest on."""
        if self.index is None or self.tree is None:
            return None
        return compared(self.index, self.tree.root, self.begun)


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
        if not thread.series or not (tree is None or isinstance(tree, Directory)):
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
        tree: Directory | None,
        rules: Sequence[Rule],
        settings: Settings,
        named: tuple[Rule, ...],
    ) -> Remembered | Report:
        """A report that may be remembered, or one that may not."""
        begun = time.time_ns()
        listing = settled_listing(tree) if tree is not None and open_index(tree) is None else None
        noting = Noting(tree) if tree is not None else None
        self.begin(noting)
        try:
            report = self.scan_anew(thread, noting, rules, settings)
        finally:
            self.active = False
        index = open_index(noting) if noting is not None else None
        made = Remembered(thread, named, settings, noting, index, listing, begun, report)
        rests = noting is None or (noting.steady and (made.basis() or (index is None and listing)))
        return made if rests and not self.strange and not report.judged.lost else report

    def begin(self, tree: Noting | None) -> None:
        """Watch where the scan looks from now on."""
        package = program()[2]
        rules = os.path.join(os.path.dirname(package), "rules")
        ours = (sys.prefix, sys.base_prefix, package, rules, cache_directory())
        self.allowed = tuple(each.rstrip("/") + "/" for each in (*ours, *([tree.root] if tree else [])))
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
        if isinstance(place, bytes | str) and event in ("open", "os.listdir", "os.scandir"):
            text = os.fsdecode(place).removeprefix("file:")
            self.strange = self.strange or not f"{text}/".startswith(self.allowed)
        else:
            self.strange = True


def place_of(thread: Thread, tree: Directory | None) -> tuple[Hashable, ...]:
    """What tells most scans apart: the series, the tree, and the environment."""
    series = thread.series[0]
    environment = frozenset(item for item in os.environ.items() if item[0] not in _FLEETING)
    where = (tree.name, tree.root) if tree is not None else None
    return series.message_id, series.title, len(series.patches), where, environment


def size() -> int:
    """How many bytes of memory this process takes now."""
    with open("/proc/self/statm", "rb") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
