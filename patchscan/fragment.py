"""A hunk as C that parses: the openers it lacks in front on one line, what it leaves open closed behind.

What a fragment begins inside of is read from what it closes: a closing brace at the margin ends a function or
a struct, one before `else` an if, a parenthesis before a block a condition. The function's name can only come
from the section that stands behind the second @@ of the hunk header.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from patchscan.mask import blank, without_comments
from patchscan.outline import function_name

_TOKEN = re.compile(rb"\w+|\"[^\"\n]*\"?|'[^'\n]*'?|[^\s\w]")
_DIRECTIVE = re.compile(rb"^[ \t]*#[ \t]*(\w*)(?:[^\n\\]|\\.)*", re.M | re.S)
_COMMENT_LINE = re.compile(rb"\s*\*(?:\s|/|\Z)")
_AGGREGATE = re.compile(rb"(?:(?:static|const|extern|typedef|volatile)\s+)*(struct|union|enum)\b[^()=;]*\Z")
_AFTER_AGGREGATE = (b";", b"=", b"__packed", b"__aligned", b"__attribute__", b"__randomize_layout")
_LABEL = re.compile(rb"\w+:(?!:)")
_NEEDS_OPERAND_AFTER = frozenset(b"= + - * / % & | ^ < > ? : , . ! ~ (".split())
_NEEDS_OPERAND_BEFORE = frozenset(b"= / % | ^ < > ? , .".split())
_PAIRS = {b")": b"(", b"]": b"[", b"}": b"{"}


@dataclass(frozen=True)
class Repair:
    """A repaired fragment: opening (one line) + newline + body (length and lines of the fragment) + newline +
    closing parse together; name: of the function it begins inside of, "" when unknown or in none."""

    opening: bytes
    body: bytes
    closing: bytes
    name: str


@dataclass(frozen=True)
class _Token:
    text: bytes
    offset: int
    margin: bool


@dataclass(frozen=True)
class _Closer:
    """A bracket that closes what the fragment does not open; index of its token."""

    token: _Token
    index: int


@dataclass(frozen=True)
class _Scan:
    tokens: tuple[_Token, ...]
    unopened: tuple[_Closer, ...]
    unclosed: tuple[_Token, ...]


def repair(lines: Sequence[bytes], section: bytes) -> Repair:
    """Make the lines of one side of a hunk (no newlines) parse; section: the text after the second @@."""
    body = b"\n".join(lines)
    comment_before, comment_after = _open_comments(lines, body)
    commented = (b"/*" if comment_before else b"") + body
    code = without_comments(commented)[2 if comment_before else 0 :]
    macro = _leading_macro(lines) if not comment_before else 0
    body, code = _drop_directives(body, code, macro)
    scan = _scan(code)
    inside, name = _inside(scan, code, section.strip())
    opening = inside + _inner_openers(scan, inside)
    if macro:
        opening += b"#define unnamed \\"
    elif comment_before:
        opening += b"/*"
    closing = (b"*/" if comment_after else b"") + _closing(opening, code)
    return Repair(opening, body, closing, name)


def _open_comments(lines: Sequence[bytes], body: bytes) -> tuple[bool, bool]:
    """Whether the fragment begins, and whether it ends, inside a comment."""
    begin, end = body.find(b"/*"), body.find(b"*/")
    shown = [line for line in lines if line.strip()]
    before = end >= 0 and (begin < 0 or end < begin)
    if begin < 0 and end < 0 and shown:
        before = all(_COMMENT_LINE.match(line) for line in shown)
    text = (b"/*" if before else b"") + body
    return before, text.rfind(b"/*") > text.rfind(b"*/")


def _leading_macro(lines: Sequence[bytes]) -> int:
    """How many lines at the start belong to a #define whose first line is not shown."""
    count = 0
    while count < len(lines) and lines[count].rstrip().endswith(b"\\"):
        if lines[count].lstrip().startswith(b"#"):
            return 0
        count += 1
    return min(count + 1, len(lines)) if count else 0


