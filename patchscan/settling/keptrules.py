"""Our own rule files by what they say of themselves, kept beside them: the code of one is loaded when a patch wakes it.

What is kept is made by whoever first reads files that have changed since, and when the package is built.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import patchscan.rule
from patchscan.basics.fields import as_dict
from patchscan.basics.marked import made_of
from patchscan.basics.problem import Problem
from patchscan.context import Context
from patchscan.finding import Finding, Silence
from patchscan.rule import Rule

KEPT = "compiled.rules"
# How a file is loaded.
Load = Callable[[str], Rule | Problem]
_CHECK = Rule.__match_args__.index("check")


def compiled_rules(directory: str, paths: Sequence[str], load: Load) -> list[Rule]:
    """The rules of files, each loaded by the first patch that it does not sleep on; none where one cannot be used."""

    def read() -> list[tuple[Any, ...]] | None:
        loaded = [load(path) for path in paths]
        rules = [each for each in loaded if isinstance(each, Rule)]
        return [plain_of(rule) for rule in rules] if len(rules) == len(paths) else None

    # With the code that says what a rule is.
    values = made_of((*paths, os.fspath(patchscan.rule.__file__)), os.path.join(directory, KEPT), read)
    if values is None:
        return []
    return [rule_from(value, partial(check, load, path)) for path, value in zip(paths, values, strict=True)]


def check(load: Load, path: str, context: Context) -> Iterator[Finding | Silence]:
    """What the rule of a file says of a patch."""
    rule = load(path)
    if isinstance(rule, Problem):
        raise ImportError(rule.message)
    return rule.check(context)


def plain_of(rule: Rule) -> tuple[Any, ...]:
    """A rule as what can be kept: its fields in their order, but for the check."""
    return tuple(value for name, value in as_dict(rule).items() if name != "check")


def rule_from(kept: tuple[Any, ...], check: Callable[[Context], Iterator[Finding | Silence]]) -> Rule:
    """A rule of what plain_of() gave."""
    values: tuple[Any, ...] = (*kept[:_CHECK], check, *kept[_CHECK:])
    return Rule(*values)
