"""What a later revision made of the lines that one adds, and what reviewers said close to them."""

from collections.abc import Mapping, Set

from patchscan.finding import CHANGELOG
from patchscan.series import Reply, Series, Thread
from patchscan.settling.alignment import Alignment
from patchscan.settling.quotation import lines_of
from patchscan.settling.remarks import answers

Place = tuple[int, str, int]
# As far from a finding a remark is taken to speak of the same thing.
NEAR = 3


def fates(older: Series, newer: Series) -> Mapping[Place, str]:
    """(patch, path, line) of each added line that holds a word -> "unchanged", "changed" or "dropped" with its file.

    A line that is indented or spelled otherwise is changed; one in which only a name is another throughout is not.
    """
    alignment = Alignment(older, newer)
    found: dict[Place, str] = {}
    for patch in older.patches:
        at: dict[str, int] = {}
        for line in lines_of(patch):
            if line.path == CHANGELOG:
                continue
            number = at[line.path] = at.get(line.path, -1) + 1
            if line.kind != "+" or line.trivial:
                continue
            pair = alignment.file(patch, line.path)
            if pair is None:
                fate = "dropped"
            else:
                new = pair.same.get(number)
                fate = "unchanged" if new is not None and pair.new[new].kind == "+" else "changed"
            found[patch.index, line.path, line.number] = fate
    return found


def added(series: Series) -> Mapping[Place, str]:
    """The added lines of the last revision, of which no later one tells."""
    return {
        (patch.index, line.path, line.number): "last"
        for patch in series.patches
        for line in lines_of(patch)
        if line.path != CHANGELOG and line.kind == "+" and not line.trivial
    }


def remarked(series: Series, replies: tuple[Reply, ...]) -> Set[Place]:
    """The lines of a series that reviewers spoke of."""
    said = answers(Thread((series,), replies, ()), series)
    return {(each.patch, each.path, each.line) for each in said if each.path and each.path != CHANGELOG}


def is_near(place: Place, spoken: Set[Place]) -> bool:
    """Whether a reviewer spoke of a line or of one at most three lines away."""
    patch, path, line = place
    return any((patch, path, line + step) in spoken for step in range(-NEAR, NEAR + 1))
