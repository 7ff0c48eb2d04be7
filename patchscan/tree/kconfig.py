"""Which CONFIG symbols exist, of what type, and who selects them: every Kconfig file of a tree, all architectures.

A scan, not an evaluation: what a configuration may become is wider than any one of them, and one definition
that allows a module is enough. Language: Documentation/kbuild/kconfig-language.rst.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from patchscan.pattern import pattern
from patchscan.record import frozen
from patchscan.tree import Tree
from patchscan.tree.overlay import View
from patchscan.tree.search import files_where, is_kconfig, is_kconfig_name

_ENTRY = pattern(
    rb"^ *(?:"
    rb"(?P<config>(?:menu)?config) +(?P<name>\w+)"
    rb"|(?P<type>tristate|bool|boolean|int|hex|string|def_bool|def_tristate)\b(?P<prompt> *[\"'])?"
    rb"|select +(?P<selected>\w+)"
    rb"|(?P<own_prompt>prompt)\b"
    rb"|(?P<help>(?:---)?help(?:---)? *\n(?: *\n)*)"
    rb"|(?P<choice>choice)\b"
    rb"|(?P<end>endchoice|menu|endmenu|comment|source|if|endif|mainmenu)\b"
    rb")",
    re.M,
)
_CONFIG_LINE = pattern(rb"^[ \t]*(?:menu)?config[ \t]+(\w+)", re.M)
_TYPES = {"boolean": "bool", "def_bool": "bool", "def_tristate": "tristate"}
_WIDTH = {"": 0, "string": 1, "int": 2, "hex": 3, "bool": 4, "tristate": 5}
# Where symbols live that are used all over the tree.
_COMMON = (
    "init/Kconfig",
    "arch/Kconfig",
    "arch/x86/Kconfig",
    "kernel/Kconfig.preempt",
    "lib/Kconfig",
    "lib/Kconfig.debug",
    "mm/Kconfig",
    "net/Kconfig",
)


@frozen
class ConfigSymbol:
    """A symbol, without its CONFIG_ prefix.

    kind: "bool", "tristate", "int", "hex", "string" or "" (no type found); of several definitions the widest,
    so "tristate" means that a module is possible. prompt: whether a user can set it; choice: whether it is one
    of a choice; selected_by: the symbols that select it; places: (path, line) of its definitions.
    """

    name: str
    kind: str
    prompt: bool
    choice: bool
    selected_by: tuple[str, ...]
    places: tuple[tuple[str, int], ...]


class _Definition:
    """One `config` entry of a file; filled while the file is scanned."""

    def __init__(self, name: str, line: int, choice: bool) -> None:
        self.name = name
        self.line = line
        self.choice = choice
        self.kind = ""
        self.prompt = False
        self.selects: tuple[str, ...] = ()


class _Files:
    """The Kconfig files of one tree, each read when first asked for."""

    def __init__(self, tree: Tree | None) -> None:
        self.tree = tree
        self.texts: dict[str, bytes] = {}
        self.names: dict[str, list[str]] | None = None
        self.scanned: dict[str, tuple[_Definition, ...]] = {}
        self.symbols: dict[tuple[tuple[str, bytes | None], ...], Mapping[str, ConfigSymbol]] = {}

    def definitions(self, path: str) -> tuple[_Definition, ...]:
        """What one file of the tree defines."""
        if path not in self.scanned:
            self.scanned[path] = tuple(_definitions(self.text(path)))
        return self.scanned[path]

    def definitions_of(self, view: View, path: str, name: str) -> tuple[_Definition, ...]:
        """What one file of a view defines, if it speaks of a symbol at all."""
        if path in view.changed:
            return tuple(_definitions(view.changed[path] or b""))
        if path not in self.texts:
            self.texts[path] = self.text(path)
        return self.definitions(path) if name.encode() in self.texts[path] else ()

    def naming(self, name: str) -> Iterator[str]:
        """The files of the tree that seem to define a symbol; looks at all of them once, if it comes to that."""
        indexed = self.indexed(name, checked=False)
        if indexed is None:
            yield from self.by_name().get(name, ())
            return
        yield from indexed
        # Only now is it a claim on all files.
        yield from (path for path in self.indexed(name, checked=True) or () if path not in indexed)

    def indexed(self, name: str, checked: bool) -> tuple[str, ...] | None:
        """The files of the tree that hold a word by its index (see Index.holding()), None where there is none."""
        if self.tree is None:
            return ()
        # Imported here: most scans ask for no symbol, and sqlite3 takes its time.
        from patchscan.tree.index import KCONFIG_FILES, look_up

        found = look_up(self.tree, [name], KCONFIG_FILES, checked)
        return None if found is None else found[name]

    def by_name(self) -> Mapping[str, Sequence[str]]:
        """The files of the tree that seem to define each symbol."""
        if self.names is None:
            self.names = {}
            for path in self.paths():
                for found in _CONFIG_LINE.findall(self.text(path)):
                    self.names.setdefault(found.decode(), []).append(path)
        return self.names

    def paths(self) -> tuple[str, ...]:
        """All Kconfig files of the tree."""
        return files_where(self.tree, is_kconfig_name) if self.tree is not None else ()

    def text(self, path: str) -> bytes:
        """The content of a file of the tree, b"" where there is none."""
        return (self.tree.read(path) if self.tree is not None else None) or b""


@lru_cache(maxsize=4)
def _files(tree: Tree | None) -> _Files:
    return _Files(tree)


def config_symbols(view: View | Tree) -> Mapping[str, ConfigSymbol]:
    """All CONFIG symbols that some Kconfig file of the view defines, by name without CONFIG_."""
    view = view if isinstance(view, View) else View(view, {})
    files = _files(view.tree)
    changed = tuple(sorted((path, text) for path, text in view.changed.items() if is_kconfig(path)))
    if changed not in files.symbols:
        overlaid = {path for path, _ in changed}
        found = [
            (path, one) for path in files.paths() if path not in overlaid for one in files.definitions(path)
        ]
        found += [(path, one) for path, text in changed for one in _definitions(text or b"")]
        files.symbols[changed] = _Symbols(found)
    return files.symbols[changed]


def whole_symbol(view: View | Tree, name: str) -> ConfigSymbol | None:
    """config_symbols().get(name); with an index of the tree much faster."""
    view = view if isinstance(view, View) else View(view, {})
    files = _files(view.tree)
    paths = files.indexed(name, checked=True)
    if paths is None:
        return config_symbols(view).get(name)
    changed = {path for path in view.changed if is_kconfig(path)}
    return _Symbols(
        (path, one)
        for path in sorted(changed.union(paths))
        for one in files.definitions_of(view, path, name)
        if name == one.name or name in one.selects
    ).get(name)


def config_symbol(view: View | Tree, name: str, directory: str = "") -> ConfigSymbol | None:
    """One symbol (name without CONFIG_), much faster than config_symbols(); None where no file defines it.

    The nearest definition counts: in the Kconfig of the directory, those above it, some that define what is
    used everywhere, then any. selected_by holds only what is selected in that file.
    """
    view = view if isinstance(view, View) else View(view, {})
    files = _files(view.tree)
    parts = directory.split("/")
    above = ["/".join([*parts[:depth], "Kconfig"]) for depth in range(len(parts), 0, -1)]
    changed = [path for path in sorted(view.changed) if is_kconfig(path)]
    for path in chain(above, _COMMON, changed, files.naming(name)):
        definitions = files.definitions_of(view, path, name)
        if any(one.name == name for one in definitions):
            return _Symbols((path, one) for one in definitions).get(name)
    return None


def _definitions(text: bytes) -> Iterator[_Definition]:
    """The `config` entries of a Kconfig file; help texts, which hold the same words, are stepped over."""
    text = text.expandtabs()
    current: _Definition | None = None
    in_choice = False
    position = counted = 0
    line = 1
    while match := _ENTRY.search(text, position):
        position = match.end()
        kind = match.lastgroup
        if kind == "help":
            position = _end_of_help(text, position)
        elif kind == "name":
            line, counted = line + text.count(b"\n", counted, match.start()), match.start()
            if current:
                yield current
            current = _Definition(match.group("name").decode(), line, in_choice)
        elif kind in ("choice", "end"):
            if current:
                yield current
            current = None
            in_choice = kind == "choice" or (in_choice and match.group().strip() != b"endchoice")
        elif current is not None:
            _add(current, match)
    if current:
        yield current


def _end_of_help(text: bytes, position: int) -> int:
    """Help goes on until a line is indented less than its first."""
    indent = len(text) - position - len(text[position:].lstrip(b" "))
    lines = _indented(max(indent, 1)).match(text, position)
    return lines.end() if lines else position


@lru_cache(maxsize=64)
def _indented(indent: int) -> "re.Pattern[bytes]":
    return re.compile(rb"(?: {%d}[^\n]*\n| *\n)*" % indent)


def _add(definition: _Definition, match: re.Match[bytes]) -> None:
    """Take one attribute of a `config` entry."""
    if match.group("selected"):
        definition.selects += (match.group("selected").decode(),)
    elif match.group("own_prompt"):
        definition.prompt = True
    elif match.group("type"):
        kind = match.group("type").decode()
        definition.kind = _TYPES.get(kind, kind)
        definition.prompt = definition.prompt or bool(match.group("prompt"))


class _Symbols(Mapping[str, ConfigSymbol]):
    """Symbols by name, in the order of names; of the many of a tree few are asked for, so each is made when it is."""

    def __init__(self, found: Iterable[tuple[str, _Definition]]) -> None:
        self._by_name: dict[str, list[tuple[str, _Definition]]] = {}
        self._selected_by: dict[str, set[str]] = {}
        for path, one in found:
            self._by_name.setdefault(one.name, []).append((path, one))
            for selected in one.selects:
                self._selected_by.setdefault(selected, set()).add(one.name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._by_name))

    def __len__(self) -> int:
        return len(self._by_name)

    def __getitem__(self, name: str) -> ConfigSymbol:
        places = self._by_name[name]
        return ConfigSymbol(
            name,
            max((one.kind for _, one in places), key=_WIDTH.__getitem__),
            any(one.prompt for _, one in places),
            any(one.choice for _, one in places),
            tuple(sorted(self._selected_by.get(name, ()))),
            tuple(sorted((path, one.line) for path, one in places)),
        )
