"""The fixes of rows in merged code: what they leave is C, and holds what was before it around."""

import os
from collections import Counter
from pathlib import Path

import pytest
from patchscan.c.source import parse
from patchscan.c.syntax import descendants

from tests.match.drawn import ROWS, drawn, fixed, said

KERNEL = Path(os.environ.get("PATCHSCAN_KERNEL_TREE", "/nowhere"))
FIXES = 500
# No row stands for all.
OF_ONE_ROW = 40


def faults(text: bytes, line: int) -> int:
    """Nodes that are no C in the function at a line, or in the text between functions there."""
    source = parse(text, "part.c")
    function = source.function_at(line)
    root = function.node if function is not None else source.outside_at(line)
    return sum(each.is_error or each.is_missing for each in descendants(root))


@pytest.mark.slow
@pytest.mark.skipif(not KERNEL.is_dir(), reason="PATCHSCAN_KERNEL_TREE is not set")
def test_what_fixes_leave_is_c() -> None:
    made: Counter[str] = Counter()
    broken = []
    names = [name for name, row in ROWS.items() if row.replace is not None]
    for data, finding in said(KERNEL, drawn(KERNEL, 19), names):
        if made.total() == FIXES:
            break
        if finding.fix is None or made[finding.rule] == OF_ONE_ROW:
            continue
        made[finding.rule] += 1
        after = fixed(data, finding.fix)
        assert after != data
        if faults(after, finding.line) > faults(data, finding.line):
            broken.append(f"{finding.rule} {finding.path}:{finding.line}")
    assert made.total() == FIXES and len(made) >= 25
    assert broken == []
