"""Merged code drawn at random, as what rows and their fixes are read on.

`python -m tests.match.drawn ROW [FILES]` shows what a row says of so many files of PATCHSCAN_KERNEL_TREE.
"""

import os
import random
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from patchscan.finding import Finding, Fix
from patchscan.match.row import Row
from patchscan.match.rowfile import read_rows
from patchscan.match.tablefiles import with_rows
from patchscan.settling.registry import load_rules
from patchscan.wholefile import judge_file

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "rules" / "tables"
ROWS = {row.name: row for path in with_rows(str(TABLES)) for row in read_rows(path) if isinstance(row, Row)}
RULES = {rule.name: rule for rule in load_rules()[0] if rule.name in ROWS}
PLACES = ("arch", "block", "crypto", "drivers", "fs", "kernel", "lib", "mm", "net", "security", "sound")
# Longer files are lists of registers.
LONGEST = 300_000
WORD = re.compile(r"[A-Za-z_]\w*")


def drawn(top: Path, seed: int) -> list[str]:
    """The C files of a tree, in an order that depends on the seed alone."""
    found = sorted(str(path.relative_to(top)) for place in PLACES for path in (top / place).rglob("*.[ch]"))
    random.Random(seed).shuffle(found)
    return found


def said(top: Path, paths: Iterable[str], names: Iterable[str]) -> Iterator[tuple[bytes, Finding]]:
    """What rows say of files, each as if a patch added it; with what the file holds."""
    wanted = [(ROWS[name], RULES[name], re.compile(ROWS[name].wake, re.M)) for name in names]
    for path in paths:
        data = (top / path).read_bytes()
        if len(data) > LONGEST:
            continue
        text = data.decode("utf-8", "replace")
        words = frozenset(WORD.findall(text))
        woken = [
            rule
            for row, rule, form in wanted
            if not (row.words and row.words.isdisjoint(words)) and form.search(text) is not None
        ]
        if woken:
            yield from ((data, each) for each in judge_file(path, data, None, woken).findings)


def fixed(data: bytes, fix: Fix) -> bytes:
    """A file with a fix of it made."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for edit in sorted(fix, key=lambda each: -each.first):
        at = edit.first - 1
        assert tuple(lines[at : at + len(edit.old)]) == edit.old
        lines[at : at + len(edit.old)] = edit.new
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def main() -> int:
    """Show what one row says."""
    top, name = Path(os.environ["PATCHSCAN_KERNEL_TREE"]), sys.argv[1]
    for data, finding in said(top, drawn(top, 1)[: int(sys.argv[2]) if len(sys.argv) > 2 else 2000], [name]):
        lines = data.decode("utf-8", "replace").split("\n")
        print(f"{finding.path}:{finding.line}: {finding.message}")
        print(*lines[max(finding.line - 4, 0) : finding.line + 8], sep="\n", end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
