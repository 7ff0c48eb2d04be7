"""`patchscan model SERIES`: extract the models that a series touches, execute and print them.

`patchscan model --pairs DIR`: the barriers of a tree whose comment says what they pair with, each with what came of it.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from patchscan.basics.usage import CLEAN, FINDINGS, PARTLY, UNUSABLE, UsageError
from patchscan.commands.ending import tell

if TYPE_CHECKING:
    from patchscan.basics.problem import Problem
    from patchscan.model.verdicts.verdict import Verdict
    from patchscan.tree import Tree


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patchscan model`."""
    from patchscan.commands.arguments import series_arguments

    parser.add_argument(
        "series", nargs="*", metavar="SERIES", help="mbox, Maildir, directory, patches, git range or -"
    )
    series_arguments(parser)
    parser.add_argument("--models", metavar="DIR", help="write each model there (.litmus and .json)")
    parser.add_argument(
        "--all-configs", action="store_true", help="every architecture, not only where it differs"
    )
    parser.add_argument(
        "--scenarios", metavar="DIR", action="append", default=[], help="more scenarios and stubs"
    )
    parser.add_argument(
        "--pairs",
        metavar="DIR",
        action="append",
        default=[],
        help="the barriers below DIR of the tree whose comment says that they pair, and the models of them",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a model, one a line")


def run(options: argparse.Namespace) -> int:
    """Run the command: 1 when a model is unsafe and was not so before the series, 2 without a series, 3 when
    something was lost on the way to the models, or a patch made a safe one unknown."""
    if options.pairs:
        return _pairs(options)
    if options.no_simulate:
        raise UsageError("--no-simulate would leave nothing to do: `patchscan model` executes models")
    from patchscan.basics.orders import inert
    from patchscan.basics.printable import printable
    from patchscan.commands.loading import load_tools
    from patchscan.commands.naming import default_series
    from patchscan.commands.output import of_output
    from patchscan.commands.reading import read
    from patchscan.model.scenarios.series_models import SeriesModels
    from patchscan.model.scenarios.touched import scenarios_in
    from patchscan.model.verdicts.report import matrix, verdict_dict, verdict_text, write_models
    from patchscan.model.verdicts.verdict import turned_unsafe
    from patchscan.tree.fit import place
    from patchscan.tree.overlay import unread

    options.series = options.series or default_series(options.tree)
    thread = read(options.series, options.revision, options)
    if not thread.series:
        print("patchscan: no patch series found in the input", file=sys.stderr)
        return UNUSABLE
    try:
        scenarios = scenarios_in([Path(directory) for directory in options.scenarios])
    except ValueError as error:
        raise UsageError(str(error)) from None
    tools = load_tools(options)
    states, fit = place(thread.series[0], tools.tree)
    models = SeriesModels(states, scenarios, [Path(directory) for directory in options.scenarios])
    verdicts = [v for index in range(len(states)) for v in models.patch(index, options.all_configs)]
    if options.models:
        with of_output(options.models):
            write_models(Path(options.models), verdicts)
    if options.json:
        for verdict in verdicts:
            print(json.dumps(verdict_dict(verdict)))
    elif verdicts:
        texts = [verdict_text(verdict, options.models or "") for verdict in verdicts]
        texts.append("\n".join(matrix(verdicts)))
        texts += [fit.text] if fit.verdict == "there" else []
        for line in "\n\n".join(texts).split("\n"):
            print(inert(printable(line)))
    elif tools.tree:
        print("no scenario applies to this series")
    problems = (*thread.problems, *tools.problems, *unread(states, tools.tree))
    lost = list(_lost(problems, tools.tree, verdicts))
    tell(lost)
    bad = any(map(turned_unsafe, verdicts))
    return FINDINGS if bad else PARTLY if lost else CLEAN


def _lost(problems: "Iterable[Problem]", tree: "Tree | None", verdicts: "Iterable[Verdict]") -> Iterator[str]:
    """What was not judged, one line each."""
    if tree is None:
        yield "no kernel tree, so no model was made: name one with --tree"
    for problem in problems:
        if problem.lost:
            yield f"not fully judged: {problem.where}: {problem.message}"
    for verdict in verdicts:
        if (verdict.before, verdict.verdict) == ("safe", "unknown"):
            yield f"not fully judged: {verdict.name}: safe before the patch, unknown after it"
        elif (verdict.held, verdict.verdict) == ("safe", "unknown"):
            yield f"not fully judged: {verdict.name}: safe in the version that the tree holds, unknown in this one"


def _pairs(options: argparse.Namespace) -> int:
    """Print what is known of the barriers below some directories: 1 when a model of them is unsafe."""
    if options.series:
        raise UsageError("--pairs reads the tree alone: leave the series out")
    from patchscan.basics.orders import inert
    from patchscan.basics.printable import printable
    from patchscan.commands.loading import tree_of
    from patchscan.pairing.table import row_dict, survey, table

    tree = tree_of(options)
    if tree is None:
        raise UsageError("--pairs needs a kernel tree: name it with --tree")
    rows = list(survey(tree, [directory.strip("/") for directory in options.pairs]))
    lines = [json.dumps(row_dict(row)) for row in rows] if options.json else table(rows)
    for line in lines:
        print(inert(printable(line)))
    return FINDINGS if any(row.reason == "unsafe" for row in rows) else CLEAN
