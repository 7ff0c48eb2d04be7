"""Files that a series makes and that no Makefile builds yet: until one does, nothing in them is compiled.

Such a file is new, so what builds it stands on lines that the series adds; it is all read from the hunks.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence

from patchscan.basics.buildfiles import is_kconfig, is_makefile
from patchscan.basics.pattern import pattern
from patchscan.kbuild.assignments import Statement, list_name, statements
from patchscan.series import FileChange, Patch

_KCONFIG_ENTRY = pattern(r"^\s*(?:menu)?config\s+(\w+)\s*$")
_MOST_STEPS = 12


def not_built_yet(patches: Sequence[Patch], number: int, path: str) -> bool:
    """Whether nothing builds a file of the series when patch `number` is the last one applied, and a later one does.

    A header counts as built with the first file that includes it.
    """
    so_far = [patch for patch in patches if patch.index <= number]
    later = [patch for patch in patches if patch.index > number]
    if not later or not is_made(so_far, path):
        return False
    return not is_built(so_far, later, path) and is_built(patches, (), path)


def is_built(so_far: Sequence[Patch], later: Sequence[Patch], path: str) -> bool:
    """Whether some line of the patches so far builds a new C file, or one that includes a new header."""
    users = [path] if path.endswith(".c") else sorted(includers(so_far, path))
    return any(
        not is_made(so_far, each) or (each.endswith(".c") and reached(so_far, later, each[:-2] + ".o", 0))
        for each in users
    )


def is_made(patches: Sequence[Patch], path: str) -> bool:
    """Whether one of the patches creates a file."""
    return any(change.kind == "create" and change.path == path for patch in patches for change in patch.files)


def includers(patches: Sequence[Patch], path: str) -> Iterator[str]:
    """The files that include a header on a line that the patches add, through other new headers as well."""
    name = re.escape(posixpath.basename(path))
    line = re.compile(rf'^\s*#\s*include\s+[<"](?:[^>"]*/)?{name}[>"]')
    for patch in patches:
        for change in patch.files:
            if any(line.match(text) for text in added(change)) and change.path != path:
                yield change.path


def reached(so_far: Sequence[Patch], later: Sequence[Patch], target: str, step: int) -> bool:
    """Whether make comes to an object, or a directory ("dir/"), by a line that the patches so far add.

    So it may where it is listed in a way that is not plain.
    """
    directory, name = posixpath.split(target.rstrip("/"))
    name += "/" * target.endswith("/")
    if step > _MOST_STEPS:
        return True
    for change, statement in makefile_statements(so_far):
        above = posixpath.dirname(change.path)
        inside = posixpath.relpath(directory or ".", above or ".")
        word = name if inside == "." else f"{inside}/{name}"
        if inside.startswith("..") or not re.search(
            rf"(?<![\w./-]){re.escape(word)}(?![\w.-])", statement.text
        ):
            continue
        entry = list_name(statement.assignment.name) if statement.assignment is not None else None
        if entry is None or entry.option is None:
            return True
        if entry.option in options(later) and entry.option not in options(so_far):
            continue
        if entry.stem in ("obj", "lib", "core", "drivers", "net", "libs", "subdir"):
            if enters(so_far, later, change, step + 1):
                return True
        elif is_listed_before(so_far, above, entry.stem) or reached(
            so_far, later, posixpath.join(above, entry.stem + ".o"), step + 1
        ):
            return True
    return False


def enters(so_far: Sequence[Patch], later: Sequence[Patch], makefile: FileChange, step: int) -> bool:
    """Whether make reads a Makefile: one that was there before the series, or is reached itself."""
    directory = posixpath.dirname(makefile.path)
    return (
        not is_made(so_far, makefile.path) or not directory or reached(so_far, later, directory + "/", step)
    )


def is_listed_before(patches: Sequence[Patch], directory: str, stem: str) -> bool:
    """Whether a composite object is older than the series: its Makefile is, and no added line lists it."""
    names = {posixpath.join(directory, name) for name in ("Makefile", "Kbuild")}
    if any(is_made(patches, name) for name in names):
        return False
    word = re.compile(rf"(?<![\w./-]){re.escape(stem)}\.o(?![\w.-])")
    return not any(
        word.search(statement.text)
        for change, statement in makefile_statements(patches)
        if change.path in names
    )


def makefile_statements(patches: Sequence[Patch]) -> Iterator[tuple[FileChange, Statement]]:
    """(Makefile, statement) of every one that patches add, or a line of it."""
    for patch in patches:
        for change in patch.files:
            if is_makefile(change.path):
                for hunk in change.hunks:
                    shown = [line for line in hunk.lines if line.kind != "-"]
                    for each in statements("\n".join(line.text for line in shown)):
                        of_it = shown[each.first_line - 1 : each.last_line]
                        if any(line.kind == "+" and line.text.strip() for line in of_it):
                            yield change, each


def options(patches: Sequence[Patch]) -> frozenset[str]:
    """The Kconfig symbols for which the patches add an entry."""
    return frozenset(
        found[1]
        for patch in patches
        for change in patch.files
        if is_kconfig(change.path)
        for text in added(change)
        if (found := _KCONFIG_ENTRY.match(text))
    )


def added(change: FileChange) -> Iterator[str]:
    """The texts of the lines that a change adds."""
    return (line.text for hunk in change.hunks for line in hunk.lines if line.kind == "+")
