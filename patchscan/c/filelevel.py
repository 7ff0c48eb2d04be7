"""The statements of a C text outside functions: what it declares and defines there, by bytes alone.

Every branch of an #if is read. A text that opens brackets in two branches and closes them once is read as the margin
tells, which kernel style keeps for what stands outside functions.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.lexical import blank, directives, offsets, without_comments
from patchscan.c.outline import body_end, function_name

_STOP = pattern(rb"[;{(=]")
_BRACKET = pattern(rb"[()]")
_CALL_ONLY = pattern(rb"\s*([A-Za-z_]\w*)\s*\Z")
_GOES_ON = pattern(rb"\s*(?:[;{=,()\[*]|__\w+|\Z|asm\b)")
_TAGGED = pattern(
    rb"\s*(?:(?:typedef|static|extern|const|volatile|__\w+(?:\([^()]*\))?)\s+)*(struct|union|enum)\b"
)
_TAG = pattern(
    rb"(struct|union|enum)\s+(?:(?:__\w+|____\w+)(?:\s*\((?:[^()]|\([^()]*\))*\))?\s+)*([A-Za-z_]\w*)?\s*\{"
)
_ATTRIBUTE = pattern(
    rb"\b(?:__attribute__|__aligned|__section|asm|__asm__)\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
)
_DECLARATOR = pattern(rb"([A-Za-z_]\w*)\s*((?:\[[^\]]*\]\s*)*)(?:(?:__\w+|____\w+)\s*)*\Z")
_POINTER_TO_FUNCTION = pattern(
    rb"\(\s*\*\s*(?:const\s+|__\w+\s+)*([A-Za-z_]\w*)\s*((?:\[[^\]]*\]\s*)*)\)\s*\("
)
_FORWARD = pattern(rb"(?:struct|union|enum)\s+\w+")
_WORD = pattern(rb"[A-Za-z_]\w*")
_MACRO_CALL = pattern(rb"(?:static\s+)?([A-Za-z_]\w*)\s*\(")
_LAST_NAME = pattern(rb"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*|\((?:[^()]|\([^()]*\))*\)\s*)*\Z")
_BRACKET_OR_EQUALS = pattern(rb"[()\[\]=]")
_BRACKET_OR_COMMA = pattern(rb"[()\[\]{},]")
_TYPE_AND_MORE = pattern(rb"[A-Za-z_][\w\s*]*[\s*(\[]")
_NO_TYPE = frozenset(b"return goto else case default asm extern typedef".split())


@frozen
class Statement:
    """A declaration or definition outside functions.

    kind: "function" (with a body), "prototype", "variable", "type" (a struct, union or enum with its members),
    "typedef", "call" (of a macro) or "other". name: what it declares, "" where it has no name. start, end: offsets
    in the text; name_start: of the name; body: the offset of the brace of a function, type or initialiser, else
    -1; value: the offset behind the "=" of a variable, else -1.
    """

    kind: Literal["function", "prototype", "variable", "type", "typedef", "call", "other"]
    name: str
    start: int
    end: int
    name_start: int = -1
    body: int = -1
    value: int = -1
    static: bool = False
    extern: bool = False
    array: bool = False

    def head(self, code: bytes) -> bytes:
        """The text up to the body or the value."""
        ends = [each for each in (self.body, self.value, self.end) if each >= 0]
        return code[self.start : min(ends)]


@lru_cache(maxsize=64)
def statements(text: bytes) -> tuple[Statement, ...]:
    """The statements of a text, in order; two variables that one statement declares are two."""
    code, pieces = _pieces(text)
    return tuple(found for start, end, body in pieces for found in _read(code, start, end, body))


@lru_cache(maxsize=2)
def declared_at(text: bytes) -> Mapping[str, frozenset[int]]:
    """Where the statements of a text declare each name."""
    found: dict[str, set[int]] = {}
    for each in statements(text):
        found.setdefault(each.name, set()).add(each.name_start)
    return {name: frozenset(places) for name, places in found.items()}


def statements_naming(text: bytes, name: str) -> Iterator[Statement]:
    """Those of the statements that declare a name, in order; the others are not read, which is most of the cost."""
    word = name.encode()
    if word not in text:
        return
    code, pieces = _pieces(text)
    last = -1
    for offset in offsets(code, word):
        index = bisect_right(pieces, (offset, len(code), len(code))) - 1
        if index > last and index >= 0:
            last = index
            start, end, body = pieces[index]
            if _ends_in_body(code, end, body) and code.find(word, start, body) < 0:
                # The name only stands in the body of a function.
                continue
            yield from (each for each in _read(code, start, end, body) if each.name == name)


@lru_cache(maxsize=16)
def outside_functions(text: bytes) -> tuple[Statement, ...]:
    """The statements but for functions with a body, in order: to read these is most of the cost."""
    code, pieces = _pieces(text)
    outside = (piece for piece in pieces if not _ends_in_body(code, piece[1], piece[2]))
    return tuple(found for start, end, body in outside for found in _read(code, start, end, body))


def _ends_in_body(code: bytes, end: int, body: int) -> bool:
    """Whether a statement ends with the brace of its body: then it is a function, or none that is known."""
    return body >= 0 and code[end - 1 : end] == b"}"


def statements_around(text: bytes, name: str = "") -> Iterator[tuple[tuple[Statement, ...], bytes]]:
    """The pieces of a text, those only where a name stands whatever it is there: what each declares, and its code."""
    code, pieces = _pieces(text)
    places = (
        {bisect_right(pieces, (at, len(code), len(code))) - 1 for at in offsets(code, name.encode())}
        if name
        else None
    )
    for index in range(len(pieces)) if places is None else sorted(places - {-1}):
        start, end, body = pieces[index]
        yield tuple(_read(code, start, end, body)), code[start:end]


def types_inside(text: bytes, name: str) -> Iterator[Statement]:
    """The structs, unions and enums of that name that stand among the members of another."""
    code, pieces = _pieces(text)
    word = name.encode()
    for offset in offsets(code, word):
        index = bisect_right(pieces, (offset, len(code), len(code))) - 1
        start, end, body = pieces[index] if index >= 0 else (0, 0, -1)
        if not 0 <= body < offset < end or not any(
            each.kind == "type" for each in _read(code, start, end, body)
        ):
            continue
        tag = next((each for each in _TAG.finditer(code, body, end) if each.start(2) == offset), None)
        if tag is not None:
            brace = tag.end() - 1
            yield Statement("type", name, tag.start(), body_end(code, brace), offset, brace)


@lru_cache(maxsize=256)
def _pieces(text: bytes) -> tuple[bytes, tuple[tuple[int, int, int], ...]]:
    """The text without comments and directives, and what _cut() finds in it."""
    code = without_directives(without_comments(text))
    return code, tuple(_cut(code))


def without_directives(code: bytes) -> bytes:
    """The text with all preprocessor lines blank."""
    if b"#" not in code:
        return code
    out = bytearray(code)
    for match in directives(code):
        out[match.start() : match.end()] = blank(match[0])
    return bytes(out)


def _cut(code: bytes) -> Iterator[tuple[int, int, int]]:
    """(start, end, first brace or -1) of every statement."""
    start = position = 0
    body = -1
    value = False
    while match := _STOP.search(code, position):
        position = match.end()
        found = match[0]
        if found == b"=":
            value = True
        elif found == b"(":
            position = _close(code, position)
            if body < 0 and not value and _ends_call(code, start, match.start(), position):
                yield start, position, -1
                start = position
        elif found == b";":
            yield start, position, body
            start, body, value = position, -1, False
        else:
            body = match.start() if body < 0 else body
            head = code[start:body]
            position = body_end(code, match.start())
            if not value and b"(" in head and (not _TAGGED.match(head) or _is_function(code, body, head)):
                yield start, position, body
                start, body = position, -1


def _is_function(code: bytes, body: int, head: bytes) -> bool:
    """Whether the brace follows the parameter list of a function that gives back a struct, union or enum."""
    return code[max(0, body - 200) : body].rstrip()[-1:] == b")" and function_name(head) is not None


def _close(code: bytes, position: int) -> int:
    """The offset behind the parenthesis that closes the one just before position."""
    depth = 1
    for match in _BRACKET.finditer(code, position):
        depth += 1 if match[0] == b"(" else -1
        if depth == 0:
            return match.end()
    return len(code)


def _ends_call(code: bytes, start: int, opening: int, end: int) -> bool:
    """Whether a macro is called here without a semicolon: one name alone, and what follows begins something new."""
    if not _CALL_ONLY.match(code, start, opening):
        return False
    line_end = code.find(b"\n", end)
    rest = code[end : line_end if line_end >= 0 else len(code)]
    return not rest.strip() and not _GOES_ON.match(code, end)


def _read(code: bytes, start: int, end: int, body: int) -> Iterator[Statement]:
    start += len(code[start:end]) - len(code[start:end].lstrip())
    text = code[start:end]
    words = frozenset(_WORD.findall(text[: body - start] if body >= 0 else text[:300]))
    if not words:
        return
    static, extern = b"static" in words, b"extern" in words
    if body >= 0 and text[-1:] == b"}":
        named = function_name(code[start:body])
        if named is not None:
            yield Statement("function", named[0], start, end, start + named[1], body, -1, static, extern)
        return
    call = _MACRO_CALL.match(text)
    if call and call[1].startswith(b"__") and _WORD.match(code, _behind(code, start + call.end(), end)):
        # An attribute before a declaration.
        call = None
    if call and text.rstrip(b"; \t\n").endswith(b")") and body < 0 and b"=" not in text.partition(b"(")[0]:
        yield Statement("call", call[1].decode(), start, end, start + call.start(1), -1, -1, static, extern)
        return
    if text.startswith(b"typedef"):
        name, at = _typedef_name(text)
        yield from _type(code, start, end, body)
        yield Statement("typedef", name, start, end, start + at, body)
        return
    rest = start
    if body >= 0 and _TAGGED.match(text) and b"=" not in code[start:body]:
        yield from _type(code, start, end, body)
        rest = body_end(code, body)
    yield from _declared(code, start, rest, end, static, extern)


def _behind(code: bytes, position: int, end: int) -> int:
    """The offset of what follows, in a statement, the parenthesis that closes the one just before position."""
    position = min(_close(code, position), end)
    return position + len(code[position:end]) - len(code[position:end].lstrip())


def _type(code: bytes, start: int, end: int, body: int) -> Iterator[Statement]:
    if body >= 0:
        tag = None
        for match in _TAG.finditer(code, start, body + 1):
            tag = match
        if tag is not None and tag[2]:
            yield Statement("type", tag[2].decode(), start, end, tag.start(2), body)


def _typedef_name(text: bytes) -> tuple[str, int]:
    pointer = _POINTER_TO_FUNCTION.search(text)
    if pointer and b"{" not in text[: pointer.start()]:
        return pointer[1].decode(), pointer.start(1)
    shown = _ATTRIBUTE.sub(lambda match: blank(match[0]), text.rstrip(b"; \t\n"))
    match = _LAST_NAME.search(shown)
    return (match[1].decode(), match.start(1)) if match else ("", 0)


def _declared(
    code: bytes, start: int, rest: int, end: int, static: bool, extern: bool
) -> Iterator[Statement]:
    """The variables and prototypes of a statement; rest: behind the members of a type it defines."""
    text = code[rest:end].rstrip(b"; \t\n")
    if rest == start and not _TYPE_AND_MORE.match(text):
        return
    if _FORWARD.fullmatch(text):
        return
    for index, (begin, stop) in enumerate(_parts(text)):
        part = _ATTRIBUTE.sub(lambda match: blank(match[0]), text[begin:stop])
        equals = _equals(part)
        head = part[:equals] if equals >= 0 else part
        at = rest + begin
        value = at + equals + 1 if equals >= 0 else -1
        brace = part.find(b"{", equals + 1) if equals >= 0 else -1
        body = at + brace if brace >= 0 else -1
        pointer = _POINTER_TO_FUNCTION.search(head)
        pointer = pointer if pointer and pointer.start() == head.find(b"(") else None
        found = pointer or _DECLARATOR.search(head)
        if found is not None:
            first_word = head[: found.start(1)].split()[:1]
            has_type = bool(head[: found.start(1)].strip(b" \t\n*(")) or index > 0 or rest > start
            if has_type and not (first_word and first_word[0] in _NO_TYPE and first_word[0] != b"extern"):
                name = found[1].decode()
                yield Statement(
                    "variable",
                    name,
                    start,
                    end,
                    at + found.start(1),
                    body,
                    value,
                    static,
                    extern,
                    bool(found[2]),
                )
        elif b"(" in head and equals < 0:
            named = function_name(head)
            if named is not None:
                yield Statement("prototype", named[0], start, end, at + named[1], -1, -1, static, extern)


def _equals(part: bytes) -> int:
    depth = 0
    for match in _BRACKET_OR_EQUALS.finditer(part):
        mark = match[0]
        if mark == b"=" and depth == 0:
            return match.start()
        depth += (mark in b"([") - (mark in b")]")
    return -1


def _parts(text: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of what the commas outside all brackets separate."""
    depth = begin = 0
    for match in _BRACKET_OR_COMMA.finditer(text):
        mark = match[0]
        if mark == b",":
            if depth == 0:
                yield begin, match.start()
                begin = match.end()
        else:
            depth += 1 if mark in b"([{" else -1
    yield begin, len(text)
