"""Kernel macros that no C parser knows, rewritten in place so that one can read them.

A mask never changes the length of the text nor moves a newline: what a parser says of the masked text
holds, byte for byte, of the original. It is always applied, also where the raw text parses without an
error: `scoped_guard(rcu) x();` parses silently into a declaration and the call is gone.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from patchscan.attributes import WITH_ARGUMENTS, is_plain_attribute

_LEXICAL = rb"/\*.*?(?:\*/|\Z)|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_COMMENT_OR_STRING = re.compile(_LEXICAL, re.S)
_WORD = re.compile(_LEXICAL + rb"|[A-Za-z_]\w*", re.S)
_BRACKET = re.compile(_LEXICAL + rb"|[()\[\]{}]", re.S)
_VISIBLE = re.compile(rb"[^\s]")
_SPACE = re.compile(rb"(?:\s|\\\n|/\*.*?\*/|//[^\n]*)*", re.S)
_DIRECTIVE = re.compile(rb"^[ \t]*#[ \t]*(\w+)((?:[^\n\\]|\\.)*)", re.M | re.S)

_TYPE_WORDS = frozenset(
    b"struct union enum unsigned signed long short int char void bool float double const volatile"
    b" size_t ssize_t ptrdiff_t intptr_t uintptr_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t"
    b" uint64_t".split()
)
_STATEMENT_WORDS = frozenset(
    b"if else for while do switch return sizeof goto break continue default typedef".split()
)
_NOT_A_CALL = _STATEMENT_WORDS | frozenset(
    b"typeof __typeof__ __typeof alignof __alignof__ _Alignof case int void char long".split()
)

_LOOP = re.compile(
    rb"\w*for_?_?each\w*|\w*_walk_\w+|for_all_\w+|for_\w+_(?:range|entries)\w*|do_each_\w+|\w*_foreach\w*"
)
_GUARD = re.compile(rb"scoped_\w+|if_not_guard|if_not_cond_guard|with_\w+|\w+_scoped_guard")
_FUNCTION_MACRO = re.compile(rb"[A-Z_][A-Z0-9_]*(?:x|_[A-Z0-9]+)?")
_TYPED_PARAMETERS = re.compile(rb"\w*(?:SYSCALL\w*_DEFINE|BPF_CALL_)\d?x?")
_PER_CPU = re.compile(rb"(?:DEFINE|DECLARE)_(?:EARLY_)?PER_CPU\w*")
_ASM = re.compile(
    rb"(?:asm|__asm__|__asm|asm_inline|asm_volatile_goto|asm_goto_output)"
    rb"(?:\s+(?:volatile|__volatile__|__volatile|goto|inline|__inline|__inline__))*\s*\("
)
_TYPE_ARGUMENT = re.compile(
    rb"(?:(?:const|volatile)\s+)*(?:(?:struct|union|enum)\s+(\w+)|[a-z_]\w*(?:\s+(?:long|int|char|short|unsigned))*)"
    rb"(?:\s*const\b)?[\s*]*(?=[,)])"
)
_OPERATOR_ARGUMENT = re.compile(rb"(?<=,)([ \t]*)(==|!=|<=|>=|<<|>>|&&|\|\||[-+<>&|^%/=]=?)(?=[ \t]*[,)])")
_CASE_RANGE = re.compile(rb"case\b[^:;{}\n]*?(\.\.\.)")
_JUMP = re.compile(rb"\b(?:return|goto|continue|break)\b")


def blank(text: bytes) -> bytes:
    """The text with every visible byte made a space; white space stays."""
    return _VISIBLE.sub(b" ", text)


def without_comments(text: bytes) -> bytes:
    """The text with comments blank and the contents of strings made spaces; same length, same newlines."""

    def hide(match: re.Match[bytes]) -> bytes:
        found = match.group()
        if found[:1] == b"/":
            return blank(found)
        return found[:1] + blank(found[1:-1]) + found[-1:]

    return _COMMENT_OR_STRING.sub(hide, text)


def closing(text: bytes, position: int) -> int:
    """The offset of the bracket that closes the one before position, or -1; not in comments or strings."""
    depth = 1
    for match in _BRACKET.finditer(text, position):
        found = match.group()
        if found in b"([{":
            depth += 1
        elif found in b")]}":
            depth -= 1
            if depth == 0:
                return match.start()
    return -1


def top_commas(text: bytes) -> list[int]:
    """Offsets of the commas that separate arguments: those inside no bracket, comment or string."""
    found: list[int] = []
    depth = 0
    for match in re.finditer(_LEXICAL + rb"|[()\[\]{},]", text, re.S):
        token = match.group()
        if token in b"([{":
            depth += 1
        elif token in b")]}":
            depth -= 1
        elif token == b"," and depth == 0:
            found.append(match.start())
    return found


def is_loop_macro(word: bytes) -> bool:
    """Whether the word names a macro that is used as a loop, as for_each_online_cpu is."""
    return _LOOP.fullmatch(word) is not None


def is_guard_macro(word: bytes) -> bool:
    """Whether the word names a macro that opens a guarded block, as scoped_guard does."""
    return _GUARD.fullmatch(word) is not None


def mask(text: bytes) -> bytes:
    """Rewrite kernel macros to plain C. The result has the length and the newlines of the text."""
    out = bytearray(text)
    position = 0
    for match in _WORD.finditer(text):
        start = match.start()
        if start < position:
            continue
        handler = _handler(match.group())
        if handler is not None:
            position = handler(text, out, start, match.end())
    for match in _OPERATOR_ARGUMENT.finditer(out):
        out[match.start(2) : match.end(2)] = b"_" * len(match.group(2))
    return bytes(out)


def first_branches(text: bytes) -> bytes:
    """Keep only the first branch of every #if (the #else branch of `#if 0`); the rest becomes blank."""
    out = bytearray(text)
    kept: list[bool] = []
    done: list[bool] = []
    start = 0
    for match in _DIRECTIVE.finditer(text):
        name = match.group(1)
        if name not in (b"if", b"ifdef", b"ifndef", b"elif", b"elifdef", b"elifndef", b"else", b"endif"):
            continue
        if not all(kept):
            out[start : match.start()] = blank(text[start : match.start()])
        if name in (b"if", b"ifdef", b"ifndef"):
            kept.append(match.group(2).strip() != b"0" or name != b"if")
            done.append(kept[-1])
        elif kept and name == b"endif":
            kept.pop()
            done.pop()
        elif kept:
            kept[-1] = not done[-1]
            done[-1] = True
        out[match.start() : match.end()] = blank(match.group())
        start = match.end()
    if not all(kept):
        out[start:] = blank(text[start:])
    return bytes(out)


