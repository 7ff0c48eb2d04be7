"""Whether a patch may hold what a row looks for: asked of every row and patch, before anything is parsed."""

import re
from functools import lru_cache

from patchscan.basics.keptpatterns import compiled
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.match.row import Row


def wakes(row: Row, words: frozenset[str]) -> bool:
    """Whether one of the words that a row is woken by is among those of the added lines."""
    return not row.words or not row.words.isdisjoint(words)


def is_woken(row: Row, file: ChangedFile) -> bool:
    """Whether the added lines of a file hold such a word, and the form that a row may wait for."""
    return (
        wakes(row, file.raw_words)
        and may_hold(row, file)
        and (not row.wake or _pattern(row.wake).search(file.added_text) is not None)
    )


def may_hold(row: Row, file: ChangedFile) -> bool:
    """Whether the code after the patch holds all names of one of a row's patterns, on lines of any kind."""
    return any(
        all(name.encode() in source.text for name in needed) for needed in row.needs for source in file.after
    )


def woken_files(row: Row, context: Context) -> list[ChangedFile]:
    """The files of a patch that wake a row."""
    if not wakes(row, context.raw_words):
        return []
    files = (file for file in context.c_files if not row.of_new_files or is_made(context, file.path))
    return [file for file in files if is_woken(row, file)]


def is_made(context: Context, path: str) -> bool:
    """Whether the series makes a file, by this patch or an earlier one."""
    return path in _made(context.whole)


# Many rows ask this of each of the files of one patch.
@lru_cache(maxsize=4)
def _made(context: Context) -> frozenset[str]:
    return frozenset(
        file.path
        for each in (context, *context.earlier)
        for file in each.files
        if file.change.old_path is None
    )


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return compiled(text, re.M)
