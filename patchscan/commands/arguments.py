"""The arguments that commands have in common, a parser with errors of one line, and what cannot go together."""

from __future__ import annotations

import argparse
import re

from patchscan.basics.pattern import pattern
from patchscan.basics.usage import FORMATS, LEVELS, UsageError, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

_CHOICE = pattern(
    r"argument (?P<name>[^:]+): invalid choice: '(?P<word>.*?)' \(choose from (?P<known>.*)\)", re.S
)
_UNKNOWN = pattern(r"unrecognized arguments: (?P<words>.*)", re.S)


class Parser(argparse.ArgumentParser):
    """argparse's, which raises UsageError with one line: what is wrong, and what was most likely meant."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print with the whole usage."""
        raise UsageError(f"{self._in_words(message)} (`{self.prog} --help`)")

    def _in_words(self, message: str) -> str:
        from patchscan.basics.nearest import did_you_mean

        if found := _CHOICE.fullmatch(message):
            known = [word.strip("' ") for word in found["known"].split(",")]
            near = did_you_mean(found["word"], known)
            return f"{found['name']} cannot be {found['word']!r}{near or '; there are ' + ', '.join(known)}"
        if found := _UNKNOWN.fullmatch(message):
            words = found["words"].split(" ")
            wrong = next((word for word in words if word.startswith("-")), "")
            if not wrong:
                return f"one argument too many: {words[0]}"
            known = [name for action in self._actions for name in action.option_strings]
            return f"no such option: {wrong}{did_you_mean(wrong.partition('=')[0], known)}"
        return message.replace("the following arguments are required:", "missing:")


def at_least_one(text: str) -> int:
    """A number from 1 on. Raises ArgumentTypeError, which says so."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number < 10**6:
        raise argparse.ArgumentTypeError(f"wants a number from 1 on, not {text!r}")
    return number


def time_limit(text: str) -> float:
    """A number of seconds. Raises ArgumentTypeError for what is none."""
    try:
        return seconds(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"wants a number of seconds, not {text!r}") from None


def series_arguments(command: argparse.ArgumentParser) -> None:
    """What every command takes that reads a series."""
    command.add_argument("--tree", metavar="DIR", help="kernel tree (default: the one we stand in)")
    command.add_argument("--no-tree", action="store_true", help="judge by the patches alone")
    command.add_argument("--no-simulate", action="store_true", help="do not extract and execute models")
    command.add_argument(
        "--time-limit", type=time_limit, default=60.0, metavar="SECONDS", help="CPU time a patch (60)"
    )
    command.add_argument("--base", metavar="REV", help="revision of the tree, where it is a git tree")
    command.add_argument(
        "--revision", type=at_least_one, metavar="N", help="scan this revision of the series"
    )
    command.add_argument(
        "--inbox",
        metavar="DIR",
        action="append",
        default=[],
        help="public-inbox (v2) or lei store where a Message-ID is looked up (default: those at hand)",
    )
    command.add_argument("--select", metavar="RULE,..", help="run only these rules")
    command.add_argument("--ignore", metavar="RULE,..", help="run all rules but these")
    command.add_argument("--rules", metavar="DIR", action="append", default=[], help="more rules")
    configuration_arguments(command)
    command.set_defaults(accept=None, timings=False, fix_patch=None, fix=False, diff=False, previous=None)
    command.set_defaults(models=None)


def colour_arguments(
    command: argparse.ArgumentParser, text: str = "draw tables in colour (auto: on a terminal)"
) -> None:
    """Whether output has colours."""
    command.add_argument("--color", choices=("auto", "always", "never"), default="auto", help=text)


def configuration_arguments(command: argparse.ArgumentParser) -> None:
    """Where the user's settings come from."""
    command.add_argument(
        "--config", metavar="FILE", help="settings (default: .patchscan.toml of tree or user)"
    )
    command.add_argument("--baseline", metavar="FILE", help="findings that are known, with reasons")


def percent(text: str) -> float:
    """A share from 0 to 100 per cent, as a number up to 1. Raises ArgumentTypeError for what is none."""
    try:
        share = float(text.removesuffix("%"))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        raise argparse.ArgumentTypeError(f"wants per cent from 0 to 100, not {text!r}")
    return share / 100


