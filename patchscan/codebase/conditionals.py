"""The branches of #if that a configuration leaves out, and C text without them."""

import re
from collections.abc import Callable
from functools import lru_cache

from patchscan.basics.record import frozen
from patchscan.c.lexical import blank
from patchscan.codebase.assembly import as_c, has_macros

# Searched in a text with a newline before it: re.M's ^ is tried at every character.
_DIRECTIVE = re.compile(rb"\n[ \t]*#[ \t]*(ifdef|ifndef|if|elif|else|endif)\b((?:\\\n|[^\n])*)")
_TOKEN = re.compile(r"\s*(&&|\|\||==|!=|<=|>=|[!<>()]|0[xX][0-9a-fA-F]+|\d+|\w+)[uUlL]*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(rb"/\*[^*]*(?:\*(?!/)[^*]*)*\*/|//[^\n]*")
_ENABLED = ("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE")


@frozen
class Directive:
    """One conditional directive: its offsets in the text, "if", "else", ..., and the words behind that."""

    start: int
    end: int
    kind: str
    words: str


@frozen(eq=False)
class Text:
    """A file's text without comments, offsets kept; symbols: every word that its conditions may ask for."""

    code: bytes
    directives: tuple[Directive, ...]
    symbols: tuple[str, ...]

    def seen_through(self, value: Callable[[str], int]) -> bytes:
        """The text, same length and lines, with the branches that are left out, and the directives, blanked."""
        out, stack, last = bytearray(self.code), list[str](), 0
        for directive in self.directives:
            if any(state != "live" for state in stack):
                out[last : directive.start] = blank(self.code[last : directive.start])
            _step(stack, directive, value)
            out[directive.start : directive.end] = blank(self.code[directive.start : directive.end])
            last = directive.end
        return bytes(out)


@lru_cache(maxsize=4096)
def plain_text(text: bytes) -> Text:
    """A C or assembly file's text (see patchscan.codebase.assembly), read once for all configurations."""
    code = without_comments(as_c(text) if has_macros(text) else text)
    directives = tuple(
        Directive(found.start(), found.end() - 1, found[1].decode(), _words(found[2]))
        for found in _DIRECTIVE.finditer(b"\n" + code)
    )
    words = _WORD.findall("\n".join(directive.words for directive in directives))
    return Text(code, directives, tuple(dict.fromkeys(words)))


def without_comments(text: bytes) -> bytes:
    """The same length with comments blanked."""
    return _COMMENT.sub(lambda found: blank(found.group()), text)


def _words(argument: bytes) -> str:
    return argument.replace(b"\\\n", b"  ").decode("latin-1")


def _step(stack: list[str], directive: Directive, value: Callable[[str], int]) -> None:
    """One conditional directive; a branch is "live", "later" (none taken yet) or "done"."""
    kind, words = directive.kind, directive.words
    outer_dead = any(state != "live" for state in stack[: -1 if kind in ("elif", "else") else None])
    if kind in ("if", "ifdef", "ifndef"):
        if outer_dead:
            stack.append("done")
            return
        set_at_all = kind != "if" and bool(value((words.split() or [""])[0]))
        taken = evaluate(words, value) if kind == "if" else set_at_all == (kind == "ifdef")
        stack.append("live" if taken else "later")
    elif kind == "endif":
        if stack:
            stack.pop()
    elif stack:
        if stack[-1] in ("live", "done"):
            stack[-1] = "done"
        elif kind == "else" or evaluate(words, value):
            stack[-1] = "live"


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
