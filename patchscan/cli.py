"""The commands. Each imports what it needs when it runs, so that `--help` and small scans start at once."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from patchscan.basics.usage import (
    CLEAN,
    FORMATS,
    LEVELS,
    UNUSABLE,
    WORST_LAST,
    UsageError,
    seconds,
    working_directory,
)
from patchscan.commands.ending import ended_well, tell

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    Command = tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit status, one of those in patchscan.basics.usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return ended_well(lambda: run(words), words)


def run(words: Sequence[str]) -> int:
    """Run a command line; returns its exit status."""
    if not words or words[0] in ("-h", "--help", "--version"):
        print(version() if "--version" in words else usage())
        return CLEAN if words else UNUSABLE
    name, rest = (words[0], words[1:]) if words[0] in COMMANDS else ("scan", words)
    return COMMANDS[name][0](parser_of(name).parse_intermixed_args(rest))


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command's arguments."""
    _, add_arguments, text = COMMANDS[name]
    # argparse would spend longer on laying out a usage line, before every run, than we on reading a patch.
    usage = "%(prog)s [OPTION ...] ARGUMENT ..."
    parser = argparse.ArgumentParser(
        prog=f"patchscan {name}", usage=usage, description=text, formatter_class=layout
    )
    add_arguments(parser)
    return parser


def layout(prog: str) -> argparse.HelpFormatter:
    """How --help is laid out: for 80 columns, since argparse asks the terminal's even where it prints nothing."""
    return argparse.HelpFormatter(prog, width=78)


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


def version() -> str:
    """What --version prints."""
    from patchscan import __version__

    return f"patchscan {__version__}"


def series_arguments(command: argparse.ArgumentParser) -> None:
    """What every command takes that reads a series."""
    command.add_argument("--tree", metavar="DIR", help="kernel tree (default: the one we stand in)")
    command.add_argument("--no-tree", action="store_true", help="judge by the patches alone")
    command.add_argument("--no-simulate", action="store_true", help="do not extract and execute models")
    command.add_argument(
        "--time-limit", type=seconds, default=60.0, metavar="SECONDS", help="CPU time a patch"
    )
    command.add_argument("--base", metavar="REV", help="revision of the tree, where it is a git tree")
    command.add_argument("--revision", type=int, metavar="N", help="scan this revision of the series")
    command.add_argument("--select", metavar="RULE,..", help="run only these rules")
    command.add_argument("--ignore", metavar="RULE,..", help="run all rules but these")
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")
    configuration_arguments(command)
    command.set_defaults(accept=None, timings=False, fix_patch=None, previous=None)


def configuration_arguments(command: argparse.ArgumentParser) -> None:
    """Where the user's settings come from."""
    command.add_argument(
        "--config", metavar="FILE", help="settings (default: .patchscan.toml of tree or user)"
    )
    command.add_argument("--baseline", metavar="FILE", help="findings that are known, with reasons")


def scan_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "series", nargs="+", metavar="SERIES", help="mbox, Maildir, directory, patches, git range or -"
    )
    series_arguments(command)
    command.add_argument(
        "--severity", choices=LEVELS, default="warning", help="exit with 1 from this level on"
    )
    command.add_argument("--format", choices=FORMATS, default="text", help="how to report")
    command.add_argument("-o", "--output", metavar="FILE_OR_DIR", help="write there; mail: a file a patch")
    command.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="scan each input on its own, N at a time"
    )
    command.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colour the text report"
    )
    command.add_argument(
        "--sort", choices=("place", "severity"), default="place", help="findings by place, or gravest first"
    )
    command.add_argument("--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    command.add_argument(
        "--accept", metavar="REASON", help="add the findings to the baseline, with this reason"
    )
    command.add_argument(
        "--previous", metavar="OLDER", help="judge whether remarks on this thread were answered"
    )
    command.add_argument(
        "--fix-patch", metavar="FILE", help="write mechanical fixes there, on top of the series"
    )
    command.add_argument("--statistics", action="store_true", help="count the findings by rule, at the end")
    command.add_argument("--timings", action="store_true", help="say what took how long")
    quiet = command.add_mutually_exclusive_group()
    quiet.add_argument(
        "-q", "--quiet", action="store_const", const=-1, default=0, dest="detail", help="findings only"
    )
    quiet.add_argument(
        "-v",
        "--verbose",
        action="store_const",
        const=1,
        dest="detail",
        help="more: what was set aside, why rules were silent",
    )


