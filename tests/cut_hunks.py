"""Hunks cut at random out of C files, as `git diff` would show them, to compare fragment against file."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchscan.c.source import Call, Source, parse, parse_fragment

CONTEXT = 3
_LABEL = re.compile(rb"[ \t]*[A-Za-z_]\w*:\s*(?:$|/[/*])")


@dataclass(frozen=True)
class CutHunk:
    """Lines of a file; added: numbers of those a patch would have added; section as git writes it."""

    path: Path
    lines: tuple[bytes, ...]
    first_line: int
    section: bytes
    added: range


@dataclass(frozen=True)
class Comparison:
    """Of one hunk: whether the function names, the calls, and the control structures of calls are exact."""

    hunk: CutHunk
    names: bool
    calls: bool
    controls: bool
    clean: bool


def cut_hunks(files: Sequence[Path], count: int, seed: int) -> Iterator[CutHunk]:
    """That many hunks, the same ones for the same files and seed."""
    chosen = random.Random(seed)
    for _ in range(count):
        path = chosen.choice(files)
        lines = path.read_bytes().split(b"\n")
        added_count = chosen.choice((1, 1, 2, 3, 5, 8, 13, 30))
        start = chosen.randrange(max(1, len(lines) - added_count))
        stop = min(len(lines), start + added_count)
        first = max(0, start - CONTEXT)
        shown = tuple(lines[first : stop + CONTEXT])
        yield CutHunk(path, shown, first + 1, section(lines, first), range(start + 1, stop + 1))


def section(lines: Sequence[bytes], first: int) -> bytes:
    """What git's diff driver for C puts behind the second @@ of a hunk that begins at row `first`."""
    for line in reversed(lines[:first]):
        if re.match(rb"[A-Za-z_]", line) and not _LABEL.match(line):
            return line[:80].rstrip()
    return b""


def compare(hunk: CutHunk) -> Comparison:
    """Read the hunk alone and the file whole."""
    whole = parse(hunk.path.read_bytes())
    fragment = parse_fragment(hunk.lines, hunk.first_line, hunk.section)
    return Comparison(
        hunk,
        _names(whole, hunk.added) == _names(fragment, hunk.added),
        sorted(_calls(whole, hunk.added)) == sorted(_calls(fragment, hunk.added)),
        _controls_agree(whole, fragment, hunk),
        not fragment.partial,
    )


def _names(source: Source, lines: range) -> list[str | None]:
    found = (source.function_at(line) for line in lines)
    return [function.name if function else None for function in found]


def _calls(source: Source, lines: range) -> dict[tuple[int, str, int], tuple[Source, Call]]:
    found: dict[tuple[int, str, int], tuple[Source, Call]] = {}
    for function in source.functions():
        if function.last_line < lines.start or function.first_line >= lines.stop:
            continue
        for call in function.calls():
            if call.line in lines:
                nth = sum(key[:2] == (call.line, call.name) for key in found)
                found[(call.line, call.name, nth)] = (source, call)
    return found


def _controls_agree(whole: Source, fragment: Source, hunk: CutHunk) -> bool:
    """Whether the control structures that begin inside the hunk are the same around every added call."""
    expected, found = _calls(whole, hunk.added), _calls(fragment, hunk.added)
    return all(
        _controls(expected[key], hunk.first_line) == _controls(found[key], hunk.first_line)
        for key in expected.keys() & found.keys()
    )


def _controls(of: tuple[Source, Call], first_line: int) -> list[tuple[str, str, int]]:
    source, call = of
    function = next(f for f in source.functions() if f.first_line <= call.line <= f.last_line)
    enclosing = function.enclosing(call.node)
    return [
        (control.kind, control.macro, control.line) for control in enclosing if control.line >= first_line
    ]
