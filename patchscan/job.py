"""One scan job: the series, tree and rules that a command line names, read once and judged."""

from __future__ import annotations

import os
import sys

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from patchscan.problem import Problem
    from patchscan.report import Report
    from patchscan.rule import Rule
    from patchscan.series import Thread
    from patchscan.tree import Tree

    Documents = tuple[tuple[str, str], ...]

CLEAN, FINDINGS, UNUSABLE = 0, 1, 2
LEVELS = ("info", "warning", "error")
FORMATS = ("text", "concise", "mail", "html", "markdown", "json", "sarif", "github", "b4", "patchwork")
PARTS_OF_ONE = (".patch", ".diff", ".eml")


class UsageError(Exception):
    """The command cannot be carried out as given; the text is one line that says why and what to do."""


class Tools:
    """What is loaded once a process: the rules, what was wrong with them, and the tree."""

    def __init__(self, rules: tuple[Rule, ...], problems: tuple[Problem, ...], tree: Tree | None) -> None:
        self.rules = rules
        self.problems = problems
        self.tree = tree


def each_series(options: Namespace) -> list[list[str]]:
    """The inputs of the command line, as one list of words a series.

    Patch files are the parts of one series, unless --jobs asks for each on its own; other inputs are one each.
    """
    words: list[str] = options.series
    parts = "-" in words or all(word.endswith(PARTS_OF_ONE) for word in words)
    return [words] if parts and not options.jobs else [[word] for word in words]


def prepare(options: Namespace) -> Tools:
    """Load rules and tree. Raises UsageError for names that are not there."""
    rules, problems = chosen_rules(options)
    return Tools(rules, problems, tree_of(options))


def report_on(series: Sequence[str], options: Namespace, tools: Tools) -> Report:
    """Read a series and judge it."""
    from dataclasses import replace

    from patchscan.context import Settings
    from patchscan.scan import scan

    report = scan(read(series, options.revision), tools.tree, tools.rules, Settings({}))
    return replace(report, problems=tools.problems + report.problems)


def scan_in_turn(
    several: Sequence[Sequence[str]], options: Namespace, style: tuple[int, bool]
) -> Iterator[tuple[Documents, int]]:
    """(documents, exit status) of each series, in this process."""
    tools = prepare(options)
    for series in several:
        yield rendered(series, options, style, tools)


def scan_side_by_side(
    several: Sequence[Sequence[str]], options: Namespace, style: tuple[int, bool]
) -> Iterator[tuple[Documents, int]]:
    """The same in several processes, in the same order; each loads rules and tree once, by being forked."""
    from functools import partial
    from multiprocessing import get_context

    global _tools
    _tools = prepare(options)
    plain = {name: value for name, value in vars(options).items() if name != "run"}
    work = partial(_rendered_in_worker, options=type(options)(**plain), style=style)
    with get_context("fork").Pool(min(options.jobs, len(several))) as pool:
        yield from pool.imap(work, several, chunksize=1)


_tools: Tools | None = None


def _rendered_in_worker(
    series: Sequence[str], options: Namespace, style: tuple[int, bool]
) -> tuple[Documents, int]:
    assert _tools is not None
    return rendered(series, options, style, _tools)


def rendered(
    series: Sequence[str], options: Namespace, style: tuple[int, bool], tools: Tools
) -> tuple[Documents, int]:
    """The documents of a report, and the exit status it asks for."""
    from patchscan.report import documents

    report = report_on(series, options, tools)
    return documents(report, options.format, *style), exit_status(report, options)


def read(series: Sequence[str], revision: int | None) -> Thread:
    """The thread at the places named on the command line, or of a git range."""
    from patchscan.mail import read_input
    from patchscan.series import read_thread

    if is_range(series):
        from patchscan.gitrange import read_range

        messages, problems = read_range(series[0], os.getcwd())
    else:
        stdin = sys.stdin.buffer.read() if "-" in series else None
        messages, problems = read_input(series, stdin)
    return read_thread(messages, problems, revision)


def is_range(series: Sequence[str]) -> bool:
    """Whether the series is given as a git revision range and not as files."""
    return len(series) == 1 and ".." in series[0] and not os.path.exists(series[0])


def tree_of(options: Namespace) -> Tree | None:
    """The kernel tree to lay the series over, None where there is none or none is wanted."""
    from patchscan.tree import TreeError, find_tree, open_tree

    path = None if options.no_tree else options.tree or find_tree(os.getcwd())
    if path is None:
        return None
    base = options.base
    if base is None and not options.tree and is_range(options.series):
        from patchscan.gitrange import base_of

        base = base_of(options.series[0], os.getcwd())
    try:
        return open_tree(path, base)
    except TreeError as error:
        raise UsageError(str(error)) from None


def chosen_rules(options: Namespace) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """The rules to run, after --select and --ignore. Raises UsageError for a name that no rule has."""
    from pathlib import Path

    from patchscan.registry import load_rules

    rules, problems = load_rules([Path(directory) for directory in options.rules])
    select, ignore = names(options.select), names(options.ignore)
    unknown = (select | ignore) - {rule.name for rule in rules}
    if unknown:
        raise UsageError(f"no rule named {', '.join(sorted(unknown))}: `patchscan rules` lists them")
    kept = [rule for rule in rules if (not select or rule.name in select) and rule.name not in ignore]
    return tuple(kept), problems


def names(text: str | None) -> set[str]:
    """A comma-separated option as a set."""
    return {name.strip() for name in (text or "").split(",") if name.strip()}


def exit_status(report: Report, options: Namespace) -> int:
    """2 where no patch was found, 1 for findings at or above the level asked for, else 0."""
    if report.series is None:
        return UNUSABLE
    level = LEVELS.index(options.severity)
    failing = any(LEVELS.index(each.severity) >= level for each in report.findings if each.counts)
    return FINDINGS if failing and not options.exit_zero else CLEAN