def scan(options: argparse.Namespace) -> int:
    """`patchscan scan`: judge the series and report; the highest of their exit statuses."""
    from patchscan.commands.output import in_one, inputs_of, output_to, output_width, use_colour
    from patchscan.commands.scan import each_series, scan_in_turn

    several = each_series(options)
    if (options.fix_patch or options.previous) and len(several) > 1:
        raise UsageError("--fix-patch and --previous take one series")
    style = (output_width(), use_colour(options.output, options.color), options.detail)
    # What writes or takes time is done in turn, one series after the other.
    alone = options.jobs < 2 or len(several) < 2 or options.accept or options.timings
    run = scan_in_turn
    if not alone:
        from patchscan.commands.workers import scan_side_by_side as run
    status, counted, lost = CLEAN, [], []
    with (
        output_to(options.output, inputs_of(options)) as plain,
        in_one(options.format, options.output, several, plain) as write,
    ):
        for done in run(several, options, style):
            write(done.documents)
            status = max(status, done.status, key=WORST_LAST.index)
            lost += [done.lost] if done.lost else []
            counted.append(done.counted)
    if options.statistics:
        print_statistics(counted, options.format == "text" and not options.output)
    tell(lost)
    return status


def print_statistics(counted: Sequence[Counter[tuple[str, str]]], below: bool) -> None:
    """The findings of all series by rule, below the report or, where that is for programs, on stderr."""
    from collections import Counter

    from patchscan.commands.measure import table

    total: Counter[tuple[str, str]] = sum(counted, Counter())
    print(table(total), end="", file=sys.stdout if below else sys.stderr)


def why_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "series", nargs="+", metavar="SERIES PATH:LINE", help="as for scan, then the line to explain"
    )
    series_arguments(command)


def why(options: argparse.Namespace) -> int:
    """`patchscan why`: what every rule makes of one line."""
    from patchscan.commands.loading import load_tools
    from patchscan.commands.scan import report_on
    from patchscan.commands.why import explain_line

    *options.series, place = options.series
    path, _, line = place.rpartition(":")
    if not options.series or not path or not (line.isdecimal() and len(line) < 10):
        raise UsageError("why takes a series and PATH:LINE, e.g. `patchscan why v2.mbox mm/gup.c:120`")
    report = report_on(options.series, options, load_tools(options))
    sys.stdout.write(explain_line(report, path, int(line)))
    return CLEAN if report.series else UNUSABLE


def rules_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")


def rules(options: argparse.Namespace) -> int:
    """`patchscan rules`: a line a rule."""
    from patchscan.commands.loading import all_rules

    found, problems = all_rules(options.rules)
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
    from patchscan.commands.explain import as_json, as_text
    from patchscan.commands.loading import all_rules

    found = {rule.name: rule for rule in all_rules(options.rules)[0]}
    rule = found.get(options.rule)
    if rule is None:
        raise UsageError(f"no rule named {options.rule}: `patchscan rules` lists them")
    sys.stdout.write(as_json(rule) if options.json else as_text(rule))
    return CLEAN


def syntax_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE[:FUNCTION]")


def syntax(options: argparse.Namespace) -> int:
    """`patchscan syntax`: the syntax tree as rules see it."""
    from patchscan.basics.files import MOST_OF_TREE, Unreadable, read_file
    from patchscan.c.printtree import print_tree

    path, _, function = options.file.partition(":")
    try:
        text = read_file(path, MOST_OF_TREE, pipes=True)
    except Unreadable as error:
        raise UsageError(f"{path}: {error}") from None
    found = print_tree(text, path, function, sys.stdout)
    if not found:
        raise UsageError(f"{path} has no function {function}")
    return CLEAN


def new_rule_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="kebab-case, says what is wrong")
    command.add_argument("--directory", metavar="DIR", default="rules", help="where the file goes")
    command.add_argument("--row", action="store_true", help="a table with one row instead of a Python file")


def new_rule(options: argparse.Namespace) -> int:
    """`patchscan new-rule`: a rule file with its sections, ready to fill in."""
    from patchscan.commands.newrule import create, create_row

    try:
        print((create_row if options.row else create)(options.name, options.directory))
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from None
    return CLEAN


