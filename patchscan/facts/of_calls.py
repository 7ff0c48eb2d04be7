"""The calls that the functions and macros of a text make."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.lexical import directives, without_defines
from patchscan.c.source import Source
from patchscan.facts.kind import Kind

_MARK = pattern(rb"(->|\.|\b(?:struct|union|enum)\s)?\s*\b([A-Za-z_]\w*)\s*\(|[(),;{}\[\]]")
_WORD_BEFORE = pattern(rb"([A-Za-z_]\w*)[\s*]+\Z")
_NO_CALL = frozenset(
    b"if for while switch return sizeof typeof __typeof__ typeof_unqual __typeof __alignof__ _Alignof offsetof do else "
    b"int void char short long unsigned signed bool float double const "
    b"case goto asm __asm__ __asm volatile __volatile__ __attribute__ defined _Generic static_assert".split()
)
_DEFINE = pattern(rb"[ \t]+([A-Za-z_]\w*)(\([^)]*\))?")
_WORD = pattern(rb"[A-Za-z_]\w*")
# type (*name)(...) and the type (*)(...).
_POINTER = pattern(rb"\s*\*[\s*]*(?:[A-Za-z_]\w*)?\s*(?:\[[^\[\]]*\]\s*)?\)\s*\(")
# A word before the name makes a declaration of it, but for these.
_NO_TYPE = frozenset(b"return else do case goto in and or not sizeof".split())


@frozen
class CallFact:
    """A call by name. function: that makes it, or the macro whose body it stands in (macro: True).

    arguments: how many are written; line: of the name.
    """

    name: str
    function: str
    line: int
    arguments: int
    macro: bool


def calls(source: Source) -> Iterator[CallFact]:
    """The calls in functions, then those in the bodies of macros, in order of their ends."""
    code = without_defines(source.code)
    for function in source.functions():
        for name, offset, arguments in calls_between(code, function.brace, function.end):
            yield CallFact(name, function.name, source.line_at(offset), arguments, False)
    for directive in directives(source.code):
        head = _DEFINE.match(source.code, directive.start(2)) if directive[1] == b"define" else None
        if head is None:
            continue
        own = set(_WORD.findall(head[2] or b""))
        for name, offset, arguments in calls_between(source.code, head.end(), directive.end()):
            if name.encode() not in own:
                yield CallFact(name, head[1].decode(), source.line_at(offset), arguments, True)


def calls_between(code: bytes, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """(name, offset of the name, number of arguments) of what looks like a call between two offsets."""
    # Of each open bracket: the name called, where it stands, the commas in it and where it opens.
    stack: list[tuple[str, int, int]] = []
    commas: list[int] = []
    for match in _MARK.finditer(code, start, end):
        name = match[2]
        text = match[0]
        if name is not None:
            none = match[1] or name in _NO_CALL or _is_declared(code, match.start(2), match.end())
            stack.append(("" if none else name.decode(), match.start(2), match.end()))
            commas.append(0)
        elif text in (b"(", b"[", b"{"):
            stack.append(("", 0, match.end()))
            commas.append(0)
        elif text == b",":
            if commas:
                commas[-1] += 1
        elif text in (b")", b"]", b"}") and stack:
            called, offset, opened = stack.pop()
            count = commas.pop()
            if called:
                empty = not code[opened : match.start()].strip()
                yield called, offset, 0 if empty else count + 1


def _is_declared(code: bytes, offset: int, opened: int) -> bool:
    """Whether a name is declared, or is the type that a pointer to a function gives back, and not called."""
    if _POINTER.match(code, opened):
        return True
    if not code[offset - 1 : offset].isspace():
        return False
    before = _WORD_BEFORE.search(code, max(0, offset - 40), offset)
    if before is None or before[1] in _NO_TYPE:
        return False
    between = code[before.end(1) : offset]
    # A star may be that of a product; a macro may stand on the line before.
    return b"\n" not in between and b"*" not in between


KIND = Kind("calls", CallFact, calls)
