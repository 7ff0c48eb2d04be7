"""Macros that declare: parameters, per-CPU variables, types as arguments, functions made by a macro.

Each handler takes (code, out, start, end): the text without comments, the text to rewrite in place, and where
the macro's name stands; it returns where to go on. Lengths and newlines stay.
"""

from patchscan.basics.pattern import pattern
from patchscan.c.attributes import is_attribute
from patchscan.c.lexical import (
    before,
    blank,
    closing,
    hide,
    next_byte,
    parentheses,
    top_commas,
    without_comments,
)

TYPE_WORDS = frozenset(
    b"struct union enum unsigned signed long short int char void bool float double const volatile "
    b"size_t ssize_t ptrdiff_t intptr_t uintptr_t int8_t int16_t int32_t int64_t uint8_t uint16_t "
    b"uint32_t uint64_t".split()
)
_STORAGE_WORDS = frozenset(b"static extern inline register const volatile".split())
STATEMENT_WORDS = frozenset(
    b"if else for while do switch return sizeof goto break continue default typedef".split()
)
_TAKES_TYPE = STATEMENT_WORDS | frozenset(b"typeof __typeof__ __typeof case int void char long".split())
_WORD = pattern(rb"[A-Za-z_]\w*")
_FUNCTION_MACRO = pattern(rb"[A-Z_][A-Z0-9_]+")
PER_CPU = pattern(rb"(?:DEFINE|DECLARE)_(?:EARLY_)?PER_CPU\w*")
TYPED_PARAMETERS = pattern(rb"\w*(?:SYSCALL\w*_DEFINE|BPF_CALL_)\d?x?")
_TYPE_ARGUMENT = pattern(
    rb"(?:(?:const|volatile)\s+)*"
    rb"(?:(?:struct|union|enum)\s+(\w+)|[a-z_]\w*(?:\s+(?:long|int|char|short|unsigned))*)"
    rb"(?:\s*const\b)?[\s*]*(?=[,)])"
)
_CALLED_NAME = pattern(rb"(\w+)\s*\Z")
_NO_WORD_OR_NEWLINE = pattern(rb"[^\w\n]")
_WHOLE_WORD = pattern(rb"\w+")
_NO_WORD = pattern(rb"\W")
_ONE_WORD = pattern(rb"\s*\w+\s*")


def typed_parameters(code: bytes, out: bytearray, start: int, end: int) -> int:
    """SYSCALL_DEFINE2(name, int, fd, ...): a name, then type and parameter as separate arguments."""
    opening, close = parentheses(code, end)
    if close < 0 or next_byte(code, close + 1) not in (b"{", b"#"):
        return end
    commas = [opening + 1 + comma for comma in top_commas(code[opening + 1 : close])]
    hide(out, start, opening + 1)
    out[start : start + 4] = b"long"
    if not commas:
        out[close] = ord(" ")
        return opening + 1
    out[commas[0]] = ord("(")
    for comma in commas[1::2]:
        out[comma] = ord(" ")
    return commas[0] + 1


def per_cpu(code: bytes, out: bytearray, start: int, end: int) -> int:
    """DEFINE_PER_CPU(type, name): an ordinary declaration of the name."""
    opening, close = parentheses(code, end)
    commas = top_commas(code[opening + 1 : close]) if close > 0 else []
    if len(commas) != 1:
        return end
    comma = opening + 1 + commas[0]
    hide(out, start, opening + 1)
    out[comma] = out[close] = ord(" ")
    bracket = code.find(b"[", opening, comma)
    if bracket > 0:
        hide(out, bracket, comma)
    return opening + 1


def bitmap(code: bytes, out: bytearray, start: int, end: int) -> int:
    """DECLARE_BITMAP(name, bits) declares an array; the macro's name stands for its type."""
    opening, close = parentheses(code, end)
    commas = top_commas(code[opening + 1 : close]) if close > 0 else []
    if len(commas) != 1:
        return end
    out[opening] = ord(" ")
    out[opening + 1 + commas[0]] = ord("[")
    out[close] = ord("]")
    return opening + 1


