"""The commands. Each imports what it needs when it runs, so that `--help` and small scans start at once."""

from __future__ import annotations

import argparse
import os
import sys

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patchscan.problem import Problem
    from patchscan.report import Report
    from patchscan.rule import Rule
    from patchscan.series import Thread
    from patchscan.tree import Tree

CLEAN, FINDINGS, UNUSABLE = 0, 1, 2
LEVELS = ("info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit status: 0 clean, 1 findings, 2 wrong usage or unreadable input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "--version"):
        print(version() if "--version" in words else usage())
        return CLEAN if words else UNUSABLE
    name, rest = (words[0], words[1:]) if words[0] in COMMANDS else ("scan", words)
    run, add_arguments, text = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=f"patchscan {name}", description=text)
    add_arguments(parser)
    options = parser.parse_intermixed_args(rest)
    try:
        status = run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader (head, a pager) has gone: end quietly, and keep Python from saying so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLEAN
    except KeyboardInterrupt:
        return 130
    except UsageError as error:
        print(f"patchscan: {error}", file=sys.stderr)
        return UNUSABLE


def usage() -> str:
    """What --help prints: one line a command."""
    rows = [f"  {name:10} {text}" for name, (_, _, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: patchscan SERIES [OPTION ...]",
            "       patchscan COMMAND [ARGUMENT ...]",
            "",
            "Reads a Linux kernel patch series and says what a careful reviewer would say.",
            "",
            *rows,
            "",
            "`patchscan SERIES` is `patchscan scan SERIES`; `patchscan COMMAND --help` lists a command's options.",
        ]
    )


class UsageError(Exception):
    """The command cannot be carried out as given; the text is one line that says why and what to do."""


def version() -> str:
    """What --version prints."""
    from patchscan import __version__

    return f"patchscan {__version__}"


def series_arguments(command: argparse.ArgumentParser) -> None:
    """What every command takes that reads a series."""
    command.add_argument("--tree", metavar="DIR", help="kernel tree (default: the one we stand in)")
    command.add_argument("--no-tree", action="store_true", help="judge by the patches alone")
    command.add_argument("--base", metavar="REV", help="revision of the tree, where it is a git tree")
    command.add_argument("--revision", type=int, metavar="N", help="scan this revision of the series")
    command.add_argument("--select", metavar="RULE,..", help="run only these rules")
    command.add_argument("--ignore", metavar="RULE,..", help="run all rules but these")
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")


def scan_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "series", nargs="+", metavar="SERIES", help="mbox, Maildir, directory, patches, git range or -"
    )
    series_arguments(command)
    command.add_argument(
        "--severity", choices=LEVELS, default="warning", help="exit with 1 from this level on"
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="how to report")
    command.add_argument("-o", "--output", metavar="FILE", help="write the report there")
    command.add_argument("--exit-zero", action="store_true", help="exit with 0 in spite of findings")


def scan(options: argparse.Namespace) -> int:
    """`patchscan scan`: judge a series and report."""
    report = scanned(options)
    write(options, report)
    return exit_status(report, options)


def scanned(options: argparse.Namespace) -> Report:
    """The report on the series that the options name. Raises UsageError when it cannot be read."""
    from dataclasses import replace

    from patchscan.context import Settings
    from patchscan.scan import scan as run_scan

    thread = read(options.series, options.revision)
    rules, problems = chosen_rules(options)
    report = run_scan(thread, tree_of(options), rules, Settings({}))
    return replace(report, problems=problems + report.problems)


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


def tree_of(options: argparse.Namespace) -> Tree | None:
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


def chosen_rules(options: argparse.Namespace) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """The rules to run, after --select and --ignore. Raises UsageError for a name that no rule has."""
    from pathlib import Path

    from patchscan.registry import load_rules

    rules, problems = load_rules([Path(directory) for directory in options.rules])
    select, ignore = names(options.select), names(options.ignore)
    unknown = (select | ignore) - {rule.name for rule in rules}
    if unknown:
        raise UsageError(f"no rule named {', '.join(sorted(unknown))}: `patchscan rules` lists them")
    return tuple(
        rule for rule in rules if (not select or rule.name in select) and rule.name not in ignore
    ), problems


