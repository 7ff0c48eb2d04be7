"""The Kconfig files of a view: the definitions of an option, what brings it along, and who sources a file.

Tables say which files of the tree speak of an option, so that few are read.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from patchscan.basics.formula import Formula
from patchscan.basics.pattern import pattern
from patchscan.facts.kconfig_statements import statements_of
from patchscan.kconfig.entries import ALWAYS, Entry, FileEntries, both, either, read_entries
from patchscan.kconfig.symbols import Changed, changed_files
from patchscan.tree import Tree
from patchscan.tree.overlay import View

if TYPE_CHECKING:
    from patchscan.kconfig.tables import Said

_HEAD = pattern(
    rb"^[ \t]*(?:(?:menu)?config[ \t]+(\w+)|(?:select|imply)[ \t]+(\w+)|source[ \t]+\"([^\"\n]+)\")", re.M
)
_SOURCED = pattern(r"(?m)^source[ \t]+\"?([^\"\n]+)")
_TOP = "Kconfig"
_MANY_SELECTORS = 8

Chosen = frozenset[str]
# An option that brings another along, the condition, and whether it must.
Selector = tuple[str, Formula, bool]


@lru_cache(maxsize=4)
def files_of(tree: Tree | None, changed: Changed) -> "Files":
    """The Kconfig files of a tree with those that a series changes."""
    return Files(View(tree, dict(changed)))


class Files:
    """The Kconfig files of a view: where each option is defined or selected, and who sources a file.

    places, selecting, sourcing: what the files that the series changes say; tables say it of the others.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.places: dict[str, list[str]] = {}
        self.selecting: dict[str, list[str]] = {}
        self.sourcing: dict[str, list[str]] = {}
        self.parsed: dict[tuple[str, str], FileEntries] = {}
        self.defined: dict[tuple[str, str], tuple[Entry, ...]] = {}
        self.selectors: dict[tuple[str, str], tuple[Selector, ...]] = {}
        # Imported here: sqlite3 takes its time, and few patches ask for options.
        from patchscan.kconfig.tables import ask_for_sources

        self.sourced = ask_for_sources(view.tree) if view.tree is not None else {}
        self._said: dict[str, Said] = {}
        for path, _ in changed_files(view):
            for name, selected, source in _HEAD.findall(self.view.read(path) or b""):
                table = self.places if name else self.selecting if selected else self.sourcing
                table.setdefault((name or selected or source).decode("utf-8", "replace"), []).append(path)

    def _said_of(self, name: str) -> "Said":
        """What the files of the tree say of an option."""
        if name not in self._said:
            tree = self.view.tree
            from patchscan.kconfig.tables import Said, ask_for_symbol

            self._said[name] = ask_for_symbol(tree, name) if tree is not None else Said([], [])
        return self._said[name]

    def file(self, path: str, architecture: str) -> FileEntries:
        """A file as it is read for an architecture, with what stands around the lines that source it."""
        key = path, architecture
        if key not in self.parsed:
            # What sources itself, by way of others, stands under nothing.
            self.parsed[key] = FileEntries((), ())
            around = [
                condition
                for other in self.parents(path, architecture)
                for name, condition in self.file(other, architecture).sources
                if name == path
            ]
            if not around and path != _TOP and self.view.exists(_TOP):
                # Another architecture reads it.
                return self.parsed[key]
            read = statements_of(self.view, path)
            own = read.replace("$(SRCARCH)", architecture).replace("$(ARCH)", architecture)
            self.parsed[key] = read_entries(own, either(around) if around else ALWAYS)
        return self.parsed[key]

    def parents(self, path: str, architecture: str) -> list[str]:
        """The files that source another, for an architecture."""
        spellings = (path, path.replace(f"arch/{architecture}/", "arch/$(SRCARCH)/"))
        # What a help text says sources nothing.
        found = {
            other
            for name in spellings
            for other in self.sourcing.get(name, ())
            if name in _SOURCED.findall(statements_of(self.view, other))
        }
        unchanged = (other for name in spellings for other in self.sourced.get(name, ()))
        found.update(other for other in unchanged if other not in self.view.changed)
        return sorted(other for other in found if _is_of(other, architecture))

    def named(self, name: str, architecture: str) -> tuple[Entry, ...]:
        """The definitions of an option."""
        key = name, architecture
        if key not in self.defined:
            definitions = self._said_of(name).definitions
            paths = {path for path, _ in definitions if path not in self.view.changed}
            files = self._files_of(paths.union(self.places.get(name, ())), architecture)
            self.defined[key] = tuple(entry for file in files for entry in file.named(name))
        return self.defined[key]

    def bringing(self, name: str, architecture: str) -> tuple[Selector, ...]:
        """What brings an option along."""
        key = name, architecture
        if key not in self.selectors:
            paths = {path for path, _ in self._said_of(name).selected_by}
            self.selectors[key] = tuple(self._selectors(name, architecture, paths))
        return self.selectors[key]

    def that_may_bring(self, name: str, architecture: str, chosen: Chosen) -> Iterator[Selector]:
        """Those of them that may be on where some options are chosen, these first; few files are read for that."""
        if name in self.selecting or (name, architecture) in self.selectors:
            yield from self.bringing(name, architecture)
            return
        said = self._said_of(name)
        others = frozenset(other for _, other in said.selected_by)
        for wanted in (others & chosen, others - chosen - self._idle(others)):
            paths = {path for path, other in said.selected_by if other in wanted}
            yield from (each for each in self._selectors(name, architecture, paths) if each[0] in wanted)

    def _idle(self, names: frozenset[str]) -> frozenset[str]:
        """Those of some options that only to be chosen turns on, where so many are asked for that it saves time."""
        if len(names) < _MANY_SELECTORS:
            return frozenset()
        return names - self._moved - self.places.keys() - self.selecting.keys()

    @cached_property
    def _moved(self) -> frozenset[str]:
        from patchscan.kconfig.tables import ask_for_moved

        return ask_for_moved(self.view.tree) if self.view.tree is not None else frozenset()

    def _selectors(self, name: str, architecture: str, indexed: Iterable[str]) -> Iterator[Selector]:
        unchanged = (path for path in indexed if path not in self.view.changed)
        return (
            (entry.name, both((condition, entry.depends)), must)
            for file in self._files_of({*unchanged, *self.selecting.get(name, ())}, architecture)
            for entry in file.bringing(name)
            for must, brought in ((True, entry.selects), (False, entry.implies))
            for target, condition in brought
            if target == name
        )

    def _files_of(self, paths: Iterable[str], architecture: str) -> list[FileEntries]:
        return [self.file(path, architecture) for path in sorted(paths) if _is_of(path, architecture)]


def _is_of(path: str, architecture: str) -> bool:
    """Whether a file is read for an architecture."""
    parts = path.split("/")
    return parts[0] != "arch" or len(parts) == 2 or parts[1] == architecture
