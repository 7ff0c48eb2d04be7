"""Every occurrence of an identifier in one C or assembly text, and what it is there.

A light reading of the text (comments, strings, directives, braces) instead of a syntax tree: an identifier
may stand in hundreds of files, and most questions need only its neighbours and the braces around it.
"""

import re
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.braces import Braces, Place
from patchscan.c.lexical import offsets
from patchscan.c.tokens import Lexed, lex

_KEYWORDS = frozenset(
    b"return else do goto case sizeof typeof __typeof__ typeof_unqual if while for switch default break "
    b"continue in asm volatile".split()
)
_TYPE_BEFORE = pattern(rb"^[\w\s*]*[\w*]\s*$")
_POINTER_DECLARATION = pattern(rb"^\s*(?:\w+\s+)*\w+\s*\*[\s*]*(?:(?:const|__\w+)\s+)*$")
_DEFINING = pattern(rb"\b(DEFINE|DECLARE)_(\w+)\s*\(([^()]*)$")
_FUNCTION_POINTER = pattern(rb"\b(\w+)[\s*]*\(\s*\*\s*$")
_ASSEMBLY_CALL = pattern(rb"\b(?:call|jmp|j|jal|b|bl|blx|brasl|bsr|jsr|tail)\w*\s+[%$*]*$")
_ASSEMBLY_DEFINITION = pattern(rb"\b(?:SYM_\w*(?:START|ALIAS)\w*|ENTRY\w*|_GLOBAL\w*)\s*\(\s*$")
_LISTED = pattern(rb"^\s*\w+\s+[\w\s*,=\[\]]*$")
_WORD_BACKWARDS = pattern(rb"\w*")
_DEFINE = pattern(rb"\s*#\s*define\s+(\w+)(\([^)]*\))?")
_WORD = pattern(rb"\w+")
_EXPORT = pattern(rb"\bEXPORT_\w+\s*\(\s*$")
_HEADER_MARK = pattern(rb"[(){};]")
_NAMES_FILE = pattern(rb"\s*#\s*(include|error|warning|pragma)")
_ENDS_POINTER = pattern(rb"\)\s*[(\[]")
_EXTERN = pattern(rb"\bextern\b")
_WINDOW = 400


UseKind = Literal[
    "definition",
    "declaration",
    "call",
    "address",
    "macro",
    "export",
    "initialiser",
    "reference",
    "member",
    "local",
    "comment",
    "string",
]


@frozen
class Use:
    """One occurrence of an identifier.

    kind: "definition", "declaration", "call", "address" (a function named without being called), "macro" (in
    the body of the #define that function names), "export", "initialiser" (of a table of operations or other
    aggregate), "reference", "member" (a field of that name), "local" (a parameter or local variable of that
    name), "comment" or "string". function: the function or macro it stands in, "" outside; text: the line;
    conditions: the #if conditions around it, outermost first; via: the macro through which it is reached.
    """

    path: str
    line: int
    kind: UseKind
    function: str
    text: str
    conditions: tuple[str, ...]
    via: str = ""


def occurrences(text: bytes, symbol: str, path: str = "", called: bool = False) -> tuple[Use, ...]:
    """The occurrences of symbol in a text, in order; called: only those that a parenthesis follows.

    A use as a plain value has the kind "reference": whether it takes the address of a function is known only
    when all declarations are (see patchscan.lookup.uses). Macro parameters of that name are left out.
    """
    word = symbol.encode("utf-8", "surrogateescape")
    found = offsets(text, word)
    if called:
        found = [
            offset for offset in found if text[offset + len(word) : offset + _WINDOW].lstrip()[:1] == b"("
        ]
    if not found:
        return ()
    lexed = lex(text)
    uses = []
    braces = Braces(lexed.code)
    line, counted = 1, 0
    for offset in found:
        line, counted = line + text.count(b"\n", counted, offset), offset
        kind, function = _kind(lexed, braces, offset, word, path)
        if kind:
            uses.append(Use(path, line, kind, function, _line_at(text, offset), lexed.conditions_at(offset)))
    return tuple(uses)


def _line_at(text: bytes, offset: int) -> str:
    begin = text.rfind(b"\n", 0, offset) + 1
    end = text.find(b"\n", offset)
    line = text[begin : end if end >= 0 else len(text)]
    return line.rstrip(b"\r").decode("utf-8", "surrogateescape")


def _last_word(text: bytes) -> bytes:
    """The word that a text ends with; matched backwards, for a search would try every position."""
    reversed_word = _WORD_BACKWARDS.match(text[::-1])
    return text[len(text) - reversed_word.end() :] if reversed_word else b""


def _kind(
    lexed: Lexed, braces: Braces, offset: int, word: bytes, path: str
) -> tuple[UseKind | Literal[""], str]:
    hidden = lexed.hidden_at(offset)
    if hidden:
        return hidden, ""
    directive = lexed.directive_at(offset)
    if directive is not None:
        return _in_directive(directive.text, offset - directive.start, word)
    before = lexed.code[max(0, offset - _WINDOW) : offset].rstrip()
    after = lexed.code[offset + len(word) : offset + _WINDOW].lstrip()
    if path.endswith((".S", ".s")):
        return _in_assembly(before, after), ""
    place = braces.enclosing(offset)
    return _in_code(lexed.code, offset + len(word), before, after, place), place.function


