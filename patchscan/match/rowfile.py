"""Tables of rows: ours, compiled when the package is made, and those of users, read from TOML."""

import re
from collections.abc import Iterator

from patchscan.basics.files import Unreadable, read_toml_file
from patchscan.basics.pattern import pattern
from patchscan.basics.problem import Problem
from patchscan.match.asrule import rule_of
from patchscan.match.conditions import CONDITIONS
from patchscan.match.row import Row, RowError, Wish, plain_of, row_of
from patchscan.match.shape import PatternError, read_pattern
from patchscan.rule import Rule

_HOLE = pattern(r"\$(?:\$\$)?\{?([A-Z][A-Z0-9_]*)")
_ROW_BEGINS = pattern(r"\s*\[\[\s*row\s*\]\]")


def read_table(path: str) -> Iterator[Rule | Problem]:
    """The rules of one table, and what is wrong with rows that are none: file:line:column and what to do."""
    for found in read_rows(path):
        yield rule_of(plain_of(found)) if isinstance(found, Row) else found


def read_rows(path: str, checked: bool = True) -> Iterator[Row | Problem]:
    """The same as rows; checked: whether patterns and conditions are read, too, and not only the form of a row."""
    try:
        text, table = read_toml_file(path)
    except Unreadable as error:
        yield Problem(path, str(error), lost=True)
        return
    rows = table.get("row", [])
    if not isinstance(rows, list) or not rows:
        yield Problem(path, "holds no [[row]]: `patchscan new-rule --row NAME` writes one", lost=True)
        return
    for number, data in enumerate(rows):
        try:
            row = row_of(data)
            if checked:
                check_row(row)
        except RowError as error:
            line, column = place_of(text, number, error)
            yield Problem(
                f"{path}:{line}:{column}", f"row {data.get('name', number + 1)}: {error}", lost=True
            )
        else:
            yield row


def check_row(row: Row) -> None:
    """Raise RowError where the patterns, the conditions and the templates of a row do not fit together."""
    holes: set[str] = set()
    for text in row.find:
        try:
            pattern = read_pattern(text, row.frame)
        except PatternError as error:
            raise RowError("find", f"{text!r}: {error}", text) from None
        if not pattern.words and not row.wake and not pattern.holes.intersection(row.names):
            raise RowError(
                "find", f"{text!r} holds no word to search by: add wake = 'regular expression'", text
            )
        holes |= pattern.holes
    for wish in row.wishes:
        check_wish(wish, holes)
    for hole in row.names:
        if hole not in holes:
            raise RowError("where", f"no pattern has a hole ${hole}", hole)
    for field, texts in (("message", (row.message,)), ("replace", row.replace or ())):
        for text in texts:
            for hole in _HOLE.findall(text):
                if hole not in holes:
                    raise RowError(field, f"no pattern has a hole ${hole}", f"${hole}")
    if row.wake:
        try:
            re.compile(row.wake)
        except re.error as error:
            raise RowError("wake", f"no regular expression: {error}", row.wake) from None


def check_wish(wish: Wish, holes: set[str]) -> None:
    """Raise RowError for a condition that there is not, or that is asked of a hole that there is not."""
    if wish.hole != "in" and wish.hole not in holes:
        raise RowError("where", f"no pattern has a hole ${wish.hole}", wish.hole)
    condition = CONDITIONS.get(wish.condition)
    if condition is None:
        known = ", ".join(sorted(CONDITIONS))
        raise RowError(
            "where", f"there is no condition {wish.condition}: it is one of {known}", wish.condition
        )
    if bool(wish.argument) != condition.takes_argument:
        wanted = "wants an argument, `name: argument`" if condition.takes_argument else "takes no argument"
        raise RowError("where", f"{wish.condition} {wanted}", wish.condition)


def place_of(text: str, number: int, error: RowError) -> tuple[int, int]:
    """Line and column (from 1) of what is wrong in a row; number: of the row, from 0."""
    lines = text.split("\n")
    heads = [at for at, line in enumerate(lines) if _ROW_BEGINS.match(line)]
    if number >= len(heads):
        return 1, 1
    first = heads[number]
    last = heads[number + 1] if number + 1 < len(heads) else len(lines)
    for at in range(first, last):
        if re.match(rf"\s*{re.escape(error.field)}\s*=", lines[at]):
            for below in range(at, last):
                column = (
                    lines[below].find(error.text) if error.text else len(lines[at]) - len(lines[at].lstrip())
                )
                if column >= 0:
                    return below + 1, column + 1
            return at + 1, 1
    return first + 1, 1
