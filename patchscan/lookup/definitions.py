"""Where the tree defines a function that a text calls: its definitions, or why they are not known."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.defining import ways_of_defining
from patchscan.c.source import Function, Macro, Source, parse
from patchscan.lookup.uses import files_holding, near_series, seen_files
from patchscan.tree import Tree
from patchscan.tree.overlay import View

# Reading that many files takes some 20 ms; what more of them name is as a rule a helper of the core kernel.
MOST_FILES = 300
# Of what is found at once so many files are read.
_MOST_SEEN = 12
_INCLUDED = pattern(rb'#[ \t]*include[ \t]*["<](?:[^">\n]*/)?([^/">\n]+)[">]')
_WEAK = pattern(r"\b__weak\b|\bweak\b")


@frozen
class Definitions:
    """The definitions of a function that a text can mean; none where `why` says why they are not known.

    A macro with parameters stands among them as a function with its body.
    """

    functions: tuple[Function, ...] = ()
    why: str = ""


def find_definitions(view: View, name: str, asking: Source) -> Definitions:
    """What a name means that a text calls and does not define itself, in a tree state."""
    if view.tree is None:
        return Definitions(why="no tree at hand")
    paths, _ = files_holding(view, name, (asking.path,), MOST_FILES)
    if len(paths) > MOST_FILES:
        return Definitions(why=f"its name stands in more than {MOST_FILES} files")
    places = _places(view, name, paths)
    found = [each for path in places if not places[path] for each in _defined_in(view, path, name)]
    if asking.fragment is not None:
        own = [each for each in found if each.source.path == asking.path]
        declared = any(path.endswith(".h") and _can_include(asking, path) for path in paths)
        found = own or (found if declared else [])
    reachable = [each for each in found if _can_mean(asking, each)]
    if not reachable:
        return Definitions(why="no definition of it was found in the files that were searched")
    if any(places.values()) or any(_WEAK.search(each.header) for each in reachable):
        return Definitions(why="it is defined in several ways")
    return Definitions(tuple(reachable))


def seen_definitions(view: View, name: str, asking: Source) -> Sequence[Function]:
    """Some of what find_definitions() gives, if that gives any: they are read now, but the tree is not searched."""
    if asking.fragment is not None and _look_at(view, name, [asking.path]):
        return ()
    # These are searched, however many files hold the name.
    near = near_series(view, *(path for path in (asking.path,) if path not in view.changed))
    below = tuple(f"{directory}/" for directory in near)
    seen = seen_files(view, name)
    if len(seen) > MOST_FILES:
        seen = [path for path in seen if path.startswith(below)]
    places = _look_at(view, name, sorted(seen, key=partial(_farness, view, below))[:_MOST_SEEN])
    found = (each for path in places if not places[path] for each in _defined_in(view, path, name))
    return [each for each in found if _can_mean(asking, each)]


def _farness(view: View, near: tuple[str, ...], path: str) -> tuple[bool, bool, bool, str]:
    """What orders files by how likely they define what a series calls."""
    is_special = path.startswith("include/") and not path.startswith("include/linux/")
    return path not in view.changed, not path.startswith(near), is_special, path


@kept
def _places_in(tree: Tree, name: str, paths: tuple[str, ...]) -> Mapping[str, bool]:
    """The same of the files of a tree; without an index, those that were looked at are near the series."""
    return _look_at(tree, name, paths)


def _places(view: View, name: str, paths: Sequence[str]) -> Mapping[str, bool]:
    """The files that define a name -> whether in another way than as a function or macro of C.

    What the files of the tree itself define is kept.
    """
    assert view.tree is not None
    mine = tuple(path for path in paths if path not in view.changed)
    changed = _look_at(view, name, [path for path in paths if path in view.changed])
    return dict(sorted({**_places_in(view.tree, name, mine), **changed}.items()))


def _look_at(view: View | Tree, name: str, paths: Sequence[str]) -> dict[str, bool]:
    """Read fast: the places are looked at again."""
    found = {path: set(ways_of_defining(view.read(path) or b"", name, path)) for path in paths}
    return {path: not ways.isdisjoint(("value", "assembly")) for path, ways in found.items() if ways}


def _defined_in(view: View, path: str, name: str) -> tuple[Function, ...]:
    source = _source(view.read(path) or b"", path)
    macros = (_as_function(each, path) for each in source.macros() if each.name == name)
    return (
        *(each for each in source.functions() if each.name == name),
        *(each for each in macros if each is not None),
    )


@lru_cache(maxsize=64)
def _source(text: bytes, path: str) -> Source:
    return parse(text, path)


@lru_cache(maxsize=256)
def _as_function(macro: Macro, path: str) -> Function | None:
    """A macro as a function with its body; None where it is no plain one: `#define f f`, arguments `...`."""
    if macro.parameters is None or any("." in each for each in macro.parameters):
        return None
    parameters = ", ".join(f"long {each}" for each in macro.parameters)
    text = f"static inline void {macro.name}({parameters or 'void'}) {{ {macro.body}; }}\n"
    return next(iter(parse(text.encode("utf-8", "surrogateescape"), path, macro.line).functions()), None)


def _can_mean(asking: Source, function: Function) -> bool:
    """Whether a text that calls this name can mean this function."""
    path = function.source.path
    if path == asking.path:
        return True
    return not function.is_static if path.endswith(".c") else _can_include(asking, path)


def _can_include(asking: Source, header: str) -> bool:
    """Whether a text may include a header: a shared one, one of its directory, or one that it names."""
    own, other = asking.path.split("/"), header.split("/")
    if own[0] == other[0] == "arch" and own[1:2] != other[1:2]:
        return False
    if "include" in other[:-1] or own[:-1] == other[:-1]:
        return True
    return other[-1].encode("utf-8", "surrogateescape") in _included(asking)


@kept
def _included(asking: Source) -> frozenset[bytes]:
    return frozenset(_INCLUDED.findall(asking.text))
