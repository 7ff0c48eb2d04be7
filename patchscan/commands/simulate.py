"""`patchscan simulate`: run litmus tests, print what was found, judge it by each test's own `Result:`
line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from patchscan.basics.files import MOST_OF_INPUT, Unreadable, read_file
from patchscan.basics.record import frozen
from patchscan.lkmm.answers.outcome import Result
from patchscan.lkmm.dialect.litmus_syntax import LitmusError
from patchscan.lkmm.memory.states import state_text

if TYPE_CHECKING:
    from patchscan.lkmm.answers.running import Limits
    from patchscan.lkmm.dialect.export import Exporter

AGREE, DIFFER, UNUSABLE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patchscan simulate`."""
    from patchscan.commands.arguments import at_least_one, colour_arguments, time_limit

    parser.add_argument("paths", nargs="+", metavar="FILE|DIR", help="litmus tests, or directories of them")
    parser.add_argument("--states", action="store_true", help="list the final states")
    parser.add_argument(
        "--timeline", action="store_true", help="show an execution, or the cycle that forbids it"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a test, one a line")
    parser.add_argument("--export", metavar="DIR", help="write the tests in herd7's own dialect there")
    parser.add_argument(
        "--time-limit", type=time_limit, default=60.0, metavar="S", help="CPU seconds a test (60)"
    )
    parser.add_argument(
        "--unroll", type=at_least_one, default=4, metavar="N", help="rounds of a loop that are followed (4)"
    )
    parser.add_argument(
        "--max-states", type=at_least_one, default=100_000, metavar="N", help="states to collect (100000)"
    )
    parser.add_argument(
        "--max-events", type=at_least_one, default=5_000, metavar="N", help="size of a test (5000 events)"
    )
    colour_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command; the exit status is 0, 1 when a verdict is not the expected one or nothing can be
    executed at all, 2 when a file cannot be read or is malformed."""
    from patchscan.commands.output import output_width, use_colour
    from patchscan.lkmm.answers.running import Limits

    limits = Limits(options.time_limit, options.unroll, options.max_states, options.max_events)
    return simulate(
        options.paths,
        limits=limits,
        states=options.states,
        timeline=options.timeline,
        as_json=options.json,
        export=options.export,
        width=output_width() if use_colour(None, options.color) else 0,
    )


def simulate(
    paths: Iterable[str],
    *,
    limits: Limits | None = None,
    states: bool = False,
    timeline: bool = False,
    as_json: bool = False,
    export: str | None = None,
    width: int = 0,
) -> int:
    """Run every test under `paths` and print what was found; returns the exit status.

    width: that of the terminal on which the results of several tests are a table, 0 where they are plain lines.
    """
    from patchscan.lkmm.answers.running import Limits

    files, status = _files(paths)
    settings = limits or Limits()
    judged: list[Judged] = []
    exporter = None
    if export is not None:
        from patchscan.lkmm.dialect.export import Exporter

        exporter = Exporter(export, settings.unroll)
    progress = _Progress(len(files))
    for file in files:
        progress.show(len(judged))
        one, text = _run_file(file, settings, states, timeline)
        problem = text if one is None else _export(exporter, text, file) if exporter else ""
        if problem:
            progress.clear()
            print(f"patchscan: {printable(problem)}", file=sys.stderr)
            status = UNUSABLE
        if one is None:
            continue
        judged.append(one)
        if as_json or len(files) == 1:
            progress.clear()
            print(json.dumps(to_json(one)) if as_json else "\n".join(report(one)))
    progress.clear()
    if not as_json and len(files) > 1:
        if width and not timeline:
            sys.stdout.write(drawn_table(judged, width))
        else:
            print("\n".join(table(judged)))
    return max(status, DIFFER if any(one.fault for one in judged) else AGREE)


@frozen
class Judged:
    """A result, what is wrong with it ("" for nothing), and what a person wants to see of it.

    replayed: an independent replay of the witness found it to be an execution; None without a witness.
    """

    result: Result
    fault: str
    remark: str
    lines: tuple[str, ...]
    replayed: bool | None


def _files(paths: Iterable[str]) -> tuple[list[str], int]:
    files: list[str] = []
    status = AGREE
    for path in paths:
        found = sorted(_under(path)) if os.path.isdir(path) else [path]
        if not found:
            print(f"patchscan: {printable(path)}: no *.litmus file in this directory", file=sys.stderr)
            status = UNUSABLE
        files += found
    return files, status


def _under(directory: str) -> Iterator[str]:
    for where, _, names in os.walk(directory):
        yield from (os.path.join(where, name) for name in names if name.endswith(".litmus"))


def _run_file(file: str, limits: Limits, states: bool, timeline: bool) -> tuple[Judged | None, str]:
    """The judged result and the text of the test; without a result, one line that says why there is none."""
    from patchscan.lkmm.answers.judging import judge
    from patchscan.lkmm.answers.running import run as run_test

    try:
        text = read_file(file, MOST_OF_INPUT, pipes=True).decode("utf-8", "replace")
        result = run_test(text, file, states=states, cycle=timeline, limits=limits)
        lines = _explain(result, limits) if timeline else ()
    except Unreadable as error:
        return None, f"{file}: {error}"
    except LitmusError as error:
        return None, str(error)
    fault, remark = judge(result)
    wrong = _replay(result, limits) if result.witness is not None else None
    if wrong:
        fault, remark = "replay", f"the witness does not replay: {'; '.join(wrong)}"
    return Judged(result, fault, remark, lines, None if wrong is None else not wrong), text


def _explain(result: Result, limits: Limits) -> tuple[str, ...]:
    from patchscan.lkmm.answers.explaining import explain

    return explain(result, limits)


def _replay(result: Result, limits: Limits) -> list[str] | None:
    from patchscan.lkmm.checking.replay import replayed

    return replayed(result, limits.unroll)


def _export(exporter: Exporter, text: str, file: str) -> str:
    """What went wrong, "" for nothing."""
    try:
        exporter.write(text, file)
    except OSError as error:
        return f"{error.filename or exporter.directory}: {error.strerror}"
    except LitmusError as error:
        return str(error)
    return ""


# What is printed


def report(judged: Judged) -> list[str]:
    """The report on a single test."""
    from patchscan.model.verdicts.gate import unproven

    result = judged.result
    lines = [f"{printable(result.name)}: {result.outcome}   {printable(result.condition)}"]
    if result.flags:
        lines.append(f"flags: {', '.join(result.flags)}")
    lines += [printable(reason) for reason in unproven(result)]
    if result.race:
        lines.append(printable(f"data race: {result.race[0]} and {result.race[1]}"))
    if judged.remark:
        lines.append(judged.remark)
    if judged.lines and judged.replayed:
        lines.append("an independent replay confirms this execution:")
    if result.witness is not None and not judged.lines:
        lines.append(f"for example {printable(state_text(result.witness.state))} (--timeline shows how)")
    lines += [printable(note) for note in result.notes]
    if result.states is not None:
        lines += [f"{len(result.states)} final states", *result.states]
    return lines + [printable(line) for line in judged.lines]


def table(judged: list[Judged]) -> list[str]:
    """A line a test, and what they come to."""
    from patchscan.model.verdicts.gate import unproven

    width = max((len(printable(one.result.file)) for one in judged), default=0)
    lines = []
    for one in judged:
        result = one.result
        cells = f"{printable(result.file):{width}}  {result.outcome:9}  {','.join(result.flags)}"
        lines.append(f"{cells.rstrip()}{'  ' if one.remark else ''}{one.remark}")
        for extra in (*unproven(result), *result.notes, *(result.states or ()), *one.lines):
            lines.append(f"    {printable(extra)}")
    return [*lines, totals(judged)]


def drawn_table(judged: list[Judged], width: int) -> str:
    """The same for a terminal."""
    from patchscan.basics.columns import drawn
    from patchscan.model.verdicts.gate import unproven

    rows = []
    for one in judged:
        result = one.result
        said = [one.remark, *unproven(result), *result.notes, *(result.states or ())]
        outcome = (
            result.outcome,
            "bold red" if one.fault else "yellow" if result.outcome == "Unknown" else "",
        )
        told = "\n".join(printable(each) for each in said if each)
        rows.append((printable(result.file), outcome, ", ".join(result.flags), told))
    heads = ("test", "outcome", "flags", "remarks")
    used = [at for at in range(len(heads)) if at < 2 or any(row[at] for row in rows)]
    cells = [[row[at] for at in used] for row in rows]
    return drawn([heads[at] for at in used], cells, width, whole=(1,)) + f"{totals(judged)}\n"


def totals(judged: list[Judged]) -> str:
    """What the tests come to, in one line."""
    counts = dict.fromkeys(("Never", "Sometimes", "Always", "Unknown"), 0)
    for one in judged:
        counts[one.result.outcome] += 1
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    faults = sum(bool(one.fault) for one in judged)
    return f"{len(judged)} tests: {told}; {faults} not as expected"


def to_json(judged: Judged) -> dict[str, object]:
    """The object that --json prints for a test; the keys are described in the interface document."""
    from patchscan.lkmm.answers.cycles import cycle_json
    from patchscan.lkmm.answers.witness import witness_json
    from patchscan.model.verdicts.gate import unproven

    result = judged.result
    found: dict[str, object] = {
        "name": result.name,
        "file": result.file,
        "outcome": result.outcome,
        "flags": list(result.flags),
        "race": None if result.race is None else list(result.race),
        "witness": None if result.witness is None else witness_json(result.witness),
        "replayed": judged.replayed,
        "complete": result.complete,
        "condition": result.condition,
        "expected": " ".join(result.expected) or None,
        "fault": judged.fault or None,
        "notes": list(result.notes),
        "unproven": list(unproven(result)),
    }
    if result.states is not None:
        found["states"] = list(result.states)
    if result.cycle is not None:
        found["cycle"] = cycle_json(result.cycle)
    if judged.lines:
        found["timeline"] = list(judged.lines)
    return found


def printable(text: str) -> str:
    """The text without anything a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)


class _Progress:
    """A bar on standard error, only on a terminal and only for work that lasts over a second."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.start = time.monotonic()
        self.shown = False
        self.wanted = total > 1 and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, done: int) -> None:
        if self.wanted and time.monotonic() - self.start > 1:
            filled = 30 * done // self.total
            print(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{self.total}", end="", file=sys.stderr)
            sys.stderr.flush()
            self.shown = True

    def clear(self) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr)
            self.shown = False
