"""Which CONFIG options are on wherever some others are: by `depends on`, `select` and the blocks around an entry.

Only what is certain: of `depends on A && (B || C)` it follows that A is on. Where an option has several
definitions, what all of them ask for. Language: Documentation/kbuild/kconfig-language.rst.
"""

import posixpath
from collections.abc import Iterable
from functools import lru_cache

from patchscan.pattern import pattern
from patchscan.record import frozen
from patchscan.tree import Tree
from patchscan.tree.kconfig import ConfigSymbol, config_symbols, whole_symbol
from patchscan.tree.overlay import View
from patchscan.tree.search import is_kconfig

_ATTRIBUTE = pattern(
    r"\s+(?:depends\s+on\s+(?P<depends>.*)|select\s+(?P<select>\w+)(?:\s+if\s+(?P<when>.*))?)"
)
_HELP = pattern(r"\s+(?:help|---help---)\s*$")
_BLOCK = pattern(r"(if|endif|menu|endmenu|choice|endchoice|config|menuconfig|source|comment)\b\s*(.*)")
_TERM = pattern(r"\(*\s*(\w+)\s*(?:=\s*[ym]|!=\s*n)?\s*\)*")
_DEFAULT = pattern(r"\s+(?:default|def_bool|def_tristate)\s+(\S.*?)(?:\s+if\s+(.*))?$")
_PROMPT = pattern(r"\s+(?:prompt\b|(?:bool|tristate)\s+[\"'])")
_CONSTANT = pattern(r"\s+def_bool\s+y\s*")
# Directory of an architecture -> the option that is on where it is built (the `config` of its own Kconfig).
ARCHITECTURES = {
    "alpha": "ALPHA",
    "arc": "ARC",
    "arm": "ARM",
    "arm64": "ARM64",
    "loongarch": "LOONGARCH",
    "m68k": "M68K",
    "mips": "MIPS",
    "parisc": "PARISC",
    "powerpc": "PPC",
    "riscv": "RISCV",
    "s390": "S390",
    "sh": "SUPERH",
    "sparc": "SPARC",
    "um": "UML",
    "x86": "X86",
    "xtensa": "XTENSA",
}
_MOST_SYMBOLS = 400
# To look up more than these one by one takes longer than to read all there are.
_FEW_SYMBOLS = 100
_MOST_SELECTORS = 12
_EMPTY: frozenset[str] = frozenset()


@frozen
class _Demands:
    """What one option brings with it: those always on with it, and its `select OPTION if`.

    conditional: (option, what the condition asks for, whether that is all it asks for); default: what its only
    default value asks for, which is all that can turn on an option that nobody sets or selects.
    """

    always: frozenset[str] = _EMPTY
    default: frozenset[str] = _EMPTY
    conditional: frozenset[tuple[str, frozenset[str], bool]] = frozenset()


class _File:
    """A Kconfig file: by line the demands of its entries, by path what stands around the files it sources.

    constant: the options that are on whenever the file is read ("def_bool y" without a prompt or a condition).
    """

    def __init__(self) -> None:
        self.entries: dict[int, _Demands] = {}
        self.constant: set[str] = set()
        self.sources: dict[str, frozenset[str]] = {}


def implied(view: View, names: Iterable[str]) -> frozenset[str]:
    """The options (without CONFIG_) that are on in every configuration in which all of names are; names included."""
    changed = tuple(sorted((path, text) for path, text in view.changed.items() if is_kconfig(path)))
    return _reader(view.tree, changed).closure(frozenset(names), deep=True)


@lru_cache(maxsize=8)
def _reader(tree: Tree | None, changed: tuple[tuple[str, bytes | None], ...]) -> "_Reader":
    return _Reader(View(tree, dict(changed)))


