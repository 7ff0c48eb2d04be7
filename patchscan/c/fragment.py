"""A hunk as C that parses: the openers it lacks in front on one line, what it leaves open closed behind.

What a fragment begins inside of is read from what it closes: a closing brace at the margin ends a function or
a struct, one before `else` an if, a parenthesis before a block a condition. The function's name can only come
from the section that stands behind the second @@ of the hunk header.
"""

from collections.abc import Sequence
from typing import NamedTuple

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import branches
from patchscan.c.lexical import blank, directives, without_comments
from patchscan.c.outline import function_name

_TOKEN = pattern(rb"\w+|\"[^\"\n]*\"?|'[^'\n]*'?|[^\s\w]")
_COMMENT_LINE = pattern(rb"\s*\*(?:\s|/|\Z)")
_AGGREGATE = pattern(rb"(?:(?:static|const|extern|typedef|volatile)\s+)*(struct|union|enum)\b[^()=;]*\Z")
_TWO_WORDS = pattern(rb"\s*(\w+)\s+[\w*]")
_ENDS_AS_VALUE = pattern(rb"=\s*\{?\s*\Z")
_ENUM = pattern(rb"(?:typedef\s+)?enum\b")
_LABEL = pattern(rb"\w+:")
_WORD = pattern(rb"\w+")
_ENDS_AS_INITIALISER = pattern(rb"=[\s{]*\Z")
_UNDERSCORED = pattern(rb"__\w+")
_AFTER_AGGREGATE = (b";", b"=", b"__packed", b"__aligned", b"__attribute__", b"__randomize_layout")
_NEEDS_OPERAND_AFTER = frozenset(b"= + - * / % & | ^ < > ? : , . ! ~ (".split())
_NEEDS_OPERAND_BEFORE = frozenset(b"= / % | ^ < > ? , .".split())
_CONTROL_WORDS = frozenset(b"if for while do switch case default".split())
_NEWLINE = ord("\n")
_PAIRS = {b")": b"(", b"]": b"[", b"}": b"{"}
_OPENERS = frozenset(_PAIRS.values())
_BRACKETS = _OPENERS.union(_PAIRS)


@frozen
class Repair:
    """A repaired fragment: opening (one line) + newline + body (length and lines of the fragment) + newline +
    closing parse together; name: of the function it begins inside of, "" when unknown or in none."""

    opening: bytes
    body: bytes
    closing: bytes
    name: str


class _Bracket(NamedTuple):
    """A bracket, and which token of its code it is."""

    number: int
    text: bytes


@frozen
class _Scan:
    """A code with the texts of its tokens, where they start, and the brackets that have no partner in it."""

    code: bytes
    texts: list[bytes]
    starts: list[int]
    unopened: tuple[_Bracket, ...]
    unclosed: tuple[_Bracket, ...]

    def at_margin(self, number: int) -> bool:
        """Whether a token begins a line."""
        start = self.starts[number]
        return start == 0 or self.code[start - 1] == _NEWLINE


def repair(lines: Sequence[bytes], section: bytes) -> Repair:
    """Make the lines of one side of a hunk (no newlines) parse; section: the text after the second @@."""
    body = b"\n".join(lines)
    comment_before, comment_after = _open_comments(lines, body)
    commented = (b"/*" if comment_before else b"") + body
    code = without_comments(commented)[2 if comment_before else 0 :]
    macro = _leading_macro(lines) if not comment_before else 0
    body, code = _drop_directives(body, code, macro)
    scan = _scan(code)
    inside, name = _inside(scan, lines, section.strip())
    opening = inside + _inner_openers(scan, inside)
    if macro:
        opening += b"#define unnamed \\"
    elif comment_before:
        opening += b"/*"
    closing = (b"*/" if comment_after else b"") + _closing(opening, scan)
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
    kept, bare = bytearray(body), bytearray(code)
    for match in directives(code):
        bare[match.start() : match.end()] = blank(match.group())
    shown = branches(code)
    for each in shown.found:
        if each.opener not in shown.closed or each.opener < 0:
            kept[each.start : each.end] = blank(bytes(kept[each.start : each.end]))
    end = 0
    for _ in range(macro):
        end = bare.find(b"\n", end) + 1 or len(bare)
    bare[:end] = blank(bytes(bare[:end]))
    return bytes(kept), bytes(bare)