Handler = Callable[[bytes, bytearray, int, int], int]


@lru_cache(maxsize=8192)
def _handler(word: bytes) -> Handler | None:
    """What to do at this word; most words need nothing."""
    if word in _HANDLERS:
        return _HANDLERS[word]
    if not (word[:1].isalpha() or word[:1] == b"_"):
        return None
    if word in WITH_ARGUMENTS:
        return _attribute_with_arguments
    if is_plain_attribute(word):
        return _attribute
    if is_loop_macro(word):
        return _loop
    if is_guard_macro(word):
        return _guard
    if _TYPED_PARAMETERS.fullmatch(word):
        return _typed_parameters
    if _PER_CPU.fullmatch(word):
        return _per_cpu
    return _unknown_word


def _next(text: bytes, position: int) -> int:
    """The offset of the next byte that is neither white space nor comment."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _nothing(text: bytes, out: bytearray, start: int, end: int) -> int:
    return end


def _attribute(text: bytes, out: bytearray, start: int, end: int) -> int:
    out[start:end] = b" " * (end - start)
    return end


def _attribute_with_arguments(text: bytes, out: bytearray, start: int, end: int) -> int:
    opening = _next(text, end)
    if text[opening : opening + 1] != b"(":
        return _attribute(text, out, start, end) if is_plain_attribute(text[start:end]) else end
    close = closing(text, opening + 1)
    if close < 0:
        return end
    out[start : close + 1] = blank(text[start : close + 1])
    return close + 1


def _begins_statement(text: bytes, start: int) -> bool:
    """Whether a word at start can begin a statement: after ; { } : ) else, a comment, or a directive."""
    before = start - 1
    while before >= 0 and text[before] in b" \t\n\r":
        before -= 1
    if before < 0 or text[before] in b";{}:)/":
        return True
    if text[max(0, before - 3) : before + 1] == b"else" or text[max(0, before - 1) : before + 1] == b"do":
        return True
    line = text[text.rfind(b"\n", 0, before) + 1 : before + 1]
    return line.lstrip()[:1] == b"#"


def _controls_statement(text: bytes, after: int) -> bool:
    """Whether what follows the closing parenthesis is a statement, and not the rest of an expression."""
    following = text[after : after + 1]
    return following.isalpha() or following in (b"{", b"_", b"*", b"(")


def _control(text: bytes, out: bytearray, start: int, end: int, keyword: bytes) -> int:
    """Make `name (...) statement` a control statement of C; returns where to go on."""
    opening = _next(text, end)
    if text[opening : opening + 1] != b"(" or end - start < len(keyword):
        return end
    close = closing(text, opening + 1)
    if close < 0 or not _controls_statement(text, _next(text, close + 1)):
        return end
    if not _begins_statement(text, start) or start == 0 or text[start - 1 : start] == b"\n":
        return end
    out[start:end] = keyword + b" " * (end - start - len(keyword))
    if not text[opening + 1 : close].strip() and close > opening + 1:
        out[opening + 1] = ord("1")
    return opening + 1


def _loop(text: bytes, out: bytearray, start: int, end: int) -> int:
    return _control(text, out, start, end, b"while")


def _guard(text: bytes, out: bytearray, start: int, end: int) -> int:
    after = _control(text, out, start, end, b"if")
    if after > end:
        close = closing(text, after)
        for jump in _JUMP.finditer(text, after, close):
            out[jump.start() : jump.end()] = blank(jump.group())
        empty = re.compile(rb",(\s*)(?=,|\))")
        for comma in empty.finditer(bytes(out[after : close + 1])):
            out[after + comma.start()] = ord(" ")
    return after


def _typed_parameters(text: bytes, out: bytearray, start: int, end: int) -> int:
    """SYSCALL_DEFINE2(name, int, fd, ...): a name, then type and parameter as separate arguments."""
    if text[end : end + 1] != b"(":
        return end
    close = closing(text, end + 1)
    if close < 0 or text[_next(text, close + 1) :][:1] != b"{":
        return end
    commas = [end + 1 + comma for comma in top_commas(text[end + 1 : close])]
    out[start : end + 1] = b"long" + b" " * (end + 1 - start - 4)
    if not commas:
        out[close] = ord(" ")
        return end + 1
    out[commas[0]] = ord("(")
    for comma in commas[1::2]:
        out[comma] = ord(" ")
    return commas[0] + 1


def _per_cpu(text: bytes, out: bytearray, start: int, end: int) -> int:
    """DEFINE_PER_CPU(type, name): an ordinary declaration of the name."""
    if text[end : end + 1] != b"(":
        return end
    close = closing(text, end + 1)
    commas = top_commas(text[end + 1 : close]) if close > 0 else []
    if len(commas) != 1:
        return end
    comma = end + 1 + commas[0]
    out[start : end + 1] = b" " * (end + 1 - start)
    out[comma] = out[close] = ord(" ")
    bracket = text.find(b"[", end + 1, comma)
    if bracket > 0:
        out[bracket:comma] = blank(text[bracket:comma])
    return end + 1


def _bitmap(text: bytes, out: bytearray, start: int, end: int) -> int:
    """DECLARE_BITMAP(name, bits) declares an array; the macro's name stands for its type."""
    close = closing(text, end + 1) if text[end : end + 1] == b"(" else -1
    commas = top_commas(text[end + 1 : close]) if close > 0 else []
    if len(commas) != 1:
        return end
    out[end] = ord(" ")
    out[end + 1 + commas[0]] = ord("[")
    out[close] = ord("]")
    return end + 1


