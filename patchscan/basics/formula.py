"""Preprocessor conditions as boolean formulas over CONFIG symbols: what holds together, what follows from what.

CONFIG_X, defined(CONFIG_X), IS_ENABLED(CONFIG_X) and CONFIG_X_MODULE are one atom, "X": whether the option is on.
Whatever else stands in a condition (macros, numbers, comparisons) is an atom of its own that is not `plain`.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_TOKEN = pattern(r"&&|\|\||!(?!=)|\(|\)|[^\s()&|!]+|[&|!]=?|\S")
_TEST = pattern(r"(?:defined|IS_ENABLED|IS_BUILTIN|IS_MODULE|IS_REACHABLE)$")
_CONFIG = pattern(r"CONFIG_(\w+?)(?:_MODULE)?$")
_WORD = pattern(r"\w+")
_MOST_ATOMS = 14


Kind = Literal["atom", "not", "and", "or", "constant"]


@frozen
class Formula:
    """kind: "atom" (text is its name), "not", "and", "or" or "constant" (text is "1" or "0")."""

    kind: Kind
    text: str = ""
    parts: tuple["Formula", ...] = ()

    @property
    def atoms(self) -> frozenset[str]:
        """The names of all atoms."""
        if self.kind == "atom":
            return frozenset((self.text,))
        return frozenset(name for part in self.parts for name in part.atoms)

    @property
    def plain(self) -> bool:
        """Whether all atoms are CONFIG symbols."""
        return all(_WORD.fullmatch(name) and not name.startswith("?") for name in self.atoms)

    def holds(self, values: Mapping[str, bool]) -> bool:
        """Its value where each atom has one."""
        if self.kind == "atom":
            return values[self.text]
        if self.kind == "constant":
            return self.text == "1"
        if self.kind == "not":
            return not self.parts[0].holds(values)
        results = (part.holds(values) for part in self.parts)
        return all(results) if self.kind == "and" else any(results)


def config(name: str) -> Formula:
    """The option NAME (without CONFIG_) is on."""
    return Formula("atom", name)


def negation(formula: Formula) -> Formula:
    """It does not hold."""
    return Formula("not", parts=(formula,))


def all_of(formulas: Iterable[Formula]) -> Formula:
    """All hold; of none, always."""
    return Formula("and", parts=tuple(formulas))


def any_of(formulas: Iterable[Formula]) -> Formula:
    """One holds; of none, never."""
    return Formula("or", parts=tuple(formulas))


def read_condition(expression: str, negated: bool = False) -> Formula:
    """The text of an #if as a formula; what cannot be read becomes one atom that is not plain."""
    tokens = _TOKEN.findall(expression)
    reader = _Reader(tokens)
    formula = reader.either()
    if reader.at < len(tokens):
        formula = Formula("atom", "?" + " ".join(tokens))
    return negation(formula) if negated else formula


def can_hold(*formulas: Formula) -> bool | None:
    """Whether some choice of options makes all hold; None where there are too many atoms to try."""
    whole = all_of(formulas)
    names = sorted(whole.atoms)
    if len(names) > _MOST_ATOMS:
        return None
    choices = product((False, True), repeat=len(names))
    return any(whole.holds(dict(zip(names, values, strict=True))) for values in choices)


def follows(consequence: Formula, *premises: Formula) -> bool | None:
    """Whether a formula holds wherever the premises do; None where there are too many atoms to try."""
    possible = can_hold(*premises, negation(consequence))
    return None if possible is None else not possible


class _Reader:
    """Reads `either (&& | ||)` by descent; at: the next token."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def either(self) -> Formula:
        parts = [self._both()]
        while self._next() == "||":
            self.at += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else any_of(parts)

    def _both(self) -> Formula:
        parts = [self._single()]
        while self._next() == "&&":
            self.at += 1
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else all_of(parts)

    def _single(self) -> Formula:
        if self._next() == "!":
            self.at += 1
            return negation(self._single())
        if self._next() == "(":
            begin = self.at
            self.at += 1
            inner = self.either()
            if self._next() == ")":
                self.at += 1
                if self._next() in ("", "&&", "||", ")"):
                    return inner
            self.at = begin
        return self._unit()

    def _unit(self) -> Formula:
        """One test: everything up to the next && or || at this level."""
        begin, depth = self.at, 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if depth == 0 and token in ("&&", "||", ")"):
                break
            depth += (token == "(") - (token == ")")
            self.at += 1
        return _atom(self.tokens[begin : self.at])


def _atom(tokens: list[str]) -> Formula:
    words = [token for token in tokens if token not in "()"]
    if len(words) == 2 and _TEST.match(words[0]):
        words = words[1:]
    if len(words) == 1:
        if words[0] in ("0", "1"):
            return Formula("constant", words[0])
        name = _CONFIG.match(words[0])
        if name:
            return Formula("atom", name[1])
    return Formula("atom", "?" + " ".join(tokens))
