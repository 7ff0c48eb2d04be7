"""Where a pattern stands in the code that a patch touches, found by the words it holds."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.basics.record import frozen
from patchscan.c.syntax import descendants
from patchscan.changedfile import ChangedFile
from patchscan.match.matching import Bindings, match_parts
from patchscan.match.row import Row
from patchscan.match.shape import Pattern, read_pattern

# So many scopes are looked at one by one.
_FEW = 8

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.c.source import Function, Source


@frozen(eq=False)
class Match:
    """A place that fits a pattern of a row; function: None outside functions."""

    pattern: Pattern
    source: "Source"
    function: "Function | None"
    nodes: "tuple[Node, ...]"
    holes: Bindings

    @property
    def first_line(self) -> int:
        """The line of the file on which it begins."""
        return self.source.line_of(self.nodes[0])

    @property
    def last_line(self) -> int:
        """The line of the file on which it ends."""
        return self.source.last_line_of(self.nodes[-1])

    @property
    def start(self) -> int:
        """The offset at which it begins."""
        return self.nodes[0].start_byte

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.nodes[-1].end_byte

    @property
    def key(self) -> str:
        """What stands in its holes, white space aside: by it a moved match is known."""
        return " ".join(f"{hole}={bound.plain}" for hole, bound in sorted(self.holes.items()))


@frozen(eq=False)
class Scope:
    """A part of a text that is parsed on its own: a function, or what stands between two."""

    source: "Source"
    function: "Function | None"
    start: int
    end: int
    line: int

    @property
    def root(self) -> "Node":
        """Its syntax tree."""
        return self.function.node if self.function else self.source.outside_at(self.line)


def patterns(row: Row) -> tuple[Pattern, ...]:
    """The patterns of a row, read."""
    return tuple(read_pattern(text, row.frame) for text in row.find)


def words_of(row: Row, pattern: Pattern) -> frozenset[str]:
    """Words of which every match of a pattern holds one: its own, or the names that its holes may hold."""
    if row.names:
        return frozenset(word for hole in row.names if hole in pattern.holes for word in row.names[hole])
    return pattern.words


def new_matches(row: Row, file: ChangedFile) -> Iterator[Match]:
    """The matches in the code after the patch that have an added line, in the order of the text."""
    for source in file.after:
        yield from outermost(_matches(row, scopes(source, file.added_numbers), file.added_numbers))


def outermost(matches: Iterable[Match]) -> list[Match]:
    """The matches that stand in no other one: four bytes put together are not two pairs, too."""
    found = sorted(matches, key=lambda match: (match.start, -match.end))
    kept: list[Match] = []
    for match in found:
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
    return kept


def old_matches(row: Row, file: ChangedFile, removed: frozenset[int]) -> Iterator[Match]:
    """The matches in the code before the patch that have a removed line; removed: as the sources number them."""
    for source in file.before:
        yield from _matches(row, scopes(source, removed), removed)


def _matches(row: Row, places: tuple[Scope, ...], lines: frozenset[int]) -> Iterator[Match]:
    """The matches in the scopes of one text that have one of these lines."""
    seen: set[tuple[int, int]] = set()
    for each in patterns(row):
        words = words_of(row, each)
        for scope, starts in _scopes_with(words, places) if words else ((place, []) for place in places):
            for match in _in_scope(row, each, scope, starts):
                place = (match.nodes[0].start_byte, match.nodes[-1].end_byte)
                touched = any(line in lines for line in range(match.first_line, match.last_line + 1))
                if touched and place not in seen:
                    seen.add(place)
                    yield match


def _scopes_with(words: frozenset[str], places: tuple[Scope, ...]) -> Iterator[tuple[Scope, list[int]]]:
    """The scopes that hold one of the words, and where; places: of one text, in order."""
    find = _finder(words).finditer
    if len(places) <= _FEW:
        for place in places:
            hits = [hit.start() for hit in find(place.source.text, place.start, place.end)]
            if hits:
                yield place, hits
        return
    # Most words stand nowhere: one look at the text tells so for all scopes.
    found = [hit.start() for hit in find(places[0].source.text, places[0].start, places[-1].end)]
    for place in places if found else ():
        hits = found[bisect_left(found, place.start) : bisect_left(found, place.end)]
        if hits:
            yield place, hits


# All rows ask for the scopes of the same few texts, one after the other.
@kept
def scopes(source: "Source", lines: frozenset[int]) -> tuple[Scope, ...]:
    """The functions of a text that hold one of the lines, and the gaps between functions that do, in order."""
    wanted = sorted(lines)
    found = []
    done = 0
    for function in (*source.functions(), None):
        first = function.first_line if function is not None else (wanted[-1] + 1 if wanted else 0)
        last = function.last_line if function is not None else first
        start = bisect_left(wanted, done + 1)
        gap = source.gap_at(wanted[start]) if start < len(wanted) and wanted[start] < first else None
        if gap is not None:
            found.append(Scope(source, None, *gap, wanted[start]))
        begin = bisect_left(wanted, first)
        if function is not None and begin < len(wanted) and wanted[begin] <= last:
            found.append(Scope(source, function, function.start, function.end, first))
        done = last
    return tuple(found)


def _in_scope(row: Row, pattern: Pattern, scope: Scope, starts: list[int]) -> Iterator[Match]:
    """The matches of one pattern in a scope; where it holds several, an outer one before those in it."""
    for node in _candidates(pattern, scope, starts):
        found = next(match_parts(pattern.parts, node, scope.source), None)
        if found is not None and _named(row, found[1]):
            yield Match(pattern, scope.source, scope.function, *found)


def _named(row: Row, holes: Bindings) -> bool:
    """Whether the holes that may only hold certain names hold them."""
    return all(hole not in holes or holes[hole].plain in allowed for hole, allowed in row.names.items())


def _candidates(pattern: Pattern, scope: Scope, starts: list[int]) -> "Iterator[Node]":
    """The nodes of the type that a pattern begins with, around each place of a word that it must hold."""
    kind = pattern.parts[0].kind
    if not starts:
        if scope.function is not None:
            yield from scope.function.nodes(kind)
        else:
            yield from (node for node in descendants(scope.root) if node.type == kind)
        return
    seen: set[int] = set()
    for start in starts:
        node = scope.root.descendant_for_byte_range(start, start + 1)
        while node is not None and node.start_byte >= scope.start and node.id not in seen:
            seen.add(node.id)
            if node.type == kind:
                yield node
            node = scope.function.parent_of(node) if scope.function else node.parent


@lru_cache(maxsize=512)
def _finder(words: frozenset[str]) -> re.Pattern[bytes]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(words)))})\b".encode())
