"""The statements of a Kconfig file: the one place that knows its continued lines, help texts, quotes and comments.

Language: Documentation/kbuild/kconfig-language.rst.
"""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

# A quoted string whole, so that what stands in it is no comment; then a comment.
_PIECE = pattern(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(#.*)")
_HELP = ("help", "---help---")


@frozen
class Statement:
    """One statement: the line it begins on, and its text on one line, without indentation and comment."""

    line: int
    text: str


def statements(text: str) -> Iterator[Statement]:
    """The statements of a Kconfig file in order, `help` and `---help---` among them, help texts not.

    A help text begins with the first line behind `help` that is not blank, if it is indented, and ends before the
    first that is indented less; in it nothing is a statement, a comment or a continued line.
    """
    lines = text.expandtabs().split("\n")
    number = 0
    while number < len(lines):
        first = number
        number += 1
        while lines[number - 1].endswith("\\") and number < len(lines):
            number += 1
        ended = [line.removesuffix("\\") for line in lines[first : number - 1]]
        statement = without_comment(" ".join([*ended, lines[number - 1]])).strip()
        if statement:
            yield Statement(first + 1, statement)
        if statement in _HELP:
            number = _end_of_help(lines, number)


def _end_of_help(lines: list[str], number: int) -> int:
    """The index of the first line behind a help text that begins at an index."""
    indent = 0
    while number < len(lines):
        line = lines[number]
        stripped = line.lstrip()
        if stripped:
            own = len(line) - len(stripped)
            if own < max(indent, 1):
                break
            indent = indent or own
        number += 1
    return number


def without_comment(line: str) -> str:
    """A line up to the # that begins a comment: one outside of quotes."""
    if "#" not in line:
        return line
    for piece in _PIECE.finditer(line):
        if piece[1] is not None:
            return line[: piece.start()]
    return line
