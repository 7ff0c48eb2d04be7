"""Which CONFIG symbols exist, of what type, and who selects them: every Kconfig file of a tree, all architectures.

A scan, not an evaluation: what a configuration may become is wider than any one of them, and one definition
that allows a module is enough. Language: Documentation/kbuild/kconfig-language.rst.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from patchscan.basics.buildfiles import is_kconfig
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kconfig.entries import WIDTH, Definition, definitions_in
from patchscan.tree import Tree
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.index.search import files_where, is_kernel_kconfig
from patchscan.tree.overlay import View

if TYPE_CHECKING:
    from patchscan.kconfig.demands import FileDemands

_CONFIG_LINE = pattern(rb"^[ \t]*(?:menu)?config[ \t]+(\w+)", re.M)
# Where symbols live that are used all over the tree.
_COMMON = (
    "init/Kconfig",
    "arch/Kconfig",
    "arch/x86/Kconfig",
    "kernel/Kconfig.preempt",
    "lib/Kconfig",
    "lib/Kconfig.debug",
    "mm/Kconfig",
    "net/Kconfig",
)


@frozen
class ConfigSymbol:
    """A symbol, without its CONFIG_ prefix.

    kind: "bool", "tristate", "int", "hex", "string" or "" (no type found); of several definitions the widest,
    so "tristate" means that a module is possible. prompt: whether a user can set it; choice: whether it is one
    of a choice; selected_by: the symbols that select or imply it; places: (path, line) of its definitions.
    """

    name: str
    kind: str
    prompt: bool
    choice: bool
    selected_by: tuple[str, ...]
    places: tuple[tuple[str, int], ...]


# The Kconfig files that a series changes, sorted by path, and their contents.
Changed = tuple[tuple[str, bytes | None], ...]


def changed_files(view: View) -> Changed:
    """The Kconfig files that differ from those of the view's tree."""
    return tuple(sorted((path, text) for path, text in view.changed.items() if is_kernel_kconfig(path)))


class _Files:
    """The Kconfig files of one tree, each read when first asked for."""

    def __init__(self, tree: Tree | None) -> None:
        self.tree = tree
        self.texts: dict[str, bytes] = {}
        self.names: dict[str, list[str]] | None = None
        self.scanned: dict[str, tuple[Definition, ...]] = {}
        self.symbols: dict[Changed, _Symbols] = {}
        self.changed: dict[Changed, _Symbols] = {}

    def definitions(self, path: str) -> tuple[Definition, ...]:
        """What one file of the tree defines."""
        if path not in self.scanned:
            self.scanned[path] = tuple(definitions_in(self.text(path)))
        return self.scanned[path]

    def definitions_of(self, view: View, path: str, name: str) -> tuple[Definition, ...]:
        """What one file of a view defines, if it speaks of a symbol at all."""
        if path in view.changed:
            return tuple(definitions_in(view.changed[path] or b""))
        if path not in self.texts:
            self.texts[path] = self.text(path)
        return self.definitions(path) if name.encode() in self.texts[path] else ()

    def naming(self, name: str) -> Iterator[str]:
        """The files of the tree that seem to define a symbol; looks at all of them once, if it comes to that."""
        indexed = self.indexed(name)
        yield from self.by_name().get(name, ()) if indexed is None else indexed

    def indexed(self, name: str) -> tuple[str, ...] | None:
        """The files of the tree that hold a word by its index (see Index.holding()), None where there is none."""
        if self.tree is None:
            return ()
        # Imported here: most scans ask for no symbol, and sqlite3 takes its time.
        from patchscan.tree.index.lookup import KCONFIG_FILES, look_up

        found = look_up(self.tree, [name], KCONFIG_FILES)
        return None if found is None else found[name]

    def by_name(self) -> Mapping[str, Sequence[str]]:
        """The files of the tree that seem to define each symbol."""
        if self.names is None:
            self.names = {}
            for path in self.paths():
                for found in _CONFIG_LINE.findall(self.text(path)):
                    self.names.setdefault(found.decode(), []).append(path)
        return self.names

    def symbols_of(self, paths: Iterable[str], changed: Changed) -> "_Symbols":
        """What some files of the tree define, and those that a series changes."""
        overlaid = {path for path, _ in changed}
        found = [(path, one) for path in paths if path not in overlaid for one in self.definitions(path)]
        found += [(path, one) for path, text in changed for one in definitions_in(text or b"")]
        return _Symbols(found)

    def symbols_changed(self, changed: Changed) -> "_Symbols":
        """What the files define that a series changes."""
        if changed not in self.changed:
            self.changed[changed] = self.symbols_of((), changed)
        return self.changed[changed]

    def paths(self) -> tuple[str, ...]:
        """All Kconfig files of the tree."""
        return files_where(self.tree, is_kconfig) if self.tree is not None else ()

    def text(self, path: str) -> bytes:
        """The content of a file of the tree, b"" where there is none."""
        return (self.tree.read(path) if self.tree is not None else None) or b""


