"""The branches of #if that a configuration leaves out, and C text without them."""

from collections.abc import Callable
from functools import lru_cache

from patchscan.basics.limits import meets
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import Branches, Held, of_directives
from patchscan.c.includes import names_included
from patchscan.c.lexical import blank, comments_blank, directives
from patchscan.codebase.assembly import as_c, has_macros

_TOKEN = pattern(r"\s*(&&|\|\||==|!=|<=|>=|[!<>()]|(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*|\w+)")
_WORD = pattern(r"[A-Za-z_]\w*")
_ENABLED = ("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE")


@frozen(eq=False)
class Text:
    """A file's text without comments, offsets kept; symbols: every word that its conditions may ask for; included: the
    names that it includes."""

    code: bytes
    branches: Branches
    symbols: tuple[str, ...]
    included: tuple[str, ...]

    def seen_through(self, value: Callable[[str], int]) -> bytes:
        """The text, same length and lines, with the branches that are left out, and the directives, blanked."""
        live: dict[Held | None, bool] = {None: True}

        def is_live(held: Held | None) -> bool:
            if held is not None and held not in live:
                holds = evaluate(held.condition.expression, value) != held.condition.negated
                live[held] = is_live(held.outer) and holds
            return live[held]

        out, last, kept = bytearray(self.code), 0, True
        for directive, held in zip(self.branches.found, self.branches.behind, strict=True):
            if not kept:
                out[last : directive.start] = blank(self.code[last : directive.start])
            out[directive.start : directive.end] = blank(self.code[directive.start : directive.end])
            last, kept = directive.end, is_live(held)
        if not kept:
            out[last:] = blank(self.code[last:])
        return bytes(out)


@lru_cache(maxsize=4096)
def plain_text(text: bytes) -> Text:
    """A C or assembly file's text (see patchscan.codebase.assembly), read once for all configurations."""
    code = comments_blank(as_c(text) if has_macros(text) else text)
    lines = tuple(directives(code))
    found = of_directives(lines, code)
    words = _WORD.findall("\n".join(each.text for each in found.found))
    # Of assembly only the macros are read as C, and not what it includes.
    named = names_included(tuple(directives(comments_blank(text))) if has_macros(text) else lines)
    return Text(code, found, tuple(dict.fromkeys(words)), named)


def evaluate(expression: str, value: Callable[[str], int]) -> bool:
    """Whether a preprocessor condition holds; one that cannot be read counts as true."""
    tokens = _TOKEN.findall(expression)
    try:
        number, rest = _or(tokens, value)
    except (IndexError, ValueError):
        return True
    except RecursionError:
        meets("stack")
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
        return int(first.rstrip("uUlL"), 0), rest
    if first == "defined":
        symbol, rest = (rest[1], rest[3:]) if rest[0] == "(" else (rest[0], rest[1:])
        return value(symbol), rest
    if first in _ENABLED and rest[:1] == ["("]:
        return value(rest[1]), rest[3:]
    return value(first), rest
