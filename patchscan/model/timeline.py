"""The interleaving behind an unsafe verdict, told in the functions and lines of the C code."""

import re

from patchscan.model.events import Thread

_STEP = re.compile(r"\bP(\d+):(\d+)\b")
_LINE = re.compile(r"\bline (\d+)\b")
_GAP = re.compile(r" {2,}")
_COMMENT = re.compile(r"/\* (.*?) \*/")


def interleaving(litmus: str, threads: tuple[Thread, ...]) -> tuple[str, ...]:
    """The steps of a bad execution of a test, each with file, line and function; empty when there is none."""
    from patchscan.simulator import Limits, LitmusError, run
    from patchscan.simulator.parser import parse
    from patchscan.simulator.timeline import timeline

    try:
        result = run(litmus, flags=False, limits=Limits(seconds=10.0))
        steps = timeline(parse(litmus, ""), result.witness) if result.witness is not None else ()
    except LitmusError:
        return ()
    if not steps:
        return ()
    places = litmus.splitlines()
    heads = [
        f"P{index} is {thread.function}() on CPU {thread.cpu}, the {thread.role.replace('_', ' ')}"
        for index, thread in enumerate(threads)
    ]
    told = [_LINE.sub(lambda found: _place(found.group(1), places), line) for line in steps]
    return (*heads, *_columns([_STEP.sub(lambda step: _where(step, places), line) for line in told]))


def _columns(lines: list[str]) -> list[str]:
    """Steps with their parts, which stand two spaces or more apart, below each other."""
    rows = [_GAP.split(line.strip(), maxsplit=3) if line.strip()[:1].isdigit() else [line] for line in lines]
    widths = [max((len(row[i]) for row in rows if len(row) > i + 1), default=0) for i in range(3)]
    out = []
    for row in rows:
        if len(row) == 1:
            out.append(row[0].strip())
            continue
        cells = [
            cell.rjust(widths[0]) if i == 0 else cell.ljust(widths[i]) for i, cell in enumerate(row[:-1])
        ]
        out.append("  ".join([*cells, row[-1]]).rstrip())
    return out


def _place(number: str, places: list[str]) -> str:
    """The place in the C code of a line of the test."""
    found = _COMMENT.search(places[int(number) - 1]) if 0 < int(number) <= len(places) else None
    return found.group(1) if found else f"line {number}"


def _where(step: "re.Match[str]", places: list[str]) -> str:
    """P1 and the place that the comment of the litmus line names."""
    number = int(step.group(2))
    found = _COMMENT.search(places[number - 1]) if 0 < number <= len(places) else None
    return f"P{step.group(1)} {found.group(1)}" if found else step.group()
