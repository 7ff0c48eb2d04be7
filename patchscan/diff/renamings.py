"""Changed lines that say the same with other names: which names stand for which, and the change without them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.series import Hunk, Line

_TOKEN = pattern(r"[A-Za-z_]\w*|[0-9]\w*|\S")
# Where the end of a line means something.
_LINE_BY_LINE = pattern(r"#|\\\n|//")
# No name, or one that says what a statement or a declaration is.
_NO_NAME = pattern(
    r"auto|bool|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long|register"
    r"|restrict|return|short|signed|sizeof|static|struct|switch|typedef|typeof|union|unsigned|void|volatile|while"
    r"|NULL|true|false"
)


@frozen
class Renaming:
    """What one run of changed lines does: the names that came -> those that went, None where it does more than that."""

    names: Mapping[str, str] | None
    lines: Sequence[Line]

    def is_by(self, known: Mapping[str, str]) -> bool:
        """Whether it does no more than put some names in the place of others."""
        return self.names is not None and self.names.items() <= known.items()

    @property
    def added(self) -> str:
        """The text of its added lines."""
        return "\n".join(line.text for line in self.lines if line.kind == "+")


def renamings(hunks: Sequence[Hunk]) -> tuple[Renaming, ...]:
    """What each run of changed lines does, in order."""
    return tuple(
        Renaming(_names(lines), lines) for hunk in hunks for changed, lines in _groups(hunk) if changed
    )


def _groups(hunk: Hunk) -> Iterator[tuple[bool, list[Line]]]:
    """The lines of a hunk as runs: whether they change, and the lines."""
    for changed, group in groupby(hunk.lines, key=lambda line: line.kind != " "):
        yield changed, list(group)


def _names(lines: Sequence[Line]) -> Mapping[str, str] | None:
    """See Renaming."""
    old = [line.text for line in lines if line.kind == "-"]
    new = [line.text for line in lines if line.kind == "+"]
    if not old or not new:
        return None
    pairs = [("\n".join(old), "\n".join(new))]
    if any(map(_LINE_BY_LINE.search, pairs[0])):
        if len(old) != len(new):
            return None
        pairs = list(zip(old, new, strict=True))
    names: dict[str, str] = {}
    same = all(_collect(_TOKEN.findall(before), _TOKEN.findall(after), names) for before, after in pairs)
    return names if same else None


def _collect(before: Sequence[str], after: Sequence[str], names: dict[str, str]) -> bool:
    """Note which name of one side stands for which of the other; whether all else is the same."""
    if len(before) != len(after):
        return False
    for old, new in zip(before, after, strict=True):
        if old != new and not (_is_name(old) and _is_name(new) and names.setdefault(new, old) == old):
            return False
    return True


def _is_name(token: str) -> bool:
    return (token[0].isalpha() or token[0] == "_") and _NO_NAME.fullmatch(token) is None


def without(
    hunks: Sequence[Hunk], offsets: Sequence[int], renames: Sequence[bool]
) -> tuple[tuple[Hunk, ...], tuple[int, ...]]:
    """(hunks, their offsets) of a change with some of its runs as context, as if the file had always had their lines.

    renames: of each run whether it is to be; a hunk goes in which nothing else changes.
    """
    left: list[Hunk] = []
    moved: list[int] = []
    of_run, grown = iter(renames), 0
    for number, hunk in enumerate(hunks):
        rest = _rest(hunk, grown, of_run)
        grown += rest.old_count - hunk.old_count
        if any(line.kind != " " for line in rest.lines):
            left.append(rest)
            moved += offsets[number : number + 1]
    return tuple(left), tuple(moved)


def _rest(hunk: Hunk, grown: int, renames: Iterator[bool]) -> Hunk:
    """A hunk with some of its runs as context; grown: how many lines the hunks before it have more for it."""
    start = hunk.old_start + grown
    old = start + (not hunk.old_count)
    lines: list[Line] = []
    for changed, group in _groups(hunk):
        context = not changed or next(renames)
        for line in group:
            if context and line.kind != "-":
                lines.append(replace(line, kind=" ", old=old))
                old += 1
            elif not context:
                lines.append(replace(line, old=old) if line.kind == "-" else line)
                old += line.kind == "-"
    count = sum(line.kind != "+" for line in lines)
    return replace(hunk, old_start=start, old_count=count, lines=tuple(lines))
