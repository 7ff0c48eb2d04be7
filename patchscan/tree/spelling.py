"""Words that are often misspelt, with what is meant: the kernel tree's own list, and codespell's where it is installed.

Both are read as data. Formats: "mistake||correction" (scripts/spelling.txt), "mistake->first, second," (codespell).
"""

import os
import sys
from collections.abc import Mapping
from functools import cache
from weakref import WeakKeyDictionary

from patchscan.tree import Tree

LIST = "scripts/spelling.txt"
_CODESPELL = os.path.join("codespell_lib", "data", "dictionary.txt")
_SYSTEM = ("/usr/share/codespell/dictionary.txt", os.path.join("/usr/lib/python3/dist-packages", _CODESPELL))
# Shorter words of codespell's are too often the names of things.
_SHORTEST = 5
# Words of the kernel, names of people, firms and hardware that codespell takes for mistakes.
_MEANT = frozenset(
    (
        "uptodate",
        "bootup",
        "synopsys",
        "conexant",
        "iput",
        "iputs",
        "reenable",
        "reenabled",
        "reenables",
        "reenabling",
        "requestor",
        "requestors",
        "parms",
        "mmaped",
        "reding",
        "shepard",
        "paeth",
        "affinitized",
        "strat",
        "inout",
        "keypair",
        "classe",
        "momento",
        "serie",
    )
)


class Words:
    """Misspelt words and what is meant by each."""

    def __init__(self, lines: Mapping[str, str], others: "Words | None" = None) -> None:
        """lines: a mistake -> the rest of its line, as its list has it; others: asked for what is not there."""
        self._lines = lines
        self._others = others

    def __bool__(self) -> bool:
        return bool(self._lines or self._others)

    def meant(self, word: str) -> tuple[str, ...]:
        """What a word may stand for, in lower case; nothing where it is no known mistake."""
        rest = self._lines.get(word.lower())
        if rest is None:
            return self._others.meant(word) if self._others else ()
        # Several corrections end in a comma; what follows it says why no program should choose.
        several = rest.rpartition(",")[0] or rest
        return tuple(each.strip() for each in several.split(",") if each.strip())


_of_tree: WeakKeyDictionary[Tree, Words] = WeakKeyDictionary()


def corrections(tree: Tree | None) -> Words:
    """The words that the lists at hand know; none where there is neither a tree nor codespell. Raises nothing."""
    if tree is None:
        return installed()
    if tree not in _of_tree:
        _of_tree[tree] = Words(read_list(tree.read(LIST) or b"", "||"), installed())
    return _of_tree[tree]


@cache
def installed() -> Words:
    """The words of the codespell that is installed beside us or in the system, none where there is none."""
    for path in (*(os.path.join(each, _CODESPELL) for each in sys.path if each), *_SYSTEM):
        try:
            with open(path, "rb") as file:
                words = read_list(file.read(), "->")
        except OSError:
            continue
        return Words(
            {word: rest for word, rest in words.items() if len(word) >= _SHORTEST and word not in _MEANT}
        )
    return Words({})


def read_list(data: bytes, divider: str) -> dict[str, str]:
    """A list of mistakes: each with the rest of its line; divider: what stands between the two."""
    lines = (line.partition(divider) for line in data.decode("utf-8", "replace").split("\n"))
    return {mistake.lower(): rest for mistake, found, rest in lines if found and not mistake.startswith("#")}