@lru_cache(maxsize=4)
def _files(tree: Tree | None) -> _Files:
    return _Files(tree)


def config_symbols(view: View | Tree) -> Mapping[str, ConfigSymbol]:
    """All CONFIG symbols that some Kconfig file of the view defines, by name without CONFIG_."""
    view = view if isinstance(view, View) else View(view, {})
    files, changed = _files(view.tree), changed_files(view)
    if changed not in files.symbols:
        files.symbols[changed] = files.symbols_of(files.paths(), changed)
    return files.symbols[changed]


def whole_symbol(view: View | Tree, name: str) -> ConfigSymbol | None:
    """config_symbols().get(name); where one is asked for much faster."""
    view = view if isinstance(view, View) else View(view, {})
    # Imported here: most scans ask for no symbol, and sqlite3 takes its time.
    from patchscan.kconfig.tables import ask_for_symbol

    if view.tree is None:
        return config_symbols(view).get(name)
    said = ask_for_symbol(view.tree, name)
    read = _files(view.tree).symbols_changed(changed_files(view))
    places = [each for each in said.definitions if each[0] not in view.changed]
    selected_by = {selector for path, selector in said.selected_by if path not in view.changed}
    return _symbol(name, [*places, *read.places(name)], selected_by.union(read.selected_by(name)))


def indexed_demands(view: View, path: str) -> "FileDemands | None":
    """What a Kconfig file demands; None where it is as soon read: without an index, or the series changes it."""
    if view.tree is None or path in view.changed or not may_be_indexed(view.tree):
        return None
    from patchscan.kconfig.tables import ask_for_file

    return ask_for_file(view.tree, path)


def config_symbol(view: View | Tree, name: str, directory: str = "") -> ConfigSymbol | None:
    """One symbol (name without CONFIG_), much faster than config_symbols(); None where no file defines it.

    The nearest definition counts: in the Kconfig of the directory, those above it, some that define what is
    used everywhere, then any. selected_by holds only what is selected in that file.
    """
    view = view if isinstance(view, View) else View(view, {})
    files = _files(view.tree)
    parts = directory.split("/")
    above = ["/".join([*parts[:depth], "Kconfig"]) for depth in range(len(parts), 0, -1)]
    changed = [path for path, _ in changed_files(view)]
    for path in chain(above, _COMMON, changed, files.naming(name)):
        definitions = files.definitions_of(view, path, name)
        if any(one.name == name for one in definitions):
            return _Symbols((path, one) for one in definitions).get(name)
    return None


class _Symbols(Mapping[str, ConfigSymbol]):
    """Symbols by name, in the order of names; of the many of a tree few are asked for, so each is made when it is."""

    def __init__(self, found: Iterable[tuple[str, Definition]]) -> None:
        self._by_name: dict[str, list[tuple[str, Definition]]] = {}
        self._selected_by: dict[str, set[str]] = {}
        for path, one in found:
            self._by_name.setdefault(one.name, []).append((path, one))
            for selected in one.selects:
                self._selected_by.setdefault(selected, set()).add(one.name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._by_name))

    def __len__(self) -> int:
        return len(self._by_name)

    def __getitem__(self, name: str) -> ConfigSymbol:
        symbol = _symbol(name, self.places(name), self.selected_by(name))
        if symbol is None:
            raise KeyError(name)
        return symbol

    def places(self, name: str) -> Sequence[tuple[str, Definition]]:
        """The definitions of a symbol, by path."""
        return self._by_name.get(name, ())

    def selected_by(self, name: str) -> Collection[str]:
        """The symbols that select one, itself defined or not."""
        return self._selected_by.get(name, ())


def _symbol(
    name: str, places: Sequence[tuple[str, Definition]], selected_by: Collection[str]
) -> ConfigSymbol | None:
    """A symbol by its definitions; None where there are none."""
    if not places:
        return None
    return ConfigSymbol(
        name,
        max((one.kind for _, one in places), key=WIDTH.__getitem__),
        any(one.prompt for _, one in places),
        any(one.choice for _, one in places),
        tuple(sorted(selected_by)),
        tuple(sorted((path, one.line) for path, one in places)),
    )
