"""Loads rules: the built-in ones, installed packs and --rules DIR, all by directory and by one road."""

import os
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cache
from types import ModuleType

from patchscan.basics.foreign import FAILURES, in_words, kept_quiet, traceback_lines
from patchscan.basics.keptcode import code_of
from patchscan.basics.problem import Problem
from patchscan.rule import Rule
from patchscan.settling.sound import CONFIDENCES, SEVERITIES


@cache
def built_in_directory() -> str:
    """Where our own rules are: installed as patchscan.rules, or beside the package in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    installed = os.path.join(package, "rules")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "rules")


def load_rules(
    directories: Iterable[str] = (), wanted: Container[str] | None = None
) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """All rules, sorted by name; a file that is no rule becomes a Problem and the rest is loaded.

    directories: further rule directories, after the built-in one and the installed packs; wanted: the names of those
    that are asked for. Of our own files none is loaded before a patch wakes its rule.
    """
    used = sys.modules.get("patchscan.flow.usertables")
    if used is not None:
        used.forget_tables()
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for directory in (built_in_directory(), *installed_packs(problems), *directories):
        if not os.path.isdir(directory):
            problems.append(Problem(directory, "no such directory of rules", lost=True))
            continue
        own = directory == built_in_directory()
        if own and not names_of_files():
            problems.append(Problem(directory, "holds no rule, or cannot be read", lost=True))
        for path, rule in built_in_rules(wanted) if own else rules_in(directory, problems):
            if isinstance(rule, Problem):
                problems.append(rule)
            elif rule.name in rules or (not own and rule.name in names_of_files()):
                why = f"a rule named {rule.name} is loaded already: rename it"
                problems.append(Problem(path, why, lost=True))
            else:
                rules[rule.name] = rule
    return tuple(rules[name] for name in sorted(rules)), tuple(problems)


def built_in_rules(wanted: Container[str] | None) -> Iterator[tuple[str, Rule | Problem]]:
    """What rules_in() gives of our own directory, of its files those that are wanted; None: all."""
    known = _built_in_files()
    for name in sorted(names_of_files()):
        if wanted is None or name in wanted:
            path = path_of(name)
            yield path, known.get(name) or _built_in(path)
    yield from _built_in_rows()


def path_of(name: str) -> str:
    """Where one of our own rules stands that is a file."""
    return os.path.join(built_in_directory(), f"{name.replace('-', '_')}.py")


@cache
def _built_in_files() -> Mapping[str, Rule]:
    """Our own rules that are files, by name, from what is kept of them; nothing where one of them cannot be used."""
    from patchscan.settling.keptrules import compiled_rules

    paths = [path_of(name) for name in sorted(names_of_files())]
    return {rule.name: rule for rule in compiled_rules(built_in_directory(), paths, _built_in)}


@cache
def names_of_files() -> frozenset[str]:
    """The names of our own rules that are files: a file is called as its rule is."""
    paths = rule_files(built_in_directory(), [])
    return frozenset(os.path.basename(path)[:-3].replace("_", "-") for path in paths)


@cache
def _built_in(path: str) -> Rule | Problem:
    """A rule of ours, read once a process: it changes with the program only."""
    return load_rule(path)


@cache
def _built_in_rows() -> tuple[tuple[str, Rule | Problem], ...]:
    return tuple(rows_of(built_in_directory()))


def load_directory(directory: str) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """The rules of one directory alone, and what is wrong with what is none."""
    problems: list[Problem] = []
    found = [rule for _, rule in rules_in(directory, problems)]
    rules = tuple(each for each in found if isinstance(each, Rule))
    return rules, (*problems, *(each for each in found if isinstance(each, Problem)))


def rules_in(directory: str, problems: list[Problem]) -> Iterator[tuple[str, Rule | Problem]]:
    """(where it stands, the rule or why it is none) for each file and each row of a directory."""
    paths = rule_files(directory, problems)
    with kept_quiet():
        loaded = [load_rule(path) for path in paths]
    yield from zip(paths, loaded, strict=True)
    yield from rows_of(directory)


def rule_files(directory: str, problems: list[Problem]) -> list[str]:
    """The files of a directory that hold a rule each, sorted."""
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(".py") and name[0] not in "_.")
    except OSError as error:
        problems.append(Problem(directory, f"cannot be read: {error.strerror}", lost=True))
        return []
    return [os.path.join(directory, name) for name in names]


def rows_of(directory: str) -> Iterator[tuple[str, Rule | Problem]]:
    """The rules that are rows of tables: of ours compiled, of others the tables that lie among their rules."""
    if directory == built_in_directory():
        from patchscan.match.kept import compiled_rules

        tables = os.path.join(directory, "tables")
        yield from ((tables, each) for each in compiled_rules(tables))
        return
    further = {name for name in os.listdir(directory) if name.endswith(".toml")}
    if further:
        from patchscan.flow.usertables import NAMES, use_tables
        from patchscan.match.rowfile import read_table
        from patchscan.match.tablefiles import table_files

        if not further.isdisjoint(NAMES):
            yield from ((directory, each) for each in use_tables(directory))
        for path in table_files(directory):
            if os.path.basename(path) not in NAMES:
                yield from ((path, each) for each in read_table(path))


def load_rule(path: str) -> Rule | Problem:
    """The RULE of one file, or why it cannot be used.

    It is loaded without asking which of Python's finders knows the file: of a hundred files that costs more than their
    code.
    """
    if not os.path.isfile(path):
        return Problem(path, "cannot be loaded: this is no regular file", lost=True)
    directory, name = os.path.split(path)
    stem = name.removesuffix(".py")
    module_name = f"patchscan.rules.{stem}" if directory == built_in_directory() else f"_rule_{stem}"
    module = sys.modules[module_name] = ModuleType(module_name)
    module.__file__ = path
    try:
        code = code_of(module_name, os.fspath(path))
        exec(code or "", module.__dict__)
        rule = getattr(module, "RULE", None)
        fault = fault_of(rule, stem) if isinstance(rule, Rule) else "has no RULE = Rule(...)"
    except FAILURES as error:
        why = f"cannot be loaded: {in_words(error)}"
        return Problem(path, why, lost=True, details=traceback_lines(error))
    return rule if isinstance(rule, Rule) and not fault else Problem(path, fault, lost=True)


def fault_of(rule: Rule, stem: str) -> str:
    """What is wrong with a rule's description, "" if nothing."""
    if rule.name != stem.replace("_", "-"):
        return f"RULE is named {rule.name}, the file wants {stem.replace('_', '-')}"
    if rule.severity not in SEVERITIES:
        return f"severity {rule.severity!r} is none of {', '.join(SEVERITIES)}"
    if rule.confidence not in CONFIDENCES:
        return f"confidence {rule.confidence!r} is none of {', '.join(CONFIDENCES)}"
    if not callable(rule.check):
        return "its check cannot be called"
    if any(word != word.casefold() for word in rule.wakes):
        return "what wakes it is to be in lower case"
    empty = [name for name in ("summary", "why", "source", "bad", "good") if not getattr(rule, name)]
    return f"{', '.join(empty)} must not be empty" if empty else ""


def installed_packs(problems: list[Problem]) -> tuple[str, ...]:
    """Directories of rule packs installed with an entry point in the group "patchscan.rules".

    importlib.metadata takes longer to import than most scans to run, so it is asked only where an installed
    package names our group at all.
    """
    if not any(map(names_our_group, entry_point_files())):
        return ()
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    found: list[str] = []
    for point in entry_points(group="patchscan.rules"):
        try:
            spec = find_spec(point.value)
        except FAILURES:
            spec = None
        places = spec.submodule_search_locations if spec else None
        if not places:
            why = f"{point.value} is no package that can be found"
            problems.append(Problem(f"rule pack {point.name}", why, lost=True))
        found += places or ()
    return tuple(sorted(found))


def entry_point_files() -> Iterator[str]:
    """The files in which installed packages declare their entry points."""
    for place in sys.path:
        try:
            names = os.listdir(place or ".")
        except OSError:
            continue
        yield from (
            os.path.join(place, name, "entry_points.txt") for name in names if name.endswith(".dist-info")
        )


def names_our_group(path: str) -> bool:
    """Whether a package declares packs of rules."""
    try:
        with open(path, "rb") as file:
            return b"[patchscan.rules]" in file.read()
    except OSError:
        return False
