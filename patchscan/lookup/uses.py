"""Who uses an identifier, over the tree as a patch leaves it: exact kinds, through one level of macros."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.c.occurrences import Use as Use
from patchscan.c.occurrences import UseKind, occurrences
from patchscan.tree import Tree
from patchscan.tree.index import wordsearch
from patchscan.tree.index.parallel import in_parallel
from patchscan.tree.index.search import is_kernel_source, is_shared
from patchscan.tree.overlay import View

_MOST_MACROS = 24
_FEW_FILES = 400
# Of more files than these, an example is looked for in those that are near.
_MANY_FILES = 60
_REACHING = ("call", "macro", "reference", "initialiser")
# For so many symbols what headers hold them is kept.
_MOST_KNOWN = 1000
_WORD = pattern(rb"[A-Za-z_]\w*")
_NAME = pattern(r"[A-Za-z_]\w*")
_PLAIN_DEFINE = pattern(r"\s*#\s*define\s+\w+\s")
_DEFINE = pattern(r"^\s*#\s*define\s+\w+(\([^)]*\))?")


@frozen
class Uses:
    """The uses of a symbol, sorted by path and line.

    complete: whether the whole tree was searched; why: what was searched, where it was not. expansion: where
    symbol is itself a macro, the identifiers of its body.
    """

    symbol: str
    uses: tuple[Use, ...]
    complete: bool
    why: str
    expansion: tuple[str, ...] = ()

    def of_kind(self, *kinds: UseKind) -> tuple[Use, ...]:
        """The uses of some kinds."""
        return tuple(use for use in self.uses if use.kind in kinds)


def find_uses(view: View, symbol: str, whole: bool = True) -> Uses:
    """All uses of an identifier in the kernel's C and assembly text, also through one macro.

    A use through a macro has its name in `via`: where `#define A() f()`, each use of A is one of f. With
    whole=False uses may be missing, for it costs less: where very many files hold the symbol, only near_directories()
    of what the series changes is searched.
    """
    if not _NAME.fullmatch(symbol):
        return Uses(symbol, (), False, f"{symbol!r} is no identifier")
    known = _known(view)
    for asked in (True,) if whole else (True, False):
        if (symbol, asked) in known:
            return known[symbol, asked]
    return known.setdefault((symbol, whole), _search(view, symbol, whole))


def _search(view: View, symbol: str, whole: bool) -> Uses:
    direct, why = _uses_of(view, symbol, whole)
    direct = _as_function(direct, symbol)
    through, missed = _through_macros(view, symbol, direct, whole)
    ordered = sorted([*direct, *through], key=lambda use: (use.path, use.line, use.via))
    why = why or missed
    return Uses(symbol, tuple(ordered), not why, why, _expansion(direct))


def _through_macros(view: View, symbol: str, direct: Iterable[Use], whole: bool) -> tuple[list[Use], str]:
    """The uses of the macros in whose bodies symbol stands; a macro of a .c file is known only there."""
    # A macro with parameters is expanded only where it is called; one without also where it is named.
    plain = {use.function for use in direct if _PLAIN_DEFINE.match(use.text)}
    places = sorted({(use.function, use.path) for use in direct if use.kind == "macro"})
    shared = sorted({macro for macro, path in places if path.endswith(".h") and macro != symbol})
    why = ""
    if len(shared) > _MOST_MACROS:
        why = f"{len(shared)} macros use it; the first {_MOST_MACROS} were followed"
    through: list[Use] = []
    look_ahead(view, shared[:_MOST_MACROS])
    for macro in shared[:_MOST_MACROS]:
        found, missed = _uses_of(view, macro, whole, called=macro not in plain)
        why = why or missed
        through += [replace(use, via=macro) for use in found]
    for macro, path in places:
        if not path.endswith(".h") and macro not in shared:
            found_here = occurrences(view.read(path) or b"", macro, path, called=macro not in plain)
            through += [replace(use, via=macro) for use in found_here]
    known = {(use.path, use.line) for use in direct}
    reaching = [use for use in through if use.kind in _REACHING and (use.path, use.line) not in known]
    return reaching, why


def _uses_of(view: View, symbol: str, whole: bool, called: bool = False) -> tuple[list[Use], str]:
    paths, why = files_holding(view, symbol, most=None if whole else _MANY_FILES)
    work = partial(_uses_in, view, symbol, called)
    parts = [paths] if len(paths) < _FEW_FILES else [paths[::2], paths[1::2]]
    return [use for uses in in_parallel(work, parts) for use in uses], why


def _uses_in(view: View, symbol: str, called: bool, paths: Sequence[str]) -> list[Use]:
    return [use for path in paths for use in occurrences(view.read(path) or b"", symbol, path, called)]


def _as_function(uses: Iterable[Use], symbol: str) -> list[Use]:
    """Where symbol is a function, its name as a plain value is its address."""
    uses = list(uses)
    declares = re.compile(rf"\b{symbol}\s*\(")
    named = any(use.kind in ("definition", "declaration") and declares.search(use.text) for use in uses)
    if not named:
        return uses
    return [replace(use, kind="address") if _is_value(use, symbol) else use for use in uses]


def _is_value(use: Use, symbol: str) -> bool:
    if use.kind != "reference" or use.text.lstrip().startswith("#"):
        return False
    other = rf"\b(goto|sizeof\s*\(|typeof\s*\(|struct|union|enum)\s*{symbol}\b|^\s*{symbol}\s*:"
    return not re.search(other, use.text)


def _expansion(uses: Iterable[Use]) -> tuple[str, ...]:
    names: set[str] = set()
    for use in uses:
        if use.kind == "definition" and use.text.lstrip().startswith("#"):
            body = _DEFINE.sub("", use.text)
            names.update(_NAME.findall(body))
    return tuple(sorted(names))


@kept
def _known(view: View) -> dict[tuple[str, bool], Uses]:
    """The uses found in one view so far: several rules ask for the same."""
    return {}


@kept
def _held_headers(tree: Tree) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """What held a symbol when it was asked for, and the headers of it."""
    return {}


def files_holding(
    view: View, symbol: str, near: Sequence[str] = (), most: int | None = None
) -> tuple[list[str], str]:
    """The files that may hold an identifier in a view, sorted, and why these may not be all ("" where they are).

    most: where more hold it, only what stands near the series and the files in `near`; None: the whole tree.
    """
    changed = _changed_holding(view, symbol)
    if view.tree is None:
        return sorted(changed), "no tree: only what the series itself shows was searched"
    held, why = _held(view, view.tree, symbol, near, most)
    return sorted({*changed, *(path for path in held if path not in view.changed)}), why


@kept
def _changed_holding(view: View, symbol: str) -> tuple[str, ...]:
    """The sources that a view changes and that may hold a symbol."""
    if view.tree is None or len(view.changed) <= _MANY_FILES:
        return tuple(path for path in view.changed if _holds(view, path, symbol) and is_kernel_source(path))
    # To look into each of a thousand files takes longer than to ask the tree.
    held = wordsearch.files_with(view.tree, [symbol])[symbol]
    before = (path for path in held if path in view.changed and _holds(view, path, symbol))
    return (*before, *_brought(view).get(symbol.encode(), ()))


def _holds(view: View, path: str, symbol: str) -> bool:
    content = view.changed[path]
    return content is not None and symbol.encode() in content


@kept
def _brought(view: View) -> Mapping[bytes, Sequence[str]]:
    """The words on lines that a view has and its tree has not, each with the sources that hold it."""
    found: dict[bytes, list[str]] = {}
    for path, content in view.changed.items():
        if content and view.tree is not None and is_kernel_source(path):
            old = frozenset((view.tree.read(path) or b"").split(b"\n"))
            lines = b"\n".join(line for line in content.split(b"\n") if line not in old)
            for word in set(_WORD.findall(lines)):
                found.setdefault(word, []).append(path)
    return found


@kept
def headers_holding(view: View, symbol: str) -> list[str]:
    """The headers among files_holding() of the whole tree, sorted."""
    held = _headers_of(view.tree, symbol) if view.tree is not None else ()
    return sorted({*_changed_headers(view, symbol), *(path for path in held if path not in view.changed)})


@kept
def shared_headers_holding(view: View, symbol: str) -> list[str]:
    """Those of headers_holding() that stand where a tree has the headers that it shares; they cost much less."""
    held = wordsearch.shared_with(view.tree, [symbol])[symbol] if view.tree is not None else ()
    headers = (path for path in held if path.endswith(".h") and path not in view.changed)
    return sorted({*filter(is_shared, _changed_headers(view, symbol)), *headers})


def knows_shared(view: View) -> bool:
    """Whether to ask for all shared headers costs no more than for some of them."""
    return view.tree is None or wordsearch.is_compared(view.tree)


def shared_headers_among(view: View, symbol: str, paths: Collection[str]) -> list[str]:
    """Those of shared_headers_holding() that are among some; they cost least."""
    mine = frozenset(
        path for path in paths if path.endswith(".h") and path not in view.changed and is_shared(path)
    )
    held = wordsearch.shared_among(view.tree, symbol, mine) if view.tree is not None and mine else ()
    return sorted(
        {*(path for path in _changed_headers(view, symbol) if path in paths and is_shared(path)), *held}
    )


@kept
def seen_headers(view: View, symbol: str) -> list[str]:
    """Shared headers that may hold a symbol, the likeliest first: not all for certain, but no tree is searched."""
    held = wordsearch.seen_with(view.tree, symbol, shared=True) if view.tree is not None else ()
    changed = filter(is_shared, _changed_headers(view, symbol))
    headers = {*(path for path in held if path.endswith(".h") and path not in view.changed), *changed}
    return sorted(headers, key=lambda path: (not path.startswith("include/linux/"), path))


def seen_files(view: View, symbol: str) -> Sequence[str]:
    """Files of a tree that may hold a symbol: not all for certain, but the tree is not searched."""
    return wordsearch.seen_with(view.tree, symbol) if view.tree is not None else ()


def _changed_headers(view: View, symbol: str) -> Iterator[str]:
    """The headers that a view changes and that hold a symbol."""
    return (path for path in _changed_holding(view, symbol) if path.endswith(".h"))


def _headers_of(tree: Tree, symbol: str) -> tuple[str, ...]:
    """The headers of a tree that hold a symbol; kept for the next patch, as long as the answer stays that."""
    held = wordsearch.files_with(tree, [symbol])[symbol]
    known = _held_headers(tree)
    if symbol not in known or known[symbol][0] is not held:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[symbol] = held, tuple(path for path in held if path.endswith(".h"))
    return known[symbol][1]


def look_ahead(view: View, symbols: Sequence[str]) -> None:
    """Name several symbols that find_uses() or files_holding() will be asked for: the tree is searched once."""
    if view.tree is not None and symbols:
        wordsearch.look_ahead(view.tree, symbols)


def _held(
    view: View, tree: Tree, symbol: str, more: Sequence[str], most: int | None
) -> tuple[tuple[str, ...], str]:
    """The files of the tree that hold a symbol, and why these may not be all."""
    held = wordsearch.files_with(tree, [symbol])[symbol]
    if most is None or len(held) <= most:
        return held, ""
    near = near_series(view, *(path for path in more if path not in view.changed))
    below = tuple(f"{directory}/" for directory in near)
    return tuple(path for path in held if path.startswith(below)), (
        f"only {_shown(near)} searched, of {len(held)} files"
    )


def _shown(directories: Iterable[str]) -> str:
    return ", ".join(directory + "/" for directory in directories)


@kept
def near_series(view: View, *more: str) -> tuple[str, ...]:
    """near_directories() of what a view changes, and of further files."""
    return near_directories((*view.changed, *more))


def near_directories(changed: Iterable[str]) -> tuple[str, ...]:
    """Where to look first: the directories a series touches, include/ and the architecture it is about."""
    near: set[str] = set()
    for path in changed:
        parts = path.split("/")[:-1]
        # drivers/net/ethernet/intel rather than all of drivers; mm, kernel/sched, net/ipv4, arch/arm64.
        depth = 2 if parts[:1] == ["arch"] else len(parts)
        near.add("/".join(parts[:depth]))
    if not any(path.startswith("arch/") for path in near):
        near.add("arch/x86")
    near.add("include")
    near.discard("")
    return tuple(sorted(path for path in near if near.isdisjoint(_above(path))))


def _above(path: str) -> Iterator[str]:
    """The directories that a directory stands in."""
    return (path[:end] for end, character in enumerate(path) if character == "/")
