"""`patchscan survey`: archives of lists judged series by series, questions on what came of it, and rules' records."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

from patchscan.basics.printable import printable
from patchscan.basics.usage import CLEAN, PARTLY, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from patchscan.basics.problem import Problem
    from patchscan.survey.archives import Work

    Rows = tuple[list[dict[str, Any]], list[dict[str, Any]]]

# So many works make one part: what is done again at most when a survey is resumed.
PART = 32
SETTINGS = "survey.json"
# Raise it whenever rows get other columns: those of one result have the same.
COLUMNS = 2


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `patchscan survey`."""
    from patchscan.commands.arguments import at_least_one, configuration_arguments, time_limit

    text = "mbox, Maildir or public-inbox; or: ask RESULT [QUESTION], record RESULT"
    command.add_argument("words", nargs="+", metavar="ARCHIVE", help=text)
    command.add_argument("-o", "--output", metavar="RESULT", help="directory of the rows; of record: a file")
    command.add_argument(
        "--tree",
        metavar="RELEASE=DIR",
        action="append",
        default=[],
        help="kernel tree of a release (several)",
    )
    command.add_argument(
        "--workers", type=at_least_one, default=0, metavar="N", help="processes (default: one a processor)"
    )
    command.add_argument("--memory", default="2GB", metavar="SIZE", help="what a worker may take (2GB)")
    command.add_argument("--scheduler", default="", metavar="ADDRESS", help="of a Dask cluster that runs")
    command.add_argument(
        "--time-limit", type=time_limit, default=60.0, metavar="SECONDS", help="CPU time a patch (60)"
    )
    command.add_argument(
        "--work-limit", type=time_limit, default=3600.0, metavar="SECONDS", help="elapsed time a work (3600)"
    )
    command.add_argument("--no-simulate", action="store_true", help="do not extract and execute models")
    command.add_argument("--select", metavar="RULE,..", help="run only these rules")
    command.add_argument("--ignore", metavar="RULE,..", help="run all rules but these")
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")
    configuration_arguments(command)


def run(options: argparse.Namespace) -> int:
    """Survey, ask or count; 3 where something was not judged. Raises UsageError without the extra."""
    first = options.words[0]
    try:
        if first == "ask" and len(options.words) in (2, 3):
            return ask(*options.words[1:])
        if first == "record" and len(options.words) == 2:
            return count_records(options.words[1], options.output)
        return survey(options)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("patchscan"):
            raise
        raise UsageError(f"survey needs {error.name}: pip install 'patchscan[survey]'") from None


def ask(result: str, question: str = "rules") -> int:
    """Print the answer to a question, tabs between columns."""
    from patchscan.survey.questions import asked

    names, rows = asked(result, question)
    for row in (names, *rows):
        print("\t".join(printable("" if field is None else str(field)) for field in row))
    return CLEAN


def count_records(result: str, output: str | None) -> int:
    """Write the record of each rule, counted from the rows of a survey."""
    from patchscan.commands.output import write_output
    from patchscan.settling.trackrecord import EVERY, written
    from patchscan.survey.questions import asked

    rules = asked(
        result,
        "SELECT rule, severity, count(*) FILTER (became <> 'last'), count(*) FILTER (became = 'changed'),"
        " count(*) FILTER (became = 'unchanged'), count(*) FILTER (remarked AND became <> 'last'),"
        " count(*) FILTER (merged), count(*) FILTER (NOT merged) FROM findings"
        " WHERE became <> '' AND suppressed = '' GROUP BY ALL"
        " HAVING count(*) FILTER (became <> 'last' OR merged IS NOT NULL) > 0 ORDER BY ALL",
    )[1]
    every = asked(
        result,
        f"SELECT '{EVERY}', '', sum(added) FILTER (NOT last), sum(changed), sum(unchanged),"
        " sum(remarked) FILTER (NOT last), sum(merged), sum(unmerged) FROM series",
    )[1]
    numbers = [[*row[:2], *(number or 0 for number in row[2:])] for row in every]
    text = written([*(row for row in numbers if any(row[2:])), *rules])
    if output:
        write_output(output, (text,), frozenset())
    else:
        print(text, end="")
    return CLEAN


