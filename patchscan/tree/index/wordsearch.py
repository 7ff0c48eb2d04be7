"""Which sources of a tree hold a word: one answer, whatever is cached.

An index of the tree gives it at once. Without one the tree is read, once for all words that are asked for together and
for those that are expected. Where that gets dearer than it should, the index is made, and the user is told.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain, islice

from patchscan.basics.keep import kept
from patchscan.basics.streams import say_aside
from patchscan.tree import Directory, GitRevision, Tree, kernel_version
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.index.search import all_sources, holding, holding_in, is_shared

Held = Mapping[str, tuple[str, ...]]
# Seconds of CPU time that may be spent on reading before an index is made, which takes 30 on linux 6.12, and once.
_MOST_SPENT = 12.0
# What a file of a revision takes to read, which git unpacks: there an index is made before that is spent.
_READ_FROM_GIT = 250e-6

# The places of words that are kept: of some hundred words, most of which stand in few files.
_MOST_KEPT = 200_000
# Up to so many words cost hardly more than one.
_CHEAP = 240


def files_with(tree: Tree, words: Sequence[str]) -> Held:
    """For each word the sources of the kernel that hold it, sorted; a few that do not may be among them."""
    return _search_of(tree).files_with(words)


def shared_with(tree: Tree, words: Sequence[str]) -> Held:
    """files_with(), but only what stands where a tree has the headers that it shares (see is_shared): it costs less."""
    return _search_of(tree).shared_with(words)


def shared_among(tree: Tree, word: str, paths: Collection[str]) -> tuple[str, ...]:
    """Those of some shared files that hold a word, sorted; of an index these alone are compared with the tree."""
    return _search_of(tree).shared_among(word, paths)


def seen_with(tree: Tree, word: str, shared: bool = False) -> Sequence[str]:
    """Files that an index of the tree knew to hold a word, those alone that are shared: what is in them now, who asks
    must look up, and that these are all is not said. It costs little where one example is enough.
    """
    return _search_of(tree).seen_with(word, shared)


def is_compared(tree: Tree) -> bool:
    """Whether the shared files of a tree were compared with its index, so that to ask for all of them costs little."""
    if not may_be_indexed(tree):
        return True
    from patchscan.tree.index.lookup import SOURCES, open_index

    index = open_index(tree)
    kinds, shared, _ = index.comparisons() if index is not None else ({}, None, {})
    return index is None or SOURCES in kinds or shared is not None


def headers_with(tree: Tree, word: str, under: str) -> tuple[str, ...]:
    """The headers below a directory ("include/") that hold a word, sorted: without an index these alone are read."""
    return _search_of(tree).headers_with(word, under)


def look_ahead(tree: Tree, words: Iterable[str]) -> None:
    """Words of which some will be asked for: they are looked for together with the first one."""
    _search_of(tree).coming.update(words)


def expect(tree: Tree, words: Callable[[], Iterable[str]]) -> None:
    """What gives words that are likely to be asked for, the likeliest first.

    Where the tree must be read, they are looked for with the words that are asked for.
    """
    _search_of(tree).expected.append(words)


@kept
def _search_of(tree: Tree) -> "_Search":
    return _Search(tree)


def _cpu_seconds() -> float:
    """What this process and those it has waited for have taken so far."""
    return sum(os.times()[:4])


class _Search:
    """What was found in one tree so far, and what it has cost to read it."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.found: dict[str, tuple[str, ...]] = {}
        self.shared: dict[str, tuple[str, ...]] = {}
        self.coming: set[str] = set()
        self.expected: list[Callable[[], Iterable[str]]] = []
        self.likely: list[str] = []
        self.spent = 0.0
        self.may_index = True

    def files_with(self, words: Sequence[str]) -> Held:
        known = {word: self.found[word] for word in words if word in self.found}
        missing = [word for word in dict.fromkeys(words) if word not in known]
        if missing:
            indexed = self._indexed(missing)
            if indexed is not None and sum(map(len, self.found.values())) > _MOST_KEPT:
                # An index gives them again.
                self.found.clear()
            self.found.update(indexed or self._read(missing))
        return {word: known[word] if word in known else self.found[word] for word in words}

    def shared_with(self, words: Sequence[str]) -> Held:
        missing = [word for word in dict.fromkeys(words) if word not in self.shared]
        if missing:
            missing += sorted(self.coming.difference(self.shared, missing))
            self.shared.update(self._shared(missing))
        return {word: self.shared[word] for word in words}

    def shared_among(self, word: str, paths: Collection[str]) -> tuple[str, ...]:
        if word not in self.shared and not is_compared(self.tree):
            from patchscan.tree.index.among import look_up_among

            found = look_up_among(self.tree, word, sorted(self.coming), paths)
            if found is not None:
                return found
        return tuple(path for path in self.shared_with([word])[word] if path in paths)

    def seen_with(self, word: str, shared: bool) -> Sequence[str]:
        if not may_be_indexed(self.tree):
            return ()
        from patchscan.tree.index.lookup import look_up_seen

        # All files that hold a word may be thousands, of which as a rule the first is enough.
        return look_up_seen(self.tree, word, sorted(self.coming) if shared else (), shared) or ()

    def headers_with(self, word: str, under: str) -> tuple[str, ...]:
        if word not in self.found:
            indexed = self._indexed([word])
            if indexed is None and isinstance(self.tree, Directory):
                headers = [
                    each for each in all_sources(self.tree) if each.startswith(under) and each.endswith(".h")
                ]
                return self._timed(holding_in, [word], headers)[word]
            self.found.update(indexed or self._read([word]))
        return tuple(each for each in self.found[word] if each.startswith(under) and each.endswith(".h"))

    def _shared(self, words: Sequence[str]) -> Held:
        missing = [word for word in words if word not in self.found]
        if missing and may_be_indexed(self.tree):
            from patchscan.tree.index.lookup import look_up_shared

            found = look_up_shared(self.tree, words)
            if found is not None:
                return found
        held: dict[str, tuple[str, ...]] = {}
        # The first time everything is read, for what is expected.
        if missing and self.spent and not self._is_dear():
            shared = tuple(filter(is_shared, all_sources(self.tree)))
            held.update(self._timed(holding_in, self._with_likely(missing, self.shared, self.found), shared))
        held.update(self.files_with([word for word in words if word not in held]))
        return {word: tuple(filter(is_shared, paths)) for word, paths in held.items()}

    def _read(self, words: Sequence[str]) -> Held:
        if self._is_dear() and self._make_index():
            indexed = self._indexed(words)
            if indexed is not None:
                return indexed
        return self._timed(
            holding, self._with_likely([*words, *self.coming.difference(self.found)], self.found)
        )

    def _with_likely(self, words: Iterable[str], *known: Mapping[str, object]) -> list[str]:
        """Words to look for, sorted: some, and of the likely ones that are not known as many as cost hardly more."""
        expected, self.expected = self.expected, []
        self.likely += dict.fromkeys(chain.from_iterable(each() for each in expected))
        wanted = set(words)
        likely = (
            word for word in self.likely if word not in wanted and not any(word in each for each in known)
        )
        return sorted(wanted.union(islice(likely, max(0, _CHEAP - len(wanted)))))

    def _timed(self, read: Callable[..., Held], *arguments: Sequence[str]) -> Held:
        """What some way of reading the tree finds; what that takes is noted."""
        began = _cpu_seconds()
        found = read(self.tree, *arguments)
        self.spent += _cpu_seconds() - began
        return found

    def _is_dear(self) -> bool:
        """Whether reading has taken what it may take, or would."""
        if isinstance(self.tree, GitRevision):
            return self.spent + len(all_sources(self.tree)) * _READ_FROM_GIT >= _MOST_SPENT
        return self.spent >= _MOST_SPENT

    def _indexed(self, words: Sequence[str]) -> Held | None:
        """What an index says; None where there is none to be trusted."""
        if not may_be_indexed(self.tree):
            return None
        # Imported here: most scans search no tree, and sqlite3 takes its time.
        from patchscan.tree.index.lookup import look_up

        return look_up(self.tree, words)

    def _make_index(self) -> bool:
        """Make an index, which is tried once; whether there is one now."""
        if not self.may_index:
            return False
        self.may_index = False
        if not isinstance(self.tree, Directory | GitRevision) or kernel_version(self.tree) is None:
            return False
        from patchscan.tree.index.build import IndexFailure, make_index

        try:
            make_index(self.tree)
        except IndexFailure as error:
            say_aside(f"patchscan: without an index {self.tree.name} is read again and again: {error}")
            return False
        return True
