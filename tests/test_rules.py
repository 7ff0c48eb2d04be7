"""Every rule against its own examples, and what holds for all rules."""

import pytest
from patchscan.rule import Rule
from patchscan.settling.registry import load_rules
from patchscan.testing import faults

RULES, PROBLEMS = load_rules()


def test_every_rule_loads() -> None:
    assert PROBLEMS == ()
    assert RULES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_examples_do_as_they_say(rule: Rule) -> None:
    assert list(faults(rule)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_text_is_complete(rule: Rule) -> None:
    assert not rule.summary.endswith(".") and "\n" not in rule.summary
    assert rule.why.endswith((".", "?"))
    assert len(rule.bad) >= 1 and len(rule.good) >= 3
