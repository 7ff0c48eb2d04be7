"""`patchscan index`: the identifier index of a tree and, where asked for, all facts of its sources."""

import argparse


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `patchscan index`."""
    from patchscan.tree.index import build

    build.add_arguments(command)
    command.add_argument(
        "--all",
        action="store_true",
        help="also the facts of every source, which are else read when they are first asked for",
    )


def run(options: argparse.Namespace) -> int:
    """Make or refresh the index, then the facts; the exit status."""
    from patchscan.tree.index import build

    status = build.run(options)
    if status or not options.all:
        return status
    from patchscan.facts.fill import fill
    from patchscan.tree import open_tree

    return fill(open_tree(options.tree, options.base))
