"""Loads rules: the built-in ones, installed packs and --rules DIR, all by directory and by one road."""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from patchscan.problem import Problem
from patchscan.rule import Rule

SEVERITIES = ("error", "warning", "info")
CONFIDENCES = ("high", "medium", "low")


def built_in_directory() -> Path:
    """Where our own rules are: installed as patchscan.rules, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "rules"
    return installed if installed.is_dir() else package.parent / "rules"


def load_rules(directories: Iterable[Path] = ()) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """All rules, sorted by name; a file that is no rule becomes a Problem and the rest is loaded.

    directories: further rule directories, after the built-in one and the installed packs.
    """
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for directory in (built_in_directory(), *installed_packs(), *directories):
        if not directory.is_dir():
            problems.append(Problem(str(directory), "no such directory of rules"))
            continue
        for path in sorted(directory.glob("[!_]*.py")):
            rule = load_rule(path)
            if isinstance(rule, Problem):
                problems.append(rule)
            elif rule.name in rules:
                problems.append(Problem(str(path), f"a rule named {rule.name} is loaded already: rename it"))
            else:
                rules[rule.name] = rule
    return tuple(rules[name] for name in sorted(rules)), tuple(problems)


def load_rule(path: Path) -> Rule | Problem:
    """The RULE of one file, or why it cannot be used."""
    module_name = (
        f"patchscan.rules.{path.stem}" if path.parent == built_in_directory() else f"_rule_{path.stem}"
    )
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        return Problem(str(path), "not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        # A rule of a third party may fail in any way; the other rules must still run.
        return Problem(str(path), f"cannot be loaded: {type(error).__name__}: {error}")
    rule = getattr(module, "RULE", None)
    if not isinstance(rule, Rule):
        return Problem(str(path), "has no RULE = Rule(...)")
    fault = fault_of(rule, path.stem)
    return Problem(str(path), fault) if fault else rule


def fault_of(rule: Rule, stem: str) -> str:
    """What is wrong with a rule's description, "" if nothing."""
    if rule.name != stem.replace("_", "-"):
        return f"RULE is named {rule.name}, the file wants {stem.replace('_', '-')}"
    if rule.severity not in SEVERITIES:
        return f"severity {rule.severity!r} is none of {', '.join(SEVERITIES)}"
    if rule.confidence not in CONFIDENCES:
        return f"confidence {rule.confidence!r} is none of {', '.join(CONFIDENCES)}"
    empty = [name for name in ("summary", "why", "source", "bad", "good") if not getattr(rule, name)]
    return f"{', '.join(empty)} must not be empty" if empty else ""


def installed_packs() -> tuple[Path, ...]:
    """Directories of rule packs installed with an entry point in the group "patchscan.rules".

    importlib.metadata takes longer to import than most scans to run, so it is asked only where an installed
    package names our group at all.
    """
    if not any(b"[patchscan.rules]" in path.read_bytes() for path in entry_point_files()):
        return ()
    from importlib.metadata import entry_points

    found: list[Path] = []
    for point in entry_points(group="patchscan.rules"):
        spec = importlib.util.find_spec(point.value)
        found += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return tuple(sorted(found))


def entry_point_files() -> tuple[Path, ...]:
    """The files in which installed packages declare their entry points."""
    return tuple(path for place in sys.path for path in Path(place).glob("*.dist-info/entry_points.txt"))
