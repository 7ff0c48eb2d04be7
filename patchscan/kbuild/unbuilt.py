"""Files that a series makes and that no Makefile builds yet: until one does, nothing in them is compiled.

Such a file is new, so what builds it stands on lines that the series adds; it is all read from the hunks.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence

from patchscan.basics.pattern import pattern
from patchscan.series import FileChange, Patch

_KCONFIG_ENTRY = pattern(r"^\s*(?:menu)?config\s+(\w+)\s*$")
_LIST = pattern(r"^\s*([\w.-]+?)-(?:y|m|objs|\$[({]CONFIG_(\w+)[)}])\s*[:+]?=")
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
    for change, text in makefile_lines(so_far):
        above = posixpath.dirname(change.path)
        inside = posixpath.relpath(directory or ".", above or ".")
        word = name if inside == "." else f"{inside}/{name}"
        if inside.startswith("..") or not re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w.-])", text):
            continue
        entry = _LIST.match(text)
        if entry is None:
            return True
        if entry[2] and entry[2] in options(later) and entry[2] not in options(so_far):
            continue
        if entry[1] in ("obj", "lib", "core", "drivers", "net", "libs", "subdir"):
            if enters(so_far, later, change, step + 1):
                return True
        elif is_listed_before(so_far, above, entry[1]) or reached(
            so_far, later, posixpath.join(above, entry[1] + ".o"), step + 1
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
    return not any(word.search(text) for change, text in makefile_lines(patches) if change.path in names)


def makefile_lines(patches: Sequence[Patch]) -> Iterator[tuple[FileChange, str]]:
    """(Makefile, line) of every line that patches add to one, continued lines joined."""
    for patch in patches:
        for change in patch.files:
            if posixpath.basename(change.path) in ("Makefile", "Kbuild"):
                for hunk in change.hunks:
                    shown = "\n".join(line.text for line in hunk.lines if line.kind != "-")
                    new = {line.text for line in hunk.lines if line.kind == "+"}
                    for text in re.sub(r"\\[ \t]*\n", "\\ ", shown).split("\n"):
                        if any(
                            part.strip() and (part in new or part + "\\" in new) for part in text.split("\\ ")
                        ):
                            yield change, text.replace("\\ ", " ").partition("#")[0]


def options(patches: Sequence[Patch]) -> frozenset[str]:
    """The Kconfig symbols for which the patches add an entry."""
    return frozenset(
        found[1]
        for patch in patches
        for change in patch.files
        if posixpath.basename(change.path).startswith("Kconfig")
        for text in added(change)
        if (found := _KCONFIG_ENTRY.match(text))
    )


def added(change: FileChange) -> Iterator[str]:
    """The texts of the lines that a change adds."""
    return (line.text for hunk in change.hunks for line in hunk.lines if line.kind == "+")
