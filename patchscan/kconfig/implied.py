"""Which CONFIG options are on wherever some others are: by `depends on`, `select` and the blocks around an entry.

Only what is certain (see patchscan.kconfig.demands). Where an option has several definitions, what all of them ask for.
"""

import posixpath
from collections.abc import Container, Iterable
from functools import lru_cache

from patchscan.basics.record import replace
from patchscan.kconfig.demands import NOTHING, Demands, FileDemands, parse
from patchscan.kconfig.symbols import Changed, ConfigSymbol, changed_files, indexed_demands, whole_symbol
from patchscan.tree import Tree
from patchscan.tree.overlay import View

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
_MOST_SELECTORS = 12


def implied(view: View, names: Iterable[str]) -> frozenset[str]:
    """The options (without CONFIG_) that are on in every configuration in which all of names are; names included."""
    return _reader(view.tree, changed_files(view)).closure(frozenset(names), deep=True)


@lru_cache(maxsize=8)
def _reader(tree: Tree | None, changed: Changed) -> "_Reader":
    return _Reader(View(tree, dict(changed)))


class _Reader:
    """The Kconfig files of one view, each read when first asked for."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.symbols: dict[str, ConfigSymbol | None] = {}
        self.files: dict[str, FileDemands] = {}
        self.given: dict[str, frozenset[str]] = {}
        self.known: dict[str, Demands] = {}
        self.shallow: dict[str, frozenset[str]] = {}
        self.common: dict[str, frozenset[str]] = {}

    def symbol(self, name: str) -> ConfigSymbol | None:
        """An option with all its definitions and all that select it."""
        if name not in self.symbols:
            self.symbols[name] = whole_symbol(self.view, name)
        return self.symbols[name]

    def closure(self, names: frozenset[str], deep: bool) -> frozenset[str]:
        """names and what follows; deep: also by what all those that select an option have in common."""
        found: set[str] = set()
        waiting: list[tuple[str, frozenset[str], bool]] = []
        pending = sorted(names)
        while pending and len(found) < _MOST_SYMBOLS:
            name = pending.pop()
            if name not in found:
                found.add(name)
                demands = self.known.get(name) or self.demands(name)
                pending += sorted(demands.always - found)
                waiting += demands.selects
                if deep:
                    pending += sorted(self.of_selectors(name) - found)
            if not pending:
                held = {
                    option
                    for option, when, whole in waiting
                    if whole and when <= found and self.turns_on(option, found)
                }
                pending += sorted(held - found)
        return frozenset(found)

    def turns_on(self, name: str, found: Container[str]) -> bool:
        """Whether to select an option turns it on: not where nothing that is read defines it, nor one of a choice."""
        symbol = self.symbol(name)
        if symbol is None or symbol.choice:
            return False
        parts = (path.split("/") for path, _ in symbol.places)
        return any(
            each[0] != "arch" or len(each) < 3 or ARCHITECTURES.get(each[1], "") in found for each in parts
        )

    def of_selectors(self, name: str) -> frozenset[str]:
        """Of an option that a user cannot set: what all ways to turn it on have in common: selectors and defaults."""
        if name not in self.common:
            self.common[name] = self._of_selectors(name)
        return self.common[name]

    def _of_selectors(self, name: str) -> frozenset[str]:
        symbol = self.symbol(name)
        if symbol is None or symbol.prompt or not 0 < len(symbol.selected_by) <= _MOST_SELECTORS:
            return NOTHING
        entries = (self.entry(path, line) for path, line in symbol.places)
        ways = [self.by_selecting(other, name) for other in symbol.selected_by]
        ways += [each.always | self.by_value(each.default) for each in entries if each.by_default]
        return frozenset.intersection(*ways) - {name}

    def by_selecting(self, name: str, selected: str) -> frozenset[str]:
        """What is on where one option selects another: its closure, and that of the condition it does so under."""
        conditions = [when for option, when, _ in self.demands(name).selects if option == selected]
        common = frozenset.intersection(*conditions) if conditions else NOTHING
        return self.brought_by(name).union(*map(self.brought_by, sorted(common)))

    def by_value(self, default: frozenset[str]) -> frozenset[str]:
        """What a default value asks for; of several parts what they and all that follows from them have in common."""
        found = {name for name in default if "|" not in name}
        for text in default - found:
            parts = [part.split() for part in text.split("|")]
            found |= frozenset.intersection(*(NOTHING.union(*map(self.brought_by, part)) for part in parts))
        return frozenset(found)

    def brought_by(self, name: str) -> frozenset[str]:
        """The closure of one option, selectors left out."""
        if name not in self.shallow:
            self.shallow[name] = self.closure(frozenset((name,)), deep=False)
        return self.shallow[name]

    def demands(self, name: str) -> Demands:
        """What an option brings with it, whichever of its definitions holds."""
        symbol = self.symbol(name)
        if name in self.known or symbol is None or not symbol.places:
            return self.known.get(name, Demands())
        each = [self.entry(path, line) for path, line in symbol.places]
        selects = frozenset.intersection(*(one.selects for one in each))
        # Until all is known, for what follows may come back to this option.
        always = frozenset.intersection(*(one.always for one in each))
        self.known[name] = Demands(always, selects=selects)
        if len(symbol.selected_by) <= _MOST_SELECTORS and any(one.default for one in each):
            selected = [self.by_selecting(other, name) for other in symbol.selected_by]
            ways = (
                frozenset.intersection(self.by_value(one.default), *selected) if one.default else NOTHING
                for one in each
            )
            always = frozenset.intersection(*(one.always | way for one, way in zip(each, ways, strict=True)))
            self.known[name] = Demands(always, selects=selects)
        return self.known[name]

    def entry(self, path: str, line: int) -> Demands:
        """One definition, with what stands around its file."""
        if path not in self.given:
            self.given[path] = self.around(path) | self.of_architecture(path)
        own, given = self.file(path).entries.get(line, Demands()), self.given[path]
        return replace(own, always=own.always | given) if given else own

    def of_architecture(self, path: str) -> frozenset[str]:
        """What is on for the architecture whose file this is: its Kconfig files are read for that alone."""
        parts = path.split("/")
        if parts[0] == "arch" and len(parts) > 2 and parts[1] in ARCHITECTURES:
            return frozenset((ARCHITECTURES[parts[1]], *self.file(f"arch/{parts[1]}/Kconfig").constant))
        return NOTHING

    def around(self, path: str) -> frozenset[str]:
        """The options asked for around the line that sources a file, and so on upwards."""
        directory = posixpath.dirname(path)
        while directory:
            directory = posixpath.dirname(directory)
            parent = posixpath.join(directory, "Kconfig")
            sources = self.file(parent).sources
            if path in sources:
                return sources[path] | self.around(parent)
        return NOTHING

    def file(self, path: str) -> FileDemands:
        """What a Kconfig file demands, as its index or else the file itself says."""
        if path not in self.files:
            indexed = indexed_demands(self.view, path)
            self.files[path] = parse(self.view.read(path) or b"") if indexed is None else indexed
        return self.files[path]
