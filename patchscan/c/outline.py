"""Where the functions of a C text begin and end, by bytes alone, so that a large file costs little."""

import re
from collections.abc import Iterator
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.attributes import is_attribute
from patchscan.c.branches import first_branches
from patchscan.c.lexical import closing, ends_name, next_byte, without_defines

_TOP = pattern(rb"[;{(]|#[ \t]*(\w*)[^\n\\]*(?:\\.[^\n\\]*)*", re.S)
_NAME = pattern(rb"([A-Za-z_]\w*)\s*\(")
_POINTER_NAME = pattern(rb"\(\s*\*+\s*([A-Za-z_]\w*)\s*\(")
_FIRST_ARGUMENT = pattern(rb"\s*([A-Za-z_]\w*)\s*[,)]")
_TAG = pattern(rb"\b(?:struct|union|enum)\b")
_CONTROL_WORDS = frozenset(b"if for while switch return sizeof typeof __typeof__ do else".split())
_MACRO_NAME = pattern(rb"_*[A-Z][A-Z0-9_]*x?")
_PARENTHESIS_OR_EQUALS = pattern(rb"[()=]")
_CALLED = pattern(rb"(\w+)\s*\(")
_WORD = pattern(rb"\w+")


@frozen
class Span:
    """A function's place: start of its header, its name, opening brace, and the offset after the closing one.

    name_start: offset of the name, or of the macro that makes the function of it.
    """

    name: str
    start: int
    name_start: int
    brace: int
    end: int


def function_spans(code: bytes) -> Iterator[Span]:
    """The functions defined in the text, in order; code: C with comments and strings blanked."""
    if b"define" in code:
        code = without_defines(code)
    # From start to bare stand directives only: the header of the next function begins with an #if, or behind it.
    start = bare = position = 0
    while match := _TOP.search(code, position):
        found = match.group()
        position = match.end()
        if found == b";":
            start = bare = position
        elif found == b"(":
            close = _closing_parenthesis(code, position)
            position = close + 1 if close > 0 else position
        elif found == b"{":
            brace = match.start()
            position = body_end(code, brace)
            header = _header(code, start, brace)
            if header is not None and not _is_fixture(code, header, position):
                yield Span(*header, brace, position)
            start = bare = position
        elif match.group(1) in (b"include", b"undef") or not code[bare : match.start()].strip():
            start = match.start() if match.group(1).startswith(b"if") else position
            bare = position


def _closing_parenthesis(code: bytes, position: int) -> int:
    """Where the parenthesis closes; short lists, which nearly all are, need no bracket count."""
    close = code.find(b")", position)
    if close > 0 and code.find(b"(", position, close) < 0:
        return close
    return closing(code, position)


def body_end(code: bytes, brace: int) -> int:
    """The offset after the brace that closes the body opened at `brace`.

    In kernel style that is the next one at the margin, whatever #if branches do to the count between;
    a body that closes on its own line, or not at the margin, is counted out.
    """
    line_end = code.find(b"\n", brace)
    line = code[brace : line_end if line_end >= 0 else len(code)]
    if b"}" in line:
        close = closing(code, brace + 1)
        if 0 < close < brace + len(line):
            return close + 1
    margin = code.find(b"\n}", brace)
    stop = margin + 2 if margin >= 0 else len(code)
    body = code[brace:stop]
    if body.count(b"{") == body.count(b"}") and b"\n{" not in body:
        return stop
    close = closing(first_branches(body), 1)
    return brace + close + 1 if close > 0 else _end_behind(code, brace, stop)


def _end_behind(code: bytes, brace: int, stop: int) -> int:
    """The end of a body in which a block inside closes at the margin, at `stop`; that place where none is found."""
    limit = code.find(b"\n{", stop)
    later = code[brace : limit if limit >= 0 else len(code)]
    close = closing(first_branches(later), 1)
    return brace + close + 1 if close > 0 and later[close - 1 : close] == b"\n" else stop


