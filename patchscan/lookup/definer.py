"""The one file that defines a function for the rest of the kernel, where this is plain to see."""

import posixpath
import re
from collections.abc import Iterable, Sequence

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.defining import defines
from patchscan.c.filelevel import statements_around
from patchscan.c.lexical import offsets
from patchscan.c.occurrences import occurrences
from patchscan.c.source import Function, parse
from patchscan.lookup.headers import text_of_header
from patchscan.lookup.uses import (
    files_holding,
    near_series,
    seen_files,
    seen_headers,
    shared_headers_holding,
)
from patchscan.tree import Tree
from patchscan.tree.index.search import is_kernel_source
from patchscan.tree.overlay import View

# What more files name is as a rule of the core kernel.
MOST_FILES = 400
_MOST_HEADERS = 12
_MOST_READ = 10
_PART = pattern(r"[a-z]+|\d+")
_ENDS = pattern(rb"[;{}]")
_WEAK = pattern(r"\b(?:__)?weak\b")


@frozen
class Definer:
    """A file that defines a function, and the headers that hold its name."""

    path: str
    headers: tuple[str, ...]


@kept
def _found(tree: Tree) -> dict[tuple[str, ...], Definer | None]:
    """What was found in a tree so far, by name and the files that hold it."""
    return {}


def find_definer(view: View, name: str) -> Definer | None:
    """The first file found that defines a function which headers only declare; the likely ones are read, and few.

    That it is the only one is for is_only_definer() to say.
    """
    if view.tree is None or _is_ruled_out(view, name):
        return None
    paths, _ = files_holding(view, name, most=MOST_FILES)
    if len(paths) > MOST_FILES:
        return None
    return _found_in(view, view.tree, name, paths)


def seen_definer(view: View, name: str) -> Definer | None:
    """A file that defines a function as it is now, but the tree is not searched: another may do so, too."""
    seen = seen_files(view, name) if view.tree is not None else ()
    if view.tree is None or len(seen) > MOST_FILES:
        return None
    held = {*seen, *(path for path in view.changed if name.encode() in (view.changed[path] or b""))}
    return _found_in(view, view.tree, name, sorted(filter(is_kernel_source, held)))


def _found_in(view: View, tree: Tree, name: str, paths: Sequence[str]) -> Definer | None:
    """What is found in some files; of those of the tree itself it is kept."""
    if any(path in view.changed for path in paths):
        return _find(view, name, paths)
    known = _found(tree)
    if (name, *paths) not in known:
        known[name, *paths] = _find(view, name, paths)
    return known[name, *paths]


def _is_ruled_out(view: View, name: str) -> bool:
    """Whether the headers that a tree shares rule a definer out, be the whole tree searched or what is near."""
    below = tuple(f"{directory}/" for directory in near_series(view))

    def near(shared: Iterable[str]) -> list[str]:
        return [path for path in shared if path in view.changed or path.startswith(below)]

    return _soon_rule_out(view, name, near(seen_headers(view, name))) or _rule_out(
        view, name, near(shared_headers_holding(view, name))
    )


def _soon_rule_out(view: View, name: str, headers: Sequence[str]) -> bool:
    """Whether some headers, which need not be all, rule a definer out by what they hold now."""
    held = 0
    for text in (text_of_header(view, path) for path in headers):
        held += bool(offsets(text, name.encode()))
        if held > _MOST_HEADERS or defines(text, name):
            return True
    return False


def _rule_out(view: View, name: str, headers: Sequence[str]) -> bool:
    """Whether some of the headers that hold a name are too many, or one of them defines it."""
    return len(headers) > _MOST_HEADERS or any(defines(view.read(path) or b"", name) for path in headers)


def _find(view: View, name: str, paths: Sequence[str]) -> Definer | None:
    headers = tuple(path for path in paths if path.endswith(".h"))
    if not headers or _rule_out(view, name, headers):
        return None
    sources = [path for path in paths if path.endswith(".c")]
    for path in sorted(sources, key=lambda path: (-_likeness(path, name, headers), path))[:_MOST_READ]:
        if defines(view.read(path) or b"", name):
            return Definer(path, headers)
    return None


def _likeness(path: str, name: str, headers: Sequence[str]) -> int:
    """How many words of a path stand in a function's name or in the names of the headers that know it."""
    words = set(_PART.findall(path[:-2]))
    stems = {word for header in headers for word in _PART.findall(posixpath.basename(header)[:-2])}
    return 2 * len(words.intersection(_PART.findall(name))) + len(words & stems) - path.startswith("arch/")


def definition_in(view: View, path: str, name: str) -> Function | None:
    """The one definition in a file of a function that others can call; None where it is not so plain."""
    found = [each for each in parse(view.read(path) or b"", path).functions() if each.name == name]
    plain = len(found) == 1 and not found[0].is_static and not _WEAK.search(found[0].header)
    return found[0] if plain else None


def is_only_definer(view: View, name: str, definer: Definer) -> bool:
    """Whether headers only declare a function, no other file seems to define it, and no macro makes it.

    Asks the whole tree.
    """
    paths, why = files_holding(view, name)
    others = [path for path in paths if path != definer.path]
    return not why and all(_leaves_alone(view, path, name) for path in others)


def _leaves_alone(view: View, path: str, name: str) -> bool:
    text = view.read(path) or b""
    uses = occurrences(text, name, path)
    if any(use.kind == "definition" for use in uses) or _is_alias(text, name):
        return False
    # At the top of a file it is an argument of a macro that may define it, or a stub of it.
    return all(use.function or use.kind not in ("call", "reference") for use in uses) or path.endswith(".S")


def _is_alias(text: bytes, name: str) -> bool:
    """Whether a declaration in a text says that a function is another one by another name."""
    if b"alias" not in text:
        return False
    for named in re.finditer(rb"\b%b\s*\(" % re.escape(name.encode()), text):
        begin = max(text.rfind(mark, 0, named.start()) for mark in (b";", b"{", b"}")) + 1
        end = _ENDS.search(text, named.end())
        if end is not None and end[0] == b";" and b"alias" in text[begin : end.start()]:
            return True
    return False


def declaring_header(view: View, name: str, definer: Definer) -> str:
    """The first header that declares a function, "" where none does so plainly, or a macro may make a stub of it."""
    for path in definer.headers:
        text = view.read(path) or b""
        if any(use.kind == "declaration" for use in occurrences(text, name, path)):
            around = (each for declared, _ in statements_around(text, name) for each in declared)
            return "" if any(each.kind == "call" for each in around) else path
    return ""
