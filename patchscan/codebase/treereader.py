"""A tree read once: the contents of its files, and which of them may define or declare a name."""

import re
from collections.abc import Mapping, Sequence

from patchscan.basics.keep import kept
from patchscan.codebase.file import may_define, names_at_line_starts
from patchscan.tree import Tree
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.index.search import is_outside
from patchscan.tree.index.wordsearch import files_with, headers_with


class TreeReader:
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
        for under in (f"{directory}/", f"{directory.rpartition('/')[0]}/", "include/linux/", "include/"):
            what = (under, structure)
            if what not in self._opening:
                near = headers_with(tree, structure, under)
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


NO_TREE = TreeReader(None)


@kept
def reader_of(tree: Tree) -> TreeReader:
    """The reader of a tree, one for all who read it."""
    return TreeReader(tree)
