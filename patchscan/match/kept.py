"""Our own tables, read from TOML once and then from what is kept beside them: TOML costs more than matching.

What is kept is made when the package is built, and again by whoever first reads tables that have changed since.
"""

import os
import sys
from collections.abc import Iterable, Iterator

from patchscan.basics.marked import mark_of, read_compiled, write_compiled
from patchscan.basics.problem import Problem
from patchscan.match.asrule import rule_of
from patchscan.match.row import plain_of, row_from
from patchscan.match.tablefiles import texts_of, with_rows
from patchscan.rule import Rule

KEPT = "compiled.rows"


def compiled_rules(directory: str) -> Iterator[Rule | Problem]:
    """The rules of all tables in a directory of ours, and what is wrong with rows that are none."""
    tables = with_rows(directory)
    if not tables:
        return
    mark = mark_of_tables(tables.values())
    kept = os.path.join(directory, KEPT)
    rows = read_compiled(kept, mark)
    if rows is None:
        from patchscan.match.rowfile import read_rows

        found = [each for path in tables for each in read_rows(path, checked=False)]
        problems = [each for each in found if isinstance(each, Problem)]
        yield from problems
        rows = [plain_of(each) for each in found if not isinstance(each, Problem)]
        if not problems:
            write_compiled(kept, mark, rows)
    for row in rows:
        yield rule_of(row_from(row))


def mark_of_tables(texts: Iterable[bytes]) -> int:
    """A check sum of tables, and of the code that reads them."""
    return mark_of((*texts, *texts_of([os.path.join(os.path.dirname(__file__), "row.py")]).values()))


def main(directory: str) -> int:
    """Compile the tables of a directory: what the build of the package does with ours."""
    problems = [each for each in compiled_rules(directory) if isinstance(each, Problem)]
    for problem in problems:
        print(f"{problem.where}: {problem.message}")
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
