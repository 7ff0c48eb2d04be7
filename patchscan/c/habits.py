"""How a C text is laid out: places where one of several ways was chosen, and whether it is the usual one."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c import choices, spacing
from patchscan.c.samples import Lines, Sample, width

# A little more than 80 is nobody's concern.
COLUMNS = 90
NARROW = 80
_NOTHING = -1
_DECLARATION = pattern(
    r"\t(?!(?:return|goto|else|case|default|if|for|while|switch|do|break|continue|typedef|extern)\b)"
    r"(?:(?:const|static|unsigned|signed|struct|enum|union|volatile|register)\s+)*[A-Za-z_]\w*"
    r"(?:\s+\**|\s*\*+\s*)(?:const\s+)?(?P<name>[A-Za-z_]\w*)(?:\[[^\]]*\])*(?P<rest>\s*=[^;]*|(?:\s*,[^;=]*))?;"
)
_STATEMENT = pattern(
    r"\t(?!typeof|guard\b|__)(?:(?:if|for|while|switch|return|goto|do)\b|[a-z_]\w*\(|\*?[a-z_]\w*(?:(?:->|\.)\w+|\[[^\]]*\])*\s*[-+|&]?=\s)"
)
_INCLUDE = pattern(r"#\s*include\s+<(\w+)/(.+)>")
_WIDE = pattern(r"\"|https?://|^\s*#|\\$")
_WORD = pattern(r"\w+")
_BRACKET = pattern(r"[(){}\[\]]")


def single_blanks(lines: Lines) -> Iterator[Sample]:
    """Whether one empty line divides what is divided, not several."""
    end = next((at for at in range(len(lines), 0, -1) if lines[at - 1][1].strip()), 0)
    for (_, before, _), (number, text, _) in pairwise(lines[:end]):
        if not text.strip() and before.strip():
            yield Sample(number, True, number)
        elif not text.strip():
            yield Sample(number, False, number - 1)


def _blocks(lines: Lines) -> Iterator[tuple[Lines, int]]:
    """(declarations, index of what follows) at the top of each function."""
    for at, (_, text, _) in enumerate(lines):
        if text == "{":
            end = at + 1
            while end < len(lines) and _DECLARATION.match(lines[end][2]):
                end += 1
            if end > at + 1:
                yield lines[at + 1 : end], end


def longest_first(lines: Lines) -> Iterator[Sample]:
    """Whether locals stand from the longest line to the shortest; not where an initialiser needs one above."""
    for block, _ in _blocks(lines):
        found = [(number, width(code.rstrip()), _DECLARATION.match(code)) for number, _, code in block]
        names: set[str] = set()
        needs = False
        for _, _, match in found:
            assert match is not None
            needs |= not names.isdisjoint(_WORD.findall(match["rest"] or ""))
            names.add(match["name"])
        if len(found) < 2 or needs:
            continue
        wrong = next((two for one, two in pairwise(found) if one[1] < two[1]), None)
        yield Sample((wrong or found[0])[0], wrong is None, found[0][0])


def blank_below_locals(lines: Lines) -> Iterator[Sample]:
    """Whether an empty line divides the locals of a function from its statements."""
    for block, end in _blocks(lines):
        if end < len(lines) and not lines[end][1].strip():
            yield Sample(lines[end][0], True, block[-1][0])
        elif end < len(lines) and _STATEMENT.match(lines[end][2]):
            yield Sample(lines[end][0], False, block[-1][0])


def narrow_lines(lines: Lines) -> Iterator[Sample]:
    """Whether a list that is wrapped is wrapped by column 90; a line that is not may be wide on purpose."""
    for number, text, code in lines:
        if code.endswith(",") and code.count("(") > code.count(")") and not _WIDE.search(text):
            yield Sample(number, width(text) <= COLUMNS, number)


def comments_open_alone(lines: Lines) -> Iterator[Sample]:
    """Whether a comment of several lines begins with a line of nothing else."""
    code_above = False
    for number, text, code in lines:
        bare = text.strip()
        if code_above and bare.startswith("/*") and not bare.startswith("/**") and "*/" not in bare:
            yield Sample(number, bare == "/*", number)
        code_above |= bool(code.strip())


def sorted_includes(lines: Lines) -> Iterator[Sample]:
    """Whether neighbouring headers of one directory stand in the order of their names."""
    for (first, _, code), (number, _, below) in pairwise(lines):
        one, two = _INCLUDE.match(code), _INCLUDE.match(below)
        if one and two and one[1] == two[1]:
            yield Sample(number, one[2] <= two[2], first)


def aligned_arguments(lines: Lines) -> Iterator[Sample]:
    """Whether a line that goes on in parentheses begins below what follows the open one."""
    stack: list[int] = []  # the column behind each open parenthesis, _NOTHING for what aligns nothing
    above = ""
    for number, text, code in lines:
        if not code.strip() or code.startswith("#"):
            continue
        if code.startswith("}"):
            stack.clear()
        elif stack and stack[-1] != _NOTHING and code.strip()[0] not in ")}]?:" and above[-1] not in "?:":
            yield Sample(number, width(text[: len(text) - len(text.lstrip())]) == stack[-1], number)
        last = len(code.rstrip()) - 1
        for bracket in _BRACKET.finditer(code):
            at, one = bracket.start(), bracket[0]
            if one in "({[":
                stack.append(width(text[: at + 1]) if one == "(" and at < last else _NOTHING)
            elif stack:
                stack.pop()
        above = code.rstrip()


def wraps_only_where_needed(lines: Lines) -> Iterator[Sample]:
    """Whether a statement on two lines would not fit on one of 80 columns; messages apart."""
    for (number, first, code), (_, second, below) in pairwise(lines):
        head, tail = code.rstrip(), below.strip()
        if first.rstrip() != head or second.strip() != tail or '"' in head + tail or "#" in head[:1]:
            continue
        depth, closed = head.count("(") - head.count(")"), tail.count(")") - tail.count("(")
        assigned = head.endswith(" =") and depth == closed == 0 and tail.endswith(";")
        passed = head.endswith((",", "(")) and depth == closed == 1 and tail.endswith((";", "{", ")"))
        if assigned or passed:
            blank = "" if head.endswith("(") else " "
            yield Sample(number, width(head + blank + tail) > NARROW, number)


@frozen
class Habit:
    """A way of layout. fewest, share: of kept samples, and among all, from which on a text keeps it.

    wish: what a reviewer says of it where it is not kept; everywhere: the share from which on it is
    asked for without counting, for kernel code keeps it anyway (more than 1: never);
    beside: a new file is held against those beside it; sign: what an added line holds that does not keep it, and
    without which nobody looks ("" for always).
    """

    samples: Callable[[Lines], Iterator[Sample]]
    fewest: int
    share: float
    wish: str
    everywhere: float = 2.0
    beside: bool = False
    sign: re.Pattern[str] | None = None


HABITS = (
    Habit(longest_first, 8, 0.9, "locals go from the longest line to the shortest", beside=True),
    Habit(sorted_includes, 6, 0.99, "headers stand in the order of their names", beside=True),
    Habit(single_blanks, 10, 0.99, "one empty line is enough", 0.9),
    Habit(blank_below_locals, 8, 0.97, "the locals want an empty line below them", 0.97),
    Habit(aligned_arguments, 20, 0.97, "arguments that go on are aligned with the open parenthesis"),
    Habit(comments_open_alone, 6, 0.95, "comments of several lines begin with /* alone"),
    Habit(narrow_lines, 20, 0.95, f"what goes on in the next line is wrapped by column {COLUMNS}"),
    Habit(wraps_only_where_needed, 15, 0.95, f"what fits on a line of {NARROW} columns is not wrapped"),
    Habit(
        spacing.tabs_indent, 20, 0.97, "code is indented by tabs", 0.97, sign=pattern(r"^[ \t]* {8}|^ ", re.M)
    ),
    Habit(
        spacing.function_brace_alone,
        5,
        0.97,
        "the brace of a function stands on a line of its own",
        0.97,
        sign=pattern(r"^\w.*\)\s*\{", re.M),
    ),
    Habit(
        spacing.else_behind_its_brace,
        3,
        0.97,
        "else stands on the line of the brace before it",
        0.97,
        sign=pattern(r"^\s*else\b", re.M),
    ),
    Habit(
        spacing.one_statement_a_line,
        10,
        0.97,
        "what is done under a condition stands on the next line",
        0.97,
        sign=pattern(r"\bif\b.*;", re.M),
    ),
    Habit(
        spacing.blank_behind_keyword,
        10,
        0.97,
        "one blank stands between if, for or while and the parenthesis",
        0.97,
        sign=pattern(r"\b(?:if|for|while|switch)(?:\(|\s\s+\()", re.M),
    ),
    Habit(
        spacing.star_at_its_name,
        10,
        0.97,
        "the * of a pointer stands at its name",
        0.97,
        sign=pattern(r"\w\*|\*\s+\w", re.M),
    ),
    Habit(
        spacing.blank_behind_comma,
        20,
        0.97,
        "a blank stands behind a comma",
        0.97,
        sign=pattern(r",[^\s)]", re.M),
    ),
    Habit(
        spacing.blanks_around_operators,
        20,
        0.97,
        "blanks stand around = and other operators that assign or compare",
        0.97,
        sign=pattern(r"\w(?:[^\w\s]?[=&|])|[=&|<>][\w\"(]", re.M),
    ),
    Habit(
        spacing.no_blank_in_parentheses,
        20,
        0.97,
        "no blank stands inside the parentheses",
        0.97,
        sign=pattern(r"\([ \t]|[ \t]\)", re.M),
    ),
    Habit(
        spacing.no_blank_before_semicolon,
        20,
        0.97,
        "no blank stands before a semicolon",
        0.97,
        sign=pattern(r"[ \t];", re.M),
    ),
    Habit(
        spacing.short_lines,
        50,
        0.99,
        f"a line ends by column {spacing.LONGEST}",
        0.99,
        sign=pattern(r"^.{60}", re.M),
    ),
    Habit(
        spacing.comments_close_alone,
        6,
        0.95,
        "comments of several lines end with */ alone",
        sign=pattern(r"\S\s*\*/", re.M),
    ),
    Habit(
        spacing.blanks_around_shifts, 8, 0.95, "blanks stand around << and >>", sign=pattern(r"<<|>>", re.M)
    ),
    Habit(
        spacing.cast_at_its_operand,
        8,
        0.95,
        "no blank stands behind a cast",
        sign=pattern(r"\)\s+[\w(&*]", re.M),
    ),
    Habit(
        choices.case_at_switch,
        3,
        0.97,
        "case is indented like its switch",
        0.97,
        sign=pattern(r"\b(?:case|default)\b", re.M),
    ),
    Habit(
        choices.no_backslash_in_code,
        20,
        0.97,
        "no backslash is needed outside of macros",
        0.97,
        sign=pattern(r"\\$", re.M),
    ),
    Habit(
        choices.no_blank_at_braces,
        20,
        0.97,
        "a body has no empty line at its braces",
        0.97,
        sign=pattern(r"^\s*$", re.M),
    ),
    Habit(
        choices.functions_divided,
        6,
        0.97,
        "an empty line divides functions",
        0.97,
        sign=pattern(r"^\}$|^\w.*\(", re.M),
    ),
    Habit(
        choices.bare_results,
        10,
        0.97,
        "what is returned needs no parentheses around it",
        0.97,
        sign=pattern(r"return \(.*\);", re.M),
    ),
    Habit(choices.no_open_end, 20, 0.97, "no line ends with an open parenthesis", sign=pattern(r"\($", re.M)),
    Habit(
        choices.logic_at_line_end,
        8,
        0.97,
        "&& and || end a line, and begin none",
        sign=pattern(r"^\s*(?:&&|\|\|) ", re.M),
    ),
    Habit(
        choices.prototypes_without_extern,
        5,
        0.97,
        "functions are declared without extern",
        sign=pattern(r"^extern ", re.M),
    ),
    Habit(choices.bits_by_macro, 5, 0.9, "one bit is written BIT()", sign=pattern(r"#\s*define.*<<", re.M)),
    Habit(
        choices.kernel_integers,
        10,
        0.97,
        "integers are u8 to s64, not uint8_t",
        sign=pattern(r"int(?:8|16|32|64)_t\b", re.M),
    ),
    Habit(
        choices.null_by_negation,
        20,
        0.97,
        "a test for NULL is written with !",
        sign=pattern(r" == NULL", re.M),
    ),
    Habit(
        choices.comments_with_blanks,
        20,
        0.97,
        "blanks stand inside the marks of a comment",
        0.97,
        sign=pattern(r"/\*[^\s*]|\S\*/", re.M),
    ),
    Habit(
        choices.comma_behind_the_last,
        8,
        0.95,
        "the last of several initialisers or enumerators has a comma, too",
        sign=pattern(r"^\t+(?:\.|[A-Z]).*[^,;]$", re.M),
    ),
    Habit(
        choices.lower_case_digits,
        15,
        0.97,
        "hexadecimal digits are small",
        sign=pattern(r"0x[0-9a-f]*[A-F]", re.M),
    ),
    Habit(
        choices.blank_before_last_return,
        10,
        0.95,
        "an empty line stands before the last return of a function",
        sign=pattern(r"^\treturn ", re.M),
    ),
    Habit(
        choices.unsigned_int,
        10,
        0.97,
        "unsigned is written unsigned int",
        sign=pattern(r"\bunsigned\s+(?!int|long|char)", re.M),
    ),
    Habit(
        choices.conditions_assign_nothing,
        20,
        0.97,
        "what an if asks for is assigned above it",
        0.97,
        sign=pattern(r"\bif\b.*[^=!<>]=[^=]", re.M),
    ),
)
