"""Which #include lines of a file are for nothing: it names nothing that the header declares, and reaches it anyway."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.includes import includes
from patchscan.c.lexical import without_comments
from patchscan.facts.infile import facts_in
from patchscan.facts.of_declarations import KIND as DECLARATIONS
from patchscan.facts.of_functions import KIND as FUNCTIONS
from patchscan.facts.of_macros import KIND as MACROS
from patchscan.facts.of_members import KIND as MEMBERS
from patchscan.lookup.closure import Closure
from patchscan.lookup.headers import text_of_header
from patchscan.lookup.needed import own_architecture
from patchscan.tree import Tree
from patchscan.tree.overlay import View

_WORD = pattern(rb"[A-Za-z_]\w*")
# What stands behind a common header of the same purpose.
_LOWER = pattern(r"arch/|include/(?:uapi|asm-generic|vdso)/")
# A macro that is called at the margin makes names of its arguments.
_MAKING = pattern(rb"^[A-Z_][A-Z0-9_]*\s*\([^)]*\)", re.MULTILINE)


def unneeded_includes(view: View, path: str, text: bytes) -> Iterator[str]:
    """The headers <linux/...> and <asm/...> that a file includes under no #if and could go without, in order.

    No name that the header declares, or that its kin does (mutex_types.h), stands in the file, and nothing that only
    this line leads to is named there, members included.
    """
    closure = Closure(view, path, text, own_architecture(path) or "x86")
    if closure.unknown:
        return
    words = frozenset(_WORD.findall(without_comments(text)))
    beginnings = _beginnings(words)
    lines = {
        closure.target(each): each
        for each in includes(text)
        if not each.conditions and not each.quoted and each.name.startswith(("linux/", "asm/"))
    }
    reached = {edge.path: closure.from_header(edge.path) for edge in closure.first.found if edge.when is None}
    ways = Counter(path for found in reached.values() for path in found)
    for header, line in lines.items():
        if header not in reached:
            continue
        own = _names_of(view, header)
        used = any(not words.isdisjoint(_names_of(view, each)) for each in (header, *_kin(closure, header)))
        if not own or used or not beginnings.isdisjoint(_beginnings(own)):
            continue
        alone = sorted(path for path in reached[header] if ways[path] == 1)
        if not any(_is_needed(view, each, words) for each in alone):
            yield line.name


def _beginnings(words: Iterable[bytes]) -> frozenset[bytes]:
    """The first two parts of names: what begins alike may be declared by a later version of the same header."""
    parts = (word.strip(b"_").split(b"_") for word in words)
    return frozenset(b"_".join(each[:2]) for each in parts if len(each) > 2)


def _kin(closure: Closure, header: str) -> list[str]:
    """The parts of a header: its types, its inline functions, what user space and the architectures have of it."""
    stem = header.rpartition("/")[2].removesuffix(".h")
    found: dict[str, None] = {}
    waiting = [header]
    while waiting:
        for edge in closure.edges(waiting.pop()).found:
            part = _LOWER.match(edge.path) or edge.path.rpartition("/")[2].startswith(stem)
            if part and edge.path not in found:
                found[edge.path] = None
                waiting.append(edge.path)
    return list(found)


def _is_needed(view: View, header: str, words: frozenset[bytes]) -> bool:
    """Whether a file of some words names something of a header, or a member of its structs."""
    members = (fact.name.encode() for fact in facts_in(view, MEMBERS, header))
    return not words.isdisjoint(_names_of(view, header)) or any(each in words for each in members)


def _names_of(view: View, header: str) -> frozenset[bytes]:
    """The names that a header declares; every word of one that pastes names together."""
    if view.tree is None or header in view.changed:
        return _read_names(view, header)
    known = _names_known(view.tree)
    if header not in known:
        known[header] = _read_names(view, header)
    return known[header]


@kept
def _names_known(tree: Tree) -> dict[str, frozenset[bytes]]:
    """The names of the headers of a tree that were asked for."""
    return {}


def _read_names(view: View, header: str) -> frozenset[bytes]:
    code = without_comments(text_of_header(view, header))
    if b"##" in code:
        return frozenset(_WORD.findall(code))
    names = {fact.name.encode() for fact in facts_in(view, FUNCTIONS, header)}
    names.update(fact.name.encode() for fact in facts_in(view, DECLARATIONS, header))
    names.update(fact.name.encode() for fact in facts_in(view, MACROS, header))
    names.update(fact.name.encode() for fact in facts_in(view, MEMBERS, header) if fact.type == "enum")
    for found in _MAKING.finditer(code):
        names.update(_WORD.findall(found[0]))
    return frozenset(names)
