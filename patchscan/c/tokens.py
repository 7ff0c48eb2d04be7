"""C text with comments, strings and directives told apart, every offset kept."""

import re
from bisect import bisect_right
from functools import cached_property, lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_HIDDEN = pattern(
    rb"/\*.*?(?:\*/|\Z)"
    rb"|//(?:[^\n\\]|\\.)*"
    rb'|"(?:[^"\\\n]|\\.)*"?'
    rb"|'(?:[^'\\\n]|\\.)*'?",
    re.S,
)
_DIRECTIVE = pattern(rb"^[ \t]*#(?:[^\n\\]|\\.)*", re.M | re.S)
_CONDITIONAL = pattern(rb"[ \t]*#[ \t]*(ifdef|ifndef|if|elifdef|elifndef|elif|else|endif)\b(.*)", re.S)
_BLANK = bytes(byte if byte == 10 else 32 for byte in range(256))


@frozen
class Directive:
    """A preprocessor line with its continuation lines, comments blanked."""

    start: int
    text: bytes


@frozen
class Lexed:
    """A text and its parts; code is the text with comments, strings and directives blanked, same length.

    hidden: (start, end, "comment" or "string") of what was blanked, in order.
    """

    text: bytes
    code: bytes
    hidden: tuple[tuple[int, int, str], ...]
    directives: tuple[Directive, ...]

    def hidden_at(self, offset: int) -> str:
        """ "comment" or "string" where the offset stands in one, else ""."""
        index = bisect_right(self._hidden_starts, offset) - 1
        return self.hidden[index][2] if index >= 0 and offset < self.hidden[index][1] else ""

    def directive_at(self, offset: int) -> Directive | None:
        """The directive in which an offset stands."""
        index = bisect_right(self._directive_starts, offset) - 1
        if index < 0:
            return None
        directive = self.directives[index]
        return directive if offset < directive.start + len(directive.text) else None

    def conditions_at(self, offset: int) -> tuple[str, ...]:
        """The #if conditions that hold at an offset, outermost first; an include guard is none."""
        index = bisect_right(self._condition_starts, offset) - 1
        return self._conditions[index][1] if index >= 0 else ()

    @cached_property
    def _hidden_starts(self) -> list[int]:
        return [start for start, _, _ in self.hidden]

    @cached_property
    def _directive_starts(self) -> list[int]:
        return [directive.start for directive in self.directives]

    @cached_property
    def _condition_starts(self) -> list[int]:
        return [start for start, _ in self._conditions]

    @cached_property
    def _conditions(self) -> list[tuple[int, tuple[str, ...]]]:
        guard = _guard_macro(self.directives)
        stack: list[list[str]] = []
        result = []
        for directive in self.directives:
            match = _CONDITIONAL.match(directive.text)
            if match is None:
                continue
            _step(stack, match.group(1).decode(), _plain(match.group(2)), guard)
            shown = tuple(" && ".join(branch) for branch in stack if branch)
            result.append((directive.start + len(directive.text), shown))
        return result


# Of a file several symbols are asked for, one after the other.
@lru_cache(maxsize=32)
def lex(text: bytes) -> Lexed:
    """Tell the parts of a text apart; never raises, an open comment or string ends with the text or line."""
    hidden: list[tuple[int, int, str]] = []
    directives: list[Directive] = []

    def hide(match: re.Match[bytes]) -> bytes:
        found = match.group()
        hidden.append((*match.span(), "comment" if found.startswith(b"/") else "string"))
        return found.translate(_BLANK)

    def take(match: re.Match[bytes]) -> bytes:
        directives.append(Directive(match.start(), match.group()))
        return match.group().translate(_BLANK)

    masked = _HIDDEN.sub(hide, text)
    return Lexed(text, _DIRECTIVE.sub(take, masked), tuple(hidden), tuple(directives))


def _step(stack: list[list[str]], keyword: str, condition: str, guard: str) -> None:
    """Change the stack of open #if blocks: of each, the earlier branches negated and the condition now."""
    if keyword in ("if", "ifdef", "ifndef"):
        stack.append([_stated(keyword, condition)] if condition != guard else [])
    elif keyword == "endif":
        if stack:
            stack.pop()
    elif stack and stack[-1]:
        refused = [*stack[-1][:-1], _negated(stack[-1][-1])]
        stack[-1] = refused if keyword == "else" else [*refused, _stated(keyword[2:], condition)]


def _stated(keyword: str, condition: str) -> str:
    if keyword.endswith("ifdef"):
        return f"defined({condition})"
    if keyword.endswith("ifndef"):
        return f"!defined({condition})"
    return condition


def _negated(condition: str) -> str:
    if re.fullmatch(r"!\w+(\s*\(\s*\w+\s*\))?", condition):
        return condition[1:]
    return "!" + condition if re.fullmatch(r"\w+(\s*\(\s*\w+\s*\))?", condition) else f"!({condition})"


def _plain(condition: bytes) -> str:
    return re.sub(r"[\s\\]+", " ", condition.decode("utf-8", "surrogateescape")).strip()


def _guard_macro(directives: tuple[Directive, ...]) -> str:
    """The macro of an include guard: #ifndef X, #define X first, and the last directive closes it."""
    if len(directives) < 3 or not re.match(rb"\s*#\s*endif", directives[-1].text):
        return ""
    opened = re.match(rb"\s*#\s*(?:ifndef\s+|if\s+!\s*defined\s*\(?\s*)(\w+)", directives[0].text)
    defined = re.match(rb"\s*#\s*define\s+(\w+)", directives[1].text)
    same = opened and defined and opened.group(1) == defined.group(1)
    return opened.group(1).decode() if opened and same else ""