def type_argument(code: bytes, out: bytearray, start: int, end: int) -> int:
    """A type handed to a macro, as in container_of(p, struct page, lru), becomes one identifier."""
    preceding = before(code, start)
    if preceding < 0 or code[preceding] not in b"(,":
        return end
    match = _TYPE_ARGUMENT.match(code, start)
    if match is None:
        return end
    if code[preceding] == ord("(") and code[match.end()] == ord(")") and not _follows_call(code, preceding):
        return match.end()
    shown = match.group().rstrip()
    if shown == b"void" and code[preceding] == ord("("):
        return match.end()
    if b"\n" in shown:
        word = match.start(1) if match.group(1) else match.start()
        kept = match.group(1) or shown.split()[0].capitalize()
        hide(out, start, match.end())
        out[word : word + len(kept)] = kept
    elif _WHOLE_WORD.fullmatch(shown):
        out[start : start + len(shown)] = shown.capitalize()
    else:
        out[start : start + len(shown)] = _NO_WORD.sub(b"_", shown)
    return match.end()


def _follows_call(code: bytes, opening: int) -> bool:
    """Whether the parenthesis belongs to a call: a name stands before it that takes no type in C."""
    match = _CALLED_NAME.search(code[max(0, opening - 80) : opening])
    return match is not None and match.group(1) not in _TAKES_TYPE


def as_name(code: bytes, out: bytearray, start: int, end: int) -> int:
    """typeof(expression), __stringify(x): one name, of a type or inside a string."""
    _, close = parentheses(code, end)
    if close < 0:
        return end
    spelled = _NO_WORD_OR_NEWLINE.sub(b"_", code[start : close + 1])
    if b"\n" in spelled:
        spelled = code[start:end] + blank(code[end : close + 1])
    if code[start - 1 : start] == b"(" and next_byte(code, close + 1) == b")":
        spelled = b"int" + blank(code[start + 3 : close + 1])
    out[start : close + 1] = spelled
    return close + 1


def function_macro(code: bytes, out: bytearray, start: int, end: int) -> int:
    """DEFINE_IDTENTRY(name) { ... }: a function whose name is the first argument."""
    if not _FUNCTION_MACRO.fullmatch(code[start:end]) or _has_type(code, start):
        return end
    close = closing(code, end + 1)
    if close < 0 or next_byte(code, close + 1) != b"{":
        return end
    commas = [end + 1 + comma for comma in top_commas(code[end + 1 : close])]
    if end - start < 3 or not _ONE_WORD.fullmatch(code[end + 1 : commas[0] if commas else close]):
        return end
    out[start : end + 1] = b"int".ljust(end + 1 - start)
    if commas:
        out[commas[0]] = ord("(")
        return commas[0] + 1
    out[close] = ord(" ")
    return end + 1


def _has_type(code: bytes, start: int) -> bool:
    """Whether a type stands on the line before an upper-case name: then the name is the function's own."""
    words = _WORD.findall(code[code.rfind(b"\n", 0, start) + 1 : start])
    return any(word not in _STORAGE_WORDS and not is_attribute(word) for word in words)


def mask_header(masked: bytes, name: int) -> bytes:
    """Blank the words of a function's header that are neither storage class nor part of its type.

    masked: a masked text that begins with the header; name: offset of the function's name. Every tree has
    attributes of its own (`static __fastpath_inline void *alloc(...)`); two names in a row are no type.
    """
    head = without_comments(masked[:name])
    if b"#" in head:
        return masked
    words = [match for match in _WORD.finditer(head) if match.group() not in _STORAGE_WORDS]
    kept = _type_words([match.group() for match in words])
    out = bytearray(masked)
    for match in words[: len(words) - kept]:
        out[match.start() : match.end()] = b" " * len(match.group())
    return bytes(out)


def _type_words(words: list[bytes]) -> int:
    """How many of the last words before a function's name are its type."""
    if not words:
        return 0
    if len(words) > 1 and words[-2] in (b"struct", b"union", b"enum"):
        return 2
    count = 0
    while count < len(words) and words[-1 - count] in TYPE_WORDS:
        count += 1
    return max(count, 1)
