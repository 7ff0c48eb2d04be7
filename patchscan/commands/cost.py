"""`patchscan cost`: schemes side by side, on N CPUs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patchscan.basics.record import replace
from patchscan.basics.usage import CLEAN, PARTLY, UNUSABLE, UsageError, working_directory

if TYPE_CHECKING:
    from patchscan.cost.comparing import Comparison

_MOST_CPUS = 65_536
_MOST_IPIS = 1_000_000


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `patchscan cost`."""
    from patchscan.commands.arguments import colour_arguments

    command.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="scheme file (.toml), or a series: what its patches change in the cost of a scheme",
    )
    command.add_argument("--cpus", default="8,64", metavar="N,..", help="numbers of CPUs (default 8,64)")
    for name, default, text in (
        ("walkers", 2, "CPUs that walk page tables, or enter the kernel"),
        ("isolated", 4, "CPUs whose task must not be disturbed"),
        ("spaces", 1, "address spaces, each with an updater"),
        ("tables", 4, "tables of one update"),
        ("runs", 5, "seeded runs for times and spread, 0 for counts alone"),
        ("seed", 1, "seed of the runs"),
    ):
        command.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default {default})"
        )
    command.add_argument(
        "--tree",
        metavar="DIR",
        help="lower the code of this kernel tree (default: that of the scheme file; of a series: the one we stand in)",
    )
    command.add_argument("--constants", metavar="FILE", help="what operations take (TOML)")
    command.add_argument("--growth", action="store_true", help="counts from 2 to 4096 CPUs, and their order")
    command.add_argument("--plot", metavar="FILE", help="draw the growth as SVG")
    command.add_argument("--json", action="store_true", help="as one JSON object, times in nanoseconds")
    colour_arguments(command)


def run(options: argparse.Namespace) -> int:
    """Compare the schemes and print; 0, or 2 when one of them could not be counted or broke conservation."""
    from patchscan.commands.output import output_width, use_colour
    from patchscan.cost.plot import plot
    from patchscan.cost.table import as_json, as_text

    if not any(path.endswith(".toml") for path in options.models):
        check_for_series(options)
        return series(options)
    found = comparison(options)
    if options.plot:
        try:
            Path(options.plot).write_text(plot(found.growth), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{options.plot}: {error.strerror}") from None
    width = output_width() if use_colour(None, options.color) else 0
    sys.stdout.write(as_json(found) if options.json else as_text(found, width))
    broken = any(cost.problems for _, costs in found.rows for cost in costs)
    return UNUSABLE if found.problems or broken else CLEAN


def check_for_series(options: argparse.Namespace) -> None:
    """Raise UsageError for an option that only schemes take."""
    fresh = argparse.ArgumentParser(add_help=False)
    add_arguments(fresh)
    for name in (
        "plot",
        "constants",
        "growth",
        "cpus",
        "walkers",
        "isolated",
        "spaces",
        "tables",
        "runs",
        "seed",
    ):
        if getattr(options, name) != fresh.get_default(name):
            raise UsageError(f"--{name} takes scheme files (.toml), not a series")


def series(options: argparse.Namespace) -> int:
    """What the patches of a series change in the cost of a scheme, a line each; 3 where something was lost."""
    import json

    from patchscan.basics.orders import inert
    from patchscan.basics.printable import printable
    from patchscan.commands.ending import tell
    from patchscan.commands.reading import read
    from patchscan.cost.change import SeriesCosts, as_dict
    from patchscan.model.scenarios.series_models import SeriesModels
    from patchscan.tree import TreeError, find_tree, open_tree
    from patchscan.tree.overlay import lay, unread

    thread = read(options.models, None, options)
    if not thread.series:
        raise UsageError("no patch series and no scheme file (.toml) in the input")
    path = options.tree or find_tree(working_directory())
    try:
        tree = open_tree(path) if path else None
    except TreeError as error:
        raise UsageError(str(error)) from None
    states = lay(thread.series[0], tree)
    changes = SeriesCosts(SeriesModels(states)).all_changes()
    if options.json:
        sys.stdout.write(json.dumps([as_dict(change) for change in changes], indent=1) + "\n")
    for change in () if options.json else changes:
        print(inert(printable(f"patch {change.patch}: {change.text}")))
    if tree and not changes and not options.json:
        print("no patch changes the cost of a scheme that could be counted")
    problems = (*thread.problems, *unread(states, tree))
    lost = [] if tree else ["no kernel tree, so nothing was counted: name one with --tree"]
    lost += [f"not fully judged: {each.where}: {each.message}" for each in problems if each.lost]
    tell(lost)
    return PARTLY if lost else CLEAN


def comparison(options: argparse.Namespace) -> Comparison:
    """What the options ask for. Raises UsageError for input that cannot be used."""
    from patchscan.cost.comparing import compare
    from patchscan.cost.constants import SHIPPED, load_constants
    from patchscan.cost.gather import gather_capacity
    from patchscan.cost.run import Workload
    from patchscan.cost.schemes import load_schemes, reader_of

    sizes = _sizes(options)
    read = reader_of(Path(options.tree)) if options.tree else None
    laid = (lambda names: _laid(names, options)) if options.tree else None
    try:
        constants = load_constants(Path(options.constants) if options.constants else SHIPPED)
        files = [load_schemes(Path(path), read, laid) for path in options.models]
    except ValueError as error:
        raise UsageError(str(error)) from None
    workload = Workload(2, options.walkers, options.isolated, options.spaces, options.tables)
    growth = bool(options.growth or options.plot)
    found = compare(files, workload, sizes, constants, options.runs, options.seed, growth)
    if read is None:
        return found
    try:
        return replace(found, capacity=gather_capacity(read))
    except ValueError as error:
        return replace(found, problems=(*found.problems, f"mmu_gather: not computed: {error}"))


def _laid(names: Sequence[str], options: argparse.Namespace) -> Callable[[str], bytes | None]:
    """How the tree of the options is read after a series. Raises ValueError for one that cannot be used."""
    from patchscan.codebase.sources import sources
    from patchscan.commands.reading import read
    from patchscan.tree import TreeError, open_tree
    from patchscan.tree.overlay import lay

    try:
        thread, tree = read(list(names), None), open_tree(options.tree)
    except TreeError as error:
        raise ValueError(str(error)) from None
    if not thread.series:
        raise ValueError(f"no patch series in {', '.join(names)}")
    states = lay(thread.series[0], tree)
    return sources(states, states[-1].view).read


def _sizes(options: argparse.Namespace) -> Sequence[int]:
    """The numbers of CPUs, once the other numbers make sense."""
    words = options.cpus.split(",")
    if not all(
        word.strip().isdecimal() and len(word) < 10 and 1 <= int(word) <= _MOST_CPUS for word in words
    ):
        raise UsageError(f"--cpus takes numbers from 1 to {_MOST_CPUS}, e.g. --cpus 8,64")
    for name in ("walkers", "isolated", "runs"):
        if getattr(options, name) < 0:
            raise UsageError(f"--{name} must not be negative")
    if options.spaces < 1 or options.tables < 1:
        raise UsageError("--spaces and --tables must be at least 1")
    sizes = [int(word) for word in words]
    if max(sizes) * options.tables * options.spaces > _MOST_IPIS:
        raise UsageError(f"an update on {max(sizes)} CPUs would be more than {_MOST_IPIS} IPIs")
    return sizes