def _type_argument(text: bytes, out: bytearray, start: int, end: int) -> int:
    """A type handed to a macro, as in container_of(p, struct page, lru), becomes one identifier."""
    before = start - 1
    while before >= 0 and text[before] in b" \t\n\r":
        before -= 1
    if before < 0 or text[before] not in b"(,":
        return end
    match = _TYPE_ARGUMENT.match(text, start)
    if match is None:
        return end
    if text[before] == ord("(") and text[match.end()] == ord(")") and not _follows_name(text, before):
        return match.end()
    shown = match.group().rstrip()
    if b"\n" in shown:
        word = match.start(1) if match.group(1) else match.start()
        kept = match.group(1) or shown.split()[0].capitalize()
        out[start : match.end()] = blank(match.group())
        out[word : word + len(kept)] = kept
    elif re.fullmatch(rb"\w+", shown):
        out[start : start + len(shown)] = shown.capitalize()
    else:
        out[start : start + len(shown)] = re.sub(rb"\W", b"_", shown)
    return match.end()


def _follows_name(text: bytes, opening: int) -> bool:
    """Whether the parenthesis belongs to a call: a name stands before it that takes no type in C."""
    match = re.search(rb"(\w+)\s*\Z", text[max(0, opening - 80) : opening])
    return match is not None and match.group(1) not in _NOT_A_CALL