def completion_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=("bash", "zsh", "fish"))


def completion(options: argparse.Namespace) -> int:
    """`patchscan completion`: what to source in a shell's start-up file."""
    from patchscan.commands.completion import script

    sys.stdout.write(script(options.shell, {name: parser_of(name) for name in COMMANDS}))
    return CLEAN


def b4_arguments(command: argparse.ArgumentParser) -> None:
    for option in ("--select", "--ignore"):
        command.add_argument(option, metavar="RULE,..", help="as for scan")
    rules_arguments(command)
    configuration_arguments(command)
    command.set_defaults(tree=None, no_tree=True, no_simulate=False, accept=None, time_limit=60.0)
    # b4 caches by the command line and the commit: a new value makes it ask again.
    command.add_argument(
        "--rules-revision", metavar="TEXT", help="no effect; makes b4 forget its cached answers"
    )


def b4_review_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--series", action="store_true", help="answer for the whole series of the message")
    b4_arguments(command)


def b4_check(options: argparse.Namespace) -> int:
    """`patchscan b4-check`: the line protocol of b4's per-patch checks, a message on standard input."""
    from patchscan.commands.b4 import lines
    from patchscan.commands.loading import load_tools
    from patchscan.commands.reading import standard_input

    sys.stdout.write(lines(standard_input(), load_tools(options), working_directory()))
    return CLEAN


def b4_review(options: argparse.Namespace) -> int:
    """`patchscan b4-review`: the JSON protocol of b4's review checks, a message on standard input."""
    from patchscan.commands.b4 import array
    from patchscan.commands.loading import load_tools
    from patchscan.commands.reading import standard_input

    answer = array(standard_input(), load_tools(options), working_directory(), options.series)
    sys.stdout.write(answer)
    return CLEAN


def nipa(options: argparse.Namespace) -> int:
    """`patchscan nipa`: a test of NIPA, in the tree with the patch applied."""
    from patchscan.commands.loading import load_tools
    from patchscan.commands.nipa import test

    return test(load_tools(options), working_directory(), os.environ)


def command_of(module: str) -> Command:
    """A command whose body and options live in a module of their own, loaded when it is called."""

    def run(options: argparse.Namespace) -> int:
        status: int = importlib.import_module(module).run(options)
        return status

    def add_arguments(command: argparse.ArgumentParser) -> None:
        importlib.import_module(module).add_arguments(command)

    return run, add_arguments


COMMANDS: dict[
    str, tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None], str]
] = {
    "scan": (scan, scan_arguments, "judge a patch series and report"),
    "why": (why, why_arguments, "which rules looked at a line, and why each one stayed silent"),
    "rules": (rules, rules_arguments, "list the rules"),
    "explain": (explain, explain_arguments, "explain a rule: reason, source, examples"),
    "syntax": (syntax, syntax_arguments, "print the syntax tree of a C file or function as rules see it"),
    "simulate": (
        *command_of("patchscan.commands.simulate"),
        "run litmus tests under the kernel's memory model",
    ),
    "model": (
        *command_of("patchscan.commands.model"),
        "extract the models that a series touches, and run them",
    ),
    "index": (
        *command_of("patchscan.tree.index.build"),
        "make or refresh the identifier index of a kernel tree",
    ),
    "cost": (*command_of("patchscan.commands.cost"), "what schemes cost, executed on N CPUs"),
    "b4-check": (b4_check, b4_arguments, "check a patch on standard input as b4 prep --check asks"),
    "b4-review": (b4_review, b4_review_arguments, "check a patch on standard input as b4 review asks"),
    "compare": (*command_of("patchscan.commands.compare"), "what changed between two revisions of a series"),
    "nipa": (nipa, b4_arguments, "check the patch at HEAD as a test of NIPA"),
    "completion": (completion, completion_arguments, "print what completes commands and options in a shell"),
    "new-rule": (new_rule, new_rule_arguments, "write a rule file ready to fill in"),
    "test-rules": (
        *command_of("patchscan.commands.testrules"),
        "hold the rules of a directory against their examples",
    ),
}


if __name__ == "__main__":
    sys.exit(main())
