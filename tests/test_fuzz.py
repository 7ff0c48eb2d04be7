"""A short run of the fuzzer, of every reader some and of whole scans a few; the long one is `python -m tests.fuzz`."""

import pytest

from tests.fuzz import READERS, mutated, read_one, scan_one, seeds

# Each of them raised, or a rule failed on it, once.
FOUND_INPUTS: list[tuple[int, int]] = []
FOUND_SCANS: list[tuple[int, int]] = []


@pytest.mark.parametrize("part", range(8))
def test_mutated_input_is_read(part: int) -> None:
    for number in range(part, 8 * len(READERS) * 4, 8):
        read_one(number, 2026)


def test_mutated_series_are_judged() -> None:
    for number in range(6):
        scan_one(number, 2026)


@pytest.mark.parametrize(("number", "seed"), FOUND_INPUTS)
def test_inputs_that_once_failed(number: int, seed: int) -> None:
    read_one(number, seed)


@pytest.mark.parametrize(("number", "seed"), FOUND_SCANS)
def test_scans_that_once_failed(number: int, seed: int) -> None:
    scan_one(number, seed)


@pytest.mark.slow
def test_a_longer_run() -> None:
    for number in range(5000):
        read_one(number, 7)
    for number in range(100):
        scan_one(number, 7)


def test_every_reader_has_something_to_mutate() -> None:
    import random

    assert set(seeds()) == set(READERS) and all(seeds().values())
    text = bytes(range(256))
    once, again = (mutated(text, random.Random(1), [b"y"]) for _ in range(2))
    assert once == again != text
