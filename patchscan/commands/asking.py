"""`patchscan who`, `callers` and `field`: what is known of symbols of a kernel tree."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from patchscan.basics.fields import as_dict
from patchscan.basics.pattern import pattern
from patchscan.basics.printable import printable
from patchscan.basics.usage import CLEAN, FINDINGS, UsageError, working_directory

if TYPE_CHECKING:
    from patchscan.lookup.known import Access, Caller, Symbol
    from patchscan.tree.overlay import View

_NAME = pattern(r"[A-Za-z_]\w*", re.ASCII)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options that the three commands have in common."""
    command.add_argument("--tree", metavar="DIR", help="kernel tree (default: the one we stand in)")
    command.add_argument("--base", metavar="REV", help="revision of the tree, where it is a git tree")
    command.add_argument("--format", choices=("text", "json"), default="text", help="how to print")


def name_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `patchscan who` and `patchscan callers`."""
    command.add_argument("name", metavar="NAME", help="a function, macro, type, variable, member or constant")
    add_arguments(command)


def field_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `patchscan field`."""
    command.add_argument("name", metavar="STRUCT.MEMBER", help="e.g. mm_struct.mm_users")
    add_arguments(command)


def who(options: argparse.Namespace) -> int:
    """`patchscan who`: what a name is, and where."""
    from patchscan.lookup.known import who

    view = _view(options)
    found = who(view, _checked(options.name))
    return _show(options, found, "symbols", [_symbol_line(each) for each in found], "nothing defines it")


def callers(options: argparse.Namespace) -> int:
    """`patchscan callers`: who calls a function or macro."""
    from patchscan.lookup.known import callers

    view = _view(options)
    found = callers(view, _checked(options.name))
    functions = len({(each.path, each.function) for each in found})
    lines = [_caller_line(each) for each in found]
    if found:
        lines.append(f"{_count(len(found), 'call')} in {_count(functions, 'function')}")
    return _show(options, found, "calls", lines, "nothing calls it")


def field(options: argparse.Namespace) -> int:
    """`patchscan field`: what is done with a member of a struct."""
    from patchscan.lookup.known import accesses

    owner, dot, member = options.name.partition(".")
    if not dot:
        raise UsageError(f"{options.name}: name it as STRUCT.MEMBER, e.g. mm_struct.mm_users")
    view = _view(options)
    found = accesses(view, _checked(owner), _checked(member))
    sure = [each for each in found if each.sure]
    lines = [_access_line(each) for each in sure]
    if sure:
        counts = Counter(each.how for each in sure)
        lines.append(", ".join(f"{how} {count}" for how, count in sorted(counts.items())))
    if len(found) > len(sure):
        lines.append(
            f"{_count(len(found) - len(sure), 'access', 'accesses')} more to a member of that name, of which struct is "
            "not plain (--format json shows them)"
        )
    return _show(options, found, "accesses", lines, "nothing accesses it")


def _view(options: argparse.Namespace) -> View:
    from patchscan.tree import TreeError, find_tree, open_tree
    from patchscan.tree.overlay import View

    path = options.tree or find_tree(working_directory())
    if path is None:
        raise UsageError("no kernel tree at hand: name it with --tree")
    try:
        return View(open_tree(path, options.base), {})
    except TreeError as error:
        raise UsageError(str(error)) from None


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{printable(name)!r} is no name of C")
    return name


def _show(
    options: argparse.Namespace, found: Sequence[Any], key: str, lines: Sequence[str], none: str
) -> int:
    """Print what was found; the exit status is 1 where that is nothing."""
    if options.format == "json":
        document = {"name": options.name, key: [as_dict(each) for each in found]}
        print(json.dumps(document, indent=2))
    else:
        for line in lines or [none]:
            print(printable(line))
    return CLEAN if found else FINDINGS


def _symbol_line(found: Symbol) -> str:
    line = f"{found.path}:{found.line}: {found.kind}: {found.text}"
    line += f" [if {found.condition}]" if found.condition else ""
    return line + (f" [{found.exported}]" if found.exported else "")


def _caller_line(found: Caller) -> str:
    place = (
        f"macro {found.function}" if found.macro else f"{found.function}()" if found.function else "assembly"
    )
    return f"{found.path}:{found.line}: {place}"


def _access_line(found: Access) -> str:
    place = f"{found.function}()" if found.function else "initialiser"
    through = f" through {found.through}()" if found.through else ""
    return f"{found.path}:{found.line}: {place}: {found.how}{through}: {found.expression}"


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
