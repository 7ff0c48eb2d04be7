"""Looks for a configuration in which some options are on and others off, by the whole of Kconfig.

The user says no to everything but a few options: all else is off unless it is selected or has a default that nobody
can change. Such a configuration is evaluated by the rules of the language, so one that is found is a real one; where
a value hangs on what is not evaluated here (the compiler, a number, a choice), there is none. What is on is built in.
Language: Documentation/kbuild/kconfig-language.rst.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from patchscan.basics.budget import BUDGET
from patchscan.basics.formula import Formula, config
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kconfig.bringing import Chosen, Files, files_of
from patchscan.kconfig.entries import Entry, both, either
from patchscan.kconfig.implied import ARCHITECTURES
from patchscan.kconfig.symbols import Changed, changed_files
from patchscan.tree import Tree
from patchscan.tree.overlay import View

_COMPARED = pattern(r"(.+?)(!?=)(.+)")
_ASKED_FOR = pattern(r"\??(\w+)(?:\s*(?:=\s*y|!=\s*n))?")
_WORD = pattern(r"\w+")
# Every user who looks for what does not link says yes to these.
_CHOSEN = frozenset(("EXPERT", "COMPILE_TEST", "MODULES", "64BIT"))
# Where what is not said to be of an architecture is looked at.
_COMMON = ("x86", "arm64")
# What asks for a machine of 32 bits.
_NARROW = frozenset(("64BIT", "X86_32"))
_MOST_DEPTH = 14
_MOST_LEVELS = 2
_MOST_OTHERS = 2
_MOST_TRIES = 40
_MOST_STEPS = BUDGET.configurations.most


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
        narrow = " of 32 bits" if self.architecture == "x86" and "64BIT" not in self.chosen else ""
        return f"{self.architecture}{narrow} with {', '.join(options[:most]) or 'no further option'}{others}"


def find_configuration(
    view: View, wanted: Formula, unwanted: Formula, narrow: bool = False
) -> Configuration | None:
    """A configuration in which one formula holds and another does not; None where none is found.

    narrow: one of a 32-bit machine.
    """
    return _found(view.tree, changed_files(view), wanted, unwanted, narrow)


def _named_in(formula: Formula) -> Iterator[str]:
    """The options that the tests of a formula name."""
    return (name for atom in formula.atoms for name in _WORD.findall(atom))


def find_anywhere(view: View, wanted: Formula, unwanted: Formula) -> Configuration | None:
    """find_configuration(), and where that is None, on the machines that the options of the first formula ask for."""
    found = find_configuration(view, wanted, unwanted)
    return found or _found_elsewhere(view.tree, changed_files(view), wanted, unwanted)


def holds_in(view: View, configuration: Configuration, formula: Formula) -> bool | None:
    """Whether a formula holds in a configuration that find_configuration() gave; None where that is not known."""
    search = _search_of(view.tree, changed_files(view), configuration.architecture)
    search.steps = 0
    return search.truth(formula, configuration.chosen)


@lru_cache(maxsize=4)
def _search_of(tree: Tree | None, changed: Changed, architecture: str) -> "_Search":
    """A search that keeps what it has found of options."""
    return _Search(files_of(tree, changed), architecture)


@lru_cache(maxsize=512)
def _found(
    tree: Tree | None, changed: Changed, wanted: Formula, unwanted: Formula, narrow: bool
) -> Configuration | None:
    own = tuple(name for name, option in sorted(ARCHITECTURES.items()) if option in wanted.atoms)
    return _found_for(tree, changed, wanted, unwanted, own or (_COMMON[:1] if narrow else _COMMON), narrow)


def _found_for(
    tree: Tree | None,
    changed: Changed,
    wanted: Formula,
    unwanted: Formula,
    architectures: Iterable[str],
    narrow: bool = False,
) -> Configuration | None:
    for architecture in architectures:
        search = _Search(files_of(tree, changed), architecture)
        chosen = search.found(wanted, unwanted, _CHOSEN - {"64BIT"} if narrow else _CHOSEN)
        if chosen is not None:
            return Configuration(architecture, chosen)
    return None


@lru_cache(maxsize=512)
def _found_elsewhere(
    tree: Tree | None, changed: Changed, wanted: Formula, unwanted: Formula
) -> Configuration | None:
    asked = seen = wanted.atoms
    for _ in range(_MOST_LEVELS):
        entries = [each for name in sorted(asked) for each in files_of(tree, changed).named(name, _COMMON[0])]
        asked = frozenset(name for each in entries for name in _named_in(each.depends)) - seen
        seen |= asked
    if not seen.isdisjoint(_NARROW):
        found = _found_for(tree, changed, wanted, unwanted, _COMMON[:1], narrow=True)
        if found is not None:
            return found
    others = (
        name for name, option in sorted(ARCHITECTURES.items()) if option in seen and name not in _COMMON
    )
    return _found_for(tree, changed, wanted, unwanted, islice(others, _MOST_OTHERS))


class _Search:
    """A search for the options to choose, for one architecture; its steps are counted and end it."""

    def __init__(self, files: Files, architecture: str) -> None:
        self.files = files
        self.architecture = architecture
        self.steps = 0
        self.tries = 0
        self.unwanted: Formula = either(())
        self.known: dict[Chosen, dict[str, bool | None]] = {}

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
        entries = self.files.named(name, self.architecture)
        if not all(entry.boolean for entry in entries):
            return self._brought(name, chosen, must=True) or None
        asked = _any(
            _all(self.truth(each, chosen) for each in (entry.prompt, entry.depends))
            for entry in entries
            if entry.prompt is not None
        )
        own: bool | None
        if asked is not False and name in chosen:
            own = asked
        elif asked is True:
            own = None if any(entry.choice for entry in entries) else False
        else:
            own = self._default(entries, chosen)
            own = own if asked is False or own is False else None
            own = True if own is True else _any((own, self._brought(name, chosen, must=False)))
        return True if own is True else _any((own, self._brought(name, chosen, must=True)))

    def _brought(self, name: str, chosen: Chosen, must: bool) -> bool | None:
        """Whether an option is selected, or (must: False) implied; the conditions first, for most do not hold."""
        return _any(
            _all(self.truth(each, chosen) for each in (condition, config(other)))
            for other, condition, forced in self.files.that_may_bring(name, self.architecture, chosen)
            if forced == must
        )

    def _default(self, entries: tuple[Entry, ...], chosen: Chosen) -> bool | None:
        for entry in entries:
            for value, condition in entry.defaults:
                holds = _all(self.truth(each, chosen) for each in (condition, entry.depends))
                if holds is True:
                    # Without modules, what would be one is built in.
                    return value.text.removeprefix("?") == "m" or self.truth(value, chosen)
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
        for entry in self.files.named(name, self.architecture):
            if entry.prompt is not None and name not in chosen:
                for more in self.choices(both((entry.depends, entry.prompt)), chosen, depth):
                    by_hand = True
                    # What brings the unwanted along is of no use, whatever else is chosen.
                    if self.truth(self.unwanted, more | {name}) is not True:
                        yield more | {name}
        if by_hand:
            return
        for entry in self.files.named(name, self.architecture):
            for value, condition in entry.defaults if entry.prompt is None else ():
                yield from self.choices(both((entry.depends, condition, value)), chosen, depth)
        for other, condition, must in self.files.bringing(name, self.architecture):
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
