"""What the hunks of a series show of code that the tree at hand does not hold."""

import re
from collections.abc import Iterator
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.context import ChangedFile, Context

_WORD = pattern(r"[A-Za-z_]\w*")
_ONLY_SPEAKS = pattern(r"^\s*(?:EXPORT_\w*SYMBOL|DECLARE_\w+\(|extern\b|/?\*|//)")


@frozen
class Shown:
    """A line of a hunk that uses a name; function: the one it stands in, "" outside or where that is not shown."""

    path: str
    line: int
    function: str
    text: str


def users_in_hunks(context: Context, name: str) -> Iterator[Shown]:
    """The lines that use a name in files whose hunks do not apply: added ones and context, tables and macros too.

    Definitions, declarations and exports of the name itself are none.
    """
    word = re.compile(rf"\b{re.escape(name)}\b")
    for file in context.not_applied:
        for hunk in file.change.hunks:
            for line in hunk.lines:
                if line.kind != "-" and line.new is not None and word.search(line.text):
                    text = file.code_at(line.new) if file.is_c else line.text.partition("#")[0]
                    function = next((each for s in file.after if (each := s.function_at(line.new))), None)
                    inside = function.name if function is not None else ""
                    if word.search(text) and inside != name and not speaks_only(text, name):
                        yield Shown(file.path, line.new, inside, line.text)


def speaks_only(text: str, name: str) -> bool:
    """Whether a line only declares, defines or exports a name."""
    if _ONLY_SPEAKS.match(text):
        return True
    head, _, rest = text.partition(name)
    return (
        bool(head)
        and not head[0].isspace()
        and head[0] != "#"
        and "(" not in head
        and "=" not in head
        and (rest.lstrip().startswith(("(", ";", "[", "=")))
    )


def was_there(context: Context, name: str) -> bool:
    """Whether a context or removed line of the series shows a name that no line before it has added."""
    return name in names_shown(tuple(context.all))


@lru_cache(maxsize=1)
def names_shown(judged: tuple[Context, ...]) -> frozenset[str]:
    """The names on context and removed lines, without those that an earlier patch adds."""
    added: set[str] = set()
    found: set[str] = set()
    for context in judged:
        for file in context.files:
            found.update(word for word in old_words(file) if word not in added)
        for file in context.files:
            added.update(word for line in file.added for word in _WORD.findall(line.text))
    return frozenset(found)


def old_words(file: ChangedFile) -> Iterator[str]:
    """The words of the lines of a file's hunks that were there before the patch."""
    for hunk in file.change.hunks:
        for line in hunk.lines:
            if line.kind != "+":
                yield from _WORD.findall(line.text)