def _in_directive(directive: bytes, offset: int, word: bytes) -> tuple[UseKind | Literal[""], str]:
    define = _DEFINE.match(directive)
    if define is None:
        names_file = _NAMES_FILE.match(directive)
        return ("string" if names_file else "reference"), ""
    if offset == define.start(1):
        return "definition", ""
    parameters = _WORD.findall(define.group(2) or b"")
    if word in parameters:
        return "", ""
    name = define.group(1).decode()
    pasted = (
        directive[:offset].rstrip().endswith(b"##") or directive[offset + len(word) :].lstrip()[:2] == b"##"
    )
    return ("reference" if pasted else "macro"), name


def _in_assembly(before: bytes, after: bytes) -> UseKind:
    line = before[before.rfind(b"\n") + 1 :] + b" "
    if _EXPORT.search(line):
        return "export"
    if _ASSEMBLY_DEFINITION.search(line) or after.startswith(b":"):
        return "definition"
    return "call" if _ASSEMBLY_CALL.search(line) else "reference"


def _in_code(code: bytes, end: int, before: bytes, after: bytes, place: Place) -> UseKind:
    """The kind of an occurrence that ends at end, from what stands before, after and around it."""
    if before.endswith(b"->") or (before.endswith(b".") and not before.endswith(b"...")):
        return "member"
    previous = _last_word(before)
    follows = after[:1]
    if previous in (b"struct", b"union", b"enum"):
        return "definition" if follows == b"{" else "declaration" if follows == b";" else "reference"
    if previous == b"goto":
        return "reference"
    if before.endswith(b"(") and _last_word(before[:-1].rstrip()).startswith(b"EXPORT_"):
        return "export"
    if follows == b"(":
        return _before_parenthesis(code, end, before, previous, place)
    if place.kind == "enumeration":
        return "definition" if before[-1:] in (b"{", b",") else "reference"
    if place.kind == "initialiser":
        return "reference" if before.endswith(b"[") else "initialiser"
    if before.endswith(b"&") and not before.endswith(b"&&"):
        left = before[:-1].rstrip()
        binary = left[-1:] in (b")", b"]") or (_last_word(left) and _last_word(left) not in _KEYWORDS)
        return "reference" if binary else "address"
    return _declared(before, previous, after, place) or "reference"


def _before_parenthesis(code: bytes, end: int, before: bytes, previous: bytes, place: Place) -> UseKind:
    """A call, or the name in a function's declaration or definition."""
    statement = _since(before, rb"[;{}]")
    if place.kind == "file":
        depth = statement.count(b"(") - statement.count(b")")
        if not statement.strip() or depth > 0 or b"=" in statement:
            return "call"
        return "definition" if body_follows(code, end) else "declaration"
    if place.kind == "initialiser":
        return "call"
    if previous and previous not in _KEYWORDS and _TYPE_BEFORE.match(statement):
        return "declaration"
    if before.endswith(b"*") and _POINTER_DECLARATION.match(statement):
        return "declaration"
    return "call"


def _since(before: bytes, boundary: bytes) -> bytes:
    cut = 0
    for match in re.finditer(boundary, before):
        cut = match.end()
    return before[cut:]


def body_follows(code: bytes, end: int) -> bool:
    """Whether "{" follows the parameter list at end, past attributes and annotations."""
    depth = 0
    for match in _HEADER_MARK.finditer(code[end : end + 8192]):
        mark = match.group()
        depth += (mark == b"(") - (mark == b")")
        if depth == 0 and mark in b"{;":
            return mark == b"{"
    return False


def _declared(before: bytes, previous: bytes, after: bytes, place: Place) -> UseKind | Literal[""]:
    """What a declarator makes of the name: "definition", "declaration", "local", "member"; "" for none."""
    defining = _DEFINING.search(before) if place.kind in ("file", "block") else None
    if defining:
        first = not defining.group(3).strip()
        if first or b"PER_CPU" in defining.group(2):
            kind: UseKind = "declaration" if defining.group(1) == b"DECLARE" else "definition"
            return kind if place.kind == "file" else "local"
        return ""
    pointer = _FUNCTION_POINTER.search(before[-80:]) if _ENDS_POINTER.match(after) else None
    if pointer and pointer.group(1) not in _KEYWORDS:
        return _declares_at(place, _since(before, rb"[;{}]"))
    if place.kind == "file" and before.endswith(b"}") and after[:1] in b";,":
        return "definition"
    if after[:1] not in (b";", b",", b"=", b"[", b")", b":") or after.startswith((b"==", b"::")):
        return ""
    statement = _since(before, rb"[;{}]")
    after_type = bool(previous) and previous not in _KEYWORDS and not previous.isdigit()
    parameter = statement.count(b"(") > statement.count(b")")
    if parameter:
        argument = _since(statement, rb"[(,]")
        declares = (after_type and b"?" not in argument) or _POINTER_DECLARATION.match(argument + b" ")
        return "local" if declares and _TYPE_BEFORE.match(argument) else ""
    listed = (
        _LISTED.match(statement) and statement.rstrip(b" \t\n*").endswith(b",") and b"return" not in statement
    )
    if not (after_type or _POINTER_DECLARATION.match(statement + b" ") or listed):
        return ""
    return _declares_at(place, statement)


def _declares_at(place: Place, statement: bytes) -> UseKind:
    if place.kind == "file":
        return "declaration" if _EXTERN.search(statement) else "definition"
    return "member" if place.kind == "aggregate" else "local"
