"""The code at each point of a series: read once from the tree, with what the patches make of it."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from patchscan.basics.keep import kept
from patchscan.basics.record import frozen
from patchscan.codebase.changed_words import touched_words
from patchscan.codebase.file import may_define, names_at_line_starts
from patchscan.codebase.lift import lifted_files
from patchscan.kconfig.configured import read_defconfig, read_selects
from patchscan.tree import Tree
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.index.search import is_outside
from patchscan.tree.index.wordsearch import files_with
from patchscan.tree.overlay import PatchState, View

Read = Callable[[str], bytes | None]


@frozen
class Sources:
    """The code at one point of a series: how to read it, what the series changed, and how that was done.

    defining: (directory, function) to the C files of the tree that may define it; words: the identifiers on
    the lines that the series changed; declaring: (structure, path that asks) to the headers that may declare it;
    naming: a name to the files of the tree that hold it, None without a tree; tree: the one that lies below; lost:
    functions, and files, in which the series changes what could not be laid there.
    """

    read: Read
    changed: tuple[str, ...]
    defining: Callable[[str, str], Sequence[str]]
    notes: tuple[str, ...]
    words: frozenset[str] = frozenset()
    declaring: Callable[[str, str], Sequence[str]] = lambda structure, near: ()
    naming: Callable[[str], Sequence[str] | None] = lambda name: None
    tree: Tree | None = None
    lost: frozenset[str] = frozenset()


def sources(states: tuple[PatchState, ...], view: View) -> Sources:
    """The code after the patches of `states` (none: as `view` has it)."""
    lifted = lifted_files(states)
    start = states[0].start if states else view
    # What cannot be taken off stands with all else that the tree has.
    start = None if states and states[-1].held else start
    contents = {**(start.changed if start is not None else {}), **lifted.contents}
    below = _tree_reader(view.tree)

    def read(path: str) -> bytes | None:
        return contents[path] if path in contents else below.read(path)

    words = frozenset().union(*(touched_words(state) for state in states))
    return Sources(
        read,
        tuple(sorted(contents)),
        below.defining,
        lifted.notes,
        words,
        below.declaring,
        below.naming,
        view.tree,
        lifted.lost,
    )


class _TreeReader:
    """A tree read once: file contents, and the files of a directory that may define a name."""

    def __init__(self, tree: Tree | None) -> None:
        self._tree = tree
        self._contents: dict[str, bytes | None] = {}
        self._names: dict[str, dict[str, list[str]]] = {}
        self._defining: dict[tuple[str, str], Sequence[str]] = {}
        self._declaring: dict[tuple[str, str], Sequence[str]] = {}
        self._opening: dict[tuple[str, str], Sequence[str]] = {}

    def read(self, path: str) -> bytes | None:
        if path not in self._contents:
            self._contents[path] = self._tree.read(path) if self._tree is not None else None
        return self._contents[path]

    def defining(self, directory: str, name: str) -> Sequence[str]:
        """The C files directly in a directory that may define a function or macro, sorted."""
        if self._tree is None:
            return ()
        if (directory, name) not in self._defining:
            self._defining[directory, name] = self._find_defining(self._tree, directory, name)
        return self._defining[directory, name]

    def declaring(self, structure: str, near: str) -> Sequence[str]:
        """The headers that may declare a structure, those of the directory that asks first."""
        if self._tree is None:
            return ()
        directory = near.rpartition("/")[0]
        if (directory, structure) not in self._declaring:
            self._declaring[directory, structure] = self._find_declaring(self._tree, directory, structure)
        return self._declaring[directory, structure]

    def naming(self, name: str) -> Sequence[str] | None:
        """The C files and headers of the tree that hold a name; None without a tree."""
        if self._tree is None:
            return None
        return [path for path in files_with(self._tree, [name])[name] if path.endswith((".c", ".h"))]

    def _find_declaring(self, tree: Tree, directory: str, structure: str) -> Sequence[str]:
        paths = files_with(tree, [structure])[structure]
        for under in (f"{directory}/", f"{directory.rpartition('/')[0]}/", "include/linux/", "include/"):
            what = (under, structure)
            if what not in self._opening:
                near = (path for path in paths if path.endswith(".h") and path.startswith(under))
                self._opening[what] = [path for path in near if _opens(self.read(path) or b"", structure)]
            if self._opening[what]:
                return self._opening[what]
        return ()

    def _find_defining(self, tree: Tree, directory: str, name: str) -> Sequence[str]:
        """By the tree's index, or by reading the directory where there is none."""
        held = _looked_up(tree, directory, name)
        if held is None:
            return self._names_of(tree, directory).get(name, ())
        paths = [path for path in held if _is_directly_in(path, directory)]
        return [path for path in paths if may_define(self.read(path) or b"", name)]

    def _names_of(self, tree: Tree, directory: str) -> Mapping[str, list[str]]:
        if directory not in self._names:
            names: dict[str, list[str]] = {}
            for path in tree.files(directory, deep=False):
                if path.endswith((".c", ".h")):
                    for found in names_at_line_starts(self.read(path) or b""):
                        names.setdefault(found, []).append(path)
            self._names[directory] = names
        return self._names[directory]


def _looked_up(tree: Tree, directory: str, name: str) -> Sequence[str] | None:
    """The sources in a directory that hold a name by the index of a tree, None where that cannot say."""
    if is_outside(directory) or not may_be_indexed(tree):
        return None
    # Imported here: sqlite3 takes its time.
    from patchscan.tree.index.lookup import look_up_in

    held = look_up_in(tree, directory, [name])
    return held[name] if held is not None else None


def _opens(text: bytes, structure: str) -> bool:
    """Whether a text declares the members of a structure; what most texts lack is asked for first, for it is quick."""
    name = structure.encode()
    if name + b" {" not in text and name + b"\n{" not in text:
        return False
    return re.search(rb"\b(?:struct|union)\s+%s\s*\{" % name, text) is not None


def _is_directly_in(path: str, directory: str) -> bool:
    return path.endswith((".c", ".h")) and path.rpartition("/")[0] == directory


_NO_TREE = _TreeReader(None)


@kept
def _reader_of(tree: Tree) -> _TreeReader:
    return _TreeReader(tree)


def _tree_reader(tree: Tree | None) -> _TreeReader:
    return _NO_TREE if tree is None else _reader_of(tree)


_DEFCONFIG = {"arm64": "arch/arm64/configs/defconfig"}
_ROOTS = {"arm64": ("ARM64",)}


def base_config(read: Read, column: str) -> Mapping[str, int]:
    """The symbols of an architecture's defconfig, and those its Kconfig selects; x86's for the generic one."""
    defconfig = read(_DEFCONFIG.get(column, "arch/x86/configs/x86_64_defconfig"))
    kconfig = read("arch/arm64/Kconfig" if column == "arm64" else "arch/x86/Kconfig")
    return _base_config(defconfig or b"", kconfig or b"", column)


@lru_cache(maxsize=16)
def _base_config(defconfig: bytes, kconfig: bytes, column: str) -> Mapping[str, int]:
    values = read_defconfig(defconfig.decode("latin-1"))
    roots = _ROOTS.get(column, ("X86", "X86_64", "64BIT", "SMP", "PARAVIRT"))
    selected = read_selects(kconfig.decode("latin-1"), roots)
    always = {"CONFIG_SMP": 1, "CONFIG_MMU": 1, "CONFIG_PGTABLE_LEVELS": 5, "CONFIG_64BIT": 1}
    here = {} if column == "arm64" else {"CONFIG_X86": 1, "CONFIG_X86_64": 1}
    return {**selected, **values, **always, **here}
