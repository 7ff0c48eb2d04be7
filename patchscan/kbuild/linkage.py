"""Whether a file ends up in vmlinux or can be (part of) a module, from the Makefiles and Kconfig files of a view."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from patchscan.basics.buildfiles import is_makefile
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kbuild.assignments import ListName, list_name
from patchscan.kbuild.makefile import Makefile, read_makefile
from patchscan.kconfig.symbols import config_symbol
from patchscan.tree import Tree
from patchscan.tree.index.search import files_where
from patchscan.tree.overlay import View

_ONE_CONFIG = pattern(r"\$[({]CONFIG_(\w+)[)}]")
# "y" where the symbol is y or m, as obj-$(subst m,y,$(CONFIG_X)) writes it.
_FOLDED = pattern(r"\$\((?:subst m,y,|if ).*CONFIG_\w+.*\)|\$\(CONFIG_\w+:m=y\)")
_IN_VMLINUX = ("lib", "extra")
_MOST_LEVELS = 8


Goes = Literal["built-in", "modular", "unknown"]


@frozen
class Linkage:
    """Where an object goes.

    verdict: "built-in" (into vmlinux or nowhere, in every configuration), "modular" (a module in some) or
    "unknown"; config: the CONFIG symbols, without prefix, on the way; why: the lines of the Makefiles, in words.
    """

    verdict: Goes
    config: tuple[str, ...]
    why: str


def linkage(view: View | Tree, path: str) -> str:
    """ "built-in", "modular" or "unknown" for a source file; see Linkage."""
    return linkage_of(view, path).verdict


def linkage_of(view: View | Tree, path: str) -> Linkage:
    """Where the object made of a source file goes, with the reason; a header goes nowhere by itself."""
    view = view if isinstance(view, View) else View(view, {})
    return _of_source(_Build(view), path, frozenset())


def modules_of(view: View | Tree, path: str) -> frozenset[str]:
    """The objects, as paths from the top ("fs/ext4/ext4.o"), that a source file becomes part of in the end.

    Empty where no Makefile lists it. Symbols need no export between the files of one.
    """
    view = view if isinstance(view, View) else View(view, {})
    build, stem = _Build(view), posixpath.splitext(path)[0]
    return frozenset(
        last
        for directory in _above(path)
        for last in _last_objects(build, directory, stem + ".o", frozenset())
    )


def _lists_of(
    build: "_Build", directory: str, target: str, seen: frozenset[str]
) -> Iterator[tuple[str, ListName]]:
    """(name as written, what it says) of the lists of a Makefile that hold an object; seen: those before it."""
    makefile = build.makefile(directory)
    if makefile is None or target in seen or len(seen) > _MOST_LEVELS:
        return
    for name in makefile.lists.get(target, ()):
        listed = list_name(name)
        if listed is not None:
            yield name, listed


def _last_objects(build: "_Build", directory: str, target: str, seen: frozenset[str]) -> Iterator[str]:
    """What an object becomes part of by the Makefile of a directory; itself where it stands alone."""
    for _, listed in _lists_of(build, directory, target, seen):
        if listed.stem == "obj" or listed.stem in _IN_VMLINUX:
            yield target
        else:
            composite = posixpath.join(directory, listed.stem + ".o")
            yield from _last_objects(build, directory, composite, seen | {target})


class _Build:
    """The Makefiles of one view; those the series does not change are kept for the tree."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.touched = {posixpath.dirname(path) for path in view.changed if is_makefile(path)}
        self.own: dict[str, Makefile | None] = {}

    def makefile(self, directory: str) -> Makefile | None:
        """The Makefile of a directory."""
        # An included file may be changed too; then the including directory cannot be told from its path.
        if self.view.tree is not None and not self.touched:
            return _tree_makefile(self.view.tree, directory)
        if directory not in self.own:
            self.own[directory] = read_makefile(self.view.read, directory)
        return self.own[directory]

    def kind(self, symbol: str, directory: str) -> str:
        """The type of a CONFIG symbol, "" where none is found."""
        found = config_symbol(self.view, symbol, directory)
        return found.kind if found else ""


@lru_cache(maxsize=4096)
def _tree_makefile(tree: Tree, directory: str) -> Makefile | None:
    return read_makefile(tree.read, directory)


