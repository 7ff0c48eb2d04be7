"""A kernel configuration: what a defconfig sets, what Kconfig selects, and which symbols some code asks for."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from patchscan.basics.keep import of_text
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import Branches, branches
from patchscan.c.lexical import without_comments
from patchscan.kconfig.logical_lines import statements

_LONGEST = 20
_SYMBOL = pattern(r"\bCONFIG_\w+")


@frozen(eq=False)
class Config:
    """A kernel configuration: symbol (with CONFIG_, or any macro) to its value, 0 where it is not set.

    default: the value of a CONFIG_ symbol that is not listed.
    """

    values: Mapping[str, int]
    default: int = 0

    @cached_property
    def _key(self) -> tuple[int, frozenset[tuple[str, int]]]:
        return self.default, frozenset(self.values.items())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self._key == other._key

    def value(self, symbol: str) -> int:
        """The value of a symbol; what an architecture overrides (__HAVE_ARCH_*) counts as set."""
        if symbol in self.values:
            return self.values[symbol]
        return self.default if symbol.startswith("CONFIG_") else int(symbol.startswith("__HAVE_"))


def read_defconfig(text: str) -> dict[str, int]:
    """The symbols a defconfig sets: "CONFIG_X=y" and "=m" are 1, a number is itself, the rest 0."""
    values: dict[str, int] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name.startswith("CONFIG_"):
            values[name] = (
                1 if value in ("y", "m") else int(value) if value.isdecimal() and len(value) < _LONGEST else 0
            )
    return values


def read_selects(kconfig: str, symbols: Iterable[str]) -> dict[str, int]:
    """What the named symbols select in a Kconfig text, unconditionally or on another of them.

    symbols: without CONFIG_. A `select X if Y` counts when Y is one of them; other conditions are left out.
    """
    known, values, current = set(symbols), {}, ""
    for statement in statements(kconfig):
        words = statement.text.split()
        if words[:1] in (["config"], ["menuconfig"]) and len(words) > 1:
            current = words[1]
        elif words[:1] == ["select"] and current in known and len(words) > 1:
            condition = words[3:] if words[2:3] == ["if"] else []
            if not condition or (len(condition) == 1 and condition[0] in known):
                values["CONFIG_" + words[1]] = 1
    return values


@of_text(4096)
def symbols_around(text: bytes, first: int, last: int) -> frozenset[str]:
    """The CONFIG_ symbols on the lines first to last (from 1), and those of the #if around line `first`."""
    lines = text.split(b"\n")
    found = _SYMBOL.findall(b"\n".join(lines[first - 1 : last]).decode("latin-1"))
    around = conditionals(text).at_line(first)
    return frozenset([*found, *(name for each in around for name in _SYMBOL.findall(each.expression))])


@of_text(256)
def conditionals(text: bytes) -> Branches:
    """The conditional directives of a C text; kept, since many lines of it are asked for."""
    return branches(without_comments(text))
