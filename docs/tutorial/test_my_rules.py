"""Every rule of the pack against its own examples."""

from pathlib import Path

import pytest
from patchscan.rule import Rule
from patchscan.settling.registry import load_rule
from patchscan.testing import faults


@pytest.mark.parametrize("path", sorted(Path("my-rules").glob("*.py")), ids=lambda path: path.stem)
def test_examples_do_as_they_say(path: Path) -> None:
    rule = load_rule(path)
    assert isinstance(rule, Rule), rule
    assert list(faults(rule)) == []