def _scan(code: bytes) -> _Scan:
    """The tokens of a code, and the brackets that have no partner in it."""
    # As many as the words of all hunks: nothing is made for each but its text.
    tokens = list(_TOKEN.finditer(code))
    return _paired(code, [token[0] for token in tokens], [token.start() for token in tokens])


def _behind(opening: bytes, scan: _Scan) -> _Scan:
    """The same code behind a line in front of it."""
    first, shift = _scan(opening), len(opening) + 1
    starts = [*first.starts, *(start + shift for start in scan.starts)]
    return _paired(opening + b"\n" + scan.code, first.texts + scan.texts, starts)


def _paired(code: bytes, texts: list[bytes], starts: list[int]) -> _Scan:
    unopened: list[_Bracket] = []
    stack: list[_Bracket] = []
    braces = 0
    for number, text in enumerate(texts):
        if text not in _BRACKETS:
            continue
        if text in _OPENERS:
            stack.append(_Bracket(number, text))
            braces += text == b"{"
        elif text == b"}" and braces:
            while stack.pop().text != b"{":
                pass
            braces -= 1
        elif stack and stack[-1].text == _PAIRS[text]:
            stack.pop()
        elif text == b"}" or not stack:
            stack.clear()
            unopened.append(_Bracket(number, text))
    return _Scan(code, texts, starts, tuple(unopened), tuple(stack))


def _inside(scan: _Scan, lines: Sequence[bytes], section: bytes) -> tuple[bytes, str]:
    """What the fragment begins inside of, as the opener to put in front, and the function's name."""
    name = _section_name(section)
    if not scan.texts:
        return (b"void unnamed(void){", name) if name and _comment_in_body(lines) else (b"", "")
    if scan.texts[0] == b"{" and scan.at_margin(0) and name:
        return b"void unnamed(void) ", name
    header = _in_header(scan)
    if header:
        return header, name if section.count(b"(") > section.count(b")") else ""
    margin = _first_at_margin(scan)
    if margin is not None and scan.texts[margin] != b"}":
        return b"", ""
    if _ends_declaration(section) and not any(token.text == b"}" for token in scan.unopened):
        return b"", ""
    in_aggregate = margin is not None and _after(scan, margin) in _AFTER_AGGREGATE
    if in_aggregate or _in_aggregate(section):
        return _aggregate(section), ""
    if margin is None and scan.at_margin(0) and not scan.unopened and not _is_label(scan, 0):
        return b"", ""
    return b"void unnamed(void){", name


def _ends_declaration(section: bytes) -> bool:
    """Whether the section is a declaration, complete: what follows it stands in no body."""
    return section.endswith(b";") and not _LABEL.match(section)


def _comment_in_body(lines: Sequence[bytes]) -> bool:
    """Whether lines that are nothing but comment stand in a body: they are indented by more than a space."""
    shown = [line for line in lines if line.strip()]
    return bool(shown) and all(line.startswith((b"\t", b"        ")) for line in shown)


def _first_at_margin(scan: _Scan) -> int | None:
    """Index of the first token at the margin that ends or lies outside the body the fragment begins in."""
    for number, text in enumerate(scan.texts):
        if scan.at_margin(number) and text[:1] != b'"' and not _is_label(scan, number):
            return number
    return None


def _is_label(scan: _Scan, index: int) -> bool:
    """Whether a token at the margin is a label."""
    return _after(scan, index) == b":" and _WORD.fullmatch(scan.texts[index]) is not None


