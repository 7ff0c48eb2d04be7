"""The #include lines of a C text and the conditions around each, read fast: a file reaches hundreds of headers."""

import re
from collections.abc import Iterable

from patchscan.basics.keep import of_text
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import Condition, of_directives
from patchscan.c.lexical import comments_blank, directives

_NAME = pattern(rb"([\"<])([^\">\n]+)[\">]")


@frozen
class Include:
    """An #include: name as written ("" where a macro computes it), quoted: in "", line, conditions around it."""

    name: str
    quoted: bool
    line: int
    conditions: tuple[Condition, ...]


@of_text(8192)
def includes(text: bytes) -> tuple[Include, ...]:
    """The #include lines of a text, in order; an include guard is no condition."""
    if b"include" not in text:
        return ()
    code = comments_blank(text)
    lines = tuple(directives(code))
    around = of_directives(lines, code)
    found: list[Include] = []
    line, counted = 1, 0
    for match in lines:
        if match[1] != b"include":
            continue
        line += code.count(b"\n", counted, match.start())
        counted = match.start()
        name = _NAME.match(match[2].strip())
        quoted = name is not None and name[1] == b'"'
        found.append(Include(_written(name), quoted, line, around.at_line(line)))
    return tuple(found)


def names_included(lines: Iterable[re.Match[bytes]]) -> tuple[str, ...]:
    """The names of includes() that are no macro's; lines: the preprocessor lines, see lexical.directives()."""
    names = (_written(_NAME.match(each[2].strip())) for each in lines if each[1] == b"include")
    return tuple(filter(None, names))


def _written(name: re.Match[bytes] | None) -> str:
    return name[2].decode("utf-8", "surrogateescape") if name else ""
