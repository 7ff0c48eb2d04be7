"""Blanks and braces of a C text: places where the kernel's way was chosen, or another."""

import re
from collections.abc import Callable, Iterator

from patchscan.basics.pattern import pattern
from patchscan.c.samples import Lines, Sample, width

LONGEST = 100
_TYPE = (
    r"\b(?:(?:struct|union|enum)\s+\w+|void|char|short|int|long|bool|size_t|u8|u16|u32|u64|s8|s16|s32|s64|__[su]\d+|"
    r"__[bl]e\d+)"
)
_KEYWORD = pattern(r"\b(?:if|for|while|switch)(\s*)\(")
_STAR = pattern(rf"{_TYPE}(\s*)\*+(\s*)(?!(?:const|restrict|volatile|__\w+)\b)(?=[A-Za-z_])")
_COMMA = pattern(r",(?=[^\s)}\],;\\])")
# An operator with two operands: glued to the one before it, or to the one behind it.
_GLUED = pattern(
    r"[\w)\]](?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|[=!<>]=|&&|\|\|)|"
    r"(?<=[\w)\]] )(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|[=!<>]=|&&|\|\|)(?=[\w(\"'*&~!])"
)
_OPERATOR = pattern(r"[\w)\]]\s*(?:[-+*/%&|^]?=|[=!<>]=|&&|\|\||<<=|>>=)")
_SHIFT = pattern(r"[\w)\]](\s*)(?:<<|>>)(?!=)(\s*)(?=\S)")
_INNER = pattern(r"\((?=[ \t]+[^\s;\\])|(?<=[^\s;(,])[ \t]+\)")
_ONE_LINE = pattern(r"\s*(?:\}\s*else\s+)?if\s*(?=\()")
_FUNCTION = pattern(
    r"(?!(?:struct|union|enum|extern|do|else|if|for|while|switch)\b)[A-Za-z_][^={};]*\)\s*\{$"
)
_CAST = pattern(
    r"(?<![\w)])\((?:[us](?:8|16|32|64)|__[bl]e\d+|(?:unsigned )?(?:int|long|char|short)|size_t|"
    r"(?:const )?(?:void|char|struct \w+|[us]\d+) \*+)\)([ \t]*)(?=[\w(&*])"
)
_QUOTED = pattern(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_INDENT = pattern(r"[ \t]*")
_UNBROKEN = pattern(r"\"|https?://|^\s*#|\\$")
_ELSE = pattern(r"else\b")


def _code_of(lines: Lines) -> Iterator[tuple[int, str, str]]:
    """Lines that are no directives, and what strings hold blank in their code, too."""
    for number, text, code in lines:
        if not code.startswith("#"):
            bare = (
                _QUOTED.sub(lambda match: f'"{"x" * (len(match[0]) - 2)}"', code)
                if '"' in code or "'" in code
                else code
            )
            yield number, text, bare


def _each(
    found: "re.Pattern[str]", is_kept: Callable[["re.Match[str]"], bool]
) -> Callable[[Lines], Iterator[Sample]]:
    """A way of taking a sample a line from what a form finds in its code, and in its text at the same place."""

    def samples(lines: Lines) -> Iterator[Sample]:
        for number, text, code in _code_of(lines):
            matches = [each for each in found.finditer(code) if text.startswith(each[0], each.start())]
            if matches:
                yield Sample(number, all(is_kept(each) for each in matches), number)

    return samples


blank_behind_keyword = _each(_KEYWORD, lambda match: match[1] == " ")
star_at_its_name = _each(_STAR, lambda match: match[1] != "" and match[2] == "")
cast_at_its_operand = _each(_CAST, lambda match: match[1] == "")
blanks_around_shifts = _each(_SHIFT, lambda match: bool(match[1]) and bool(match[2]))


def blank_behind_comma(lines: Lines) -> Iterator[Sample]:
    """Whether a blank stands behind the commas of a line."""
    for number, text, code in _code_of(lines):
        if "," in code:
            glued = [each for each in _COMMA.finditer(code) if text[each.end()] == code[each.end()]]
            yield Sample(number, not glued, number)


def blanks_around_operators(lines: Lines) -> Iterator[Sample]:
    """Whether assignments, comparisons and logical operators stand between blanks."""
    for number, _, code in _code_of(lines):
        if _OPERATOR.search(code):
            yield Sample(number, _GLUED.search(code) is None, number)


def no_blank_in_parentheses(lines: Lines) -> Iterator[Sample]:
    """Whether what stands in parentheses begins and ends at them."""
    for number, text, code in _code_of(lines):
        if "(" in code:
            wide = [each for each in _INNER.finditer(code) if text.startswith(each[0], each.start())]
            yield Sample(number, not wide or code.strip().startswith(")"), number)


def no_blank_before_semicolon(lines: Lines) -> Iterator[Sample]:
    """Whether a statement's semicolon stands at its end."""
    for number, text, code in lines:
        end = code.rstrip()
        if end.endswith(";") and end.strip() != ";" and "for" not in end:
            yield Sample(number, not (end.endswith((" ;", "\t;")) and text.startswith(end)), number)


def else_behind_its_brace(lines: Lines) -> Iterator[Sample]:
    """Whether else stands on the line of the brace that it follows."""
    above = 0
    brace = False
    for number, text, code in lines:
        bare = code.strip()
        if bare.startswith("} else"):
            yield Sample(number, True, number)
        elif brace and _ELSE.match(bare):
            yield Sample(number, False, above)
        # Behind an #ifdef there is no brace to stand at.
        if bare or text.startswith("#"):
            above, brace = number, bare == "}"


def function_brace_alone(lines: Lines) -> Iterator[Sample]:
    """Whether the brace that opens a function stands on a line of its own."""
    for at, (number, _, code) in enumerate(lines):
        if code.rstrip() == "{" and at and lines[at - 1][2].rstrip().endswith(")"):
            yield Sample(number, True, number)
        elif _FUNCTION.match(code.rstrip()):
            yield Sample(number, False, number)


def one_statement_a_line(lines: Lines) -> Iterator[Sample]:
    """Whether what is done under a condition stands on a line of its own."""
    for number, _, code in _code_of(lines):
        head = _ONE_LINE.match(code)
        if head is None:
            continue
        depth = 0
        for at in range(head.end(), len(code)):
            depth += (code[at] == "(") - (code[at] == ")")
            if not depth:
                rest = code[at + 1 :].strip()
                yield Sample(number, not rest.endswith(";"), number)
                break


def tabs_indent(lines: Lines) -> Iterator[Sample]:
    """Whether code is indented by tabs, and by blanks only for what is less than one."""
    for number, text, code in lines:
        indent = _INDENT.match(text)
        if indent and indent[0] and code.strip() and code.startswith(indent[0]):
            wide = indent[0].startswith("\t") and " " * 8 not in indent[0]
            label = code.rstrip().endswith(":") and not indent[0].startswith("  ")
            yield Sample(number, wide or label, number)


def comments_close_alone(lines: Lines) -> Iterator[Sample]:
    """Whether a comment of several lines ends with a line of nothing else."""
    for number, text, code in lines:
        bare = text.strip()
        if bare.endswith("*/") and "/*" not in bare and not code.strip():
            yield Sample(number, bare.lstrip("*") == "/", number)


def short_lines(lines: Lines) -> Iterator[Sample]:
    """Whether a line ends by column 100; those with texts and macros apart."""
    for number, text, _ in lines:
        if len(text) > LONGEST // 2 and not _UNBROKEN.search(text):
            yield Sample(number, width(text) <= LONGEST, number)