def names(text: str | None) -> set[str]:
    """A comma-separated option as a set."""
    return {name.strip() for name in (text or "").split(",") if name.strip()}


def write(options: argparse.Namespace, report: Report) -> None:
    """Print the report or write it to the file asked for."""
    from patchscan.report import render

    if options.output:
        with open(options.output, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.write(render(report, options.format))
        return
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    sys.stdout.write(render(report, options.format, terminal_width(), colour))


def terminal_width() -> int:
    """Columns of the terminal, 80 where there is none, never so wide that prose is hard to read."""
    from shutil import get_terminal_size

    return min(get_terminal_size((80, 24)).columns, 110) if sys.stdout.isatty() else 80


def exit_status(report: Report, options: argparse.Namespace) -> int:
    """2 where no patch was found, 1 for findings at or above the level asked for, else 0."""
    if report.series is None:
        return UNUSABLE
    level = LEVELS.index(options.severity)
    failing = any(LEVELS.index(each.severity) >= level for each in report.findings if each.counts)
    return FINDINGS if failing and not options.exit_zero else CLEAN


def why_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "series", nargs="+", metavar="SERIES PATH:LINE", help="as for scan, then the line to explain"
    )
    series_arguments(command)


def why(options: argparse.Namespace) -> int:
    """`patchscan why`: what every rule makes of one line."""
    from patchscan.why import explain_line

    *options.series, place = options.series
    path, _, line = place.rpartition(":")
    if not options.series or not path or not line.isdigit():
        raise UsageError("why takes a series and PATH:LINE, e.g. `patchscan why v2.mbox mm/gup.c:120`")
    report = scanned(options)
    sys.stdout.write(explain_line(report, path, int(line)))
    return CLEAN if report.series else UNUSABLE


def rules_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")


def rules(options: argparse.Namespace) -> int:
    """`patchscan rules`: a line a rule."""
    options.select = options.ignore = None
    found, problems = chosen_rules(options)
    width = max((len(rule.name) for rule in found), default=0)
    for rule in found:
        print(f"{rule.name:{width}}  {rule.severity:7}  {rule.summary}")
    for problem in problems:
        print(f"{problem.where}: {problem.message}", file=sys.stderr)
    return UNUSABLE if problems else CLEAN


def explain_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("rule", metavar="RULE")
    command.add_argument("--json", action="store_true", help="as one JSON object")
    rules_arguments(command)


def explain(options: argparse.Namespace) -> int:
    """`patchscan explain`: what a rule says, why, on what it rests, and its examples."""
    from patchscan.explain import as_json, as_text

    options.select, options.ignore = options.rule, None
    (rule,), _ = chosen_rules(options)
    sys.stdout.write(as_json(rule) if options.json else as_text(rule))
    return CLEAN


def syntax_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE[:FUNCTION]")


def syntax(options: argparse.Namespace) -> int:
    """`patchscan syntax`: the syntax tree as rules see it."""
    from patchscan.printtree import print_tree

    path, _, function = options.file.partition(":")
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    found = print_tree(text, path, function, sys.stdout)
    if not found:
        raise UsageError(f"{path} has no function {function}")
    return CLEAN


def new_rule_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="kebab-case, says what is wrong")
    command.add_argument("--directory", metavar="DIR", default="rules", help="where the file goes")


def new_rule(options: argparse.Namespace) -> int:
    """`patchscan new-rule`: a rule file with its sections, ready to fill in."""
    from patchscan.newrule import create

    try:
        print(create(options.name, options.directory))
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from None
    return CLEAN


COMMANDS: dict[
    str, tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None], str]
] = {
    "scan": (scan, scan_arguments, "judge a patch series and report"),
    "why": (why, why_arguments, "which rules looked at a line, and why each one stayed silent"),
    "rules": (rules, rules_arguments, "list the rules"),
    "explain": (explain, explain_arguments, "explain a rule: reason, source, examples"),
    "syntax": (syntax, syntax_arguments, "print the syntax tree of a C file or function as rules see it"),
    "new-rule": (new_rule, new_rule_arguments, "write a rule file ready to fill in"),
}


if __name__ == "__main__":
    sys.exit(main())
