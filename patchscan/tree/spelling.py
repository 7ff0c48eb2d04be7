"""Words that are often misspelt, with what is meant: the kernel tree's own list, and codespell's where it is installed.

Both are read as data. Formats: "mistake||correction" (scripts/spelling.txt), "mistake->first, second," (codespell).
"""

import os
import sys
from collections.abc import Callable
from functools import cache, lru_cache

from patchscan.basics.keep import kept
from patchscan.tree import Tree

LIST = "scripts/spelling.txt"
_CODESPELL = os.path.join("codespell_lib", "data", "dictionary.txt")
_SYSTEM = ("/usr/share/codespell/dictionary.txt", os.path.join("/usr/lib/python3/dist-packages", _CODESPELL))
# Shorter words of codespell's are too often the names of things.
_SHORTEST = 5
# How many words are kept in mind: those of a text come again and again.
_MOST_KEPT = 1 << 14
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

    def __init__(self, rest_of: Callable[[str], str | None], others: "Words | None" = None) -> None:
        """rest_of: the rest of the line of a mistake, in lower case, None for what is none; others: asked then."""
        self._rest_of = lru_cache(maxsize=_MOST_KEPT)(rest_of)
        self._others = others

    def meant(self, word: str) -> tuple[str, ...]:
        """What a word may stand for, in lower case; nothing where it is no known mistake."""
        rest = self._rest_of(word.lower())
        if rest is None:
            return self._others.meant(word) if self._others else ()
        # Several corrections end in a comma; what follows it says why no program should choose.
        several = rest.rpartition(",")[0] or rest
        return tuple(each.strip() for each in several.split(",") if each.strip())


@kept
def corrections_of(tree: Tree) -> Words:
    """The words that a tree's list knows, and those of the codespell that is installed."""
    mistakes = read_list(tree.read(LIST) or b"")
    return Words(lambda word: mistakes.get(word), installed())


def corrections(tree: Tree | None) -> Words:
    """The words that the lists at hand know; none where there is neither a tree nor codespell. Raises nothing."""
    return installed() if tree is None else corrections_of(tree)


@cache
def installed() -> Words:
    """The words of the codespell that is installed beside us or in the system, none where there is none."""
    for path in (*(os.path.join(each, _CODESPELL) for each in sys.path if each), *_SYSTEM):
        try:
            with open(path, "rb") as file:
                return Words(Dictionary(file.read()).rest_of)
        except OSError:
            continue
    return Words(lambda word: None)


class Dictionary:
    """Codespell's list, searched as it lies there: to read all of its lines takes as long as a small scan.

    Its lines are sorted, capitals as small letters.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def rest_of(self, word: str) -> str | None:
        """The rest of the line of a word, None where it is not listed or not taken for a mistake."""
        if len(word) < _SHORTEST or word in _MEANT:
            return None
        head = word.encode() + b"->"
        first, last = 0, len(self._data)
        while first < last:
            start = self._data.rfind(b"\n", first, (first + last) // 2) + 1 or first
            end = self._data.find(b"\n", start)
            end = len(self._data) if end < 0 else end
            line = self._data[start:end].lower()
            if line.startswith(head):
                return self._data[start + len(head) : end].decode("utf-8", "replace")
            first, last = (end + 1, last) if line < head else (first, start)
        return None


def read_list(data: bytes) -> dict[str, str]:
    """The kernel's list of mistakes: each with the rest of its line."""
    lines = (line.partition("||") for line in data.decode("utf-8", "replace").split("\n"))
    return {mistake.lower(): rest for mistake, found, rest in lines if found and not mistake.startswith("#")}
