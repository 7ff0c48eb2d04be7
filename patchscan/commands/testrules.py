"""`patchscan test-rules`: the rules and rows of a directory against their own examples."""

import argparse
import os
import sys

from patchscan.basics.usage import CLEAN, UNUSABLE, UsageError


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("directory", metavar="DIR", help="a directory of rules: NAME.py, or tables of rows")


def run(options: argparse.Namespace) -> int:
    """A line for each fault; 0 where all examples do as they say, 2 where one does not or a file is no rule."""
    from patchscan.commands.loading import check_rule_places
    from patchscan.settling.registry import load_directory
    from patchscan.testing import faults

    if not os.path.isdir(options.directory):
        raise UsageError(f"{options.directory}: no such directory of rules")
    check_rule_places([options.directory], "")
    rules, problems = load_directory(options.directory)
    said = [f"{problem.where}: {problem.message}" for problem in problems]
    said += [fault for rule in rules for fault in faults(rule)]
    for line in said:
        print(line, file=sys.stderr)
    print(f"{len(rules)} rules, {len(said)} faults")
    return UNUSABLE if said or not rules else CLEAN