def _drop_directives(body: bytes, code: bytes, macro: int) -> tuple[bytes, bytes]:
    """Body without the #if lines whose partner is not shown; code without any directive and leading macro."""
    kept, opened = bytearray(body), []
    bare = bytearray(code)
    for match in _DIRECTIVE.finditer(code):
        bare[match.start() : match.end()] = blank(match.group())
        name = match.group(1)
        if name in (b"if", b"ifdef", b"ifndef"):
            opened.append([match.span()])
        elif name in (b"else", b"elif", b"endif"):
            if not opened:
                kept[match.start() : match.end()] = blank(match.group())
            elif name == b"endif":
                opened.pop()
            else:
                opened[-1].append(match.span())
    for start, end in (span for spans in opened for span in spans):
        kept[start:end] = blank(bytes(kept[start:end]))
    end = 0
    for _ in range(macro):
        end = bare.find(b"\n", end) + 1 or len(bare)
    bare[:end] = blank(bytes(bare[:end]))
    return bytes(kept), bytes(bare)


def _scan(code: bytes) -> _Scan:
    """Tokens of the code, and the brackets that have no partner in it."""
    tokens = tuple(
        _Token(match.group(), match.start(), match.start() == 0 or code[match.start() - 1] == ord("\n"))
        for match in _TOKEN.finditer(code)
    )
    unopened: list[_Closer] = []
    stack: list[_Token] = []
    for index, token in enumerate(tokens):
        if token.text in (b"(", b"[", b"{"):
            stack.append(token)
        elif token.text in _PAIRS:
            if stack and stack[-1].text == _PAIRS[token.text]:
                stack.pop()
            elif token.text == b"}" and any(open_.text == b"{" for open_ in stack):
                while stack.pop().text != b"{":
                    pass
            elif token.text == b"}" or not stack:
                stack.clear()
                unopened.append(_Closer(token, index))
    return _Scan(tokens, tuple(unopened), tuple(stack))


def _inside(scan: _Scan, code: bytes, section: bytes) -> tuple[bytes, str]:
    """What the fragment begins inside of, as the opener to put in front, and the function's name."""
    if not scan.tokens:
        return b"", ""
    name = _section_name(section)
    first = scan.tokens[0]
    if first.text == b"{" and first.margin and name:
        return b"void unnamed(void) ", name
    header = _in_header(scan)
    if header:
        return header, name if section.count(b"(") > section.count(b")") else ""
    braces = [closer for closer in scan.unopened if closer.token.text == b"}"]
    margin = next((closer for closer in braces if closer.token.margin), None)
    if margin is not None:
        if _follows(scan, margin) in _AFTER_AGGREGATE:
            return _aggregate(section), ""
        return b"void unnamed(void){", name
    if braces or _starts_indented(scan, code):
        if _in_aggregate(scan, section):
            return _aggregate(section), ""
        return b"void unnamed(void){", name
    return b"", ""


def _section_name(section: bytes) -> str:
    """The function named in a hunk's section, "" when it names none."""
    text = without_comments(section)
    if text.rstrip().endswith(b";") or re.search(rb"=\s*\{?\s*\Z", text):
        return ""
    found = function_name(text.partition(b"{")[0])
    return found[0] if found else ""


def _in_header(scan: _Scan) -> bytes:
    """The opener for a fragment that begins in a parameter list: `)` and then a body at the margin."""
    if not scan.unopened or scan.unopened[0].token.text != b")":
        return b""
    following = scan.tokens[scan.unopened[0].index + 1 :]
    rest = [token for token in following if not re.fullmatch(rb"__\w+", token.text)]
    if rest and rest[0].text == b"{" and rest[0].margin:
        return b"void unnamed("
    return b""


def _starts_indented(scan: _Scan, code: bytes) -> bool:
    """Whether the first line of code stands in a body: it is indented, or a label."""
    first = scan.tokens[0]
    if not first.margin:
        return True
    return _LABEL.match(code, first.offset) is not None


def _in_aggregate(scan: _Scan, section: bytes) -> bool:
    """Whether an indented fragment stands in a struct, an enum or an initialiser."""
    text = without_comments(section).strip()
    return bool(_AGGREGATE.match(text.rstrip(b"{ "))) or bool(re.search(rb"=\s*\{?\s*\Z", text))


def _aggregate(section: bytes) -> bytes:
    if b"=" in section:
        return b"int unnamed[]={"
    return b"enum unnamed{" if re.match(rb"(?:typedef\s+)?enum\b", section) else b"struct unnamed{"


def _follows(scan: _Scan, closer: _Closer) -> bytes:
    """The token after a closer, b"" at the end."""
    return scan.tokens[closer.index + 1].text if closer.index + 1 < len(scan.tokens) else b""