def scan_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `patchscan scan`."""
    text = "mbox, Maildir, directory, patches, commit, branch, git range, Message-ID or - (default: the branch at hand)"
    command.add_argument("series", nargs="*", metavar="SERIES", help=text)
    series_arguments(command)
    command.add_argument(
        "--severity", choices=LEVELS, default="warning", help="exit with 1 from this level on"
    )
    command.add_argument("--format", choices=FORMATS, default="text", help="how to report")
    command.add_argument("-o", "--output", metavar="FILE_OR_DIR", help="write there; mail: a file a patch")
    command.add_argument(
        "--jobs", type=at_least_one, default=0, metavar="N", help="scan each input on its own, N at a time"
    )
    colour_arguments(command, "colour the text report")
    command.add_argument(
        "--sort", choices=("place", "severity"), default="place", help="findings by place, or gravest first"
    )
    command.add_argument("--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    command.add_argument(
        "--accept", metavar="REASON", help="add the findings to the baseline, with this reason"
    )
    command.add_argument(
        "--previous",
        nargs="?",
        const="",
        metavar="OLDER",
        help="judge whether remarks on this thread were answered (alone, at the end: find it)",
    )
    command.add_argument(
        "--fix-patch", metavar="FILE", help="write mechanical fixes there, on top of the series"
    )
    command.add_argument(
        "--diff", action="store_true", help="print the mechanical fixes as one diff in place of the report"
    )
    command.add_argument(
        "--fix", action="store_true", help="make the mechanical fixes in the tree, which holds the series"
    )
    command.add_argument(
        "--unsafe-fixes", action="store_true", help="with --diff and --fix: also those that are not certain"
    )
    command.add_argument(
        "--models", metavar="DIR", help="write the litmus test of each model there, for `patchscan simulate`"
    )
    command.add_argument(
        "--min-record",
        type=percent,
        metavar="PERCENT",
        help="set aside what rules say of whose flagged lines fewer were changed in a next revision",
    )
    command.add_argument("--records", metavar="FILE", help="records of `patchscan survey record`, not ours")
    command.add_argument("--statistics", action="store_true", help="count the findings by rule, at the end")
    command.add_argument("--timings", action="store_true", help="say what took how long")
    detail_arguments(command)


def detail_arguments(command: argparse.ArgumentParser) -> None:
    """How much the text report says."""
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


def check_together(options: argparse.Namespace) -> None:
    """Raise UsageError for options of which one would go unheard beside another."""
    has = vars(options).get
    if has("tree") and has("no_tree"):
        raise UsageError("--tree and --no-tree contradict each other: leave one out")
    if has("base") and has("no_tree"):
        raise UsageError(
            "--base names a revision of a tree, and --no-tree leaves the tree out: leave one out"
        )
    if has("diff") and has("format") not in (None, "text"):
        raise UsageError("--diff stands in place of a report: leave --format out")
    if has("unsafe_fixes") and not (has("diff") or has("fix")):
        raise UsageError("--unsafe-fixes goes with --diff or --fix: name one of them")
    if has("select") is not None and not _names(has("select")):
        raise UsageError("--select names no rule: `patchscan rules` lists them")
    for directory in has("inbox") or ():
        from patchscan.mail.inboxes import is_inbox

        if not is_inbox(directory):
            raise UsageError(f"--inbox {directory}: this is no public-inbox (v2) and no store of lei")
    if has("records") and has("min_record") is None:
        raise UsageError("--records goes with --min-record: say how good a record is to be")
    both = sorted(_names(has("select")) & _names(has("ignore")))
    if both:
        raise UsageError(f"{both[0]} stands in --select and in --ignore: leave one out")


def unheard(options: argparse.Namespace) -> Sequence[str]:
    """A line for each option that has no effect on what is asked for, and does no harm."""
    has = vars(options).get
    form = has("format") or "text"
    lines = []
    if form != "text" and has("color") in ("always", "never"):
        lines.append(f"--color has no effect on --format {form}")
    if form not in ("text", "concise") and has("detail"):
        word = "-v" if has("detail") == 1 else "-q"
        lines.append(f"{word} has no effect on --format {form}")
    return lines


def _names(text: Any) -> set[str]:
    return {name.strip() for name in (text or "").split(",") if name.strip()}