@lru_cache(maxsize=4)
def _listed_elsewhere(tree: Tree) -> Mapping[str, tuple[str, ...]]:
    """Object -> the directories, not above it, whose Makefiles list it (virt/kvm, drivers/gpu/drm/amd)."""
    found: dict[str, list[str]] = {}
    for path in files_where(tree, _is_main_makefile):
        text = tree.read(path) or b""
        makefile = (
            _tree_makefile(tree, posixpath.dirname(path)) if b".." in text or b"srctree" in text else None
        )
        if makefile is not None:
            for target in makefile.lists:
                if not target.startswith(makefile.directory + "/"):
                    found.setdefault(target, []).append(makefile.directory)
    return {target: tuple(sorted(set(directories))) for target, directories in found.items()}


def _is_main_makefile(name: str) -> bool:
    return name in ("Makefile", "Kbuild")


def _of_source(build: _Build, path: str, seen: frozenset[str]) -> Linkage:
    stem, suffix = posixpath.splitext(path)
    if suffix not in (".c", ".S", ".rs") or path in seen or len(seen) > _MOST_LEVELS:
        return Linkage("unknown", (), "no source file of its own object")
    target = stem + ".o"
    ways = [way for directory in _above(path) for way in _in_directory(build, directory, target, seen)]
    if not ways:
        # Before all Makefiles are read: no file of Linux 6.12 is both included and listed elsewhere.
        ways = [_of_source(build, other, seen | {path}) for other in _including(build.view, path)]
    if not ways and build.view.tree is not None:
        others = _listed_elsewhere(build.view.tree).get(target, ())
        ways = [way for directory in others for way in _in_directory(build, directory, target, seen)]
    return _worst(ways) if ways else Linkage("unknown", (), "no Makefile lists it")


def _above(path: str) -> Iterator[str]:
    directory = posixpath.dirname(path)
    while directory:
        yield directory
        directory = posixpath.dirname(directory)


def _worst(ways: list[Linkage]) -> Linkage:
    """One way into a module is enough; built-in only where every way is."""
    for verdict in ("modular", "unknown", "built-in"):
        chosen = [way for way in ways if way.verdict == verdict]
        if chosen:
            config = sorted({symbol for way in chosen for symbol in way.config})
            return Linkage(verdict, tuple(config), chosen[0].why)
    return Linkage("unknown", (), "")


def _in_directory(build: _Build, directory: str, target: str, seen: frozenset[str]) -> Iterator[Linkage]:
    """The ways in which the Makefile of a directory uses an object (a path from the top)."""
    for name, listed in _lists_of(build, directory, target, seen):
        if listed.stem == "obj":
            yield _by_suffix(build, directory, listed.suffix, name)
        elif listed.stem in _IN_VMLINUX:
            yield Linkage("built-in", _config_in(listed.suffix), f"{directory}: {name}")
        else:
            composite = posixpath.join(directory, listed.stem + ".o")
            for way in _in_directory(build, directory, composite, seen | {target}):
                yield Linkage(way.verdict, (*_config_in(listed.suffix), *way.config), f"{way.why} <- {name}")


def _config_in(text: str) -> tuple[str, ...]:
    return tuple(_ONE_CONFIG.findall(text))


def _by_suffix(build: _Build, directory: str, suffix: str, name: str) -> Linkage:
    """What obj-SUFFIX means: y, m or the value of a symbol."""
    where = f"{directory}: {name}"
    config = _config_in(suffix)
    if suffix in ("y", "objs") or _FOLDED.fullmatch(suffix):
        return Linkage("built-in", config, where)
    if suffix == "m":
        return Linkage("modular", config, where)
    if not config or not (_ONE_CONFIG.fullmatch(suffix) or suffix.startswith("$(subst y,")):
        return Linkage("unknown", config, f"{where} is not understood")
    # obj-$(subst y,$(CONFIG_A),$(CONFIG_B)) is m where either is.
    kinds = [build.kind(symbol, directory) for symbol in config]
    if "tristate" in kinds:
        return Linkage("modular", config, f"{where}, tristate")
    if all(kind == "bool" for kind in kinds):
        return Linkage("built-in", config, f"{where}, bool")
    return Linkage("unknown", config, f"{where}: no Kconfig file gives {' and '.join(config)} a type")


def _including(view: View, path: str) -> list[str]:
    """The .c files of the same directory, else of the one above, that #include a .c file."""
    directory, _, name = path.rpartition("/")
    above, _, last = directory.rpartition("/")
    for place, written in ((directory, name), (above, f"{last}/{name}")):
        include = re.compile(
            rb'^[ \t]*#[ \t]*include[ \t]+"(?:\./)?' + re.escape(written.encode()) + rb'"', re.M
        )
        sources = (other for other in view.files(place, deep=False) if other.endswith(".c") and other != path)
        found = [other for other in sources if include.search(view.read(other) or b"")]
        if found:
            return found
    return []