def _section_name(section: bytes) -> str:
    """The function named in a hunk's section, "" when it names none."""
    text = without_comments(section)
    if text.rstrip().endswith(b";") or _ENDS_AS_VALUE.search(text):
        return ""
    found = function_name(text.partition(b"{")[0])
    return found[0] if found else ""


def _in_header(scan: _Scan) -> bytes:
    """The opener for a fragment that begins in a parameter list: `)` and then a body at the margin."""
    if not scan.unopened or scan.unopened[0].text != b")":
        return b""
    following = range(scan.unopened[0].number + 1, len(scan.texts))
    brace = next((number for number in following if not _UNDERSCORED.fullmatch(scan.texts[number])), None)
    in_header = brace is not None and scan.texts[brace] == b"{" and scan.at_margin(brace)
    return b"void unnamed(" if in_header else b""


def _in_aggregate(section: bytes) -> bool:
    """Whether the section is the head of a struct, an enum or an initialiser."""
    text = without_comments(section).strip()
    return bool(_AGGREGATE.match(text.rstrip(b"{ "))) or bool(_ENDS_AS_INITIALISER.search(text))


def _aggregate(section: bytes) -> bytes:
    if b"=" in section:
        return b"int unnamed[]={"
    return b"enum unnamed{" if _ENUM.match(section) else b"struct unnamed{"


def _after(scan: _Scan, index: int) -> bytes:
    """The text of the token after the one at index, b"" at the end."""
    return scan.texts[index + 1] if index + 1 < len(scan.texts) else b""


def _inner_openers(scan: _Scan, inside: bytes) -> bytes:
    """The openers of the brackets that close inside the first function, outermost first."""
    openers: list[bytes] = []
    begin = 0
    if inside.endswith(b"("):
        return _operand(scan, inside)
    for closer in scan.unopened:
        if closer.text == b"}" and scan.at_margin(closer.number):
            break
        openers.append(_opener(scan, closer, begin))
        begin = closer.number + 1
    return b"".join(reversed(openers)) + _operand(scan, inside)


def _operand(scan: _Scan, inside: bytes) -> bytes:
    """What must stand before the first token, when that is the rest of a statement."""
    if not inside.endswith((b"{", b"(")) or not scan.texts:
        return b""
    first, second = scan.texts[0], _after(scan, 0)
    if first == b"else":
        return b"if(unnamed);"
    if first not in _CONTROL_WORDS and _else_follows_first_statement(scan):
        return b"if(unnamed) "
    if first == b"." and inside.endswith(b"={"):
        return b""
    pair = first + second
    if first in _NEEDS_OPERAND_BEFORE or pair in (b"&&", b"->", b"+=", b"-=", b"*=", b"&="):
        return b"unnamed "
    return b""


def _else_follows_first_statement(scan: _Scan) -> bool:
    """Whether the first statement is the branch of an if that is not shown."""
    depth = 0
    for index, text in enumerate(scan.texts):
        depth += (text in _OPENERS) - (text in _PAIRS)
        if depth < 0:
            return False
        if depth == 0 and text in (b";", b"}"):
            return text == b";" and _after(scan, index) == b"else"
    return False


def _opener(scan: _Scan, closer: _Bracket, begin: int) -> bytes:
    """What a closer that is not the function's own most likely closes; begin: first token it can span."""
    following = _after(scan, closer.number)
    spanned = scan.texts[begin : closer.number]
    if closer.text == b"]":
        return b"unnamed["
    if closer.text == b")":
        if b":" in spanned and any(text[:1] == b'"' for text in spanned):
            return b"asm("
        semicolons = _top_semicolons(spanned)
        if semicolons:
            return b"for(;" if semicolons == 1 else b"for("
        last = following != b")"
        if last and (following == b"{" or following[:1].isalpha() or following[:1] == b"_"):
            return b"if("
        return b"unnamed("
    if following == b"else":
        return b"if(unnamed){"
    if following == b"while" and _ends_do(scan, closer):
        return b"do{"
    if following == b";":
        return b"int unnamed[]={"
    return b"switch(unnamed){" if b"case" in spanned or b"default" in spanned else b"if(unnamed){"