def _inner_openers(scan: _Scan, inside: bytes) -> bytes:
    """The openers of the brackets that close inside the first function, outermost first."""
    openers: list[bytes] = []
    begin = 0
    if inside.endswith(b"("):
        return _operand(scan, inside)
    for position, closer in enumerate(scan.unopened):
        if closer.token.text == b"}" and closer.token.margin:
            break
        openers.insert(0, _opener(scan, position, begin))
        begin = closer.index + 1
    return b"".join(openers) + _operand(scan, inside)


def _operand(scan: _Scan, inside: bytes) -> bytes:
    """What must stand before the first token, when that is the rest of a statement."""
    if not inside.endswith((b"{", b"(")) or not scan.tokens:
        return b""
    first = scan.tokens[0].text
    second = scan.tokens[1].text if len(scan.tokens) > 1 else b""
    if first == b"else":
        return b"if(1);"
    if first == b"." and inside.endswith(b"={"):
        return b""
    pair = first + second
    if first in _NEEDS_OPERAND_BEFORE or pair in (b"&&", b"->", b"+=", b"-=", b"*=", b"&="):
        return b"unnamed "
    return b""


def _opener(scan: _Scan, position: int, begin: int) -> bytes:
    """What a closer that is not the function's own most likely closes; begin: first token it can span."""
    closer = scan.unopened[position]
    following = _follows(scan, closer)
    spanned = scan.tokens[begin : closer.index]
    if closer.token.text == b"]":
        return b"unnamed["
    if closer.token.text == b")":
        semicolons = _top_semicolons(spanned)
        if semicolons:
            return b"for(;" if semicolons == 1 else b"for("
        last = following != b")"
        if last and (following == b"{" or following[:1].isalpha() or following[:1] == b"_"):
            return b"if("
        return b"unnamed("
    if following == b"else":
        return b"if(1){"
    if following == b"while" and _ends_do(scan, closer):
        return b"do{"
    if following == b";":
        return b"int unnamed[]={"
    words = {token.text for token in spanned}
    return b"switch(1){" if b"case" in words or b"default" in words else b"{"


def _top_semicolons(tokens: Sequence[_Token]) -> int:
    """Semicolons outside brackets, as in the rest of a for's head."""
    depth = count = 0
    for token in tokens:
        depth += (token.text in (b"(", b"[", b"{")) - (token.text in _PAIRS)
        count += token.text == b";" and depth == 0
    return count


def _ends_do(scan: _Scan, closer: _Closer) -> bool:
    """Whether `} while (...)` after the closer is followed by a semicolon."""
    depth = 0
    for index in range(closer.index + 2, len(scan.tokens)):
        text = scan.tokens[index].text
        depth += (text == b"(") - (text == b")")
        if depth == 0:
            return index + 1 >= len(scan.tokens) or scan.tokens[index + 1].text == b";"
    return True


def _closing(opening: bytes, code: bytes) -> bytes:
    """What closes all that opening and code leave open; the brace of a function stands at the margin."""
    opening = opening.removesuffix(b"/*").removesuffix(b"#define unnamed \\")
    scan = _scan(opening + b"\n" + code)
    if not scan.tokens:
        return b""
    aggregate = opening.startswith((b"struct", b"enum", b"int unnamed[]")) and bool(scan.unclosed)
    last = scan.tokens[-1].text
    ended = last in (b";", b"{", b"}")
    out = b""
    for depth in range(len(scan.unclosed) - 1, -1, -1):
        bracket = scan.unclosed[depth]
        if bracket.text in (b"(", b"["):
            out += (b"0" if last in _NEEDS_OPERAND_AFTER else b"") + (b")" if bracket.text == b"(" else b"]")
            ended, last = False, b")"
            continue
        whole_aggregate = aggregate and depth == 0
        if not ended and not whole_aggregate:
            out += _end_of_statement(last)
        if depth == 0:
            out += b"\n"
        out += b"}while(0);" if _opened_by_do(scan, bracket) else b"}"
        ended, last = True, b"}"
    if aggregate:
        return out + b";"
    return out if ended else out + _end_of_statement(last)


def _end_of_statement(last: bytes) -> bytes:
    if last in _NEEDS_OPERAND_AFTER and last != b":":
        return b"0;"
    return b";"


def _opened_by_do(scan: _Scan, bracket: _Token) -> bool:
    index = scan.tokens.index(bracket)
    return index > 0 and scan.tokens[index - 1].text == b"do"
