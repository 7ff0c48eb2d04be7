"""Regular expressions of schemas: those that may take for ever are not tried."""

import pytest
from patchscan.devicetree.expressions import matches


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("^channel@[0-3]$", "channel@3", True),
        ("^channel@[0-3]$", "channel@4", False),
        ("^(.*-)?gpios?$", "reset-gpios", True),
        ("^[a-z]+-[0-9]{1,2}$", "pin-12", True),
        ("^[a-z]+-[0-9]{1,2}$", "pin-", False),
    ],
)
@pytest.mark.parametrize("unsure", [True, False])
def test_tame_expressions_are_tried(expression: str, text: str, found: bool, unsure: bool) -> None:
    assert matches(expression, text, unsure) is found


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("^(a+)+$", "a" * 60 + "!"),
        ("^(a|aa)*$", "a" * 60 + "!"),
        ("a*a*a*a*a*a*a*b", "a" * 60),
        ("^(a{1,30}){1,30}$", "a" * 60 + "!"),
        ("^a$", "a" * 100),
        ("^" + "a" * 300, "a"),
        ("^[", "a"),
    ],
)
def test_others_are_not(expression: str, text: str) -> None:
    """Each of these would be False or an error if it were tried, some of them after years."""
    assert matches(expression, text, unsure=True)
    assert not matches(expression, text, unsure=False)
