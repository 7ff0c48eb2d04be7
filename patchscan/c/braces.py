"""Which braces an offset of blanked C code stands in: a function, an initialiser, a struct, an enum."""

from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.outline import function_name

_ANNOTATIONS = frozenset(
    b"__attribute__ __attribute __printf __scanf __aligned __section __alias __acquires __releases "
    b"__must_hold __cond_acquires __malloc __alloc_size __assume_aligned __no_sanitize __counted_by __access "
    b"__target asm __asm__".split()
)
_AGGREGATE = pattern(rb"\b(struct|union|enum)\b[^;{}()=]*(?:\([^;{}]*\)[^;{}()=]*)?$")
_COMPOUND_LITERAL = pattern(rb"(?:[=&,(?:]|\breturn)\s*\([\w\s*\[\]]*\)$")
_CALLED = pattern(rb"(\w+)\s*\(")
_BRACE = pattern(rb"[{}]")
_WINDOW = 600


PlaceKind = Literal["file", "block", "initialiser", "aggregate", "enumeration"]


@frozen
class Place:
    """The innermost braces, and the function around them ("" outside one).

    kind: "file" (outside all braces), "block" (statements), "initialiser", "aggregate" or "enumeration".
    """

    kind: PlaceKind
    function: str


class Braces:
    """The braces of one text. Asked for growing offsets, it reads each of them once.

    Works back from an offset, so the text before the enclosing definition is not read. A brace in the first
    column opens or closes a function: kernel style, which also mends what #if branches with braces of their
    own break.
    """

    def __init__(self, code: bytes) -> None:
        self.code = code
        self._begin = -1
        self._read_to = 0
        self._stack: list[tuple[int, PlaceKind]] = []

    def enclosing(self, offset: int) -> Place:
        """Where an offset stands."""
        closed = self.code.rfind(b"\n}", max(self._begin - 2, 0), offset)
        opened = self.code.rfind(b"\n{", max(self._begin - 2, 0), offset)
        begin = opened + 1 if opened > closed else closed + 2 if closed >= 0 else 0
        if begin != self._begin or offset < self._read_to:
            self._begin, self._read_to, self._stack = begin, begin, []
        self._read(offset, in_function=opened > closed)
        if not self._stack:
            return Place("file", "")
        outermost, kind = self._stack[0]
        named = function_name(header_before(self.code, outermost)) if kind == "block" else None
        return Place(self._stack[-1][1], named[0] if named else "")

    def _read(self, offset: int, in_function: bool) -> None:
        stack = self._stack
        for match in _BRACE.finditer(self.code[self._read_to : offset]):
            position = self._read_to + match.start()
            if match.group() == b"{":
                stack.append((position, _kind(self.code, position, stack)))
            elif len(stack) > 1 or (stack and not (in_function and self._spans_lines(stack[0][0], position))):
                stack.pop()
        self._read_to = offset

    def _spans_lines(self, begin: int, end: int) -> bool:
        return self.code.find(b"\n", begin, end) >= 0


def _kind(code: bytes, position: int, stack: list[tuple[int, PlaceKind]]) -> PlaceKind:
    before = code[max(0, position - _WINDOW) : position].rstrip()
    outer: PlaceKind = stack[-1][1] if stack else "file"
    if before.endswith(b"="):
        return "initialiser"
    if before[-1:] in (b",", b"{", b"(") and outer == "initialiser":
        return "block" if before.endswith(b"(") else "initialiser"
    if before.endswith(b")") and outer != "file" and _COMPOUND_LITERAL.search(before[-80:]):
        return "initialiser"
    statement = before[max(before.rfind(mark) for mark in (b";", b"{", b"}", b"=")) + 1 :]
    aggregate = _AGGREGATE.search(statement)
    if aggregate and not (outer == "file" and _is_function_header(aggregate.group())):
        return "enumeration" if aggregate.group(1) == b"enum" else "aggregate"
    return "block"


def _is_function_header(text: bytes) -> bool:
    """struct page *f(int x): a declarator with a parameter list, where an attribute's name does not stand."""
    named = _CALLED.search(text)
    return named is not None and named.group(1) not in _ANNOTATIONS


def header_before(code: bytes, position: int) -> bytes:
    """The text between the end of the last definition or statement and a brace."""
    begin = max(code.rfind(mark, 0, position) for mark in (b";", b"}", b"{"))
    return code[begin + 1 : position]