def survey(options: argparse.Namespace) -> int:
    """Judge what is in the archives and is not in the result yet; the exit status."""
    from patchscan.basics.streams import say
    from patchscan.survey.archives import works_in
    from patchscan.survey.engine import started

    if not options.output:
        raise UsageError("survey wants a directory for its rows: -o RESULT")
    for archive in options.words:
        if not os.path.exists(archive):
            raise UsageError(f"{archive}: no such archive")
    settings = settings_of(options)
    keep_settings(options.output, settings)
    judge_work_tools(settings)
    status, client = CLEAN, None
    try:
        for archive in options.words:
            works, problems, mails = works_in(archive)
            say(f"patchscan: {archive}: {mails} mails, {sum(len(each.revisions) for each in works)} series")
            status = max(status, tell_problems(problems))
            parts = [
                (name, part) for name, part in parts_of(works, settings) if not is_there(options.output, name)
            ]
            if parts:
                client = client or started(
                    options.scheduler, options.workers or os.cpu_count() or 1, options.memory
                )
                status = max(status, judge_parts(client, parts, settings, options))
    finally:
        if client is not None:
            client.shutdown()
    return status


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What rows depend on, beside the archives. Raises UsageError for a tree that is named otherwise."""
    from patchscan import __version__

    trees = {}
    for word in options.tree:
        release, sign, path = word.partition("=")
        if not sign or not os.path.isdir(path):
            raise UsageError(f"--tree {word}: wants RELEASE=DIR, e.g. 6.12=/src/linux-6.12")
        trees[release] = os.path.realpath(path)
    names = ("select", "ignore", "rules", "config", "baseline", "time_limit", "no_simulate")
    return {
        "version": __version__,
        "columns": COLUMNS,
        "trees": trees,
        **{name: getattr(options, name) for name in names},
    }


def keep_settings(result: str, settings: dict[str, Any]) -> None:
    """Note in a result what it is made with. Raises UsageError where it was begun with something else."""
    path = os.path.join(result, SETTINGS)
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    try:
        os.makedirs(result, exist_ok=True)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                if file.read() != text:
                    raise UsageError(f"{result}: was begun with other rules, trees or settings ({path})")
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{result}: {error.strerror}") from None


def parts_of(works: tuple[Work, ...], settings: dict[str, Any]) -> Iterator[tuple[str, tuple[Work, ...]]]:
    """(name, works) of each part; the name tells the works and what is judged with."""
    from hashlib import sha256

    from patchscan.survey.archives import batches

    for part in batches(works, PART):
        held = [
            [each.archive, *(one.message_id for one in each.revisions), len(each.replies)] for each in part
        ]
        mark = json.dumps([settings, held], sort_keys=True).encode("utf-8", "surrogateescape")
        yield sha256(mark).hexdigest()[:24], part


def is_there(result: str, name: str) -> bool:
    """Whether a part was finished before."""
    from patchscan.survey.parts import is_written

    return is_written(result, name)


def judge_parts(
    client: Any,
    parts: Sequence[tuple[str, tuple[Work, ...]]],
    settings: dict[str, Any],
    options: argparse.Namespace,
) -> int:
    """Judge the works of some parts and write each part when its last work is done; the exit status."""
    from patchscan.basics.streams import say
    from patchscan.survey.engine import answers
    from patchscan.survey.parts import write_part

    tasks = {f"{name}-{at}": (work, settings) for name, part in parts for at, work in enumerate(part)}
    missing = {name: len(part) for name, part in parts}
    rows: dict[str, Rows] = {}
    status, done = CLEAN, 0
    for key, found, why in answers(client, judge_work, tasks, options.work_limit):
        name = key.rpartition("-")[0]
        if found is None:
            say(f"patchscan: {printable(tasks[key][0].name)}: {why}")
            status = PARTLY
        rows[key] = found or lost_rows(tasks[key][0], why)
        missing[name] -= 1
        if not missing[name]:
            done += 1
            mine = [rows.pop(f"{name}-{at}") for at in range(len(dict(parts)[name]))]
            write_part(
                options.output,
                name,
                [row for one, _ in mine for row in one],
                [row for _, two in mine for row in two],
            )
            say(f"patchscan: {done} of {len(parts)} parts")
    return status


def judge_work(work: Work, settings: dict[str, Any]) -> Rows:
    """The rows of a work, judged in the process of a worker, which loads rules and trees once."""
    from patchscan.survey.tabulated import rows_of

    tools, trees = judge_work_tools(settings)
    return rows_of(work, tools.judge, trees)


_loaded: dict[str, Any] = {}


def judge_work_tools(settings: dict[str, Any]) -> Any:
    """(what judges, release -> tree) for some settings. Raises UsageError."""
    from patchscan.commands.loading import load_tools
    from patchscan.tree import open_tree

    key = json.dumps(settings, sort_keys=True)
    if key not in _loaded:
        trees = settings["trees"]
        plain: dict[str, Any] = {"tree": None, "no_tree": True, "base": None, "accept": None, "series": []}
        tools = load_tools(argparse.Namespace(**{**settings, **plain}))
        _loaded[key] = tools, {release: open_tree(path) for release, path in trees.items()}
    return _loaded[key]


def lost_rows(work: Work, why: str) -> Rows:
    """What stands for a work that could not be judged: its revisions with the reason."""
    from patchscan.survey.tabulated import lost_row

    return [lost_row(work, series, why) for series in work.revisions], []


def tell_problems(problems: Sequence[Problem]) -> int:
    """Say what could not be read of an archive; the exit status."""
    from patchscan.basics.streams import say

    lost = [each for each in problems if each.lost]
    if lost:
        more = f"; and {len(lost) - 1} more" if len(lost) > 1 else ""
        say(f"patchscan: {printable(lost[0].where)}: {printable(lost[0].message)}{more}")
    return PARTLY if lost else CLEAN
