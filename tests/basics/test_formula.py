"""Preprocessor conditions as formulas."""

import pytest
from patchscan.basics.formula import can_hold, config, follows, negation, read_condition


@pytest.mark.parametrize(
    ("expression", "atoms"),
    [
        ("CONFIG_A", {"A"}),
        ("defined(CONFIG_A) || defined(CONFIG_A_MODULE)", {"A"}),
        ("defined CONFIG_A && !IS_ENABLED(CONFIG_B)", {"A", "B"}),
        ("(CONFIG_A || (CONFIG_B)) && 1", {"A", "B"}),
        ("CONFIG_BITS > 3 && CONFIG_A", {"?CONFIG_BITS > 3", "A"}),
        ("GCC_VERSION >= MAKE(4, 2) || defined(foo)", {"?GCC_VERSION >= MAKE ( 4, 2 )", "?defined ( foo )"}),
    ],
)
def test_atoms(expression: str, atoms: set[str]) -> None:
    assert set(read_condition(expression).atoms) == atoms


def test_plain_means_only_options() -> None:
    assert read_condition("defined(CONFIG_A) && CONFIG_B").plain
    assert not read_condition("defined(CONFIG_A) && foo").plain
    assert not read_condition("CONFIG_A == 3").plain


def test_together() -> None:
    both = read_condition("CONFIG_A && !CONFIG_B")
    assert can_hold(both, config("A")) is True
    assert can_hold(both, config("B")) is False
    assert can_hold(read_condition("CONFIG_A", negated=True), config("A")) is False
    assert can_hold(read_condition("0")) is False and can_hold() is True


def test_consequence() -> None:
    assert follows(config("A"), read_condition("CONFIG_A && CONFIG_B")) is True
    assert follows(config("A"), read_condition("CONFIG_A || CONFIG_B")) is False
    assert follows(read_condition("CONFIG_A || !CONFIG_A")) is True
    assert follows(config("C"), config("A"), negation(config("A"))) is True


def test_too_many_options_are_not_tried() -> None:
    wide = read_condition(" || ".join(f"CONFIG_A{number}" for number in range(20)))
    assert can_hold(wide) is None and follows(wide, wide) is None


@pytest.mark.parametrize("text", ["", "(", ")", "!", "A &&", "&& A", "A B C", "((CONFIG_A)"])
def test_any_text_is_read(text: str) -> None:
    formula = read_condition(text)
    assert can_hold(formula) in (True, False)
