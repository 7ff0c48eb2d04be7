"""What the user configured: `.patchscan.toml` in the tree, in the user's configuration directory, or by --config.

ignore = ["unneeded-braces"]            # or select = [...]: run only these
baseline = "known.toml"                 # findings that are known, beside this file
severity = { missing-braces = "error" }

[options.unconverted-callers]           # options of a rule, as its explanation names them
functions = { old_call = "use new_call()" }

[[for]]                                 # the same for a part of the tree
paths = ["drivers/staging/", "lib/*.c"] # patterns as in MAINTAINERS
ignore = ["kernel-doc"]

[[for]]
subsystem = "MEMORY MANAGEMENT"         # the title of a section of MAINTAINERS
severity = { kernel-doc = "info" }
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from patchscan.basics.record import field, frozen
from patchscan.basics.usage import LEVELS, UsageError, read_toml

NAME = ".patchscan.toml"
FOR_ALL = ("select", "ignore", "severity", "options", "baseline", "for")
FOR_PART = ("paths", "subsystem", "select", "ignore", "severity")


@frozen
class Part:
    """Settings of a part of the tree: paths, patterns as in MAINTAINERS, or a subsystem, a section's title there."""

    paths: tuple[str, ...] = ()
    subsystem: str = ""
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, str] = field(default_factory=dict)


@frozen
class Config:
    """A configuration file; path: where it was found, "" where there is none; baseline: a path, or ""."""

    path: str = ""
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    baseline: str = ""
    parts: tuple[Part, ...] = ()

    @property
    def name(self) -> str:
        """What to call it in a report, the same on every machine."""
        return os.path.basename(self.path)

    def rules_named(self) -> set[str]:
        """Every rule that it names."""
        return self.rules_wanted().union(self.ignore, *(part.ignore for part in self.parts))

    def rules_wanted(self) -> set[str]:
        """Every rule that it names otherwise than to ignore it, and so counts on."""
        wanted = set(self.select | set(self.severity) | set(self.options))
        for part in self.parts:
            wanted |= part.select | set(part.severity)
        return wanted


NO_CONFIG = Config()


def find_config(tree: str | None) -> str | None:
    """The configuration file to use: the tree's, else the user's, None where there is none.

    One that is there and no regular file is found, too, for read_config() to say so.
    """
    home = os.path.expanduser("~")
    user = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    places = [os.path.join(place, NAME) for place in (tree, user, home) if place]
    return next((place for place in places if os.path.lexists(place)), None)


def is_of_tree(path: str | None, tree: str | None) -> bool:
    """Whether a configuration file is that of the tree, which may be anyone's, and not the user's own."""
    return path is not None and tree is not None and os.path.dirname(path) == tree.rstrip("/")


def read_config(path: str | None, tree: str | None = None) -> Config:
    """Read a configuration file; None gives an empty one. Raises UsageError for what cannot be meant.

    tree: the top of the tree that the file belongs to. It then neither lies outside nor names what does.
    """
    if path is None:
        return NO_CONFIG
    if tree is not None and not lies_in(path, tree):
        raise UsageError(f"{path}: it leads out of the tree; --config FILE names another")
    table = read_toml(path)
    check_keys(table, FOR_ALL, path)
    options = table.get("options", {})
    parts = table.get("for", [])
    if not isinstance(options, dict) or not all(isinstance(each, dict) for each in options.values()):
        raise UsageError(f"{path}: options wants a table a rule: [options.RULE]")
    if not isinstance(parts, list) or not all(isinstance(each, dict) for each in parts):
        raise UsageError(f"{path}: for wants tables: [[for]]")
    baseline = one_text(table, "baseline", path)
    if baseline and "\0" in baseline:
        raise UsageError(f"{path}: baseline names no file: it holds a NUL")
    if baseline and tree is not None and not lies_in(os.path.join(os.path.dirname(path), baseline), tree):
        raise UsageError(f"{path}: baseline leads out of the tree; --baseline FILE names a file of your own")
    return Config(
        path=path,
        select=frozenset(texts(table, "select", path)),
        ignore=frozenset(texts(table, "ignore", path)),
        severity=severities(table, path),
        options=options,
        baseline=os.path.join(os.path.dirname(path), baseline) if baseline else "",
        parts=tuple(part_of(each, path) for each in parts),
    )


def lies_in(path: str, tree: str) -> bool:
    """Whether a path, all its links followed, stays below the top of a tree."""
    return os.path.realpath(path).startswith(os.path.realpath(tree).rstrip("/") + "/")


def part_of(table: dict[str, Any], path: str) -> Part:
    """One [[for]] table."""
    check_keys(table, FOR_PART, f"{path}: [[for]]")
    part = Part(
        paths=tuple(texts(table, "paths", path)),
        subsystem=one_text(table, "subsystem", path),
        select=frozenset(texts(table, "select", path)),
        ignore=frozenset(texts(table, "ignore", path)),
        severity=severities(table, path),
    )
    if bool(part.paths) == bool(part.subsystem):
        raise UsageError(f"{path}: a [[for]] names either paths or a subsystem")
    return part


def check_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Raise UsageError for a key that means nothing, which is most likely a slip."""
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise UsageError(f"{where}: no such key: {', '.join(unknown)}; there are {', '.join(known)}")


def texts(table: Mapping[str, Any], key: str, path: str) -> Iterator[str]:
    """A list of strings, empty where the key is absent."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UsageError(f'{path}: {key} wants a list of strings, e.g. {key} = ["..."]')
    return iter(value)


def one_text(table: Mapping[str, Any], key: str, path: str) -> str:
    """A string, "" where the key is absent."""
    value = table.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f'{path}: {key} wants a string, e.g. {key} = "..."')
    return value


def severities(table: Mapping[str, Any], path: str) -> dict[str, str]:
    """Rule -> severity."""
    value = table.get("severity", {})
    if not isinstance(value, dict) or not all(each in LEVELS for each in value.values()):
        raise UsageError(f"{path}: severity wants RULE = LEVEL, a level is one of {', '.join(LEVELS)}")
    return value