def _typeof(text: bytes, out: bytearray, start: int, end: int) -> int:
    """typeof(expression) becomes one type name."""
    opening = _next(text, end)
    close = closing(text, opening + 1) if text[opening : opening + 1] == b"(" else -1
    if close < 0:
        return end
    spelled = re.sub(rb"[^\w\n]", b"_", text[start : close + 1])
    if b"\n" in spelled:
        spelled = text[start:end] + blank(text[end : close + 1])
    after = text[_next(text, close + 1) :][:1]
    if text[start - 1 : start] == b"(" and after == b")":
        spelled = b"int" + blank(text[start + 3 : close + 1])
    out[start : close + 1] = spelled
    return close + 1


def _assembly(text: bytes, out: bytearray, start: int, end: int) -> int:
    """asm volatile (...) keeps its place; its inside is no C."""
    match = _ASM.match(text, start)
    close = closing(text, match.end()) if match else -1
    if match is None or close < match.end() + 2:
        return end
    out[start : match.end() - 1] = b"asm" + blank(text[start + 3 : match.end() - 1])
    out[match.end() : close] = blank(text[match.end() : close])
    first = match.end()
    while text[first : first + 2].find(b"\n") >= 0:
        first += 1
    out[first : first + 2] = b'""'
    return close + 1


def _offsetof(text: bytes, out: bytearray, start: int, end: int) -> int:
    """Read as a call: the grammar of C knows no `offsetof(type, member.member)`."""
    out[start] = ord("O")
    return end


def _case(text: bytes, out: bytearray, start: int, end: int) -> int:
    """`case 1 ... 5:` of GNU C."""
    match = _CASE_RANGE.match(text, start)
    if match:
        out[match.start(1) : match.end(1)] = b" - "
    return end


def _storage_class(text: bytes, out: bytearray, start: int, end: int) -> int:
    """`static DEFINE_MUTEX(name);` is a macro call, whatever stands before it."""
    match = re.compile(rb"\s+(?:const\s+)?([A-Z_][A-Z0-9_]*)\s*\(").match(text, end)
    if match is None or _PER_CPU.fullmatch(match.group(1)):
        return end
    close = closing(text, match.end())
    if close > 0 and text[_next(text, close + 1) :][:1] == b";":
        out[start : match.start(1)] = blank(text[start : match.start(1)])
    return end


def _unknown_word(text: bytes, out: bytearray, start: int, end: int) -> int:
    """A macro that is followed by a block: a function at the margin, a control statement elsewhere."""
    if text[end : end + 1] != b"(":
        return end
    line = text.rfind(b"\n", 0, start) + 1
    before = text[line:start]
    if before.strip():
        return _function_macro(text, out, start, end) if before[:1] not in b" \t" else end
    if not before:
        return _function_macro(text, out, start, end)
    close = closing(text, end + 1)
    if close < 0 or not re.compile(rb"[ \t]*\{").match(text, close + 1):
        return end
    return _control(text, out, start, end, b"if")


def _function_macro(text: bytes, out: bytearray, start: int, end: int) -> int:
    """DEFINE_IDTENTRY(name) { ... }: a function whose name is the first argument."""
    if not _FUNCTION_MACRO.fullmatch(text[start:end]) or end - start < 3:
        return end
    close = closing(text, end + 1)
    if close < 0 or text[_next(text, close + 1) :][:1] != b"{":
        return end
    commas = [end + 1 + comma for comma in top_commas(text[end + 1 : close])]
    if not re.fullmatch(rb"\s*\w+\s*", text[end + 1 : commas[0] if commas else close]):
        return end
    out[start : end + 1] = b"int" + b" " * (end + 1 - start - 3)
    if commas:
        out[commas[0]] = ord("(")
        return commas[0] + 1
    out[close] = ord(" ")
    return end + 1


_HANDLERS: dict[bytes, Handler | None] = {
    **dict.fromkeys(_STATEMENT_WORDS),
    **dict.fromkeys(_TYPE_WORDS, _type_argument),
    **dict.fromkeys((b"typeof", b"__typeof__", b"__typeof", b"typeof_unqual", b"TYPEOF_UNQUAL"), _typeof),
    **dict.fromkeys(
        (b"asm", b"__asm__", b"__asm", b"asm_inline", b"asm_volatile_goto", b"asm_goto_output"), _assembly
    ),
    b"DECLARE_BITMAP": _bitmap,
    b"offsetof": _offsetof,
    b"__builtin_offsetof": _offsetof,
    b"case": _case,
    b"static": _storage_class,
    b"extern": _storage_class,
}
