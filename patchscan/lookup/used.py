"""When a file uses what only it can use: the #if around every use, and the macros that drop their argument."""

from collections.abc import Iterator

from patchscan.basics.formula import Formula, all_of, any_of, follows, read_condition
from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.conditions import Macro
from patchscan.c.defining import defines
from patchscan.c.filelevel import Statement, statements
from patchscan.c.lexical import directives, offsets
from patchscan.c.source import Source, parse
from patchscan.kbuild.built import built_exactly_when
from patchscan.kconfig.solve import Configuration, find_configuration
from patchscan.lookup.uses import look_ahead, shared_headers_holding
from patchscan.tree import Tree
from patchscan.tree.overlay import View

ALWAYS = Formula("constant", "1")
NEVER = Formula("constant", "0")
_MODULE = "defined(MODULE)"
# A macro that may drop an argument; what else is called is a function, as a rule.
_DROPS = pattern(rb"(_*[A-Z][A-Z0-9_]+|\w+_ptr)\s*\Z")
_MOST_HEADERS = 40
_DEEPEST = 4
_WINDOW = 1500


def declared_at(source: Source, name: str) -> tuple[Statement, ...]:
    """The statements outside functions that declare or define a name."""
    kinds = ("function", "prototype", "variable")
    return tuple(each for each in statements(source.text) if each.name == name and each.kind in kinds)


def conditions_of(source: Source, line: int) -> Formula:
    """The #if around a line where the file is built in: MODULE is not defined then."""
    return all_of(formula_of(each.expression, each.negated) for each in source.conditions_at(line))


def formula_of(expression: str, negated: bool) -> Formula:
    """A condition as a formula, for code that is built in."""
    if "".join(expression.split()) == _MODULE:
        return ALWAYS if negated else NEVER
    return read_condition(expression, negated)


def used_when(view: View, source: Source, name: str) -> Formula:
    """When the file uses a static function or variable of its own; of no use, never.

    A use in a macro's body stands where the macro is defined, and one in an argument counts where the macro keeps it.
    """
    own = declared_at(source, name)
    ways: list[Formula] = []
    asking: list[tuple[int, Formula]] = []
    bodies = [(match.start(), match.end()) for match in directives(source.code)]
    for offset in offsets(source.code, name.encode()):
        if any(each.name_start == offset or _inside(each, offset) for each in own):
            continue
        way = conditions_of(source, source.line_at(offset))
        in_body = any(start <= offset < end for start, end in bodies)
        if in_body or next(_around(source.code, offset), None) is None:
            if not way.atoms and way.holds({}):
                # Whatever macros do with the other uses.
                return ALWAYS
            ways.append(way)
        else:
            asking.append((offset, way))
    around = {name for at, _ in asking for name, _ in _around(source.code, at)}
    look_ahead(view, sorted(name for name in around if not _macros_of(source, name)))
    ways += (all_of((way, _kept(view, source, source.code, at, _DEEPEST))) for at, way in asking)
    return any_of(ways)


def _inside(own: Statement, offset: int) -> bool:
    """Whether a function speaks of itself."""
    return own.kind == "function" and own.start <= offset < own.end


def _kept(view: View, source: Source, text: bytes, offset: int, depth: int) -> Formula:
    """When what stands at an offset is still there once the macros around it are expanded."""
    parts = []
    for name, argument in _around(text, offset):
        found = macro_versions(view, source, name)
        if found:
            parts.append(
                any_of(all_of((when, _keeps(view, source, each, argument, depth))) for each, when in found)
            )
    return all_of(parts) if parts else ALWAYS


def _around(text: bytes, offset: int) -> Iterator[tuple[str, int]]:
    """(macro, number of the argument) of the calls around an offset that may drop it, innermost first."""
    depth = commas = 0
    first = max(0, offset - _WINDOW)
    for at in range(offset - 1, first - 1, -1):
        byte = text[at]
        if byte in b")]}":
            depth += 1
        elif byte in b"([{" and depth:
            depth -= 1
        elif byte in b"(":
            word = _DROPS.search(text, max(first, at - 80), at)
            if word:
                yield word[1].decode(), commas
            commas = 0
        elif byte in b"[{":
            # An initialiser's braces may stand in an argument, too, but that is rare.
            return
        elif depth == 0 and byte in b",":
            commas += 1
        elif depth == 0 and byte in b";#":
            return


def _keeps(view: View, source: Source, macro: Macro, argument: int, depth: int) -> Formula:
    if macro.parameters is None:
        return ALWAYS
    names = [each.removesuffix("...") or "__VA_ARGS__" for each in macro.parameters]
    name = names[min(argument, len(names) - 1)] if names else ""
    body = macro.body.encode("utf-8", "surrogateescape")
    found = offsets(body, name.encode()) if name else []
    if not found or depth == 0:
        return ALWAYS if depth == 0 else NEVER
    look_ahead(view, [around for at in found for around, _ in _around(body, at)])
    return any_of(_kept(view, source, body, at, depth - 1) for at in found)


def macro_versions(view: View, source: Source, name: str) -> tuple[tuple[Macro, Formula], ...]:
    """The definitions of a macro in the file itself, else in the headers, and when each holds."""
    own = _macros_of(source, name)
    if own or view.tree is None or any(name.encode() in (text or b"") for text in view.changed.values()):
        return own or _in_headers(view, name)
    known = _versions_known(view.tree)
    if name not in known:
        known[name] = _in_headers(view, name)
    return known[name]


@kept
def _versions_known(tree: Tree) -> dict[str, tuple[tuple[Macro, Formula], ...]]:
    """The macros of a tree's headers that were asked for so far."""
    return {}


def _in_headers(view: View, name: str) -> tuple[tuple[Macro, Formula], ...]:
    headers = [
        path
        for path in shared_headers_holding(view, name)
        if path.startswith("include/") and defines(view.read(path) or b"", name)
    ]
    if len(headers) > _MOST_HEADERS:
        return ()
    return tuple(found for path in headers for found in _macros_of(parse(view.read(path) or b"", path), name))


def _macros_of(source: Source, name: str) -> tuple[tuple[Macro, Formula], ...]:
    if name.encode() not in source.text:
        return ()
    return tuple((each, conditions_of(source, each.line)) for each in source.macros() if each.name == name)


@frozen
class Useless:
    """A static name that is of no use somewhere: when it is there, and when it is used."""

    declared: Formula
    used: Formula

    def built(self, view: View, path: str) -> Formula | None:
        """When its file is built with the name in it, None where that is not known, or hangs on more than options."""
        built = built_exactly_when(view, path)
        wanted = all_of((self.declared, built)) if built is not None else None
        return wanted if wanted is not None and wanted.plain else None

    def configuration(self, view: View, wanted: Formula) -> Configuration | None:
        """A configuration that is wanted and has no use of the name, None where none is found."""
        return find_configuration(view, wanted, self.used)


def useless_when(view: View, source: Source, own: Statement) -> Useless | None:
    """When a static name of a file is there and used, where the one does not bring the other, else None.

    None also where either hangs on more than options, and where nothing ever uses it.
    """
    declared = conditions_of(source, source.line_at(own.name_start))
    words = offsets(source.code, own.name.encode())
    if len(words) < 2:
        return None
    used = used_when(view, source, own.name)
    if used == NEVER or not (used.plain and declared.plain) or not used.atoms:
        return None
    return Useless(declared, used) if follows(used, declared) is False else None
