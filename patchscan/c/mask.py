"""Kernel macros that no C parser knows, rewritten in place so that one can read them.

A mask never changes the length of the text nor moves a newline: what a parser says of the masked text
holds, byte for byte, of the original. It is always applied, also where the raw text parses without an
error: `scoped_guard(rcu) x();` parses silently into a declaration and the call is gone.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.c.attributes import WITH_ARGUMENTS, is_plain_attribute
from patchscan.c.declarations import (
    PER_CPU,
    STATEMENT_WORDS,
    TYPE_WORDS,
    TYPED_PARAMETERS,
    as_name,
    bitmap,
    function_macro,
    mask_header,
    per_cpu,
    type_argument,
    typed_parameters,
)
from patchscan.c.lexical import (
    before,
    blank,
    closing,
    ends_name,
    follows,
    hide,
    next_byte,
    parentheses,
    without_comments,
)

_WORD = pattern(rb"[A-Za-z_]\w*")

_LOOP = pattern(rb"for_\w+|\w*for_?_?each\w*|\w*_walk_\w+|do_each_\w+|\w*_foreach\w*")
_GUARD = pattern(rb"scoped_\w+|if_not_guard|if_not_cond_guard|with_\w+|\w+_scoped_guard")
_LOG_LEVEL = pattern(rb"KERN_[A-Z]+")
_ASM = pattern(
    rb"(?:asm|__asm__|__asm|asm_inline|asm_volatile_goto|asm_goto_output)"
    rb"(?:\s+(?:volatile|__volatile__|__volatile|goto|inline|__inline|__inline__))*\s*\("
)
_OPERATOR_ARGUMENT = pattern(rb"(?<=,)([ \t]*)(==|!=|<=|>=|<<|>>|&&|\|\||[-+<>&|^%/=]=?)(?=[ \t]*[,)])")
_BLANK_ARGUMENT = pattern(rb",([ \t])[ \t]*(?=,)")
_EMPTY_ARGUMENT = pattern(rb",(\s*)(?=,|\))")
_CASE_RANGE = pattern(rb"case\b[^:;{}\n]*?(\.\.\.)")
_JUMP = pattern(rb"\b(?:return|goto|continue|break)\b")
_BLOCK_FOLLOWS = pattern(rb"[ \t]*\{")
_MACRO_FOLLOWS = pattern(rb"\s+(?:const\s+)?([A-Z_][A-Z0-9_]*)\s*\(")
_ENDS_AS_BRANCH = pattern(rb"\b(?:else|do)\Z")

__all__ = ["is_guard_macro", "is_loop_macro", "mask", "mask_header"]

Handler = Callable[[bytes, bytearray, int, int], int]


def is_loop_macro(word: bytes) -> bool:
    """Whether the word names a macro that is used as a loop, as for_each_online_cpu is."""
    return _LOOP.fullmatch(word) is not None


def is_guard_macro(word: bytes) -> bool:
    """Whether the word names a macro that opens a guarded block, as scoped_guard does."""
    return _GUARD.fullmatch(word) is not None


def mask(text: bytes) -> bytes:
    """Rewrite kernel macros to plain C. The result has the length and the newlines of the text."""
    code = without_comments(text)
    out = bytearray(text)
    position = 0
    for match in _WORD.finditer(code):
        start = match.start()
        if start < position:
            continue
        handler = _handler(match.group())
        if handler is not None:
            position = handler(code, out, start, match.end())
    for match in _BLANK_ARGUMENT.finditer(code):
        out[match.start(1)] = ord("0")
    for match in _OPERATOR_ARGUMENT.finditer(code):
        out[match.start(2) : match.end(2)] = b"_" * len(match.group(2))
    return bytes(out)


@lru_cache(maxsize=8192)
def _handler(word: bytes) -> Handler | None:
    """What to do at this word; most words need nothing."""
    if word in _HANDLERS:
        return _HANDLERS[word]
    if word in WITH_ARGUMENTS:
        return _attribute_with_arguments
    if is_plain_attribute(word):
        return _attribute
    for form, handler in _PATTERNS:
        if form.fullmatch(word):
            return handler
    return _unknown_word


def _attribute(code: bytes, out: bytearray, start: int, end: int) -> int:
    hide(out, start, end)
    return end


def _attribute_with_arguments(code: bytes, out: bytearray, start: int, end: int) -> int:
    _, close = parentheses(code, end)
    if close < 0:
        return _attribute(code, out, start, end) if is_plain_attribute(code[start:end]) else end
    hide(out, start, close + 1)
    return close + 1


def _begins_statement(code: bytes, start: int) -> bool:
    """Whether a word at start can begin a statement: after ; { } : ) else, do or a directive."""
    preceding = before(code, start)
    if preceding < 0 or code[preceding] in b";{}:)":
        return True
    if _ENDS_AS_BRANCH.search(code[max(0, preceding - 5) : preceding + 1]):
        return True
    line = code[code.rfind(b"\n", 0, preceding) + 1 : preceding + 1]
    return line.lstrip()[:1] == b"#"


def _controls_statement(code: bytes, after: int) -> bool:
    """Whether what follows the closing parenthesis is a statement, and not the rest of an expression."""
    following = code[after : after + 1]
    return following.isalpha() or following in (b"{", b"_", b"*", b"(")


def _control(code: bytes, out: bytearray, start: int, end: int, keyword: bytes) -> int:
    """Make `name (...) statement` a control statement of C; returns where to go on."""
    opening, close = parentheses(code, end)
    if close < 0 or end - start < len(keyword) or not _controls_statement(code, follows(code, close + 1)):
        return end
    at_margin = start == 0 or code[start - 1 : start] == b"\n"
    if at_margin or not _begins_statement(code, start):
        return end
    out[start:end] = keyword.ljust(end - start)
    if close == opening + 1 and opening == end > start + len(keyword):
        out[end - 1 : end + 1] = b"(1"
    elif code[opening + 1 : close] == b" " * (close - opening - 1) and close > opening + 1:
        out[opening + 1] = ord("1")
    return opening + 1


def _loop(code: bytes, out: bytearray, start: int, end: int) -> int:
    return _control(code, out, start, end, b"while")


def _loop_end(code: bytes, out: bytearray, start: int, end: int) -> int:
    """`do { ... } while_each_thread(leader, task);`"""
    opening, close = parentheses(code, end)
    if code[before(code, start)] == ord("}") and code[opening + 1 : close].strip():
        out[start:end] = b"while".ljust(end - start)
    return end


def _guard(code: bytes, out: bytearray, start: int, end: int) -> int:
    """A guarded block; its arguments may hold a statement, as in scoped_cond_guard(c, return -EINTR, l)."""
    after = _control(code, out, start, end, b"if")
    if after > end:
        close = closing(code, after)
        for jump in _JUMP.finditer(code, after, close):
            hide(out, jump.start(), jump.end())
        for comma in _EMPTY_ARGUMENT.finditer(bytes(out[after : close + 1])):
            out[after + comma.start()] = ord(" ")
    return after


def _string_prefix(code: bytes, out: bytearray, start: int, end: int) -> int:
    """pr_fmt("...") inside a string: only the string stays."""
    opening, close = parentheses(code, end)
    if close > 0 and code[opening + 1 : close].strip().startswith(b'"'):
        hide(out, start, opening + 1)
        out[close] = ord(" ")
    return end


def _log_level(code: bytes, out: bytearray, start: int, end: int) -> int:
    """KERN_ERR before a string, or before another name that is one."""
    if next_byte(code, end) not in (b",", b")", b";"):
        out[start:end] = b'"' + code[start + 1 : end - 1] + b'"'
    return end


def _assembly(code: bytes, out: bytearray, start: int, end: int) -> int:
    """asm volatile (...) keeps its place, its inside is no C; the register of a variable goes."""
    match = _ASM.match(code, start)
    close = closing(code, match.end()) if match else -1
    if match is None or close < match.end() + 2:
        return end
    if ends_name(code, start) and not _begins_statement(code, start):
        hide(out, start, close + 1)
        return close + 1
    out[start : match.end() - 1] = b"asm" + blank(code[start + 3 : match.end() - 1])
    hide(out, match.end(), close)
    first = match.end()
    while b"\n" in code[first : first + 2]:
        first += 1
    if first + 2 <= close:
        out[first : first + 2] = b'""'
    return close + 1


def _as_call(code: bytes, out: bytearray, start: int, end: int) -> int:
    """Not C's own offsetof or __alignof__, which take no `member.member` and no expression, but a call."""
    out[start] = ord("O")
    return end


