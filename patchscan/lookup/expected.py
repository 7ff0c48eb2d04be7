"""The names that rules are likely to look up for a series: a tree without an index is read for all of them at once."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.series import Series
from patchscan.tree import Tree
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.index.search import is_source_name
from patchscan.tree.index.wordsearch import expect

_CALLED = pattern(r"\b([A-Za-z_]\w*)\s*\(")
_STRUCT = pattern(r"\bstruct (\w+)")
_DEFINED = pattern(r"^\s*#\s*define\s+(\w+)")
_NO_CALL = frozenset(("if", "for", "while", "switch", "return", "sizeof", "typeof", "defined"))


def expect_names(series: Series, tree: Tree) -> None:
    """Have the names of a series looked for with the first one that is asked for."""
    if not may_be_indexed(tree):
        expect(tree, set(_names(series)) - _NO_CALL)


def _names(series: Series) -> Iterator[str]:
    """What added lines call or define, and the structs that all lines name."""
    for patch in series.patches:
        for change in patch.files:
            for hunk in change.hunks if is_source_name(change.path) else ():
                yield from _STRUCT.findall(hunk.section)
                for line in hunk.lines:
                    yield from _STRUCT.findall(line.text)
                    if line.kind == "+":
                        yield from _CALLED.findall(line.text)
                        yield from _DEFINED.findall(line.text)