class _Reader:
    """The Kconfig files of one view, each read when first asked for."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.symbols: dict[str, ConfigSymbol | None] = {}
        self.files: dict[str, _File] = {}
        self.known: dict[str, _Demands] = {}
        self.shallow: dict[str, frozenset[str]] = {}
        self.common: dict[str, frozenset[str]] = {}

    def symbol(self, name: str) -> ConfigSymbol | None:
        """An option with all its definitions and all that select it."""
        if name not in self.symbols:
            few = len(self.symbols) < _FEW_SYMBOLS
            self.symbols[name] = whole_symbol(self.view, name) if few else config_symbols(self.view).get(name)
        return self.symbols[name]

    def closure(self, names: frozenset[str], deep: bool) -> frozenset[str]:
        """names and what follows; deep: also by what all those that select an option have in common."""
        found: set[str] = set()
        waiting: list[tuple[str, frozenset[str], bool]] = []
        pending = sorted(names)
        while pending and len(found) < _MOST_SYMBOLS:
            name = pending.pop()
            if name in found:
                continue
            found.add(name)
            demands = self.demands(name)
            pending += sorted(demands.always)
            waiting += demands.conditional
            if deep:
                pending += sorted(self.of_selectors(name))
            if not pending:
                held = {option for option, when, whole in waiting if whole and when <= found}
                pending += sorted(held - found)
        return frozenset(found)

    def of_selectors(self, name: str) -> frozenset[str]:
        """Of an option that a user cannot set: what all those that select it bring with them."""
        if name not in self.common:
            self.common[name] = self._of_selectors(name)
        return self.common[name]

    def _of_selectors(self, name: str) -> frozenset[str]:
        symbol = self.symbol(name)
        if symbol is None or symbol.prompt or not 0 < len(symbol.selected_by) <= _MOST_SELECTORS:
            return _EMPTY
        return frozenset.intersection(*(self.by_selecting(other, name) for other in symbol.selected_by)) - {
            name
        }

    def by_selecting(self, name: str, selected: str) -> frozenset[str]:
        """What is on where one option selects another: its closure, and that of the condition it does so under."""
        conditions = [when for option, when, _ in self.demands(name).conditional if option == selected]
        common = frozenset.intersection(*conditions) if conditions else _EMPTY
        if selected in self.demands(name).always:
            common = _EMPTY
        return self.brought_by(name).union(*map(self.brought_by, common))

    def brought_by(self, name: str) -> frozenset[str]:
        """The closure of one option, selectors left out."""
        if name not in self.shallow:
            self.shallow[name] = self.closure(frozenset((name,)), deep=False)
        return self.shallow[name]

    def demands(self, name: str) -> _Demands:
        """What an option brings with it, whichever of its definitions holds."""
        symbol = self.symbol(name)
        if name in self.known or symbol is None or not symbol.places:
            return self.known.get(name, _Demands())
        each = [self.entry(path, line) for path, line in symbol.places]
        conditional = frozenset.intersection(*(one.conditional for one in each))
        # Until all is known, for what follows may come back to this option.
        always = frozenset.intersection(*(one.always for one in each))
        self.known[name] = _Demands(always, conditional=conditional)
        if len(symbol.selected_by) <= _MOST_SELECTORS and any(one.default for one in each):
            selected = [self.by_selecting(other, name) for other in symbol.selected_by]
            ways = (frozenset.intersection(one.default, *selected) if one.default else _EMPTY for one in each)
            always = frozenset.intersection(*(one.always | way for one, way in zip(each, ways, strict=True)))
            self.known[name] = _Demands(always, conditional=conditional)
        return self.known[name]

    def entry(self, path: str, line: int) -> _Demands:
        """One definition, with what stands around its file."""
        own = self.file(path).entries.get(line, _Demands())
        always = own.always | self.around(path)
        parts = path.split("/")
        if parts[0] == "arch" and len(parts) > 2 and parts[1] in ARCHITECTURES:
            # Its Kconfig files are read for that architecture alone.
            always |= {ARCHITECTURES[parts[1]]} | self.file(f"arch/{parts[1]}/Kconfig").constant
        return _Demands(always, own.default, own.conditional)

    def around(self, path: str) -> frozenset[str]:
        """The options asked for around the line that sources a file, and so on upwards."""
        directory = posixpath.dirname(path)
        while directory:
            directory = posixpath.dirname(directory)
            parent = posixpath.join(directory, "Kconfig")
            sources = self.file(parent).sources
            if path in sources:
                return sources[path] | self.around(parent)
        return _EMPTY

    def file(self, path: str) -> _File:
        """A Kconfig file, parsed once."""
        if path not in self.files:
            text = (self.view.read(path) or b"").decode("utf-8", "replace")
            self.files[path] = _parse(text.expandtabs())
        return self.files[path]


def _parse(text: str) -> _File:
    parsed = _File()
    stack: list[set[str]] = []
    always: set[str] = set()
    conditional: set[tuple[str, frozenset[str], bool]] = set()
    entry, in_head, in_help = 0, False, False
    name, constant = "", False
    defaults: list[frozenset[str]] = []
    joined = ""
    for number, line in enumerate([*text.split("\n"), "endmenu"], 1):
        joined += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        statement, joined = joined, ""
        block = _BLOCK.match(statement)
        if block is None:
            match = None if in_help else _ATTRIBUTE.match(statement)
            in_help = in_help or _HELP.match(statement) is not None
            default = None if in_help or not entry else _DEFAULT.match(statement)
            if default:
                defaults.append(frozenset([*certain(default[1]), *certain(default[2] or "")]))
            elif entry and not in_help and _PROMPT.match(statement):
                defaults += [_EMPTY, _EMPTY]
            constant = constant or (entry > 0 and _CONSTANT.fullmatch(statement) is not None)
            if match and match["depends"]:
                constant = False
                (always if entry else stack[-1] if in_head and stack else set()).update(
                    certain(match["depends"])
                )
            elif match and entry and match["select"]:
                if match["when"]:
                    whole = bool(certain(match["when"], whole=True))
                    conditional.add((match["select"], frozenset(certain(match["when"])), whole))
                else:
                    always.add(match["select"])
            continue
        if entry:
            parsed.entries[entry] = _Demands(
                frozenset(always.union(*stack)),
                defaults[0] if len(defaults) == 1 else _EMPTY,
                frozenset(conditional),
            )
            if constant and not any(stack):
                parsed.constant.add(name)
        word, rest = block[1], block[2]
        entry, in_help, in_head = 0, False, word in ("menu", "choice")
        if word in ("config", "menuconfig"):
            entry, always, conditional = number, set(), set()
            name, constant, defaults = rest.strip(), False, []
        elif word in ("if", "menu", "choice"):
            stack.append(set(certain(rest)) if word == "if" else set())
        elif word.startswith("end") and stack:
            stack.pop()
        elif word == "source":
            parsed.sources[rest.strip().strip('"')] = frozenset(set().union(*stack))
    return parsed


def certain(expression: str, whole: bool = False) -> list[str]:
    """The options that must be on for an expression to hold; with whole, none unless they are all it asks for."""
    terms = _split(expression.partition("#")[0])
    names = [match[1] for term in terms if (match := _TERM.fullmatch(term.strip())) and match[1] not in "ymn"]
    return names if not whole or len(names) == len(terms) else []


def _split(expression: str) -> list[str]:
    """The parts between top-level &&; an expression with || at the top is one part."""
    parts, depth, begin = [], 0, 0
    for at, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if depth == 0 and expression.startswith("||", at):
            return [expression]
        if depth == 0 and expression.startswith("&&", at):
            parts.append(expression[begin:at])
            begin = at + 2
    return [*parts, expression[begin:]]