def _top_semicolons(texts: Sequence[bytes]) -> int:
    """Semicolons outside brackets, as in the rest of a for's head."""
    depth = count = 0
    for text in texts:
        depth += (text in _OPENERS) - (text in _PAIRS)
        count += text == b";" and depth == 0
    return count


def _ends_do(scan: _Scan, closer: _Bracket) -> bool:
    """Whether `} while (...)` after the closer is followed by a semicolon."""
    depth = 0
    for index in range(closer.number + 2, min(closer.number + 200, len(scan.texts))):
        text = scan.texts[index]
        depth += (text == b"(") - (text == b")")
        if depth == 0:
            return _after(scan, index) in (b"", b";")
    return True


def _closing(opening: bytes, scan: _Scan) -> bytes:
    """What closes all that opening and code leave open; the brace of a function stands at the margin."""
    opening = opening.removesuffix(b"/*").removesuffix(b"#define unnamed \\")
    scan = _behind(opening, scan) if opening else scan
    if not scan.texts:
        return b""
    starts_aggregate = opening.startswith((b"struct", b"enum", b"int unnamed[]"))
    outermost = scan.starts[scan.unclosed[0].number] if scan.unclosed else len(opening)
    aggregate = starts_aggregate and outermost < len(opening)
    last = scan.texts[-1]
    ended = last in (b";", b"{", b"}")
    out = b" "
    for depth in range(len(scan.unclosed) - 1, -1, -1):
        bracket = scan.unclosed[depth]
        if bracket.text in (b"(", b"["):
            out += (b"0" if last in _NEEDS_OPERAND_AFTER else b"") + (b")" if bracket.text == b"(" else b"]")
            ended, last = False, b")"
            if _word_before(scan, bracket) == b"switch":
                out, ended = out + b"{}", True
            continue
        if aggregate and depth == 0:
            return out + b"\n};"
        if _opens_value(scan, bracket):
            out += b"0}" if last in _NEEDS_OPERAND_AFTER else b"}"
            ended, last = False, b"}"
            continue
        if not ended:
            out += _end_of_statement(last)
        if depth == 0:
            out += b"\n"
        out += b"}while(0);" if _word_before(scan, bracket) == b"do" else b"}"
        ended, last = True, b"}"
    if last == b")" and not scan.unclosed and _ends_header(scan):
        return out + b"\n{\n}"
    return out if ended else out + _end_of_statement(last)


def _ends_header(scan: _Scan) -> bool:
    """Whether the last thing outside all brackets is a function's head without its body."""
    depth = 0
    start = 0
    for number, text in enumerate(scan.texts):
        depth += (text in _OPENERS) - (text in _PAIRS)
        if depth == 0 and text in (b";", b"}"):
            start = scan.starts[number] + 1
    header = scan.code[start:]
    words = _TWO_WORDS.match(header)
    return b"=" not in header and words is not None and function_name(header) is not None


def _end_of_statement(last: bytes) -> bytes:
    if last == b"?":
        return b"0:0;"
    return b"0;" if last in _NEEDS_OPERAND_AFTER else b";"


def _opens_value(scan: _Scan, bracket: _Bracket) -> bool:
    """Whether a brace opens an initialiser: after an equals sign, or before a designator."""
    before = _word_before(scan, bracket)
    after = _after(scan, bracket.number)
    return before in (b"=", b",") or (before in (b")", b"{") and after in (b".", b"["))


def _word_before(scan: _Scan, bracket: _Bracket) -> bytes:
    return scan.texts[bracket.number - 1] if bracket.number else b""
