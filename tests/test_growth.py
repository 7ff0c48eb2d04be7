"""Four times the input makes at most five times the work, counted in calls; tests/growth.py has a table of seconds."""

import pytest
from patchscan.mail import read_messages

from tests.growth import CASES, calls, nested, of_mail, of_scan, rules

QUICK = [name for name, (read, _, _) in CASES.items() if read is not of_scan]


def growth(name: str) -> float:
    read, make, size = CASES[name]
    read(make(3))
    few, many = (calls(read, make(length)) for length in (size, 4 * size))
    return many / few


@pytest.mark.parametrize("name", QUICK)
def test_a_reader_grows_with_its_input(name: str) -> None:
    assert growth(name) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in QUICK])
def test_a_scan_grows_with_its_input(name: str) -> None:
    assert rules()
    assert growth(name) <= 5


def test_parts_within_parts_are_read_to_a_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The email package looks at each line once a part that it is in: a square, but for a bound of our own."""
    import sys

    usual = sys.getrecursionlimit()
    monkeypatch.setattr(sys, "getrecursionlimit", lambda: 10_000)
    try:
        few, many = (calls(of_mail, nested(depth)) for depth in (2000, 8000))
        assert many <= 5 * few
        _, problems = read_messages(nested(8000).encode(), "deep")
        assert ["cannot be read" in each.message for each in problems if each.lost] == [True]
    finally:
        sys.setrecursionlimit(usual)
