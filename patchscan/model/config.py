"""Which branches of #if a model sees: a configuration, and the text without the branches it leaves out."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

_DIRECTIVE = re.compile(
    rb"^[ \t]*#[ \t]*(ifdef|ifndef|if|elif|else|endif)\b((?:\\\n|/\*.*?\*/|[^\n])*)", re.M | re.S
)
_SYMBOL = re.compile(rb"\bCONFIG_\w+")
_TOKEN = re.compile(r"\s*(&&|\|\||==|!=|<=|>=|[!<>()]|0[xX][0-9a-fA-F]+|\d+|\w+)[uUlL]*")
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.S)
_ENABLED = ("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE")
_VISIBLE = re.compile(rb"\S")


@dataclass(frozen=True, eq=False)
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
            values[name] = 1 if value in ("y", "m") else int(value) if value.isdigit() else 0
    return values


def read_selects(kconfig: str, symbols: Iterable[str]) -> dict[str, int]:
    """What the named symbols select in a Kconfig text, unconditionally or on another of them.

    symbols: without CONFIG_. A `select X if Y` counts when Y is one of them; other conditions are left out.
    """
    known, values, current = set(symbols), {}, ""
    for line in kconfig.splitlines():
        words = line.split()
        if words[:1] in (["config"], ["menuconfig"]) and len(words) > 1:
            current = words[1]
        elif words[:1] == ["select"] and current in known and len(words) > 1:
            condition = words[3:] if words[2:3] == ["if"] else []
            if not condition or (len(condition) == 1 and condition[0] in known):
                values["CONFIG_" + words[1]] = 1
    return values


def blank(text: bytes) -> bytes:
    """The same length with everything but white space replaced by spaces."""
    return _VISIBLE.sub(b" ", text)


def without_comments(text: bytes) -> bytes:
    """The same length with comments blanked."""
    return _COMMENT.sub(lambda found: blank(found.group()), text)


def resolve(text: bytes, config: Config) -> bytes:
    """The text, same length and lines, with the branches of #if that the configuration leaves out blanked."""
    out, stack, last = bytearray(text), list[str](), 0
    for found in _DIRECTIVE.finditer(text):
        if any(state != "live" for state in stack):
            out[last : found.start()] = blank(text[last : found.start()])
        _step(stack, found.group(1).decode(), found.group(2), config)
        out[found.start() : found.end()] = blank(found.group())
        last = found.end()
    return bytes(out)


def _step(stack: list[str], directive: str, argument: bytes, config: Config) -> None:
    """One conditional directive; a branch is "live", "later" (none taken yet) or "done"."""
    outer_dead = any(state != "live" for state in stack[: -1 if directive in ("elif", "else") else None])
    words = _COMMENT.sub(b" ", argument.replace(b"\\\n", b"  ")).decode("latin-1")
    if directive in ("if", "ifdef", "ifndef"):
        if outer_dead:
            stack.append("done")
            return
        if directive == "if":
            taken = evaluate(words, config.value)
        else:
            taken = bool(config.value((words.split() or [""])[0])) == (directive == "ifdef")
        stack.append("live" if taken else "later")
    elif directive == "endif":
        if stack:
            stack.pop()
    elif stack:
        if stack[-1] in ("live", "done"):
            stack[-1] = "done"
        elif directive == "else" or evaluate(words, config.value):
            stack[-1] = "live"


def symbols_around(text: bytes, first: int, last: int) -> set[str]:
    """The CONFIG_ symbols on the lines first to last (from 1), and those of the #if around line `first`."""
    lines = text.split(b"\n")
    found = _SYMBOL.findall(b"\n".join(lines[first - 1 : last]))
    stack: list[list[bytes]] = []
    for line in lines[: first - 1]:
        directive = _DIRECTIVE.match(line)
        if directive is None:
            continue
        kind = directive.group(1)
        if kind in (b"if", b"ifdef", b"ifndef"):
            stack.append(_SYMBOL.findall(line))
        elif kind == b"endif" and stack:
            stack.pop()
        elif stack:
            stack[-1] += _SYMBOL.findall(line)
    return {symbol.decode() for symbol in [*found, *(one for level in stack for one in level)]}


def evaluate(expression: str, value: Callable[[str], int]) -> bool:
    """Whether a preprocessor condition holds; one that cannot be read counts as true."""
    tokens = _TOKEN.findall(expression)
    try:
        number, rest = _or(tokens, value)
    except (IndexError, ValueError, RecursionError):
        return True
    return bool(number) if not rest else True


Tokens = list[str]
Number = tuple[int, Tokens]


def _or(tokens: Tokens, value: Callable[[str], int]) -> Number:
    left, tokens = _and(tokens, value)
    while tokens[:1] == ["||"]:
        right, tokens = _and(tokens[1:], value)
        left = int(bool(left) or bool(right))
    return left, tokens


def _and(tokens: Tokens, value: Callable[[str], int]) -> Number:
    left, tokens = _compare(tokens, value)
    while tokens[:1] == ["&&"]:
        right, tokens = _compare(tokens[1:], value)
        left = int(bool(left) and bool(right))
    return left, tokens


def _compare(tokens: Tokens, value: Callable[[str], int]) -> Number:
    left, tokens = _unary(tokens, value)
    if tokens and tokens[0] in ("==", "!=", "<", ">", "<=", ">="):
        right, rest = _unary(tokens[1:], value)
        results = {
            "==": left == right,
            "!=": left != right,
            "<": left < right,
            ">": left > right,
            "<=": left <= right,
            ">=": left >= right,
        }
        return int(results[tokens[0]]), rest
    return left, tokens


def _unary(tokens: Tokens, value: Callable[[str], int]) -> Number:
    first, rest = tokens[0], tokens[1:]
    if first == "!":
        number, rest = _unary(rest, value)
        return int(not number), rest
    if first == "(":
        number, rest = _or(rest, value)
        return number, rest[1:]
    if first[0].isdigit():
        return int(first, 0), rest
    if first == "defined":
        symbol, rest = (rest[1], rest[3:]) if rest[0] == "(" else (rest[0], rest[1:])
        return value(symbol), rest
    if first in _ENABLED and rest[:1] == ["("]:
        return value(rest[1]), rest[3:]
    return value(first), rest
