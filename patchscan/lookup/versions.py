"""The versions of a function or macro that headers hold: when none is a constant, and which options decide on it."""

from collections.abc import Sequence

from patchscan.basics.formula import Formula, all_of, config, negation
from patchscan.basics.keep import of_text
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.defining import defines
from patchscan.c.source import parse
from patchscan.lookup.compiled import conditions_of
from patchscan.lookup.edges import simplified
from patchscan.lookup.uses import files_holding
from patchscan.tree.overlay import View

_EVERYWHERE = 100_000
# What more headers name is none of the names that an option makes constant.
_MOST_HEADERS = 300
_MOST_NAMES = 40
_NAME = pattern(r"(?<![\w.>])[A-Za-z_]\w+")
_ASKS = pattern(r"\bIS_(?:ENABLED|REACHABLE|BUILTIN|MODULE)\b")
_ASKED = pattern(r"\bIS_\w+\(CONFIG_(\w+?)(?:_MODULE)?\)")
_UNUSED = pattern(r"\(void\)\s*\(?\w+\)?")
_USED = pattern(r"(?<![\w.>])(?:[A-Za-z_]\w+(?=\s*\()|[A-Z]\w+)")
# What cannot stand in a condition, or takes no part in one: no value, a name or a string made of a parameter.
_NO_VALUE = pattern(r"(?s)\s*(?:$|do\b|\(*\(void\)\s*0\)*$|\{(?!.*\breturn\s*[^\s;]))|[^\"]*#")
_CALL_ALONE = pattern(r"(?<=[;{}\n])\s*(?:\(void\)\s*)?\w+\s*\([^;{}]*\)\s*;")
_PLAIN = pattern(r"return|false|true|NULL|ERR_PTR|E[A-Z]{3,}|do|while|void|bool|int|long|unsigned")


@frozen
class Version:
    """A function or macro of a header: what it is given (None for a macro without parentheses), does, and when."""

    name: str
    parameters: frozenset[str] | None
    body: str
    when: Formula

    @property
    def words(self) -> frozenset[str]:
        """The names in its body."""
        return frozenset(_NAME.findall(_UNUSED.sub("", self.body)))

    @property
    def constant(self) -> bool:
        """Whether it says the same whenever it is asked, and may so decide a condition."""
        if self.parameters is None:
            return self.body.strip("() UL") in ("0", "1", "false", "true")
        return not _NO_VALUE.match(self.body) and all(_PLAIN.fullmatch(word) for word in self.words)

    @property
    def said(self) -> str:
        """Its body without the statements that only call something: what its value may hang on."""
        return _CALL_ALONE.sub("", self.body)


@of_text(256)
def _versions_of(text: bytes, path: str, name: str) -> tuple[Version, ...]:
    """The versions of a name in a header; of all names where it is ""."""
    source = parse(text, path)
    found = [
        Version(
            each.name,
            frozenset(one.name for one in each.parameters) if name else frozenset(),
            source.slice(each.brace, each.end),
            simplified(conditions_of(source, each.name_line)),
        )
        for each in source.functions()
        if name in ("", each.name)
    ]
    found += [
        Version(
            each.name,
            None if each.parameters is None else frozenset(each.parameters),
            each.body,
            simplified(conditions_of(source, each.line)),
        )
        for each in source.macros()
        if name in ("", each.name)
    ]
    return tuple(found)


def versions(view: View, name: str) -> tuple[Version, ...]:
    """The versions of a name in all headers."""
    paths, _ = files_holding(view, name, most=_EVERYWHERE)
    headers = [path for path in paths if path.endswith(".h")]
    if len(headers) > _MOST_HEADERS:
        return ()
    return tuple(
        version
        for path in headers
        if defines(text := view.read(path) or b"", name)
        for version in _versions_of(text, path, name)
    )


def never_constant(view: View, name: str) -> Formula | None:
    """When no version of a function or macro, or of what it is made of, is a constant; None where that is not plain.

    The constant versions are not compiled then, and the options that one asks for are on.
    """
    parts: dict[Formula, None] = {}
    pending, seen = [name], {name}
    for word in pending:
        found = versions(view, word)
        several = len(found) > 1 or any(each.when.atoms for each in found)
        for each in found:
            body = each.said
            options = _ASKED.findall(body)
            if _ASKS.search(body) and ("!IS_" in body or not options):
                return None
            parts.update(dict.fromkeys(config(option) for option in options))
            if several and each.constant:
                parts[negation(each.when)] = None
            inner = set(_USED.findall(body)) - seen - (each.parameters or set())
            pending += sorted(inner)[: _MOST_NAMES - len(pending)]
            seen |= inner
    whole = all_of(parts)
    return whole if whole.plain else None


def decided_by(view: View, name: str, options: frozenset[str]) -> bool:
    """Whether an option decides what a name of some header is."""
    return any(each.when.atoms & options for each in versions(view, name))


def names_decided_by(view: View, headers: Sequence[str], options: frozenset[str]) -> frozenset[str]:
    """The functions and macros of some headers that an option decides on: stubs, and what has one."""
    return frozenset(
        each.name
        for path in headers
        for each in _versions_of(view.read(path) or b"", path, "")
        if each.when.atoms & options
    )
