"""The #include lines of a C text and the conditions around each, read fast: a file reaches hundreds of headers."""

import re
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

# A string may hold the beginning of a comment.
_LINE = pattern(
    rb"/\*.*?\*/|\"[^\"\n]*/\*[^\"\n]*\"|"
    rb"^[ \t]*#[ \t]*(include|if|ifdef|ifndef|elif|else|endif|define)\b[ \t]*((?:\\\r?\n|[^\n])*)",
    re.MULTILINE | re.DOTALL,
)
_NAME = pattern(rb"([\"<])([^\">\n]+)[\">]")
_COMMENT = pattern(rb"/\*.*?(?:\*/|\Z)|//.*", re.DOTALL)
_CONTINUED = pattern(rb"\\\r?\n")

# The conditions around a line: (expression, whether it is negated), outermost first.
Conditions = tuple[tuple[str, bool], ...]


@frozen
class Include:
    """An #include: name as written ("" where a macro computes it), quoted: in "", line, conditions around it."""

    name: str
    quoted: bool
    line: int
    conditions: Conditions


@lru_cache(maxsize=8192)
def includes(text: bytes) -> tuple[Include, ...]:
    """The #include lines of a text, in order; an include guard is no condition."""
    found: list[Include] = []
    levels: list[list[tuple[str, bool]]] = []
    line, counted, guard, seen = 1, 0, b"", 0
    for match in _LINE.finditer(text):
        word = match[1]
        if not word:
            continue
        seen += 1
        if word == b"define":
            if seen == 2 and guard and match[2].split()[:1] == [guard]:
                levels[0] = []
            continue
        if word == b"include":
            name = _NAME.match(match[2])
            line += text.count(b"\n", counted, match.start(1))
            counted = match.start(1)
            around = tuple(each for level in levels for each in level)
            written = name[2].decode("utf-8", "surrogateescape") if name else ""
            found.append(Include(written, name is not None and name[1] == b'"', line, around))
        elif word in (b"if", b"ifdef", b"ifndef"):
            if seen == 1 and word == b"ifndef":
                guard = match[2].split()[0] if match[2].split() else b""
            levels.append([_condition(word, match[2])])
        elif word == b"endif":
            if levels:
                levels.pop()
        elif levels:
            level = levels[-1]
            if level:
                level[-1] = (level[-1][0], not level[-1][1])
            if word == b"elif" and level:
                level.append(_condition(b"if", match[2]))
    return tuple(found)


def _condition(word: bytes, rest: bytes) -> tuple[str, bool]:
    text = _COMMENT.sub(b" ", _CONTINUED.sub(b" ", rest)).decode("utf-8", "surrogateescape").strip()
    if word == b"if":
        return text, False
    return f"defined({text.split()[0] if text.split() else ''})", word == b"ifndef"