def _case(code: bytes, out: bytearray, start: int, end: int) -> int:
    """`case 1 ... 5:` of GNU C."""
    match = _CASE_RANGE.match(code, start)
    if match:
        out[match.start(1) : match.end(1)] = b" - "
    return end


def _storage_class(code: bytes, out: bytearray, start: int, end: int) -> int:
    """`static DEFINE_MUTEX(name);` is a macro call, whatever stands before it."""
    match = _MACRO_FOLLOWS.match(code, end)
    if match is None or PER_CPU.fullmatch(match.group(1)):
        return end
    close = closing(code, match.end())
    if close > 0 and next_byte(code, close + 1) == b";":
        hide(out, start, match.start(1))
    return end


def _unknown_word(code: bytes, out: bytearray, start: int, end: int) -> int:
    """A macro that is followed by a block: a function at the margin, a control statement elsewhere."""
    if code[end : end + 1] != b"(":
        return end
    before = code[code.rfind(b"\n", 0, start) + 1 : start]
    if not before or before[:1] not in b" \t":
        return function_macro(code, out, start, end)
    if before.strip():
        return end
    close = closing(code, end + 1)
    if close < 0 or not _BLOCK_FOLLOWS.match(code, close + 1):
        return end
    return _control(code, out, start, end, b"if")


_PATTERNS: tuple[tuple[re.Pattern[bytes], Handler], ...] = (
    (pattern(rb"while_each\w*"), _loop_end),
    (_LOOP, _loop),
    (_GUARD, _guard),
    (TYPED_PARAMETERS, typed_parameters),
    (PER_CPU, per_cpu),
    (_LOG_LEVEL, _log_level),
)
_ASM_WORDS = (b"asm", b"__asm__", b"__asm", b"asm_inline", b"asm_volatile_goto", b"asm_goto_output")
_NAME_WORDS = (b"typeof", b"__typeof__", b"__typeof", b"typeof_unqual", b"TYPEOF_UNQUAL", b"__stringify")
_CALL_WORDS = (b"offsetof", b"__builtin_offsetof", b"__alignof__", b"__alignof", b"_Alignof", b"alignof")
_HANDLERS: dict[bytes, Handler | None] = {
    **dict.fromkeys(STATEMENT_WORDS),
    **dict.fromkeys(TYPE_WORDS, type_argument),
    **dict.fromkeys(_NAME_WORDS, as_name),
    **dict.fromkeys(_ASM_WORDS, _assembly),
    **dict.fromkeys(_CALL_WORDS, _as_call),
    b"DECLARE_BITMAP": bitmap,
    b"pr_fmt": _string_prefix,
    b"case": _case,
    b"static": _storage_class,
    b"extern": _storage_class,
}
