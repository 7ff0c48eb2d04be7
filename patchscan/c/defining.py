"""How a text seems to define a name, read fast: most texts that hold a name only use it."""

from collections.abc import Iterator
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.c.lexical import offsets
from patchscan.c.occurrences import body_follows

# A macro that stands for a value or another name; one with parameters, or that is only there, is a "macro".
Way = Literal["function", "macro", "value", "assembly"]
_DEFINE = pattern(rb"#[ \t]*define[ \t]+$")
_IN_ASSEMBLY = pattern(rb"\s*(SYM_\w+|ENTRY\w*|_GLOBAL\w*|WEAK)\s*\(\s*$")


def ways_of_defining(text: bytes, name: str, path: str = "") -> Iterator[Way]:
    """The ways in which a text seems to define a name, a definition each; the places are to be looked at again."""
    word = name.encode("utf-8", "surrogateescape")
    for offset in offsets(text, word):
        end = offset + len(word)
        line = text[text.rfind(b"\n", 0, offset) + 1 : offset]
        if path.endswith(".S"):
            if _IN_ASSEMBLY.match(line):
                yield "assembly"
        elif _DEFINE.match(line):
            yield _way_of_macro(text[end : end + 200].partition(b"\n")[0], word)
        elif _may_head_a_function(line) and body_follows(text, end):
            yield "function"


def defines(text: bytes, name: str) -> bool:
    """Whether a C text seems to define a name as a function or macro."""
    return any(True for _ in ways_of_defining(text, name))


def _way_of_macro(behind: bytes, word: bytes) -> Way:
    return "macro" if behind.startswith(b"(") or behind.strip() in (b"", word) else "value"


def _may_head_a_function(line: bytes) -> bool:
    """Whether what stands before a name on its line may begin a function; a call in a condition is indented."""
    at_top = not line[:1].isspace() and not line.startswith(b"#")
    return at_top and b"=" not in line and line.count(b"(") == line.count(b")")
