"""Ways of writing the same C: places of a text where one of two was chosen."""

import re
from collections.abc import Iterator
from itertools import pairwise

from patchscan.basics.pattern import pattern
from patchscan.c.samples import Lines, Sample

_CASE = pattern(r"(\t*)(?:case\b.*|default\s*):")
_SWITCH = pattern(r"(\t*)switch\s*\(")
_EXTERN = pattern(r"(extern\s+)?(?!typedef\b|static\b|return\b)[A-Za-z_][\w\s]*[\s*]\w+\(.*[,;]$")
_BIT = pattern(r"#\s*define\s+\w+\s+\(?(?:(BIT(?:_ULL)?)\(|1U?L{0,2}\s*<<\s*\w+\)?\s*(?:/[/*]|$))")
_INTEGER = pattern(r"(?<!\w)(?:([us](?:8|16|32|64))|u?int(?:8|16|32|64)_t)\s+\**[A-Za-z_]")
_POINTER = pattern(
    r"(?:\bif|&&|\|\|) ?\(?(?:(!)[a-z_][\w>.-]*(?=\s*(?:\)|&&|\|\||$))|[a-z_][\w>.-]* == NULL)"
)
_RETURNED = pattern(r"\treturn (\(?)(.+);$")
_COMMENT = pattern(r"/\*(?!\*)( ?)[^*\s=_~#-](?:[^*]|\*(?!/))*?( ?)\*/")
_CLOSED = pattern(r"\t*\}\s*(?:;|,|__\w+|$)")
_ENTRY = pattern(
    r"\t+(?:\.[a-z_]\w*\s*=\s*[^;]*[^;{}\s]|(?!NULL\b|\w*(?:MAX|NUM|LAST|COUNT|END|NR|LIMIT|SIZE))[A-Z][A-Z0-9_]+(?:\s*=\s*[^;]+)?,?)\s*$"
)
_HEXADECIMAL = pattern(r"\b0x(?=[0-9A-Fa-f]*[A-Fa-f])([0-9]*[a-fA-F][0-9a-fA-F]*)(?:[uU]?[lL]{0,2})\b")
_UNSIGNED = pattern(r"\bunsigned\s+(?:(int)\b|(?!long\b|char\b|short\b|int\b)\**[a-z_]\w*\s*[;,=):\[])")
_CONDITION = pattern(r"\s*(?:\}\s*else\s+)?if\s*\((.*)")
_QUOTED = pattern(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_ASSIGNED = pattern(r"[\w\])]\s*=(?!=)")
_GOES_ON = pattern(r"[,(&|+=?:]\s*\\?$")
_TOP = pattern(
    r"(?:static|int|void|bool|struct|unsigned|long|const|u\d+|ssize_t|size_t|irqreturn_t)\b[^=;]*\("
)


def case_at_switch(lines: Lines) -> Iterator[Sample]:
    """Whether the first case of a switch is indented like the switch."""
    for (number, _, code), (below_number, _, below) in pairwise(lines):
        switch, case = _SWITCH.match(code), _CASE.match(below)
        if switch and case:
            yield Sample(below_number, switch[1] == case[1], number)


def no_open_end(lines: Lines) -> Iterator[Sample]:
    """Whether a line that goes on in parentheses holds more than the open one."""
    for number, _, code in lines:
        bare = code.rstrip()
        if bare.endswith((",", "(")) and bare.count("(") > bare.count(")") and not bare.startswith("#"):
            yield Sample(number, not bare.endswith("("), number)


def logic_at_line_end(lines: Lines) -> Iterator[Sample]:
    """Whether && and || stand at the end of a line that goes on, not at the start of the next."""
    for number, _, code in lines:
        bare = code.strip()
        if bare.endswith(("&&", "||")):
            yield Sample(number, True, number)
        elif bare.startswith(("&& ", "|| ")):
            yield Sample(number, False, number)


def prototypes_without_extern(lines: Lines) -> Iterator[Sample]:
    """Whether a function is declared without extern, which says nothing there."""
    for number, _, code in lines:
        declared = _EXTERN.match(code.rstrip())
        if declared and "=" not in code:
            yield Sample(number, declared[1] is None, number)


def bits_by_macro(lines: Lines) -> Iterator[Sample]:
    """Whether a macro for one bit is made with BIT()."""
    for number, _, code in lines:
        defined = _BIT.match(code)
        if defined:
            yield Sample(number, defined[1] is not None, number)


def _in_first_way(lines: Lines, either: re.Pattern[str]) -> Iterator[Sample]:
    """Whether each place of either of two ways is written in the first one, which is group 1 of the expression."""
    for number, _, code in lines:
        for found in either.finditer(code):
            yield Sample(number, found[1] is not None, number)


def kernel_integers(lines: Lines) -> Iterator[Sample]:
    """Whether integers of a width are those of the kernel, u8 to s64."""
    return _in_first_way(lines, _INTEGER)


def null_by_negation(lines: Lines) -> Iterator[Sample]:
    """Whether a test for NULL is written !pointer."""
    return _in_first_way(lines, _POINTER)


def bare_results(lines: Lines) -> Iterator[Sample]:
    """Whether what is returned stands without parentheses around all of it."""
    for number, _, code in lines:
        found = _RETURNED.search(code)
        if found:
            in_parentheses = found[1] and _closing(found[2]) == len(found[2]) - 1
            yield Sample(number, not in_parentheses, number)


def _closing(text: str) -> int:
    """The offset of the parenthesis that closes one which was opened before the text, its length where none does."""
    depth = 1
    for at, one in enumerate(text):
        depth += (one == "(") - (one == ")")
        if not depth:
            return at
    return len(text)


def no_blank_at_braces(lines: Lines) -> Iterator[Sample]:
    """Whether a body begins behind its open brace and ends at the closing one, without an empty line."""
    for (number, text, code), (below_number, below, below_code) in pairwise(lines):
        opens, closes = code.rstrip().endswith("{"), below_code.strip() == "}"
        if opens and "=" not in code:
            yield Sample(below_number, bool(below.strip()), number)
        if closes:
            yield Sample(number, bool(text.strip()), below_number)


def functions_divided(lines: Lines) -> Iterator[Sample]:
    """Whether an empty line divides two functions."""
    for (number, _, code), (below_number, below, below_code) in pairwise(lines):
        if code.rstrip() == "}" and (not below.strip() or _TOP.match(below_code)):
            yield Sample(below_number, not below.strip(), number)


def no_backslash_in_code(lines: Lines) -> Iterator[Sample]:
    """Whether code outside of macros goes on in the next line without a backslash."""
    # The first line of a hunk may stand inside a macro.
    in_macro = True
    for number, text, code in lines:
        continued = text.rstrip().endswith("\\")
        if text.lstrip().startswith("#") or in_macro:
            in_macro = continued
        elif _GOES_ON.search(code) and code.strip() and not text.lstrip().startswith(("*", "/")):
            yield Sample(number, not continued, number)


def comments_with_blanks(lines: Lines) -> Iterator[Sample]:
    """Whether a blank stands behind the mark that opens a comment, and before the one that closes it."""
    for number, text, code in lines:
        for found in _COMMENT.finditer(text):
            if not code[found.start() : found.end()].strip():
                yield Sample(number, bool(found[1]) and bool(found[2]), number)


def comma_behind_the_last(lines: Lines) -> Iterator[Sample]:
    """Whether the last of several initialisers or enumerators, each on its line, has a comma, too."""
    for (number, _, code), (_, _, below) in pairwise(lines):
        if _CLOSED.match(below) and _ENTRY.match(code):
            yield Sample(number, code.rstrip().endswith(","), number)


def lower_case_digits(lines: Lines) -> Iterator[Sample]:
    """Whether the letters among hexadecimal digits are small."""
    for number, _, code in lines:
        for found in _HEXADECIMAL.finditer(code):
            yield Sample(number, found[1].islower(), number)


def blank_before_last_return(lines: Lines) -> Iterator[Sample]:
    """Whether an empty line stands before the return that ends a function of several statements."""
    for at in range(3, len(lines) - 1):
        number, _, code = lines[at]
        if lines[at + 1][2] == "}" and code.startswith("\treturn ") and code.rstrip().endswith(";"):
            above, before = lines[at - 1][2].rstrip(), lines[at - 2][2].rstrip()
            if not lines[at - 1][1].strip():
                yield Sample(number, True, number)
            elif above.startswith("\t") and above.endswith((";", "}")) and before not in ("", "{"):
                yield Sample(number, False, number)


def unsigned_int(lines: Lines) -> Iterator[Sample]:
    """Whether unsigned is written with its int."""
    return _in_first_way(lines, _UNSIGNED)


def conditions_assign_nothing(lines: Lines) -> Iterator[Sample]:
    """Whether an if only asks, and what it asks for is assigned above."""
    for number, _, code in lines:
        found = _CONDITION.match(code)
        if found:
            asked = _QUOTED.sub("", found[1])
            yield Sample(number, _ASSIGNED.search(asked[: _closing(asked)]) is None, number)
