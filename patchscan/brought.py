"""What a patch brings about in its functions, by adding, changing or deleting lines: after minus before."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from patchscan.c.source import Function
from patchscan.changedfile import ChangedFile

Fault = TypeVar("Fault")


def brought(
    files: Sequence[ChangedFile],
    faults_of: Callable[[Function], Iterable[Fault]],
    key: Callable[[Fault], Hashable],
) -> Iterator[tuple[ChangedFile, Function, Fault]]:
    """See Context.brought()."""
    after = [
        (file, function, fault)
        for file in files
        for function in file.functions
        for fault in faults_of(function)
    ]
    if not after:
        return
    before = Counter(
        (function.name, key(fault)) for function in functions_before(files) for fault in faults_of(function)
    )
    # First what stays in its function, then what comes from another one.
    left = []
    for file, function, fault in after:
        same = function.name, key(fault)
        if before[same]:
            before[same] -= 1
        else:
            left.append((file, function, fault))
    moved = Counter[Hashable]()
    for (_, what), number in before.items():
        moved[what] += number
    for file, function, fault in left:
        if moved[key(fault)]:
            moved[key(fault)] -= 1
        else:
            yield file, function, fault


def functions_before(files: Sequence[ChangedFile]) -> Iterator[Function]:
    """The functions before the patch that lose or gain a line."""
    for file in files:
        touched = {
            line
            for run in file.passage.runs
            for line in (run.old - 1, run.old, *range(run.old, run.old_end), run.old_end)
        }
        for source in file.before:
            found = {
                function.first_line: function for line in touched if (function := source.function_at(line))
            }
            yield from (found[line] for line in sorted(found))
