"""`patchscan lint`: whole files of a tree, every line read as new; all rules in one visit of each file."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen, replace
from patchscan.basics.usage import LEVELS, UsageError, working_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from patchscan.commands.loading import Tools
    from patchscan.finding import Finding, Silence
    from patchscan.results import Report

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "rdjson")
_SOURCES = (".c", ".h", ".dts", ".dtsi", ".dtso")
_BINDINGS = "Documentation/devicetree/bindings"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `patchscan lint`."""
    from patchscan.commands.arguments import (
        at_least_one,
        configuration_arguments,
        detail_arguments,
        time_limit,
    )

    command.add_argument(
        "places",
        nargs="+",
        metavar="DIR|FILE",
        help="C files, Devicetree sources and schemas, or directories that hold them",
    )
    command.add_argument(
        "--tree", metavar="DIR", help="also what takes the whole tree to answer (default: each file alone)"
    )
    command.add_argument("--select", metavar="RULE,..", help="run only these rules")
    command.add_argument("--ignore", metavar="RULE,..", help="run all rules but these")
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")
    configuration_arguments(command)
    command.add_argument(
        "--severity", choices=LEVELS, default="warning", help="exit with 1 from this level on"
    )
    command.add_argument("--format", choices=FORMATS, default="text", help="how to report")
    command.add_argument("-o", "--output", metavar="FILE", help="write there")
    command.add_argument("--jobs", type=at_least_one, default=1, metavar="N", help="N files at a time")
    command.add_argument(
        "--time-limit", type=time_limit, default=60.0, metavar="SECONDS", help="CPU time a file (60)"
    )
    command.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colour the text report"
    )
    command.add_argument("--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    command.add_argument("--statistics", action="store_true", help="count the findings by rule, at the end")
    detail_arguments(command)
    command.set_defaults(no_tree=False, no_simulate=True, accept=None, base=None, series=[])


@frozen
class Linted:
    """What is kept of one file; silences: only where a rule could not know, for of the others there are too many."""

    functions: int
    partial: tuple[str, ...]
    blind: tuple[str, ...]
    unfollowed: tuple[str, ...]
    findings: tuple[Finding, ...]
    silences: tuple[Silence, ...]
    problems: tuple[Problem, ...]


def run(options: argparse.Namespace) -> int:
    """Judge the files and report; the exit status is that of a scan."""
    from patchscan.basics.streams import say
    from patchscan.commands.arguments import unheard
    from patchscan.commands.ending import tell
    from patchscan.commands.loading import load_tools
    from patchscan.commands.measure import count, table
    from patchscan.commands.output import identities, output_to, output_width, use_colour
    from patchscan.commands.reading import exit_status
    from patchscan.report.render import documents
    from patchscan.tree import find_tree

    for line in unheard(options):
        say(f"patchscan: {line}")
    for place in options.places:
        if not os.path.lexists(place):
            raise UsageError(f"{place}: no such file or directory")
    options.no_tree = not options.tree
    top = os.path.realpath(options.tree or find_tree(first_directory(options.places)) or working_directory())
    paths, missed = files_below(options.places, top)
    if not paths:
        raise UsageError(f"{missed[0].where}: {missed[0].message}" if missed else "no such file is there")
    tools = load_tools(options)
    report = whole(options.places, paths, missed, judged(top, paths, options, tools), tools)
    named = frozenset(each for path in paths for each in identities(os.path.join(top, path)))
    with output_to(options.output, named) as write:
        style = (output_width(), use_colour(options.output, options.color), options.detail)
        write(documents(report, options.format, *style))
    if options.statistics:
        say(table(count(report)).rstrip("\n"))
    tell([report.judged.line] if report.judged.lost else [])
    return exit_status(report, options)


def first_directory(places: Sequence[str]) -> str:
    """Where to look for the tree: the first place, or what holds it."""
    return places[0] if os.path.isdir(places[0]) else os.path.dirname(os.path.abspath(places[0]))


def files_below(places: Iterable[str], top: str) -> tuple[list[str], list[Problem]]:
    """(the files to judge, from the top of the tree and sorted; what was left out and why).

    Of a directory the C files of the kernel itself and what speaks of devicetrees; a file that is named is judged
    whatever it is called.
    """
    from patchscan.changedfile import NOT_KERNEL

    found: set[str] = set()
    missed: list[Problem] = []
    for place in places:
        real = os.path.realpath(place)
        if real != top and not real.startswith(top.rstrip("/") + "/"):
            missed.append(Problem(place, f"not read: it lies outside the tree {top}", lost=True))
        elif os.path.isdir(real):
            found.update(os.path.relpath(each, top) for each in sources_below(real, missed))
        else:
            found.add(os.path.relpath(real, top))
    kernel = [path for path in sorted(found) if path.startswith(_BINDINGS) or not path.startswith(NOT_KERNEL)]
    if len(kernel) < len(found):
        other = sorted(found.difference(kernel))
        count = f"{len(other)} file{'s' * (len(other) != 1)}"
        missed.append(Problem(other[0], f"not read, being no code of the kernel itself: {count}"))
    return kernel, missed


def sources_below(directory: str, missed: list[Problem]) -> Iterator[str]:
    """The files to judge in a directory; links are not followed, and told in missed as is what cannot be listed."""

    def refused(error: OSError) -> None:
        missed.append(Problem(str(error.filename), f"cannot be listed: {error.strerror}", lost=True))

    for here, directories, names in os.walk(directory, onerror=refused):
        directories[:] = sorted(name for name in directories if name != ".git")
        for name in sorted(names):
            path = os.path.join(here, name)
            if not name.endswith(_SOURCES) and not (name.endswith(".yaml") and _BINDINGS in here):
                continue
            if os.path.islink(path):
                missed.append(Problem(path, "not read: it is a link"))
            else:
                yield path


def judged(
    top: str, paths: Sequence[str], options: argparse.Namespace, tools: Tools
) -> Iterator[tuple[str, Linted]]:
    """(path, what came of it) in order; with --jobs several at a time, and a line of progress for who watches."""
    from functools import partial

    from patchscan.commands.progress import Line, can_show
    from patchscan.commands.workers import side_by_side

    global _tools
    _tools = tools
    results: Iterator[tuple[Linted | None, str]]
    if options.jobs > 1 and len(paths) > 1:
        results = side_by_side(partial(lint_file, top), paths, options.jobs, options.time_limit)
    else:
        results = ((lint_file(top, path), "") for path in paths)
    line = Line() if can_show() else None
    try:
        for number, (path, (linted, why)) in enumerate(zip(paths, results, strict=True), 1):
            yield path, linted or lost(path, why)
            if line is not None:
                line.tell(f"{number} of {len(paths)} files: {path}")
    finally:
        if line is not None:
            line.end()


_tools: Tools | None = None


def lint_file(top: str, path: str) -> Linted:
    """Judge one file with the rules that are loaded."""
    from patchscan.basics.files import MOST_OF_TREE, Unreadable, read_file
    from patchscan.settling.settle import settle
    from patchscan.wholefile import judge_file

    assert _tools is not None
    try:
        data = read_file(os.path.join(top, path), MOST_OF_TREE)
    except Unreadable as error:
        return lost(path, str(error))
    report = judge_file(path, data, _tools.tree, _tools.rules, _tools.settings)
    report = settle(report, _tools.config, _tools.known, _tools.names, _tools.tree)
    seen = report.coverage
    problems = tuple(
        replace(each, where=each.where.replace("patch 1", path)) if each.lost else each
        for each in report.problems
    )
    return Linted(
        seen.functions,
        seen.partial,
        seen.blind,
        seen.unfollowed,
        report.findings,
        report.unchecked,
        problems,
    )


def lost(path: str, why: str) -> Linted:
    """What stands for a file that could not be judged."""
    return Linted(0, (), (), (), (), (), (Problem(path, why, lost=True),))


def whole(
    places: Sequence[str],
    paths: Sequence[str],
    missed: Sequence[Problem],
    linted: Iterable[tuple[str, Linted]],
    tools: Tools,
) -> Report:
    """The reports of all files as one, in the order of the paths."""
    from patchscan.results import Coverage, Report
    from patchscan.series import Series, Thread
    from patchscan.wholefile import adding

    each = [one for _, one in linted]
    title = ", ".join(places)
    patch = adding(title, (), ())
    series = Series(title, 1, patch.message_id, None, (patch,))
    return Report(
        thread=Thread((series,), (), ()),
        series=series,
        rules=tools.rules,
        findings=tuple(finding for one in each for finding in one.findings),
        silences=tuple(silence for one in each for silence in one.silences),
        problems=(
            *tools.problems,
            *missed,
            *dict.fromkeys(problem for one in each for problem in one.problems),
        ),
        coverage=Coverage(
            functions=sum(one.functions for one in each),
            partial=tuple(sorted({name for one in each for name in one.partial})),
            rules_run=tuple(rule.name for rule in tools.rules),
            tree=tools.tree is not None,
            blind=tuple(sorted({name for one in each for name in one.blind})),
            turned_off=tools.turned_off,
            files=len(paths),
            unfollowed=tuple(sorted({name for one in each for name in one.unfollowed})),
        ),
    )
