"""Our own tables, read from TOML once and then from what is kept beside them: TOML costs more than matching.

What is kept is made when the package is built, and again by whoever first reads tables that have changed since.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

import patchscan.match.row
from patchscan.basics.marked import made_of
from patchscan.basics.problem import Problem
from patchscan.match.asrule import rule_of
from patchscan.match.row import Row, plain_of
from patchscan.match.tablefiles import table_files, with_rows
from patchscan.rule import Rule

KEPT = "compiled.rows"


def compiled_rules(directory: str) -> Iterator[Rule | Problem]:
    """The rules of all tables in a directory of ours, and what is wrong with rows that are none."""
    found: list[Row | Problem] = []

    def read() -> list[tuple[Any, ...]] | None:
        from patchscan.match.rowfile import read_rows

        found.extend(each for path in with_rows(directory) for each in read_rows(path, checked=False))
        rows = [plain_of(each) for each in found if isinstance(each, Row)]
        return rows if len(rows) == len(found) else None

    paths = table_files(directory) if os.path.isdir(directory) else []
    if not paths:
        return
    # With the code that says what a row is.
    kept = made_of((*paths, patchscan.match.row.__file__), os.path.join(directory, KEPT), read)
    yield from (each for each in found if isinstance(each, Problem))
    rows = [plain_of(each) for each in found if isinstance(each, Row)] if kept is None else kept
    yield from map(rule_of, rows)


def main(directory: str) -> int:
    """Compile the tables of a directory: what the build of the package does with ours."""
    problems = [each for each in compiled_rules(directory) if isinstance(each, Problem)]
    for problem in problems:
        print(f"{problem.where}: {problem.message}")
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
