"""What a run loads once: rules, tree, configuration and baseline; and a series judged with them."""

from __future__ import annotations

import os

from patchscan.basics.usage import UsageError, working_directory

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from patchscan.basics.problem import Problem
    from patchscan.context import Settings
    from patchscan.results import Report
    from patchscan.rule import Rule
    from patchscan.series import Thread
    from patchscan.serve.recalled import Memory
    from patchscan.settling.config import Config
    from patchscan.settling.trackrecord import Records
    from patchscan.tree import Tree


class Tools:
    """What is loaded once a process.

    rules: those to run; names: those of all rules there are; problems: what was wrong with rules or the tree;
    known: the baseline, fingerprint -> reason; turned_off: the rules that the configuration leaves out; least: the
    share that a rule's record must reach, the records and their file, None where none is asked for; memory: of a
    process that stays, for what rests on our own rules and tables alone.
    """

    # Set by the process that stays.
    resident: Memory | None = None

    def __init__(
        self,
        rules: tuple[Rule, ...],
        names: frozenset[str],
        problems: tuple[Problem, ...],
        tree: Tree | None,
        config: Config,
        known: Mapping[str, str],
        settings: Settings,
        turned_off: tuple[str, ...] = (),
        least: tuple[float, Records, str] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.rules = rules
        self.names = names
        self.problems = problems
        self.tree = tree
        self.config = config
        self.known = known
        self.settings = settings
        self.turned_off = turned_off
        self.least = least
        self.memory = memory

    def judge(
        self, thread: Thread, tree: Tree | None, rules: tuple[Rule, ...] | None = None, fresh: bool = False
    ) -> Report:
        """Judge a thread on a tree and settle what is configured, noted or known.

        rules: in place of our own, the same but for what they do beside; fresh: though a report is remembered.
        """
        from patchscan.basics.record import replace
        from patchscan.scan import scan
        from patchscan.settling.settle import settle
        from patchscan.tree.found import base_tree

        if thread.series:
            tree = base_tree(thread.series[0], tree)
        if self.memory is None or fresh:
            report = scan(thread, tree, rules or self.rules, self.settings)
        else:
            report = self.memory.scan(thread, tree, rules or self.rules, self.settings, self.rules)
        report = settle(report, self.config, self.known, self.names, tree)
        if self.least is not None:
            from patchscan.settling.trackrecord import with_least

            share, records, path = self.least
            report = replace(report, findings=with_least(report.findings, share, records), records=path)
        coverage = replace(report.coverage, turned_off=self.turned_off)
        return replace(report, coverage=coverage, problems=self.problems + report.problems)


def load_tools(options: Namespace) -> Tools:
    """Load what the options name. Raises UsageError for names that are not there."""
    from patchscan.basics.problem import Problem
    from patchscan.context import Settings
    from patchscan.settling.config import find_config, is_of_tree, read_config
    from patchscan.tree import find_tree, kernel_version

    top = options.tree or find_tree(working_directory())
    found = options.config or find_config(top)
    of_tree = not options.config and is_of_tree(found, top)
    config = read_config(found, top if of_tree else None)
    if options.accept and of_tree and not options.baseline:
        raise UsageError(
            f"--accept writes where you say: name a file with --baseline, for {found} is the tree's, not yours"
        )
    selected = names(options.select)
    every, problems = all_rules(options.rules, selected or None)
    known_names = frozenset(rule.name for rule in every) | built_in_names()
    rules = chosen(every, known_names, options, config)
    if not rules:
        why = "no rule is left to run: see what the configuration, --select and --ignore say"
        problems += (Problem("rules", why, lost=True),)
    tree = tree_of(options)
    if tree is not None and options.tree and kernel_version(tree) is None:
        why = "this is no kernel tree: its Makefile states no version; judged without a tree"
        problems += (Problem(f"--tree {tree.name}", why, lost=True),)
        tree = None
    known: Mapping[str, str] = {}
    baseline = options.baseline or config.baseline
    if baseline and (os.path.exists(baseline) or not options.accept):
        from patchscan.settling.baseline import read_baseline

        known = read_baseline(baseline)
    return Tools(
        rules,
        known_names,
        problems,
        tree,
        config,
        known,
        Settings(config.options, not options.no_simulate, options.time_limit),
        turned_off(every, rules, options),
        least_record(options),
        None if options.rules else Tools.resident,
    )


def least_record(options: Namespace) -> tuple[float, Records, str] | None:
    """What --min-record asks for, of which records, and their file. Raises UsageError where it holds none."""
    share: float | None = getattr(options, "min_record", None)
    if share is None:
        return None
    from patchscan.settling.trackrecord import SHIPPED, read_records

    path = options.records or SHIPPED
    return share, read_records(path), path


def built_in_names() -> frozenset[str]:
    """The names of our own rules that are files, without loading these."""
    from patchscan.settling.registry import names_of_files

    return names_of_files()


def all_rules(
    directories: Sequence[str], wanted: set[str] | None = None
) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """Every rule there is, those of further directories included, and what was wrong with files that are none.

    wanted: see load_rules().
    """
    from patchscan.settling.registry import load_rules

    check_rule_places(directories)
    return load_rules(directories, wanted)


def check_rule_places(directories: Sequence[str], option: str = "--rules ") -> None:
    """Raise UsageError for a file, and for a directory that holds no rule; option: how the user named it."""
    for place in directories:
        if os.path.isfile(place):
            raise UsageError(f"{option}{place}: this is a file: name the directory it lies in")
        if os.path.isdir(place) and not any(name.endswith((".py", ".toml")) for name in os.listdir(place)):
            raise UsageError(f"{option}{place}: holds no rule: neither NAME.py nor a table of rows (.toml)")


def chosen(
    rules: Sequence[Rule], known: frozenset[str], options: Namespace, config: Config
) -> tuple[Rule, ...]:
    """The rules to run; --select goes before what is configured, --ignore adds to it; known: the names of all.

    Raises UsageError for a name on the command line that no rule has.
    """
    select, ignore = names(options.select), names(options.ignore)
    unknown = (select | ignore) - known
    if unknown:
        from patchscan.basics.nearest import did_you_mean

        first = min(unknown)
        near = did_you_mean(first, sorted(known)) if len(unknown) == 1 else ""
        why = near or ": `patchscan rules` lists them"
        raise UsageError(f"no rule named {', '.join(sorted(unknown))}{why}")
    if not select:
        select, ignore = set(config.select), ignore | config.ignore
    return tuple(
        rule
        for rule in rules
        if (rule.name in select if select else rule.default) and rule.name not in ignore
    )


def turned_off(every: Sequence[Rule], rules: Sequence[Rule], options: Namespace) -> tuple[str, ...]:
    """The rules that run by default and do not now, where the command line leaves that to the configuration."""
    if names(options.select):
        return ()
    told = {rule.name for rule in rules} | names(options.ignore)
    return tuple(rule.name for rule in every if rule.default and rule.name not in told)


def names(text: str | None) -> set[str]:
    """A comma-separated option as a set."""
    return {name.strip() for name in (text or "").split(",") if name.strip()}


def tree_of(options: Namespace) -> Tree | None:
    """The kernel tree to lay the series over, None where there is none or none is wanted."""
    from patchscan.commands.naming import range_of
    from patchscan.tree import TreeError, find_tree, open_tree

    path = None if options.no_tree else options.tree or find_tree(working_directory())
    if path is None:
        if getattr(options, "base", None):
            raise UsageError(
                "--base names a revision of a tree, and there is no tree at hand: name it with --tree"
            )
        return None
    base = options.base
    commits = None if base is not None else range_of(options.series, options.tree)
    if commits is not None and is_below(commits.directory, path):
        from patchscan.mail.gitrange import base_of

        base = base_of(commits.revisions, commits.directory)
    try:
        return open_tree(path, base)
    except TreeError as error:
        raise UsageError(str(error)) from None


def is_below(directory: str, top: str) -> bool:
    """Whether a directory is another or lies in it."""
    real = os.path.realpath(top)
    return os.path.commonpath((os.path.realpath(directory), real)) == real
