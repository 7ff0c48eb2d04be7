"""The names that rules are likely to look up for a series: a tree without an index is read for all of them at once."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial

from patchscan.basics.pattern import pattern
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.shelf import MANY_FILES
from patchscan.tree import Tree
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.index.search import is_source_name
from patchscan.tree.index.wordsearch import expect

_CALLED = pattern(r"\b([A-Za-z_]\w*)\s*\(")
_STRUCT = pattern(r"\bstruct (\w+)")
_DEFINED = pattern(r"(?m)^\s*#\s*define\s+(\w+)")
_CONSTANT = pattern(r"\b([A-Z_][A-Z0-9_]{2,})\b")
_MACRO = pattern(r"\b([A-Z_][A-Z0-9_]{2,}|\w+_ptr)\(")
_NO_NAME = frozenset(("if", "for", "while", "switch", "return", "sizeof", "typeof", "defined", "NULL"))


def expect_names(judged: Sequence[Context], tree: Tree) -> None:
    """Have the names of a series looked for with the first one that is asked for."""
    if not may_be_indexed(tree):
        expect(tree, partial(_likely, judged))


def _likely(judged: Sequence[Context]) -> list[str]:
    """The names of a series, the likeliest first."""
    files = [file for context in judged for file in context.files]
    # Of a patch that changes more files the code is not held, and the lines tell names enough.
    read = [file for context in judged for file in context.files[:MANY_FILES]]
    # What one patch leaves of a file, the next changes a little.
    last = list({file.path: file for file in read}.values())
    ways = ((_of_lines, files), (_of_functions, read), (_of_texts, last))
    names = (name for find, among in ways for file in among for name in find(file))
    return [name for name in dict.fromkeys(names) if name not in _NO_NAME]


def _of_lines(file: ChangedFile) -> Iterator[str]:
    """What added lines call or define, and the structs that all lines name."""
    for hunk in file.change.hunks if is_source_name(file.path) else ():
        yield from _STRUCT.findall(hunk.section)
        for line in hunk.lines:
            yield from _STRUCT.findall(line.text)
            if line.kind == "+":
                yield from _CALLED.findall(line.text)
                yield from _DEFINED.findall(line.text)
                yield from _CONSTANT.findall(line.text)


def _of_functions(file: ChangedFile) -> Iterator[str]:
    """The changed functions, and what they name."""
    for text in _touched(file) if file.is_c else ():
        yield from _CALLED.findall(text)
        yield from _STRUCT.findall(text)
        yield from _CONSTANT.findall(text)


def _touched(file: ChangedFile) -> Iterator[str]:
    """The functions that the patch touches, as the margin tells them: that costs less than to find all functions."""
    if file.state.after is None:
        for hunk in file.change.hunks:
            yield "\n".join((hunk.section, *(line.text for line in hunk.lines)))
        return
    lines = file.state.after.decode("utf-8", "surrogateescape").split("\n")
    ends = [number for number, line in enumerate(lines, 1) if line[:1] == "}"]
    for place in sorted({bisect_left(ends, number) for number in file.touched_numbers}):
        if place < len(ends) and lines[ends[place] - 1].rstrip() == "}":
            yield "\n".join(lines[ends[place - 1] if place else 0 : ends[place]])


def _of_texts(file: ChangedFile) -> Iterator[str]:
    """The macros that a text with changed functions uses, and those that the file defines."""
    for source in file.after if file.is_c else ():
        text = source.text.decode("utf-8", "surrogateescape")
        yield from _MACRO.findall(text)
        yield from _DEFINED.findall(text)
