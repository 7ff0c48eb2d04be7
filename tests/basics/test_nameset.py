"""Sets of names as a shell writes them."""

import pytest
from patchscan.basics.nameset import Names

CALLS = Names("schedule msleep* {,_}printk{,_once} {raw_,}{read,write}b{l*,w}")


@pytest.mark.parametrize(
    "name",
    ["schedule", "msleep", "msleep_interruptible", "printk", "_printk_once", "raw_readbw", "writeblock"],
)
def test_names_are_known_by_word_start_and_either_of_several(name: str) -> None:
    assert name in CALLS


@pytest.mark.parametrize("name", ["", "scheduled", "mslee", "__printk", "readb", "raw_readbww", "x_schedule"])
def test_what_only_looks_alike_is_not_known(name: str) -> None:
    assert name not in CALLS


def test_names_without_a_star_have_no_others() -> None:
    assert "ab" not in Names("a")
