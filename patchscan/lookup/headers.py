"""The headers of a tree: their texts, kept for the next question, and which of them may declare a function or macro."""

import re
from collections import OrderedDict
from collections.abc import Collection, Sequence

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.lexical import offsets
from patchscan.lookup.uses import (
    headers_holding,
    seen_headers,
    shared_headers_among,
    shared_headers_holding,
)
from patchscan.tree import Tree
from patchscan.tree.index.search import is_kernel_source
from patchscan.tree.overlay import View

_MOST_BYTES = 48_000_000
_HEAD = pattern(rb"(?:__\w+\([\w, ]*\)[ \t]+)?(?:[A-Za-z_][\w \t*]*[ \t*])?")
_DEFINE = pattern(rb"[ \t]*#[ \t]*define[ \t]+")
_TAG = pattern(r"\b(?:struct|union) (\w+)")
_LIST_FOLLOWS = pattern(rb"\s*\(")


class _Kept:
    """Texts of one tree, as many as fit; those that were not asked for the longest go first."""

    def __init__(self) -> None:
        self.texts: OrderedDict[str, bytes] = OrderedDict()
        self.size = 0
        self.declaring: dict[tuple[str, ...], frozenset[str]] = {}

    def text(self, tree: Tree, path: str) -> bytes:
        """The text of a file, b"" where there is none."""
        if path in self.texts:
            self.texts.move_to_end(path)
            return self.texts[path]
        text = tree.read(path) or b""
        self.texts[path] = text
        self.size += len(text)
        while self.size > _MOST_BYTES and self.texts:
            self.size -= len(self.texts.popitem(last=False)[1])
        return text


@kept
def _of_tree(tree: Tree) -> _Kept:
    """What is known of the headers of a tree so far."""
    return _Kept()


def text_of_header(view: View, path: str) -> bytes:
    """The text of a header in a view, b"" where there is none."""
    if view.tree is None or path in view.changed:
        return view.read(path) or b""
    return _of_tree(view.tree).text(view.tree, path)


def may_declare(text: bytes, name: bytes) -> bool:
    """Whether a line at the margin of a text declares a function of that name, or a #define makes a macro of it."""
    for offset in offsets(text, name):
        before = text[text.rfind(b"\n", 0, offset) + 1 : offset]
        if _DEFINE.fullmatch(before):
            return True
        if _HEAD.fullmatch(before) and _LIST_FOLLOWS.match(text, offset + len(name)):
            return True
    return False


def declaring_headers(view: View, name: str) -> list[str]:
    """The headers of a view that may declare a function or macro of that name, sorted."""
    return those_declaring(view, name, headers_holding(view, name))


def headers_near(view: View, name: str, beside: Sequence[str]) -> list[str]:
    """The headers that may hold a name and that a tree shares, or that are among those beside a file, sorted."""
    return sorted({*shared_headers_holding(view, name), *holding_beside(view, name, beside)})


def headers_among(view: View, name: str, beside: Sequence[str], paths: Collection[str]) -> list[str]:
    """Those of headers_near() that are among some, sorted: these alone are looked at."""
    near = (path for path in holding_beside(view, name, beside) if path in paths)
    return sorted({*shared_headers_among(view, name, paths), *near})


def seen_near(view: View, name: str, beside: Sequence[str]) -> frozenset[str]:
    """Some of headers_near(), those that are found at once: see seen_headers()."""
    return frozenset((*seen_headers(view, name), *holding_beside(view, name, beside)))


def holding_beside(view: View, name: str, beside: Sequence[str]) -> list[str]:
    """Those of the headers beside a file that hold a name, sorted."""
    word = name.encode()
    near = {path for path in beside if path.endswith(".h") and is_kernel_source(path)}
    return sorted(path for path in near if word in text_of_header(view, path))


def those_declaring(view: View, name: str, held: Sequence[str]) -> list[str]:
    """Those of some headers that may declare a function or macro of a name."""
    word = name.encode()
    if view.tree is None:
        return [path for path in held if may_declare(text_of_header(view, path), word)]
    mine = _of_tree(view.tree)
    asked = tuple(path for path in held if path not in view.changed)
    known = mine.declaring.get((name, *asked))
    if known is None:
        known = frozenset(path for path in asked if may_declare(mine.text(view.tree, path), word))
        mine.declaring[name, *asked] = known
    return [
        path
        for path in held
        if (path in known if path not in view.changed else may_declare(view.read(path) or b"", word))
    ]


def named_plainly(view: View, text: bytes, *types: str) -> bool:
    """Whether each struct or union in some types is known, and its name is none that a #define turns into another."""
    for name in {match[1] for each in types for match in _TAG.finditer(each)}:
        word = re.escape(name.encode())
        define = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+%s\b(?!\()" % word, re.MULTILINE)
        headers = (text_of_header(view, path) for path in declaring_headers(view, name))
        if define.search(text) or any(define.search(each) for each in headers):
            return False
        # A struct that only the file of the patch speaks of is one of another base.
        if not headers_holding(view, name) and not re.search(rb"\b(?:struct|union)\s+%s\s*\{" % word, text):
            return False
    return True
