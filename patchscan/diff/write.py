"""Diff text for changes of our own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from patchscan.finding import Edit, Fix

CONTEXT = 3
MOST_COMPARED = 40_000


def edit_of(
    path: str, known: Mapping[int, str], first: int, last: int, new: Sequence[str], shift: int
) -> Edit:
    """The edit that puts `new` in the place of lines first to last; known: the lines of the file by number.

    shift is added to the line number that the edit states.
    """
    above, below = first, last
    while above - 1 in known and above > first - CONTEXT:
        above -= 1
    while below + 1 in known and below < last + CONTEXT:
        below += 1
    return Edit(
        path,
        first + shift,
        tuple(known[number] for number in range(first, last + 1)),
        tuple(new),
        tuple(known[number] for number in range(above, first)),
        tuple(known[number] for number in range(last + 1, below + 1)),
    )


def edits_of(
    path: str,
    known: Mapping[int, str],
    edits: Sequence[tuple[int, int, Sequence[str]]],
    shift: Callable[[int], int],
) -> Fix:
    """Several edits, (first, last, new lines) each; near ones are made one.

    shift: what is added to a line's number where the edit states it.
    """
    merged: list[tuple[int, int, list[str]]] = []
    for first, last, lines in sorted(edits, key=lambda edit: edit[0]):
        if merged and first <= merged[-1][1] + 2 * CONTEXT:
            begin, end, before = merged[-1]
            between = [known[number] for number in range(end + 1, first) if number in known]
            if len(between) == first - end - 1:
                merged[-1] = (begin, last, [*before, *between, *lines])
                continue
        merged.append((first, last, list(lines)))
    return tuple(edit_of(path, known, first, last, lines, shift(first)) for first, last, lines in merged)


def diff_of(fix: Fix) -> str:
    """The edits as a unified diff, each a hunk; "" where there are none."""
    rows: list[str] = []
    for path, edits in groupby(fix, key=lambda edit: edit.path):
        rows += [f"--- a/{path}", f"+++ b/{path}"]
        for edit in edits:
            rows.append(f"@@ -{edit.start},{len(edit.before)} +{edit.start},{len(edit.after)} @@")
            rows += rows_of(edit)
    return "".join(f"{row}\n" for row in rows)


def rows_of(edit: Edit) -> list[str]:
    """The lines of an edit's hunk, context included."""
    rows = [f" {line}" for line in edit.above]
    rows += changed_rows(steps_between(edit.old, edit.new), edit.old, edit.new)
    return [*rows, *(f" {line}" for line in edit.below)]


def steps_between(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """The steps of difflib from old lines to new ones; of very many lines the whole as one step.

    Where most lines are the same, as in a chain of a hundred branches, difflib's time grows with their cube.
    """
    if len(old) * len(new) > MOST_COMPARED:
        return [("replace", 0, len(old), 0, len(new))]
    from difflib import SequenceMatcher

    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def changed_rows(
    steps: Sequence[tuple[str, int, int, int, int]], old: Sequence[str], new: Sequence[str]
) -> Iterator[str]:
    """The lines of a hunk; steps: those of difflib from the old lines to the new ones."""
    for kind, first, last, new_first, new_last in steps:
        if kind == "equal":
            yield from (f" {line}" for line in old[first:last])
        else:
            yield from (f"-{line}" for line in old[first:last])
            yield from (f"+{line}" for line in new[new_first:new_last])