def _header(code: bytes, start: int, brace: int) -> tuple[str, int, int] | None:
    """Name, start and offset of the name of the function whose body opens at brace; None when it is none."""
    found = _named(code[start:brace]) if next_byte(code, brace + 1) != b"." else None
    return (found[0], start + found[1], start + found[2]) if found is not None else None


@lru_cache(maxsize=8192)
def _named(header: bytes) -> tuple[str, int, int] | None:
    """The same of a header alone; most are met again: before the patch, or as another configuration sees it."""
    shown = first_branches(header) if b"#" in header else header
    if b"(" not in shown or _is_initialiser(shown):
        return None
    found = function_name(shown)
    if found is None:
        return None
    name, offset = found
    if _TAG.search(shown, offset) and _TAG.search(shown, closing(shown, shown.find(b"(", offset) + 1)):
        return None
    if b"#" in header[offset:]:
        first = header.rfind(b"#if", 0, offset)
        first = first if first >= 0 else _first_line_of_header(shown, offset)
    else:
        first = _first_line_of_header(shown, offset)
    return name, first, offset


def _is_fixture(code: bytes, header: tuple[str, int, int], end: int) -> bool:
    """Whether a macro makes a structure or a value of the braces, as FIXTURE(tls) { ... }; of kselftest does."""
    name, _, name_start = header
    return next_byte(code, end) == b";" and not code.startswith(name.encode(), name_start)


def _is_initialiser(header: bytes) -> bool:
    """Whether the brace opens a value: an equals sign stands outside all parentheses."""
    depth = 0
    for match in _PARENTHESIS_OR_EQUALS.finditer(header):
        token = match.group()
        depth += (token == b"(") - (token == b")")
        if token == b"=" and depth == 0:
            return True
    return False


def function_name(header: bytes) -> tuple[str, int] | None:
    """Name of the function and its offset in the header text before the brace (comments blanked).

    The name is what stands in the text: the first argument of SYSCALL_DEFINE3(name, ...) and its kin.
    """
    candidates = list(_candidates(header))
    plain = [match for match in candidates if not _MACRO_NAME.fullmatch(match.group(1))]
    typed = [match for match in plain if ends_name(header, match.start(), b"*")]
    match = next(reversed(typed or plain or candidates), None)
    if match is None:
        match = _POINTER_NAME.search(header)
        return (match.group(1).decode(), match.start(1)) if match else None
    if not plain:
        argument = _FIRST_ARGUMENT.match(header, match.end())
        if argument and argument.group(1) != b"void" and not _has_type(header[: match.start()]):
            return argument.group(1).decode(), match.start()
    return match.group(1).decode(), match.start(1)


def _candidates(header: bytes) -> Iterator[re.Match[bytes]]:
    """Names that an argument list follows, outside all parentheses, attributes left out."""
    position = 0
    while match := _NAME.search(header, position):
        close = closing(header, match.end())
        word = match.group(1)
        returns_pointer = _POINTER_NAME.match(header, match.end() - 1) is not None
        if not is_attribute(word) and word not in _CONTROL_WORDS and not returns_pointer:
            yield match
        if close < 0:
            return
        position = close + 1


def _has_type(text: bytes) -> bool:
    """Whether a type stands on the line before the name: then an upper-case name is the function's own."""
    words = [word for word in _WORD.findall(text.rpartition(b"\n\n")[2]) if not is_attribute(word)]
    return any(word not in (b"static", b"inline", b"extern", b"noinline", b"notrace") for word in words)


def _first_line_of_header(header: bytes, name: int) -> int:
    """Offset of the header's first line: back from the name over lines that belong to the declaration."""
    start = header.rfind(b"\n", 0, name) + 1
    while start > 0:
        previous = header.rfind(b"\n", 0, start - 1) + 1
        line = header[previous : start - 1].strip()
        if not line or line.endswith((b";", b"}")) or _ends_macro_call(line):
            break
        start = previous
    return start


def _ends_macro_call(line: bytes) -> bool:
    """Whether the line before a function is a macro call of its own, as MODULE_ALIAS("x")."""
    match = _CALLED.match(line)
    return line.endswith(b")") and match is not None and not is_attribute(match.group(1))
