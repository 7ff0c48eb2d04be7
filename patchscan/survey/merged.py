"""Which added lines of a series stand in a tree as they were sent: what was merged of it, and what unchanged."""

from collections.abc import Iterator, Mapping, Set
from itertools import pairwise

from patchscan.finding import CHANGELOG
from patchscan.series import Series
from patchscan.settling.quotation import Said, lines_of
from patchscan.survey.became import Place
from patchscan.tree import Tree, safe_path

# A tree that holds so much of what a series adds has taken it.
TAKEN = 0.5


def trees_with(series: Series, trees: Mapping[str, Tree]) -> tuple[Tree, ...]:
    """The trees that hold half of the lines that a series adds: it was merged before their releases."""
    count = len(set(added_lines(series)))
    return tuple(tree for tree in trees.values() if count and len(standing(series, tree)) >= TAKEN * count)


def standing(series: Series, tree: Tree) -> Set[Place]:
    """The added lines with a word that a tree holds between the same neighbours: (patch, path, line)."""
    held: dict[str, frozenset[tuple[str, str]]] = {}
    found: set[Place] = set()
    for place, before, line, after in surrounded(series):
        path = place[1]
        if path not in held:
            held[path] = pairs_in(tree.read(path) if safe_path(path) else None)
        pairs = [(one.text, two.text) for one, two in ((before, line), (line, after)) if one and two]
        if pairs and held[path].issuperset(pairs):
            found.add(place)
    return found


def added_lines(series: Series) -> Iterator[Place]:
    """The added lines that hold a word."""
    return (place for place, *_ in surrounded(series))


def surrounded(series: Series) -> Iterator[tuple[Place, Said | None, Said, Said | None]]:
    """(place, the line before, it, the line behind) of each added line with a word, as its hunk leaves them."""
    for patch in series.patches:
        after = [each for each in lines_of(patch) if each.path != CHANGELOG and each.kind != "-"]
        whole: list[Said | None] = [None, *after, None]
        for at, line in enumerate(after, 1):
            if line.kind == "+" and not line.trivial:
                before, behind = (
                    each if each and (each.path, each.hunk) == (line.path, line.hunk) else None
                    for each in (whole[at - 1], whole[at + 1])
                )
                yield (patch.index, line.path, line.number), before, line, behind


def pairs_in(content: bytes | None) -> frozenset[tuple[str, str]]:
    """Each line of a file with the next one."""
    return frozenset(pairwise((content or b"").decode("utf-8", "surrogateescape").split("\n")))
