"""The commands. Each imports what it needs when it runs, so that `--help` and small scans start at once."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from patchscan.basics.usage import CLEAN, UNUSABLE, WORST_LAST, UsageError, working_directory
from patchscan.commands.arguments import (
    Parser,
    check_together,
    colour_arguments,
    configuration_arguments,
    scan_arguments,
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
    if words and words[0] in ("-h", "--help", "--version", "help"):
        return show_help(words)
    implied = not words or words[0] not in COMMANDS
    name, rest = ("scan", words) if implied else (words[0], words[1:])
    options = parser_of(name).parse_intermixed_args(rest)
    check_together(options)
    try:
        return COMMANDS[name][0](options)
    except UsageError as error:
        word = getattr(error, "word", "")
        meant = command_like(word) if implied and word else None
        if not meant:
            raise
        raise UsageError(
            f"{word}: no such command, file or commit; did you mean `patchscan {meant}`?"
        ) from None


def command_like(word: str) -> str | None:
    """The command that a word may have been meant for."""
    from patchscan.basics.nearest import nearest

    return nearest(word, COMMANDS) if "/" not in word else None


def show_help(words: Sequence[str]) -> int:
    """Print the version, the usage of all, or with `help COMMAND` that of one."""
    if words[0] == "help" and len(words) > 1:
        if words[1] not in COMMANDS:
            meant = command_like(words[1])
            raise UsageError(f"no such command: {words[1]}" + (f"; did you mean {meant}?" if meant else ""))
        parser_of(words[1]).print_help()
    else:
        print(version() if "--version" in words else usage())
    return CLEAN


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command's arguments."""
    _, add_arguments, text = COMMANDS[name]
    parser = Parser(prog=f"patchscan {name}", description=text, formatter_class=layout)
    add_arguments(parser)
    # argparse would spend longer on laying out a usage line, before every run, than we on reading a patch.
    parser.usage = " ".join(["%(prog)s [OPTION ...]", *map(written, parser._get_positional_actions())])
    return parser


def written(argument: argparse.Action) -> str:
    """An argument as a usage line has it."""
    name = (
        argument.metavar
        if isinstance(argument.metavar, str)
        else "|".join(argument.choices or [argument.dest])
    )
    return {"+": f"{name} ...", "*": f"[{name} ...]"}.get(str(argument.nargs), name)


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


def scan(options: argparse.Namespace) -> int:
    """`patchscan scan`: judge the series and report; the highest of their exit statuses."""
    from patchscan.basics.streams import say
    from patchscan.commands.arguments import unheard
    from patchscan.commands.naming import default_series
    from patchscan.commands.output import in_one, inputs_of, output_to, output_width, use_colour
    from patchscan.commands.reading import check_all
    from patchscan.commands.scan import each_series, scan_in_turn

    for line in unheard(options):
        say(f"patchscan: {line}")
    options.series = options.series or default_series(options.tree)
    several = each_series(options)
    if (options.fix_patch or options.fix or options.previous is not None) and len(several) > 1:
        raise UsageError("--fix-patch, --fix and --previous take one series")
    check_all(several, options.tree)
    style = (output_width(), use_colour(options.output, options.color), options.detail)
    # What writes or takes time is done in turn, one series after the other.
    alone = options.jobs < 2 or len(several) < 2 or options.accept or options.timings or options.diff
    run = scan_in_turn
    if not alone:
        from patchscan.commands.workers import scan_side_by_side as run
    status, lost = CLEAN, []
    counted: Counter[tuple[str, str]] | None = None
    with (
        output_to(options.output, inputs_of(options)) as plain,
        in_one(options.format, options.output, plain) as write,
    ):
        for done in run(several, options, style):
            write(done.documents)
            status = max(status, done.status, key=WORST_LAST.index)
            lost += [done.lost] if done.lost else []
            counted = done.counted if counted is None else counted + done.counted
    if options.statistics and counted is not None:
        print_statistics(counted, options.format == "text" and not options.output)
    tell(lost)
    return status


def print_statistics(counted: Counter[tuple[str, str]], below: bool) -> None:
    """The findings of all series by rule, below the report or, where that is for programs, on stderr."""
    from patchscan.commands.measure import table

    print(table(counted), end="", file=sys.stdout if below else sys.stderr)


def list_arguments(command: argparse.ArgumentParser) -> None:
    rules_arguments(command)
    colour_arguments(command)


def rules_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")


def rules(options: argparse.Namespace) -> int:
    """`patchscan rules`: a line a rule, on a terminal a table."""
    from patchscan.commands.explain import as_list
    from patchscan.commands.loading import all_rules
    from patchscan.commands.output import output_width, use_colour

    found, problems = all_rules(options.rules)
    sys.stdout.write(as_list(found, output_width() if use_colour(None, options.color) else 0))
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
    from patchscan.commands.loading import all_rules, built_in_names

    found = {rule.name: rule for rule in all_rules(options.rules, {options.rule})[0]}
    rule = found.get(options.rule)
    if rule is None:
        from patchscan.basics.nearest import did_you_mean

        near = (
            did_you_mean(options.rule, sorted(built_in_names().union(found)))
            or ": `patchscan rules` lists them"
        )
        raise UsageError(f"no rule named {options.rule}{near}")
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
    except ValueError as error:
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


def serve(options: argparse.Namespace) -> int:
    """`patchscan serve`: stay, and run the command lines of others."""
    from patchscan.commands.serve import serve

    return serve(options, main)


def command_of(module: str, body: str = "run", arguments: str = "add_arguments") -> Command:
    """A command whose body and options live in a module of their own, loaded when it is called."""

    def run(options: argparse.Namespace) -> int:
        status: int = getattr(importlib.import_module(module), body)(options)
        return status

    def add_arguments(command: argparse.ArgumentParser) -> None:
        getattr(importlib.import_module(module), arguments)(command)

    return run, add_arguments


COMMANDS: dict[
    str, tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None], str]
] = {
    "scan": (scan, scan_arguments, "judge a patch series and report"),
    "lint": (
        *command_of("patchscan.commands.lint"),
        "judge whole files of a tree as if every line were new",
    ),
    "why": (
        *command_of("patchscan.commands.why"),
        "which rules looked at a line, and why each one stayed silent",
    ),
    "rules": (rules, list_arguments, "list the rules"),
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
        *command_of("patchscan.commands.index"),
        "make or refresh the identifier index of a kernel tree",
    ),
    "who": (
        *command_of("patchscan.commands.asking", "who", "name_arguments"),
        "what a name of a kernel tree is, and where",
    ),
    "callers": (
        *command_of("patchscan.commands.asking", "callers", "name_arguments"),
        "who calls a function or macro of a kernel tree",
    ),
    "field": (
        *command_of("patchscan.commands.asking", "field", "field_arguments"),
        "what a kernel tree does with a member of a struct",
    ),
    "serve": (
        serve,
        command_of("patchscan.commands.serve")[1],
        "stay loaded, for command lines and for an editor",
    ),
    "survey": (
        *command_of("patchscan.commands.survey"),
        "judge archives of lists, ask what came of it, and count the record of rules",
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
