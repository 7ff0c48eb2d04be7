"""Looks for a configuration in which some options are on and others off, by the whole of Kconfig.

The user says no to everything but a few options: all else is off unless it is selected or has a default that nobody
can change. Such a configuration is evaluated by the rules of the language, so one that is found is a real one; where
a value hangs on what is not evaluated here (the compiler, a number, a choice), there is none. What is on is built in.
Language: Documentation/kbuild/kconfig-language.rst.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from patchscan.basics.buildfiles import is_kconfig
from patchscan.basics.formula import Formula, config
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kconfig.entries import ALWAYS, Entry, FileEntries, both, either, read_entries
from patchscan.kconfig.implied import ARCHITECTURES
from patchscan.kconfig.symbols import Changed, changed_files
from patchscan.tree import Tree
from patchscan.tree.index.search import files_where
from patchscan.tree.overlay import View

_HEAD = pattern(
    rb"^[ \t]*(?:(?:menu)?config[ \t]+(\w+)|(?:select|imply)[ \t]+(\w+)|source[ \t]+\"([^\"\n]+)\")", re.M
)
_COMPARED = pattern(r"(.+?)(!?=)(.+)")
_ASKED_FOR = pattern(r"\??(\w+)(?:\s*(?:=\s*y|!=\s*n))?")
_WORD = pattern(r"\w+")
# Every user who looks for what does not link says yes to these.
_CHOSEN = frozenset(("EXPERT", "COMPILE_TEST", "MODULES", "64BIT"))
# Where what is not said to be of an architecture is looked at.
_COMMON = ("x86", "arm64")
_TOP = "Kconfig"
_MOST_DEPTH = 14
_MOST_TRIES = 40
_MOST_STEPS = 6000

Chosen = frozenset[str]


@frozen
class Configuration:
    """An architecture, and the options that a user turns on beside what `make allnoconfig` has."""

    architecture: str
    chosen: Chosen

    @property
    def telling(self) -> Chosen:
        """The options chosen, those left out that are chosen for every question."""
        return self.chosen - _CHOSEN

    def shown(self, most: int) -> str:
        """The architecture with so many of the options at most, as a remark names them."""
        options = [f"CONFIG_{option}" for option in sorted(self.telling)]
        others = " and others" if len(options) > most else ""
        return f"{self.architecture} with {', '.join(options[:most]) or 'no further option'}{others}"


def find_configuration(
    view: View, wanted: Formula, unwanted: Formula, narrow: bool = False
) -> Configuration | None:
    """A configuration in which one formula holds and another does not; None where none is found.

    narrow: one of a 32-bit machine.
    """
    return _found(view.tree, changed_files(view), wanted, unwanted, narrow)


def holds_in(view: View, configuration: Configuration, formula: Formula) -> bool | None:
    """Whether a formula holds in a configuration that find_configuration() gave; None where that is not known."""
    search = _search_of(view.tree, changed_files(view), configuration.architecture)
    search.steps = 0
    return search.truth(formula, configuration.chosen)


@lru_cache(maxsize=4)
def _search_of(tree: Tree | None, changed: Changed, architecture: str) -> "_Search":
    """A search that keeps what it has found of options."""
    architectures = _COMMON if architecture in _COMMON else (architecture,)
    return _Search(_files(tree, changed, architectures), architecture)


@lru_cache(maxsize=512)
def _found(
    tree: Tree | None, changed: Changed, wanted: Formula, unwanted: Formula, narrow: bool
) -> Configuration | None:
    own = tuple(name for name, option in sorted(ARCHITECTURES.items()) if option in wanted.atoms)
    for architecture in own or (_COMMON[:1] if narrow else _COMMON):
        search = _Search(_files(tree, changed, own or _COMMON), architecture)
        chosen = search.found(wanted, unwanted, _CHOSEN - {"64BIT"} if narrow else _CHOSEN)
        if chosen is not None:
            return Configuration(architecture, chosen)
    return None


@lru_cache(maxsize=4)
def _files(tree: Tree | None, changed: Changed, architectures: tuple[str, ...]) -> "_Files":
    return _Files(View(tree, dict(changed)), architectures)


class _Files:
    """The Kconfig files of a view: where each option is defined or selected, and who sources a file."""

    def __init__(self, view: View, architectures: tuple[str, ...]) -> None:
        self.view = view
        self.places: dict[bytes, list[str]] = {}
        self.selecting: dict[bytes, list[str]] = {}
        self.sourcing: dict[bytes, list[str]] = {}
        self.parsed: dict[tuple[str, str], FileEntries] = {}
        for path in self._paths():
            if any(_is_of(path, each) for each in architectures):
                for name, selected, source in _HEAD.findall(view.read(path) or b""):
                    table = self.places if name else self.selecting if selected else self.sourcing
                    table.setdefault(name or selected or source, []).append(path)

    def _paths(self) -> list[str]:
        from patchscan.tree.index.lookup import KCONFIG_FILES, look_up

        tree = self.view.tree
        indexed = look_up(tree, ["config", "source", "if"], KCONFIG_FILES) if tree is not None else {}
        if indexed is None:
            assert tree is not None
            known = set(files_where(tree, is_kconfig))
        else:
            known = {path for paths in indexed.values() for path in paths}
        return sorted(known.union(path for path, _ in changed_files(self.view)))

    def file(self, path: str, architecture: str) -> FileEntries:
        """A file as it is read for an architecture, with what stands around the lines that source it."""
        key = path, architecture
        if key not in self.parsed:
            # What sources itself, by way of others, stands under nothing.
            self.parsed[key] = FileEntries((), ())
            parents = self.parents(path, architecture)
            if not parents and path != _TOP and self.view.exists(_TOP):
                # Another architecture reads it.
                return self.parsed[key]
            around = [
                condition
                for other in parents
                for name, condition in self.file(other, architecture).sources
                if name == path
            ]
            text = (self.view.read(path) or b"").decode("utf-8", "replace").expandtabs()
            text = text.replace("$(SRCARCH)", architecture).replace("$(ARCH)", architecture)
            self.parsed[key] = read_entries(text, either(around) if around else ALWAYS)
        return self.parsed[key]

    def parents(self, path: str, architecture: str) -> list[str]:
        """The files that source another, for an architecture."""
        spellings = (path, path.replace(f"arch/{architecture}/", "arch/$(SRCARCH)/"))
        found = {other for name in spellings for other in self.sourcing.get(name.encode(), ())}
        return sorted(other for other in found if _is_of(other, architecture))

    def named(self, name: str, architecture: str) -> Iterator[Entry]:
        """The definitions of an option."""
        for file in self._read(self.places, name, architecture):
            yield from file.named(name)

    def bringing(self, name: str, architecture: str) -> Iterator[Entry]:
        """The definitions that select or imply an option."""
        for file in self._read(self.selecting, name, architecture):
            yield from file.bringing(name)

    def _read(self, names: Mapping[bytes, list[str]], name: str, architecture: str) -> Iterator[FileEntries]:
        for path in dict.fromkeys(names.get(name.encode(), ())):
            if _is_of(path, architecture):
                yield self.file(path, architecture)


def _is_of(path: str, architecture: str) -> bool:
    """Whether a file is read for an architecture."""
    parts = path.split("/")
    return parts[0] != "arch" or len(parts) == 2 or parts[1] == architecture


class _Search:
    """A search for the options to choose, for one architecture; its steps are counted and end it."""

    def __init__(self, files: _Files, architecture: str) -> None:
        self.files = files
        self.architecture = architecture
        self.steps = 0
        self.tries = 0
        self.unwanted: Formula = either(())
        self.known: dict[Chosen, dict[str, bool | None]] = {}
        self._defined: dict[str, tuple[Entry, ...]] = {}
        self._selectors: dict[str, tuple[tuple[str, Formula, bool], ...]] = {}

    def found(self, wanted: Formula, unwanted: Formula, first: Chosen = _CHOSEN) -> Chosen | None:
        """The first choice that is good; None where none of those tried is. first: what is chosen in all."""
        self.unwanted = unwanted
        for chosen in self.choices(wanted, first, 0):
            self.tries += 1
            if self.truth(wanted, chosen) is True and self.truth(unwanted, chosen) is False:
                return chosen
            if self.tries > _MOST_TRIES or self.steps > _MOST_STEPS:
                break
        return None

    def defined(self, name: str) -> tuple[Entry, ...]:
        """The definitions of an option."""
        if name not in self._defined:
            self._defined[name] = tuple(self.files.named(name, self.architecture))
        return self._defined[name]

    def selectors(self, name: str) -> tuple[tuple[str, Formula, bool], ...]:
        """What brings an option along: (option, condition, whether it must)."""
        if name not in self._selectors:
            entries = self.files.bringing(name, self.architecture)
            self._selectors[name] = tuple(
                (entry.name, both((condition, entry.depends)), must)
                for entry in entries
                for must, brought in ((True, entry.selects), (False, entry.implies))
                for target, condition in brought
                if target == name
            )
        return self._selectors[name]

    def value(self, name: str, chosen: Chosen) -> bool | None:
        """Whether an option is on where the user chooses some and no other; None where not known."""
        known = self.known.setdefault(chosen, {})
        if name not in known:
            self.steps += 1
            # Of two that hang on each other, neither is on for that.
            known[name] = False
            known[name] = None if self.steps > _MOST_STEPS else self._value(name, chosen)
        return known[name]

    def _value(self, name: str, chosen: Chosen) -> bool | None:
        entries = self.defined(name)
        selectors = self.selectors(name)
        brought = _any(
            _all((self.value(other, chosen), self.truth(condition, chosen)))
            for other, condition, must in selectors
            if must
        )
        if brought is True:
            return True
        if not all(entry.boolean for entry in entries):
            return None
        asked = _any(
            _all(self.truth(each, chosen) for each in (entry.prompt, entry.depends))
            for entry in entries
            if entry.prompt is not None
        )
        if asked is not False and name in chosen:
            return _any((asked, brought))
        if asked is True:
            own: bool | None = None if any(entry.choice for entry in entries) else False
        else:
            own = self._default(entries, chosen)
            own = own if asked is False or own is False else None
            implied = _any(
                _all((self.value(other, chosen), self.truth(condition, chosen)))
                for other, condition, must in selectors
                if not must
            )
            own = _any((own, implied))
        return _any((own, brought))

    def _default(self, entries: tuple[Entry, ...], chosen: Chosen) -> bool | None:
        for entry in entries:
            for value, condition in entry.defaults:
                holds = _all(self.truth(each, chosen) for each in (condition, entry.depends))
                if holds is True:
                    return self.truth(value, chosen)
                if holds is None:
                    return None
        return False

    def truth(self, formula: Formula, chosen: Chosen) -> bool | None:
        """The value of a formula."""
        if formula.kind == "atom":
            return self._atom(formula.text.removeprefix("?"), chosen)
        if formula.kind == "constant":
            return formula.text == "1"
        if formula.kind == "not":
            inner = self.truth(formula.parts[0], chosen)
            return None if inner is None else not inner
        parts = (self.truth(part, chosen) for part in formula.parts)
        return _all(parts) if formula.kind == "and" else _any(parts)

    def _atom(self, text: str, chosen: Chosen) -> bool | None:
        compared = _COMPARED.fullmatch(text.replace(" ", ""))
        if compared is None:
            return self._word(text, chosen)
        left, how, right = compared.groups()
        if left[0] in "\"'" and right[0] in "\"'":
            same: bool | None = left[1:-1] == right[1:-1]
        else:
            values = self._word(left, chosen), self._word(right, chosen)
            # What is on is built in, so nothing is a module.
            same = "m" not in (left, right) and (None if None in values else values[0] == values[1])
        return None if same is None else same == (how == "=")

    def _word(self, text: str, chosen: Chosen) -> bool | None:
        if text in ("y", "m", "n"):
            return text == "y"
        return self.value(text, chosen) if _WORD.fullmatch(text) and not text.isdigit() else None

    def choices(self, formula: Formula, chosen: Chosen, depth: int) -> Iterator[Chosen]:
        """Ways to choose more so that a formula holds, as far as these few steps can see."""
        self.steps += 1
        truth = self.truth(formula, chosen)
        if truth is True:
            yield chosen
        if truth is True or depth > _MOST_DEPTH or self.steps > _MOST_STEPS:
            return
        if formula.kind == "and":
            yield from self._in_turn(formula.parts, chosen, depth)
        elif formula.kind == "or":
            for part in formula.parts:
                yield from self.choices(part, chosen, depth)
        elif formula.kind == "not" and formula.parts[0].parts:
            yield from self.choices(_turned(formula.parts[0]), chosen, depth)
        elif formula.kind == "atom":
            for name in _asked_for(formula.text):
                yield from self._turned_on(name, chosen, depth + 1)

    def _in_turn(self, parts: tuple[Formula, ...], chosen: Chosen, depth: int) -> Iterator[Chosen]:
        if not parts:
            yield chosen
            return
        for more in self.choices(parts[0], chosen, depth):
            yield from self._in_turn(parts[1:], more, depth)

    def _turned_on(self, name: str, chosen: Chosen, depth: int) -> Iterator[Chosen]:
        by_hand = False
        for entry in self.defined(name):
            if entry.prompt is not None and name not in chosen:
                for more in self.choices(both((entry.depends, entry.prompt)), chosen, depth):
                    by_hand = True
                    # What brings the unwanted along is of no use, whatever else is chosen.
                    if self.truth(self.unwanted, more | {name}) is not True:
                        yield more | {name}
        if by_hand:
            return
        for entry in self.defined(name):
            for value, condition in entry.defaults if entry.prompt is None else ():
                yield from self.choices(both((entry.depends, condition, value)), chosen, depth)
        for other, condition, must in self.selectors(name):
            if must:
                yield from self.choices(both((config(other), condition)), chosen, depth)


def _turned(formula: Formula) -> Formula:
    """The negation of a formula that has parts, in terms of those of its parts."""
    if formula.kind == "not":
        return formula.parts[0]
    parts = tuple(Formula("not", parts=(part,)) for part in formula.parts)
    return Formula("or" if formula.kind == "and" else "and", parts=parts)


def _asked_for(text: str) -> list[str]:
    """The option that must be on for an atom to hold."""
    match = _ASKED_FOR.fullmatch(text)
    return [match[1]] if match and match[1] not in ("y", "n", "m") else []


def _all(values: "Iterator[bool | None] | tuple[bool | None, ...]") -> bool | None:
    found: bool | None = True
    for value in values:
        if value is False:
            return False
        found = None if value is None else found
    return found


def _any(values: "Iterator[bool | None] | tuple[bool | None, ...]") -> bool | None:
    found: bool | None = False
    for value in values:
        if value is True:
            return True
        found = None if value is None else found
    return found
