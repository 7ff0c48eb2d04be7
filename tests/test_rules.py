"""Every rule against its own examples, and what holds for all rules.

A rule's file holds the examples that say what it is for; those of corner cases that a file has no room for stand in
tests/rules/further/NAME.txt, each below a line "=== bad" or "=== good".
"""

import re
from pathlib import Path

import pytest
from patchscan.basics.record import replace
from patchscan.rule import Rule
from patchscan.settling.registry import load_rules
from patchscan.testing import faults

RULES, PROBLEMS = load_rules()
FURTHER = sorted((Path(__file__).parent / "rules" / "further").iterdir())
KIND = re.compile(r"^=== (bad|good)\n", re.M)


def test_every_rule_loads() -> None:
    assert PROBLEMS == ()
    assert RULES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_examples_do_as_they_say(rule: Rule) -> None:
    assert list(faults(rule)) == []


@pytest.mark.parametrize("path", FURTHER, ids=lambda path: path.stem)
def test_further_examples_do_as_they_say(path: Path) -> None:
    rule = next(rule for rule in RULES if rule.name == path.stem)
    before, *parts = KIND.split(path.read_text())
    examples = list(zip(parts[::2], parts[1::2], strict=True))
    assert before == "" and examples
    bad, good = (tuple(text for kind, text in examples if kind == wanted) for wanted in ("bad", "good"))
    assert list(faults(replace(rule, bad=bad, good=good))) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_text_is_complete(rule: Rule) -> None:
    assert not rule.summary.endswith(".") and "\n" not in rule.summary
    assert rule.why.endswith((".", "?"))
    assert len(rule.bad) >= 1 and len(rule.good) >= 3
